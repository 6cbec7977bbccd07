package checker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// redeliveryJudge judges exclusive-delivery and redelivery-in-time, for consumers whose messages are acked one by one.
//
// Nobody but a node knows when a delivery was sent; a client knows that it was not before its fetch was called, and not after
// it came. So a lease certainly lasts until its ack wait after the call, and is certainly over its ack wait after the receipt.
type redeliveryJudge struct {
	rec       *record
	log       *consumerLog
	only      func(spec.ID) bool
	consumers []*lending        // by consumer
	lost      map[int32][]int64 // by client: when it found its connection gone after healing
	exclusive tally
	exText    string
	timely    tally
	lateText  string
}

// lending is what is known of one consumer.
type lending struct {
	messages map[uint64]*lent
	order    []uint64
	fetches  map[int32]*fetching // those that wait, by operation
	waiting  []span64            // times in which a fetch waited in vain, ascending by end
	watched  bool                // nodes say what they hand out
	gone     bool                // it was, or may have been, deleted
}

// lent is one message.
type lent struct {
	given []given
	calls []settleCall
	last  given // the newest receipt
	any   bool  // there is one
	back  bool  // a client gave it back or was done with it
}

// given is a delivery, by its receipt or, if nodes say so, by their word.
type given struct {
	n      int64
	client int32
	pos    int32
	t      int64
	from   int64 // it was not sent before
	obs    bool
}

// settleCall is what a client asked for a message.
type settleCall struct {
	verb   verb
	n      int64
	client int32
	pos    int32
	t      int64
	delay  int64
}

type fetching struct {
	from int64
	room int64
}

type span64 struct{ from, to int64 }

func (j *redeliveryJudge) wants() class { return calls | returns | obs | deliveries }

func (j *redeliveryJudge) broken() bool { return j.exclusive.count > 0 }

func (j *redeliveryJudge) of(id int32) *lending {
	for len(j.consumers) <= int(id) {
		j.consumers = append(j.consumers, &lending{messages: map[uint64]*lent{}, fetches: map[int32]*fetching{}})
	}
	return j.consumers[id]
}

func (l *lending) message(seq uint64) *lent {
	m := l.messages[seq]
	if m == nil {
		m = &lent{}
		l.messages[seq] = m
		l.order = append(l.order, seq)
	}
	return m
}

func (j *redeliveryJudge) see(s *seen) {
	if s.e.Kind == history.Obs && s.e.Verb == history.Disconnected && j.rec.marks.healed != none {
		if j.lost == nil {
			j.lost = map[int32][]int64{}
		}
		id := j.rec.clients.of(s.e.Client)
		j.lost[id] = append(j.lost[id], s.e.Time)
	}
	if s.consumer == none {
		return
	}
	l := j.of(s.consumer)
	switch s.e.Kind {
	case history.Deliver:
		j.received(l, s)
	case history.Obs:
		switch s.e.Verb {
		case obsDelivered:
			l.watched = true
			m := l.message(s.e.Seq)
			m.given = append(m.given, given{n: s.e.N, client: none, pos: s.pos, t: s.e.Time, from: s.e.Time, obs: true})
		case obsConsumerDeleted:
			l.gone = true
		}
	case history.Invoke:
		l.called(s, &j.rec.ops[s.op])
	default:
		l.ended(s)
	}
}

func (l *lending) called(s *seen, o *op) {
	switch o.verb {
	case fetch:
		l.fetches[s.op] = &fetching{from: o.callT, room: o.n}
	case deleteConsumer:
		l.gone = true
	case ack, nak, term, inProgress:
		m := l.message(s.e.Seq)
		m.calls = append(m.calls, settleCall{o.verb, s.e.N, o.client, s.pos, s.e.Time, int64(s.e.First)})
		m.back = m.back || o.verb != inProgress
	}
}

// ended takes the end of a fetch. One that went well and had room left has waited in vain since its last message.
func (l *lending) ended(s *seen) {
	f := l.fetches[s.op]
	if f == nil {
		return
	}
	delete(l.fetches, s.op)
	if s.e.Kind == history.OK && f.room > 0 && s.e.Time > f.from {
		l.waiting = append(l.waiting, span64{f.from, s.e.Time})
	}
}

