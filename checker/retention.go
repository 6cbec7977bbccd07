package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// retentionJudge judges retention-limits, by what nodes were seen to hold, and by what clients read.
type retentionJudge struct {
	tally
	rec     *record
	ledgers *ledgers
	bound   int64
	text    string
	stored  []int64   // by value: when it was known to be stored, plus one
	drained []tallied // by stream: what final reads found, where nobody watched the nodes
}

// tallied counts the messages of one stream that final reads found.
type tallied struct {
	seqs        map[uint64]bool
	first, last int32
}

func (j *retentionJudge) wants() class { return returns | obs }

func (j *retentionJudge) broken() bool { return j.count > 0 }

func (j *retentionJudge) see(s *seen) {
	switch {
	case s.stream == none:
	case s.op == none:
		if l := j.ledgers.changed; l != nil && s.e.Verb == obsStored {
			j.known(s)
			j.full(l, s)
		}
	default:
		o := &j.rec.ops[s.op]
		switch {
		case o.acked() && o.value != none:
			j.known(s)
		case o.reads() && o.status == done && !o.notFound && o.value != none && !o.direct:
			j.old(o)
			j.find(o)
		}
	}
}

// known takes that the value of s is stored now.
func (j *retentionJudge) known(s *seen) {
	if s.value == none {
		return
	}
	for len(j.stored) <= int(s.value) {
		j.stored = append(j.stored, 0)
	}
	if j.stored[s.value] == 0 {
		j.stored[s.value] = s.e.Time + 1
	}
}

// full judges what was there when the message just stored came.
func (j *retentionJudge) full(l *ledger, s *seen) {
	m := l.msgs.value(s.e.Seq)
	j.limits(l, s.e, s.pos, l.all.count-1, l.bytes-int64(m.size))
	if x := l.subjectOf(s.e.Seq, j.rec); x != none {
		j.perSubject(l, s.e, s.pos, x, l.line(x).count-1)
	}
}

// limits judges that a stream holds count messages of so many bytes when event e, at pos, comes.
func (j *retentionJudge) limits(l *ledger, e *history.Event, pos int32, count, bytes int64) {
	cfg := &l.rules.cfg
	if l.vague || l.rules.updated <= pos || cfg.MaxMsgs <= 0 && cfg.MaxBytes <= 0 {
		return
	}
	j.checked++
	stream := j.rec.streams.names[l.stream]
	switch {
	case cfg.MaxMsgs > 0 && count > cfg.MaxMsgs:
		if j.found(fmt.Sprintf("%s with %d messages", stream, count), j.newest(l, e), pos) {
			j.text = fmt.Sprintf("Stream %s may hold %s and holds %d %s.", stream, number(cfg.MaxMsgs, "message", "messages"), count, when(e))
		}
	case cfg.MaxBytes > 0 && !l.unsized && bytes > cfg.MaxBytes:
		if j.found(fmt.Sprintf("%s with %d bytes", stream, bytes), j.newest(l, e), pos) {
			j.text = fmt.Sprintf("Stream %s may hold %s and holds %d %s.", stream, number(cfg.MaxBytes, "byte", "bytes"), bytes, when(e))
		}
	}
}

func (j *retentionJudge) perSubject(l *ledger, e *history.Event, pos, x int32, count int64) {
	limit := l.rules.cfg.MaxMsgsPer
	if l.vague || l.rules.updated <= pos || limit <= 0 {
		return
	}
	if j.checked++; count <= limit {
		return
	}
	stream := j.rec.streams.names[l.stream]
	if j.found(fmt.Sprintf("%s with %d messages of %s", stream, count, j.rec.subjects.names[x]), j.newest(l, e), pos) {
		j.text = fmt.Sprintf("Stream %s may hold %s of a subject and holds %d of %s %s.", stream, number(limit, "message", "messages"), count, j.rec.subjects.names[x], when(e))
	}
}

// newest is the event that stored the newest message before e, or none.
func (j *retentionJudge) newest(l *ledger, e *history.Event) int32 {
	seqs := l.all.seqs
	if n := len(seqs); n > 0 && seqs[n-1] == e.Seq && e.Verb == obsStored {
		seqs = seqs[:n-1]
	}
	if len(seqs) == 0 {
		return none
	}
	return l.msgs.value(seqs[len(seqs)-1]).pos - 1
}

