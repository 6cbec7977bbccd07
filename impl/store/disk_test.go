package store

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
)

// dice decides what a test leaves to chance: rapid's draws, or a seeded generator.
type dice interface {
	n(n int) int // 0 to n-1
}

func one(d dice, in int) bool { return d.n(in) == 0 }

// testDisk is a disk with a page cache and pending operations, as field note 3a has it:
// sectors are atomic and reach the disk in any order; a sync covers a file but not its
// name; a rename is atomic and not durable before the directory is synced.
type testDisk struct {
	cache   map[string]*inode // names as a running system sees them
	durable map[string]*inode // names that survive a power failure for sure
	dirOps  []dirOp
	queue   []machine.DiskOp // issued, not carried out
	// failing: one in so many syncs fails; 0 for none.
	failing int
	// dirs are the directories that came to be; true: their names are durable.
	dirs map[string]bool
	// bad are unreadable sectors, by file.
	bad map[string]int64
}

type inode struct {
	cache   []byte
	durable []byte
	pending []piece
}

// piece is a pending change: a write within one sector, or a new size.
type piece struct {
	off  int64
	data []byte // nil: the size becomes off
}

type dirOp struct {
	name, to string
	node     *inode // nil: name is removed
}

const sector = 512

func newTestDisk() *testDisk {
	return &testDisk{cache: map[string]*inode{}, durable: map[string]*inode{}, dirs: map[string]bool{}, bad: map[string]int64{}}
}

func sortedNames(m map[string]*inode) []string { return slices.Sorted(maps.Keys(m)) }

func (d *testDisk) List(dir string) ([]string, error) {
	var names []string
	for _, name := range sortedNames(d.cache) {
		if strings.HasPrefix(name, dir+"/") {
			names = append(names, name)
		}
	}
	return names, nil
}

func (d *testDisk) Size(name string) (int64, error) {
	if f := d.cache[name]; f != nil {
		return int64(len(f.cache)), nil
	}
	return 0, machine.ErrNotExist
}