// received takes a delivery to a client.
func (j *redeliveryJudge) received(l *lending, s *seen) {
	g := given{n: s.e.N, client: j.rec.clients.of(s.e.Client), pos: s.pos, t: s.e.Time}
	if op := j.rec.numbered(s.e.Op); s.e.Op != 0 && op != none && j.rec.ops[op].verb == fetch {
		g.from = j.rec.ops[op].callT
		if f := l.fetches[op]; f != nil {
			if s.e.Time > f.from {
				l.waiting = append(l.waiting, span64{f.from, s.e.Time})
			}
			f.from = s.e.Time
			f.room--
		}
	}
	if s.value != none && j.rec.values[s.value].pub != none {
		g.from = max(g.from, j.rec.ops[j.rec.values[s.value].pub].callT)
	}
	m := l.message(s.e.Seq)
	j.hold(l, s, m, &g)
	m.last, m.any = g, true
	if !l.watched {
		m.given = append(m.given, g)
	}
}

// hold judges whether another client certainly held the message when it was sent to this one.
func (j *redeliveryJudge) hold(l *lending, s *seen, m *lent, g *given) {
	c := j.log.list[s.consumer]
	was := m.last
	if c == nil || !c.known || !c.explicit() || l.gone || !m.any || was.client == g.client {
		return
	}
	j.exclusive.checked++
	if m.back {
		return
	}
	a, b := j.rec.clocks.least(c.wait(was.n), was.from, g.t), j.rec.clocks.least(c.wait(g.n), g.from, g.t)
	if g.t >= was.from+a || was.t >= g.from+b {
		return
	}
	name := place(j.rec.streams.names[c.stream], s.e.Seq)
	if j.exclusive.found(name+" of "+c.name, was.pos, g.pos) {
		j.exText = fmt.Sprintf("Consumer %s delivered %s to %s at %s as delivery %d, and to %s %s as delivery %d, when the ack wait of %s of the first was not over and nobody had given it back.",
			c.name, name, j.rec.clients.names[was.client], seconds(was.t), was.n, j.rec.clients.names[g.client], when(s.e), g.n, seconds(c.wait(was.n)))
	}
}

// Bounds of redelivery-in-time: how long after its ack wait, or the delay asked for, a message comes again while a
// fetch waits. Ack waits run from steadyAfter on, when leaders are there again.
const (
	steadyAfter   = 5_000_000_000
	nakBound      = 500_000_000
	expiredBound  = 2_000_000_000
	waitedPercent = 90
)

func (j *redeliveryJudge) finish(h *history.History) []Verdict {
	var out []Verdict
	if j.only(spec.ExclusiveDelivery) {
		out = j.exclusive.verdict(h, spec.ExclusiveDelivery, "No message was delivered to two clients.",
			fmt.Sprintf("%s to another client, none while the first certainly held the message.", number(j.exclusive.checked, "delivery", "deliveries")), func() string { return j.exText })
	}
	if !j.only(spec.RedeliveryInTime) {
		return out
	}
	if j.rec.marks.healed != none {
		for id, l := range j.consumers {
			if c := j.log.list[id]; c != nil && c.known && c.explicit() && !c.cfg.Push && !c.cfg.Ephemeral && !l.gone && (l.watched || len(j.lost) == 0) && !j.rec.clocks.wrong {
				j.late(h, l, c)
			}
		}
	}
	return append(out, j.timely.verdict(h, spec.RedeliveryInTime, "After healing no message was to be delivered again while a fetch waited.",
		fmt.Sprintf("%s to be delivered again came in time.", number(j.timely.checked, "message", "messages")), func() string { return j.lateText })...)
}

