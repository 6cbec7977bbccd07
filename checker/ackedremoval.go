package checker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/spec"
	"github.com/brokerlab/brokerlab/model/subject"
)

// ackedRemovalJudge judges acked-removal: what a work queue or an interest stream removes as done with, every consumer
// that wanted it was done with; and what all confirmed to be done with is gone in the end.
type ackedRemovalJudge struct {
	tally
	rec     *record
	ledgers *ledgers
	streams []*wanted // by stream; nil: messages do not leave it with acks
	text    string
}

// wanted is who wants the messages of one stream.
type wanted struct {
	rules     *rules
	consumers []*taker
	unwanted  map[uint64]int32 // by sequence: the event that removed it since nobody was interested
	suspects  []suspected
}

// suspected is a removal, at pos, of a message stored at stored for reason why, while a consumer that takes its subject
// was not done with it (nil: while none was): wrong, if that consumer existed. Only the end tells when it was made.
type suspected struct {
	seq         uint64
	subject     int32
	value       int32
	stored, pos int32
	by          *taker
}

// taker is one consumer.
type taker struct {
	cfg     history.Consumer
	id      int32
	from    int32 // it exists for certain from here on, or never
	made    bool  // somebody was seen to make it
	gone    int32 // it may be deleted from here on, or never
	settled map[uint64]*settleCalls
	upTo    uint64 // highest sequence that a client acked, where that settles all below
}

// settleCalls is what clients did about one message.
type settleCalls struct {
	call      int32 // first
	confirmed int32 // first confirmation, or none
}

func (j *ackedRemovalJudge) wants() class { return calls | returns | obs }

func (j *ackedRemovalJudge) broken() bool { return false }

func (j *ackedRemovalJudge) stream(id int32) *wanted {
	for len(j.streams) <= int(id) {
		x := j.rec.rulesOf(int32(len(j.streams)))
		if !x.settles() {
			j.streams = append(j.streams, nil)
			continue
		}
		w := &wanted{rules: x, unwanted: map[uint64]int32{}}
		for i := range x.cfg.Consumers {
			c := &x.cfg.Consumers[i]
			w.consumers = append(w.consumers, &taker{
				cfg: *c, id: j.rec.consumerOf(int32(len(j.streams)), c.Name), from: before, gone: never, settled: map[uint64]*settleCalls{},
			})
		}
		j.streams = append(j.streams, w)
	}
	return j.streams[id]
}

// taker returns the consumer numbered id; one that the header does not describe is added, and is never certain.
func (w *wanted) taker(id int32) *taker {
	for _, c := range w.consumers {
		if c.id == id {
			return c
		}
	}
	c := &taker{id: id, from: never, made: true, gone: before, settled: map[uint64]*settleCalls{}}
	w.consumers = append(w.consumers, c)
	return c
}

func (j *ackedRemovalJudge) see(s *seen) {
	if s.stream == none {
		return
	}
	w := j.stream(s.stream)
	if w == nil {
		return
	}
	switch {
	case s.consumer != none && s.op != none:
		w.taker(s.consumer).asked(s, &j.rec.ops[s.op])
	case s.consumer != none:
		w.taker(s.consumer).observed(s)
	case s.op != none:
		j.skipped(w, s)
	case s.e.Verb == obsRemoved && j.ledgers.changed != nil:
		j.removed(w, s)
	}
}

// asked takes a client's operation on the consumer.
func (c *taker) asked(s *seen, o *op) {
	call := s.e.Kind == history.Invoke
	switch {
	case o.verb == createConsumer && call && !c.made:
		c.made, c.from = true, never
	case o.verb == createConsumer && s.e.Kind == history.OK:
		c.from = min(c.from, s.pos)
	case o.verb == deleteConsumer && call:
		c.gone = min(c.gone, s.pos)
	case (o.verb == ack || o.verb == term) && call:
		if c.settled[o.asked] == nil {
			c.settled[o.asked] = &settleCalls{s.pos, none}
		}
		if c.cfg.Ack == "all" {
			c.upTo = max(c.upTo, o.asked)
		}
	case (o.verb == ack || o.verb == term) && s.e.Kind == history.OK:
		if x := c.settled[o.asked]; x != nil && x.confirmed == none {
			x.confirmed = s.pos
		}
	}
}

func (c *taker) observed(s *seen) {
	switch s.e.Verb {
	case obsConsumerCreated:
		if !c.made {
			c.made, c.from = true, never
		}
		c.from = min(c.from, s.pos)
	case obsConsumerDeleted:
		c.gone = min(c.gone, s.pos)
	}
}

// takes tells whether the consumer wants messages of a subject.
func (c *taker) takes(to string) bool {
	return len(c.cfg.Filters) == 0 || slices.ContainsFunc(c.cfg.Filters, func(f string) bool { return subject.Match(f, to) })
}

// needs tells whether the consumer certainly wants message seq, stored at position stored, and may not be deleted by now. One
// that is ephemeral may vanish by itself, and need not be in the log.
func (c *taker) needs(seq uint64, stored, now int32, to string) bool {
	if c.cfg.Ephemeral || c.gone < now || c.from > stored || !c.takes(to) {
		return false
	}
	return c.cfg.Deliver != "by_start_time" && (c.cfg.Deliver != "by_start_sequence" || seq >= c.cfg.StartSeq)
}

