package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// skipped judges nothing-skipped: a consumer that says that it is at its end has had every message handled. That a client received a
// message is not enough: it may have died with it.
func (j *drainJudge) skipped(h *history.History) Verdict {
	v := Verdict{Guarantee: spec.NothingSkipped, Value: spec.Holds}
	for _, c := range j.log.list {
		if c == nil || !c.known || !c.single() || c.cfg.Ephemeral || j.deleted[c.id] || int(c.stream) >= len(j.log.at) {
			continue
		}
		a, worked := j.answers[c.id]
		if !worked || a.pending > 0 || a.unready > 0 {
			continue // consumer-not-stuck says whether it should have come to its end
		}
		for _, seq := range j.sequences(c.stream) {
			m := j.log.at[c.stream][seq]
			if m.acked == none || m.acked > a.pos || m.subject == none || m.clash || m.removed != none || !c.covers(j.rec.subjects.names[m.subject]) {
				continue
			}
			l := c.msgs[seq]
			if c.mayRunOut(l) || j.log.lostCounts(c, l) {
				continue
			}
			v.Stats.Checked++
			if l != nil && l.ackCall != none {
				continue
			}
			if v.Stats.Anomalies++; v.Stats.Anomalies == 1 {
				j.skippedFirst(h, &v, c, seq, l)
			}
			v.Stats.example(fmt.Sprintf("%s: %d", c.name, seq))
		}
	}
	switch {
	case v.Stats.Checked == 0:
		v.Value, v.Sentence = spec.NotExercised, "No consumer whose messages are settled one by one came to its end."
	case j.rec.marks.drained == none:
		v.Value, v.Sentence, v.Certificate = spec.Unknown, "The history has no final drain.", nil
	case v.Stats.Anomalies > 0:
		v.Value = spec.Violated
		v.Sentence += fmt.Sprintf(" In all %s.", number(v.Stats.Anomalies, "message was passed over", "messages were passed over"))
	default:
		v.Sentence = fmt.Sprintf("Each of %s was acked by a client.", number(v.Stats.Checked, "acknowledged message for a consumer", "acknowledged messages for consumers"))
	}
	return v
}

// mayRunOut says whether a consumer with a maximum of deliveries may have given a message up: only a node knows how often
// it was handed out.
func (c *consumerSeen) mayRunOut(l *lease) bool {
	return c.cfg.MaxDeliver > 0 && (l == nil || l.out.pos == none || l.out.n >= c.cfg.MaxDeliver)
}

// skippedFirst tells of the first that was passed over.
func (j *drainJudge) skippedFirst(h *history.History, v *Verdict, c *consumerSeen, seq uint64, l *lease) {
	m, a := j.log.at[c.stream][seq], j.answers[c.id]
	cert, got := []int32{m.acked}, "never delivered"
	if l != nil && len(l.got) > 0 {
		last := l.got[len(l.got)-1].pos
		cert = append(cert, last)
		got = fmt.Sprintf("delivered last %s to %s, which did not ack it", when(&h.Events[last]), h.Events[last].Client)
	}
	v.Certificate = certificate(h, append(cert, a.pos)...)
	v.Sentence = fmt.Sprintf("Message %s was acknowledged as %s %s, and %s; consumer %s says %s that nothing is left.",
		j.rec.nameOf(m.value), place(j.rec.streams.names[c.stream], seq), when(&h.Events[m.acked]), got, c.name, when(&h.Events[a.pos]))
}
