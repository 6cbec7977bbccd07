package drive

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"sync"
	"sync/atomic"

	"github.com/brokerlab/brokerlab/model/machine"
)

const (
	diskWorkers = 4
	// Operations this small are run by the goroutine that stepped the machine, if no other
	// sync is under way: handing over costs more than it gains.
	inlineBytes = 8 << 10
	inlineDirty = 256 << 10 // unsynced bytes of a file beyond which a sync takes its time
	inlineCopy  = 256 << 10 // bytes to and from the page cache, without a sync
	maxHandles  = 512
)

// disk carries out disk operations on the files under root.
type disk struct {
	root *os.Root
	log  *slog.Logger
	max  int64 // bytes waiting
	fail func(error)
	// The system's; tests put faults here.
	pwritev  func(f *os.File, bufs [][]byte, off int64) (int64, error)
	datasync func(f *os.File) error

	hasDone atomic.Bool

	mu      sync.Mutex
	work    sync.Cond // ready grew, or stopped
	lanes   map[string]*lane
	free    pendings
	ready   []*lane // claimed, for the workers
	scratch []*lane
	fin     []done        // finished, for the machine
	calm    chan struct{} // has one when everything is done
	count   int           // operations under way
	bytes   int64
	syncing int
	handles int
	tick    uint64
	stopped bool

	stats DiskStats
}

// DiskStats count what the disk did since the start.
type DiskStats struct {
	Writes, Bytes, Syncs, Reads atomic.Int64
	// Inline counts the batches run without a hand-over to a worker.
	Inline atomic.Int64
}

func newDisk(root *os.Root, log *slog.Logger, limit int64, fail func(error)) *disk {
	d := &disk{
		root: root, log: log, max: limit, fail: fail, pwritev: pwritev, datasync: datasync,
		lanes: map[string]*lane{}, calm: make(chan struct{}, 1),
	}
	d.work.L = &d.mu
	return d
}

// errName refuses operations outside the data directory.
var errName = errors.New("drive: not a path within the data directory")

// checkNames holds a machine to relative, slash-separated names that are not the driver's own.
func checkNames(op *machine.DiskOp) error {
	ok := func(name string) bool {
		return fs.ValidPath(name) && name != "." && name != lockName
	}
	switch {
	case op.Kind == machine.SyncDir && (op.File == "" || fs.ValidPath(op.File)):
	case op.Kind < machine.Append || op.Kind > machine.Read, !ok(op.File), op.Kind == machine.Rename && !ok(op.To):
		return errName
	}
	return nil
}

// submit takes a step's operations, in order. Those of them that the caller should run itself
// (with run, without any lock) are appended to claims. Server.mu is held, which orders submits.
func (d *disk) submit(ops []machine.DiskOp, claims []*lane, inline, small bool) []*lane {
	d.mu.Lock()
	defer d.mu.Unlock()
	ready := d.scratch[:0]
	for i := range ops {
		p := d.enqueue(&ops[i])
		d.count++
		d.bytes += int64(len(p.op.Data))
		ready = d.offer(p.lanes[0], ready)
	}
	if d.bytes > d.max {
		d.fail(fmt.Errorf("drive: %d bytes of disk writes wait, more than MaxDiskPending %d", d.bytes, d.max))
	}
	for _, l := range ready {
		syncs, light := l.weigh(small)
		if inline && light && (!syncs || d.syncing == 0) {
			d.claim(l, syncs)
			d.stats.Inline.Add(1)
			claims = append(claims, l)
			continue
		}
		d.hand(l, syncs)
	}
	clear(ready)
	d.scratch = ready
	return claims
}

// weigh says whether the lane's operations need a sync, and whether they are light enough to
// be run in passing.
func (l *lane) weigh(small bool) (syncs, light bool) {
	size, sync, slow := int64(0), false, false
	for _, p := range l.ops {
		switch p.op.Kind {
		case machine.Append, machine.WriteAt:
			size += int64(len(p.op.Data))
			sync = sync || p.op.AndSync
		case machine.Read:
			size += p.op.Len
		case machine.Sync:
			sync = true
		default:
			slow = true
		}
	}
	if sync {
		return true, small && !slow && size <= inlineBytes && l.dirty <= inlineDirty
	}
	return false, !slow && size <= inlineCopy
}

func (d *disk) claim(l *lane, syncs bool) {
	l.claimed = true
	if l.syncing = syncs; syncs {
		d.syncing++
	}
}

// hand gives a lane to a worker.
func (d *disk) hand(l *lane, syncs bool) {
	d.claim(l, syncs)
	d.ready = append(d.ready, l)
	d.work.Signal()
}

// next waits for a lane to run; nil when the disk is stopped.
func (d *disk) next() *lane {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.ready) == 0 {
		if d.stopped {
			return nil
		}
		d.work.Wait()
	}
	l := d.ready[0]
	left := copy(d.ready, d.ready[1:])
	d.ready[left] = nil
	d.ready = d.ready[:left]
	return l
}

// run executes the next operations of a lane that the caller has claimed. Their completions
// wait in order of finish for whoever next takes the machine.
func (d *disk) run(l *lane) {
	d.mu.Lock()
	batch := l.batch()
	d.mu.Unlock()
	d.exec(l, batch)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range batch {
		d.count--
		d.bytes -= int64(len(p.op.Data))
		if p.err != nil && p.token == 0 {
			p.fatal = fmt.Errorf("drive: %v %s failed, and nobody waits for it: %w", p.op.Kind, p.op.File, p.err)
		}
		if p.token != 0 || p.err != nil {
			d.fin = append(d.fin, p.done)
			d.hasDone.Store(true)
		}
	}
	ready := d.retire(l, d.scratch[:0])
	for _, l := range ready {
		syncs, _ := l.weigh(false)
		d.hand(l, syncs)
	}
	clear(ready)
	d.scratch = ready
	if d.count == 0 {
		select {
		case d.calm <- struct{}{}:
		default:
		}
	}
}

// takeDone moves the completions to dst.
func (d *disk) takeDone(dst []done) []done {
	d.mu.Lock()
	defer d.mu.Unlock()
	dst, d.fin = d.fin, dst
	d.hasDone.Store(false)
	return dst
}

// idle says that no operation is under way.
func (d *disk) idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count == 0
}

// quiet says that no operation is under way and no completion waits.
func (d *disk) quiet() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count == 0 && len(d.fin) == 0
}

// stop ends the workers once nothing is left for them.
func (d *disk) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
	d.work.Broadcast()
}

// close syncs and closes every file, after the workers have ended.
func (d *disk) close() error {
	var errs []error
	for _, l := range d.lanes {
		if l.handle == nil {
			continue
		}
		if l.dirty > 0 {
			errs = append(errs, l.handle.Sync())
		}
		errs = append(errs, l.handle.Close())
	}
	return errors.Join(errs...)
}

// mkdirAll makes a file's directory, and its name durable: a machine has no word for
// directories and takes them for granted.
func (d *disk) mkdirAll(dir string) error {
	if dir == "." {
		return nil
	}
	if _, err := d.root.Stat(dir); err == nil {
		return nil
	}
	parent := path.Dir(dir)
	if err := d.mkdirAll(parent); err != nil {
		return err
	}
	if err := d.root.Mkdir(dir, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.syncDir(parent)
}

func (d *disk) syncDir(dir string) error {
	f, err := d.root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
