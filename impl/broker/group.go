package broker

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/quorum"
	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/model/machine"
)

// metaGroup is the id of the group that places streams; a stream's group has the index of the
// meta entry that created it, shifted past this one.
const metaGroup uint64 = 1

// state is what a group's entries act on.
type state interface {
	// apply carries out one committed entry. It is called once for each index, in order.
	apply(index, term uint64, data []byte)
	// lead and follow tell that this node began or ceased to lead the group.
	lead()
	follow()
	// caughtUp tells a leader that everything before its own term is applied.
	caughtUp()
	// prepare is called before what waits is proposed: what has become ready since goes with it.
	prepare()
	// tick is called every tick, close when this node leaves the group for good.
	tick()
	close()
	// encode is the whole state beyond the store's messages; decode restores it.
	encode() []byte
	decode(text []byte) error
	// name is for observers: the stream, or "" for meta.
	name() string
}

// group is this node's part in one Raft group: the glue between etcd raft, the shared log, the
// store and the state that committed entries act on.
type group struct {
	b         *Broker
	id        uint64
	founders  []memberID
	makeState func(*group) state
	state     state
	store     *store.Stream
	node      *raft.RawNode // nil while this node is absent from the start
	tail      *tail

	self      memberID
	members   membership
	switching bool   // raft takes over a change of members
	changing  int    // as leader: ticks until a proposed change of members counts as lost
	settled   uint64 // as leader: what was committed a tick ago

	applied     uint64
	appliedTerm uint64
	seenTerm    uint64 // of the newest entry that raft had applied
	leader      uint64
	leading     bool
	ready       bool              // as leader: an entry of its own term is applied
	lease       machine.Mono      // as leader: until when nobody else can lead (leadership.go)
	matched     map[uint64]uint64 // as leader: how far each peer is known to agree
	term, vote  uint64            // as last handed to the log
	commit      uint64

	// absent says why this node takes no part here, and neither votes nor acknowledges; "" if it does.
	// While asking, it asks the leader to let it in, by token.
	absent string
	asking bool
	token  uint64
	asked  int // ticks since it last asked

	// incarnation tells answers to an earlier RawNode of this group from those to this one.
	incarnation uint64
	queued      bool // on Broker.ready
	touched     bool // store has something to flush
	pinned      bool // checkpoint wanted
	writing     bool // checkpoint under way
	standIn     int  // ticks until this node stands for election, unless somebody leads by then
	checkpoint  uint64
	fetch       *fetch // a snapshot waiting for its messages
	snapshots   []sentSnapshot
	pins        []*pin
	proposer    proposer
	reads       readQueue
}

// newGroup joins the group id with what the log and the checkpoint kept of it. What a log can come
// back as is clamped (unsafe switches) or is a loss that keeps this node out of the group until it is let in again.
func (b *Broker) newGroup(id uint64, founders []memberID, dir string, makeState func(*group) state) (*group, error) {
	g := &group{b: b, id: id, founders: founders, makeState: makeState, matched: map[uint64]uint64{}}
	g.members = foundedBy(founders)
	g.self = g.founder()
	g.state = makeState(g)
	rec := b.takeRecovered(id)
	f, err := b.takeStore(dir, g)
	if err != nil {
		return nil, err
	}
	g.store = f.store
	if self := memberID(rec.Hard.Self); self != 0 && (self != noMember || b.cfg.Switches.Damage == "quarantine") {
		g.self = self
	}
	if why, lost := g.lost(&rec, f); lost {
		g.newTail(0, 0)
		g.leave(why)
		return g, nil
	}
	if id == metaGroup {
		if b.self = g.self; b.identity.standing == fresh {
			g.newTail(0, 0)
			g.absent = waitsForOthers
			return g, nil
		}
	}
	if cp := f.checkpoint; cp != nil {
		g.applied, g.appliedTerm, g.checkpoint = cp.Index, cp.Term, cp.Index
		if err := g.decode(cp.State); err != nil {
			return nil, err
		}
		b.log.Checkpointed(id, cp.Index, cp.Term)
	}
	if f.damage != "" { // and the switch says to go on as a wiped node: nothing is left of the group but the vote
		b.log.Rebase(id, 0, 0)
		rec = store.GroupLog{Group: id, Hard: rec.Hard}
	}
	g.restoreTail(rec)
	g.start()
	return g, nil
}

// founder is the member that this node was when the group was made.
func (g *group) founder() memberID {
	for _, id := range g.founders {
		if id.node() == g.b.cfg.Node {
			return id
		}
	}
	machine.Broken("group %d is not of this node: it was founded by %v", g.id, g.founders)
	return 0
}

func (g *group) newTail(base, term uint64) {
	g.tail = newTail(base, term, g.members.conf)
	g.tail.snapAt = g.snapshot
}

