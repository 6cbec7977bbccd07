package checker

import (
	"fmt"
	"maps"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// entry is what is known of a log entry; hash 0 and before 0 mean unknown.
type entry struct {
	term   uint64
	hash   uint64
	before uint64 // the term of its predecessor, plus one
	pos    int32  // plus one; 0: no entry
}

// nodeLog is what is known of one node's durable log of one group: terms of a run of indexes.
type nodeLog struct {
	terms      table[uint64] // plus one
	from, last uint64
}

// term returns the term of index i, plus one, or 0 if it is not known.
func (l *nodeLog) term(i uint64) uint64 {
	if i < l.from || i > l.last || l.last == 0 {
		return 0
	}
	return l.terms.value(i)
}

// append records that index i now has term t; a conflicting entry cuts what followed it.
func (l *nodeLog) append(i, t uint64) {
	if l.last == 0 || i > l.last+1 || i < l.from {
		l.from, l.last = i, i
	} else if i == l.last+1 || l.terms.value(i) != t+1 {
		l.last = i
	}
	*l.terms.at(i) = t + 1
}

// nodeGroup is a node's part in a group.
type nodeGroup struct {
	node  uint32
	group uint64
}

// matchingJudge judges raft-log-matching.
type matchingJudge struct {
	logs    map[nodeGroup]*nodeLog
	entries map[uint64]*table[entry]         // by group: the first entry seen at an index
	others  map[groupTerm]map[uint64][]entry // by group (term 0) and index: those of other terms
	checked int64
	count   int64
	cert    [2]int32
	hash    bool // the contents differ, not the predecessors
	lines   Stats
}

func newMatchingJudge() *matchingJudge {
	return &matchingJudge{logs: map[nodeGroup]*nodeLog{}, entries: map[uint64]*table[entry]{}, others: map[groupTerm]map[uint64][]entry{}}
}

func (j *matchingJudge) wants() class { return obs }

func (j *matchingJudge) broken() bool { return j.count > 0 }

func (j *matchingJudge) see(s *seen) {
	e := s.e
	key := nodeGroup{e.Node, e.Group}
	switch e.Verb {
	case obsAppended:
		l := j.logs[key]
		if l == nil {
			l = &nodeLog{}
			j.logs[key] = l
		}
		x := entry{term: e.Term, hash: e.Hash, pos: s.pos + 1}
		if e.Idx == 1 {
			x.before = 1
		} else if e.Idx > 1 {
			x.before = l.term(e.Idx - 1)
		}
		l.append(e.Idx, e.Term)
		j.hold(s, x)
	case obsTruncated:
		if l := j.logs[key]; l != nil && e.Idx > 0 && e.Idx <= l.last {
			l.last = e.Idx - 1
			if l.last < l.from {
				*l = nodeLog{}
			}
		}
	case obsRecovered:
		if e.Why == whySnapshot && e.Idx > 0 && e.Term > 0 {
			l := &nodeLog{}
			l.append(e.Idx, e.Term)
			j.logs[key] = l
		}
	case obsDamaged:
		delete(j.logs, key)
	case history.Down, history.Harmed:
		if wiped(e) {
			maps.DeleteFunc(j.logs, func(k nodeGroup, _ *nodeLog) bool { return k.node == e.Node })
		}
	}
}

// hold compares x to what was seen with its index and term.
func (j *matchingJudge) hold(s *seen, x entry) {
	j.checked++
	g := j.entries[s.e.Group]
	if g == nil {
		g = &table[entry]{}
		j.entries[s.e.Group] = g
	}
	first := g.at(s.e.Idx)
	if first.pos == 0 {
		*first = x
		return
	}
	if first.term == x.term {
		j.same(s, first, x)
		return
	}
	key := groupTerm{group: s.e.Group}
	if j.others[key] == nil {
		j.others[key] = map[uint64][]entry{}
	}
	list := j.others[key][s.e.Idx]
	for i := range list {
		if list[i].term == x.term {
			j.same(s, &list[i], x)
			return
		}
	}
	j.others[key][s.e.Idx] = append(list, x)
}

func (j *matchingJudge) same(s *seen, first *entry, x entry) {
	hash := first.hash != 0 && x.hash != 0 && first.hash != x.hash
	if hash || first.before != 0 && x.before != 0 && first.before != x.before {
		if j.count++; j.count == 1 {
			j.cert, j.hash = [2]int32{first.pos - 1, s.pos}, hash
		}
		j.lines.example(fmt.Sprintf("group %d index %d term %d on %s (#%d)", s.e.Group, s.e.Idx, s.e.Term, nodeName(s.e.Node), s.e.Index))
		return
	}
	if first.hash == 0 {
		first.hash = x.hash
	}
	if first.before == 0 {
		first.before = x.before
	}
}

func (j *matchingJudge) finish(h *history.History) []Verdict {
	v := Verdict{Guarantee: spec.LogMatching, Value: spec.Holds, Stats: j.lines}
	v.Stats.Checked, v.Stats.Anomalies = j.checked, j.count
	switch {
	case j.checked == 0:
		v.Value, v.Sentence = spec.NotExercised, "No node was seen to append to its Raft log."
	case j.count == 0:
		v.Sentence = fmt.Sprintf("%s to Raft logs, none against another.", number(j.checked, "entry was appended", "entries were appended"))
	default:
		a, b := &h.Events[j.cert[0]], &h.Events[j.cert[1]]
		v.Value, v.Certificate = spec.Violated, certificate(h, j.cert[:]...)
		what := "predecessors of different terms"
		if j.hash {
			what = fmt.Sprintf("different contents (%016x and %016x)", a.Hash, b.Hash)
		}
		v.Sentence = fmt.Sprintf("Entry %d of term %d in group %d, appended by %s %s and by %s %s, has %s.",
			a.Idx, a.Term, a.Group, nodeName(a.Node), when(a), nodeName(b.Node), when(b), what)
	}
	return []Verdict{v}
}

// appliedJudge judges raft-applied-agreement.
type appliedJudge struct {
	entries map[uint64]*table[entry] // by group
	checked int64
	count   int64
	cert    [2]int32
	lines   Stats
}

func newAppliedJudge() *appliedJudge { return &appliedJudge{entries: map[uint64]*table[entry]{}} }

func (j *appliedJudge) wants() class { return obs }

func (j *appliedJudge) broken() bool { return j.count > 0 }

func (j *appliedJudge) see(s *seen) {
	if s.e.Verb != obsApplied {
		return
	}
	j.checked++
	g := j.entries[s.e.Group]
	if g == nil {
		g = &table[entry]{}
		j.entries[s.e.Group] = g
	}
	first := g.at(s.e.Idx)
	if first.pos == 0 {
		*first = entry{term: s.e.Term, hash: s.e.Hash, pos: s.pos + 1}
		return
	}
	if first.term != 0 && s.e.Term != 0 && first.term != s.e.Term || first.hash != 0 && s.e.Hash != 0 && first.hash != s.e.Hash {
		if j.count++; j.count == 1 {
			j.cert = [2]int32{first.pos - 1, s.pos}
		}
		j.lines.example(fmt.Sprintf("group %d index %d on %s (#%d)", s.e.Group, s.e.Idx, nodeName(s.e.Node), s.e.Index))
	}
}

func (j *appliedJudge) finish(h *history.History) []Verdict {
	v := Verdict{Guarantee: spec.AppliedAgreement, Value: spec.Holds, Stats: j.lines}
	v.Stats.Checked, v.Stats.Anomalies = j.checked, j.count
	switch {
	case j.checked == 0:
		v.Value, v.Sentence = spec.NotExercised, "No node was seen to apply an entry."
	case j.count == 0:
		v.Sentence = fmt.Sprintf("%s, none against another.", number(j.checked, "entry was applied", "entries were applied"))
	default:
		a, b := &h.Events[j.cert[0]], &h.Events[j.cert[1]]
		v.Value, v.Certificate = spec.Violated, certificate(h, j.cert[:]...)
		v.Sentence = fmt.Sprintf("Entry %d of group %d was applied by %s %s with term %d and content %016x, and by %s %s with term %d and content %016x: what was committed has changed.",
			a.Idx, a.Group, nodeName(a.Node), when(a), a.Term, a.Hash, nodeName(b.Node), when(b), b.Term, b.Hash)
	}
	return []Verdict{v}
}

// completenessJudge judges raft-leader-completeness. It does not ask what the leader's durable
// log holds when it is elected, because a follower may be elected with entries that are not
// durable yet: it waits for the leader to write an entry of its own where something else had
// been committed.
type completenessJudge struct {
	groups  map[uint64]*committed
	checked int64
	count   int64
	cert    [3]int32 // applied, leader, appended
	lines   Stats
}

// committed follows one group: how far it was applied, and how high terms had gone by then.
type committed struct {
	index   uint64
	maxTerm uint64 // highest term of a leader so far
	pos     int32
	// marks holds, ascending in both, how far was applied while maxTerm stood.
	marks   []applyMark
	leaders map[uint64]promise // by term
}

type applyMark struct {
	maxTerm, index uint64
	pos            int32
}

// promise is what the leader of a term must hold: everything up to index.
type promise struct {
	index           uint64
	applied, leader int32
}

func newCompletenessJudge() *completenessJudge {
	return &completenessJudge{groups: map[uint64]*committed{}}
}

func (j *completenessJudge) wants() class { return obs }

func (j *completenessJudge) broken() bool { return j.count > 0 }

func (j *completenessJudge) see(s *seen) {
	if s.e.Verb != obsApplied && s.e.Verb != obsLeader && s.e.Verb != obsAppended {
		return
	}
	g := j.groups[s.e.Group]
	if g == nil {
		g = &committed{leaders: map[uint64]promise{}}
		j.groups[s.e.Group] = g
	}
	switch s.e.Verb {
	case obsApplied:
		if s.e.Idx > g.index {
			g.index, g.pos = s.e.Idx, s.pos
			g.mark()
		}
	case obsLeader:
		if p, ok := g.owed(s.e.Term, s.pos); ok {
			j.checked++
			if _, known := g.leaders[s.e.Term]; !known {
				g.leaders[s.e.Term] = p
			}
		}
		g.maxTerm = max(g.maxTerm, s.e.Term)
	case obsAppended:
		if p, ok := g.leaders[s.e.Term]; ok && s.e.Idx <= p.index {
			if j.count++; j.count == 1 {
				j.cert = [3]int32{p.applied, p.leader, s.pos}
			}
			j.lines.example(fmt.Sprintf("group %d index %d term %d on %s (#%d)", s.e.Group, s.e.Idx, s.e.Term, nodeName(s.e.Node), s.e.Index))
		}
	}
}

func (g *committed) mark() {
	if n := len(g.marks); n > 0 && g.marks[n-1].maxTerm == g.maxTerm {
		g.marks[n-1].index, g.marks[n-1].pos = g.index, g.pos
		return
	}
	g.marks = append(g.marks, applyMark{g.maxTerm, g.index, g.pos})
}

// owed returns what a leader of term must hold: what was applied while all terms were lower. A
// leader of an old term may be seen late, when a newer one has committed more.
func (g *committed) owed(term uint64, pos int32) (promise, bool) {
	i, _ := slices.BinarySearchFunc(g.marks, term, func(m applyMark, t uint64) int {
		if m.maxTerm < t {
			return -1
		}
		return 1
	})
	if i == 0 {
		return promise{}, false
	}
	return promise{g.marks[i-1].index, g.marks[i-1].pos, pos}, true
}

func (j *completenessJudge) finish(h *history.History) []Verdict {
	v := Verdict{Guarantee: spec.LeaderCompleteness, Value: spec.Holds, Stats: j.lines}
	v.Stats.Checked, v.Stats.Anomalies = j.checked, j.count
	switch {
	case j.checked == 0:
		v.Value, v.Sentence = spec.NotExercised, "No leader was elected after an entry had been applied."
	case j.count == 0:
		v.Sentence = fmt.Sprintf("None of %s wrote over what was committed before.", number(j.checked, "later leader", "later leaders"))
	default:
		a, l, w := &h.Events[j.cert[0]], &h.Events[j.cert[1]], &h.Events[j.cert[2]]
		v.Value, v.Certificate = spec.Violated, certificate(h, j.cert[:]...)
		v.Sentence = fmt.Sprintf("Group %d had applied up to entry %d (%s, %s) when %s became leader of term %d %s; that leader's log lacked entries of it, for its own entry %d of term %d was appended by %s %s.",
			a.Group, a.Idx, nodeName(a.Node), when(a), nodeName(l.Node), l.Term, when(l), w.Idx, w.Term, nodeName(w.Node), when(w))
	}
	return []Verdict{v}
}
