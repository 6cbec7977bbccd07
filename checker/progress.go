package checker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// progressJudge judges publish-progress.
//
// A publish called right after healing may still be lost on its way, so within the first bound
// it is enough that its stream makes progress; from then on each publish must go well itself.
type progressJudge struct {
	rec      *record
	absences *absences
	bound    int64
}

func (j *progressJudge) wants() class { return 0 }

func (j *progressJudge) see(*seen) {}

func (j *progressJudge) broken() bool { return false }

func (j *progressJudge) finish(h *history.History) []Verdict {
	v := Verdict{Guarantee: spec.PublishProgress, Value: spec.Holds}
	if j.rec.marks.healed == none {
		v.Value, v.Sentence = spec.NotExercised, "The run was never marked as healed."
		return []Verdict{v}
	}
	acks := j.acks()
	cut, bad, slowest := int64(0), none, int64(0)
	for id := range j.rec.ops {
		o := &j.rec.ops[id]
		if o.verb != publish || o.call < j.rec.marks.healed {
			continue
		}
		if !j.absences.able(o.stream, o.callT, o.callT+j.bound) {
			v.Stats.count("to streams that lost more than a minority of their replicas", 1)
			continue
		}
		answered := o.status == done || o.status == failed && o.answered
		switch late := o.retT-o.callT > j.bound; {
		case answered && !late:
			slowest = max(slowest, o.retT-o.callT)
		case o.callT+j.bound > j.rec.nowT:
			cut++
			continue
		case o.callT < j.rec.healedT+j.bound && anyIn(acks[o.stream], o.callT, o.callT+j.bound):
			v.Stats.count("unanswered, but their stream went on", 1)
		default:
			v.Stats.Anomalies++
			v.Stats.example(fmt.Sprintf("%s %s", j.rec.nameOf(o.value), when(&h.Events[o.call])))
			if bad == none {
				bad = int32(id)
			}
		}
		v.Stats.Checked++
	}
	v.Stats.count("cut off by the end", cut)
	v.Stats.count("slowest in ms", slowest/1_000_000)
	j.conclude(h, &v, bad, cut, slowest)
	return []Verdict{v}
}

func (j *progressJudge) conclude(h *history.History, v *Verdict, bad int32, cut, slowest int64) {
	switch {
	case bad != none:
		o := &j.rec.ops[bad]
		v.Value = spec.Violated
		v.Certificate = certificate(h, j.rec.marks.healed, o.call, o.ret)
		v.Sentence = fmt.Sprintf("%s published %s %s, %s after the last fault was over, and %s; %s went so.", j.rec.clients.names[o.client],
			j.rec.nameOf(o.value), when(&h.Events[o.call]), seconds(o.callT-j.rec.healedT), j.howEnded(h, o), number(v.Stats.Anomalies, "publish", "publishes"))
	case v.Stats.Checked == 0 && cut > 0:
		v.Value, v.Sentence = spec.Unknown, fmt.Sprintf("The history ends before the bound of %s is over for any publish after healing.", seconds(j.bound))
	case v.Stats.Checked == 0 && v.Stats.Of("to streams that lost more than a minority of their replicas") > 0:
		v.Value, v.Sentence = spec.NotExercised, "After healing nothing was published but to streams that had lost more than a minority of their replicas, which stand still."
	case v.Stats.Checked == 0:
		v.Value, v.Sentence = spec.NotExercised, "Nothing was published after healing."
	default:
		v.Sentence = fmt.Sprintf("After healing %s within %s, the slowest in %s.", number(v.Stats.Checked, "publish was answered", "publishes were answered"), seconds(j.bound), seconds(slowest))
	}
}

