package broker

import (
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// memberID names a member of a Raft group: a node in one of its lives there. A node that lost what it had promised
// (a vote, entries it had acknowledged) never speaks under that id again; its group lets it in as the member of its
// next life. In its first life a node's id is its own number.
//
// Invariant: of a node at most one member is ever alive, so that two majorities of members, of whatever
// configurations one change apart, share a node that remembers.
type memberID uint64

const lifeBits = 32

func (m memberID) node() machine.NodeID { return machine.NodeID(m & (1<<lifeBits - 1)) }
func (m memberID) life() uint64         { return uint64(m >> lifeBits) }
func (m memberID) next() memberID       { return m + 1<<lifeBits }

// String is n2 for a node's first member, n2.1 for the next.
func (m memberID) String() string {
	if m.life() == 0 {
		return nodeName(m.node())
	}
	return fmt.Sprintf("%s.%d", nodeName(m.node()), m.life())
}

// nodeOf is the node behind a raft id.
func nodeOf(id uint64) machine.NodeID { return memberID(id).node() }

// membership is who takes part in a group, as of the newest applied entry. It is part of the replicated state: of
// every checkpoint and snapshot.
type membership struct {
	conf *pb.ConfState
	// newest is, by node, the newest member that was let in, be it gone again: no id is given twice.
	newest []admission
}

// admission is a member and the token that its node had asked with; 0 for a founder.
type admission struct {
	id    memberID
	token uint64
}

// foundedBy is the membership of a new group.
func foundedBy(ids []memberID) membership {
	m := membership{conf: &pb.ConfState{}}
	for _, id := range slices.Sorted(slices.Values(ids)) {
		m.conf.Voters = append(m.conf.Voters, uint64(id))
		m.newest = append(m.newest, admission{id: id})
	}
	slices.SortFunc(m.newest, func(a, b admission) int { return int(a.id.node()) - int(b.id.node()) })
	return m
}

// founders are the newest members of the nodes in the meta group: a disk that holds one is the first to serve
// the group that is being made.
func (s *metaState) founders(nodes []machine.NodeID) (ids []memberID) {
	later := false
	for _, n := range nodes {
		id := s.g.members.of(n).id
		ids, later = append(ids, id), later || id.life() > 0
	}
	if !later {
		return nil
	}
	return ids
}

// members are the group's first members.
func (a *assignment) members() []memberID {
	if a.Founders != nil {
		return a.Founders
	}
	ids := make([]memberID, len(a.Peers))
	for i, p := range a.Peers {
		ids[i] = memberID(p)
	}
	return ids
}

// of is a node's newest member, or nil if it never had one.
func (m *membership) of(n machine.NodeID) *admission {
	for i := range m.newest {
		if m.newest[i].id.node() == n {
			return &m.newest[i]
		}
	}
	return nil
}

// votes says whether the member counts for majorities.
func (m *membership) votes(id memberID) bool { return slices.Contains(m.conf.Voters, uint64(id)) }

// joint says that one member is being swapped for another.
func (m *membership) joint() bool { return len(m.conf.VotersOutgoing) > 0 }

// swapping says that a member is on its way in.
func (m *membership) swapping() bool { return m.joint() || len(m.conf.Learners) > 0 }

// whole says that the member counts, and no lost one of its node: until the swap is over that one counts, too, and
// the group can spare no more nodes than before.
func (m *membership) whole(id memberID) bool {
	return m.votes(id) && !slices.ContainsFunc(m.conf.VotersOutgoing, func(v uint64) bool { return nodeOf(v) == id.node() && memberID(v) != id })
}

// membersVersion begins the form of a group's state in checkpoints and snapshots.
const membersVersion = 1

func (m *membership) append(dst []byte) []byte {
	dst = append(dst, membersVersion)
	for _, ids := range [...][]uint64{m.conf.Voters, m.conf.Learners, m.conf.VotersOutgoing, m.conf.LearnersNext} {
		dst = binary.AppendUvarint(dst, uint64(len(ids)))
		for _, id := range ids {
			dst = binary.AppendUvarint(dst, id)
		}
	}
	leave := byte(0)
	if m.conf.GetAutoLeave() {
		leave = 1
	}
	dst = binary.AppendUvarint(append(dst, leave), uint64(len(m.newest)))
	for _, a := range m.newest {
		dst = binary.AppendUvarint(dst, uint64(a.id))
		dst = binary.LittleEndian.AppendUint64(dst, a.token)
	}
	return dst
}

// readMembership is the inverse of append; rest is what follows.
func readMembership(text []byte) (m membership, rest []byte, err error) {
	if len(text) == 0 || text[0] != membersVersion {
		return m, nil, fmt.Errorf("the state of a group does not begin with version %d", membersVersion)
	}
	rest = text[1:]
	number := func() uint64 {
		v, n := binary.Uvarint(rest)
		if n <= 0 || err != nil {
			err = fmt.Errorf("the members of a group are cut short at %d of %d bytes", len(text)-len(rest), len(text))
			return 0
		}
		rest = rest[n:]
		return v
	}
	m.conf = &pb.ConfState{}
	for _, ids := range [...]*[]uint64{&m.conf.Voters, &m.conf.Learners, &m.conf.VotersOutgoing, &m.conf.LearnersNext} {
		for n := number(); n > 0 && err == nil; n-- {
			*ids = append(*ids, number())
		}
	}
	if number() == 1 {
		m.conf.AutoLeave = new(true)
	}
	for n := number(); n > 0 && err == nil; n-- {
		a := admission{id: memberID(number())}
		if len(rest) < 8 {
			return m, nil, fmt.Errorf("the members of a group are cut short at %d of %d bytes", len(text)-len(rest), len(text))
		}
		a.token, rest = binary.LittleEndian.Uint64(rest), rest[8:]
		m.newest = append(m.newest, a)
	}
	return m, rest, err
}

// encode is the whole replicated state of the group beyond the store's messages: who takes part, and what its
// entries act on. decode restores it.
func (g *group) encode() []byte { return append(g.members.append(nil), g.state.encode()...) }

func (g *group) decode(text []byte) error {
	m, rest, err := readMembership(text)
	if err != nil {
		return err
	}
	g.setMembers(m)
	return g.state.decode(rest)
}

// setMembers takes over a membership, and says so when this node counts again.
func (g *group) setMembers(m membership) {
	counted := g.members.whole(g.self)
	g.members = m
	if g.tail != nil {
		g.tail.conf = m.conf
	}
	if !counted && g.self.life() > 0 && m.whole(g.self) {
		g.observe(machine.Observation{Kind: machine.Rejoined, Index: g.applied, Term: g.term})
		g.tellReturn(0)
	}
}

// applyMembers carries out a committed change of members.
func (g *group) applyMembers(e *pb.Entry) {
	change := &pb.ConfChangeV2{}
	if err := proto.Unmarshal(e.GetData(), change); err != nil {
		machine.Broken("group %d: entry %d is no change of members: %v", g.id, e.GetIndex(), err)
	}
	m := membership{newest: slices.Clone(g.members.newest)}
	for _, c := range change.GetChanges() {
		if token := change.GetContext(); c.GetType() == pb.ConfChangeAddLearnerNode && len(token) == 8 {
			*m.of(nodeOf(c.GetNodeId())) = admission{memberID(c.GetNodeId()), binary.LittleEndian.Uint64(token)}
		}
	}
	// While raft switches, what it would send has the new members' part in it and a snapshot made
	// now would not.
	g.switching = true
	m.conf = g.node.ApplyConfChange(change)
	g.switching = false
	g.changing = 0
	g.setMembers(m)
	// Whoever forgot that the change is committed would stand for election by the old members, the lost one among them.
	g.b.log.SetHardState(g.id, g.hardRecord(), true)
	for _, c := range change.GetChanges() {
		if a := m.of(nodeOf(c.GetNodeId())); g.leading && c.GetType() == pb.ConfChangeAddLearnerNode && uint64(a.id) == c.GetNodeId() {
			g.admit(a)
		}
	}
}

// changeTicks is how long a leader waits for a change of members that it proposed before it proposes another.
const changeTicks = 10

// change proposes a change of members; raft allows one at a time.
func (g *group) change(token []byte, changes ...*pb.ConfChangeSingle) {
	g.changing = changeTicks
	_ = g.node.ProposeConfChange(&pb.ConfChangeV2{Changes: changes, Context: token}) // what is refused is proposed again
	g.queue()
}

func changeOf(kind pb.ConfChangeType, id memberID) *pb.ConfChangeSingle {
	return &pb.ConfChangeSingle{Type: &kind, NodeId: new(uint64(id))}
}

// letIn answers a node that lost its part of the group and asks for a new one. The token is the node's own, drawn
// for this loss: asked again with the same one, the answer is the same member, and nobody takes for its own an id that
// an earlier disk of the node may have voted under.
func (g *group) letIn(n machine.NodeID, token uint64) {
	a := g.members.of(n)
	switch {
	case !g.leading || a == nil || token == 0:
	case a.token == token:
		g.admit(a)
	case a.id.life() > 0 && g.b.bug(BugReuseMember):
		g.admit(&admission{a.id, token})
	case g.changing == 0 && !g.members.joint():
		g.change(binary.LittleEndian.AppendUint64(nil, token), changeOf(pb.ConfChangeAddLearnerNode, a.id.next()))
	}
}

// admit tells a node that it was let in.
func (g *group) admit(a *admission) {
	g.b.sendRoute(a.id.node(), wire.AppendRejoin(nil, wire.KindAdmit, &wire.Rejoin{Group: g.id, Token: a.token, ID: uint64(a.id)}))
}

// tendMembers has one member that has caught up take the place of its node's earlier ones, and lets go of one
// that was overtaken before it had. The swap is one joint change: at no moment do fewer voters decide than before.
func (g *group) tendMembers() {
	level := g.settled
	g.settled = g.commit
	if g.changing > 0 {
		g.changing--
		return
	}
	if !g.leading || g.members.joint() {
		return
	}
	for _, l := range g.members.conf.Learners {
		id := memberID(l)
		switch {
		case g.members.of(id.node()).id != id:
			g.change(nil, changeOf(pb.ConfChangeRemoveNode, id))
			return
		case g.caughtUp(id, level):
			g.change(nil, g.swap(id)...)
			return
		}
	}
}

// caughtUp says whether a member is level with what was committed a tick ago.
func (g *group) caughtUp(id memberID, level uint64) (is bool) {
	g.node.WithProgress(func(at uint64, _ raft.ProgressType, p tracker.Progress) {
		if at == uint64(id) {
			is = p.State == tracker.StateReplicate && p.RecentActive && p.Match >= level
		}
	})
	return is
}

// swap makes a learner the one voter of its node.
func (g *group) swap(id memberID) (changes []*pb.ConfChangeSingle) {
	for _, v := range g.members.conf.Voters {
		if nodeOf(v) == id.node() {
			changes = append(changes, changeOf(pb.ConfChangeRemoveNode, memberID(v)))
		}
	}
	return append(changes, changeOf(pb.ConfChangeAddNode, id))
}