// late judges the messages of one consumer.
func (j *redeliveryJudge) late(h *history.History, l *lending, c *consumerSeen) {
	slices.SortFunc(l.waiting, func(a, b span64) int { return cmp.Compare(a.from, b.from) })
	slices.Sort(l.order)
	x := j.rec.rulesOf(c.stream)
	for _, seq := range l.order {
		m := l.messages[seq]
		spent := j.log.lostCounts(c, c.msgs[seq])
		for i := range m.given {
			g, next := &m.given[i], int64(-1)
			until := never
			if i+1 < len(m.given) {
				next, until = m.given[i+1].t, m.given[i+1].pos
			}
			d := j.owed(l, c, m, g, until, spent)
			due := d.from + d.bound
			inTime := next >= 0 && next <= due
			if d.why == "" || !inTime && (due > j.rec.nowT || x.gone(message{seq, none, 0}, moment{never, due}) || l.waited(d.from, due) < d.bound*waitedPercent/100) {
				continue
			}
			if j.timely.checked++; inTime {
				continue
			}
			name := place(j.rec.streams.names[c.stream], seq)
			cert := []int32{j.rec.marks.healed, g.pos, d.call}
			came := "it never came"
			if next >= 0 {
				cert, came = append(cert, until), "it came only "+when(&h.Events[until])
			}
			if j.timely.found(name+" of "+c.name, cert...) {
				j.lateText = fmt.Sprintf("Consumer %s delivered %s %s as delivery %d, and %s; while fetches waited until %s, %s.", c.name, name, when(&h.Events[g.pos]), g.n, d.why, seconds(due), came)
			}
		}
	}
}

// debt says from when on a delivery has to be followed by another, within which bound, why, and by whose call; why is empty if
// nothing is owed.
type debt struct {
	from, bound int64
	why         string
	call        int32
}

// owed is what delivery g leaves owing. until is the position of the next delivery; spent says that the message ran out of
// deliveries of which some were never handed out.
func (j *redeliveryJudge) owed(l *lending, c *consumerSeen, m *lent, g *given, until int32, spent bool) debt {
	d := j.owedUnder(l, c, m, g, until, spent, reign{pos: none})
	for _, r := range j.log.reigns[c.stream] {
		if r.pos > g.pos && r.pos < until && r.t <= d.from+d.bound {
			d = j.owedUnder(l, c, m, g, until, spent, r)
		}
	}
	return d
}

// owedUnder is what g leaves owing under the leader that handed it out (r.pos is none), or another.
//
// The one before may have counted deliveries that it did not come to hand out. Its successor counts on from there, begins all
// waits anew, takes a nak of g for a late one, and has none to give if the lost one was the last.
func (j *redeliveryJudge) owedUnder(l *lending, c *consumerSeen, m *lent, g *given, until int32, spent bool, r reign) debt {
	ready, wait := j.rec.healedT+steadyAfter, c.wait(g.n)
	unsure := r.pos != none || !l.watched && g.t <= ready // whether g is the last that was counted
	if unsure {
		ready, wait = max(ready, r.t), c.longest(g.n)
	}
	if c.cfg.MaxDeliver > 0 && (g.n >= c.cfg.MaxDeliver || unsure && until == never && (spent || !l.watched)) {
		return debt{}
	}
	d := debt{max(g.t, ready) + wait + wait/50, expiredBound, fmt.Sprintf("nobody settled it, and its ack wait is %s", seconds(wait)), none}
	for i := range m.calls {
		x := &m.calls[i]
		switch {
		case x.pos > until:
		case x.verb == ack || x.verb == term:
			return debt{}
		case x.pos < g.pos || d.call != none:
		case x.verb == nak && x.n == g.n && x.t > ready && !unsure && !j.lostAfter(x):
			// What is given back comes at once, or after the delay.
			d = debt{x.t + x.delay + x.delay/50, nakBound, fmt.Sprintf("a client gave it back at %s, to come again after %s", seconds(x.t), seconds(x.delay)), x.pos}
		default:
			d.from = max(d.from, max(x.t, ready)+max(x.delay+x.delay/50, wait+wait/50))
		}
	}
	return d
}

// lostAfter tells whether the client of x found its connection gone soon after: what it had sent may have been lost.
func (j *redeliveryJudge) lostAfter(x *settleCall) bool {
	return slices.ContainsFunc(j.lost[x.client], func(t int64) bool { return t >= x.t && t < x.t+steadyAfter })
}

// waited returns for how much of from..to some fetch waited in vain.
func (l *lending) waited(from, to int64) (sum int64) {
	i, _ := slices.BinarySearchFunc(l.waiting, from-maxFetch, func(x span64, t int64) int { return cmp.Compare(x.from, t) })
	at := from
	for ; i < len(l.waiting) && l.waiting[i].from < to; i++ {
		x := l.waiting[i]
		if begin, end := max(x.from, at), min(x.to, to); end > begin {
			sum += end - begin
			at = end
		}
	}
	return sum
}

// maxFetch is how long a fetch is taken to wait at most.
const maxFetch = 60_000_000_000
