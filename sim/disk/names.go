package disk

import (
	"github.com/brokerlab/brokerlab/model/machine"
)

// dirOp is a change of names that is not yet durable: inode got to's name and lost from's.
type dirOp struct {
	op       uint64
	at       int64
	from, to *name // creation has no from, removal no to
	inode    *inode
}

// record adds a change of names, and performs it in the cache.
func (d *Disk) record(o dirOp) {
	d.ageNames(o.at)
	for _, n := range [...]*name{o.from, o.to} {
		if n != nil {
			n.changes++
		}
	}
	if o.from != nil {
		o.from.inode = nil
	}
	if o.to != nil {
		if old := o.to.inode; old != nil {
			d.release(old)
		}
		o.to.inode = o.inode
	} else {
		d.release(o.inode)
	}
	d.dirOps = append(d.dirOps, o)
}

// create makes an empty file at n.
func (d *Disk) create(op uint64, at int64, n *name) *inode {
	d.inodes++
	ino := &inode{num: d.inodes}
	d.record(dirOp{op: op, at: at, to: n, inode: ino})
	return ino
}

// release gives up the room of a file that lost its last name, keeping some of its bytes as
// what a stale sector may show. The content stays: the removal may not survive.
func (d *Disk) release(ino *inode) {
	d.used -= blocks(int64(len(ino.cache)))
	const most = 64 << 10
	if n := min(len(ino.cache), most) / Sector * Sector; n > 0 && !d.cfg.ZeroFill {
		d.freed = append(d.freed, ino.cache[:n]...)
		if extra := len(d.freed) - most; extra > 0 {
			d.freed = d.freed[:copy(d.freed, d.freed[extra:])]
		}
	}
}

func blocks(size int64) int64 { return (size + block - 1) / block * block }

// syncDir makes durable what happened to the names of a directory before operation op, and
// whatever that depends on.
func (d *Disk) syncDir(op uint64, dir string) {
	keep := make([]bool, len(d.dirOps))
	for i := len(d.dirOps) - 1; i >= 0; i-- {
		o := &d.dirOps[i]
		in := o.from != nil && (o.from.dir == dir || o.from.needed) || o.to != nil && (o.to.dir == dir || o.to.needed)
		if keep[i] = in && o.op < op; keep[i] {
			o.need(true)
		}
	}
	for i := range d.dirOps {
		d.dirOps[i].need(false)
	}
	d.settleNames(keep)
}

func (o *dirOp) need(is bool) {
	for _, n := range [...]*name{o.from, o.to} {
		if n != nil {
			n.needed = is
		}
	}
}

// ageNames settles the changes of names that the kernel has written back by itself.
func (d *Disk) ageNames(now int64) {
	if len(d.dirOps) == 0 || d.cfg.Writeback < 0 || d.dirOps[0].at >= now-d.cfg.Writeback {
		return
	}
	keep := make([]bool, len(d.dirOps))
	for i := 0; i < len(keep) && d.dirOps[i].at < now-d.cfg.Writeback; i++ {
		keep[i] = true
	}
	d.settleNames(keep)
}

// settleNames makes the kept changes of names durable, in order, and leaves the others pending.
func (d *Disk) settleNames(keep []bool) {
	rest := d.dirOps[:0]
	var done []dirOp
	for i, o := range d.dirOps {
		if keep[i] {
			o.settle()
			done = append(done, o)
		} else {
			rest = append(rest, o)
		}
	}
	clear(d.dirOps[len(rest):])
	d.dirOps = rest
	for _, o := range done {
		for _, n := range [...]*name{o.from, o.to} {
			if n != nil {
				d.forget(n)
			}
		}
	}
}

// settle makes one change of names durable.
func (o *dirOp) settle() {
	if o.from != nil {
		o.from.durable = nil
		o.from.changes--
	}
	if o.to != nil {
		o.to.durable = o.inode
		o.to.changes--
	}
}

// perform carries an operation out in the cache.
func (d *Disk) perform(num uint64, at int64, op *machine.DiskOp, file, to *name) (n int64, data []byte, err error) {
	switch op.Kind {
	case machine.Append, machine.WriteAt:
		n, err = d.write(num, at, op, file)
		if err == nil && op.AndSync {
			if err = d.sync(num, file); err != nil {
				n = 0
			}
		}
		return n, nil, err
	case machine.SyncDir:
		d.syncDir(num, file.path)
		return 0, nil, nil
	case machine.Rename:
		return 0, nil, d.rename(num, at, file, to)
	case machine.Remove:
		if file.inode != nil {
			d.record(dirOp{op: num, at: at, from: file, inode: file.inode})
		}
		return 0, nil, nil
	}
	if file.inode == nil {
		return 0, nil, machine.ErrNotExist
	}
	switch op.Kind {
	case machine.Sync:
		return 0, nil, d.sync(num, file)
	case machine.Truncate:
		return 0, nil, d.truncate(num, at, max(op.Off, 0), file.inode)
	case machine.Read:
		cache := file.inode.cache
		from := min(max(op.Off, 0), int64(len(cache)))
		data = cache[from : from+min(max(op.Len, 0), int64(len(cache))-from)]
		data = data[:len(data):len(data)]
		return int64(len(data)), data, nil
	}
	return 0, nil, machine.ErrDiskIO
}

func (d *Disk) rename(num uint64, at int64, from, to *name) error {
	if from.inode == nil {
		return machine.ErrNotExist
	}
	if from != to {
		d.record(dirOp{op: num, at: at, from: from, to: to, inode: from.inode})
	}
	return nil
}
