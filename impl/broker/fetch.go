package broker

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// fetch is a snapshot on its way in. A snapshot is a manifest: the state, and what the stream held. The
// messages are fetched from the leader first, a chunk at a time over the route link, written and
// checkpointed; only then does raft hear of the snapshot.
//
// What is here already is not fetched: of that the leader only says which are gone. They are removed at
// the very end, when nothing can go wrong any more but a crash, which brings back the old checkpoint.
type fetch struct {
	message  *pb.Message
	from     machine.NodeID
	index    uint64
	term     uint64
	manifest wire.Manifest
	start    uint64 // last sequence here when the fetch began
	next     uint64 // sequence to ask for
	gone     []wire.Span
	removed  []uint64 // once they are, for observers
	emptied  bool     // what was here when the fetch began is not
	idle     int      // ticks without progress
	whole    bool     // every message is here; the checkpoint is under way
}

const (
	fetchChunk      = 256 << 10
	fetchRetryTicks = 10
	fetchGiveUp     = 100
	// snapshotRetryTicks is how long a leader waits for a follower that was sent a snapshot
	// before it probes again.
	snapshotRetryTicks = 50
)

// snapshotSent notes that a peer was sent a snapshot. Raft then waits for it; if nothing comes
// of it, the leader has to be told.
func (g *group) snapshotSent(m *pb.Message) {
	sent := sentSnapshot{to: m.GetTo(), index: m.GetSnapshot().GetMetadata().GetIndex()}
	for i := range g.snapshots {
		if g.snapshots[i].to == sent.to {
			g.snapshots[i] = sent
			return
		}
	}
	g.snapshots = append(g.snapshots, sent)
}

type sentSnapshot struct {
	to    uint64 // raft id
	index uint64
	ticks int
}

// snapshotInstalled hears how far a peer has come. One that has installed its snapshot when this log begins
// later already needs another, and raft would wait for it in vain.
func (g *group) snapshotInstalled(from, index uint64) {
	i := slices.IndexFunc(g.snapshots, func(s sentSnapshot) bool { return s.to == from && s.index <= index })
	if i < 0 {
		return
	}
	g.snapshots = slices.Delete(g.snapshots, i, i+1)
	if g.leading && index < g.tail.base() {
		g.node.ReportSnapshot(from, raft.SnapshotFinish)
		g.queue()
	}
}

func (g *group) tickSnapshots() {
	g.tickPins()
	keep := g.snapshots[:0]
	for _, s := range g.snapshots {
		if s.ticks++; s.ticks < snapshotRetryTicks {
			keep = append(keep, s)
			continue
		}
		if g.leading {
			g.node.ReportSnapshot(s.to, raft.SnapshotFailure)
			g.queue()
		}
	}
	g.snapshots = keep
}

// startFetch begins to fetch what a snapshot needs. One fetch runs at a time; a newer snapshot from
// the same leader changes nothing, for its messages are appended to those of this one anyway.
func (g *group) startFetch(m *pb.Message) {
	index, term := m.GetSnapshot().GetMetadata().GetIndex(), m.GetSnapshot().GetMetadata().GetTerm()
	g.process() // the frame may have brought more than raft has handed out yet
	have, err := g.tail.Term(index)
	if index <= g.commit || m.GetTerm() < g.term || err == nil && have == term {
		// Nothing has to be fetched: raft answers with where this node is, or moves its commit
		// index to the entry, which is in the log.
		g.step(m)
		return
	}
	if g.applied < g.commit {
		return // entries on their way to disk are still to be applied; the leader tries again
	}
	if g.fetch != nil {
		if g.fetch.whole || g.fetch.from == nodeOf(m.GetFrom()) && g.fetch.idle < fetchRetryTicks {
			return
		}
		g.abortFetch("a newer leader's snapshot")
	}
	f := &fetch{message: m, from: nodeOf(m.GetFrom()), index: index, term: term}
	if f.manifest, err = wire.DecodeManifest(m.GetSnapshot().GetData()); err != nil {
		g.drop("a snapshot: " + err.Error())
		return
	}
	g.fetch = f
	if _, f.start, _, _ = g.store.State(); f.start > f.manifest.Last {
		g.fetchAll("more")
	}
	f.next = 1
	g.askChunk()
}

// fetchAll begins a fetch again with nothing: only a replica whose log lost committed entries holds what the
// snapshot does not go on from.
func (g *group) fetchAll(what string) {
	f := g.fetch
	g.drop(fmt.Sprintf("the messages here, which are %s than those that snapshot %d goes on from", what, f.index))
	g.store.Reset(g.b.fx)
	g.touch()
	f.start, f.next, f.gone, f.emptied = 0, 1, nil, true
}

// askChunk asks for what comes next, or goes on when there is nothing left.
func (g *group) askChunk() {
	f := g.fetch
	if f.next > f.manifest.Last && !f.whole {
		g.completeFetch()
	}
	if f.next <= f.manifest.Last {
		g.b.sendRoute(f.from, wire.AppendCatchup(nil, wire.KindCatchupRequest, &wire.Catchup{Group: g.id, Snapshot: f.index, From: f.next, Have: f.start}))
	}
}

