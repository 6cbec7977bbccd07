package sim

import (
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

// session is one link between two brokers: a connection that carries frames both ways and
// is made again whenever it breaks. pipes[i] carries what sides[i] sends.
//
// Each side learns of an end in its own time: by a reset, by hearing nothing for a keepalive, or
// because its peer connects anew. Frames of an earlier session never reach a later one, but for
// duplicates within a session of the Raft link.
type session struct {
	index   uint32
	link    machine.Link
	sides   [2]*process // lower id first
	pipes   [2]pipe
	gen     uint32    // one more at each connect
	up      [2]bool   // what the machines have been told
	upGen   [2]uint32 // under which generation
	dialing bool      // an evLinkDial is under way
}

// identity names the session in draws.
func (s *session) identity() uint64 {
	return 1<<63 | uint64(s.link)<<60 | uint64(s.sides[0].id)<<30 | uint64(s.sides[1].id)
}

// makeSessions makes both links of each pair of brokers.
func (w *World) makeSessions() {
	k := w.brokers
	w.links = make([]*session, k*k*int32(machine.Links))
	for a := range k {
		for b := a + 1; b < k; b++ {
			for link := range machine.Links {
				s := &session{index: uint32(len(w.sessions)), link: link, sides: [2]*process{w.processes[a], w.processes[b]}}
				for i := range s.pipes {
					from, to := s.sides[i], s.sides[1-i]
					s.pipes[i] = pipe{
						from: from, to: to, path: w.pathOf(from, to), opposite: &s.pipes[1-i],
						session: s, side: uint8(i), drops: link == machine.RaftLink,
						window: w.net.PeerWindow, identity: [2]uint64{s.identity(), uint64(i)},
					}
				}
				w.sessions = append(w.sessions, s)
				w.links[(a*k+b)*int32(machine.Links)+int32(link)] = s
				w.links[(b*k+a)*int32(machine.Links)+int32(link)] = s
			}
		}
	}
}

// sessionOf finds a link of p by its peer; nil if there is none.
func (w *World) sessionOf(p *process, peer machine.Addr, link machine.Link) (*session, int) {
	q := w.processOf(peer.Node)
	if q == nil || !p.broker || !q.broker || q == p || link >= machine.Links {
		return nil, 0
	}
	s := w.links[(p.index*w.brokers+q.index)*int32(machine.Links)+int32(link)]
	if s.sides[0] == p {
		return s, 0
	}
	return s, 1
}

// eachSession visits the links of a broker.
func (w *World) eachSession(p *process, visit func(s *session, side int)) {
	for _, s := range w.sessions {
		for side := range s.sides {
			if s.sides[side] == p {
				visit(s, side)
			}
		}
	}
}

// drawSession is a draw about what begins at this moment.
func (w *World) drawSession(s *session, side int, purpose uint64) uint64 {
	return w.seed.Draw(choice.Network, s.identity(), uint64(2+side), uint64(w.now), purpose)
}

// dialLink schedules an attempt to connect.
func (w *World) dialLink(s *session, wait Time) {
	if !s.dialing {
		s.dialing = true
		w.push(w.now+wait, event{kind: evLinkDial, node: s.sides[0].index, ref: uint64(s.index)})
	}
}

// redialLink tries again after the usual pause.
func (w *World) redialLink(s *session) {
	draw := w.drawSession(s, 0, forReconnect)
	w.dialLink(s, w.net.Reconnect+int64(choice.Below(draw, uint64(w.net.Reconnect)+1)))
}

// onLinkDial is one attempt. It needs both programs running and both ways open; whoever
// is down dials when it comes up.
func (w *World) onLinkDial(ev *event) {
	s := w.sessions[ev.ref]
	s.dialing = false
	a, b := s.sides[0], s.sides[1]
	if !a.running() || !b.running() || s.up[0] && s.up[1] && s.upGen[0] == s.gen && s.upGen[1] == s.gen {
		return
	}
	there, back := s.pipes[0].path.blocked(), s.pipes[1].path.blocked()
	if a.paused > 0 || b.paused > 0 || there && back || (there || back) && !w.datagrams(s) {
		w.redialLink(s)
		return
	}
	w.connectLink(s)
}

// datagrams says that a link is no session.
func (w *World) datagrams(s *session) bool { return w.net.Datagrams && s.link == machine.RaftLink }

// connectLink begins a new session. A side that still believes in the old one is told of its end first.
func (w *World) connectLink(s *session) {
	s.gen++
	for i := range s.pipes {
		w.resetPipe(&s.pipes[i])
		s.pipes[i].gen = s.gen
	}
	for side, p := range s.sides {
		at := w.now + 1
		for i := range uint64(3) {
			at += w.net.Latency.Sample(w.drawSession(s, side, forHandshake+i<<8))
		}
		s.pipes[1-side].last = at // nothing arrives before its receiver knows of the session
		ref := uint64(s.index)<<1 | uint64(side)
		if s.up[side] {
			w.push(at, event{kind: evLinkDown, node: p.index, epoch: s.upGen[side], ref: ref})
		}
		w.push(at, event{kind: evLinkUp, node: p.index, epoch: s.gen, ref: ref})
	}
}

// sideOf finds the session side that an event is about.
func (w *World) sideOf(ev *event) (*session, int) { return w.sessions[ev.ref>>1], int(ev.ref & 1) }

func (w *World) onLinkUp(ev *event) {
	s, side := w.sideOf(ev)
	p := s.sides[side]
	if s.gen != ev.epoch || s.up[side] || !p.running() {
		return
	}
	s.up[side], s.upGen[side] = true, s.gen
	w.stepLink(s, side, machine.PeerUp)
}

func (w *World) onLinkDown(ev *event) {
	s, side := w.sideOf(ev)
	if !s.up[side] || s.upGen[side] != ev.epoch || !s.sides[side].running() {
		return
	}
	s.up[side] = false
	if s.gen == ev.epoch {
		w.dropQueue(&s.pipes[side])
		w.redialLink(s)
	}
	w.stepLink(s, side, machine.PeerDown)
}

// stepLink hands in PeerUp or PeerDown.
func (w *World) stepLink(s *session, side int, kind machine.InputKind) {
	in := &w.in
	*in = machine.Input{Kind: kind, Link: s.link, Peer: machine.Addr{Node: s.sides[1-side].id}}
	w.step(s.sides[side], in)
}

// breakLink is one side finding, or wanting, the end of a session. The other hears of it
// by a reset, if that arrives.
func (w *World) breakLink(s *session, side int) {
	if !s.up[side] {
		return
	}
	w.stats.SessionsBroken++
	p := s.sides[side]
	w.push(w.now, event{kind: evLinkDown, node: p.index, epoch: s.upGen[side], ref: uint64(s.index)<<1 | uint64(side)})
	if s.upGen[side] == s.gen {
		w.resetPeer(s, side)
	}
}

// resetPeer sends a reset from one side.
func (w *World) resetPeer(s *session, side int) {
	p := &s.pipes[side]
	p.sent++
	at := w.now + w.net.Latency.Sample(w.drawPipe(p, p.sent, forLatency)) + p.path.slow
	w.launch(p, segment{kind: segReset, loose: true}, at)
}

// leaveLinks ends the part of a process that is gone in its links.
func (w *World) leaveLinks(p *process, tell bool) {
	w.eachSession(p, func(s *session, side int) {
		was := s.up[side] && s.upGen[side] == s.gen
		s.up[side] = false
		w.dropQueue(&s.pipes[side])
		if tell && was {
			w.resetPeer(s, side)
		}
	})
}

// joinLinks makes a process that has come up connect to those that are.
func (w *World) joinLinks(p *process) {
	w.eachSession(p, func(s *session, side int) {
		if s.sides[1-side].running() {
			draw := w.drawSession(s, 0, forHandshake)
			w.dialLink(s, millisecond+int64(choice.Below(draw, uint64(4*millisecond))))
		}
	})
}

// armKeepalives starts the patience of whoever hears nothing over pt from now on.
func (w *World) armKeepalives(pt *path) {
	for link := range machine.Links {
		s, side := w.sessionOf(pt.to, machine.Addr{Node: pt.from.id}, link)
		w.armKeepalive(s, side, pt.silence)
	}
}

func (w *World) armKeepalive(s *session, side int, silence uint32) {
	wait := w.net.Keepalive
	wait += int64(choice.Below(w.drawSession(s, side, forKeepalive), uint64(wait)/5+1))
	w.push(w.now+wait, event{kind: evKeepalive, node: s.sides[side].index, epoch: silence, ref: uint64(s.index)<<1 | uint64(side)})
}

func (w *World) onKeepalive(ev *event) {
	s, side := w.sideOf(ev)
	in, out := s.pipes[1-side].path, s.pipes[side].path
	if in.silence != ev.epoch || !in.silent || !s.up[side] {
		return
	}
	if w.datagrams(s) && !out.silent {
		w.armKeepalive(s, side, ev.epoch)
		return
	}
	w.breakLink(s, side)
}
