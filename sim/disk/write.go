package disk

import (
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

// write puts an operation's data into the cache, as far as the disk lets it.
func (d *Disk) write(num uint64, at int64, op *machine.DiskOp, file *name) (n int64, err error) {
	ino := file.inode
	if ino == nil {
		ino = d.create(num, at, file)
	}
	d.age(ino, at)
	size := int64(len(ino.cache))
	off := size
	if op.Kind == machine.WriteAt {
		off = max(op.Off, 0)
	}
	n = int64(len(op.Data))
	if d.failWrite && n > 0 {
		d.failWrite = false
		n, err = choice.Between(d.draw(num, forShort), 0, n-1), machine.ErrDiskIO
	}
	if room := d.room(size); off+n > room {
		n, err = max(room-off, 0), machine.ErrDiskFull
	}
	if n > 0 {
		ino.write(num, at, off, op.Data[:n])
		d.used += blocks(int64(len(ino.cache))) - blocks(size)
	}
	return n, err
}

// room is how far a file of the given size may reach: anywhere, or, on a full disk, to the end of
// its last block.
func (d *Disk) room(size int64) int64 {
	const everywhere = 1 << 62
	switch {
	case d.full:
		return blocks(size)
	case d.cfg.Capacity > 0:
		return blocks(size) + max(d.cfg.Capacity-d.used, 0)/block*block
	}
	return everywhere
}

// truncate cuts or extends a file; an extension takes its room at once, as fallocate does.
func (d *Disk) truncate(num uint64, at, size int64, ino *inode) error {
	d.age(ino, at)
	was := int64(len(ino.cache))
	if size > d.room(was) {
		return machine.ErrDiskFull
	}
	ino.truncate(num, at, size)
	d.used += blocks(size) - blocks(was)
	return nil
}

// sync makes a file durable (D4), or fails once as D13 has it.
func (d *Disk) sync(num uint64, file *name) error {
	ino := file.inode
	if ino == nil {
		return machine.ErrNotExist
	}
	if ino.late {
		ino.late = false
		return machine.ErrSyncFailed
	}
	if !d.failSync || len(ino.pending) == 0 {
		was := ino.durable
		if ino.settle(len(ino.pending)); ino.durable > was {
			ino.proven = was
		}
		return nil
	}
	d.failSync = false
	variant := d.variant
	if variant == SyncDrawn {
		variant = SyncKeep + SyncFailure(choice.Below(d.draw(num, forVariant), 2))
	}
	if variant == SyncRevert {
		was := len(ino.cache)
		ino.back()
		d.used += blocks(int64(len(ino.cache))) - blocks(int64(was))
		return machine.ErrSyncFailed
	}
	ino.lose()
	if variant == SyncLate {
		ino.late = true
		return nil
	}
	return machine.ErrSyncFailed
}

// age settles what the kernel has written back of a file by now.
func (d *Disk) age(ino *inode, now int64) {
	if d.cfg.Writeback >= 0 {
		ino.age(now - d.cfg.Writeback)
	}
}
