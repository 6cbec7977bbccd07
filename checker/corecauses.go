package checker

import (
	"cmp"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
)

// faultSpan is a fault of the plan, from and to the positions at which it began and ended (to is none if it never did).
type faultSpan struct {
	from, to int32
	verb     history.Verb
	text     string
}

func (l *coreLosses) fault(s *seen) {
	if s.e.On {
		l.faults = append(l.faults, faultSpan{s.pos, none, s.e.Verb, s.e.Why})
		return
	}
	for i := len(l.faults) - 1; i >= 0; i-- {
		if f := &l.faults[i]; f.to == none && f.text == s.e.Why {
			f.to = s.pos
			return
		}
	}
}

// parted tells whether a fault kept two ends apart at some time: nodes by name, or clients (0).
func (l *coreLosses) parted(a, b uint32, from, to int32) bool {
	return l.struck(from, to, []uint32{a, b}, "partition", "cut", "clog")
}

// struck tells whether a fault of some kind that speaks of all ends given was going on between two positions.
func (l *coreLosses) struck(from, to int32, ends []uint32, kinds ...history.Verb) bool {
	for i := range l.faults {
		f := &l.faults[i]
		if f.from > to || f.to != none && f.to < from || !slices.Contains(kinds, f.verb) {
			continue
		}
		if !slices.ContainsFunc(ends, func(end uint32) bool { return !mentions(f.text, end) }) {
			return true
		}
	}
	return false
}

// mentions tells whether a fault's line speaks of a node, or of clients (0).
func mentions(text string, node uint32) bool {
	name := "clients"
	if node != 0 {
		name = nodeName(node)
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
		if word == name || node != 0 && (word == "all" || word == "others") {
			return true
		}
	}
	return false
}

// lost is why connection k was lost; plain if nothing more is known.
func (l *coreLosses) lost(k int32, plain CoreCause) CoreCause {
	if k == none {
		return plain
	}
	c := &l.log.conns[k]
	end := c.to
	if end == none {
		end = int32(len(l.h.Events))
	}
	if l.log.wentDown(c.node, c.from, end) {
		return CoreCrash
	}
	for i := len(l.log.cuts) - 1; i >= 0 && l.log.cuts[i].at >= c.from; i-- {
		if d := &l.log.cuts[i]; d.at <= end && d.client == c.client && d.node == c.node && strings.HasPrefix(d.why, slowConsumer) {
			return CoreSlow
		}
	}
	quiet := c.from // since when nothing is known to have come
	if n := len(c.heard); n > 0 {
		quiet = c.heard[n-1].at
	}
	switch {
	case l.parted(0, c.node, quiet, end):
		return CorePartition
	case l.struck(quiet, end, []uint32{c.node}, "pause"):
		return CorePause
	}
	return plain
}

// slowConsumer begins the Why of a connection cut because its client did not read (impl/broker, as nats-server calls it).
const slowConsumer = "Slow Consumer"

// connAt returns the last connection that a client had made by a position, or none.
func (l *coreLosses) connAt(client, pos int32) int32 {
	if int(client) >= len(l.conns) {
		return none
	}
	of := l.conns[client]
	i, _ := slices.BinarySearchFunc(of, pos+1, func(k, p int32) int { return cmp.Compare(l.log.conns[k].from, p) })
	if i == 0 {
		return none
	}
	return of[i-1]
}

// cause is why m was not delivered to b.
func (l *coreLosses) cause(m *coreMsg, b *subscriber) CoreCause {
	if c := l.unrouted(m); c != "" {
		return c
	}
	if b.queue != none {
		return l.groupCause(m, b)
	}
	i, _ := slices.BinarySearchFunc(b.subs, m.by, func(sub, p int32) int { return cmp.Compare(l.log.subs[sub].call, p) })
	if i == 0 {
		return CoreNoInterest
	}
	var prior *coreSub
	for n := i - 1; n >= 0; n-- {
		s := &l.log.subs[b.subs[n]]
		if s.end != none && s.end < m.call {
			continue
		}
		if n > 0 {
			prior = &l.log.subs[b.subs[n-1]]
		}
		return l.onTheWay(m, s, prior)
	}
	return l.ended(&l.log.subs[b.subs[i-1]])
}

// unrouted is why m was not routed, if that is not certain.
func (l *coreLosses) unrouted(m *coreMsg) CoreCause {
	o := &l.log.rec.ops[m.op]
	before := l.connAt(m.client, m.call)
	switch {
	case m.unsent && m.conn != none:
		return CoreNotSent
	case m.unsent:
		return l.lost(before, CorePublisherLost)
	case m.times > 1:
		return CoreUndecided
	case m.conn == none && o.status == done:
		// It waited for a connection, and was sent on one made later.
		if m.conn = l.connAt(m.client, o.ret); m.conn != none {
			m.by = o.ret
			return ""
		}
		return CoreUndecided
	case m.conn == none && o.ret == none:
		return CoreUndecided
	case m.conn == none:
		return l.lost(l.connAt(m.client, o.ret), CorePublisherLost)
	case m.by != none:
		return ""
	case l.log.conns[m.conn].to == none:
		return CoreUndecided
	}
	return l.lost(m.conn, CorePublisherLost)
}

