package broker

import (
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/model/machine"
)

// etcd raft assumes that a durable log never shrinks: it panics in commitTo, maybeAppend and
// loadState when one has, and a leader ignores rejections below what it once saw acknowledged. The
// unsafe ends of switches (a log synced every two minutes, a damaged log cut by a voter) break that
// assumption, and a real system built so does not crash there but loses messages. The guard stands
// between the wire and raft and turns each such moment into what the switch Conflict says.
//
// With every switch at its safe end no committed entry is ever contradicted; if one were, the group would
// stop here, with the numbers.

// receive handles one Raft message from a peer.
func (g *group) receive(m *pb.Message) {
	if g.absent != "" || m.GetTo() != uint64(g.self) || !fromPeer(m) {
		return
	}
	switch m.GetType() {
	case pb.MsgHeartbeat:
		g.clampCommit(m)
		if g.fetch != nil {
			// Nothing is applied while the messages of a snapshot come in.
			m.Commit = new(uint64)
		}
	case pb.MsgApp:
		if g.fetch != nil {
			if m.GetTerm() <= g.fetch.message.GetTerm() || g.fetch.whole {
				return
			}
			g.abortFetch("a newer leader")
		}
		g.clampCommit(m)
		if at, ok := g.contradiction(m); ok {
			g.contradicted(at, m)
			if g.absent != "" {
				return
			}
		}
	case pb.MsgAppResp:
		// A peer that lost committed entries may claim to match beyond this log.
		if !m.GetReject() && m.GetIndex() > g.tail.last() {
			g.drop("append response beyond the log")
			return
		}
		g.learnMatch(m)
	case pb.MsgSnap:
		g.startFetch(m)
		return
	}
	g.step(m)
	if m.GetType() == pb.MsgAppResp && !m.GetReject() && len(g.snapshots) > 0 {
		g.snapshotInstalled(m.GetFrom(), m.GetIndex())
	}
}

// fromPeer says whether a message is one that a peer may send, and of a form that raft does not
// stumble over.
func fromPeer(m *pb.Message) bool {
	switch m.GetType() {
	case pb.MsgApp:
		for i, e := range m.GetEntries() {
			if e.GetIndex() != m.GetIndex()+1+uint64(i) {
				return false
			}
		}
		return true
	case pb.MsgSnap:
		return m.GetSnapshot().GetMetadata().GetIndex() != 0
	case pb.MsgHeartbeat, pb.MsgHeartbeatResp:
		return len(m.GetContext()) == 0 || len(m.GetContext()) == readContext
	case pb.MsgAppResp, pb.MsgVote, pb.MsgVoteResp, pb.MsgPreVote, pb.MsgPreVoteResp, pb.MsgTimeoutNow:
		return true
	}
	return false
}

// learnMatch follows how far a peer agrees, for send.
func (g *group) learnMatch(m *pb.Message) {
	switch {
	case m.GetTerm() != g.term:
	case m.GetReject():
		delete(g.matched, m.GetFrom())
	default:
		g.matched[m.GetFrom()] = max(g.matched[m.GetFrom()], m.GetIndex())
	}
}

// clampCommit keeps a leader that still believes in entries lost here from making raft commit
// what is not there. For an append the entries it carries count.
func (g *group) clampCommit(m *pb.Message) {
	last := g.tail.last()
	if m.GetType() == pb.MsgApp {
		last = max(last, m.GetIndex()+uint64(len(m.GetEntries())))
	}
	if m.GetCommit() > last {
		m.Commit = &last
	}
}

// contradiction finds the first index at which an append disagrees with what is committed here.
func (g *group) contradiction(m *pb.Message) (at uint64, ok bool) {
	if m.GetTerm() < g.term {
		return 0, false // from a leader of the past: raft answers it without looking
	}
	disagrees := func(index, term uint64) bool {
		if index > g.commit {
			return false
		}
		have, err := g.tail.Term(index)
		return err == nil && have != term
	}
	if disagrees(m.GetIndex(), m.GetLogTerm()) {
		return m.GetIndex(), true
	}
	for _, e := range m.GetEntries() {
		if disagrees(e.GetIndex(), e.GetTerm()) {
			return e.GetIndex(), true
		}
	}
	return 0, false
}

// contradicted does what the switch Conflict says about a leader whose log has another entry
// at an index committed here.
func (g *group) contradicted(at uint64, m *pb.Message) {
	why := "leader contradicts a committed entry"
	if g.b.cfg.Switches.Conflict == "refuse" {
		g.damage(why)
		return
	}
	g.observe(machine.Observation{Kind: machine.Truncated, Index: at, Term: m.GetTerm(), Peer: nodeOf(m.GetFrom()), Why: why})
	if s, ok := g.state.(*streamState); ok && g.b.cfg.Switches.Conflict == "rebuild" {
		g.wipe(s)
	} else {
		g.cutLog(at)
	}
	g.restart()
}

// cutLog drops the entries from at on, committed or not. What the store holds stays as it is.
func (g *group) cutLog(at uint64) {
	last := at - 1
	if last < g.tail.base() { // nothing is left that agrees
		g.tail.restart(0, 0)
		g.b.log.Rebase(g.id, 0, 0)
		return
	}
	g.tail.cut(last)
	term, _ := g.tail.Term(last)
	g.b.log.TruncateTo(g.id, last, term) // on disk the log may begin later than the tail in memory
}

// wipe forgets everything of a stream but term and vote; its leader sends it anew.
func (g *group) wipe(s *streamState) {
	g.tail.restart(0, 0)
	g.b.log.Rebase(g.id, 0, 0)
	g.store.Reset(g.b.fx)
	g.touch()
	g.applied, g.appliedTerm, g.checkpoint = 0, 0, 0
	s.reset()
	g.observe(machine.Observation{Kind: machine.Recovered, Why: "rebuilt"})
}

// restart makes raft anew from the tail, as after a crash: what it thought of its peers is
// forgotten, and a leader is one no more.
func (g *group) restart() {
	if g.leading {
		g.observe(machine.Observation{Kind: machine.Follower, Term: g.term})
		g.stopLeading()
	}
	g.commit = min(g.commit, g.tail.last())
	g.start()
}

// damage takes this node out of the group: it neither votes nor acknowledges here any more.
func (g *group) damage(why string) {
	if g.leading {
		g.observe(machine.Observation{Kind: machine.Follower, Term: g.term})
		g.stopLeading()
	}
	g.absent = why
	g.incarnation++
	g.state.close()
	g.observe(machine.Observation{Kind: machine.Damaged, Why: why})
}

// peerReturned is told that a peer is back with another boot. A leader ignores rejections below
// what that peer once acknowledged, so where logs may come back shorter it starts over.
func (g *group) peerReturned() {
	sw := &g.b.cfg.Switches
	unsafe := sw.Sync != "group" || sw.Damage == "cut" || sw.Bugs[BugAckBeforeSync] || sw.Bugs[BugCommitBeforeDurable]
	if g.leading && unsafe {
		g.restart()
	}
}
