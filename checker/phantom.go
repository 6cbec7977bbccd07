package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// sighting tells whether s shows a value that somebody else must have published: an answered
// read, a delivery from a consumer, or a node's own statement.
func sighting(rec *record, s *seen) bool {
	if s.value == none {
		return false
	}
	if s.op == none {
		return s.e.Verb != obsDropped // a message of core messaging, which no stream holds
	}
	o := &rec.ops[s.op]
	return o.reads() && o.status == done && !o.notFound
}

// phantomJudge judges no-phantom: each value seen was published before.
type phantomJudge struct {
	rec     *record
	checked int64
	count   int64
	first   int32 // position plus one
	lines   Stats
}

func (j *phantomJudge) wants() class { return returns | obs | deliveries }

func (j *phantomJudge) broken() bool { return j.count > 0 }

func (j *phantomJudge) see(s *seen) {
	if !sighting(j.rec, s) {
		return
	}
	j.checked++
	if j.rec.values[s.value].pub != none {
		return
	}
	if j.count++; j.first == 0 {
		j.first = s.pos + 1
	}
	j.lines.example(fmt.Sprintf("%s %s", j.rec.names.names[s.value], when(s.e)))
}

func (j *phantomJudge) finish(h *history.History) []Verdict {
	v := Verdict{Guarantee: spec.NoPhantom, Value: spec.Holds, Stats: j.lines}
	v.Stats.Checked, v.Stats.Anomalies = j.checked, j.count
	switch {
	case j.checked == 0:
		v.Value, v.Sentence = spec.NotExercised, "No value was read or seen in a store."
	case j.count == 0:
		v.Sentence = fmt.Sprintf("%s of messages, each published before.", number(j.checked, "sighting", "sightings"))
	default:
		e := &h.Events[j.first-1]
		id := j.rec.names.find(e.Value)
		pub := none
		tail := "nobody ever published it."
		if op := j.rec.values[id].pub; op != none {
			pub = j.rec.ops[op].call
			tail = fmt.Sprintf("it was published only later, %s.", when(&h.Events[pub]))
		}
		v.Value, v.Certificate = spec.Violated, certificate(h, j.first-1, pub)
		v.Sentence = fmt.Sprintf("Message %s was %s %s, but %s", e.Value, sightedBy(e), when(e), tail)
	}
	return []Verdict{v}
}

// sightedBy says who saw the value of e.
func sightedBy(e *history.Event) string {
	if e.Kind == history.Deliver {
		return "delivered to " + e.Client
	}
	if e.Kind != history.Obs {
		return "read by " + e.Client
	}
	return fmt.Sprintf("%s by %s", e.Verb, nodeName(e.Node))
}

// abortedJudge judges no-aborted-read: no value of a failed publish is ever seen.
type abortedJudge struct {
	rec     *record
	firstAt []int32 // by value: position plus one of its first sighting
	failed  int64
	checked int64
	count   int64
	cert    [2]int32 // sighting and failure of the first anomaly
	lines   Stats
}

func (j *abortedJudge) wants() class { return returns | obs | deliveries }

func (j *abortedJudge) broken() bool { return j.count > 0 }

func (j *abortedJudge) see(s *seen) {
	if s.value == none {
		return
	}
	for len(j.firstAt) <= int(s.value) {
		j.firstAt = append(j.firstAt, 0)
	}
	v := &j.rec.values[s.value]
	if s.op != none && j.rec.ops[s.op].verb == publish {
		if j.rec.ops[s.op].status == failed {
			j.failed++
			if at := j.firstAt[s.value]; at > 0 && v.failed == v.tries {
				j.found(s.value, at-1, s.pos)
			}
		}
		return
	}
	if !sighting(j.rec, s) {
		return
	}
	j.checked++
	if j.firstAt[s.value] > 0 {
		return
	}
	j.firstAt[s.value] = s.pos + 1
	if v.tries > 0 && v.failed == v.tries {
		j.found(s.value, s.pos, j.rec.ops[v.again].ret)
	}
}

func (j *abortedJudge) found(val, sight, fail int32) {
	if j.count++; j.count == 1 {
		j.cert = [2]int32{sight, fail}
	}
	j.lines.example(j.rec.names.names[val])
}

func (j *abortedJudge) finish(h *history.History) []Verdict {
	v := Verdict{Guarantee: spec.NoAbortedRead, Value: spec.Holds, Stats: j.lines}
	v.Stats.Checked, v.Stats.Anomalies = j.failed, j.count
	v.Stats.count("sightings", j.checked)
	switch {
	case j.failed == 0:
		v.Value, v.Sentence = spec.NotExercised, "No publish failed."
	case j.checked == 0:
		v.Value, v.Sentence = spec.NotExercised, "No value was read or seen in a store."
	case j.count == 0:
		v.Sentence = fmt.Sprintf("None of %s was ever seen in a stream.", number(j.failed, "refused message", "refused messages"))
	default:
		sight, fail := &h.Events[j.cert[0]], &h.Events[j.cert[1]]
		pub := j.rec.numbered(fail.Op)
		v.Value = spec.Violated
		v.Certificate = certificate(h, j.rec.ops[pub].call, j.cert[0], j.cert[1])
		v.Sentence = fmt.Sprintf("Message %s was %s %s, although its publish was refused to %s %s%s.",
			sight.Value, sightedBy(sight), when(sight), h.Events[j.rec.ops[pub].call].Client, when(fail), because(fail.Err))
	}
	return []Verdict{v}
}

func because(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", text)
}
