package checker

import (
	"cmp"
	"slices"
)

// request says what became of a request.
func (l *coreLosses) request(id int32, m *coreMsg) CoreRequest {
	rec := l.log.rec
	o := &rec.ops[m.op]
	r := CoreRequest{
		Op: o.num, Client: rec.clients.names[m.client], Value: rec.nameOf(m.value), Subject: rec.subjects.names[m.subject], Time: o.callT, Done: -1,
	}
	if o.ret != none {
		r.Done = o.retT
	}
	switch {
	case o.status == done:
		r.Fate = RequestAnswered
	case o.status == failed && !m.unsent:
		r.Fate = RequestNoResponders
	case o.status == failed:
		r.Fate, r.Cause = RequestRefused, l.unrouted(m)
	default:
		r.Fate, r.Cause = RequestTimedOut, l.unanswered(id, m, o)
		if r.Cause == CoreLate || r.Cause == CoreUndecided {
			r.Cause = l.held(id, m, o, r.Cause)
		}
	}
	return r
}

// held is what held up a request or its answer, which was given up before it could come; plain if no fault did.
func (l *coreLosses) held(id int32, m *coreMsg, o *op, plain CoreCause) CoreCause {
	if m.conn == none || o.ret == none {
		return plain
	}
	k := &l.log.conns[m.conn]
	from := m.call // or since when nothing had come: connections take time to notice that a fault is over
	if i, _ := slices.BinarySearchFunc(k.heard, m.call, func(h heard, p int32) int { return cmp.Compare(h.at, p) }); i > 0 {
		from = k.heard[i-1].at
	}
	nodes := []uint32{k.node}
	for _, a := range l.answers[id] {
		if k := l.log.msgs[a].conn; k != none {
			nodes = append(nodes, l.log.conns[k].node)
		}
	}
	for _, node := range nodes {
		switch {
		case l.struck(from, o.ret, []uint32{node}, "partition", "cut", "clog"):
			return CorePartition
		case l.struck(from, o.ret, []uint32{node}, "pause"):
			return CorePause
		}
	}
	return plain
}

// unanswered is why a request timed out.
func (l *coreLosses) unanswered(id int32, m *coreMsg, o *op) CoreCause {
	if k := m.conn; k != none && l.log.conns[k].to != none && (o.ret == none || l.log.conns[k].to < o.ret) {
		return l.lost(k, CorePublisherLost)
	}
	if answers := l.answers[id]; len(answers) > 0 {
		return l.answerLost(m, &l.log.msgs[answers[0]], o)
	}
	if m.first != none {
		sub := l.log.subOf(l.h.Events[m.first].Sub)
		if k := l.log.subs[sub].conn; k != none && l.log.conns[k].to != none && (o.ret == none || l.log.conns[k].to < o.ret) {
			return l.lost(k, CoreSubscriberLost)
		}
		return CoreSilent
	}
	best := CoreCause("")
	for _, to := range l.wants(m) {
		if c := l.cause(m, &l.subscribers[to]); best == "" || rank(c) < rank(best) {
			best = c
		}
	}
	if best == "" {
		if best = l.unrouted(m); best == "" {
			return CoreNoInterest
		}
	}
	return best
}

// answerLost is why the answer to request m did not come.
func (l *coreLosses) answerLost(m, answer *coreMsg, o *op) CoreCause {
	if o.ret != none && answer.call > o.ret {
		return CoreLate
	}
	if c := l.unrouted(answer); c != "" {
		if c == CorePublisherLost {
			return CoreSubscriberLost // the responder's is meant
		}
		return c
	}
	if m.conn == none || answer.subject == none {
		return CoreUndecided
	}
	here, there := l.log.conns[answer.conn].node, l.log.conns[m.conn].node
	end := o.ret
	if end == none {
		end = int32(len(l.h.Events))
	}
	if p, ok := l.log.arrived(answer, m.conn, l.log.toInbox(answer, there)); ok && p.arrived.at < end {
		return CoreUnexplained
	}
	if here == there {
		return CoreUndecided
	}
	known := false
	for _, f := range l.log.filters.matching(answer.subject, l.log.rec.subjects.names[answer.subject]) {
		i := l.log.routes.find(interestKey{node: here, peer: there, client: none, filter: f, queue: none})
		if i.since(answer.call, end) != none {
			return CoreUndecided // it may have come too late
		}
		known = known || i != nil
	}
	if known || l.parted(here, there, answer.call, end) {
		return l.broken(here, there, m.call, end)
	}
	return CoreUndecided
}