// restoreTail builds the tail from the recovered log and the checkpoint. The checkpoint is the
// base: entries at or below it are kept only while they join it with the same term.
func (g *group) restoreTail(rec store.GroupLog) {
	base, term, ents := rec.Base, rec.BaseTerm, rec.Entries
	if base > g.applied {
		// The log begins after a checkpoint that is not there: only unsynced files come back so.
		base, term, ents = g.applied, g.appliedTerm, nil
	}
	if g.applied > base+uint64(len(ents)) || (g.applied > base && ents[g.applied-base-1].Term != g.appliedTerm) {
		base, term, ents = g.applied, g.appliedTerm, nil
	}
	if len(ents) < len(rec.Entries) || base != rec.Base {
		g.b.log.Rebase(g.id, base, term) // log and tail begin at the same entry
	}
	g.newTail(base, term)
	if len(ents) > 0 {
		g.tail.append(quorum.ToRaft(ents))
	}
	hs := rec.Hard
	if g.b.bug(BugForgetVote) {
		hs.Vote = 0
	}
	hs.Commit = max(hs.Commit, g.applied, base)
	clamped := hs.Commit > g.tail.last()
	if clamped {
		// Only a log that was not synced can come back shorter than what was committed. Where that is
		// accepted it is written down: the old commit index would prove the loss at every boot.
		hs.Commit = g.tail.last()
	}
	g.term, g.vote, g.commit = max(hs.Term, term), hs.Vote, hs.Commit
	if clamped && (g.b.cfg.Switches.Damage == "cut" || g.b.bug(BugKeepMember)) {
		g.b.log.SetHardState(g.id, store.HardState{Term: hs.Term, Vote: hs.Vote, Commit: hs.Commit, Self: hs.Self}, true)
	}
	if g.state.name() != "" {
		first, last, _, _ := g.store.State()
		g.observe(machine.Observation{Kind: machine.Recovered, First: first, Seq: last, Index: g.tail.last(), Term: g.term})
	}
}

// hardRecord is what the log is to remember of the group.
func (g *group) hardRecord() store.HardState {
	hs := store.HardState{Term: g.term, Vote: g.vote, Commit: g.commit}
	if g.self != g.founder() {
		hs.Self = uint64(g.self)
	}
	return hs
}

// start makes the RawNode from the tail.
func (g *group) start() {
	g.incarnation++
	g.leading, g.leader = false, raft.None
	g.tail.hard = &pb.HardState{Term: &g.term, Vote: &g.vote, Commit: &g.commit}
	sw := &g.b.cfg.Switches
	node, err := raft.NewRawNode(&raft.Config{
		ID:                        uint64(g.self),
		ElectionTick:              g.b.cfg.ElectionTicks,
		HeartbeatTick:             1,
		Storage:                   g.tail,
		Applied:                   min(max(g.applied, g.tail.base()), g.commit),
		AsyncStorageWrites:        true,
		MaxSizePerMsg:             1 << 20,
		MaxInflightMsgs:           64,
		MaxInflightBytes:          8 << 20,
		MaxUncommittedEntriesSize: uint64(g.b.cfg.MaxQueue),
		CheckQuorum:               true,
		PreVote:                   sw.PreVote == "on",
		ReadOnlyOption:            raft.ReadOnlySafe,
		Logger:                    quorum.Logger{},
		DisableProposalForwarding: true,
	})
	if err != nil {
		machine.Broken("group %d: %v", g.id, err)
	}
	g.node = node
	g.queue()
}

// standTicks is how long a new group's first peer waits for the others.
const standTicks = 1

// queue puts the group on the list of those with something to do this step.
func (g *group) queue() {
	if !g.queued {
		g.queued = true
		g.b.ready = append(g.b.ready, g)
	}
}

// process carries out everything raft has ready.
func (g *group) process() {
	if g.absent != "" {
		return
	}
	g.propose()
	g.askReads()
	for g.node.HasReady() {
		rd := g.node.Ready()
		for i := range rd.ReadStates {
			g.readIndexed(&rd.ReadStates[i])
		}
		for _, m := range rd.Messages {
			switch m.GetTo() {
			case raft.LocalAppendThread:
				g.storageAppend(m)
			case raft.LocalApplyThread:
				g.storageApply(m)
			default:
				g.send(m)
			}
		}
		if rd.SoftState != nil {
			g.softState(rd.SoftState)
		}
		g.propose()
	}
	g.serveReads()
	g.propose()
	g.maybeCheckpoint()
}

// softState follows changes of leadership.
func (g *group) softState(s *raft.SoftState) {
	g.leader = s.Lead
	leading := s.RaftState == raft.StateLeader
	if leading == g.leading {
		return
	}
	g.leading = leading
	clear(g.matched)
	if leading {
		g.observe(machine.Observation{Kind: machine.Leader, Term: g.node.BasicStatus().GetTerm()})
		g.state.lead()
		return
	}
	g.observe(machine.Observation{Kind: machine.Follower, Term: g.node.BasicStatus().GetTerm()})
	g.stopLeading()
}

// catchUp follows the first applied entry of this leader's own term.
func (g *group) catchUp() {
	g.ready = true
	g.state.caughtUp()
}

