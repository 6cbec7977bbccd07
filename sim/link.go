package sim

import "github.com/brokerlab/brokerlab/model/machine"

// sendFrame carries out one Frame.
func (w *World) sendFrame(p *process, f *machine.Frame, from Time) {
	s, side := w.sessionOf(p, f.Peer, f.Link)
	if s == nil || !s.up[side] || s.upGen[side] != s.gen || len(f.Bytes) == 0 {
		w.stats.FramesToNobody++
		return
	}
	out := &s.pipes[side]
	limit := w.net.RaftQueue
	if f.Link == machine.RouteLink {
		limit = w.net.RouteQueue
	}
	if out.backlog+int64(len(f.Bytes)) > limit && out.backlog > 0 {
		w.stats.QueueOverflows++
		if f.Link == machine.RouteLink {
			w.breakLink(s, side) // a session does not lose a part
			return
		}
		w.lose(out, int64(len(f.Bytes)), "beyond the queue's limit")
		return
	}
	w.stats.Frames++
	w.enqueue(out, f.Bytes, from)
	w.watchBacklog(out, 0)
}

// arriveFrame takes a frame that arrived at a time at a host that is up.
func (w *World) arriveFrame(p *pipe, s *segment, at Time) {
	l, side := p.session, 1-int(p.side)
	q := p.to
	if s.kind == segReset {
		if l.up[side] && l.upGen[side] == l.gen {
			w.onLinkDown(&event{epoch: l.gen, ref: uint64(l.index)<<1 | uint64(side)})
		}
		return
	}
	if !l.up[side] || l.upGen[side] != l.gen || !q.running() {
		p.inflight -= s.n
		if !q.running() {
			w.resetPeer(l, side) // nobody listens there, says the kernel
		}
		return
	}
	w.consumed(p, s.n)
	// A copy, since the sender's frame may be on its way to others too; wiped, since a
	// machine that keeps an input's bytes would work here and fail for real.
	w.scratch = append(w.scratch[:0], s.data...)
	in := &w.in
	*in = machine.Input{Kind: machine.PeerFrame, Link: l.link, Peer: machine.Addr{Node: p.from.id}, Bytes: w.scratch}
	w.joined = w.readWith(p, at, len(s.data))
	w.step(q, in)
	w.joined = false
	wipe(w.scratch)
}

// readWith says whether a frame came with a read that brought frames before it. A link is a connection: while its reader is busy
// frames gather in the kernel, and one read takes them all. It begins a read otherwise.
func (w *World) readWith(p *pipe, at Time, n int) bool {
	if at <= p.read && n <= p.readRoom {
		p.readRoom -= n
		return true
	}
	p.read, p.readRoom = w.now, w.net.ReadMax-n
	return false
}

// onLinkDrained reports a backlog, as it is by now.
func (w *World) onLinkDrained(ev *event) {
	s, side := w.sessions[ev.ref>>1], int(ev.ref&1)
	if s.gen != ev.epoch || !s.up[side] || s.upGen[side] != s.gen {
		return
	}
	in := &w.in
	*in = machine.Input{
		Kind: machine.PeerDrained, Link: s.link, Peer: machine.Addr{Node: s.sides[1-side].id},
		N: s.pipes[side].backlog, Sent: s.pipes[side].gone,
	}
	w.step(s.sides[side], in)
}

// resetLink breaks a link from the middle: each side learns in its own time.
func (w *World) resetLink(s *session) {
	for side := range s.sides {
		if s.up[side] && s.upGen[side] == s.gen {
			w.resetPeer(s, 1-side)
		}
	}
}