func (j *progressJudge) howEnded(h *history.History, o *op) string {
	switch {
	case o.ret == none:
		return "was never answered"
	case o.status == done:
		return fmt.Sprintf("waited for its acknowledgement until %s (#%d)", seconds(o.retT), h.Events[o.ret].Index)
	case o.status == failed:
		return fmt.Sprintf("was refused %s%s", when(&h.Events[o.ret]), because(h.Events[o.ret].Err))
	}
	return fmt.Sprintf("had no answer %s%s", when(&h.Events[o.ret]), because(h.Events[o.ret].Err))
}

// acks returns by stream the times of acknowledgements, ascending.
func (j *progressJudge) acks() map[int32][]int64 {
	acks := map[int32][]int64{}
	for i := range j.rec.ops {
		if o := &j.rec.ops[i]; o.verb == publish && o.status == done {
			acks[o.stream] = append(acks[o.stream], o.retT)
		}
	}
	for _, times := range acks { // map order: each list is sorted by itself
		slices.Sort(times)
	}
	return acks
}

// anyIn tells whether some time lies in (after, until].
func anyIn(times []int64, after, until int64) bool {
	i, _ := slices.BinarySearch(times, after+1)
	return i < len(times) && times[i] <= until
}

// crashJudge judges no-crash. Damage counts where every write is synced, no node goes on with a log that was cut, and
// the node's disk is known to keep what was synced: a simulated disk that was not harmed. Elsewhere it may well be real.
type crashJudge struct {
	honest bool
	harmed map[uint32]bool // nodes whose disks lost or changed what had been synced
	seen   int64           // nodes going up or down
	failed int64           // boots that failed
	count  int64
	first  int32
	lines  Stats
}

func (j *crashJudge) wants() class { return obs }

func (j *crashJudge) broken() bool { return j.count > 0 }

func (j *crashJudge) see(s *seen) {
	switch s.e.Verb {
	case obsDamaged:
		j.damaged(s)
	case history.Harmed:
		j.harmed[s.e.Node] = true
	}
	if s.e.Verb != history.Up && s.e.Verb != history.Down {
		return
	}
	j.seen++
	switch {
	case s.e.Verb == history.Down && strings.HasPrefix(s.e.Why, history.DownWipe):
		j.harmed[s.e.Node] = true
	case s.e.Verb == history.Down && strings.HasPrefix(s.e.Why, history.DownPanic):
		if j.count++; j.count == 1 {
			j.first = s.pos
		}
		j.lines.example(fmt.Sprintf("%s %s", nodeName(s.e.Node), when(s.e)))
	case s.e.Verb == history.Down && strings.HasPrefix(s.e.Why, history.DownBootFailed):
		j.failed++
	}
}

func (j *crashJudge) damaged(s *seen) {
	if !j.honest || j.harmed[s.e.Node] {
		return
	}
	if j.count++; j.count == 1 {
		j.first = s.pos
	}
	j.lines.example(fmt.Sprintf("%s %s", nodeName(s.e.Node), when(s.e)))
}

func (j *crashJudge) finish(h *history.History) []Verdict {
	v := Verdict{Guarantee: spec.NoCrash, Value: spec.Holds, Stats: j.lines}
	v.Stats.Checked, v.Stats.Anomalies = j.seen, j.count
	v.Stats.count("boots refused", j.failed)
	switch {
	case j.seen == 0:
		v.Value, v.Sentence = spec.NotExercised, "No node was seen going up or down."
	case j.count == 0:
		v.Sentence = "No node panicked."
		if j.honest {
			v.Sentence = "No node panicked, and none took itself for damaged whose disk was sound."
		}
	default:
		e := &h.Events[j.first]
		v.Value, v.Certificate = spec.Violated, certificate(h, j.first)
		if e.Verb == obsDamaged {
			v.Sentence = fmt.Sprintf("%s took itself for damaged %s, but disks kept what was synced: %s.", nodeName(e.Node), when(e), e.Why)
			break
		}
		v.Sentence = fmt.Sprintf("%s went down %s by a panic of its own: %s.", nodeName(e.Node), when(e), strings.TrimPrefix(e.Why, history.DownPanic+": "))
	}
	return []Verdict{v}
}
