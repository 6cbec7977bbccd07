package quorum

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Config is one node's part in a group.
type Config struct {
	ID    uint64
	Node  machine.NodeID
	Peers []machine.NodeID
	// ElectionTicks must be a power of two, so that a timeout takes one byte of entropy. HeartbeatTicks is 1 if zero.
	ElectionTicks, HeartbeatTicks int
	// MaxBytes of log in memory, beyond which proposals are refused; 0: 1 GiB.
	MaxBytes int64

	// Apply gets every committed entry with data. Lead and Follow tell of changes.
	Apply  func(index, term uint64, data []byte)
	Lead   func(term uint64)
	Follow func()
	// Send takes a message for a peer. Ready is called when the group has something to process.
	Send  func(to machine.NodeID, m *pb.Message)
	Ready func(*Group)
	// Charge, if set, accounts for Raft messages, proposals and ticks; Send and Apply are the broker's to charge.
	Charge func(kind machine.WorkKind, count, bytes int64)
	// Observe, if set, gets what an observer may know.
	Observe func(machine.Observation)
}

// Group is one node's part in one Raft group.
type Group struct {
	cfg         Config
	log         *Log
	mem         memory
	node        *raft.RawNode
	term        uint64
	vote        uint64
	applied     uint64
	appliedTerm uint64
	leading     bool
	leader      machine.NodeID
}

// Open joins a group with what its log kept.
func (l *Log) Open(cfg Config) *Group {
	if cfg.HeartbeatTicks == 0 {
		cfg.HeartbeatTicks = 1
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 1 << 30
	}
	g := &Group{cfg: cfg, log: l}
	rec := l.found[cfg.ID]
	delete(l.found, cfg.ID)
	voters := make([]uint64, len(cfg.Peers))
	for i, p := range cfg.Peers {
		voters[i] = uint64(p)
	}
	hs := rec.Hard
	g.term, g.vote = hs.Term, hs.Vote
	g.mem.hard = &pb.HardState{Term: &hs.Term, Vote: &hs.Vote, Commit: &hs.Commit}
	g.mem.conf = &pb.ConfState{Voters: voters}
	if len(rec.Entries) > 0 {
		g.mem.append(ToRaft(rec.Entries))
	}
	node, err := raft.NewRawNode(&raft.Config{
		ID: uint64(cfg.Node), ElectionTick: cfg.ElectionTicks, HeartbeatTick: cfg.HeartbeatTicks, Storage: &g.mem,
		AsyncStorageWrites: true, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 64, MaxInflightBytes: 8 << 20,
		MaxUncommittedEntriesSize: 64 << 20, CheckQuorum: true, PreVote: true, Logger: Logger{}, DisableProposalForwarding: true,
	})
	if err != nil {
		machine.Broken("group %d: %v", cfg.ID, err)
	}
	g.node = node
	if len(cfg.Peers) == 1 {
		_ = node.Campaign()
	}
	cfg.Ready(g)
	return g
}

// Leading, Leader, Term and Applied are where this node sees the group; Leader is 0 if nobody is known.
func (g *Group) Leading() bool          { return g.leading }
func (g *Group) Leader() machine.NodeID { return g.leader }
func (g *Group) Term() uint64           { return g.term }
func (g *Group) Applied() uint64        { return g.applied }

// AppliedTerm is the term of the newest entry applied: a leader's own once it has applied all that leaders before it committed.
func (g *Group) AppliedTerm() uint64 { return g.appliedTerm }

// ID is the group's number.
func (g *Group) ID() uint64 { return g.cfg.ID }

// Bytes is what the log holds in memory.
func (g *Group) Bytes() int64 { return g.mem.bytes }

// Entry is the data of a committed or pending entry; nil if there is none.
func (g *Group) Entry(index uint64) []byte {
	if index == 0 || index > g.mem.last() {
		return nil
	}
	return g.mem.ents[index-1].Data
}

// Campaign stands for election: the first of a new group's peers does.
func (g *Group) Campaign() {
	_ = g.node.Campaign()
	g.cfg.Ready(g)
}

// Propose hands an entry to raft; false if this node does not lead, or the log is full. data belongs to the group.
func (g *Group) Propose(data []byte) bool {
	if !g.leading || g.mem.bytes > g.cfg.MaxBytes || g.node.Propose(data) != nil {
		return false
	}
	g.charge(machine.WorkRaft, 1, int64(len(data)))
	g.cfg.Ready(g)
	return true
}

// Tick moves the group's clock.
func (g *Group) Tick() {
	g.charge(machine.WorkTimer, 1, 0)
	g.node.Tick()
	g.cfg.Ready(g)
}

