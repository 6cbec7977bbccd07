package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Log is a node's write-ahead log, shared by all its Raft groups.
//
// Invariants:
//   - Batches become durable in the order of their tickets, and recovery takes a batch
//     whole or not at all.
//   - l.synced only grows by completed syncs; every record states it.
//   - After a failed operation the log does nothing more. What a failed sync left on the
//     disk is unknown, and syncing again would report success without having written it.
type Log struct {
	cfg    LogConfig
	tokens func() machine.Token

	groups map[uint64]*group
	order  []uint64 // keys of groups, sorted
	ghosts []mark   // forgotten groups whose record is not synced yet

	pending  []record
	bytes    int  // encoded size of pending, without hard states
	forced   bool // the pending batch is to be written
	mustSync bool // and synced, whatever the mode
	touched  []*group

	next, durable Ticket
	segs          []*segment // oldest first; the last is appended to
	prev          uint32     // sum of the last record issued
	written       position   // end of what was written
	synced        position   // end of what was synced
	named         uint64     // segments to this number have durable names
	batch         flight
	sync          flight
	wantSync      bool
	retries       []machine.DiskOp // of the planted bug RetrySync

	obsolete []string // segments that the one begun by recovery replaced
	openedAt position // when this is synced, they go
	damage   *record  // lost below a proof, and not yet accepted
	owner    *record  // what the owner keeps
	err      error
	scratch  [16]byte
}

// group is what the log knows of a group after its pending batch.
type group struct {
	id             uint64
	hard           HardState
	base, baseTerm uint64
	last           uint64
	// safe is the base that a synced record states; marks are newer ones under way.
	safe  uint64
	marks []mark
	// cutAt is where the record lies that last made the log shorter.
	cutAt position

	touched, hardDirty, baseDirty, cutDirty bool
}

// mark says that a record about value ends at a position.
type mark struct {
	value uint64
	at    position
}

// segment is one file of the log.
type segment struct {
	number  uint64
	name    string
	bytes   int64
	opening int64             // end of its first batch
	reach   map[uint64]uint64 // highest index it holds, by group
}

func (s *segment) end() position { return at(s.number, s.bytes) }

// flight is a batch or a sync on its way: what is true once every token is done, and
// after them, if name is not 0, the directory is synced too. That waits for Flush: only
// operations on one file keep their order, and a name must exist to become durable.
type flight struct {
	tokens      []machine.Token
	end         position
	synced      bool
	name, named uint64
}

func (f *flight) busy() bool { return len(f.tokens) > 0 || f.name > 0 }

// ErrLogFailed wraps the first failure of a log; the log is of no use from then on.
var ErrLogFailed = errors.New("write-ahead log failed")

const (
	defaultSegmentBytes = 8 << 20
	maxSegmentBytes     = 1 << 30
)

func (c *LogConfig) complete() error {
	if c.Dir == "" {
		c.Dir = "wal"
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = defaultSegmentBytes
	}
	var errs []error
	if c.SegmentBytes < 0 || c.SegmentBytes > maxSegmentBytes {
		errs = append(errs, fmt.Errorf("log: segment size %d is not within 1 and %d", c.SegmentBytes, maxSegmentBytes))
	}
	if c.Sync > SyncNone {
		errs = append(errs, fmt.Errorf("log: sync mode %d is unknown", c.Sync))
	}
	return errors.Join(errs...)
}

func (l *Log) group(id uint64) *group {
	g := l.groups[id]
	if g == nil {
		g = &group{id: id}
		l.groups[id] = g
		i, _ := slices.BinarySearch(l.order, id)
		l.order = slices.Insert(l.order, i, id)
	}
	return g
}

func (l *Log) touch(g *group) {
	if !g.touched {
		g.touched = true
		l.touched = append(l.touched, g)
	}
}

func (l *Log) add(r record) {
	l.pending = append(l.pending, r)
	l.bytes += r.size()
}

// Append adds entries to the pending batch. An index at or below the group's last one
// cuts the log there first. Entries must follow the log without a gap and lie above its
// base. Their data is not copied and must not change until the batch is durable.
func (l *Log) Append(group uint64, entries []Entry) {
	g := l.group(group)
	for i := range entries {
		e := &entries[i]
		if e.Index <= g.base || e.Index > g.last+1 {
			machine.Broken("log group %d: entry %d appended to a log of %d to %d", group, e.Index, g.base+1, g.last)
		}
		if e.Index <= g.last {
			g.cutDirty = true
			l.touch(g)
		}
		g.last = e.Index
		l.add(record{kind: kindEntry, typ: e.Type, group: group, index: e.Index, term: e.Term, data: e.Data})
	}
	l.forced = l.forced || len(entries) > 0
}

