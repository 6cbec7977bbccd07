package broker

import (
	"strconv"
	"strings"

	"go.etcd.io/raft/v3"

	"github.com/brokerlab/brokerlab/model/machine"
)

// What leads to a group's leader leads to this node in this term: its subscriptions are of a queue group that is named
// after both, and a message says over the route which queue groups it is for.
//
// Else a message could wait in a connection that a partition holds up while another node leads, is answered
// there, and be taken a second time when its receiver leads again: one publish stored twice, a purge carried out
// long after it was answered. A copy that was meant for an earlier term finds nobody.
//
// Why no two copies are stored then: of copies sent at one moment to several nodes that believe that they lead,
// the one for the newest term is taken by a leader elected before that moment; an entry that another one
// makes of its copy, later and in an older term, cannot be in that leader's log, and whoever has it cannot be elected
// once the other is committed.

// leaderQueues begins their names: no client's queue group has a space in it.
const leaderQueues = " leader "

// serve subscribes what this node does as leader; part tells subscriptions apart that may both match a message.
func (g *group) serve(part, filter string, handle func(*message)) *subscription {
	sub := &subscription{filter: filter, handle: handle}
	if g.b.cfg.Switches.Address == "term" {
		term := g.node.BasicStatus().GetTerm()
		sub.queue = leaderQueues + part + " " + strconv.FormatUint(g.id, 16) + " " + strconv.FormatUint(term, 16)
	}
	g.b.subscribe(sub)
	return sub
}

// ofLeader says whether a queue group is a leader's.
func ofLeader(queue string) bool { return strings.HasPrefix(queue, leaderQueues) }

// leadSince notes that a quorum has taken this node for its leader at some moment after at: it has acknowledged what was
// proposed, or confirmed what was asked, then. Each of them waits for an election timeout before it
// listens to another candidate (etcd raft, CheckQuorum: step, inLease), counted in its own ticks; a quarter of it is left
// for clocks that drift.
func (g *group) leadSince(at machine.Mono) {
	g.lease = max(g.lease, at+machine.Mono(int64(g.b.cfg.ElectionTicks-1)*g.b.cfg.TickEvery*3/4))
}

// leads says whether this node is known to be the only leader now. A process that was paused finds out here, before it hears
// of another one. Who hands the leadership on does not know.
func (g *group) leads() bool {
	if len(g.founders) == 1 {
		return g.leading
	}
	return g.leading && g.b.env.Mono < g.lease && g.node.BasicStatus().LeadTransferee == raft.None
}
