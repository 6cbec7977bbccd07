package broker

import (
	"sort"
	"strings"

	"github.com/brokerlab/brokerlab/impl/interest"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// message is one message on its way through this node. Its slices are valid only while it is
// being routed; whoever keeps some copies them.
type message struct {
	subject []byte
	reply   []byte
	header  []byte
	data    []byte
	// tail is "[reply ][hlen ]n\r\n" header data "\r\n", which ends a delivery's MSG or HMSG;
	// made when the first client needs it, unless it came that way.
	tail []byte
	from *conn // nil unless a client here published it
}

// subscription is somebody's interest in a filter: a client's (conn), a part of this broker's
// (handle) or another node's (node).
type subscription struct {
	filter string
	queue  string
	conn   *conn
	sid    string
	handle func(*message)
	node   machine.NodeID
	left   int // deliveries left before it ends; 0: no end
	// delivered counts deliveries to a client.
	delivered int
}

// peer is another node of the cluster, as seen from here.
type peer struct {
	id machine.NodeID
	up [machine.Links]bool
	// stranger: its last Hello was not one of this cluster. A Hello on the Raft link may be lost, so its
	// absence says nothing.
	stranger bool
	boot     uint64 // boot id it said hello with; 0: none yet
	standing wire.Standing
	stood    bool   // it has said who its disk is, over the link that is up
	raft     []byte // frame of this step, in the making
	remote   map[interestKey]*subscription
}

type interestKey struct{ filter, queue string }

// subscribe adds local interest and tells the peers of what is new to them.
func (b *Broker) subscribe(s *subscription) {
	if !b.index.Add(s.filter, s.queue, s) || s.node != 0 {
		return
	}
	key := interestKey{s.filter, s.queue}
	if b.local[key]++; b.local[key] == 1 {
		b.tellInterest(key, true)
	}
}

func (b *Broker) unsubscribe(s *subscription) {
	if !b.index.Remove(s.filter, s.queue, s) || s.node != 0 {
		return
	}
	key := interestKey{s.filter, s.queue}
	if b.local[key]--; b.local[key] == 0 {
		delete(b.local, key)
		b.tellInterest(key, false)
	}
}

func (b *Broker) tellInterest(key interestKey, add bool) {
	for _, p := range b.peers {
		if p.up[machine.RouteLink] {
			b.sendRoute(p.id, interestFrame(key, add))
		}
	}
}

func interestFrame(key interestKey, add bool) []byte {
	kind := wire.KindInterestRemove
	if add {
		kind = wire.KindInterestAdd
	}
	return wire.AppendInterest(nil, kind, wire.Interest{Subject: key.filter, Queue: key.queue, Weight: 1})
}

func (b *Broker) sendRoute(to machine.NodeID, frame []byte) {
	b.fx.Send(machine.Addr{Node: to}, machine.RouteLink, frame)
}

// peerUp begins a session: on the route link, the whole interest of this node follows the greeting.
func (b *Broker) peerUp(in *machine.Input) {
	p := b.peer(in.Peer.Node)
	if p == nil {
		return
	}
	p.up[in.Link] = true
	b.fx.Send(in.Peer, in.Link, wire.AppendHello(nil, wire.Hello{Node: uint32(b.cfg.Node), Boot: b.bootID, Cluster: b.cfg.Cluster}))
	if in.Link != machine.RouteLink {
		return
	}
	b.tellStanding(p)
	b.dropInterest(p)
	keys := make([]interestKey, 0, len(b.local))
	for k := range b.local { // map order: sorted below
		keys = append(keys, k)
	}
	sortKeys(keys)
	for _, k := range keys {
		b.sendRoute(p.id, interestFrame(k, true))
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
		b.dropInterest(p)
	}
}

func (b *Broker) dropInterest(p *peer) {
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
		s := &subscription{filter: i.Subject, queue: i.Queue, node: p.id}
		p.remote[key] = s
		b.subscribe(s)
		if strings.HasPrefix(i.Subject, createdPrefix) {
			b.meta().askLeaders()
		}
	case !add && have != nil:
		delete(p.remote, key)
		b.unsubscribe(have)
	}
}

