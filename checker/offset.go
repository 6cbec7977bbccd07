package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// offsetJudge judges offset-consistency: one value a sequence, one sequence a value.
type offsetJudge struct {
	rec     *record
	stores  *stores
	checked int64
	twice   int64 // further values of a sequence
	moved   map[int32]bool
	cert    [2]int32
	both    bool // cert is two values of one sequence, else two sequences of one value
	lines   Stats
}

var showers = [3]string{"acknowledgement", "read", "replica"}

func shower(e *history.Event) int {
	switch {
	case e.Kind == history.Obs && e.Verb != obsAcked:
		return 2
	case e.Kind == history.Obs || e.Verb == history.Publish:
		return 0
	}
	return 1
}

func (j *offsetJudge) wants() class { return returns | obs }

func (j *offsetJudge) broken() bool { return j.twice > 0 || len(j.moved) > 0 }

func (j *offsetJudge) see(s *seen) {
	at := &j.stores.last
	if !at.ok {
		return
	}
	j.checked++
	ss := j.stores.streams[at.stream]
	name := j.rec.streams.names[at.stream]
	if at.fresh && at.variant > 0 {
		first := ss.content(at.seq, 0).pos - 1
		if !j.broken() {
			j.cert, j.both = [2]int32{first, s.pos}, true
		}
		j.twice++
		j.lines.example(fmt.Sprintf("%s (#%d)", place(name, at.seq), s.e.Index))
	}
	// What was stored again under its id is for no-double-store to judge.
	if at.moved && !j.moved[s.value] && j.rec.values[s.value].tries <= 1 {
		if !j.broken() {
			j.cert, j.both = [2]int32{ss.posOf[s.value], s.pos}, false
		}
		if j.moved == nil {
			j.moved = map[int32]bool{}
		}
		j.moved[s.value] = true
		j.lines.example(fmt.Sprintf("%s at %s and %s (#%d)", j.rec.names.names[s.value], place(name, at.movedTo), place(name, at.seq), s.e.Index))
	}
}

func (j *offsetJudge) finish(h *history.History) []Verdict {
	v := Verdict{Guarantee: spec.OffsetConsistency, Value: spec.Holds, Stats: j.lines}
	v.Stats.Checked, v.Stats.Anomalies = j.checked, j.twice+int64(len(j.moved))
	v.Stats.count("sequences with a further value", j.twice)
	v.Stats.count("values with a further sequence", int64(len(j.moved)))
	switch {
	case j.checked == 0:
		v.Value, v.Sentence = spec.NotExercised, "No sequence number was shown by an acknowledgement, a read or a replica."
	case !j.broken():
		v.Sentence = fmt.Sprintf("%s of a number with its message, none against another.", number(j.checked, "sighting", "sightings"))
	default:
		a, b := &h.Events[j.cert[0]], &h.Events[j.cert[1]]
		v.Value = spec.Violated
		v.Certificate = certificate(h, j.callOf(a), j.cert[0], j.callOf(b), j.cert[1])
		if j.both {
			v.Sentence = fmt.Sprintf("%s names two messages: %s; and %s.", j.placeOf(a), j.shows(a), j.shows(b))
		} else {
			v.Sentence = fmt.Sprintf("Message %s has two numbers: %s; and %s.", j.valueOf(a), j.shows(a), j.shows(b))
		}
		v.Stats.count("first by "+showers[shower(a)]+", then by "+showers[shower(b)], 1)
	}
	return []Verdict{v}
}

func (j *offsetJudge) opOf(e *history.Event) *op {
	if e.Kind == history.Obs {
		return nil
	}
	return &j.rec.ops[j.rec.numbered(e.Op)]
}

func (j *offsetJudge) callOf(e *history.Event) int32 {
	if o := j.opOf(e); o != nil {
		return o.call
	}
	return none
}

func (j *offsetJudge) placeOf(e *history.Event) string {
	if o := j.opOf(e); o != nil {
		return place(j.rec.streams.names[o.stream], o.seq)
	}
	return place(e.Stream, e.Seq)
}

func (j *offsetJudge) valueOf(e *history.Event) string {
	if o := j.opOf(e); o != nil && o.value != none {
		return j.rec.names.names[o.value]
	}
	return contentName(e)
}

// contentName names the content that an observation shows.
func contentName(e *history.Event) string {
	if e.Value == "" {
		return fmt.Sprintf("with content %016x", e.Hash)
	}
	return e.Value
}

// shows says what an event shows about a number.
func (j *offsetJudge) shows(e *history.Event) string {
	val, at := j.valueOf(e), j.placeOf(e)
	switch {
	case e.Kind == history.Obs && e.Verb == obsAcked:
		return fmt.Sprintf("%s acknowledged message %s as %s %s", nodeName(e.Node), val, at, when(e))
	case e.Kind == history.Obs:
		return fmt.Sprintf("%s stored message %s as %s %s", nodeName(e.Node), val, at, when(e))
	case e.Verb == history.Publish:
		return fmt.Sprintf("message %s was acknowledged to %s as %s %s", val, e.Client, at, when(e))
	}
	return fmt.Sprintf("%s read message %s at %s %s", e.Client, val, at, when(e))
}
