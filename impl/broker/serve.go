package broker

import (
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// A snapshot is served as it was taken, though the stream goes on: whoever applies the entries behind it
// decides as all others did only with the very messages that they had. A message that was the last of its
// subject, or one of a full stream, may be gone by the time it is fetched; without it an expectation would
// fail, or a publish be taken, that the others did not.

// pin keeps the messages of a snapshot for those who fetch it.
type pin struct {
	index   uint64
	view    *store.View
	idle    int // ticks since somebody asked
	serving []*serving
}

// serving is an answer in the making.
type serving struct {
	pin   *pin
	to    machine.NodeID
	c     wire.Catchup
	bytes int
}

const (
	// maxPins bounds the snapshots that are kept; the oldest gives way.
	maxPins = 8
	// chunkLooks is how many messages that the follower has are gone through for one chunk.
	chunkLooks = 1 << 16
	spanBytes  = 4 // of an encoded span, roughly
)

// snapshot makes the manifest of the applied state, for raft to send, and pins its messages.
func (g *group) snapshot() *pb.Snapshot {
	if g.applied == 0 || g.switching {
		return nil
	}
	m := wire.Manifest{State: g.encode()}
	m.First, m.Last, m.Count, m.Bytes = g.pin(g.applied).view.State()
	index, term := g.applied, g.appliedTerm
	return &pb.Snapshot{
		Data:     wire.AppendManifest(nil, &m),
		Metadata: &pb.SnapshotMetadata{Index: &index, Term: &term, ConfState: g.tail.conf},
	}
}

// pin is the pin of the applied state, which index is.
func (g *group) pin(index uint64) *pin {
	if p := g.pinOf(index); p != nil {
		p.idle = 0
		return p
	}
	if len(g.pins) == maxPins {
		g.unpin(0)
	}
	p := &pin{index: index, view: g.store.View()}
	g.pins = append(g.pins, p)
	return p
}

func (g *group) pinOf(index uint64) *pin {
	for _, p := range g.pins {
		if p.index == index && !p.view.Lost() {
			return p
		}
	}
	return nil
}

func (g *group) unpin(i int) {
	g.pins[i].view.Close()
	g.pins = append(g.pins[:i:i], g.pins[i+1:]...)
}

// tickPins lets go of snapshots that nobody fetches any more.
func (g *group) tickPins() {
	for i := len(g.pins) - 1; i >= 0; i-- {
		p := g.pins[i]
		if p.idle++; p.idle > fetchGiveUp || p.view.Lost() {
			g.unpin(i)
		}
	}
}

// serveChunk answers a follower's request with as much as makes a chunk.
func (g *group) serveChunk(to machine.NodeID, req *wire.Catchup) {
	p := g.pinOf(req.Snapshot)
	if p == nil {
		g.refuseChunk(to, req, fmt.Sprintf("snapshot %d is not kept any more", req.Snapshot))
		return
	}
	p.idle = 0
	for _, s := range p.serving {
		if s.to == to && s.c.From == req.From {
			return // the disk is slow, and it asks again
		}
	}
	s := &serving{pin: p, to: to, c: wire.Catchup{
		Group: req.Group, Snapshot: req.Snapshot, From: req.From, Have: req.Have, Upto: max(req.From, 1) - 1,
	}}
	p.serving = append(p.serving, s)
	g.fillGone(s)
	g.fillChunk(s)
}

// fillGone says which of the messages that the follower has are gone.
func (g *group) fillGone(s *serving) {
	first, last, count, _ := s.pin.view.State()
	have := min(s.c.Have, last)
	for looks := 0; s.c.Upto < have && looks < chunkLooks && s.bytes < fetchChunk; looks++ {
		from := s.c.Upto + 1
		next, ok := s.pin.view.NextAt(from)
		to := min(next-1, have)
		if !ok {
			to = have
		}
		if to >= from {
			s.c.Gone = append(s.c.Gone, wire.Span{From: from, To: to})
			s.bytes += spanBytes
		}
		switch {
		case to >= have:
			s.c.Upto = have
		case last-first+1 == count: // and none after this one is
			s.c.Upto = have
		default:
			s.c.Upto = next
		}
	}
}

// fillChunk adds messages. Those that are not in memory are read from disk one after the other.
func (g *group) fillChunk(s *serving) {
	_, last, _, _ := s.pin.view.State()
	for s.c.Upto >= s.c.Have && s.c.Upto < last && s.bytes < fetchChunk {
		seq, ok := s.pin.view.NextAt(s.c.Upto + 1)
		if !ok {
			s.c.Upto = last
			break
		}
		m, token, found := s.pin.view.Get(g.b.fx, seq)
		switch {
		case !found:
			g.failChunk(s, seq)
			return
		case token == 0:
			s.add(&m)
			continue
		}
		g.note(NoteDiskRead)
		g.b.diskReads[token] = func(m *store.Message) {
			if m == nil {
				g.failChunk(s, seq)
				return
			}
			s.add(m)
			g.fillChunk(s)
		}
		return
	}
	s.end()
	g.b.sendRoute(s.to, wire.AppendCatchup(nil, wire.KindCatchupChunk, &s.c))
}

func (s *serving) add(m *store.Message) {
	s.c.Messages = append(s.c.Messages, wire.CatchupMessage{
		Seq: m.Seq, Index: m.Index, Time: m.Time, Subject: m.Subject, Header: m.Header, Data: m.Data,
	})
	s.c.Upto = m.Seq
	s.bytes += len(m.Data) + len(m.Header) + entryOverhead
}

func (s *serving) end() {
	keep := s.pin.serving[:0]
	for _, other := range s.pin.serving {
		if other != s {
			keep = append(keep, other)
		}
	}
	s.pin.serving = keep
}

// failChunk gives up a chunk whose message seq cannot be had.
func (g *group) failChunk(s *serving, seq uint64) {
	s.end()
	if s.pin.view.Lost() {
		g.refuseChunk(s.to, &s.c, fmt.Sprintf("snapshot %d is not kept any more", s.c.Snapshot))
		return
	}
	g.refuseChunk(s.to, &s.c, fmt.Sprintf("the leader cannot read message %d", seq))
	g.yield(s.to)
}

// refuseChunk tells a follower that it waits in vain, and raft that it does.
func (g *group) refuseChunk(to machine.NodeID, c *wire.Catchup, why string) {
	g.drop(fmt.Sprintf("fetch of a snapshot by node %d: %s", to, why))
	g.b.sendRoute(to, wire.AppendCatchup(nil, wire.KindCatchupDone, &wire.Catchup{Group: c.Group, Snapshot: c.Snapshot, From: c.From, Why: why}))
	if a := g.members.of(to); g.leading && a != nil {
		g.node.ReportSnapshot(uint64(a.id), raft.SnapshotFailure)
		g.queue()
	}
}

// yield makes way for a leader whose disk may have what this one's has not: the peer that is known to have come
// furthest, other than the one that fetches.
func (g *group) yield(fetches machine.NodeID) {
	best := uint64(0)
	for _, id := range g.members.conf.Voters {
		if nodeOf(id) != fetches && id != uint64(g.self) && g.matched[id] > g.matched[best] {
			best = id
		}
	}
	if g.leading && best != 0 {
		g.node.TransferLeader(best)
		g.queue()
	}
}