// ended is why a subscription that ended was of no use to what came later.
func (l *coreLosses) ended(s *coreSub) CoreCause {
	if s != nil && s.lost {
		return l.lost(s.conn, CoreSubscriberLost)
	}
	return CoreNoInterest
}

// onTheWay is why m, which was routed, did not come to s, which its client had not ended by then. prior is the subscription of
// the same kind that s replaced: while s is not known yet, it is the loss of that which explains.
func (l *coreLosses) onTheWay(m *coreMsg, s, prior *coreSub) CoreCause {
	if _, certain := l.log.missed(m, s); certain && m.failed == none {
		return CoreUnexplained
	}
	if s.conn == none {
		return l.ended(prior)
	}
	here, there := l.log.conns[m.conn].node, l.log.conns[s.conn].node
	end := s.end
	if end == none {
		end = int32(len(l.h.Events))
	}
	inPlace := s.ok != none && s.ok < m.call
	if here == there && !inPlace && s.end == none {
		return l.ended(prior)
	}
	if i := l.log.passing(here, s); here != there {
		if c := l.onRoute(m, s, prior, i, end); c != "" {
			return c
		}
	}
	switch {
	case s.end != none:
		return l.ended(s)
	case l.log.droppedAt(here, there, m.call, end) != none:
		return CoreDropped
	}
	return CoreUndecided
}

// onRoute is why m did not cross to s's node, if it is known not to have; i is what its own node said that it passes on.
func (l *coreLosses) onRoute(m *coreMsg, s, prior *coreSub, i *interest, end int32) CoreCause {
	here, there := l.log.conns[m.conn].node, l.log.conns[s.conn].node
	if i == nil {
		if len(l.log.routes.byNode[here]) == 0 && s.ok != none && s.ok < m.call {
			return "" // nobody says anything
		}
		return l.unknown(m, s, prior, here, there)
	}
	if i.ever(m.call, m.by) {
		if off := i.ceased(m.call, end); off != none {
			return l.broken(here, there, m.call, off)
		}
		return ""
	}
	n := i.last(m.call)
	switch {
	case l.log.wentDown(there, s.call, m.by):
		return CoreCrash // and took s with it
	case n < 0 || i.turns[n].at < s.call:
		return l.unknown(m, s, prior, here, there)
	}
	return l.broken(here, there, max(s.call, l.quiet(here, there, i.turns[n].at)), m.by)
}

// quiet returns the last position before pos at which something had crossed from one node to another, or none.
func (l *coreLosses) quiet(here, there uint32, pos int32) int32 {
	through := l.log.routes.through[link{here, there}]
	i, _ := slices.BinarySearchFunc(through, pos, func(h heard, p int32) int { return cmp.Compare(h.at, p) })
	if i == 0 {
		return none
	}
	return through[i-1].at
}

// unknown is why a node did not know of s yet.
func (l *coreLosses) unknown(m *coreMsg, s, prior *coreSub, here, there uint32) CoreCause {
	switch {
	case prior != nil && prior.lost:
		return l.ended(prior)
	case l.parted(here, there, s.call, m.by):
		return CorePartition
	}
	return CoreNoInterest
}

// broken is why the route between two nodes broke.
func (l *coreLosses) broken(here, there uint32, from, to int32) CoreCause {
	switch {
	case l.log.wentDown(here, from, to) || l.log.wentDown(there, from, to):
		return CoreCrash
	case l.parted(here, there, from, to):
		return CorePartition
	case l.struck(from, to, []uint32{here}, "pause") || l.struck(from, to, []uint32{there}, "pause"):
		return CorePause
	}
	return CoreRoute
}

// groupCause is why m came to no member of a queue group. Nobody knows which was chosen: the cause is one that
// holds for some member that could have been.
func (l *coreLosses) groupCause(m *coreMsg, b *subscriber) CoreCause {
	if _, certain := l.log.choose(m, b.queue, DefaultRouteBound); certain {
		return CoreUnexplained
	}
	subject := l.log.rec.subjects.names[m.subject]
	best, last := CoreCause(""), (*coreSub)(nil)
	for _, id := range b.subs {
		s := &l.log.subs[id]
		if !l.log.filters.match(s.filter, subject) || s.call > m.by && !l.log.eligible(m, s) {
			continue
		}
		if last = s; s.end != none && s.end < m.call {
			continue
		}
		if c := l.onTheWay(m, s, nil); c != CoreUnexplained && (best == "" || rank(c) < rank(best)) {
			best = c
		}
	}
	switch {
	case best != "":
		return best
	case last != nil && last.end != none && last.end < m.call:
		return l.ended(last)
	case last != nil:
		return CoreUndecided
	}
	return CoreNoInterest
}

func rank(c CoreCause) int { return slices.Index(coreCauses, c) }
