package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// consumerJudge judges what can be said of each event of a consumer as it comes. Its log is fed before it.
type consumerJudge struct {
	h      *history.History
	rec    *record
	log    *consumerLog
	found  [judged]finding
	firsts map[pair]uint64     // highest first delivery, by consumer and life
	lasts  map[int32]handedOut // by consumer
	out    map[int32]*outstanding
	floors floors
}

// The guarantees that it judges, in the catalogue's order.
const (
	fPhantom = iota
	fFinal
	fFenced
	fCounts
	fEarly
	fMaxDeliver
	fMaxPending
	fAsked
	fFloor
	fOrder
	judged
)

var judgedIDs = [judged]spec.ID{
	spec.ConsumerNoPhantom, spec.AckIsFinal, spec.AckFenced, spec.DeliveryCounts, spec.NotEarly, spec.MaxDeliver, spec.MaxAckPending,
	spec.SettledAsAsked, spec.FloorMonotone, spec.FirstOrder,
}

// finding is what was found of one guarantee: how much was checked, and the first violation.
type finding struct {
	checked, anomalies int64
	sentence           string
	certificate        []int32
	examples           []string
}

func (f *finding) broken(sentence string, positions ...int32) {
	if f.anomalies++; f.anomalies == 1 {
		f.sentence, f.certificate = sentence, positions
	}
	if len(f.examples) < maxExamples {
		f.examples = append(f.examples, sentence)
	}
}

// handedOut is the last message that a node handed out for the first time, and in which reign.
type handedOut struct {
	seq   uint64
	pos   int32
	life  int
	node  uint32
	reign int
}

// outstanding is what a consumer has handed out and no node has settled.
type outstanding struct {
	life int
	open map[uint64]bool
}

func newConsumerJudge(h *history.History, rec *record, log *consumerLog) *consumerJudge {
	return &consumerJudge{h: h, rec: rec, log: log, firsts: map[pair]uint64{}, lasts: map[int32]handedOut{}, out: map[int32]*outstanding{}, floors: newFloors()}
}

func (j *consumerJudge) wants() class { return calls | returns | obs | deliveries }

func (j *consumerJudge) broken() bool {
	for i := range j.found {
		if j.found[i].anomalies > 0 {
			return true
		}
	}
	return false
}

func (j *consumerJudge) see(s *seen) {
	if s.e.Kind == history.Obs && s.consumer == none {
		j.floors.node(s)
		return
	}
	c := j.log.now
	if c == nil {
		return
	}
	switch s.e.Kind {
	case history.Deliver:
		j.delivered(c, s)
	case history.OK:
		j.returned(c, s)
	case history.Obs:
		j.observed(c, s)
	}
}

func (j *consumerJudge) observed(c *consumerSeen, s *seen) {
	switch s.e.Verb {
	case obsDelivered:
		j.handed(c, s)
		j.log.handOut(s)
		j.pending(c, s, true)
	case obsSettled:
		j.pending(c, s, false)
		j.asked(c, s)
	case obsFloor:
		j.floor(c, s)
	}
}

func (c *consumerSeen) place(seq uint64) string {
	return fmt.Sprintf("message %d for consumer %s", seq, c.name)
}

// delivered judges what a client received.
func (j *consumerJudge) delivered(c *consumerSeen, s *seen) {
	m := j.log.msg
	j.phantom(c, s)
	if n := len(m.got) - 1; n > 0 && s.e.N > 0 && j.counted(c) {
		f := &j.found[fCounts]
		f.checked++
		for _, r := range m.got[:n] {
			if r.n == s.e.N {
				f.broken(fmt.Sprintf("Consumer %s delivered message %d twice as delivery %d: %s and %s.", c.name, m.seq, r.n, j.at(r.pos), when(s.e)), r.pos, s.pos)
				break
			}
		}
	}
	if c.commits() && len(m.got) == 1 {
		j.ordered(c, s) // it has one client at a time, which receives in the order in which it is handed out
	}
	j.maximum(c, s)
	// It was handed out after its fetch was called.
	if m.final != none {
		f := &j.found[fFinal]
		if o := j.rec.numbered(s.e.Op); s.e.Op != 0 && o != none && j.rec.ops[o].call > m.final {
			f.broken(fmt.Sprintf("The ack of %s was confirmed %s; a fetch called %s brought it again %s.", c.place(m.seq), j.at(m.final), j.at(j.rec.ops[o].call), when(s.e)),
				m.ackCall, m.final, j.rec.ops[o].call, s.pos)
		}
	}
}

