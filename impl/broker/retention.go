package broker

import (
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
)

// remove takes a message out by a rule (machine.Rule...); false if it is not there.
func (s *streamState) remove(entry, seq uint64, rule string) bool {
	subject, ok := s.g.store.SubjectOf(seq)
	if !ok {
		return false
	}
	s.g.store.Delete(seq)
	s.observeRemoved(entry, seq, rule)
	s.consumers.removed(entry, seq, subject)
	return true
}

// settled is told by a consumer, at apply of entry, that it is done with message seq, or is gone: a work queue
// and an interest stream keep a message only for those who are not.
func (s *streamState) settled(entry, seq uint64) {
	if s.cfg.Retention == stream.Limits {
		return
	}
	subject, ok := s.g.store.SubjectOf(seq)
	if !ok || s.consumers.needs(seq, subject) && !s.g.b.bug(BugFirstAckRemoves) {
		return
	}
	s.remove(entry, seq, machine.RuleAck)
}

// releaseUnneeded removes, from an interest stream, everything that no consumer needs: after one has been deleted, or
// the retention changed. A work queue keeps what nobody takes.
func (s *streamState) releaseUnneeded(entry uint64) {
	if s.cfg.Retention != stream.Interest {
		return
	}
	for seq, ok := s.g.store.NextAt(1); ok; seq, ok = s.g.store.NextAt(seq + 1) {
		if subject, _ := s.g.store.SubjectOf(seq); !s.consumers.needs(seq, subject) {
			s.remove(entry, seq, machine.RuleAck)
		}
	}
}

func (s *streamState) observeRemoved(entry, seq uint64, rule string) {
	if !s.g.b.cfg.Observe {
		return
	}
	o := machine.Observation{Kind: machine.Removed, Seq: seq, Index: entry, Why: rule}
	if rule == machine.RuleMaxAge {
		o.Stamp = s.clock
	}
	s.g.observe(o)
}
