package checker

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// consumerLog is what the judges of consumers share: how each consumer is configured, and what is known of each message for
// it. It is fed before them.
//
// What a client received says that it was handed out before; what a node says it handed out (Delivered) says when. A judge of
// times and orders uses the latter alone, for what a client receives late was not handed out late.
type consumerLog struct {
	rec  *record
	list []*consumerSeen // by consumer
	// at is what is known of each stream's messages: the value and subject at a sequence, by stream.
	at []map[uint64]stored
	// now is what the last event was about: nil if no consumer's.
	now  *consumerSeen
	msg  *lease
	tail []uint64 // highest sequence known, by stream
	// reigns are the beginnings of each stream's leaders, by stream.
	reigns map[int32][]reign
}

// reign is a stream's leader beginning to be.
type reign struct {
	pos int32
	t   int64
}

// stored is a message of a stream, as far as it is known.
type stored struct {
	value   int32
	subject int32 // of its publish, or none
	pos     int32 // of the first sighting
	acked   int32 // position of its acknowledgement, or none
	removed int32 // position at which a node said that a rule removed it, or none
	clash   bool  // two messages are known at the sequence
}

// consumerSeen is one consumer, from its creation to its deletion.
type consumerSeen struct {
	id, stream int32
	name       string
	cfg        history.Consumer
	known      bool // the header describes it
	entry      uint64
	msgs       map[uint64]*lease
	order      []uint64 // messages by their first sighting
	// upTo is the highest message of which an ack of all was confirmed, with the call and the return; 0 if none was.
	upTo settledUpTo
	// own is the newest number that a node gave a delivery in the consumer's own count.
	own ownCount
	// lives counts incarnations: what was handed out for an earlier one says nothing.
	lives int
}

// ownCount is a number in a consumer's own count of its deliveries, and where it was given.
type ownCount struct {
	n   uint64
	pos int32
}

// settledUpTo is a confirmed ack of a message and all below it.
type settledUpTo struct {
	seq       uint64
	call, ret int32
}

// lease is what is known of one message for one consumer. Positions are none while unknown.
type lease struct {
	seq      uint64
	handed   handed  // the newest by a node's word, before the present event
	out      receipt // the newest by a node's word
	got      []receipt
	ackCall  int32 // newest ack call, or term
	acked    bool  // an ack was called
	termCall int32 // newest term call
	ackN     int64 // highest delivery that a client called an ack of, termN a term
	termN    int64
	final    int32 // position from which it is certainly settled for the client that asked: a confirmed ack's return
	settled  int32 // first word of a node that the consumer is done with it
	spent    int32 // first word of a node that it was delivered as often as it may be
	naked    int32 // newest nak call
	delay    int64 // asked for by it
	nakN     int64
	nakT     int64
	progress progress
}

// progress is the newest in-progress call that was confirmed: its delivery, and when it was called.
type progress struct {
	n   int64
	pos int32
	t   int64
}

type handed struct {
	n    int64
	pos  int32
	t    int64
	node uint32
}

// receipt is a delivery that a client received.
type receipt struct {
	n   int64
	pos int32
}

func newConsumerLog(rec *record, h *history.Header) *consumerLog {
	l := &consumerLog{rec: rec, reigns: map[int32][]reign{}}
	for i := range h.Streams {
		s := &h.Streams[i]
		for k := range s.Consumers {
			c := l.of(rec.consumerOf(rec.streams.of(s.Name), s.Consumers[k].Name), rec.streams.of(s.Name), s.Consumers[k].Name)
			c.cfg, c.known = s.Consumers[k], true
		}
	}
	return l
}

func (l *consumerLog) of(id, stream int32, name string) *consumerSeen {
	for len(l.list) <= int(id) {
		l.list = append(l.list, nil)
	}
	if l.list[id] == nil {
		l.list[id] = &consumerSeen{id: id, stream: stream, name: name, msgs: map[uint64]*lease{}}
	}
	return l.list[id]
}

func (l *consumerLog) wants() class { return calls | returns | obs | deliveries }

func (l *consumerLog) broken() bool { return false }

func (l *consumerLog) finish(*history.History) []Verdict { return nil }

