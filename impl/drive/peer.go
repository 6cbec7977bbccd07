package drive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// link is one of the two connections with a peer, over all its sessions. The node with
// the lower id dials.
type link struct {
	s    *Server
	peer machine.NodeID
	kind machine.Link
	addr string
	cur  *session // that the machine knows of; under Server.mu
	// dropped frames since the session began; under Server.mu.
	dropped int64
}

// session is one connection of a link.
type session struct {
	outq
	link *link
	head [frameHead]byte
}

const (
	redialMin = 20 * time.Millisecond
	redialMax = 2 * time.Second
)

func (l *link) peerAddr() machine.Addr { return machine.Addr{Node: l.peer} }

// keep dials until the server stops, resting longer after each failure.
func (l *link) keep() {
	pause := redialMin
	for said := false; ; {
		nc, err := l.dial()
		if err == nil {
			pause, said = redialMin, false
			l.run(nc)
		} else if l.s.closing.Err() == nil && !said {
			l.s.log.Info("peer not reached", "peer", l.peer, "link", l.kind, "addr", l.addr, "err", err)
			said = true
		}
		if !l.s.rest(pause) {
			return
		}
		pause = min(2*pause, redialMax)
	}
}

func (l *link) dial() (net.Conn, error) {
	s := l.s
	ctx, cancel := context.WithTimeout(s.closing, helloWait)
	defer cancel()
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.addr)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(s.closing, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })()
	_ = nc.SetDeadline(time.Now().Add(helloWait))
	h, err := l.greet(nc)
	if err == nil && h != (hello{l.kind, l.peer, s.cfg.Node, s.cluster}) {
		err = fmt.Errorf("answered as node %d of cluster %#x to node %d, %v link", h.from, h.cluster, h.to, h.link)
	}
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	return nc, nil
}

func (l *link) greet(nc net.Conn) (hello, error) {
	if err := writeHello(nc, hello{l.kind, l.s.cfg.Node, l.peer, l.s.cluster}); err != nil {
		return hello{}, err
	}
	return readHello(nc)
}

// acceptPeers serves until the listener is closed.
func (s *Server) acceptPeers(l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !s.rest(acceptPause) {
				return
			}
			s.log.Warn("accept peer", "err", err)
			continue
		}
		if s.strangers.Add(1) > maxStrangers {
			s.strangers.Add(-1)
			_ = nc.Close()
			continue
		}
		s.wg.Go(func() {
			link, err := s.welcome(nc)
			s.strangers.Add(-1)
			if err != nil {
				s.log.Info("refused a peer", "remote", nc.RemoteAddr(), "err", err)
				_ = nc.Close()
				return
			}
			link.run(nc)
		})
	}
}

// maxStrangers is how many peer connections may be without a hello at a time.
const maxStrangers = 64

// welcome answers a peer's hello.
func (s *Server) welcome(nc net.Conn) (*link, error) {
	defer context.AfterFunc(s.closing, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })()
	_ = nc.SetDeadline(time.Now().Add(helloWait))
	h, err := readHello(nc)
	if err != nil {
		return nil, err
	}
	link := s.links[linkKey{h.from, h.link}]
	switch {
	case link == nil:
		return nil, fmt.Errorf("node %d is not a peer", h.from)
	case h.to != s.cfg.Node || h.cluster != s.cluster:
		return nil, fmt.Errorf("node %d wants node %d of cluster %#x, this is node %d of %#x", h.from, h.to, h.cluster, s.cfg.Node, s.cluster)
	case h.from > s.cfg.Node:
		return nil, fmt.Errorf("node %d dialled; the lower id dials", h.from)
	}
	return link, writeHello(nc, hello{h.link, s.cfg.Node, h.from, s.cluster})
}

// run is the life of a session: up, frames, down.
func (l *link) run(nc net.Conn) {
	_ = nc.SetDeadline(time.Time{})
	watchPeer(nc)
	ses := &session{link: l}
	ses.sock = newSock(nc)
	ses.report = ses.drained
	defer ses.sock.close()
	defer context.AfterFunc(l.s.closing, ses.kill)()
	t := &turn{s: l.s}
	if !l.up(t, ses) {
		return
	}
	defer l.s.conned.Done()
	in := frameReader{max: l.s.cfg.MaxFrame}
	for {
		err := in.fill(nc)
		if ferr := ses.frames(t, &in); ferr != nil {
			err = ferr
		}
		if err != nil {
			ses.kill()
			l.down(t, ses, err)
			return
		}
	}
}