func (g *group) stopLeading() {
	g.leading, g.ready, g.changing, g.lease = false, false, 0, 0
	g.proposer.refuseQueued(g)
	g.dropReads("leadership lost")
	g.state.follow()
}

// storageAppend hands entries and hard state to the log. The responses, this node's own among
// them, wait until the batch they joined is durable, and for every earlier one of the group.
func (g *group) storageAppend(m *pb.Message) {
	forced := false
	if snap := m.GetSnapshot(); !raft.IsEmptySnap(snap) {
		g.installed(snap)
		forced = true
	}
	if ents := m.GetEntries(); len(ents) > 0 {
		if ents[0].GetIndex() <= g.tail.last() {
			g.note(NoteOverwritten)
		}
		g.tail.append(ents)
		g.b.log.Append(g.id, quorum.FromRaft(ents))
		forced = true
	}
	voted := g.hardState(m)
	forced = forced || voted
	if voted {
		g.b.log.ForceSync()
	}
	w := waiting{ticket: g.b.log.Pending(), group: g, incarnation: g.incarnation, responses: m.GetResponses(), entries: m.GetEntries()}
	if voted && m.GetVote() != 0 {
		w.vote, w.voteTerm = m.GetVote(), m.GetTerm()
	}
	g.b.await(w, forced)
}

// hardState hands a changed hard state to the log; it reports whether term or vote changed, which
// has to be durable before anything is said on the strength of it. A commit index alone rides with
// whatever is written next.
func (g *group) hardState(m *pb.Message) (voted bool) {
	if m.Term == nil && m.Vote == nil && m.Commit == nil {
		return false
	}
	voted = m.GetTerm() != g.term || m.GetVote() != g.vote
	g.term, g.vote, g.commit = m.GetTerm(), m.GetVote(), m.GetCommit()
	g.b.log.SetHardState(g.id, g.hardRecord(), voted)
	return voted
}

// storageApply applies committed entries at once: the state is in memory, and the store's files
// follow at the end of the step.
func (g *group) storageApply(m *pb.Message) {
	for _, e := range m.GetEntries() {
		g.applyEntry(e)
	}
	for _, r := range m.GetResponses() {
		g.step(r)
	}
}

func (g *group) applyEntry(e *pb.Entry) {
	g.seenTerm = e.GetTerm()
	if g.leading && !g.ready && e.GetTerm() == g.term {
		defer g.catchUp() // with this entry, too
	}
	if e.GetIndex() <= g.applied {
		// After a committed log was cut (conflict=truncate) what the store holds stays as it is.
		return
	}
	if g.fetch != nil {
		machine.Broken("group %d applies entry %d while it fetches snapshot %d", g.id, e.GetIndex(), g.fetch.index)
	}
	g.applied, g.appliedTerm = e.GetIndex(), e.GetTerm()
	if g.b.cfg.Observe {
		g.observe(machine.Observation{Kind: machine.Applied, Index: e.GetIndex(), Term: e.GetTerm(), Hash: machine.ContentHash(nil, e.GetData())})
	}
	g.proposer.expire(e.GetTerm())
	if e.GetType() != pb.EntryNormal {
		g.applyMembers(e)
		return
	}
	if len(e.GetData()) > 0 {
		g.b.fx.Charge(machine.WorkApply, 0, int64(len(e.GetData())), 0)
		g.state.apply(e.GetIndex(), e.GetTerm(), e.GetData())
	}
}

// step feeds a message to raft, ours or a peer's.
func (g *group) step(m *pb.Message) {
	// What raft refuses (a peer it does not know, a proposal without a leader) it would have
	// ignored: nothing is lost by ignoring it here.
	g.b.fx.Charge(machine.WorkRaft, 1, 0, 0)
	_ = g.node.Step(m)
	g.queue()
}

// send queues a message for a peer in this step's frame. An append that carries nothing but a commit
// index to a peer known to be level is left out: the next append or heartbeat brings it, and two
// frames and two syncs' worth of handling a publish are saved.
func (g *group) send(m *pb.Message) {
	if m.GetType() == pb.MsgApp && g.id != metaGroup && !g.members.swapping() && len(m.GetEntries()) == 0 && m.GetIndex() == g.matched[m.GetTo()] {
		return
	}
	g.b.sendRaft(g.id, m)
}

func (g *group) tick() {
	if g.absent != "" {
		g.tickAbsent()
		return
	}
	g.b.fx.Charge(machine.WorkTimer, 1, 0, 0)
	g.node.Tick()
	g.queue()
	if g.standIn > 0 {
		if g.standIn--; g.standIn == 0 && g.leader == raft.None {
			_ = g.node.Campaign()
		}
	}
	g.state.tick()
	g.tendMembers()
	g.tickReturn()
	g.tickFetch()
	if g.pinned {
		g.startCheckpoint()
	}
}

func (g *group) observe(o machine.Observation) {
	if g.b.cfg.Observe {
		o.Group, o.Stream = g.id, g.state.name()
		if g.self.life() > 0 {
			o.Member = uint64(g.self)
		}
		g.b.fx.Observe(o)
	}
}
