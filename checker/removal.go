package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/spec"
)

// removalJudge judges removal-by-rule: what leaves a stream does so by the rule that the node names, and that rule
// covers it; and what a client had removed is gone.
type removalJudge struct {
	tally
	rec     *record
	ledgers *ledgers
	text    string // of the first anomaly
	unknown int64  // removals for a reason that is none
}

func (j *removalJudge) wants() class { return returns | obs }

func (j *removalJudge) broken() bool { return j.count > 0 }

func (j *removalJudge) see(s *seen) {
	if s.op != none && s.e.Kind == history.OK && s.stream != none {
		j.carriedOut(&j.rec.ops[s.op], s)
		return
	}
	l := j.ledgers.changed
	if l == nil || s.e.Verb != obsRemoved {
		return
	}
	j.checked++
	why, cert := j.wrong(l, s)
	if why == "" {
		return
	}
	name := place(j.rec.streams.names[s.stream], s.e.Seq)
	m := l.msgs.value(s.e.Seq)
	if m.value != none && m.pos > 0 {
		name += fmt.Sprintf(" (message %s)", j.rec.nameOf(m.value))
	}
	if j.found(name+" for "+s.e.Why, append(cert, m.pos-1, s.pos)...) {
		j.text = fmt.Sprintf("%s removed %s %s for the reason %s, but %s.", nodeName(s.e.Node), name, when(s.e), s.e.Why, why)
	}
}

// carriedOut judges that a purge, a delete or a rollup which was answered has removed what it names: all that was there when it was
// called, but as many as it was to keep.
func (j *removalJudge) carriedOut(o *op, s *seen) {
	l := j.ledgers.stream(s.stream)
	if o.verb != purge && o.verb != removeOne && o.rollup == noRollup || o.notFound || l.vague || !l.rules.watched {
		return
	}
	j.checked++
	left, lowest := int64(0), uint64(0)
	for _, seq := range l.all.seqs {
		m := l.msgs.value(seq)
		if !m.there || m.pos > o.call || o.verb == removeOne && seq != o.asked ||
			o.verb != removeOne && !l.rules.covers(o, message{seq: seq, subject: l.subjectOf(seq, j.rec)}) {
			continue
		}
		if left++; left == 1 {
			lowest = seq
		}
	}
	if o.verb == purge && left <= o.n || left == 0 {
		return
	}
	name := place(j.rec.streams.names[s.stream], lowest)
	if j.found(name+" despite a "+string(s.e.Verb), l.msgs.value(lowest).pos-1, o.call, s.pos) {
		j.text = fmt.Sprintf("The %s that %s called at %s was answered %s, and %s, which it names, is still there.",
			s.e.Verb, j.rec.clients.names[o.client], seconds(o.callT), when(s.e), name)
	}
}

// wrong says what is wrong with a removal, by the ledger after it, and shows further events; it is empty if nothing is.
func (j *removalJudge) wrong(l *ledger, s *seen) (string, []int32) {
	cfg := &l.rules.cfg
	bounded := l.rules.updated > s.pos // no update may have changed the limits
	refuses := s.e.Why == machine.RuleMaxMsgs || s.e.Why == machine.RuleMaxBytes || s.e.Why == machine.RuleMaxMsgsPer && cfg.DiscardNewPer
	if bounded && refuses && cfg.Discard == "new" {
		return "the stream refuses what there is no room for", nil
	}
	switch s.e.Why {
	case machine.RuleMaxMsgs:
		return j.limited(l, s, &l.all, !bounded || cfg.MaxMsgs > 0 && l.all.count+1 >= cfg.MaxMsgs, fmt.Sprintf("%d messages may be there", cfg.MaxMsgs))
	case machine.RuleMaxBytes:
		return j.limited(l, s, &l.all, !bounded || l.unsized || cfg.MaxBytes > 0 && l.bytes+2*l.largest > cfg.MaxBytes, fmt.Sprintf("%d bytes may be there", cfg.MaxBytes))
	case machine.RuleMaxMsgsPer:
		x := l.line(l.subjectOf(s.e.Seq, j.rec))
		return j.limited(l, s, x, !bounded || l.subject[0].count > 0 || cfg.MaxMsgsPer > 0 && x.count+1 >= cfg.MaxMsgsPer,
			fmt.Sprintf("%d messages of its subject may be there", cfg.MaxMsgsPer))
	case machine.RuleMaxAge:
		return j.limited(l, s, &l.all, !bounded || j.old(l, s), fmt.Sprintf("messages may become %s old", seconds(cfg.MaxAge)))
	case machine.RulePurge:
		return j.purged(l, s)
	case machine.RuleRollup:
		return j.rolledUp(l, s)
	case machine.RuleDelete:
		for _, id := range l.rules.erased[s.e.Seq] {
			if o := &j.rec.ops[id]; o.status != failed {
				return "", nil
			}
		}
		return "nobody had asked for that", nil
	case machine.RuleAck, machine.RuleNoInterest, machine.RuleSnapshot: // the first two are for acked-removal to judge
	default:
		j.unknown++
	}
	return "", nil
}

