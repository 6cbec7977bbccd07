package broker

import (
	"sort"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// subscribe adds interest and, if it is of this node, tells the peers of what is new to them: the first
// subscription of its kind, and every member of a queue group, whose number is their weight there.
func (b *Broker) subscribe(s *subscription) {
	if !b.index.Add(s.filter, s.queue, s) {
		return
	}
	b.fx.Charge(machine.WorkRoute, 1, 0, 0)
	b.interestChanged(s.filter)
	b.observeInterest(s, 1)
	if s.node == 0 {
		b.count(interestKey{s.filter, s.queue}, 1)
	}
}

func (b *Broker) unsubscribe(s *subscription) {
	if !b.index.Remove(s.filter, s.queue, s) {
		return
	}
	b.fx.Charge(machine.WorkRoute, 1, 0, 0)
	b.interestChanged(s.filter)
	b.observeInterest(s, 0)
	if s.node == 0 {
		b.count(interestKey{s.filter, s.queue}, -1)
	}
}

// count adds to the subscriptions of a kind that this node has.
func (b *Broker) count(key interestKey, n int) {
	was := b.local[key]
	if b.local[key] = was + n; was+n == 0 {
		delete(b.local, key)
	}
	if was > 0 && was+n > 0 && key.queue == "" {
		return
	}
	for _, p := range b.peers {
		if p.up[machine.RouteLink] {
			b.sendRoute(p.id, interestFrame(key, was+n))
		}
	}
}

func interestFrame(key interestKey, members int) []byte {
	kind := wire.KindInterestAdd
	if members == 0 {
		kind = wire.KindInterestRemove
	}
	return wire.AppendInterest(nil, kind, wire.Interest{Subject: key.filter, Queue: key.queue, Weight: uint32(members)})
}

// observeInterest reports that this node begins (n 1) or ceases (n 0) to pass on what a subscription asks for: a client's,
// with its name and, in Seq, its sid if that is a number; or another node's. A client's inbox is one like any other. Parts of the
// broker are not reported, here or, known by the $ of their subjects, of other nodes.
func (b *Broker) observeInterest(s *subscription, n int64) {
	if !b.cfg.Observe || s.handle != nil || s.node != 0 && (ofLeader(s.queue) || s.filter[0] == '$') {
		return
	}
	o := machine.Observation{Kind: machine.Interest, N: n, Subject: s.filter, Queue: s.queue, Peer: s.node}
	if s.conn != nil {
		o.Client, o.Conn = s.conn.options.Name, s.conn.id
		o.Seq, _ = strconv.ParseUint(s.sid, 10, 64)
	}
	b.fx.Observe(o)
}

// peerUp begins a session: on the route link, the whole interest of this node follows the greeting.
func (b *Broker) peerUp(in *machine.Input) {
	p := b.peer(in.Peer.Node)
	if p == nil {
		return
	}
	p.up[in.Link] = true
	b.fx.Send(in.Peer, in.Link, wire.AppendHello(nil, wire.Hello{
		Node: uint32(b.cfg.Node), Boot: b.bootID, Cluster: b.cfg.Cluster, ClientURLs: b.cfg.ClientURLs,
	}))
	if in.Link != machine.RouteLink {
		return
	}
	b.tellStanding(p)
	b.dropInterest(p)
	if b.bug(BugForgetResync) && p.boot != 0 {
		return
	}
	keys := make([]interestKey, 0, len(b.local))
	for k := range b.local { // map order: sorted below
		keys = append(keys, k)
	}
	sortKeys(keys)
	for _, k := range keys {
		b.sendRoute(p.id, interestFrame(k, b.local[k]))
	}
}

func sortKeys(keys []interestKey) {
	sort.Slice(keys, func(i, j int) bool {
		a, b := keys[i], keys[j]
		return a.filter < b.filter || a.filter == b.filter && a.queue < b.queue
	})
}

// peerDown ends a session. Interest of a node that cannot be reached would only swallow messages.
func (b *Broker) peerDown(in *machine.Input) {
	p := b.peer(in.Peer.Node)
	if p == nil {
		return
	}
	p.up[in.Link] = false
	if in.Link == machine.RouteLink {
		p.stood = false
		if p.flow.backlog > 0 {
			b.observe(machine.Observation{Kind: machine.Dropped, Peer: p.id, N: 1, Why: "route: broken with output waiting"})
		}
		b.routeGone(p)
		b.heardURLs(p, nil)
		b.dropInterest(p)
	}
}

func (b *Broker) dropInterest(p *peer) {
	if b.bug(BugKeepDeadInterest) {
		return
	}
	keys := make([]interestKey, 0, len(p.remote))
	for k := range p.remote { // map order: sorted below
		keys = append(keys, k)
	}
	sortKeys(keys)
	for _, k := range keys {
		b.unsubscribe(p.remote[k])
	}
	clear(p.remote)
}

func (b *Broker) remoteInterest(p *peer, i wire.Interest, add bool) {
	key := interestKey{i.Subject, i.Queue}
	have := p.remote[key]
	switch {
	case add && have == nil:
		s := &subscription{filter: i.Subject, queue: i.Queue, node: p.id, weight: max(i.Weight, 1)}
		p.remote[key] = s
		b.subscribe(s)
		if strings.HasPrefix(i.Subject, createdPrefix) {
			b.meta().askLeaders()
		}
		b.hearLeader(i.Subject, p.id, i.Queue)
	case add:
		have.weight = max(i.Weight, 1)
	case have != nil:
		delete(p.remote, key)
		b.unsubscribe(have)
	}
}
