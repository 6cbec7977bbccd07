package broker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// A node that lost part of what it had promised in a group takes no part in it: it might vote twice, or for a leader
// that lacks what it had acknowledged. It asks the group's leader to be let in as another member, which has promised
// nothing: a learner, that fetches everything from its peers and is made a voter, in place of the lost member,
// once it has caught up (members.go). While it asks, the lost member still counts in every majority and
// never answers, so a group that lost more than a minority stands still rather than go on without what it
// promised; a group of one stays out for good.
//
// What is left of messages and entries is not touched before the group has let the node in: it may be the last copy.
// Only entries give way, when the log they are in needs the room.

const (
	// noMember, in a hard state, marks a group of which the log lost entries.
	noMember = ^memberID(0)
	// waitsForOthers is why a node with a fresh disk takes no part in the meta group.
	waitsForOthers = "a fresh disk: waits to hear from every other node"
	// askTicks is how often a node asks to be let in.
	askTicks = 5
)

// markLosses notes, in the log, of which groups it lost entries: the damage itself is then dealt with. Entries
// that are left stay.
func (b *Broker) markLosses(rec *store.Recovered) {
	d := rec.Damage
	if d == nil {
		return
	}
	b.damage = d.String()
	for i := range rec.Groups {
		g := &rec.Groups[i]
		if d.Group != 0 && d.Group != g.Group {
			continue
		}
		g.Hard.Self = uint64(noMember)
		g.Hard.Commit = min(g.Hard.Commit, g.Base+uint64(len(g.Entries))) // or it would prove the loss again
		b.log.SetHardState(g.Group, g.Hard, true)
	}
	b.log.AcceptDamage()
}

// lost says whether this node lost part of what it had promised in the group, and what.
func (g *group) lost(rec *store.GroupLog, f *foundStore) (why string, is bool) {
	if g.b.cfg.Switches.Damage == "cut" || g.b.bug(BugKeepMember) {
		return "", false
	}
	kept := uint64(0)
	if f.checkpoint != nil {
		kept = f.checkpoint.Index
	}
	switch {
	case g.self == noMember && g.b.damage != "":
		return g.b.damage, true
	case g.self == noMember:
		return "it had lost its part before, and has not been let in again", true
	case f.damage != "":
		return f.damage, true
	case rec.Base > kept:
		return fmt.Sprintf("the log begins after entry %d, the checkpoint ends at %d", rec.Base, kept), true
	case !g.owns(rec):
		return "what this node promised here before is not on this disk", true
	}
	return "", false
}

// owns says whether this disk is the one on which the founder of this node served the group, or the
// first. A disk that knows nothing of a group is the first if it is the one that its node was
// known by when the group was made.
func (g *group) owns(rec *store.GroupLog) bool {
	switch {
	case rec.Hard.Self != 0:
		return true
	case g.id == metaGroup:
		return g.b.identity.standing != lost
	}
	return rec.Hard.Term > 0 || g.founder() == g.b.self
}

// leave takes this node out of the group for what it lost, until it is let in again. Where somebody can let it in that
// is written down: a disk that reads well again, or brings back by its log what a block had lost, must not
// bring back a member whose place is being given to another. A group of one may well go on then.
func (g *group) leave(why string) {
	g.self = g.founder() // for observers, nothing else
	g.damage(why)
	if len(g.founders) > 1 {
		g.b.log.SetHardState(g.id, store.HardState{Self: uint64(noMember)}, true)
	}
	g.b.losses++
	g.asking, g.token, g.asked = true, g.b.env.Choices.Draw(purposeToken, g.b.losses)|1, askTicks-1
}

// rotten hears that a message of the group's store cannot be read as it was written. One that others hold, too, is
// fetched from them anew, with all the rest; the only copy stays as it is, and this message is not served.
func (g *group) rotten(why string) {
	if len(g.founders) > 1 && g.absent == "" && g.b.cfg.Switches.Damage == "quarantine" && !g.b.bug(BugKeepMember) {
		g.leave(why)
	}
}

