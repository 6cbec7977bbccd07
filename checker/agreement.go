package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// agreementJudge judges replica-agreement: at all times for what is stored, and as equality
// after the drain.
type agreementJudge struct {
	rec    *record
	stores *stores
	stored int64
	// suspects are contents of nodes that are down and that another node has contradicted:
	// judged when the node says what it still holds.
	suspects []suspect
	count    int64
	at       disagreement
	lines    Stats
}

type suspect struct {
	stream    int32
	seq       uint64
	down, now *replica
}

// disagreement is two replicas that differ at a sequence.
type disagreement struct {
	ok     bool
	stream int32
	seq    uint64
	nodes  [2]uint32
	held   [2]int // variant, absent or unclear
	tops   [2]uint64
	pos    int32 // event at which it showed
}

func (j *agreementJudge) wants() class { return obs }

func (j *agreementJudge) broken() bool { return j.count > 0 }

func (j *agreementJudge) see(s *seen) {
	switch {
	case s.stream == none:
	case s.e.Verb == obsStored && j.stores.last.ok:
		j.compare(s)
	case s.e.Verb == obsRecovered:
		j.release(s)
	}
}

// compare holds what a node has just stored against what the others hold there.
func (j *agreementJudge) compare(s *seen) {
	j.stored++
	at := &j.stores.last
	for _, r := range j.stores.streams[at.stream].replicas {
		if r == at.copy || r.deleted || r.damaged {
			continue
		}
		held := r.at(at.seq)
		if held < 0 || held == int(at.variant) {
			continue
		}
		if r.unsure {
			j.suspects = append(j.suspects, suspect{at.stream, at.seq, r, at.copy})
			continue
		}
		j.found(at.stream, at.seq, r, at.copy, s.pos)
	}
}

// release judges the suspects of a node that has just said what it holds.
func (j *agreementJudge) release(s *seen) {
	rest := j.suspects[:0]
	for _, x := range j.suspects {
		if x.stream != s.stream || x.down.node != s.e.Node {
			rest = append(rest, x)
			continue
		}
		a, b := x.down.at(x.seq), x.now.at(x.seq)
		switch {
		case a < 0 || b < 0 || a == b:
		case x.now.unsure:
			rest = append(rest, suspect{x.stream, x.seq, x.now, x.down})
		default:
			j.found(x.stream, x.seq, x.down, x.now, s.pos)
		}
	}
	j.suspects = rest
}

func (j *agreementJudge) found(stream int32, seq uint64, a, b *replica, pos int32) {
	if j.count++; j.count == 1 {
		j.at = disagreement{true, stream, seq, [2]uint32{a.node, b.node}, [2]int{a.at(seq), b.at(seq)}, [2]uint64{a.top, b.top}, pos}
	}
	j.lines.example(fmt.Sprintf("%s on %s and %s", place(j.rec.streams.names[stream], seq), nodeName(a.node), nodeName(b.node)))
}

func (j *agreementJudge) finish(h *history.History) []Verdict {
	v := Verdict{Guarantee: spec.ReplicaAgreement, Value: spec.Holds}
	drained := j.rec.marks.drained != none
	many, sure := j.atEnd(drained)
	v.Stats = j.lines
	v.Stats.Checked, v.Stats.Anomalies = j.stored, j.count
	switch {
	case j.count > 0:
		v.Value = spec.Violated
		j.explain(h, &v)
	case !many:
		v.Value, v.Sentence = spec.NotExercised, "No stream was seen in the stores of two nodes."
	case !drained:
		v.Value, v.Sentence = spec.Unknown, "Replicas never differed at one number, but the history ends before its drain, so nobody compared them at the end."
	case !sure:
		v.Value, v.Sentence = spec.Unknown, "Replicas never differed at one number, but at the end no two of them were up with a known content."
	default:
		v.Sentence = fmt.Sprintf("Replicas never differed over %s, and at the end they are equal.", number(j.stored, "stored message", "stored messages"))
	}
	return []Verdict{v}
}

// atEnd compares the stores of all replicas that are up. It tells whether some stream has two
// replicas, and whether all such streams have two that can be compared.
func (j *agreementJudge) atEnd(drained bool) (many, sure bool) {
	sure = true
	for id, ss := range j.stores.streams {
		if ss.events == 0 || ss.deleted || len(ss.replicas) < 2 {
			continue
		}
		many = true
		var up []*replica
		for _, r := range ss.replicas {
			if r.trusted(j.stores) {
				up = append(up, r)
			}
		}
		sure = sure && len(up) >= 2
		for i := 1; i < len(up) && drained; i++ {
			j.equal(int32(id), ss, up[0], up[i])
		}
	}
	return many, sure
}

// equal compares two stores at every number that either was seen to hold, and where they end.
func (j *agreementJudge) equal(stream int32, ss *streamStores, a, b *replica) {
	differ := func(seq uint64) {
		x, y := a.at(seq), b.at(seq)
		if x == y || x == unclear && y >= 0 || y == unclear && x >= 0 || ss.removed(seq) && a.mayLack(seq) && b.mayLack(seq) {
			return
		}
		j.found(stream, seq, a, b, j.rec.marks.drained)
	}
	counted := j.count
	a.held.each(func(seq uint64, h *uint16) bool {
		if *h != 0 {
			differ(seq)
		}
		return true
	})
	b.held.each(func(seq uint64, h *uint16) bool {
		if *h != 0 && a.held.value(seq) == 0 {
			differ(seq)
		}
		return true
	})
	if end := min(a.top, b.top) + 1; j.count == counted && a.top != b.top {
		differ(end)
	}
}

// mayLack tells whether r does not hold seq for certain, which a rule removed somewhere: a snapshot leaves out what was
// removed before it, and nobody says so.
func (r *replica) mayLack(seq uint64) bool { return r.at(seq) < 0 || seq <= r.snapshot }

func (j *agreementJudge) explain(h *history.History, v *Verdict) {
	d, ss := &j.at, j.stores.streams[j.at.stream]
	stream := j.rec.streams.names[d.stream]
	at := []int32{d.pos}
	var part [2]string
	for i := range part {
		switch {
		case d.held[i] >= 0:
			c := ss.content(d.seq, d.held[i])
			at = append(at, c.pos-1)
			part[i] = fmt.Sprintf("%s holds message %s", nodeName(d.nodes[i]), j.valueName(h, c))
		case d.held[i] == unclear:
			part[i] = nodeName(d.nodes[i]) + " holds a message"
		case d.seq > d.tops[i]:
			part[i] = fmt.Sprintf("%s holds nothing, its store ends at %s", nodeName(d.nodes[i]), place(stream, d.tops[i]))
		case ss.removed(d.seq):
			part[i] = nodeName(d.nodes[i]) + " has removed it"
		default:
			part[i] = nodeName(d.nodes[i]) + " holds nothing"
		}
	}
	e := &h.Events[d.pos]
	moment := when(e)
	if e.Verb == history.Drained {
		moment = fmt.Sprintf("after the drain (#%d)", e.Index)
	}
	v.Sentence = fmt.Sprintf("Replicas differ at %s %s: %s; %s. In all they differ %s.", place(stream, d.seq), moment, part[0], part[1],
		number(v.Stats.Anomalies, "time", "times"))
	v.Certificate = certificate(h, at...)
}

func (j *agreementJudge) valueName(h *history.History, c content) string {
	if c.value != none {
		return j.rec.names.names[c.value]
	}
	return contentName(&h.Events[c.pos-1])
}
