package broker

import (
	"encoding/binary"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// fetch is a snapshot on its way in. A snapshot is a manifest: the state, and which messages the
// stream holds. The messages are fetched from the leader first, a chunk at a time over the route
// link, written and checkpointed; only then does raft hear of the snapshot.
type fetch struct {
	message *pb.Message
	from    machine.NodeID
	index   uint64
	term    uint64
	state   []byte
	last    uint64 // of the stream when the snapshot was taken
	start   uint64 // last sequence here when the fetch began
	idle    int    // ticks without progress
	whole   bool   // every message is here; the checkpoint is under way
}

const (
	fetchChunk      = 256 << 10
	fetchRetryTicks = 10
	fetchGiveUp     = 100
	// snapshotRetryTicks is how long a leader waits for a follower that was sent a snapshot
	// before it probes again.
	snapshotRetryTicks = 50
)

// snapshot makes the manifest of the applied state, for raft to send.
func (g *group) snapshot() *pb.Snapshot {
	if g.applied == 0 {
		return nil
	}
	_, last, _, _ := g.store.State()
	data := appendBytes(nil, g.state.encode())
	data = binary.AppendUvarint(data, last)
	index, term := g.applied, g.appliedTerm
	return &pb.Snapshot{Data: data, Metadata: &pb.SnapshotMetadata{Index: &index, Term: &term, ConfState: g.tail.conf}}
}

// snapshotSent notes that a peer was sent a snapshot. Raft then waits for it; if nothing comes
// of it, the leader has to be told.
func (g *group) snapshotSent(to machine.NodeID) {
	for i := range g.snapshots {
		if g.snapshots[i].to == to {
			g.snapshots[i].ticks = 0
			return
		}
	}
	g.snapshots = append(g.snapshots, sentSnapshot{to: to})
}

type sentSnapshot struct {
	to    machine.NodeID
	ticks int
}

func (g *group) tickSnapshots() {
	keep := g.snapshots[:0]
	for _, s := range g.snapshots {
		if s.ticks++; s.ticks < snapshotRetryTicks {
			keep = append(keep, s)
			continue
		}
		if g.leading {
			g.node.ReportSnapshot(uint64(s.to), raft.SnapshotFailure)
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
		if g.fetch.whole || g.fetch.from == machine.NodeID(m.GetFrom()) && g.fetch.idle < fetchRetryTicks {
			return
		}
		g.abortFetch("a newer leader's snapshot")
	}
	f := &fetch{message: m, from: machine.NodeID(m.GetFrom()), index: index, term: term}
	if !f.readManifest(m.GetSnapshot().GetData()) {
		g.drop("a snapshot whose manifest does not decode")
		return
	}
	if _, f.start, _, _ = g.store.State(); f.start > f.last {
		// Only a replica whose log lost committed entries holds more than its leader.
		g.store.Reset(g.b.fx)
		g.touch()
		f.start = 0
	}
	g.fetch = f
	g.askChunk()
}

// readManifest takes a manifest apart.
func (f *fetch) readManifest(data []byte) (ok bool) {
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return false
	}
	f.state = data[n : uint64(n)+size]
	f.last, n = binary.Uvarint(data[uint64(n)+size:])
	return n > 0
}

// askChunk asks for the messages after the last one here, or goes on when there are none left.
func (g *group) askChunk() {
	_, have, _, _ := g.store.State()
	if have < g.fetch.last {
		g.b.sendRoute(g.fetch.from, wire.AppendCatchup(nil, wire.KindCatchupRequest, &wire.Catchup{Group: g.id, Snapshot: g.fetch.index, From: have + 1}))
		return
	}
	if !g.fetch.whole {
		g.fetch.whole = g.store.StartCheckpoint(g.b.fx, g.fetch.index, g.fetch.term, g.fetch.state)
	}
}

// chunk stores a chunk of fetched messages.
func (g *group) chunk(from machine.NodeID, c *wire.Catchup) {
	f := g.fetch
	if f == nil || f.whole || f.from != from {
		return
	}
	progress := false
	for i := range c.Messages {
		m := &c.Messages[i]
		if _, have, _, _ := g.store.State(); m.Seq != have+1 || m.Seq > f.last {
			continue
		}
		kept := store.Message{Seq: m.Seq, Index: m.Index, Time: m.Time, Subject: m.Subject, Header: m.Header, Data: m.Data}
		g.store.Append(kept)
		g.observeStored(&kept)
		f.idle, progress = 0, true
	}
	if progress { // else it answers a question asked twice; the tick asks again
		g.touch()
		g.askChunk()
	}
}

// fetchDurable tells raft of the snapshot, now that everything it stands for is on disk.
func (g *group) fetchDurable() {
	f := g.fetch
	g.fetch = nil
	if err := g.state.decode(f.state); err != nil {
		machine.Broken("the state of a snapshot does not decode: %v", err)
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
	g.store.TruncateAfter(g.b.fx, f.start)
	g.touch()
	g.drop("fetch of a snapshot: " + why)
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

// serveChunk answers a follower's request with messages from its sequence on, as many as make a
// chunk. Messages that are not in memory are read from disk one after the other.
func (g *group) serveChunk(to machine.NodeID, req *wire.Catchup) {
	g.fillChunk(to, &wire.Catchup{Group: req.Group, Snapshot: req.Snapshot, From: req.From}, req.From, 0)
}

func (g *group) fillChunk(to machine.NodeID, c *wire.Catchup, seq uint64, bytes int) {
	for bytes < fetchChunk {
		m, token, found := g.store.Get(g.b.fx, seq)
		if !found {
			break
		}
		if token != 0 {
			g.note(NoteDiskRead)
			g.b.diskReads[token] = func(m *store.Message) {
				if m == nil {
					return // the follower asks again
				}
				c.Messages = append(c.Messages, chunkMessage(m))
				g.fillChunk(to, c, seq+1, bytes+len(m.Data)+len(m.Header)+entryOverhead)
			}
			return
		}
		c.Messages = append(c.Messages, chunkMessage(&m))
		bytes += len(m.Data) + len(m.Header) + entryOverhead
		seq++
	}
	g.b.sendRoute(to, wire.AppendCatchup(nil, wire.KindCatchupChunk, c))
}

func chunkMessage(m *store.Message) wire.CatchupMessage {
	return wire.CatchupMessage{Seq: m.Seq, Index: m.Index, Time: m.Time, Subject: m.Subject, Header: m.Header, Data: m.Data}
}
