package disk

import (
	"cmp"
	"slices"
)

// inode is one file's content.
//
// Invariant: the medium holds cache with pending undone from the newest to the oldest, and lost
// laid over what no pending change has touched since. With nothing pending, durable == len(cache).
type inode struct {
	num     uint64
	cache   []byte
	durable int64 // size on the medium
	proven  int64 // of which: what had been synced before the newest sync that added something
	pending []change
	lost    []lostSector
	late    bool // the next sync fails (D13, late report)
}

// change is one write or truncation that is not yet durable, as one operation made it.
type change struct {
	op               uint64
	at               int64 // when it reached the cache
	off, n           int64 // the bytes it changed
	oldSize, newSize int64
	undo             []byte // what off … off+n held, as far as the file then reached
	cut              bool   // it made the file shorter: off == newSize
}

// sectors returns the first sector a change touches and the one after its last.
func (c *change) sectors() (from, to int64) {
	if c.n == 0 {
		return 0, 0
	}
	return c.off / Sector, (c.off+c.n-1)/Sector + 1
}

// lostSector is a sector whose write-back failed: the cache shows new bytes and believes
// them clean, the medium has old.
type lostSector struct {
	at    int64 // sector number
	old   []byte
	fresh bool // the medium never held this sector of the file
}

// write puts data at off and remembers what it replaces.
func (ino *inode) write(op uint64, at, off int64, data []byte) {
	size, end := int64(len(ino.cache)), off+int64(len(data))
	c := change{op: op, at: at, off: off, n: int64(len(data)), oldSize: size, newSize: max(size, end)}
	if c.n == 0 {
		return
	}
	if end > int64(cap(ino.cache)) {
		ino.cache = slices.Grow(ino.cache, int(max(end, 2*size, block)-size))
	}
	if off < size {
		c.undo = slices.Clone(ino.cache[off:min(end, size)])
		kept := copy(ino.cache[off:], data)
		ino.cache = append(ino.cache, data[kept:]...)
	} else {
		ino.grow(off)
		ino.cache = append(ino.cache, data...)
	}
	ino.pending = append(ino.pending, c)
}

// grow extends the cache with zeros.
func (ino *inode) grow(size int64) {
	if from := int64(len(ino.cache)); from < size {
		ino.cache = slices.Grow(ino.cache, int(size-from))[:size]
		clear(ino.cache[from:])
	}
}

// truncate cuts or extends the file to size.
func (ino *inode) truncate(op uint64, at, size int64) {
	was := int64(len(ino.cache))
	c := change{op: op, at: at, off: size, oldSize: was, newSize: size}
	switch {
	case size == was:
		return
	case size > was:
		ino.grow(size)
		c.off = was
	default:
		c.cut, c.n = true, was-size
		if size == 0 {
			c.undo, ino.cache = ino.cache, nil
		} else {
			c.undo = slices.Clone(ino.cache[size:])
			ino.cache = ino.cache[:size]
		}
	}
	ino.pending = append(ino.pending, c)
}

// settle makes the first n pending changes durable. A sector written again after its
// write-back failed is whole again.
func (ino *inode) settle(n int) {
	if n == 0 {
		return
	}
	for i := range ino.pending[:n] {
		ino.find(&ino.pending[i])
	}
	ino.durable = ino.pending[n-1].newSize
	ino.proven = min(ino.proven, ino.durable)
	rest := copy(ino.pending, ino.pending[n:])
	clear(ino.pending[rest:])
	ino.pending = ino.pending[:rest]
}

// find takes the sectors of a change off the list of the lost.
func (ino *inode) find(c *change) {
	if len(ino.lost) == 0 {
		return
	}
	from, to := c.sectors()
	ino.lost = slices.DeleteFunc(ino.lost, func(l lostSector) bool { return from <= l.at && l.at < to })
}

// age settles what the kernel has written back by itself: everything from before then.
func (ino *inode) age(then int64) {
	n := 0
	for n < len(ino.pending) && ino.pending[n].at < then {
		n++
	}
	ino.settle(n)
}