// at renders the time and index of an earlier event.
func (j *consumerJudge) at(pos int32) string { return when(&j.h.Events[pos]) }

func (j *consumerJudge) phantom(c *consumerSeen, s *seen) {
	f := &j.found[fPhantom]
	f.checked++
	if s.value == none {
		return
	}
	pub := j.rec.values[s.value].pub
	if pub == none {
		f.broken(fmt.Sprintf("Consumer %s delivered %s as message %d %s, which nobody had published.", c.name, s.e.Value, s.e.Seq, when(s.e)), s.pos)
		return
	}
	if m, ok := j.log.stored(c.stream, s.e.Seq); ok && !m.clash && m.value != s.value {
		f.broken(fmt.Sprintf("Consumer %s delivered %s as message %d %s, but that is %s.", c.name, s.e.Value, s.e.Seq, when(s.e), j.rec.nameOf(m.value)), m.pos, s.pos)
		return
	}
	if to := j.rec.ops[pub].subject; to != none && c.known && !c.filters(j.rec.subjects.names[to]) {
		f.broken(fmt.Sprintf("Consumer %s delivered message %d, published to %s, which it does not filter for, %s.", c.name, s.e.Seq, j.rec.subjects.names[to], when(s.e)), j.rec.ops[pub].call, s.pos)
	}
}

func (j *consumerJudge) maximum(c *consumerSeen, s *seen) {
	if !c.known || c.cfg.MaxDeliver <= 0 {
		return
	}
	f := &j.found[fMaxDeliver]
	f.checked++
	if s.e.N > c.cfg.MaxDeliver {
		f.broken(fmt.Sprintf("Consumer %s delivered message %d for the %d. time %s; its maximum is %d.", c.name, s.e.Seq, s.e.N, when(s.e), c.cfg.MaxDeliver), s.pos)
	}
}

// counted says whether deliveries can be counted before they are made. One that settles its message, and with that removes it from
// the stream, has to be made first.
func (j *consumerJudge) counted(c *consumerSeen) bool {
	return c.cfg.Ack != "none" || !j.rec.rulesOf(c.stream).settles()
}

// handed judges a node's word that it handed a message out.
func (j *consumerJudge) handed(c *consumerSeen, s *seen) {
	m := j.log.msg
	j.maximum(c, s)
	if own := s.e.CSeq; own > 0 && j.counted(c) {
		if last := c.own; own <= last.n {
			j.found[fCounts].broken(fmt.Sprintf("%s handed out %s %s as delivery %d of the consumer, after delivery %d.", nodeName(s.e.Node), c.place(m.seq), when(s.e), own, last.n), last.pos, s.pos)
		}
		c.own = ownCount{own, s.pos}
	}
	if m.handed.pos != none && j.counted(c) {
		f := &j.found[fCounts]
		f.checked++
		if s.e.N <= m.handed.n {
			f.broken(fmt.Sprintf("%s handed out %s as delivery %d %s, when delivery %d had been handed out by %s.", nodeName(s.e.Node), c.place(m.seq), s.e.N, when(s.e), m.handed.n, nodeName(m.handed.node)), m.handed.pos, s.pos)
		} else {
			j.early(c, m, s)
		}
	}
	if m.final != none && c.explicit() {
		f := &j.found[fFinal]
		f.broken(fmt.Sprintf("The ack of %s was confirmed %s; %s handed it out again %s.", c.place(m.seq), j.at(m.final), nodeName(s.e.Node), when(s.e)), m.ackCall, m.final, s.pos)
	}
	if u := c.upTo; m.seq <= u.seq {
		f := &j.found[fFinal]
		f.broken(fmt.Sprintf("The ack of message %d for consumer %s, and so of all below it, was confirmed %s; %s handed out message %d again %s.", u.seq, c.name, j.at(u.ret), nodeName(s.e.Node), m.seq, when(s.e)), u.call, u.ret, s.pos)
	}
	if m.handed.pos == none && s.e.N == 1 {
		j.first(c, s)
	}
}

