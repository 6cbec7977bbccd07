package drive

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/brokerlab/brokerlab/model/machine"
)

// file is an open file. It belongs to whoever has claimed its lane.
type file struct {
	handle   *os.File
	size     int64
	dirty    int64  // bytes changed since the last sync
	used     uint64 // when it was opened last, for eviction
	poisoned bool   // a sync has failed
	iov      [][]byte
}

// exec runs a batch, in order, with one sync behind it for all that asked for one.
func (d *disk) exec(l *lane, batch []*pending) {
	syncs := false
	for i := 0; i < len(batch); {
		p := batch[i]
		syncs = syncs || p.op.AndSync || p.op.Kind == machine.Sync
		if p.err == nil && (p.op.Kind == machine.Append || p.op.Kind == machine.WriteAt) {
			n := d.write(l, batch[i:])
			for _, q := range batch[i : i+n] {
				syncs = syncs || q.op.AndSync
			}
			i += n
			continue
		}
		if p.err == nil {
			p.err = d.told(&p.op, d.one(l, p))
		}
		i++
	}
	if !syncs {
		return
	}
	err := d.sync(l)
	for _, p := range batch {
		if (p.op.AndSync || p.op.Kind == machine.Sync) && p.err == nil && err != nil {
			p.n, p.err = 0, machine.ErrSyncFailed
		}
	}
}

// one runs an operation other than a write.
func (d *disk) one(l *lane, p *pending) error {
	op := &p.op
	switch op.Kind {
	case shut:
		if l.dirty > 0 {
			_ = d.sync(l) // poisons the file if it fails: the error must not be lost with the handle
		}
		d.shutFile(l)
		return nil
	case machine.Sync:
		return d.open(l, false)
	case machine.Rename:
		return d.rename(p)
	case machine.Remove:
		err := d.root.Remove(op.File)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			d.shutFile(l)
			l.file = file{}
			return nil
		}
		return err
	case machine.Truncate:
		if err := d.open(l, false); err != nil {
			return err
		}
		if err := l.handle.Truncate(op.Off); err != nil {
			return err
		}
		l.size = op.Off
		l.dirty++
		return nil
	case machine.SyncDir:
		d.stats.Syncs.Add(1)
		err := d.syncDir(path.Clean("./" + op.File))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // no names to make durable
		}
		return err
	}
	return d.read(l, p)
}

// write writes the operations at the head of batch that follow each other in the file with
// one call, and returns how many it dealt with.
func (d *disk) write(l *lane, batch []*pending) (dealt int) {
	if err := d.open(l, true); err != nil {
		batch[0].err = d.told(&batch[0].op, err)
		return 1
	}
	off := batch[0].op.Off
	if batch[0].op.Kind == machine.Append {
		off = l.size
	}
	iov, end, size := l.iov[:0], off, l.size
	for _, p := range batch {
		follows := p.op.Kind == machine.WriteAt && p.op.Off == end || p.op.Kind == machine.Append && end == size
		if p.err != nil || !follows {
			break
		}
		dealt++
		if n := int64(len(p.op.Data)); n > 0 {
			iov = append(iov, p.op.Data)
			end += n
			size = max(size, end)
		}
	}
	good, err := d.pwritev(l.handle, iov, off)
	clear(iov)
	l.iov = iov[:0]
	if good > 0 {
		l.size = max(l.size, off+good)
		l.dirty += good
	}
	d.stats.Writes.Add(1)
	d.stats.Bytes.Add(good)
	for i, p := range batch[:dealt] {
		p.n = min(int64(len(p.op.Data)), good)
		if good -= p.n; p.n < int64(len(p.op.Data)) {
			p.err = d.told(&p.op, err)
			return i + 1 // the rest is tried on its own, behind the good prefix
		}
	}
	return dealt
}

func (d *disk) sync(l *lane) error {
	if l.handle == nil {
		return nil // every operation before has failed, and said so
	}
	if l.poisoned {
		return machine.ErrSyncFailed
	}
	d.stats.Syncs.Add(1)
	if err := d.datasync(l.handle); err != nil {
		d.log.Error("sync failed; the file takes no further sync", "file", l.name, "err", err)
		l.poisoned = true
		return machine.ErrSyncFailed
	}
	l.dirty = 0
	return nil
}

func (d *disk) read(l *lane, p *pending) error {
	if err := d.open(l, false); err != nil {
		return err
	}
	d.stats.Reads.Add(1)
	n := max(0, min(p.op.Len, l.size-p.op.Off))
	p.bytes = make([]byte, n)
	got, err := l.handle.ReadAt(p.bytes, p.op.Off)
	p.bytes, p.n = p.bytes[:got], int64(got)
	if err == nil && n < p.op.Len {
		err = io.EOF
	}
	return err
}

func (d *disk) rename(p *pending) error {
	from, to := p.lanes[0], p.lanes[1]
	if p.op.File == p.op.To {
		_, err := d.root.Stat(p.op.File)
		return err
	}
	if _, err := d.root.Stat(p.op.File); err != nil {
		return err
	}
	if err := d.mkdirAll(path.Dir(p.op.To)); err != nil {
		return err
	}
	if err := d.root.Rename(p.op.File, p.op.To); err != nil {
		return err
	}
	d.shutFile(to)
	to.file, from.file = from.file, file{}
	return nil
}

// open opens the lane's file, if it is not.
func (d *disk) open(l *lane, create bool) error {
	if l.handle != nil {
		return nil
	}
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	f, err := d.root.OpenFile(l.name, flags, 0o640)
	if create && errors.Is(err, fs.ErrNotExist) {
		if err = d.mkdirAll(path.Dir(l.name)); err == nil {
			f, err = d.root.OpenFile(l.name, flags, 0o640)
		}
	}
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errName
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	l.handle, l.size, l.iov = f, st.Size(), l.iov[:0]
	d.mu.Lock()
	defer d.mu.Unlock()
	d.handles++
	d.tick++
	l.used = d.tick
	d.evict()
	return nil
}

// shut is an operation of the driver's own: close a file to make room for others.
const shut machine.DiskKind = 0

// evict has the idle file that was opened first closed, if too many are open. disk.mu is held.
func (d *disk) evict() {
	if d.handles <= maxHandles {
		return
	}
	var old *lane
	for _, l := range d.lanes {
		if !l.claimed && len(l.ops) == 0 && l.handle != nil && (old == nil || l.used < old.used) {
			old = l
		}
	}
	if old != nil {
		p := d.free.get()
		p.op.File = old.name
		d.join(p, old.name)
		d.count++
		d.hand(old, old.dirty > 0)
	}
}

func (d *disk) shutFile(l *lane) {
	if l.handle == nil {
		return
	}
	_ = l.handle.Close() // what mattered was synced
	l.handle = nil
	d.mu.Lock()
	d.handles--
	d.mu.Unlock()
}

// told turns an error of the system into the machine's word for it.
func (d *disk) told(op *machine.DiskOp, err error) error {
	switch {
	case err == nil, err == io.EOF, err == errName:
		return err
	case errors.Is(err, fs.ErrNotExist):
		return machine.ErrNotExist
	}
	d.log.Error("disk operation failed", "op", op.Kind.String(), "file", op.File, "err", err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return machine.ErrDiskFull
	}
	return machine.ErrDiskIO
}
