package drive

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// conn is one client connection. Its reader goroutine is its life: it opens it, reads it, and
// alone tells the machine of its end.
type conn struct {
	outq
	buf    machine.ConnBuf
	remote string
	token  machine.Token
	// Under Server.mu: paused reading; used since the last sweep; cause is why the driver ended it.
	used  bool
	cause error
	// paused is written under Server.mu; wake has room for one and tells the reader to look again.
	paused atomic.Bool
	gone   atomic.Bool // the machine is done with it
	dying  atomic.Bool // a write failed: the reader is to find out
	wake   chan struct{}
}

// errPending is the net below the machine's own limits.
var errPending = errors.New("drive: output waiting for this connection exceeds MaxConnPending")

// acceptClients serves until the listener is closed.
func (s *Server) acceptClients(l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || !s.rest(acceptPause) {
				return
			}
			s.log.Warn("accept", "err", err)
			continue
		}
		if s.clients.Add(1) > int64(s.cfg.MaxConns) {
			s.clients.Add(-1)
			s.log.Warn("refused a client: MaxConns reached", "max", s.cfg.MaxConns, "remote", nc.RemoteAddr())
			_ = nc.Close()
			continue
		}
		s.wg.Go(func() {
			defer s.clients.Add(-1)
			s.serveClient(nc, nc.RemoteAddr().String(), 0)
		})
	}
}

const acceptPause = 50 * time.Millisecond

// rest waits a while; false if the server is stopping.
func (s *Server) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.closing.Done():
		return false
	}
}