// up makes a session the link's, ending a former one that nobody has missed yet.
func (l *link) up(t *turn, ses *session) bool {
	t.begin()
	defer t.end()
	if l.s.broken || l.s.shut {
		return false
	}
	l.s.conned.Add(1)
	if old := l.cur; old != nil {
		old.kill()
		l.report(t, machine.PeerDown)
	}
	l.cur, l.dropped = ses, 0
	l.report(t, machine.PeerUp)
	l.s.log.Info("peer up", "peer", l.peer, "link", l.kind)
	return true
}

func (l *link) down(t *turn, ses *session, err error) {
	t.begin()
	if l.cur == ses {
		l.cur = nil
		l.report(t, machine.PeerDown)
		l.s.log.Info("peer down", "peer", l.peer, "link", l.kind, "err", err, "dropped", l.dropped)
	}
	t.end()
}

func (l *link) report(t *turn, kind machine.InputKind) {
	t.in = machine.Input{Kind: kind, Peer: l.peerAddr(), Link: l.kind}
	t.step()
}

// frames feeds the whole frames of the buffer, in one turn unless a step breaks off links.
func (ses *session) frames(t *turn, in *frameReader) error {
	p, err := in.next()
	for p != nil {
		t.begin()
		t.small = in.w-in.r+len(p) <= inlineBytes
		alive := ses.link.cur == ses && !ses.isDead() && !t.s.broken
		for alive && p != nil && !t.halt {
			t.in = machine.Input{Kind: machine.PeerFrame, Peer: ses.link.peerAddr(), Link: ses.link.kind, Bytes: p}
			t.step()
			p, err = in.next()
		}
		t.end()
		if !alive {
			return net.ErrClosed
		}
	}
	return err
}

func (q *outq) isDead() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dead
}

// drained reports how many bytes of frames wait.
func (ses *session) drained(t *turn, n, sent int64) {
	if l := ses.link; l.cur == ses {
		t.in = machine.Input{Kind: machine.PeerDrained, Peer: l.peerAddr(), Link: l.kind, N: n, Sent: sent}
		t.step()
	}
}

// sendFrame queues a frame: within the link's limit, beyond which the raft link drops it and
// the route link, an ordered session, is broken. Server.mu is held.
func (s *Server) sendFrame(t *turn, f *machine.Frame) {
	l := s.links[linkKey{f.Peer.Node, f.Link}]
	if l == nil || l.cur == nil || f.Peer.Shard != 0 {
		return
	}
	limit := s.cfg.MaxRaftPending
	if l.kind == machine.RouteLink {
		limit = s.cfg.MaxRoutePending
	}
	if len(f.Bytes) > s.cfg.MaxFrame || !l.cur.send(f.Bytes, limit) {
		if l.dropped++; l.dropped == 1 {
			s.log.Warn("peer link full", "peer", l.peer, "link", l.kind, "limit", limit, "frame", len(f.Bytes))
		}
		if l.kind == machine.RouteLink {
			l.cur.kill()
		}
		return
	}
	if n := len(t.outs); n == 0 || t.outs[n-1] != &l.cur.outq {
		t.outs = append(t.outs, &l.cur.outq)
	}
	if l.cur.grown() {
		t.grown = append(t.grown, &l.cur.outq)
	}
}

// send queues a frame; false if there is no room. One frame is always let in.
func (ses *session) send(p []byte, limit int64) bool {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	if ses.dead {
		return true // lost with the session
	}
	if ses.n > 0 && ses.n+int64(len(p)) > limit {
		return false
	}
	binary.LittleEndian.PutUint32(ses.head[:], uint32(len(p)))
	ses.put(ses.head[:])
	ses.put(p)
	return true
}

// resetLink breaks a link on purpose; its reader reports it down. Server.mu is held.
func (s *Server) resetLink(r machine.PeerReset) {
	if l := s.links[linkKey{r.Peer.Node, r.Link}]; l != nil && l.cur != nil {
		l.cur.kill()
	}
}
