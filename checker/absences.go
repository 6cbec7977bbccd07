package checker

import (
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
)

// absences follows which nodes lost their part of which Raft group, and when they counted in it again. It gives no
// verdict; the judges of returns and of progress look at it.
type absences struct {
	rec    *record
	header *history.Header
	groups map[uint64]*lossyGroup
	order  []*lossyGroup // as first seen
	all    []absence
}

// absence is one node's loss of its part of a group.
type absence struct {
	group *lossyGroup
	node  uint32
	pos   int32
	time  int64
	back  int32 // none while it has not returned
	backT int64
	// outvoted: while it lasted more than a minority of the group's replicas was lost. No return is owed then: the
	// group cannot go on, and must not.
	outvoted bool
}

// lossyGroup is a group with those of its members who lost it.
type lossyGroup struct {
	stream  int32 // none for the group of the cluster itself
	members []groupMember
	deleted bool
	// without are the times at which more than a minority was lost, from one to the next; the last may be open.
	without []int64
}

type groupMember struct {
	node uint32
	as   uint64 // Raft id it was last seen to act under
	gone int32  // its absence in all, or none
}

func newAbsences(rec *record, h *history.Header) *absences {
	return &absences{rec: rec, header: h, groups: map[uint64]*lossyGroup{}}
}

func (l *absences) wants() class { return obs }

func (l *absences) broken() bool { return false }

func (l *absences) finish(*history.History) []Verdict { return nil }

func (l *absences) see(s *seen) {
	e := s.e
	switch {
	case wiped(e):
		for _, g := range l.order {
			if m := g.member(e.Node); m != nil && !g.deleted {
				l.lose(g, m, s)
			}
		}
		return
	case e.Group == 0 || e.Node == 0:
		return
	}
	g := l.group(e, s.stream)
	switch e.Verb {
	case obsLeader, obsVoted, obsAppended, obsApplied, obsStored, obsAcked:
		m := g.join(e.Node)
		if m.gone != none && m.as == e.Member {
			l.returned(m, s) // as if nothing had happened: whether it may is not asked here
		}
		if m.gone == none {
			m.as = e.Member
		}
	case obsDamaged:
		l.lose(g, g.join(e.Node), s)
	case obsRejoined:
		m := g.join(e.Node)
		if m.as = e.Member; m.gone != none {
			l.returned(m, s)
		}
	case obsStreamDeleted:
		g.deleted = true
	}
}

// wiped says that a node's disk was replaced by an empty one.
func wiped(e *history.Event) bool {
	return (e.Verb == history.Down || e.Verb == history.Harmed) && strings.HasPrefix(e.Why, history.DownWipe)
}

func (l *absences) group(e *history.Event, stream int32) *lossyGroup {
	g := l.groups[e.Group]
	if g == nil {
		g = &lossyGroup{stream: none}
		l.groups[e.Group] = g
		l.order = append(l.order, g)
	}
	if e.Stream != "" {
		g.stream = stream
	}
	return g
}

func (g *lossyGroup) member(node uint32) *groupMember {
	for i := range g.members {
		if g.members[i].node == node {
			return &g.members[i]
		}
	}
	return nil
}

func (g *lossyGroup) join(node uint32) *groupMember {
	if m := g.member(node); m != nil {
		return m
	}
	g.members = append(g.members, groupMember{node: node, gone: none})
	return &g.members[len(g.members)-1]
}

// replicas is how many nodes hold the group.
func (l *absences) replicas(g *lossyGroup) int {
	n := l.header.Nodes
	if g.stream != none {
		i := slices.IndexFunc(l.header.Streams, func(s history.Stream) bool { return s.Name == l.rec.streams.names[g.stream] })
		if n = 0; i >= 0 {
			n = l.header.Streams[i].Replicas
		}
	}
	return max(n, len(g.members))
}

func (l *absences) lose(g *lossyGroup, m *groupMember, s *seen) {
	if m.gone != none {
		return
	}
	m.gone = int32(len(l.all))
	l.all = append(l.all, absence{group: g, node: m.node, pos: s.pos, time: s.e.Time, back: none})
	l.recount(s.e.Time)
}

func (l *absences) returned(m *groupMember, s *seen) {
	x := &l.all[m.gone]
	x.back, x.backT = s.pos, s.e.Time
	m.gone = none
	l.recount(s.e.Time)
}

// recount finds the groups that have lost more than a minority. A node that has lost its part of the cluster's own group
// does not know which others it is to serve: it is lost to them, too, and comes back to them after it.
func (l *absences) recount(now int64) {
	stuck := slices.ContainsFunc(l.order, func(g *lossyGroup) bool { return g.stream == none && l.outvoted(g) })
	for _, g := range l.order {
		out := l.outvoted(g)
		if open := len(g.without)%2 == 1; out != open {
			g.without = append(g.without, now)
		}
		for i := range g.members {
			if gone := g.members[i].gone; gone != none && (out || stuck) {
				l.all[gone].outvoted = true
			}
		}
	}
}

func (l *absences) outvoted(g *lossyGroup) bool {
	lost := 0
	for i := range g.members {
		if g.members[i].gone != none || g.stream != none && l.astray(g.members[i].node) {
			lost++
		}
	}
	return lost > 0 && 2*lost >= l.replicas(g)
}

// astray says whether a node has lost its part of the cluster's own group.
func (l *absences) astray(node uint32) bool {
	for _, g := range l.order {
		if m := g.member(node); g.stream == none && m != nil && m.gone != none {
			return true
		}
	}
	return false
}

// able says whether a stream kept a majority of its replicas from one time to another.
func (l *absences) able(stream int32, from, to int64) bool {
	for _, g := range l.order {
		if g.stream != stream || g.deleted {
			continue
		}
		for i := 0; i < len(g.without); i += 2 {
			if g.without[i] <= to && (i+1 == len(g.without) || g.without[i+1] >= from) {
				return false
			}
		}
	}
	return true
}
