package checker

import (
	"fmt"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// returnJudge judges replica-returns.
type returnJudge struct {
	rec      *record
	absences *absences
	bound    int64
}

func (j *returnJudge) wants() class { return 0 }

func (j *returnJudge) see(*seen) {}

func (j *returnJudge) broken() bool { return false }

func (j *returnJudge) finish(h *history.History) []Verdict {
	v := Verdict{Guarantee: spec.ReplicaReturns}
	first, outvoted, open := none, none, int64(0)
	var slowest int64
	for i := range j.absences.all {
		x := &j.absences.all[i]
		owed := max(x.time, j.rec.healedT) + j.bound
		switch {
		case x.group.deleted:
		case x.outvoted:
			if outvoted == none {
				outvoted = int32(i)
			}
			v.Stats.count("of groups that lost more than a minority", 1)
		case x.back != none && x.backT <= owed:
			v.Stats.Checked++
			slowest = max(slowest, x.backT-x.time)
		case j.rec.marks.healed == none || j.rec.nowT < owed:
			open++
		default:
			v.Stats.Checked++
			v.Stats.Anomalies++
			v.Stats.example(fmt.Sprintf("%s of %s (#%d)", nodeName(x.node), j.name(x), h.Events[x.pos].Index))
			if first == none {
				first = int32(i)
			}
		}
	}
	v.Stats.count("cut off by the end", open)
	j.conclude(h, &v, first, outvoted, open, slowest)
	return []Verdict{v}
}

func (j *returnJudge) conclude(h *history.History, v *Verdict, first, outvoted int32, open, slowest int64) {
	switch {
	case first != none:
		x := &j.absences.all[first]
		v.Value = spec.Violated
		v.Sentence = fmt.Sprintf("%s lost its part of %s %s (%s), while most of its replicas kept theirs, and %s. Of %s %d came too late or never.", nodeName(x.node), j.name(x),
			when(&h.Events[x.pos]), h.Events[x.pos].Why, j.howLate(h, x), number(v.Stats.Checked, "return", "returns"), v.Stats.Anomalies)
		at := []int32{x.pos, j.rec.marks.healed}
		if x.back != none {
			at = append(at, x.back)
		}
		v.Certificate = certificate(h, at...)
	case open > 0:
		v.Value = spec.Unknown
		v.Sentence = fmt.Sprintf("The history ends before the bound of %s is over for %s.", seconds(j.bound), number(open, "loss", "losses"))
	case v.Stats.Checked > 0:
		v.Value = spec.Holds
		v.Sentence = fmt.Sprintf("%s, the slowest %s after it was lost.", number(v.Stats.Checked, "lost replica counts again", "lost replicas count again"), seconds(slowest))
	case outvoted != none:
		x := &j.absences.all[outvoted]
		v.Value = spec.NotExercised
		var who []string
		for i := range j.absences.all {
			if o := &j.absences.all[i]; o.outvoted && (o.group == x.group || o.group.stream == none) {
				where := ""
				if o.group != x.group {
					where = " to " + j.name(o)
				}
				who = append(who, nodeName(o.node)+where+" "+when(&h.Events[o.pos]))
			}
		}
		v.Sentence = fmt.Sprintf("More than a minority of the replicas of %s was lost at once (%s): it stands still rather than go on without what it had promised.",
			j.name(x), strings.Join(who, ", "))
	default:
		v.Value, v.Sentence = spec.NotExercised, "No replica was seen to be lost."
	}
}

func (j *returnJudge) howLate(h *history.History, x *absence) string {
	if x.back == none {
		return "never counted again"
	}
	return fmt.Sprintf("counted again only %s", when(&h.Events[x.back]))
}

func (j *returnJudge) name(x *absence) string {
	if x.group.stream == none {
		return "the group of the cluster"
	}
	return j.rec.streams.names[x.group.stream]
}