// dial carries out a Dial effect.
func (s *Server) dial(d machine.Dial) {
	addr, ok := s.cfg.Clients[d.To]
	var nc net.Conn
	err := error(machine.ErrRefused)
	if ok {
		ctx, cancel := context.WithTimeout(s.closing, 5*time.Second)
		nc, err = (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		cancel()
	}
	if err == nil {
		s.serveClient(nc, addr, d.Token)
		return
	}
	s.log.Info("dial failed", "node", d.To, "addr", addr, "err", err)
	t := &turn{s: s}
	t.begin()
	t.in = machine.Input{Kind: machine.ConnClosed, Token: d.Token, Err: machine.ErrRefused}
	t.step()
	t.end()
}

// serveClient is the life of a connection.
func (s *Server) serveClient(nc net.Conn, remote string, token machine.Token) {
	if s.cfg.ClientTLS != nil && token == 0 {
		var err error
		if nc, err = s.handshake(nc); err != nil {
			s.log.Info("TLS handshake failed", "remote", remote, "err", err)
			return
		}
	}
	c := &conn{remote: remote, token: token, wake: make(chan struct{}, 1)}
	c.sock = newSock(nc)
	defer c.sock.close()
	c.report = c.drained
	c.died = func() { c.dying.Store(true); c.nudge() }
	defer context.AfterFunc(s.closing, c.kill)()
	t := &turn{s: s}
	if !s.open(t, c) {
		return
	}
	defer s.conned.Done()
	for {
		p, err := c.sock.read()
		if len(p) > 0 && !c.gone.Load() {
			s.bytes(t, c, p)
		}
		c.sock.release()
		if err != nil {
			s.ended(t, c, err)
			return
		}
		c.waitResume()
	}
}

func (s *Server) handshake(nc net.Conn) (net.Conn, error) {
	tc := tls.Server(nc, s.cfg.ClientTLS)
	ctx, cancel := context.WithTimeout(s.closing, 5*time.Second)
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return tc, nil
}

// open makes the connection known to the machine.
func (s *Server) open(t *turn, c *conn) bool {
	t.begin()
	defer t.end()
	if s.broken || s.shut {
		return false
	}
	s.conned.Add(1)
	s.lastConn++
	c.buf.ID = s.lastConn
	s.conns[c.buf.ID] = c
	t.in = machine.Input{Kind: machine.ConnOpened, Conn: c.buf.ID, Token: c.token, Out: &c.buf, Remote: c.remote}
	t.step()
	return true
}

// bytes feeds one read. While the machine has paused the connection, it waits with it.
func (s *Server) bytes(t *turn, c *conn, p []byte) {
	t.begin()
	for c.paused.Load() && !c.lost() {
		t.end()
		c.waitResume()
		t.begin()
	}
	if !c.gone.Load() && !c.paused.Load() {
		t.small = len(p) <= inlineBytes
		t.in = machine.Input{Kind: machine.ConnBytes, Conn: c.buf.ID, Bytes: p}
		t.step()
	}
	t.end()
}

// waitResume waits while the connection is paused and lives.
func (c *conn) waitResume() {
	for c.paused.Load() && !c.lost() {
		<-c.wake
	}
}

func (c *conn) lost() bool { return c.gone.Load() || c.dying.Load() }

func (c *conn) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// ended tells the machine that the connection is gone, unless it has closed it itself.
func (s *Server) ended(t *turn, c *conn, err error) {
	t.begin()
	if !c.gone.Load() {
		s.forget(c)
		t.in = machine.Input{Kind: machine.ConnClosed, Conn: c.buf.ID, Err: connError(err, c.cause)}
		t.step()
	}
	t.end()
	c.kill()
}

// connError is what a machine is told of a connection's end.
func connError(err, cause error) error {
	switch {
	case cause != nil:
		return cause
	case errors.Is(err, io.EOF):
		return nil
	}
	return machine.ErrReset
}

// forget removes a connection from the machine's world. Server.mu is held.
func (s *Server) forget(c *conn) {
	delete(s.conns, c.buf.ID)
	c.gone.Store(true)
	c.resume()
	c.buf.B = nil
}

func (c *conn) resume() {
	c.paused.Store(false)
	c.nudge()
}

// drained reports how much output waits.
func (c *conn) drained(t *turn, n, sent int64) {
	if c.gone.Load() {
		return
	}
	t.in = machine.Input{Kind: machine.ConnDrained, Conn: c.buf.ID, N: n, Sent: sent}
	t.step()
}

// takeOutput moves a connection's output into its queue. Server.mu is held.
func (s *Server) takeOutput(t *turn, cb *machine.ConnBuf) {
	cb.Dirty = false
	c := s.conns[cb.ID]
	if c == nil || len(cb.B) == 0 {
		cb.B = cb.B[:0]
		return
	}
	c.used = true
	if c.take(cb); c.over(s.cfg.MaxConnPending) {
		s.log.Warn("closed a connection: MaxConnPending reached", "remote", c.remote, "max", s.cfg.MaxConnPending)
		c.cause = errPending
		c.kill()
		return
	}
	t.outs = append(t.outs, &c.outq)
	if c.grown() {
		t.grown = append(t.grown, &c.outq)
	}
}

func (q *outq) over(limit int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n > limit
}

// pause stops or resumes reading. Server.mu is held.
func (s *Server) pause(p machine.Pause) {
	switch c := s.conns[p.Conn]; {
	case c == nil:
	case p.On:
		c.paused.Store(true)
	default:
		c.resume()
	}
}

// close ends a connection for the machine, once its output is written unless the close is
// abrupt. Server.mu is held.
func (s *Server) close(t *turn, cl machine.Close) {
	c := s.conns[cl.Conn]
	if c == nil {
		return
	}
	s.forget(c)
	if cl.Abrupt {
		c.kill()
		return
	}
	c.end(s.cfg.CloseLinger)
	t.outs = append(t.outs, &c.outq)
}

// sweep takes large empty buffers from connections that were quiet since the last one.
func (s *Server) sweep() {
	for s.rest(sweepEvery) {
		s.mu.Lock()
		for _, c := range s.conns {
			if !c.used && len(c.buf.B) == 0 && cap(c.buf.B) > classSize(0) {
				c.buf.B = nil
			}
			c.used = false
		}
		s.mu.Unlock()
	}
}

const sweepEvery = 10 * time.Second
