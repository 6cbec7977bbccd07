package drive

import (
	"context"
	"errors"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Stop ends the server: it takes no more clients, tells the machine that it is Stopping, waits
// (StopGrace) for the disk operations that follow and for output to leave, syncs and closes. After a
// failure, which it returns, it only closes. It may be called more than once.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		s.stopErr = s.stop()
	})
	return s.stopErr
}

func (s *Server) stop() error {
	for _, l := range s.listeners {
		_ = l.Close() // nothing is lost with it
	}
	if s.booted.Load() && s.failureSoFar() == nil {
		s.wind()
	}
	s.mu.Lock()
	s.broken = true
	if s.wake != nil {
		s.wake.Stop()
	}
	s.mu.Unlock()
	s.hangUp()
	s.wg.Wait()
	return s.closeFiles()
}

// wind lets the machine come to an end.
func (s *Server) wind() {
	grace, cancel := context.WithTimeout(s.closing, s.cfg.StopGrace)
	defer cancel()
	t := &turn{s: s}
	t.begin()
	s.shut = true
	t.in = machine.Input{Kind: machine.Stopping}
	t.step()
	t.end()
	for !s.settled() {
		select {
		case <-s.disk.calm:
		case <-s.failed:
			return
		case <-grace.Done():
			s.log.Warn("stopping without waiting for the disk any longer", "after", s.cfg.StopGrace)
			return
		}
		t.begin()
		t.end()
	}
	s.letGo(grace)
}

// settled says that nothing is under way on the disk, nor in a step that may start more.
func (s *Server) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disk.quiet()
}

// letGo hangs up on everybody after what waits for them, and waits for that.
func (s *Server) letGo(grace context.Context) {
	t := &turn{s: s}
	t.begin()
	linger := s.cfg.CloseLinger
	if end, ok := grace.Deadline(); ok {
		linger = min(linger, time.Until(end))
	}
	for _, q := range s.sockets() {
		q.end(linger)
		if q.died != nil {
			q.died() // a paused reader reads again, for the end alone
		}
		t.outs = append(t.outs, q)
	}
	t.end()
	gone := make(chan struct{})
	go func() {
		s.conned.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-grace.Done():
	case <-s.failed:
	}
}

// sockets lists the output queues of all connections and sessions. Server.mu is held.
func (s *Server) sockets() []*outq {
	var all []*outq
	for _, c := range s.conns {
		all = append(all, &c.outq)
	}
	for _, l := range s.links {
		if l.cur != nil {
			all = append(all, &l.cur.outq)
		}
	}
	return all
}

func (s *Server) closeFiles() error {
	err := s.failureSoFar()
	if s.disk != nil {
		s.disk.stop()
		s.workers.Wait()
		err = errors.Join(err, s.disk.close())
	}
	if s.root != nil {
		_ = s.root.Close()
	}
	if s.lock != nil {
		_ = s.lock.Close() // which unlocks it
	}
	return err
}