// giveWay drops what is left of an absent group's entries, which keeps segments of the log from being freed.
func (g *group) giveWay() {
	g.b.log.Rebase(g.id, 0, 0)
	hs := store.HardState{Self: uint64(noMember)}
	g.b.log.SetHardState(g.id, hs, true)
	g.drop("entries of a group that this node takes no part in")
}

// tickAbsent asks every node, one of which leads the group. A node counts in meta before it asks for its streams: who
// sees it back in a stream sees it back in all.
func (g *group) tickAbsent() {
	if meta := g.b.groups[0]; !g.asking || g != meta && !meta.members.whole(meta.self) {
		return
	}
	if g.asked++; g.asked < askTicks {
		return
	}
	g.asked = 0
	g.b.meta().hearLost(g.id, g.b.cfg.Node)
	g.tellAll(wire.Rejoin{Token: g.token})
}

func (g *group) tellAll(r wire.Rejoin) {
	r.Group = g.id
	for _, p := range g.b.peers {
		if p.up[machine.RouteLink] {
			g.b.sendRoute(p.id, wire.AppendRejoin(nil, wire.KindRejoin, &r))
		}
	}
}

// tickReturn tells everybody, now and then, that this node is on its way back.
func (g *group) tickReturn() {
	if g.self.life() == 0 || g.members.whole(g.self) {
		return
	}
	if g.asked++; g.asked >= askTicks {
		g.asked = 0
		g.tellReturn(1)
	}
}

// tellReturn tells everybody that this node is on its way back as the member that it is, or, with nothing left to do,
// that it is back.
func (g *group) tellReturn(left uint64) {
	if g.tail == nil {
		return // it has only just booted, and nobody hears
	}
	if left > 0 {
		g.b.meta().hearLost(g.id, g.b.cfg.Node)
	} else {
		g.b.meta().hearFound(g.id, g.b.cfg.Node)
	}
	g.tellAll(wire.Rejoin{ID: uint64(g.self), Token: left})
}

// heardOfReturn hears from a node that lost its part of a group.
func (b *Broker) heardOfReturn(n machine.NodeID, r *wire.Rejoin) {
	if r.ID != 0 && r.Token == 0 {
		b.meta().hearFound(r.Group, n)
		return
	}
	b.meta().hearLost(r.Group, n)
	if g := b.groupByID(r.Group); g != nil && r.ID == 0 {
		g.letIn(n, r.Token)
	}
}

// admitted begins this node's new life in the group. It is written down before it is lived.
func (g *group) admitted(r *wire.Rejoin) {
	id := memberID(r.ID)
	if !g.asking || r.Token != g.token || id.node() != g.b.cfg.Node || id.life() == 0 {
		return
	}
	b, token := g.b, g.token
	g.asking = false
	b.log.Rebase(g.id, 0, 0)
	b.log.SetHardState(g.id, store.HardState{Self: uint64(id)}, true)
	if g.id == metaGroup {
		b.becomes(identity{disk: b.identity.disk, standing: settled})
	}
	b.whenDurable(func() {
		if b.groupByID(g.id) == g && g.token == token {
			g.join(id)
		}
	})
}

// join starts as a member that has promised nothing and holds nothing.
func (g *group) join(id memberID) {
	g.store.Reset(g.b.fx)
	g.touch()
	g.state.close()
	fresh := g.makeState(g)
	if s, ok := fresh.(*streamState); ok {
		s.a = g.state.(*streamState).a
	}
	g.state, g.self, g.members, g.absent = fresh, id, foundedBy(g.founders), ""
	g.applied, g.appliedTerm, g.seenTerm, g.checkpoint = 0, 0, 0, 0
	g.term, g.vote, g.commit = 0, 0, 0
	for len(g.pins) > 0 {
		g.unpin(0)
	}
	g.fetch, g.snapshots, g.pinned, g.writing = nil, nil, false, false
	g.newTail(0, 0)
	if g.id == metaGroup {
		g.b.self = id
	}
	if g.state.name() != "" {
		g.observe(machine.Observation{Kind: machine.Recovered, First: 1, Why: "let in again"})
	}
	g.start()
}

// begin takes part, in a cluster that has just been founded.
func (g *group) begin() {
	g.absent = ""
	g.start()
	g.standAlone()
}
