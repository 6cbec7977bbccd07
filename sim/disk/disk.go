package disk

import (
	"cmp"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

// Sector is what a disk writes whole, in bytes; block is what a file system allocates.
const (
	Sector = 512
	block  = 4096
)

// Config is what a disk is like. Fields left zero take the values of Default.
type Config struct {
	// Service times of a sync, a write into the cache, a read from it, and a rename, removal
	// or truncation, before what the bytes add.
	SyncTime, WriteTime, ReadTime, NameTime *choice.Quantiles
	// Nanoseconds a KiB adds.
	SyncPerKiB, WritePerKiB, ReadPerKiB int64
	// Parallel is how many syncs of different files the device serves at once.
	Parallel int
	// Writeback is the age in nanoseconds at which the kernel has made a change durable unasked
	// (Linux: 30 s and up to 5 s more). Negative: never.
	Writeback int64
	// Capacity in bytes; 0 is unlimited.
	Capacity int64
	// ZeroFill: a sector grown over and never written reads as zeros after a power failure
	// (ext4 ordered, XFS), instead of zeros, garbage or another file's bytes.
	ZeroFill bool
}

// Default is the disk of field/baselines.md A.1: a sync takes 0.34 ms and 2.5 ns a byte.
func Default() Config {
	return Config{
		SyncTime: choice.SyncTime, WriteTime: choice.CacheWrite,
		ReadTime: choice.CacheRead, NameTime: choice.NameChange,
		SyncPerKiB: 2560, WritePerKiB: 1000, ReadPerKiB: 300,
		Parallel: 3, Writeback: 35_000_000_000,
	}
}

// withDefaults fills what c leaves zero.
func (c Config) withDefaults() Config {
	def := Default()
	for _, t := range []struct{ have, want **choice.Quantiles }{
		{&c.SyncTime, &def.SyncTime},
		{&c.WriteTime, &def.WriteTime},
		{&c.ReadTime, &def.ReadTime},
		{&c.NameTime, &def.NameTime},
	} {
		if *t.have == nil {
			*t.have = *t.want
		}
	}
	for _, t := range []struct{ have, want *int64 }{
		{&c.SyncPerKiB, &def.SyncPerKiB},
		{&c.WritePerKiB, &def.WritePerKiB},
		{&c.ReadPerKiB, &def.ReadPerKiB},
		{&c.Writeback, &def.Writeback},
	} {
		if *t.have == 0 {
			*t.have = *t.want
		}
	}
	if c.Parallel <= 0 {
		c.Parallel = def.Parallel
	}
	return c
}

// Disk is one node's disk. It is not safe for concurrent use.
type Disk struct {
	cfg  Config
	seed choice.Seed
	node uint64

	issued uint64 // number of the last operation
	flying []flight
	gone   int    // how many at the front of flying are completed
	first  uint64 // number of flying[gone]
	slots  []int64

	names  map[string]*name
	dirs   map[string]*name // queues of SyncDir, by directory
	dirOps []dirOp
	inodes uint64
	used   int64  // bytes of allocated blocks
	freed  []byte // what removed files held: a source of stale sectors

	slow      int64
	slowed    bool // what is in flight may have been issued while it was slow
	stalled   int64
	full      bool
	failWrite bool
	failSync  bool
	variant   SyncFailure
}

// New returns an empty disk for node.
func New(cfg Config, seed choice.Seed, node machine.NodeID) *Disk {
	d := &Disk{
		cfg: cfg.withDefaults(), seed: seed, node: uint64(node),
		first: 1, slow: 1,
		names: make(map[string]*name), dirs: make(map[string]*name),
	}
	d.slots = make([]int64, d.cfg.Parallel)
	return d
}

// SyncFailure says what a failed sync leaves in the cache.
type SyncFailure uint8

const (
	SyncDrawn  SyncFailure = iota // SyncKeep or SyncRevert, drawn
	SyncKeep                      // the new bytes, never to be written (ext4 ordered, XFS)
	SyncRevert                    // the old bytes (Btrfs)
	// SyncLate is SyncKeep, but this sync reports success and the file's next one fails (ext4
	// data=journal). It is never drawn: no quorum survives a member that lied about a sync.
	SyncLate
)

// SetSlow makes operations issued from now on take factor times as long; 1 is normal.
func (d *Disk) SetSlow(factor int64) {
	d.slow = max(factor, 1)
	d.slowed = d.slowed || d.slow > 1
}

// SetFull makes writes that need a new block fail, or no more.
func (d *Disk) SetFull(full bool) { d.full = full }

// FailNextSync makes the next sync that has something to write fail, once.
func (d *Disk) FailNextSync(v SyncFailure) { d.failSync, d.variant = true, v }

// FailNextWrite makes the next write fail with a prefix of it accepted, once.
func (d *Disk) FailNextWrite() { d.failWrite = true }

// Unsynced returns how many changes of files and names a power failure could lose, and the bytes
// that the changes of files cover.
func (d *Disk) Unsynced() (changes int, bytes int64) {
	changes = len(d.dirOps)
	for _, ino := range d.live() {
		changes += len(ino.pending)
		for i := range ino.pending {
			bytes += ino.pending[i].n
		}
	}
	return changes, bytes
}

// Used is the bytes of blocks allocated to files.
func (d *Disk) Used() int64 { return d.used }

// name is one path: what it means in the cache and on the medium, and the queue of its file.
type name struct {
	path, dir string
	inode     *inode // nil: does not exist
	durable   *inode
	changes   int   // pending directory operations that concern it
	flying    int   // operations in flight
	naming    int   // those of them that may make or unmake it
	lastFree  int64 // when the last of them would be done without a stall
	lastDue   int64 // when it is due
	dirty     int64 // bytes written and not yet covered by an issued sync
	needed    bool  // scratch of settleNames
}

// lookup returns the name at path, made if need be.
func (d *Disk) lookup(path string) *name {
	n := d.names[path]
	if n == nil {
		n = &name{path: path, dir: dirOf(path)}
		d.names[path] = n
	}
	return n
}

// forget drops a name that means nothing any more.
func (d *Disk) forget(n *name) {
	if n.inode == nil && n.durable == nil && n.changes == 0 && n.flying == 0 {
		delete(d.names, n.path)
	}
}

func dirOf(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

// sorted returns all names in order of path.
func (d *Disk) sorted() []*name {
	out := make([]*name, 0, len(d.names))
	for _, n := range d.names { // map order: sorted below
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *name) int { return strings.Compare(a.path, b.path) })
	return out
}

// live returns every inode that a name has, had durably, or may get back, by number.
func (d *Disk) live() []*inode {
	var out []*inode
	for _, n := range d.names { // map order: sorted below
		out = append(out, n.inode, n.durable)
	}
	for i := range d.dirOps {
		out = append(out, d.dirOps[i].inode)
	}
	out = slices.DeleteFunc(out, func(i *inode) bool { return i == nil })
	slices.SortFunc(out, func(a, b *inode) int { return cmp.Compare(a.num, b.num) })
	return slices.Compact(out)
}

// Purposes of draws.
const (
	forService uint64 = iota + 1
	forSync
	forShort
	forVariant
	forHappened
	forPartial
	forFile
	forNames
	forPrefix
	forOp
	forSector
	forSize
	forFill
	forBytes
	forBias
)

// draw is a draw about one operation.
func (d *Disk) draw(op, purpose uint64) uint64 {
	return d.seed.Draw(choice.Disk, d.node, op, 0, purpose)
}