// asked judges that a client had asked for what a node says it settled.
func (j *consumerJudge) asked(c *consumerSeen, s *seen) {
	if !c.known || !c.explicit() || s.e.Why != "ack" && s.e.Why != "term" {
		return
	}
	f := &j.found[fAsked]
	f.checked++
	m := j.log.msg
	called, n := m.acked, m.ackN
	if s.e.Why == "term" {
		called, n = m.termCall != none, m.termN
	}
	if !called {
		f.broken(fmt.Sprintf("%s settled %s by %s %s, which no client had called.", nodeName(s.e.Node), c.place(m.seq), s.e.Why, when(s.e)), s.pos)
		return
	}
	if n == 0 || s.e.N < 2 {
		return
	}
	f = &j.found[fFenced]
	f.checked++
	if s.e.N > n {
		f.broken(fmt.Sprintf("%s settled delivery %d of %s by %s %s, although clients had called that only of delivery %d and before.", nodeName(s.e.Node), s.e.N, c.place(m.seq), s.e.Why, when(s.e), n),
			m.handed.pos, m.ackCall, s.pos)
	}
}

// early judges the time between two deliveries.
func (j *consumerJudge) early(c *consumerSeen, m *lease, s *seen) {
	wait, from := c.wait(m.handed.n), m.handed.t
	if wait == 0 || s.e.N != m.handed.n+1 {
		return // a delivery in between was never handed out: its wait is not known
	}
	f := &j.found[fEarly]
	f.checked++
	if m.naked != none && m.nakN == m.handed.n && m.naked > m.handed.pos {
		if m.delay == 0 {
			return
		}
		// An ack wait that ends before the delay may bring it, too: the nak may have been lost.
		if s.e.Time >= from+wait {
			return
		}
		wait, from = m.delay, m.nakT
	}
	if p := &m.progress; p.n == m.handed.n && p.pos > m.handed.pos && j.steady(p.t) {
		from = p.t
	}
	if least := j.rec.clocks.least(wait, from, s.e.Time); s.e.Time-from < least {
		f.broken(fmt.Sprintf("Message %d for consumer %s was handed out %s and again %s, %s after its wait of %s had begun.", m.seq, c.name, j.at(m.handed.pos), when(s.e), seconds(s.e.Time-from), seconds(wait)), m.handed.pos, s.pos)
	}
}

// steady tells whether leaders are there again at a time, and none that was deposed still takes in what clients say.
func (j *consumerJudge) steady(t int64) bool {
	return j.rec.marks.healed != none && t >= j.rec.healedT+steadyAfter
}

// ordered judges that a first delivery is of a later message than those before.
func (j *consumerJudge) ordered(c *consumerSeen, s *seen) {
	key := pair{c.id, int32(c.lives)}
	f := &j.found[fOrder]
	highest, any := j.firsts[key]
	if any {
		f.checked++
		if s.e.Seq < highest {
			f.broken(fmt.Sprintf("Consumer %s handed out message %d for the first time %s, after message %d.", c.name, s.e.Seq, when(s.e), highest), s.pos)
		}
	}
	j.firsts[key] = max(highest, s.e.Seq)
}

// first judges the order in which a node says that it hands out first deliveries.
func (j *consumerJudge) first(c *consumerSeen, s *seen) {
	j.ordered(c, s)
	if c.cfg.Ack != "none" || !c.known || c.cfg.Deliver == "last_per_subject" {
		return
	}
	// What a leader counted and did not come to hand out is lost with its reign; the next one goes on behind it.
	reign := len(j.log.reigns[c.stream])
	if last, ok := j.lasts[c.id]; ok && last.life == c.lives && last.node == s.e.Node && last.reign == reign {
		j.skipped(c, last, s)
	}
	j.lasts[c.id] = handedOut{s.e.Seq, s.pos, c.lives, s.e.Node, reign}
}

// skipped looks for messages between two that a consumer without acks handed out one after the other.
func (j *consumerJudge) skipped(c *consumerSeen, last handedOut, s *seen) {
	for seq := last.seq + 1; seq < s.e.Seq && seq-last.seq < 10_000; seq++ {
		m, ok := j.log.stored(c.stream, seq)
		if !ok || m.pos > s.pos || m.removed != none || j.rec.rulesOf(c.stream).removedBy(seq, s.pos) || m.subject == none || !c.filters(j.rec.subjects.names[m.subject]) || m.acked == none {
			continue
		}
		j.found[fOrder].broken(fmt.Sprintf("Consumer %s went from message %d to %d %s and left out %d, which was stored and never removed.", c.name, last.seq, s.e.Seq, when(s.e), seq), last.pos, m.pos, s.pos)
		return
	}
}