// route delivers a message that began here to everyone interested: clients and parts of this broker
// directly, each other node once. It reports whether anyone was.
func (b *Broker) route(m *message) bool {
	res := b.index.Match(m.subject, b.takeScratch())
	defer b.giveScratch()
	b.fx.Charge(machine.WorkRoute, 1, 0, 0)
	reached := false
	var hops []hop
	for _, s := range res.Plain {
		if s.node != 0 {
			hops = addHop(hops, s.node, "")
			reached = true
			continue
		}
		reached = b.deliver(s, m) || reached
	}
	for i := range res.Queues {
		q := &res.Queues[i]
		s := b.pick(q, m, true)
		if s == nil {
			continue
		}
		if s.node != 0 {
			hops = addHop(hops, s.node, q.Name)
			reached = true
			continue
		}
		reached = b.deliver(s, m) || reached
	}
	for i := range hops {
		b.sendRoute(hops[i].node, wire.AppendRoute(nil, &wire.RouteMsg{
			Subject: m.subject, Reply: m.reply, Queues: hops[i].queues, Header: m.header, Payload: m.data, Tail: m.tail,
		}))
		b.fx.Charge(machine.WorkDeliver, 1, int64(len(m.data)), 0)
	}
	return reached
}

// hop is one node that a message goes to, with the queue groups it is to serve there.
type hop struct {
	node   machine.NodeID
	queues []string
}

func addHop(hops []hop, node machine.NodeID, queue string) []hop {
	i := 0
	for i < len(hops) && hops[i].node != node {
		i++
	}
	if i == len(hops) {
		hops = append(hops, hop{node: node})
	}
	if queue != "" {
		hops[i].queues = append(hops[i].queues, queue)
	}
	return hops
}

// routed delivers a message that came over a route: to subscribers here only, one hop being all.
func (b *Broker) routed(r *wire.RouteMsg) {
	m := &message{subject: r.Subject, reply: r.Reply, header: r.Header, data: r.Payload, tail: r.Tail}
	res := b.index.Match(m.subject, b.takeScratch())
	defer b.giveScratch()
	for _, s := range res.Plain {
		if s.node == 0 {
			b.deliver(s, m)
		}
	}
	for i := range res.Queues {
		q := &res.Queues[i]
		for _, name := range r.Queues {
			if name == q.Name {
				if s := b.pick(q, m, false); s != nil && s.node == 0 {
					b.deliver(s, m)
				}
			}
		}
	}
}

// pick chooses the member of a queue group that gets a message: a local one if there is one,
// drawn evenly; else, if remote is allowed, another node; nil if there is nobody. The publisher itself does
// not count if it wants no echo.
func (b *Broker) pick(q *interest.Queue[*subscription], m *message, remote bool) *subscription {
	var local, away []*subscription
	for _, s := range q.Subs {
		switch {
		case s.node != 0:
			away = append(away, s)
		case s.conn == nil || s.conn != m.from || s.conn.options.Echo:
			local = append(local, s)
		}
	}
	if len(local) == 0 && remote {
		local = away
	}
	if len(local) == 0 {
		return nil
	}
	b.picks++
	return local[b.env.Choices.Draw(purposeQueuePick, b.picks)%uint64(len(local))]
}

// deliver hands a message to one local subscriber.
func (b *Broker) deliver(s *subscription, m *message) bool {
	if s.handle != nil {
		s.handle(m)
		return true
	}
	c := s.conn
	if c == m.from && !c.options.Echo {
		return false
	}
	if m.tail == nil {
		m.tail = wire.AppendTail(nil, m.reply, m.header, m.data)
	}
	c.send(b, s, m)
	if s.left > 0 {
		if s.left--; s.left == 0 {
			c.drop(b, s)
		}
	}
	return true
}

// reply publishes an answer of this broker's.
func (b *Broker) reply(to string, data []byte) { b.replyWith(to, nil, data) }

// replyWith publishes an answer with a header block.
func (b *Broker) replyWith(to string, header, data []byte) {
	if !subject.Valid(to) {
		return // nobody asked, or nobody could be meant
	}
	b.route(&message{subject: []byte(to), header: header, data: data})
}

// request asks another part of the system, which answers at reply: a client, or a part of this one.
func (b *Broker) request(subject, reply string, data []byte) (reached bool) {
	return b.route(&message{subject: []byte(subject), reply: []byte(reply), data: data})
}
