package checker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// drainJudge judges at-least-once, nothing-skipped and consumer-not-stuck, which only the end of a history tells.
type drainJudge struct {
	rec   *record
	log   *consumerLog
	bound int64
	// answers are the last final answers about consumers, by consumer.
	answers map[int32]finalAnswer
	first   map[int32]int64 // when the first final question was answered
	deleted map[int32]bool
}

type finalAnswer struct {
	pos              int32
	pending, unready uint64
	t                int64
}

func newDrainJudge(rec *record, log *consumerLog, bound int64) *drainJudge {
	return &drainJudge{rec: rec, log: log, bound: bound, answers: map[int32]finalAnswer{}, first: map[int32]int64{}, deleted: map[int32]bool{}}
}

func (j *drainJudge) wants() class { return returns }
func (j *drainJudge) broken() bool { return false }

func (j *drainJudge) see(s *seen) {
	c := j.log.now
	if c == nil || s.e.Kind != history.OK {
		return
	}
	switch o := &j.rec.ops[s.op]; {
	case o.verb == consumerInfo && o.final:
		j.answers[c.id] = finalAnswer{s.pos, uint64(s.e.N), s.e.First, s.e.Time}
		if _, ok := j.first[c.id]; !ok {
			j.first[c.id] = s.e.Time
		}
	case o.verb == deleteConsumer:
		j.deleted[c.id] = true
	}
}

func (j *drainJudge) finish(h *history.History) []Verdict {
	return []Verdict{j.once(h), j.skipped(h), j.stuck(h)}
}

// once judges at-least-once.
func (j *drainJudge) once(h *history.History) Verdict {
	v := Verdict{Guarantee: spec.AtLeastOnce, Value: spec.Holds}
	for _, c := range j.log.list {
		if c == nil || !c.known || c.cfg.Ephemeral || j.deleted[c.id] || int(c.stream) >= len(j.log.at) {
			continue
		}
		if _, worked := j.answers[c.id]; !worked {
			continue // nobody saw to it that it was drained
		}
		for _, seq := range j.sequences(c.stream) {
			m := j.log.at[c.stream][seq]
			if m.acked == none || m.subject == none || m.clash || m.removed != none || !c.covers(j.rec.subjects.names[m.subject]) {
				continue
			}
			v.Stats.Checked++
			if l := c.msgs[seq]; l != nil && (len(l.got) > 0 || l.settled != none) {
				continue
			}
			if v.Stats.Anomalies++; v.Stats.Anomalies == 1 {
				v.Certificate = certificate(h, m.acked, j.answers[c.id].pos)
				v.Sentence = fmt.Sprintf("Message %s was acknowledged as %s %s, and consumer %s never delivered it.",
					j.rec.nameOf(m.value), place(j.rec.streams.names[c.stream], seq), when(&h.Events[m.acked]), c.name)
			}
			v.Stats.example(fmt.Sprintf("%s: %d", c.name, seq))
		}
	}
	switch {
	case v.Stats.Checked == 0:
		v.Value, v.Sentence = spec.NotExercised, "No acknowledged message was for a consumer that was drained."
	case j.rec.marks.drained == none:
		v.Value, v.Sentence = spec.Unknown, "The history has no final drain."
		v.Certificate = nil
	case v.Stats.Anomalies > 0:
		v.Value = spec.Violated
		v.Sentence += fmt.Sprintf(" In all %s.", number(v.Stats.Anomalies, "message was never delivered", "messages were never delivered"))
	default:
		v.Sentence = fmt.Sprintf("Each of %s was delivered, or settled.", number(v.Stats.Checked, "acknowledged message for a consumer", "acknowledged messages for consumers"))
	}
	return v
}

// sequences are those of a stream of which something is known, in order.
func (j *drainJudge) sequences(stream int32) []uint64 {
	seqs := make([]uint64, 0, len(j.log.at[stream]))
	for seq := range j.log.at[stream] { // map order: sorted below
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	return seqs
}

// stuck judges consumer-not-stuck.
func (j *drainJudge) stuck(h *history.History) Verdict {
	v := Verdict{Guarantee: spec.ConsumerProgress, Value: spec.Holds}
	var ids []int32
	for id := range j.answers { // map order: sorted below
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b int32) int { return cmp.Compare(a, b) })
	open := false
	for _, id := range ids {
		c, a := j.log.list[id], j.answers[id]
		v.Stats.Checked++
		if a.pending == 0 && a.unready == 0 {
			continue
		}
		if a.t-j.first[id] < 3*j.bound {
			open = true // asked for too short a time to tell
			continue
		}
		if v.Stats.Anomalies++; v.Stats.Anomalies == 1 {
			v.Certificate = certificate(h, j.rec.marks.healed, a.pos)
			v.Sentence = fmt.Sprintf("Consumer %s still had %s pending and %d unsettled %s, %s after its drain began.", c.name, number(int64(a.pending), "message", "messages"), a.unready, when(&h.Events[a.pos]), seconds(a.t-j.first[id]))
		}
	}
	switch {
	case v.Stats.Checked == 0 || j.rec.marks.healed == none:
		v.Value, v.Sentence = spec.NotExercised, "No consumer was drained after healing."
	case v.Stats.Anomalies > 0:
		v.Value = spec.Violated
	case open:
		v.Value, v.Sentence = spec.Unknown, "The history ends before a consumer had the time to come to its end."
	default:
		v.Sentence = fmt.Sprintf("After healing %s to have nothing pending and nothing unsettled.", number(v.Stats.Checked, "consumer came", "consumers came"))
	}
	return v
}