// chunk stores a chunk of fetched messages, and notes what is gone.
func (g *group) chunk(from machine.NodeID, c *wire.Catchup) {
	f := g.fetch
	if f == nil || f.from != from || c.Snapshot != f.index || c.From != f.next || c.Upto < c.From || c.Upto > f.manifest.Last {
		return // it answers a question asked twice, or of an earlier fetch; the tick asks again
	}
	for i := range c.Messages {
		m := &c.Messages[i]
		if _, have, _, _ := g.store.State(); m.Seq <= have || m.Seq > c.Upto {
			continue
		}
		kept := store.Message{Seq: m.Seq, Index: m.Index, Time: m.Time, Subject: m.Subject, Header: m.Header, Data: m.Data}
		g.store.Append(kept)
		g.observeStored(&kept)
	}
	for _, span := range c.Gone {
		if seq, ok := g.store.NextAt(span.From); ok && seq <= min(span.To, f.start) {
			f.gone = append(f.gone, wire.Span{From: seq, To: min(span.To, f.start)})
		}
	}
	f.next, f.idle = c.Upto+1, 0
	g.touch()
	g.askChunk()
}

// completeFetch removes what the snapshot does not have and begins the checkpoint, both or neither.
func (g *group) completeFetch() {
	if !g.store.CanCheckpoint() {
		return // the tick tries again
	}
	f := g.fetch
	want := &f.manifest
	_, _, count, bytes := g.store.State()
	var doomed []uint64
	for _, span := range f.gone {
		for seq, ok := g.store.NextAt(span.From); ok && seq <= span.To; seq, ok = g.store.NextAt(seq + 1) {
			size, _ := g.store.SizeOf(seq)
			doomed, bytes = append(doomed, seq), bytes-uint64(size)
		}
	}
	if count-uint64(len(doomed)) != want.Count || bytes != want.Bytes {
		if f.emptied {
			g.abortFetch(fmt.Sprintf("%d messages of %d bytes are here, not %d of %d", count-uint64(len(doomed)), bytes, want.Count, want.Bytes))
			return
		}
		g.fetchAll("others")
		return
	}
	for _, seq := range doomed {
		g.store.Delete(seq)
	}
	g.store.Skip(want.Last)
	f.removed = doomed
	f.whole = g.store.StartCheckpoint(g.b.fx, f.index, f.term, want.State)
}

// catchupDone is told that the leader cannot go on.
func (g *group) catchupDone(from machine.NodeID, c *wire.Catchup) {
	if f := g.fetch; f != nil && !f.whole && f.from == from && f.index == c.Snapshot {
		g.abortFetch(c.Why)
	}
}

// fetchDurable tells raft of the snapshot, now that everything it stands for is on disk.
func (g *group) fetchDurable() {
	f := g.fetch
	g.fetch = nil
	if err := g.decode(f.manifest.State); err != nil {
		machine.Broken("the state of a snapshot does not decode: %v", err)
	}
	for _, seq := range f.removed {
		g.observe(machine.Observation{Kind: machine.Removed, Seq: seq, Why: machine.RuleSnapshot})
	}
	g.applied, g.appliedTerm = f.index, f.term
	first, last, _, _ := g.store.State()
	g.observe(machine.Observation{Kind: machine.Recovered, First: first, Seq: last, Index: f.index, Term: f.term, Why: WhySnapshot})
	if f.message.GetTerm() >= g.term {
		g.step(f.message)
		return
	}
	// Raft ignores a snapshot of an earlier term than its own, but what it stands for is committed and
	// is here: raft begins anew from it.
	g.installed(f.message.GetSnapshot())
	g.commit = f.index
	g.start()
}

// installed makes the snapshot's index the base of log and tail; raft hands it to storage.
func (g *group) installed(s *pb.Snapshot) {
	index, term := s.GetMetadata().GetIndex(), s.GetMetadata().GetTerm()
	g.tail.restart(index, term)
	g.b.log.Rebase(g.id, index, term)
	g.b.log.Checkpointed(g.id, index, term)
	g.checkpoint = index
}

// abortFetch drops what was fetched.
func (g *group) abortFetch(why string) {
	f := g.fetch
	g.fetch = nil
	g.drop("fetch of a snapshot: " + why)
	if s, ok := g.state.(*streamState); ok && f.emptied {
		g.wipe(s)
		g.restart()
		return
	}
	g.store.TruncateAfter(g.b.fx, f.start)
	g.touch()
	first, last, _, _ := g.store.State()
	g.observe(machine.Observation{Kind: machine.Recovered, First: first, Seq: last, Index: g.applied, Why: why})
}

// tickFetch asks again when an answer was lost, and gives up in the end: the leader starts over.
func (g *group) tickFetch() {
	g.tickSnapshots()
	if g.fetch == nil {
		return
	}
	g.fetch.idle++
	switch {
	case g.fetch.whole:
		if index, _ := g.store.Checkpointed(); index == g.fetch.index {
			g.fetchDurable()
		}
	case g.fetch.idle > fetchGiveUp:
		g.abortFetch("no progress")
	case g.fetch.idle%fetchRetryTicks == 0:
		g.askChunk()
	}
}