func (l *consumerLog) see(s *seen) {
	l.now, l.msg = nil, nil
	l.message(s)
	if s.consumer == none {
		if s.e.Kind == history.Obs && s.e.Verb == obsLeader {
			l.reigns[s.stream] = append(l.reigns[s.stream], reign{s.pos, s.e.Time})
		}
		return
	}
	c := l.of(s.consumer, s.stream, s.e.Consumer)
	if c.name == "" {
		c.name = s.e.Consumer
	}
	l.now = c
	switch s.e.Kind {
	case history.Deliver:
		l.msg = c.lease(s.e.Seq)
		l.msg.got = append(l.msg.got, receipt{s.e.N, s.pos})
	case history.Invoke:
		l.called(c, s)
	case history.OK:
		l.returned(c, s)
	case history.Obs:
		l.observed(c, s)
	}
}

// message learns what a stream holds.
func (l *consumerLog) message(s *seen) {
	if s.stream == none || s.value == none && s.e.Verb != obsRemoved {
		return
	}
	for len(l.at) <= int(s.stream) {
		l.at, l.tail = append(l.at, map[uint64]stored{}), append(l.tail, 0)
	}
	seq, acked := s.e.Seq, none
	switch {
	case s.e.Kind == history.OK && s.op != none && l.rec.ops[s.op].verb == publish:
		acked = s.pos
	case s.e.Kind == history.Obs && s.e.Verb == obsRemoved:
		// What was acked is gone because it was delivered.
		if m, ok := l.at[s.stream][seq]; ok && m.removed == none && s.e.Why != machine.RuleAck {
			m.removed = s.pos
			l.at[s.stream][seq] = m
		}
		return
	case s.e.Kind == history.Obs && s.e.Verb == obsStored:
	default:
		return
	}
	l.tail[s.stream] = max(l.tail[s.stream], seq)
	m, ok := l.at[s.stream][seq]
	if !ok {
		m = stored{value: s.value, subject: none, pos: s.pos, acked: none, removed: none}
		if p := l.rec.values[s.value].pub; p != none {
			m.subject = l.rec.ops[p].subject
		}
	}
	m.clash = m.clash || m.value != s.value
	if m.acked == none {
		m.acked = acked
	}
	l.at[s.stream][seq] = m
}

func (l *consumerLog) stored(stream int32, seq uint64) (stored, bool) {
	if int(stream) >= len(l.at) || stream == none {
		return stored{}, false
	}
	m, ok := l.at[stream][seq]
	return m, ok
}

func (c *consumerSeen) lease(seq uint64) *lease {
	m := c.msgs[seq]
	if m == nil {
		m = &lease{seq: seq, handed: handed{pos: none}, out: receipt{pos: none}, ackCall: none, termCall: none, final: none, settled: none, spent: none, naked: none, progress: progress{pos: none}}
		c.msgs[seq] = m
		c.order = append(c.order, seq)
	}
	return m
}

// begin forgets what was known of a consumer of the same name.
func (c *consumerSeen) begin() {
	c.msgs, c.order, c.upTo, c.own = map[uint64]*lease{}, nil, settledUpTo{}, ownCount{}
	c.lives++
}

func (l *consumerLog) called(c *consumerSeen, s *seen) {
	o := &l.rec.ops[s.op]
	switch o.verb {
	case ack, term:
		l.msg = c.lease(s.e.Seq)
		l.msg.ackCall = s.pos
		if o.verb == term {
			l.msg.termCall, l.msg.termN = s.pos, max(l.msg.termN, s.e.N)
		} else {
			l.msg.acked, l.msg.ackN = true, max(l.msg.ackN, s.e.N)
		}
	case nak:
		// One of an earlier delivery, that comes late, takes the place of none of a later.
		if l.msg = c.lease(s.e.Seq); s.e.N >= l.msg.nakN {
			l.msg.naked, l.msg.delay, l.msg.nakN, l.msg.nakT = s.pos, int64(s.e.First), s.e.N, s.e.Time
		}
	case inProgress:
		l.msg = c.lease(s.e.Seq)
	}
}

