package broker

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Back-pressure. Output that waits for a slow client or peer, and publishes that wait for a stream's leader to
// propose them, stand behind a gate. While more than half of the limit waits, whatever client feeds it is
// not read from, until no more than a quarter does: its own buffers fill, and it is slowed. The limit
// itself stays what it is: beyond it a client is cut, a route session broken, a publish refused.
//
// nats-server stalls a producer for at most 10 ms a read, from three quarters of max_pending on (client.go,
// stalledWait). Here a producer is held longer, and never for good: every MaxPause it is read from once
// all the same. So its PINGs are answered and its PONGs heard, two clients that feed each other cannot
// wait for each other for ever, and who crawls is cut in the end rather than hold up everyone.

// gate is a place where something waits, and the clients that are not read from because they feed it.
type gate struct{ held []*conn }

// hold keeps the client whose bytes are being handled, if any, behind g: read from no more once they are.
func (b *Broker) hold(g *gate) {
	if c := b.reading; c != nil && !slices.Contains(c.behind, g) {
		c.behind = append(c.behind, g)
		g.held = append(g.held, c)
	}
}

// open lets go of everyone behind g.
func (b *Broker) open(g *gate) {
	for i, c := range g.held {
		c.leave(g)
		if len(c.behind) == 0 && c.paused {
			b.fx.CancelTimer(c.timer(timerPause))
			c.pause(false)
		}
		g.held[i] = nil
	}
	g.held = g.held[:0]
}

func (c *conn) leave(g *gate) {
	c.behind = slices.DeleteFunc(c.behind, func(other *gate) bool { return other == g })
}

// holdBack stops reading from a client that is behind a gate, for MaxPause at most.
func (c *conn) holdBack() {
	if len(c.behind) > 0 && !c.closed {
		c.pause(true)
		c.b.fx.SetTimer(c.timer(timerPause), c.b.env.Mono+machine.Mono(c.b.cfg.MaxPause))
	}
}

func (c *conn) pause(on bool) {
	c.paused = on
	c.b.fx.Pauses = append(c.b.fx.Pauses, machine.Pause{Conn: c.id, On: on})
}

// dissolve takes a connection that is closing out of all this.
func (c *conn) dissolve() {
	for _, g := range c.behind {
		g.held = slices.DeleteFunc(g.held, func(other *conn) bool { return other == c })
	}
	c.behind = nil
	c.b.open(&c.flow.gate)
}

// outflow is output that the driver has not got rid of, as far as it has said (machine.BacklogNews), and who is
// held back because of it.
type outflow struct {
	gate
	backlog int64
	sent    int64 // bytes that have left, in all
}

// note takes a report of the driver. It says whether the reader is known to read: the backlog is new, or
// bytes have left since the last report.
func (o *outflow) note(in *machine.Input) (alive bool) {
	alive = o.backlog == 0 || in.Sent > o.sent
	o.backlog, o.sent = in.N, in.Sent
	return alive
}

// connDrained watches a client that is slower than what it subscribed to: it is cut when too much waits
// for it, or when nothing has left for WriteDeadline (nats-server's write_deadline).
func (b *Broker) connDrained(in *machine.Input) {
	c := b.conns[in.Conn]
	if c == nil {
		return
	}
	alive := c.flow.note(in)
	switch key := c.timer(timerWrite); {
	case in.N > b.cfg.MaxPending:
		c.slow(whyPending)
		return
	case in.N == 0:
		b.fx.CancelTimer(key)
	case alive:
		b.fx.SetTimer(key, b.env.Mono+machine.Mono(b.cfg.WriteDeadline))
	}
	if in.N <= b.cfg.MaxPending/4 {
		b.open(&c.flow.gate)
	}
}

// Why a client was cut as a slow consumer.
const (
	whyPending  = "Slow Consumer"
	whyDeadline = "Slow Consumer (write deadline)"
)

// peerDrained does the same for a peer on the route link, whose session is broken rather than part
// of it lost: interest is told anew, and what waited is gone.
func (b *Broker) peerDrained(in *machine.Input) {
	p := b.peer(in.Peer.Node)
	if p == nil || in.Link != machine.RouteLink || !p.up[machine.RouteLink] {
		return
	}
	alive := p.flow.note(in)
	switch key := p.timer(timerRouteWrite); {
	case in.N > b.cfg.MaxRoutePending:
		b.breakRoute(p, "route: more waits than max route pending")
		return
	case in.N == 0:
		b.fx.CancelTimer(key)
	case alive:
		b.fx.SetTimer(key, b.env.Mono+machine.Mono(b.cfg.WriteDeadline))
	}
	if in.N <= b.cfg.MaxRoutePending/4 {
		b.open(&p.flow.gate)
	}
}

func (b *Broker) breakRoute(p *peer, why string) {
	b.observe(machine.Observation{Kind: machine.Dropped, Peer: p.id, N: 1, Why: why})
	b.fx.Resets = append(b.fx.Resets, machine.PeerReset{Peer: machine.Addr{Node: p.id}, Link: machine.RouteLink})
	b.routeGone(p)
}

// routeGone forgets what waited for a peer.
func (b *Broker) routeGone(p *peer) {
	if p.flow.backlog > 0 {
		b.fx.CancelTimer(p.timer(timerRouteWrite))
	}
	p.flow.backlog, p.flow.sent = 0, 0
	b.open(&p.flow.gate)
}

func (p *peer) timer(kind uint32) machine.TimerKey {
	return machine.TimerKey{Kind: kind, ID: uint64(p.id)}
}

func (c *conn) timer(kind uint32) machine.TimerKey {
	return machine.TimerKey{Kind: kind, ID: uint64(c.id)}
}

// connTimer handles the timers of clients and peers.
func (b *Broker) connTimer(key machine.TimerKey) {
	if key.Kind == timerRouteWrite {
		if p := b.peer(machine.NodeID(key.ID)); p != nil && p.up[machine.RouteLink] {
			b.breakRoute(p, "route: nothing left within the write deadline")
		}
		return
	}
	c := b.conns[machine.ConnID(key.ID)]
	if c == nil {
		return
	}
	switch key.Kind {
	case timerPing:
		c.pingTimer()
	case timerWrite:
		c.slow(whyDeadline)
	case timerPause:
		c.pause(false)
	}
}