// agedBound is how long after its age a message may be read once leaders are there again: they look at ages every tick.
const agedBound = 2_000_000_000

// old judges the age of a message that was read: after healing it is gone when the bound is over, and soon when leaders are there.
func (j *retentionJudge) old(o *op) {
	x := j.rec.rulesOf(o.stream)
	if x.cfg.MaxAge <= 0 || j.rec.marks.healed == none || x.updated < o.ret || j.rec.clocks.stepped || j.rec.clocks.wrong || int(o.value) >= len(j.stored) || j.stored[o.value] == 0 {
		return
	}
	if j.rec.values[o.value].tries > 1 {
		return // it may have been stored again
	}
	j.checked++
	stored := j.stored[o.value] - 1
	age := stored + x.cfg.MaxAge + x.cfg.MaxAge/50
	due := min(max(age, j.rec.healedT)+j.bound, max(age, j.rec.healedT+steadyAfter)+agedBound)
	if o.callT <= due {
		return
	}
	pub := &j.rec.ops[j.rec.values[o.value].pub]
	if j.found(fmt.Sprintf("%s, %s old", j.rec.nameOf(o.value), seconds(o.callT-stored)), pub.call, pub.ret, o.call, o.ret) {
		j.text = fmt.Sprintf("Message %s was stored by %s and read by %s at %s, asked for at %s, when it was %s old and %s had passed since the last fault; stream %s keeps messages for %s.",
			j.rec.nameOf(o.value), seconds(stored), j.rec.clients.names[o.client], seconds(o.retT), seconds(o.callT), seconds(o.callT-stored), seconds(o.callT-j.rec.healedT),
			j.rec.streams.names[o.stream], seconds(x.cfg.MaxAge))
	}
}

// find takes what a final read found.
func (j *retentionJudge) find(o *op) {
	if !o.final || j.rec.rulesOf(o.stream).watched {
		return
	}
	for len(j.drained) <= int(o.stream) {
		j.drained = append(j.drained, tallied{})
	}
	f := &j.drained[o.stream]
	if f.seqs == nil {
		f.seqs, f.first = map[uint64]bool{}, o.call
	}
	f.seqs[o.seq], f.last = true, o.ret
}

// counted judges how many messages the final reads of a stream found, if nothing can have come or gone meanwhile.
func (j *retentionJudge) counted(h *history.History) {
	last := make([]int32, len(j.drained)) // by stream: the latest end of a publish
	for i := range j.rec.ops {
		if o := &j.rec.ops[i]; o.verb == publish && o.stream != none && int(o.stream) < len(last) && o.status != failed {
			if last[o.stream] = max(last[o.stream], o.ret); o.status != done {
				last[o.stream] = never
			}
		}
	}
	for stream := range j.drained {
		f, x := &j.drained[stream], j.rec.rulesOf(int32(stream))
		if x.cfg.MaxMsgs <= 0 || x.updated != never || last[stream] > f.first {
			continue
		}
		if j.checked++; int64(len(f.seqs)) > x.cfg.MaxMsgs && j.found(j.rec.streams.names[stream], f.first, f.last) {
			j.text = fmt.Sprintf("Stream %s may hold %s, and the final reads found %d, up to the one %s.", j.rec.streams.names[stream],
				number(x.cfg.MaxMsgs, "message", "messages"), len(f.seqs), when(&h.Events[f.last]))
		}
	}
}

func (j *retentionJudge) finish(h *history.History) []Verdict {
	if n := int32(len(h.Events)); n > 0 {
		for _, l := range j.ledgers.of {
			e := &h.Events[n-1]
			j.limits(l, e, n-1, l.all.count, l.bytes)
			for x := range l.subject {
				if x > 0 && l.subject[x].count > 0 {
					j.perSubject(l, e, n-1, int32(x-1), l.subject[x].count)
				}
			}
		}
	}
	j.counted(h)
	return j.verdict(h, spec.RetentionLimits, "No stream with limits was seen to hold anything.",
		fmt.Sprintf("No limit was exceeded, %s.", number(j.checked, "time looked at", "times looked at")), func() string { return j.text })
}