func (d *testDisk) ReadAt(name string, p []byte, off int64) (int, error) {
	f := d.cache[name]
	if f == nil {
		return 0, machine.ErrNotExist
	}
	if off >= int64(len(f.cache)) {
		return 0, io.EOF
	}
	n := copy(p, f.cache[off:])
	if bad, ok := d.bad[name]; ok && off < bad+sector && bad < off+int64(n) {
		return int(max(0, bad-off)), machine.ErrDiskIO
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// take queues what a step wants done.
func (d *testDisk) take(fx *machine.Effects) {
	d.queue = append(d.queue, fx.Disk...)
	fx.Reset()
}

// ready are the queued operations that no earlier one on the same file holds back.
func (d *testDisk) ready() (idx []int) {
	seen := map[string]bool{}
	for i, op := range d.queue {
		if !seen[op.File] && !(op.To != "" && seen[op.To]) {
			idx = append(idx, i)
		}
		seen[op.File] = true
		if op.To != "" {
			seen[op.To] = true
		}
	}
	return idx
}

// step carries out one ready operation and returns it with what a read returned.
func (d *testDisk) step(by dice) (op machine.DiskOp, read []byte, err error) {
	ready := d.ready()
	i := ready[by.n(len(ready))]
	op = d.queue[i]
	d.queue = slices.Delete(d.queue, i, i+1)
	read, err = d.do(op, by)
	return op, read, err
}

func (d *testDisk) create(name string) *inode {
	f := d.cache[name]
	if f == nil {
		f = &inode{}
		d.cache[name] = f
		for dir := parent(name); dir != "" && !d.dirs[dir]; dir = parent(dir) {
			d.dirs[dir] = false
		}
		d.dirOps = append(d.dirOps, dirOp{name: name, node: f})
	}
	return f
}

func (d *testDisk) do(op machine.DiskOp, by dice) ([]byte, error) {
	switch op.Kind {
	case machine.Append:
		f := d.create(op.File)
		f.write(int64(len(f.cache)), op.Data)
		if op.AndSync {
			return nil, d.syncFile(f, by)
		}
	case machine.Sync:
		return nil, d.syncFile(d.create(op.File), by)
	case machine.Truncate:
		d.create(op.File).resize(op.Off)
	case machine.Rename:
		d.cache[op.To] = d.cache[op.File]
		delete(d.cache, op.File)
		d.dirOps = append(d.dirOps, dirOp{name: op.File, to: op.To, node: d.cache[op.To]})
	case machine.Remove:
		if d.cache[op.File] != nil {
			delete(d.cache, op.File)
			d.dirOps = append(d.dirOps, dirOp{name: op.File})
		}
	case machine.SyncDir:
		d.dirOps = slices.DeleteFunc(d.dirOps, func(o dirOp) bool {
			if parent(o.name) == op.File {
				o.apply(d.durable)
			}
			return parent(o.name) == op.File
		})
		for dir := range d.dirs {
			d.dirs[dir] = d.dirs[dir] || parent(dir) == op.File
		}
	case machine.Read:
		b := make([]byte, op.Len)
		n, err := d.ReadAt(op.File, b, op.Off)
		return b[:n], err
	default:
		panic(fmt.Sprintf("the store does not use %s", op.Kind))
	}
	return nil, nil
}

func parent(name string) string { return name[:max(0, strings.LastIndexByte(name, '/'))] }

func (d *testDisk) syncFile(f *inode, by dice) error {
	if d.failing > 0 && one(by, d.failing) {
		f.failSync(by)
		return machine.ErrSyncFailed
	}
	f.sync()
	return nil
}

func (o dirOp) apply(names map[string]*inode) {
	switch {
	case o.node == nil:
		delete(names, o.name)
	case o.to != "":
		delete(names, o.name)
		names[o.to] = o.node
	default:
		names[o.name] = o.node
	}
}

func (f *inode) write(off int64, data []byte) {
	f.cache = append(f.cache[:off], data...)
	for len(data) > 0 {
		n := min(int64(len(data)), sector-off%sector)
		f.pending = append(f.pending, piece{off: off, data: slices.Clone(data[:n])})
		off, data = off+n, data[n:]
	}
}

func (f *inode) resize(size int64) {
	f.cache = grown(f.cache, size)[:size:size]
	f.pending = append(f.pending, piece{off: size})
}

func grown(b []byte, size int64) []byte {
	if int64(len(b)) < size {
		b = append(b[:len(b):len(b)], make([]byte, size-int64(len(b)))...)
	}
	return b
}

// sync writes what is dirty, and nothing else: pages that a failed sync has marked clean
// stay behind.
func (f *inode) sync() {
	size := int64(len(f.durable))
	for _, p := range f.pending {
		size = max(size, p.off+int64(len(p.data)))
	}
	room := slices.Grow(f.durable, int(size)-len(f.durable))
	for _, p := range f.pending {
		was := len(room)
		if p.data == nil {
			room = grownIn(room, p.off)[:p.off]
			continue
		}
		room = grownIn(room, max(int64(was), p.off+int64(len(p.data))))
		copy(room[p.off:], p.data)
	}
	f.durable, f.pending = room, nil
}

// grownIn lengthens b with zeros where it stands.
func grownIn(b []byte, size int64) []byte {
	if n := int(size) - len(b); n > 0 {
		b = append(b, make([]byte, n)...)
	}
	return b
}

// failSync is a failed sync: the cache keeps the bytes, marked clean; of what was dirty
// some has reached the disk.
func (f *inode) failSync(by dice) {
	kept := f.pending[:by.n(len(f.pending)+1)]
	f.pending = kept
	f.sync()
}

// resolve decides what of a file's pending changes a power failure kept. Every sector
// keeps a prefix of its own; the size is that of what was kept, or the full size, with
// zeros or garbage in the holes.
func (f *inode) resolve(by dice) {
	policy := by.n(5) // none, all, prefix, any subset, size only
	b := slices.Clone(f.durable)
	stopped := map[int64]bool{}
	prefix := by.n(len(f.pending) + 1)
	full := int64(len(b))
	for i, p := range f.pending {
		keep := policy == 1 || policy == 2 && i < prefix || policy == 3 && !stopped[p.off/sector] && !one(by, 3)
		if p.data == nil {
			if keep {
				b = grown(b, p.off)[:p.off]
				full = p.off
			}
			continue
		}
		end := p.off + int64(len(p.data))
		full = max(full, end)
		if keep {
			b = grown(b, end)
			copy(b[p.off:], p.data)
		} else {
			stopped[p.off/sector] = true
		}
	}
	if policy == 4 || policy == 3 && one(by, 2) {
		was := len(b)
		b = grown(b, full)
		if one(by, 2) {
			for i := was; i < len(b); i++ {
				b[i] = byte(by.n(256))
			}
		}
	}
	f.cache, f.durable, f.pending = b, slices.Clone(b), nil
}

// powerFail resolves everything pending; what was queued never happened.
func (d *testDisk) powerFail(by dice) {
	d.queue = nil
	touched := map[string]bool{} // a later operation on a name needs the earlier one
	policy := by.n(3)
	for _, o := range d.dirOps {
		dropped := touched[o.name] || o.to != "" && touched[o.to] || policy == 0 || policy == 2 && one(by, 2)
		if dropped {
			touched[o.name], touched[o.to] = true, o.to != ""
			continue
		}
		o.apply(d.durable)
	}
	d.dirOps = nil
	d.dropDirs(by)
	d.cache = map[string]*inode{}
	for _, name := range sortedNames(d.durable) {
		f := d.durable[name]
		f.resolve(by)
		d.cache[name] = f
	}
}

// dropDirs decides about directories whose own names are not durable.
func (d *testDisk) dropDirs(by dice) {
	for _, dir := range slices.Sorted(maps.Keys(d.dirs)) {
		if d.dirs[dir] || one(by, 2) {
			d.dirs[dir] = true
			continue
		}
		delete(d.dirs, dir)
		for _, name := range sortedNames(d.durable) {
			if strings.HasPrefix(name, dir+"/") {
				delete(d.durable, name)
			}
		}
	}
}

// kill ends the process: the cache survives, and some of what was queued still happens.
func (d *testDisk) kill(by dice) {
	for n := by.n(len(d.queue) + 1); n > 0 && len(d.queue) > 0; n-- {
		d.step(by)
	}
	if ready := d.ready(); len(ready) > 0 {
		if op := d.queue[ready[0]]; op.Kind == machine.Append && one(by, 2) {
			op.AndSync, op.Data = false, op.Data[:by.n(len(op.Data)+1)]
			d.do(op, by)
		}
	}
	d.queue = nil
}

// clone copies what is on the disk, for tests that damage it in several ways.
func (d *testDisk) clone() *testDisk {
	c := newTestDisk()
	c.dirs = maps.Clone(d.dirs)
	for name, f := range d.cache {
		n := &inode{cache: slices.Clone(f.cache), durable: slices.Clone(f.cache)}
		c.cache[name], c.durable[name] = n, n
	}
	return c
}

// tokenSource numbers tokens.
func tokenSource() func() machine.Token {
	var last machine.Token
	return func() machine.Token { last++; return last }
}
