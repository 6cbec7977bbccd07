package broker

import (
	"slices"

	"github.com/brokerlab/brokerlab/impl/interest"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// message is one message on its way through this node. Its slices are valid only while it is
// being routed; whoever keeps some copies them.
type message struct {
	subject []byte
	// shown is the subject that subscribers are told; nil: subject. A consumer's messages go to whoever asked for
	// them, under their own subjects.
	shown  []byte
	reply  []byte
	header []byte
	data   []byte
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
	weight    uint32 // of a node's interest for a queue group: its members there
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
	flow     outflow  // of the route link
	urls     []string // where clients reach it, while its route is up
}

type interestKey struct{ filter, queue string }

// dropped reports a message that reached nobody.
func (b *Broker) dropped(m *message, o machine.Observation) {
	if b.cfg.Observe {
		o.Kind, o.N, o.Subject, o.Hash = machine.Dropped, 1, string(m.subject), machine.ContentHash(m.subject, m.data)
		b.fx.Observe(o)
	}
}

func (b *Broker) sendRoute(to machine.NodeID, frame []byte) {
	b.fx.Send(machine.Addr{Node: to}, machine.RouteLink, frame)
	b.fx.Charge(machine.WorkEncode, 1, int64(len(frame)), 1)
	if b.bug(BugReorderRoute) {
		b.overtake()
	}
}

// overtake swaps the last two frames of this step if both carry messages over one route.
func (b *Broker) overtake() {
	if n := len(b.fx.Frames); n >= 2 {
		x, y := &b.fx.Frames[n-2], &b.fx.Frames[n-1]
		if x.Link == y.Link && x.Peer == y.Peer && wire.Kind(x.Bytes[0]) == wire.KindRoute && wire.Kind(y.Bytes[0]) == wire.KindRoute {
			*x, *y = *y, *x
		}
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
	for _, s := range b.fanout(res.Plain) {
		if s.node != 0 {
			hops = addHop(hops, s.node, "")
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
		if b.bug(BugQueueEachNode) {
			hops = eachNode(hops, q)
		}
		if s.node != 0 {
			hops = addHop(hops, s.node, q.Name)
			continue
		}
		reached = b.deliver(s, m) || reached
	}
	for i := range hops {
		b.passOn(m, &hops[i])
	}
	return reached || len(hops) > 0 && !b.bug(BugFalseNoResponders)
}

// fanout is the subscribers that are not of a queue group; a planted bug changes them.
func (b *Broker) fanout(plain []*subscription) []*subscription {
	switch {
	case b.bug(BugFanoutSkipsLast) && len(plain) > 2:
		return plain[:len(plain)-1]
	case b.bug(BugOverlapTwice) && len(plain) > 1:
		return append(slices.Clip(plain), plain[0])
	}
	return plain
}

// eachNode is what BugQueueEachNode adds.
func eachNode(hops []hop, q *interest.Queue[*subscription]) []hop {
	for _, s := range q.Subs {
		if s.node != 0 {
			hops = addHop(hops, s.node, q.Name)
		}
	}
	return hops
}

// passOn sends a message to another node.
func (b *Broker) passOn(m *message, h *hop) {
	p := b.peer(h.node)
	b.sendRoute(p.id, wire.AppendRoute(nil, &wire.RouteMsg{
		Subject: m.subject, Shown: m.shown, Reply: m.reply, Queues: h.queues, Header: m.header, Payload: m.data, Tail: m.tail,
	}))
	if p.flow.backlog > b.cfg.MaxRoutePending/2 {
		b.hold(&p.flow.gate)
	}
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
	if queue != "" && !slices.Contains(hops[i].queues, queue) {
		hops[i].queues = append(hops[i].queues, queue)
	}
	return hops
}

// routed delivers a message that came over a route: to subscribers here only, one hop being all. Whoever was meant
// may have left meanwhile; nobody else is looked for then, not even another node's member of a queue group, to
// which nats-server would pass it on: it could overtake what was published later.
func (b *Broker) routed(p *peer, r *wire.RouteMsg) {
	m := &message{subject: r.Subject, shown: r.Shown, reply: r.Reply, header: r.Header, data: r.Payload, tail: r.Tail}
	res := b.index.Match(m.subject, b.takeScratch())
	defer b.giveScratch()
	b.fx.Charge(machine.WorkRoute, 1, 0, 0)
	reached := false
	for _, s := range res.Plain {
		if s.node == 0 {
			reached = b.deliver(s, m) || reached
		}
	}
	for i := range res.Queues {
		q := &res.Queues[i]
		if !slices.Contains(r.Queues, q.Name) {
			continue
		}
		if s := b.pick(q, m, false); s != nil {
			reached = b.deliver(s, m) || reached
			if b.bug(BugQueuePair) {
				if again := b.pick(q, m, false); again != nil {
					b.deliver(again, m)
				}
			}
		}
	}
	if !reached {
		b.dropped(m, machine.Observation{Peer: p.id, Why: "no interest any more"})
	}
}

// pick draws the member of a queue group that gets a message: of all in the cluster alike if it was published here,
// another node standing for as many as it has, and of those here if it came over a route (nats-server client.go,
// processMsgResults and weightedQSubIndex). nil if there is nobody.
func (b *Broker) pick(q *interest.Queue[*subscription], m *message, remote bool) *subscription {
	all := uint64(0)
	for _, s := range q.Subs {
		all += shares(s, m, remote)
	}
	if all == 0 {
		return nil
	}
	if len(q.Subs) == 1 && ofLeader(q.Name) {
		return q.Subs[0] // there is nothing to draw
	}
	b.picks++
	n := b.env.Choices.Draw(purposeQueuePick, b.picks) % all
	for _, s := range q.Subs {
		share := shares(s, m, remote)
		if n < share {
			return s
		}
		n -= share
	}
	machine.Broken("the shares of queue group %q do not add up to %d", q.Name, all)
	return nil
}

// shares is how many members of a queue group s stands for. The publisher itself does not count if it wants no
// echo, nor does a client that an earlier delivery of the same message has cut.
func shares(s *subscription, m *message, remote bool) uint64 {
	switch c := s.conn; {
	case s.node != 0 && remote:
		return uint64(s.weight)
	case s.node != 0, c != nil && c.closed, c != nil && c == m.from && !c.options.Echo:
		return 0
	}
	return 1
}

// deliver hands a message to one local subscriber.
func (b *Broker) deliver(s *subscription, m *message) bool {
	if s.handle != nil {
		s.handle(m)
		return true
	}
	c := s.conn
	if c == m.from && !c.options.Echo && !b.bug(BugEchoAnyway) {
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
