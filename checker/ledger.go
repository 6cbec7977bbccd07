package checker

import "github.com/brokerlab/brokerlab/model/history"

// ledgers follow what each stream holds, as its committed log has it: every change is taken from the node that was seen to make
// it first. Nodes make the same changes in the same order, so what is seen first is in the log's order, and what a node
// that lags, replays or fetches makes again is known already. Whether nodes differ is for replica-agreement to judge.
type ledgers struct {
	rec *record
	of  []*ledger // by stream
	// Of the event just seen, if it changed a stream; else nil.
	changed *ledger
}

// ledger is one stream's. Where a log was cut and written anew (vague) nothing is known any more.
type ledger struct {
	stream  int32
	rules   *rules
	msgs    table[holding]
	top     uint64 // highest number stored or passed over
	all     line
	bytes   int64
	unsized bool // some message's size is unknown
	largest int64
	subject []line // by subject plus one; the first are those whose subject is unknown
	vague   bool
}

// holding is a message as it was stored.
type holding struct {
	pos   int32 // of the observation, plus one; 0: never stored
	value int32
	there bool
	size  int32
	stamp int64
}

// line is the numbers of the stream or of one subject, ascending. Those that are gone are dropped when they come to an end.
type line struct {
	seqs  []uint64
	count int64
}

func (x *line) add(seq uint64) {
	x.seqs = append(x.seqs, seq)
	x.count++
}

func newLedgers(rec *record) *ledgers { return &ledgers{rec: rec} }

func (ls *ledgers) wants() class { return obs }

func (ls *ledgers) broken() bool { return false }

func (ls *ledgers) finish(*history.History) []Verdict { return nil }

func (ls *ledgers) stream(id int32) *ledger {
	for len(ls.of) <= int(id) {
		n := int32(len(ls.of))
		ls.of = append(ls.of, &ledger{stream: n, rules: ls.rec.rulesOf(n), subject: make([]line, 1)})
	}
	return ls.of[id]
}

func (ls *ledgers) see(s *seen) {
	ls.changed = nil
	if s.stream == none || s.e.Verb != obsStored && s.e.Verb != obsRemoved && s.e.Verb != obsStreamDeleted {
		return
	}
	l := ls.stream(s.stream)
	changed := false
	switch s.e.Verb {
	case obsStored:
		changed = l.store(s, ls.rec)
	case obsRemoved:
		changed = l.remove(s.e, ls.rec)
	default:
		l.vague = true
	}
	if changed && !l.vague {
		ls.changed = l
	}
}

// store takes a message that is new; one that contradicts what is known makes the ledger vague.
func (l *ledger) store(s *seen, rec *record) bool {
	if s.e.Seq <= l.top {
		if m := l.msgs.value(s.e.Seq); m.pos > 0 && m.value != none && s.value != none && m.value != s.value {
			l.vague = true
		}
		return false
	}
	*l.msgs.at(s.e.Seq) = holding{s.pos + 1, s.value, true, int32(s.e.N), s.e.Stamp}
	l.top = s.e.Seq
	l.all.add(s.e.Seq)
	l.bytes += s.e.N
	l.largest = max(l.largest, s.e.N)
	l.unsized = l.unsized || s.e.N == 0
	l.line(l.subjectOf(s.e.Seq, rec)).add(s.e.Seq)
	return true
}

// line returns that of a subject, or of none.
func (l *ledger) line(subject int32) *line {
	for len(l.subject) <= int(subject)+1 {
		l.subject = append(l.subject, line{})
	}
	return &l.subject[subject+1]
}

func (l *ledger) remove(e *history.Event, rec *record) bool {
	if e.Seq > l.top { // it was never stored: nobody was interested
		l.top = e.Seq
		return true
	}
	m := l.msgs.get(e.Seq)
	if m == nil || !m.there {
		return false
	}
	m.there = false
	l.all.count--
	l.bytes -= int64(m.size)
	l.line(l.subjectOf(e.Seq, rec)).count--
	return true
}

// subjectOf returns the subject of message seq, or none.
func (l *ledger) subjectOf(seq uint64, rec *record) int32 {
	if m := l.msgs.get(seq); m != nil && m.value != none {
		if pub := rec.values[m.value].pub; pub != none {
			return rec.ops[pub].subject
		}
	}
	return none
}

// holds tells whether message seq is there.
func (l *ledger) holds(seq uint64) bool {
	m := l.msgs.get(seq)
	return m != nil && m.there
}

// ends returns the lowest and the highest number held of x, 0 if there is none.
func (l *ledger) ends(x *line) (first, last uint64) {
	if x.count == 0 {
		return 0, 0
	}
	for !l.holds(x.seqs[0]) {
		x.seqs = x.seqs[1:]
	}
	for !l.holds(x.seqs[len(x.seqs)-1]) {
		x.seqs = x.seqs[:len(x.seqs)-1]
	}
	return x.seqs[0], x.seqs[len(x.seqs)-1]
}
