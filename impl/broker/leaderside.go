package broker

import (
	"github.com/brokerlab/brokerlab/impl/dedup"
	"github.com/brokerlab/brokerlab/impl/expect"
)

// leaderSide is what only a leader knows of its stream, and no other replica: what it has taken and not yet applied.
//
// With expect=leader and dedup=leader it decides, as nats-server's processClusteredInboundMsg and
// checkMsgHeadersPreClusteredProposal do (server/jetstream_cluster.go, jetstream_batching.go), and apply believes it:
//
//   - An expectation is held against what this node has applied and has itself in flight. A new leader that
//     has yet to apply what the old one committed holds it against the past, and two publishes that expect the
//     same sequence are both stored (nats-server#4320; #8469 for why this is still so by design. Since 2.11, PR
//     #6485, a leader there begins to lead only when it has applied what it holds, which closes this door).
//   - An id is remembered when its publish is taken, with no sequence yet. If the proposal is lost, by a change of
//     leader or refused, the id stays, and a retry is told that it is in process (10158) for as
//     long as the window lasts, though nothing was stored (nats-server PR #6415; since PR #6486 such ids
//     are forgotten when the leader changes).
type leaderSide struct {
	flying    int            // publishes taken and not applied
	subjects  map[string]int // the same, by subject
	expecting map[string]int // subjects whose newest sequence those expect
	staged    dedup.Window   // ids taken by this node, stamped by its clock
	advancing int            // ticks until cmdAdvance may be proposed again
	asked     int            // ticks until cmdConfigure may be proposed again
	awaiting  []awaiting     // clients that wait for a configuration
}

func (l *leaderSide) begin() {
	l.lost()
	l.advancing, l.asked, l.awaiting = 0, 0, nil
}

func (l *leaderSide) end() { l.awaiting = nil }

var (
	errInFlight  = &apiError{400, 10164, "wrong last sequence"}
	errInProcess = &apiError{409, 10158, "duplicate message id is in process"}
)

// decide answers a publish that the leader's own knowledge decides; nil if it may be proposed.
func (s *streamState) decide(subject []byte, w *expect.Wish) []byte {
	sw := &s.g.b.cfg.Switches
	if sw.Dedup == "leader" && w.ID != nil {
		s.staged.Advance(int64(s.g.b.env.Wall), s.cfg.Duplicates)
		if seq, dup := s.ids.Find(w.ID); dup {
			return s.appendAck(nil, seq, true)
		}
		if _, dup := s.staged.Find(w.ID); dup {
			return errInProcess.json(s.name())
		}
	}
	if sw.Expect == "leader" {
		if why := s.checkAsLeader(subject, w); why != nil {
			return why.json(s.name())
		}
	}
	return nil
}

func (s *streamState) checkAsLeader(subject []byte, w *expect.Wish) *apiError {
	if last := s.Last() + uint64(s.flying); w.HasLast && w.Last != last {
		return expectationError(expect.Failure{Rule: expect.WrongLast, Seq: last})
	}
	if !w.HasSubject {
		return nil
	}
	about := w.About(string(subject))
	if s.expecting[about] > 0 || s.subjects[about] > 0 {
		return errInFlight
	}
	if last := s.LastOf(about); last != w.LastSubject {
		return expectationError(expect.Failure{Rule: expect.WrongLastSubject, Seq: last})
	}
	return nil
}

// took notes a publish that has been taken.
func (s *streamState) took(subject []byte, w *expect.Wish) {
	sw := &s.g.b.cfg.Switches
	if sw.Dedup == "leader" && w.ID != nil {
		s.staged.Add(string(w.ID), 0, int64(s.g.b.env.Wall))
	}
	if sw.Expect == "leader" {
		s.flying++
		s.subjects[string(subject)]++
		if w.HasSubject {
			s.expecting[w.About(string(subject))]++
		}
	}
}

// lost is told that proposals came to nothing: nobody knows which publishes were among them. What they staged stays.
func (l *leaderSide) lost() {
	l.flying, l.subjects, l.expecting = 0, map[string]int{}, map[string]int{}
}

// landed notes a publish of this node's that has been applied. It may be one of an earlier term.
func (s *streamState) landed(p *publish) {
	if s.g.b.cfg.Switches.Expect != "leader" || !s.g.leading {
		return
	}
	s.flying = max(s.flying-1, 0)
	lower(s.subjects, p.subject)
	if p.wish.HasSubject {
		lower(s.expecting, p.wish.About(p.subject))
	}
}

func lower(counts map[string]int, key string) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}
