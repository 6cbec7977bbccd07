package store

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// replay is the state of all groups after the records applied so far.
type replay struct {
	groups map[uint64]*replayed
	damage *record
	owner  *record
	// claim is the highest position that an applied record states to be synced.
	claim   position
	claimAt position
	// tail is the batches that end above claim: nothing proves that they are synced.
	tail []batch
	// end is where the last applied batch ends, endSum its last record's sum.
	end    position
	endSum uint32
	// count is the planted bug: an entry is placed behind the last one, whatever index
	// it names.
	count bool
}

// batch is a recovered batch. The first of a segment starts where the segment before it
// ends.
type batch struct {
	start, end position
	startSum   uint32
	records    []record
}

// replayed is one group. Its entries are first and up, which is more than base+1 while
// entries are missing.
type replayed struct {
	hard           HardState
	base, baseTerm uint64
	first          uint64
	entries        []Entry
	lastAt         position // where the record lies that named the newest index
	hardAt         position
}

func (g *replayed) last() uint64 { return g.first - 1 + uint64(len(g.entries)) }

// missing says that entries between base and first are neither here nor needless.
func (g *replayed) missing() bool { return g.first > g.base+1 }

// cut drops what is above index; a log that has nothing so low begins after it.
func (g *replayed) cut(index uint64) {
	if index+1 < g.first {
		g.first, g.entries = index+1, nil
	}
	g.entries = g.entries[:min(uint64(len(g.entries)), index+1-g.first)]
}

func (v *replay) group(id uint64) *replayed {
	g := v.groups[id]
	if g == nil {
		g = &replayed{first: 1}
		v.groups[id] = g
	}
	return g
}

// apply takes a whole batch, whose records lie one behind the other from at on and state
// claim.
func (v *replay) apply(b batch, first, claim position, endSum uint32) {
	pos := first
	for i := range b.records {
		r := &b.records[i]
		v.one(r, pos)
		pos += position(r.size())
	}
	if claim > v.claim {
		v.claim, v.claimAt = claim, first
		v.tail = slices.DeleteFunc(v.tail, func(t batch) bool { return t.end <= claim })
	}
	v.tail = append(v.tail, b)
	v.end, v.endSum = b.end, endSum
}

func (v *replay) one(r *record, pos position) {
	switch r.kind {
	case kindSegment:
		v.damage = nil
		return
	case kindDamage:
		v.damage = nil
		if len(r.data) > 0 {
			v.damage = r
		}
		return
	case kindOwner:
		v.owner = r
		return
	case kindForget:
		delete(v.groups, r.group)
		return
	}
	g := v.group(r.group)
	switch r.kind {
	case kindEntry:
		v.entry(g, r)
		g.lastAt = pos
	case kindHard:
		g.hard, g.hardAt = r.hard(), pos
	case kindBase:
		g.advance(r.index, r.term)
	case kindRebase:
		*g = replayed{hard: g.hard, hardAt: g.hardAt, base: r.index, baseTerm: r.term, first: r.index + 1, lastAt: pos}
	case kindTruncate:
		if r.index < g.last() {
			g.cut(r.index)
		}
	case kindLast:
		if r.index > g.last() {
			g.first, g.entries = r.index+1, nil
		}
		g.cut(r.index)
		g.lastAt = pos
	}
}

func (v *replay) entry(g *replayed, r *record) {
	if v.count && r.index > g.last()+1 {
		r.index = g.last() + 1
	}
	if r.index <= g.base {
		return
	}
	if r.index > g.last()+1 {
		g.first, g.entries = r.index, nil
	}
	g.cut(r.index - 1)
	g.entries = append(g.entries, Entry{Index: r.index, Term: r.term, Type: r.typ, Data: r.data})
}

// advance raises the base and drops the entries it covers.
func (g *replayed) advance(index, term uint64) {
	if index <= g.base {
		return
	}
	g.base, g.baseTerm = index, term
	switch {
	case index >= g.last():
		g.first, g.entries = index+1, nil
	case index >= g.first:
		g.entries = slices.Clone(g.entries[index+1-g.first:])
		g.first = index + 1
	}
}

// ids are the groups' numbers, sorted.
func (v *replay) ids() []uint64 {
	ids := make([]uint64, 0, len(v.groups))
	for id := range v.groups { // map order: sorted below
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// recoveredGroups copies what survived out of the segments' buffers.
func (v *replay) recoveredGroups() []GroupLog {
	var logs []GroupLog
	var slab []byte
	for _, id := range v.ids() {
		g := v.groups[id]
		if g.missing() {
			g.first, g.entries = g.base+1, nil
		}
		log := GroupLog{Group: id, Hard: g.hard, Base: g.base, BaseTerm: g.baseTerm, Entries: g.entries}
		for i := range g.entries {
			e := &g.entries[i]
			if e.Index != g.base+1+uint64(i) {
				machine.Broken("log recovery: group %d has entry %d at place %d above %d", id, e.Index, i+1, g.base)
			}
			if len(slab) < len(e.Data) {
				slab = make([]byte, max(slabBytes, len(e.Data)))
			}
			n := copy(slab, e.Data)
			e.Data, slab = slab[:n:n], slab[n:]
		}
		logs = append(logs, log)
	}
	return logs
}

const slabBytes = 64 << 10
