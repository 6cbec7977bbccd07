package disk

import (
	"slices"

	"github.com/brokerlab/brokerlab/sim/choice"
)

// Keep says which unsynced changes a power failure leaves on the medium.
type Keep uint8

const (
	KeepNone     Keep = iota + 1 // nothing
	KeepAll                      // everything
	KeepPrefix                   // the first so many of the disk, in order of issue
	KeepSubset                   // any, each by its own draw
	KeepLast                     // names, sizes, and of each file only the last write
	KeepMetadata                 // names and sizes, not the bytes
	KeepData                     // bytes in place, not names and sizes
	KeepAny                      // one of these, drawn for each file and for the names
)

var keepNames = [...]string{"", "none", "all", "prefix", "subset", "last", "metadata", "data", "any"}

// String is the policy's name in plans.
func (k Keep) String() string { return keepNames[k] }

// ParseKeep is the inverse of String.
func ParseKeep(s string) (k Keep, ok bool) {
	i := slices.Index(keepNames[1:], s)
	return Keep(i + 1), i >= 0
}

// fate is one power failure: what it lets survive.
type fate struct {
	d    *Disk
	id   uint64
	keep Keep
	tear bool
	// Under KeepPrefix operations up to upTo survive whole, and torn, the next, in part.
	upTo, torn uint64
}

// PowerFail ends the process and the machine: nothing is left but the medium. What was pending, and what
// was in flight, survives as keep says, within the dependencies of D2; with tear a write of
// several sectors may survive in some of them (D7), without it in all or none. number counts
// the power failures of this node and identifies the draws.
func (d *Disk) PowerFail(now int64, keep Keep, tear bool, number uint64) {
	switch keep {
	case KeepNone:
		d.land(now, never, false)
	case KeepAll:
		d.land(now, always, false)
	default:
		d.land(now, drawn, false)
	}
	d.ageNames(now)
	files := d.live()
	for _, ino := range files {
		d.age(ino, now)
	}
	f := &fate{d: d, id: number, keep: keep, tear: tear}
	f.cutPrefix(files)
	for _, ino := range files {
		f.strike(ino)
	}
	f.strikeNames()
	clear(d.slots)
	for _, n := range d.dirs { // map order: each is reset by itself
		n.lastFree, n.lastDue = 0, 0
	}
}

// draw is a draw about one item of this power failure: an operation or an inode, and a
// sector or word of it.
func (f *fate) draw(item, purpose, part uint64) uint64 {
	return f.d.seed.Draw(choice.Disk, f.d.node, 1<<63|f.id, item, purpose|part<<8)
}

// cutPrefix decides where KeepPrefix cuts the order of issue.
func (f *fate) cutPrefix(files []*inode) {
	var ops []uint64
	for i := range f.d.dirOps {
		ops = append(ops, f.d.dirOps[i].op)
	}
	for _, ino := range files {
		for i := range ino.pending {
			ops = append(ops, ino.pending[i].op)
		}
	}
	slices.Sort(ops)
	ops = slices.Compact(ops)
	n := choice.Below(f.draw(0, forPrefix, 0), uint64(len(ops))+1)
	if n > 0 {
		f.upTo = ops[n-1]
	}
	if f.tear && n < uint64(len(ops)) {
		f.torn = ops[n]
	}
}

// strike leaves of one file what survives.
func (f *fate) strike(ino *inode) {
	ino.late = false
	if len(ino.pending) == 0 && len(ino.lost) == 0 {
		return
	}
	keep := f.keep
	if keep == KeepAny {
		keep = KeepNone + Keep(choice.Below(f.draw(ino.num, forFile, 0), uint64(KeepAny-KeepNone)))
	}
	bias := f.bias(ino.num)
	sizes := f.sizes(ino, keep)
	k := ino.touched()
	cutoff := int64(1) << 62
	for i := range ino.pending {
		c := &ino.pending[i]
		if c.cut && i >= sizes {
			// The blocks beyond a cut that did not survive are still the file's, and those
			// written since belong to no file.
			cutoff = min(cutoff, (c.newSize+Sector-1)/Sector)
		}
		from, to := c.sectors()
		for s := from; s < min(to, cutoff); s++ {
			if f.survives(ino, keep, bias, i, s) {
				k.version[s-k.first] = int32(i) + 1
			}
		}
	}
	fresh := ino.fresh(&k)
	ino.cache = ino.rollback(&k, sizes, true)
	f.fill(ino, fresh)
	ino.durable = int64(len(ino.cache))
	ino.proven = min(ino.proven, ino.durable)
	ino.pending, ino.lost = nil, nil
}

