package checker

import (
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// A queue group is all subscriptions with one queue name whose filters name a message's subject: nats-server joins
// them by name when it matches (server/sublist.go, addNodeToResults), whatever filter each of them has.

// queueOne judges queue-group-one.
type queueOne struct {
	tally
	log   *coreLog
	taken map[pair]taken // by group and message
	subs  [2]int32
}

// taken is the first delivery of a message to a member of a group, and how many there were.
type taken struct{ sub, at, times int32 }

func (j *queueOne) wants() class { return deliveries }

func (j *queueOne) broken() bool { return j.count > 0 }

func (j *queueOne) see(s *seen) {
	now := &j.log.now
	if now.sub == none || now.msg == none || j.log.subs[now.sub].queue == none {
		return
	}
	j.checked++
	key := pair{j.log.subs[now.sub].queue, now.msg}
	t, ok := j.taken[key]
	if !ok {
		t = taken{sub: now.sub, at: s.pos}
	}
	t.times++
	j.taken[key] = t
	m := &j.log.msgs[now.msg]
	if t.times <= m.times {
		return
	}
	if j.found(s.e.Value, m.call, t.at, s.pos) {
		j.subs = [2]int32{t.sub, now.sub}
	}
}

func (j *queueOne) finish(h *history.History) []Verdict {
	return j.verdict(h, spec.QueueOne, "No member of a queue group was delivered a message.",
		fmt.Sprintf("%s to members of queue groups, each of them the only one.", number(j.checked, "delivery", "deliveries")),
		func() string {
			first, last := &h.Events[j.cert[1]], &h.Events[j.cert[2]]
			return fmt.Sprintf("Message %s was delivered to %s %s, and also to %s %s.", first.Value, j.log.subscriber(h, j.subs[0]), when(first), j.log.subscriber(h, j.subs[1]), when(last))
		})
}

// queueServed judges queue-group-served.
type queueServed struct {
	tally
	log   *coreLog
	bound int64
	first pickable
	group int32
}

func (j *queueServed) wants() class { return 0 }

func (j *queueServed) broken() bool { return false }

func (j *queueServed) see(*seen) {}

func (j *queueServed) finish(h *history.History) []Verdict {
	open, msg := int64(0), none
	for id := range j.log.msgs {
		m := &j.log.msgs[id]
		for _, q := range j.log.groupsOf(m) {
			if _, ok := j.log.served[pair{q, int32(id)}]; ok {
				j.checked++
				continue
			}
			ch, certain := j.log.choose(m, q, j.bound)
			if !certain {
				open++
				continue
			}
			j.checked++
			if j.found(j.log.text(m), append(ch.proof.positions(), m.call, j.log.subs[ch.sub].call, j.log.subs[ch.sub].ok)...) {
				j.first, j.group, msg = ch, q, int32(id)
			}
		}
	}
	j.lines.count("not delivered, and nothing says they should have been", open)
	return j.verdict(h, spec.QueueServed, "No message was sent that a queue group had asked for.",
		fmt.Sprintf("%s to queue groups whose members were certainly in place, all delivered.", number(j.checked, "message", "messages")),
		func() string {
			return fmt.Sprintf("No member of group %s was given message %s, though whoever could have been chosen, %s, was in place. %s",
				j.log.queues.names[j.group], j.log.text(&j.log.msgs[msg]), number(int64(j.first.members), "member", "members"), j.log.missing(h, j.first.sub, msg, &j.first.proof))
		})
}

// groupsOf returns the queue groups that ask for m, each once, in ascending order.
func (c *coreLog) groupsOf(m *coreMsg) []int32 {
	if m.subject == none {
		return nil
	}
	var groups []int32
	for _, f := range c.filters.matching(m.subject, c.rec.subjects.names[m.subject]) {
		groups = append(groups, c.queuesOf[f]...)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// pickable is who could have been chosen for a message, and why the first of them would have had it.
type pickable struct {
	sub     int32
	members int
	proof   proof
}

// choose tells whether every member of group q that could have been chosen for m would certainly have been delivered
// it, and there is one.
func (c *coreLog) choose(m *coreMsg, q int32, bound int64) (pickable, bool) {
	ch := pickable{sub: none}
	if m.conn == none || m.by == none || m.failed != none {
		return ch, false
	}
	here := c.conns[m.conn].node
	var at []uint32 // other nodes with a member that could have been chosen
	for _, f := range c.filters.matching(m.subject, c.rec.subjects.names[m.subject]) {
		for _, id := range c.members[pair{f, q}] {
			s := &c.subs[id]
			if !c.eligible(m, s) {
				continue
			}
			p, ok := c.missed(m, s)
			if !ok {
				return ch, false
			}
			if ch.members++; ch.sub == none {
				ch.sub, ch.proof = id, p
			}
			at = append(at, c.conns[s.conn].node)
		}
		// A node may pass messages on to where a member was, though nobody is left there; but not for ever.
		for _, key := range c.routes.byFilter[nodeFilter{here, f}] {
			i := &c.routes.all[key]
			if i.key.queue == q && i.key.peer != 0 && i.ever(m.call, m.by) && !slices.Contains(at, i.key.peer) && !c.longDead(i.key.peer, m, bound) {
				return ch, false
			}
		}
	}
	return ch, ch.sub != none
}

// longDead tells whether a node had been down for a bound when m was called.
func (c *coreLog) longDead(node uint32, m *coreMsg, bound int64) bool {
	called := c.rec.ops[m.op].callT
	return slices.ContainsFunc(c.downs[node], func(d outage) bool { return d.from <= called-bound && (d.to == 0 || d.to > called) })
}

// eligible tells whether a member could have been chosen for m: where m was routed first, or at another node, which chooses
// among whoever is there when m has crossed.
func (c *coreLog) eligible(m *coreMsg, s *coreSub) bool {
	if s.conn == none {
		return false // it was never sent
	}
	if s.call < m.by {
		return !c.gone(m, s)
	}
	here, there := c.conns[m.conn].node, c.conns[s.conn].node
	if here == there {
		return false
	}
	crossed, ok := c.routes.through[link{here, there}].after(m.by)
	return (!ok || s.call < crossed.at) && c.reaches(m, s.queue, there)
}

// gone tells whether a member that was asked for before m was routed could certainly not be chosen for it any more.
func (c *coreLog) gone(m *coreMsg, s *coreSub) bool {
	here, there := c.conns[m.conn].node, c.conns[s.conn].node
	if here != there && c.passing(here, s) != nil && !c.reaches(m, s.queue, there) {
		return true
	}
	// What happened before it had its connection happened to none of it.
	if c.wentDown(there, max(s.call, c.conns[s.conn].from), m.call-1) || c.own(s).ceased(s.call, m.call) != none {
		return true
	}
	if s.end == none || s.lost || s.end > m.call {
		return false
	}
	read, ok := c.conns[s.conn].heard.after(s.end - 1)
	return ok && read.at < m.call
}

// reaches tells whether m's node could have passed it on to another for a group.
func (c *coreLog) reaches(m *coreMsg, q int32, to uint32) bool {
	for _, f := range c.filters.matching(m.subject, c.rec.subjects.names[m.subject]) {
		if c.routes.find(interestKey{node: c.conns[m.conn].node, peer: to, client: none, filter: f, queue: q}).ever(m.call, m.by) {
			return true
		}
	}
	return false
}

// own is what a subscription's node says that it passes on by it, and nil if it cannot be told from what it says of others.
func (c *coreLog) own(s *coreSub) *interest {
	return c.routes.began(interestKey{node: c.conns[s.conn].node, client: s.client, filter: s.filter, queue: s.queue}, s.call, s.ok)
}