// kept says, for each sector that pending changes touch, how many of them, counted from the
// oldest, are on the medium; a sector takes them in order.
type kept struct {
	first   int64
	version []int32
}

// touched returns a kept with every sector of the pending changes at version 0.
func (ino *inode) touched() kept {
	lo, hi := int64(-1), int64(-1)
	for i := range ino.pending {
		from, to := ino.pending[i].sectors()
		if from == to {
			continue
		}
		if lo < 0 || from < lo {
			lo = from
		}
		hi = max(hi, to)
	}
	if lo < 0 {
		return kept{}
	}
	return kept{first: lo, version: make([]int32, hi-lo)}
}

// at is the version of a sector; 0 if no pending change touches it.
func (k *kept) at(sector int64) int32 {
	if i := sector - k.first; i >= 0 && i < int64(len(k.version)) {
		return k.version[i]
	}
	return 0
}

// rollback returns the file as it would be with only the kept changes and the first sizes size
// changes. It reuses the cache's room if over is set, which the caller then replaces.
func (ino *inode) rollback(k *kept, sizes int, over bool) []byte {
	size, most := ino.durable, max(ino.durable, int64(len(ino.cache)))
	for i := range ino.pending {
		most = max(most, ino.pending[i].newSize, ino.pending[i].oldSize)
		if i < sizes {
			size = ino.pending[i].newSize
		}
	}
	img := inode{cache: ino.cache}
	if !over {
		img.cache = slices.Clone(ino.cache)
	}
	img.grow(most)
	for i := len(ino.pending) - 1; i >= 0; i-- {
		ino.pending[i].revert(img.cache, k, int32(i))
	}
	for _, l := range ino.lost {
		if off := l.at * Sector; k.at(l.at) == 0 && off < most {
			sector := img.cache[off:min(off+Sector, most)]
			clear(sector[copy(sector, l.old):])
		}
	}
	return img.cache[:size]
}

// revert undoes a change, the i-th, in those sectors that do not keep it.
func (c *change) revert(img []byte, k *kept, i int32) {
	from, to := c.sectors()
	for s := from; s < to; s++ {
		if k.at(s) > i {
			continue
		}
		lo, hi := max(s*Sector, c.off), min((s+1)*Sector, c.off+c.n)
		done := int64(0)
		if lo < c.off+int64(len(c.undo)) {
			done = int64(copy(img[lo:hi], c.undo[lo-c.off:]))
		}
		clear(img[lo+done : hi])
	}
}

// lose is a failed write-back (D13): nothing pending reaches the medium, now or by a later
// sync, although the cache goes on showing it. Only the size may still become durable.
func (ino *inode) lose() {
	if len(ino.pending) == 0 {
		return
	}
	none := ino.touched()
	old := ino.rollback(&none, 0, false)
	last := ino.pending[len(ino.pending)-1]
	for i := range ino.pending {
		from, to := ino.pending[i].sectors()
		for s := from; s < to; s++ {
			place, have := slices.BinarySearchFunc(ino.lost, s, func(l lostSector, s int64) int { return cmp.Compare(l.at, s) })
			if have {
				continue
			}
			off, l := s*Sector, lostSector{at: s, fresh: s*Sector >= ino.durable}
			if off < int64(len(old)) {
				l.old = slices.Clone(old[off:min(off+Sector, int64(len(old)))])
			}
			ino.lost = slices.Insert(ino.lost, place, l)
		}
	}
	clear(ino.pending)
	ino.pending = ino.pending[:0]
	if size := int64(len(ino.cache)); size != ino.durable {
		ino.pending = append(ino.pending, change{op: last.op, at: last.at, off: size, oldSize: ino.durable, newSize: size})
	}
}

// back is a failed write-back after which the cache shows the medium again (D13, revert).
func (ino *inode) back() {
	none := ino.touched()
	ino.cache = ino.rollback(&none, 0, false)
	ino.pending, ino.lost = nil, nil
}
