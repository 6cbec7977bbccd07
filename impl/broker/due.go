package broker

// advanceTicks is how long a leader waits for an advance that it proposed before it does so again.
const advanceTicks = 20

// proposeDue proposes, on the leader, that the log's time moves on, when by this node's clock something in the stream
// has reached its age. It is called every tick, so that a stream has at most one such entry a tick, and one under way.
//
// A publish moves the time on as well; so ids are worth an entry only when the newest is due and nothing else
// happens: then all go at once.
func (s *streamState) proposeDue() {
	if s.advancing > 0 {
		s.advancing--
		return
	}
	now := int64(s.g.b.env.Wall)
	due, ok := s.limits.Due(s.g.store)
	if newest, some := s.ids.Newest(); some && (!ok || newest+s.cfg.Duplicates < due) {
		due, ok = newest+s.cfg.Duplicates, true
	}
	if ok && due <= now && !s.g.b.bug(BugNoExpiry) && s.g.proposer.enqueue(s.g, "", []byte{cmdAdvance}) {
		s.advancing = advanceTicks
	}
}