// bias is how many of a thousand independent changes survive: few, half or most.
func (f *fate) bias(item uint64) uint64 {
	return [...]uint64{125, 500, 875}[choice.Below(f.draw(item, forBias, 0), 3)]
}

// survives says whether sector s of the i-th pending change is on the medium.
func (f *fate) survives(ino *inode, keep Keep, bias uint64, i int, s int64) bool {
	c := &ino.pending[i]
	switch keep {
	case KeepAll, KeepData:
		return true
	case KeepLast:
		return i == len(ino.pending)-1
	case KeepPrefix:
		return c.op <= f.upTo || c.op == f.torn && choice.Permille(f.draw(c.op, forSector, uint64(s)), 500)
	case KeepSubset:
		if f.tear {
			return choice.Permille(f.draw(c.op, forSector, uint64(s)), bias)
		}
		return choice.Permille(f.draw(c.op, forOp, 0), bias)
	}
	return false
}

// sizes is how many of a file's size changes survive: they do so in order.
func (f *fate) sizes(ino *inode, keep Keep) int {
	all := len(ino.pending)
	draw := f.draw(ino.num, forSize, 0)
	switch keep {
	case KeepAll, KeepLast, KeepMetadata:
		return all
	case KeepPrefix:
		n := 0
		for n < all && (ino.pending[n].op <= f.upTo || ino.pending[n].op == f.torn && draw&1 == 1) {
			n++
		}
		return n
	case KeepSubset:
		switch draw >> 62 {
		case 0:
			return 0
		case 1, 2:
			return all
		}
		return int(choice.Below(draw<<2, uint64(all)+1))
	}
	return 0
}

// fresh returns the sectors that a surviving size may expose and that never reached the
// medium: those first written by a change that was dropped. They come sorted.
func (ino *inode) fresh(k *kept) []int64 {
	var out []int64
	for i := range ino.pending {
		from, to := ino.pending[i].sectors()
		for s := from; s < to; s++ {
			if k.at(s) == 0 && s*Sector >= ino.durable {
				out = append(out, s)
			}
		}
	}
	for _, l := range ino.lost {
		if l.fresh && k.at(l.at) == 0 {
			out = append(out, l.at)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// fill gives fresh sectors their content: zeros, garbage, or what another file held (D7).
func (f *fate) fill(ino *inode, fresh []int64) {
	if f.d.cfg.ZeroFill || choice.Permille(f.draw(ino.num, forFill, 0), 500) {
		return
	}
	for _, s := range fresh {
		off, size := s*Sector, int64(len(ino.cache))
		if off >= size {
			return
		}
		sector := ino.cache[off:min(off+Sector, size)]
		draw := f.draw(ino.num, forFill, uint64(s)+1)
		switch old := uint64(len(f.d.freed)) / Sector; draw & 3 {
		case 2:
			for i := range sector {
				sector[i] = byte(f.draw(ino.num, forBytes, uint64(off)+uint64(i)) >> 56)
			}
		case 3:
			if old > 0 {
				copy(sector, f.d.freed[choice.Below(draw, old)*Sector:])
			}
		}
	}
}

// strikeNames leaves of the changes of names what survives: a change does not without those
// before it that concern the same names.
func (f *fate) strikeNames() {
	d, keep := f.d, f.keep
	if keep == KeepAny {
		keep = [...]Keep{KeepNone, KeepAll, KeepPrefix, KeepSubset, KeepSubset}[choice.Below(f.draw(0, forNames, 0), 5)]
	}
	bias := f.bias(0)
	survive := make([]bool, len(d.dirOps))
	for i := range d.dirOps {
		o := &d.dirOps[i]
		blocked := o.from != nil && o.from.needed || o.to != nil && o.to.needed
		switch keep {
		case KeepAll, KeepLast, KeepMetadata:
			survive[i] = true
		case KeepPrefix:
			survive[i] = o.op <= f.upTo
		case KeepSubset:
			survive[i] = !blocked && choice.Permille(f.draw(o.op, forNames, 1), bias)
		}
		if !survive[i] {
			o.need(true)
		}
	}
	for i := range d.dirOps {
		d.dirOps[i].need(false)
	}
	d.settleNames(survive)
	d.mount()
}

// mount makes the cache what the medium holds.
func (d *Disk) mount() {
	d.dirOps, d.used = nil, 0
	for _, n := range d.sorted() {
		n.inode, n.changes, n.dirty = n.durable, 0, 0
		if n.inode != nil {
			d.used += blocks(int64(len(n.inode.cache)))
		}
		d.forget(n)
	}
}