// Receive takes a peer's message. What raft refuses it would have ignored.
func (g *Group) Receive(m *pb.Message) {
	switch m.GetType() {
	case pb.MsgHup, pb.MsgBeat, pb.MsgProp, pb.MsgStorageAppend, pb.MsgStorageApply, pb.MsgStorageAppendResp,
		pb.MsgStorageApplyResp, pb.MsgSnap, pb.MsgSnapStatus, pb.MsgUnreachable, pb.MsgCheckQuorum:
		return // not for peers to send
	case pb.MsgApp:
		for i, e := range m.GetEntries() {
			if e.GetIndex() != m.GetIndex()+1+uint64(i) {
				return
			}
		}
	}
	g.step(m)
}

func (g *Group) step(m *pb.Message) {
	g.charge(machine.WorkRaft, 1, 0)
	_ = g.node.Step(m)
	g.cfg.Ready(g)
}

// Process carries out everything that raft has ready.
func (g *Group) Process() {
	for g.node.HasReady() {
		rd := g.node.Ready()
		for _, m := range rd.Messages {
			switch m.GetTo() {
			case raft.LocalAppendThread:
				g.append(m)
			case raft.LocalApplyThread:
				g.apply(m)
			default:
				g.cfg.Send(machine.NodeID(m.GetTo()), m)
			}
		}
		if rd.SoftState != nil {
			g.follow(rd.SoftState)
		}
	}
}

func (g *Group) follow(s *raft.SoftState) {
	g.leader = machine.NodeID(s.Lead)
	leading := s.RaftState == raft.StateLeader
	if leading == g.leading {
		return
	}
	g.leading = leading
	term := g.node.BasicStatus().GetTerm()
	if leading {
		g.observe(machine.Observation{Kind: machine.Leader, Term: term})
		g.cfg.Lead(term)
		return
	}
	g.observe(machine.Observation{Kind: machine.Follower, Term: term})
	g.cfg.Follow()
}

// append hands entries and hard state to the log; the responses wait for their batch.
func (g *Group) append(m *pb.Message) {
	forced := false
	if ents := m.GetEntries(); len(ents) > 0 {
		g.mem.append(ents)
		g.log.log.Append(g.cfg.ID, FromRaft(ents))
		forced = true
	}
	w := waiting{group: g, responses: m.GetResponses(), entries: m.GetEntries()}
	if m.Term != nil || m.Vote != nil || m.Commit != nil {
		voted := m.GetTerm() != g.term || m.GetVote() != g.vote
		g.term, g.vote = m.GetTerm(), m.GetVote()
		g.log.log.SetHardState(g.cfg.ID, store.HardState{Term: g.term, Vote: g.vote, Commit: m.GetCommit()}, voted)
		if voted {
			forced = true
			w.vote, w.voteTerm = m.GetVote(), m.GetTerm()
		}
	}
	w.ticket = g.log.log.Pending()
	g.log.await(w, forced)
}

func (g *Group) apply(m *pb.Message) {
	for _, e := range m.GetEntries() {
		g.applied, g.appliedTerm = e.GetIndex(), e.GetTerm()
		g.observeEntry(machine.Applied, e)
		if len(e.GetData()) > 0 {
			g.cfg.Apply(e.GetIndex(), e.GetTerm(), e.GetData())
		}
	}
	for _, r := range m.GetResponses() {
		g.step(r)
	}
}

// release says what waited for a batch that is durable now.
func (g *Group) release(w *waiting) {
	for _, e := range w.entries {
		g.observeEntry(machine.Appended, e)
	}
	if w.vote != 0 {
		g.observe(machine.Observation{Kind: machine.Voted, Term: w.voteTerm, Peer: machine.NodeID(w.vote)})
	}
	for _, m := range w.responses {
		if m.GetTo() == uint64(g.cfg.Node) {
			g.step(m)
		} else {
			g.cfg.Send(machine.NodeID(m.GetTo()), m)
		}
	}
}

// observeEntry hashes the entry only if somebody looks: a hash costs more than everything else that is done to a byte.
func (g *Group) observeEntry(kind machine.ObsKind, e *pb.Entry) {
	if g.cfg.Observe != nil {
		g.observe(machine.Observation{Kind: kind, Index: e.GetIndex(), Term: e.GetTerm(), Hash: machine.ContentHash(nil, e.GetData())})
	}
}

func (g *Group) charge(kind machine.WorkKind, count, bytes int64) {
	if g.cfg.Charge != nil {
		g.cfg.Charge(kind, count, bytes)
	}
}

func (g *Group) observe(o machine.Observation) {
	if g.cfg.Observe != nil {
		o.Group = g.cfg.ID
		g.cfg.Observe(o)
	}
}
