package broker

import (
	"github.com/brokerlab/brokerlab/impl/dedup"
	"github.com/brokerlab/brokerlab/impl/limits"
	"github.com/brokerlab/brokerlab/model/stream"
)

// streamState is what a stream's committed entries act on. Sequence numbers, stamps, refusals and removals are
// decided here, at apply, so they are a function of the log alone; what is the leader's own is in leaderSide.
type streamState struct {
	g *group
	a *assignment // what meta says; cfg is what the log says

	// cfg is the configuration that the log has come to: the first one, or that of the newest cmdConfigure, which
	// was meta's command number version.
	cfg       stream.Config
	version   uint64
	limits    limits.Limits // of cfg
	begins    uint64        // the first sequence
	clock     int64         // the highest stamp of an entry: the log's time, which never goes back
	stamp     int64         // of the newest message ever stored
	lastID    string        // its id
	ids       dedup.Window
	consumers *consumers

	leaderSide
	subs   []*subscription // as leader, to requests
	taking []*subscription // as leader, to the stream's subjects
	direct []*subscription // as a replica that answers direct gets
	quoted []byte          // name as JSON
}

func newStreamState(g *group, a *assignment) *streamState {
	s := &streamState{g: g, a: a}
	s.consumers = newConsumers(s)
	s.reset()
	return s
}

// reset is the state before the first entry.
func (s *streamState) reset() {
	origin := s.a.origin()
	s.configure(origin, 0)
	s.begins = max(origin.FirstSeq, 1)
	s.clock, s.stamp, s.lastID, s.ids = 0, 0, "", dedup.Window{}
	s.consumers.reset()
}

func (s *streamState) configure(cfg stream.Config, version uint64) {
	s.cfg, s.version = cfg, version
	s.limits = limits.Limits{
		Msgs: cfg.MaxMsgs, Bytes: cfg.MaxBytes, PerSubject: cfg.MaxMsgsPer, Age: cfg.MaxAge,
		RefuseNew: cfg.Discard == stream.DiscardNew, RefuseNewPer: cfg.DiscardNewPer,
	}
	if s.g.b.bug(BugDiscardNewOneMore) && s.limits.RefuseNew && cfg.MaxMsgs > 0 {
		s.limits.Msgs++
	}
}

func (s *streamState) name() string { return s.a.Config.Name }

func (s *streamState) quotedName() []byte {
	if s.quoted == nil {
		s.quoted = marshal(s.name())
	}
	return s.quoted
}

// span is the first and last sequence, the number of messages and their bytes. A stream that has not begun is
// empty before its first sequence.
func (s *streamState) span() (first, last, count, bytes uint64) {
	first, last, count, bytes = s.g.store.State()
	if last < s.begins-1 {
		return s.begins, s.begins - 1, 0, 0
	}
	return first, last, count, bytes
}

// Last, LastOf and LastID are expect.Log.
func (s *streamState) Last() uint64 {
	_, last, _, _ := s.span()
	return last
}

func (s *streamState) LastOf(filter string) uint64 {
	if s.g.b.bug(BugSubjectOfStream) {
		return s.Last()
	}
	last, _ := s.g.store.LastMatch([]string{filter})
	return last
}

func (s *streamState) LastID() string { return s.lastID }

// lead makes this node the place that the stream's subjects and requests lead to.
func (s *streamState) lead() {
	s.leaderSide.begin()
	s.listen()
	for _, h := range []struct {
		prefix string
		handle func(*message)
	}{
		{apiStreamInfo, s.info},
		{apiMsgGet, s.getMessage},
		{apiMsgDelete, s.deleteRequest},
		{apiStreamPurge, s.purgeRequest},
		{apiStreamStepDown, s.stepDownRequest},
		{createdPrefix, s.created},
		{listedPrefix, s.listed},
	} {
		s.subs = append(s.subs, s.g.serve("api", h.prefix+s.name(), h.handle))
	}
	for _, sub := range s.consumers.acks() {
		s.subs = append(s.subs, s.g.serve("acks", sub.filter, sub.handle))
	}
	s.reconfigure()
	s.g.b.meta().askLeaders()
}

// listen takes in what is published to the stream's subjects, and to no others any more.
func (s *streamState) listen() {
	s.ignore()
	for _, filter := range s.cfg.Subjects {
		s.taking = append(s.taking, s.g.serve("takes", filter, s.publish))
	}
}

func (s *streamState) ignore() {
	for _, sub := range s.taking {
		s.g.b.unsubscribe(sub)
	}
	s.taking = nil
}

func (s *streamState) caughtUp() { s.consumers.caughtUp() }
func (s *streamState) prepare()  { s.consumers.prepare() }

func (s *streamState) follow() {
	s.consumers.follow()
	s.ignore()
	for _, sub := range s.subs {
		s.g.b.unsubscribe(sub)
	}
	s.subs = nil
	s.leaderSide.end()
}

// tick is called every tick of the group.
func (s *streamState) tick() {
	s.offerDirect()
	if s.g.leading {
		s.reconfigure()
		s.proposeDue()
		s.consumers.tick()
	}
}

// close ends what this node does for a stream that it leaves.
func (s *streamState) close() { s.endDirect() }

// internal says whether a subject is of the nodes' own talk, which a stream that takes everything in leaves out.
func internal(subject []byte) bool { return len(subject) > 4 && string(subject[:4]) == "$BL." }
