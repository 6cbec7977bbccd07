package checker

import (
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/subject"
)

// rules follows what the declared rules of one stream may have removed.
//
// A stream whose nodes were seen storing, or leaving out what nobody wants, is watched: what left it by a rule was seen to leave, and nothing else may be
// missing. Of any other stream only the calls of clients and the configuration are known: there a message may be gone as
// soon as some rule may have covered it.
type rules struct {
	rec     *record
	cfg     history.Stream
	watched bool
	removed table[int32]       // by sequence: position plus one of the first removal seen
	any     bool               // something was seen removed, or a call may have removed something
	erased  map[uint64][]int32 // calls to remove one message
	purges  []int32            // calls to purge
	rollups []int32            // publishes that roll up
	settled map[uint64]int32   // by sequence: position of the first call that may settle it
	wide    int32              // from here on anything may be gone, or never
	updated int32              // from here on the configuration may be another, or never
}

// message is what is known of one that may be gone: its sequence, its subject or none, and when it was published.
type message struct {
	seq     uint64
	subject int32
	born    int64
}

// moment is a position and its time.
type moment struct {
	pos int32
	t   int64
}

func (o *op) returned() moment { return moment{o.ret, o.retT} }

// maxPurges is how many purges of a stream that is not watched are told apart.
const maxPurges = 64

func newRules(rec *record) *rules {
	return &rules{rec: rec, erased: map[uint64][]int32{}, settled: map[uint64]int32{}, wide: never, updated: never}
}

// declare takes the stream's configuration.
func (x *rules) declare(cfg *history.Stream) {
	x.cfg = *cfg
	if !x.settles() {
		return
	}
	for i := range cfg.Consumers {
		// An ack of all, or none at all, settles what no call names.
		if a := cfg.Consumers[i].Ack; a == "all" || a == "none" {
			x.wide = before
		}
	}
	if len(cfg.Consumers) == 0 {
		x.wide = before
	}
}

// settles tells whether messages leave the stream when consumers are done with them.
func (x *rules) settles() bool {
	return x.cfg.Retention == "workqueue" || x.cfg.Retention == "interest"
}

// called takes an operation that has been invoked on the stream.
func (x *rules) called(id int32) {
	o := &x.rec.ops[id]
	switch o.verb {
	case removeOne:
		x.erased[o.asked] = append(x.erased[o.asked], id)
		x.any = true
	case purge:
		x.purges = append(x.purges, id)
		x.purged(o)
	case publish:
		if o.rollup != noRollup {
			x.rollups = append(x.rollups, id)
			x.purged(o)
		}
	case update:
		x.updated, x.any = min(x.updated, o.call), true
	case ack, term:
		if _, known := x.settled[o.asked]; !known && x.settles() {
			x.settled[o.asked] = o.call
		}
	}
}

func (x *rules) purged(o *op) {
	x.any = true
	if len(x.purges)+len(x.rollups) > maxPurges {
		x.wide = min(x.wide, o.call)
	}
}

// observed takes what a node was seen to do to the stream.
func (x *rules) observed(s *seen) {
	switch s.e.Verb {
	case obsStored:
		x.watched = true
	case obsRemoved:
		if s.e.Why == whySnapshot {
			return // a rule removed it where the snapshot was taken, or it is missing
		}
		x.any, x.watched = true, true
		if at := x.removed.at(s.e.Seq); *at == 0 {
			*at = s.pos + 1
		}
	}
}

// removedBy tells whether message seq was seen to leave a node's store before by.
func (x *rules) removedBy(seq uint64, by int32) bool {
	at := x.removed.value(seq)
	return at > 0 && at-1 < by
}

// gone tells whether m may have left the stream by a rule before by; limits on how much the stream holds are left to
// pushedOut, unless the stream is watched.
func (x *rules) gone(m message, by moment) bool {
	if x.watched {
		return x.removedBy(m.seq, by.pos)
	}
	return min(x.wide, x.updated) < by.pos || x.aged(m, by) || x.settledBy(m.seq, by.pos) || x.askedFor(m, by.pos)
}

func (x *rules) aged(m message, by moment) bool {
	return x.cfg.MaxAge > 0 && (x.rec.clocks.stepped || by.t-m.born >= x.rec.clocks.least(x.cfg.MaxAge, m.born, by.t))
}

func (x *rules) settledBy(seq uint64, by int32) bool {
	at, ok := x.settled[seq]
	return ok && at < by
}

// askedFor tells whether a client may have had m removed before by.
func (x *rules) askedFor(m message, by int32) bool {
	for _, id := range x.erased[m.seq] {
		if o := &x.rec.ops[id]; o.status != failed && o.call < by {
			return true
		}
	}
	for _, list := range [2][]int32{x.purges, x.rollups} {
		for _, id := range list {
			if o := &x.rec.ops[id]; o.status != failed && o.call < by && x.covers(o, m) {
				return true
			}
		}
	}
	return false
}

// covers tells whether o, a purge or a publish that rolls up, may remove m.
func (x *rules) covers(o *op, m message) bool {
	if o.verb == publish {
		return (o.rollup == rollupAll || m.subject == none || m.subject == o.subject) && (o.seq == 0 || m.seq < o.seq)
	}
	return (o.asked == 0 || m.seq < o.asked) && (o.subject == none || m.subject == none || x.rec.matches(o.subject, m.subject))
}

// pushedOut returns how many later messages it takes, at least, until a limit on how much the stream holds removes a
// message; 0: no such limit. A watched stream's removals were seen.
func (x *rules) pushedOut() uint64 {
	if x.watched || x.cfg.Discard == "new" && x.cfg.MaxMsgsPer <= 0 {
		return 0
	}
	if x.cfg.MaxBytes > 0 {
		return 1
	}
	least := uint64(0)
	for _, limit := range [2]int64{x.cfg.MaxMsgs, x.cfg.MaxMsgsPer} {
		if limit > 0 && (least == 0 || uint64(limit) < least) {
			least = uint64(limit)
		}
	}
	return least
}

// skipped returns the number below which sequences may never have been given: a stream may begin above 1, and a purge
// beyond its end moves it there (nats-server server/filestore.go, Compact).
func (x *rules) skipped() uint64 {
	low := x.cfg.FirstSeq
	for _, id := range x.purges {
		if o := &x.rec.ops[id]; o.status != failed && o.asked > 1 {
			low = max(low, o.asked)
		}
	}
	return low
}

// matches tells whether the subject numbered of is named by the filter numbered filter.
func (r *record) matches(filter, of int32) bool {
	return filter == of || subject.Match(r.subjects.names[filter], r.subjects.names[of])
}

// window returns the deduplication window.
func (x *rules) window() int64 {
	if x.cfg.Duplicates > 0 {
		return x.cfg.Duplicates
	}
	return defaultWindow
}

// defaultWindow is the API's deduplication window (nats-server server/stream.go StreamDefaultDuplicatesWindow).
const defaultWindow = 120_000_000_000