// may tells whether the consumer may be done with message seq: a client settled it, or the delivery alone did.
func (c *taker) may(seq uint64) bool {
	return c.settled[seq] != nil || c.cfg.Ack == "none" || seq <= c.upTo
}

// removed judges a removal that acks are the reason of, or that nobody was interested.
func (j *ackedRemovalJudge) removed(w *wanted, s *seen) {
	l := j.ledgers.changed
	m := l.msgs.value(s.e.Seq)
	if s.e.Why == machine.RuleNoInterest && m.pos == 0 {
		w.unwanted[s.e.Seq] = s.pos
		return
	}
	x := l.subjectOf(s.e.Seq, j.rec)
	if s.e.Why != machine.RuleAck && s.e.Why != machine.RuleNoInterest || x == none {
		return
	}
	j.checked++
	to, anybody := j.rec.subjects.names[x], false
	for _, c := range w.consumers {
		may := c.may(s.e.Seq)
		anybody = anybody || may || c.gone < s.pos
		if !may && c.takes(to) {
			w.suspects = append(w.suspects, suspected{s.e.Seq, x, m.value, m.pos - 1, s.pos, c})
		}
	}
	if !anybody && w.rules.cfg.Retention == "workqueue" {
		w.suspects = append(w.suspects, suspected{s.e.Seq, x, m.value, m.pos - 1, s.pos, nil})
	}
}

// skipped takes the acknowledgement of a publish that was not kept since nobody was interested.
func (j *ackedRemovalJudge) skipped(w *wanted, s *seen) {
	o := &j.rec.ops[s.op]
	if !o.stores() || o.verb != publish || o.ret != s.pos || o.subject == none {
		return
	}
	pos, ok := w.unwanted[o.seq]
	if !ok {
		return
	}
	j.checked++
	for _, c := range w.consumers {
		if c.takes(j.rec.subjects.names[o.subject]) {
			w.suspects = append(w.suspects, suspected{o.seq, o.subject, o.value, o.call, pos, c})
		}
	}
}

// judge says which suspected removals were wrong.
func (j *ackedRemovalJudge) judge(h *history.History, stream int32, w *wanted) {
	for _, x := range w.suspects {
		if x.by != nil && !x.by.needs(x.seq, x.stored, x.pos, j.rec.subjects.names[x.subject]) {
			continue
		}
		name, e := place(j.rec.streams.names[stream], x.seq), &h.Events[x.pos]
		if !j.found(name, x.stored, x.pos) {
			continue
		}
		why := "no client of any consumer had settled it"
		switch {
		case e.Why == machine.RuleNoInterest:
			why = fmt.Sprintf("consumer %s takes it, and was there before", x.by.cfg.Name)
		case x.by != nil:
			why = fmt.Sprintf("consumer %s takes it, and no client of it had settled it", x.by.cfg.Name)
		}
		j.text = fmt.Sprintf("%s removed %s (message %s) %s for the reason %s, but %s.", nodeName(e.Node), name, j.rec.nameOf(x.value), when(e), e.Why, why)
	}
}

// orphans judges what is still there in the end though every consumer that may want it was told that it is settled.
func (j *ackedRemovalJudge) orphans(h *history.History) {
	for id, w := range j.streams {
		if w == nil || id >= len(j.ledgers.of) || j.ledgers.of[id].vague || len(w.consumers) == 0 {
			continue
		}
		l := j.ledgers.of[id]
		for _, seq := range l.all.seqs {
			x := l.subjectOf(seq, j.rec)
			if !l.holds(seq) || x == none {
				continue
			}
			cert, all := []int32{l.msgs.value(seq).pos - 1, j.rec.marks.drained}, false
			for _, c := range w.consumers {
				if c.cfg.Name != "" && !c.takes(j.rec.subjects.names[x]) {
					continue
				}
				at := c.settled[seq]
				if all = at != nil && at.confirmed != none && at.confirmed < j.rec.marks.drained; !all {
					break
				}
				cert = append(cert, at.call, at.confirmed)
			}
			if !all {
				continue
			}
			j.checked++
			name := place(j.rec.streams.names[id], seq)
			slices.SortFunc(cert, func(a, b int32) int { return cmp.Compare(a, b) })
			if j.found(name, cert[:min(len(cert), 8)]...) {
				j.text = fmt.Sprintf("%s (message %s) is still there after the drain (#%d), though each consumer that takes it was told that it is settled.",
					name, j.rec.nameOf(l.msgs.value(seq).value), h.Events[j.rec.marks.drained].Index)
			}
		}
	}
}

func (j *ackedRemovalJudge) finish(h *history.History) []Verdict {
	for id, w := range j.streams {
		if w != nil {
			j.judge(h, int32(id), w)
		}
	}
	if j.rec.marks.drained != none {
		j.orphans(h)
	}
	return j.verdict(h, spec.AckedRemoval, "No work queue or interest stream was seen to remove what consumers were done with.",
		fmt.Sprintf("Each of %s was one that every consumer concerned was done with.", number(j.checked, "removal", "removals")), func() string { return j.text })
}