// SetHardState replaces the group's hard state. Without force it rides with the next
// batch that has something forced; a new term or vote needs force.
func (l *Log) SetHardState(group uint64, hs HardState, force bool) {
	g := l.group(group)
	if g.hard != hs {
		g.hard, g.hardDirty = hs, true
		l.touch(g)
	}
	l.forced = l.forced || force && g.hardDirty
}

// Rebase empties the group's log: it begins after index, whose term is given. It is what
// an installed snapshot does.
func (l *Log) Rebase(group uint64, index, term uint64) {
	g := l.group(group)
	g.base, g.baseTerm, g.last = index, term, index
	g.baseDirty, g.cutDirty = true, true
	l.touch(g)
	l.add(record{kind: kindRebase, group: group, index: index, term: term})
	l.forced = true
}

// TruncateTo drops the group's entries after index, whose term is given; below the log's base nothing is left, and it
// begins after index. It is for unsafe switches: a log that counted as durable does not get shorter.
func (l *Log) TruncateTo(group uint64, index, term uint64) {
	g := l.group(group)
	if index >= g.last {
		return
	}
	if index < g.base {
		l.Rebase(group, index, term)
		return
	}
	g.last, g.cutDirty = index, true
	l.touch(g)
	l.add(record{kind: kindTruncate, group: group, index: index})
	l.forced = true
}

// Forget drops the group and all it had.
func (l *Log) Forget(group uint64) {
	g := l.groups[group]
	if g == nil {
		return
	}
	delete(l.groups, group)
	i, _ := slices.BinarySearch(l.order, group)
	l.order = slices.Delete(l.order, i, i+1)
	g.hardDirty, g.baseDirty, g.cutDirty = false, false, false
	l.ghosts = append(l.ghosts, mark{value: group, at: pendingPosition})
	l.add(record{kind: kindForget, group: group})
	l.forced = true
}

// Checkpointed says that the group's entries up to index are in a durable checkpoint.
// It rides with the next batch.
func (l *Log) Checkpointed(group uint64, index, term uint64) {
	if g := l.groups[group]; index == 0 || g != nil && index <= g.base {
		return
	}
	g := l.group(group)
	g.base, g.baseTerm, g.last = index, term, max(g.last, index)
	g.baseDirty = true
	l.touch(g)
	l.add(record{kind: kindBase, group: group, index: index, term: term})
}

// AcceptDamage says that the caller has dealt with the damage that was recovered; from
// the next batch on it is not reported again. Until then every boot reports it.
func (l *Log) AcceptDamage() {
	if l.damage == nil {
		return
	}
	l.damage = nil
	l.add(record{kind: kindDamage})
	l.forced = true
}

// SetOwner replaces what the owner keeps beside its groups, a few bytes of its own form
// that are not copied.
func (l *Log) SetOwner(data []byte) {
	l.owner = &record{kind: kindOwner, data: data}
	l.add(*l.owner)
	l.forced = true
}

// Pending is the ticket of the batch that what is added now joins.
func (l *Log) Pending() Ticket { return l.next }

// Durable is the newest ticket that has completed, and with it all before it. Ticket 1
// is what recovery wrote: while Durable is 0, what OpenLog returned may still be lost.
func (l *Log) Durable() Ticket { return l.durable }

// Segments is the number of segments.
func (l *Log) Segments() int { return len(l.segs) }

// Bytes is the size of all segments.
func (l *Log) Bytes() (sum int64) {
	for _, s := range l.segs {
		sum += s.bytes
	}
	return sum
}

// encoder lays the records of one batch one behind the other.
type encoder struct {
	all, b []byte
	node   uint32
	pos    position
	prev   uint32
	synced position
	left   int // records to come
}

func (e *encoder) put(r *record) {
	e.left--
	r.flags = 0
	if e.left == 0 {
		r.flags = flagBatchEnd
	}
	n := r.size()
	e.prev = r.put(e.b[:n:n], e.node, e.pos, e.prev, e.synced)
	e.b, e.pos = e.b[n:], e.pos+position(n)
}

func (l *Log) putHard(e *encoder, g *group) {
	data := binary.LittleEndian.AppendUint64(l.scratch[:0], g.hard.Vote)
	if g.hard.Self != 0 {
		data = binary.LittleEndian.AppendUint64(data, g.hard.Self)
	}
	e.put(&record{kind: kindHard, group: g.id, index: g.hard.Commit, term: g.hard.Term, data: data})
}