func (l *consumerLog) returned(c *consumerSeen, s *seen) {
	o := &l.rec.ops[s.op]
	switch o.verb {
	case ack, term:
		l.msg = c.lease(o.asked)
		if l.msg.final == none {
			l.msg.final = s.pos
		}
		if c.all() && o.verb == ack && o.asked > c.upTo.seq {
			c.upTo = settledUpTo{o.asked, o.call, s.pos}
		}
	case inProgress:
		l.msg = c.lease(o.asked)
		l.msg.progress = progress{o.n, o.call, o.callT}
	case deleteConsumer:
		c.begin()
	}
}

func (l *consumerLog) observed(c *consumerSeen, s *seen) {
	switch s.e.Verb {
	case obsDelivered:
		l.msg = c.lease(s.e.Seq)
		l.msg.out = receipt{s.e.N, s.pos}
	case obsSettled:
		l.msg = c.lease(s.e.Seq)
		if l.msg.settled == none {
			l.msg.settled = s.pos
		}
		if l.msg.spent == none && s.e.Why == spentWhy && c.cfg.MaxDeliver > 0 && s.e.N >= c.cfg.MaxDeliver {
			l.msg.spent = s.pos
		}
	case obsConsumerCreated:
		// Each replica says so, again after a restart; what is not in the log has no entry, and is new each time.
		if c.entry != 0 && s.e.Idx > c.entry || s.e.Idx == 0 && c.lives > 0 {
			c.begin()
		}
		c.entry = max(c.entry, s.e.Idx)
		c.lives = max(c.lives, 1)
	}
}

// spentWhy is the Why of Settled for a message that was delivered as often as it may be (impl/consumer).
const spentWhy = "max-deliver"

// lostCounts tells whether m ran out of deliveries of which some were never handed out. Whoever counts before it hands out may come
// to its end in between; nothing else explains it.
func (l *consumerLog) lostCounts(c *consumerSeen, m *lease) bool {
	return m != nil && m.spent != none && slices.ContainsFunc(l.reigns[c.stream], func(r reign) bool { return r.pos > m.out.pos && r.pos < m.spent })
}

// handOut notes a node's word of a delivery, after the judges have looked at what was known before.
func (l *consumerLog) handOut(s *seen) {
	l.msg.handed = handed{n: s.e.N, pos: s.pos, t: s.e.Time, node: s.e.Node}
}

// covers says whether a consumer that delivers all is to deliver a message.
func (c *consumerSeen) covers(to string) bool {
	if !c.known || c.cfg.Deliver != "" && c.cfg.Deliver != "all" {
		return false
	}
	return c.filters(to)
}

func (c *consumerSeen) filters(to string) bool {
	if len(c.cfg.Filters) == 0 {
		return true
	}
	return slices.ContainsFunc(c.cfg.Filters, func(f string) bool { return subject.Match(f, to) })
}

// explicit says whether each message is acked by itself.
func (c *consumerSeen) explicit() bool { return c.cfg.Ack == "" || c.cfg.Ack == "explicit" }

// all says whether an ack settles what is below it, too, and everything below it has been delivered.
func (c *consumerSeen) all() bool {
	return c.known && c.cfg.Ack == "all" && (c.cfg.Deliver == "" || c.cfg.Deliver == "all")
}

// commits says whether clients settle messages by committing how far they have come.
func (c *consumerSeen) commits() bool { return c.cfg.Ack == history.AckCommit }

// single says whether a client has to ack each message.
func (c *consumerSeen) single() bool { return c.explicit() || c.commits() }

// wait is how long a message that was handed out for the n-th time is left alone; 0 if that is not known.
func (c *consumerSeen) wait(n int64) int64 {
	if !c.known || c.cfg.Ack == "none" || c.commits() {
		return 0
	}
	if b := c.cfg.BackOff; len(b) > 0 {
		return b[min(max(n, 1), int64(len(b)))-1]
	}
	if c.cfg.AckWait > 0 {
		return c.cfg.AckWait
	}
	return defaultAckWait
}

// longest is the longest wait of a message that was handed out for the n-th time, or once more.
func (c *consumerSeen) longest(n int64) int64 {
	wait := c.wait(n)
	for ; n < int64(len(c.cfg.BackOff)); n++ {
		wait = max(wait, c.wait(n+1))
	}
	return wait
}

const (
	defaultAckWait    = 30_000_000_000
	defaultMaxPending = 1000
)
