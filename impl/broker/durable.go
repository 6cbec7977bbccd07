package broker

import (
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// waiting is what may be said once a batch of the log is durable: raft's answers to one
// MsgStorageAppend. "All writes performed in service of a MsgStorageAppend must be durable before
// response messages are delivered" (raft.go) is the durability contract, kept here and nowhere else.
type waiting struct {
	ticket      store.Ticket
	group       *group
	incarnation uint64
	responses   []*pb.Message
	entries     []*pb.Entry // observed as appended
	vote        uint64      // observed as voted
	voteTerm    uint64
}

// await releases w when its batch is durable. A write that forces nothing (a commit index) waits
// only for earlier ones, which include all of its group's.
func (b *Broker) await(w waiting, forced bool) {
	sw := &b.cfg.Switches
	switch {
	case sw.Bugs[BugAckBeforeSync]:
		b.release(&w)
		return
	case sw.Bugs[BugCommitBeforeDurable]:
		w.releaseOwn()
	}
	if !forced {
		// What recovery found may still be lost while its own write, the first ticket, is under way.
		w.ticket = 1
		if n := len(b.waiting); n > 0 {
			w.ticket = b.waiting[n-1].ticket
		}
		if w.ticket <= b.log.Durable() {
			b.release(&w)
			return
		}
	}
	b.waiting = append(b.waiting, w)
}

// releaseOwn is the planted bug bug-commit-before-durable: the node's own copy counts at once.
func (w *waiting) releaseOwn() {
	rest := w.responses[:0:0]
	for _, m := range w.responses {
		if m.GetTo() == uint64(w.group.self) {
			w.group.step(m)
			continue
		}
		rest = append(rest, m)
	}
	w.responses = rest
}

// releaseDurable releases, in order, everything whose batch is durable.
func (b *Broker) releaseDurable() {
	durable := b.log.Durable()
	n := 0
	for n < len(b.waiting) && b.waiting[n].ticket <= durable {
		b.release(&b.waiting[n])
		n++
	}
	b.waiting = slices.Delete(b.waiting, 0, n)
	for len(b.later) > 0 && b.later[0].ticket <= durable {
		do := b.later[0].do
		b.later = b.later[1:]
		do()
	}
}

// later is something to be done when a batch of the log is durable.
type later struct {
	ticket store.Ticket
	do     func()
}

// whenDurable has something done when what was handed to the log so far is durable.
func (b *Broker) whenDurable(do func()) {
	b.later = append(b.later, later{b.log.Pending(), do})
}

func (b *Broker) release(w *waiting) {
	g := w.group
	if w.incarnation != g.incarnation {
		return
	}
	if b.cfg.Observe {
		for _, e := range w.entries {
			g.observe(machine.Observation{Kind: machine.Appended, Index: e.GetIndex(), Term: e.GetTerm(), Hash: machine.ContentHash(nil, e.GetData())})
		}
		if w.vote != 0 {
			g.observe(machine.Observation{Kind: machine.Voted, Term: w.voteTerm, Peer: nodeOf(w.vote)})
		}
	}
	for _, m := range w.responses {
		if m.GetTo() == uint64(g.self) {
			g.step(m)
		} else {
			g.send(m)
		}
	}
}

// logDone handles the end of one of the log's disk operations.
func (b *Broker) logDone(in *machine.Input) bool {
	mine, failed := b.log.Done(in.Token, in.N, in.Err)
	if failed != nil {
		// A failed sync says nothing about what is on disk, and trying again lies (ATC'20): this
		// process ends, and recovery finds out.
		machine.GiveUp("the log failed: %v", failed)
	}
	if mine {
		b.releaseDurable()
	}
	return mine
}

// sendRaft adds a message to the frame for the member's node, sent at the end of the step.
func (b *Broker) sendRaft(group uint64, m *pb.Message) {
	p := b.peer(nodeOf(m.GetTo()))
	if p == nil {
		return
	}
	had := len(p.raft)
	p.raft = wire.AppendRaftFrame(p.raft, group, m)
	b.fx.Charge(machine.WorkEncode, 1, int64(len(p.raft)-had), 0)
	if m.GetType() == pb.MsgSnap {
		b.groupByID(group).snapshotSent(m)
	}
}