// limited judges a removal that makes room: of the oldest in x, and only if there is too much.
func (j *removalJudge) limited(l *ledger, s *seen, x *line, tooMuch bool, may string) (string, []int32) {
	if first, _ := l.ends(x); first > 0 && first < s.e.Seq {
		return place(j.rec.streams.names[s.stream], first) + " is older and still there", []int32{l.msgs.value(first).pos - 1}
	}
	if tooMuch {
		return "", nil
	}
	return may + ", and " + j.wasThere(l, s, x), nil
}

// wasThere says how much there was before the removal.
func (j *removalJudge) wasThere(l *ledger, s *seen, x *line) string {
	switch s.e.Why {
	case machine.RuleMaxBytes:
		return fmt.Sprintf("%d were", l.bytes+int64(l.msgs.value(s.e.Seq).size))
	case machine.RuleMaxAge:
		return fmt.Sprintf("it was %s old", seconds(j.age(l, s)))
	}
	return number(x.count+1, "was", "were")
}

// age is that of the message at its removal, by stamps if there are any.
func (j *removalJudge) age(l *ledger, s *seen) int64 {
	m := l.msgs.value(s.e.Seq)
	if s.e.Stamp > 0 && m.stamp > 0 {
		return s.e.Stamp - m.stamp
	}
	if m.value == none || j.rec.values[m.value].pub == none {
		return s.e.Time
	}
	return s.e.Time - j.rec.ops[j.rec.values[m.value].pub].callT
}

func (j *removalJudge) old(l *ledger, s *seen) bool {
	m := l.msgs.value(s.e.Seq)
	max, age := l.rules.cfg.MaxAge, j.age(l, s)
	if s.e.Stamp > 0 && m.stamp > 0 {
		return max > 0 && age >= max
	}
	return max > 0 && (j.rec.clocks.stepped || age >= j.rec.clocks.least(max, s.e.Time-age, s.e.Time))
}

// purged judges a removal by a purge: some purge called before covers it, and leaves as many as it was to keep.
func (j *removalJudge) purged(l *ledger, s *seen) (string, []int32) {
	why, cert := "nobody had asked for a purge", []int32(nil)
	m := message{seq: s.e.Seq, subject: l.subjectOf(s.e.Seq, j.rec)}
	for i := len(l.rules.purges) - 1; i >= 0; i-- {
		o := &j.rec.ops[l.rules.purges[i]]
		switch {
		case o.status == failed:
		case !l.rules.covers(o, m):
			if cert == nil {
				why, cert = "no purge called before covers it", []int32{o.call, o.ret}
			}
		case o.n > 0 && !j.keeps(l, o):
			why, cert = fmt.Sprintf("the purge was to keep the newest %d", o.n), []int32{o.call, o.ret}
		default:
			return "", nil
		}
	}
	return why, cert
}

// keeps tells whether what is left is as many as the purge o was to keep, as far as is known.
func (j *removalJudge) keeps(l *ledger, o *op) bool {
	switch {
	case o.subject == none:
		return l.all.count >= o.n
	case l.subject[0].count > 0:
		return true
	}
	left := int64(0)
	for x := range l.subject[1:] {
		if j.rec.matches(o.subject, int32(x)) {
			left += l.subject[x+1].count
		}
	}
	return left >= o.n
}

// rolledUp judges a removal by a rollup: the newest message is one that rolls up.
func (j *removalJudge) rolledUp(l *ledger, s *seen) (string, []int32) {
	top := l.msgs.value(l.top)
	if top.pos == 0 || top.value == none {
		return "", nil // it was not stored itself, for nobody was interested, or nobody knows who published it
	}
	m := message{seq: s.e.Seq, subject: l.subjectOf(s.e.Seq, j.rec)}
	for id := j.rec.values[top.value].again; id != none; id = j.rec.ops[id].prev {
		if o := &j.rec.ops[id]; o.verb == publish && o.rollup != noRollup && m.seq < l.top && l.rules.covers(o, m) {
			return "", nil
		}
	}
	return fmt.Sprintf("the newest message, %s, rolls up nothing of the kind", place(j.rec.streams.names[s.stream], l.top)), []int32{top.pos - 1}
}

func (j *removalJudge) finish(h *history.History) []Verdict {
	j.lines.count("for a reason that is no rule", j.unknown)
	return j.verdict(h, spec.RemovalByRule, "Nothing was seen to be removed from a stream.",
		fmt.Sprintf("Each of %s was one that its rule covers.", number(j.checked, "removal", "removals")),
		func() string {
			return j.text + " In all " + number(j.count, "removal was", "removals were") + " wrong."
		})
}