// pending judges how much is handed out and not settled.
func (j *consumerJudge) pending(c *consumerSeen, s *seen, out bool) {
	if !c.known || c.cfg.Ack == "none" {
		return
	}
	o := j.out[c.id]
	if o == nil || o.life != c.lives {
		o = &outstanding{life: c.lives, open: map[uint64]bool{}}
		j.out[c.id] = o
	}
	if !out {
		delete(o.open, s.e.Seq)
		return
	}
	if j.log.msg.settled != none {
		return
	}
	o.open[s.e.Seq] = true
	limit := c.cfg.MaxPending
	if limit == 0 {
		limit = defaultMaxPending
	}
	f := &j.found[fMaxPending]
	f.checked++
	if c.explicit() && limit > 0 && int64(len(o.open)) > limit {
		f.broken(fmt.Sprintf("Consumer %s had %d messages handed out and not settled %s; its maximum is %d.", c.name, len(o.open), when(s.e), limit), s.pos)
	}
}

// returned judges a confirmed ack, and an answer about a consumer.
func (j *consumerJudge) returned(c *consumerSeen, s *seen) {
	o := &j.rec.ops[s.op]
	switch o.verb {
	case ack, term:
		j.found[fFinal].checked++
		j.fenced(c, o, s)
	case consumerInfo:
		j.floorAnswer(c, o, s)
	}
}

// fenced judges whether the confirmed ack was of the newest delivery that a client had received by then.
func (j *consumerJudge) fenced(c *consumerSeen, o *op, s *seen) {
	m := j.log.msg
	newest := receipt{}
	for _, r := range m.got {
		if r.pos < o.call && r.n > newest.n {
			newest = r
		}
	}
	if len(m.got) < 2 || o.n == 0 {
		return
	}
	f := &j.found[fFenced]
	f.checked++
	if newest.n > o.n {
		f.broken(fmt.Sprintf("%s acked delivery %d of %s %s and had it confirmed %s, although delivery %d had been received %s before.",
			j.rec.clients.names[o.client], o.n, c.place(m.seq), j.at(o.call), when(s.e), newest.n, j.at(newest.pos)), newest.pos, o.call, s.pos)
	}
}

func (j *consumerJudge) finish(h *history.History) []Verdict {
	var out []Verdict
	for i := range j.found {
		f := &j.found[i]
		v := Verdict{Guarantee: judgedIDs[i], Value: spec.Holds, Stats: Stats{Checked: f.checked, Anomalies: f.anomalies}}
		switch {
		case f.anomalies > 0:
			v.Value, v.Sentence, v.Certificate = spec.Violated, f.sentence, certificate(h, f.certificate...)
			if f.anomalies > 1 {
				v.Sentence += fmt.Sprintf(" %d such cases in all.", f.anomalies)
			}
			v.Stats.Examples = f.examples
		case f.checked == 0:
			v.Value, v.Sentence = spec.NotExercised, unexercised[i]
		default:
			v.Sentence = fmt.Sprintf(held[i], f.checked)
		}
		out = append(out, v)
	}
	return out
}

var unexercised = [judged]string{
	fPhantom:    "No consumer delivered anything.",
	fFinal:      "No ack was confirmed.",
	fFenced:     "No ack of a message that was delivered more than once was confirmed.",
	fCounts:     "Nothing was delivered twice.",
	fEarly:      "Nothing was seen to be delivered twice.",
	fMaxDeliver: "No consumer with a maximum of deliveries delivered anything.",
	fMaxPending: "No node was seen to deliver for a consumer with acks.",
	fAsked:      "No node was seen to settle a message by an ack or a term.",
	fFloor:      "No ack floor was seen twice.",
	fOrder:      "No node was seen to deliver two messages for the first time.",
}

var held = [judged]string{
	fPhantom:    "%d deliveries, each of a message that was published, and of the one stored there.",
	fFinal:      "%d confirmed acks, and nothing handed out again after one.",
	fFenced:     "%d confirmed acks of messages delivered more than once, each of the newest delivery received.",
	fCounts:     "%d deliveries of messages delivered before, each with a count of its own.",
	fEarly:      "%d redeliveries, none before its time.",
	fMaxDeliver: "%d deliveries, none beyond the maximum.",
	fMaxPending: "%d deliveries, never more than the maximum handed out and not settled.",
	fAsked:      "%d messages settled, each as a client had asked.",
	fFloor:      "%d ack floors, none below the one before, nor above what is unsettled.",
	fOrder:      "%d first deliveries, each of a later message than the one before.",
}
