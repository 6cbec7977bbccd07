package broker

import (
	"encoding/binary"

	"go.etcd.io/raft/v3"

	"github.com/brokerlab/brokerlab/model/machine"
)

// readQueue holds reads that a leader may answer only once it knows that it still led when they
// arrived (read=index: Raft thesis 6.4), batched: one confirmation serves all that arrived before it.
type readQueue struct {
	asked   uint64 // context of the newest confirmation asked for
	arrived []read
	batches []readBatch
	waiting int // in both
}

type readBatch struct {
	context uint64
	at      machine.Mono
	index   uint64 // answered once this is applied; 0 while unconfirmed
	reads   []read
}

// read is one request for messages, answered by run.
type read struct {
	reply string
	run   func(reply string)
}

const (
	// maxReads is how many reads of a group may wait to be confirmed and applied, and how many of this node for the disk.
	maxReads = 1 << 16
	// readContext is the size of a read's context.
	readContext = 8
)

// readWhenLeading runs fn when this node is known to have led the group after this moment, and
// everything committed by then is applied; with read=local at once.
func (g *group) readWhenLeading(reply string, run func(reply string)) {
	if g.b.cfg.Switches.Read != "local" {
		g.whenLeading(reply, run)
	} else if g.mayRead(reply) {
		run(reply)
	}
}

// whenLeading is readWhenLeading whatever the switches say.
func (g *group) whenLeading(reply string, run func(reply string)) {
	if g.mayRead(reply) {
		g.reads.waiting++
		g.reads.arrived = append(g.reads.arrived, read{reply, run})
		g.queue()
	}
}

// mayRead refuses a read if too many wait.
func (g *group) mayRead(reply string) bool {
	ok := g.reads.waiting+len(g.b.diskReads) < maxReads
	if !ok {
		g.b.refuse(reply, "too many reads wait")
	}
	return ok
}

// readsTooMuch says whether so much is being read from the disk that nothing more may be asked for.
func (b *Broker) readsTooMuch() bool { return len(b.diskReads) >= maxReads }

// askReads asks raft to confirm leadership for the reads that have arrived. One confirmation is
// under way at a time: what arrives meanwhile shares the next.
func (g *group) askReads() {
	q := &g.reads
	if g.seenTerm != g.term {
		// A group of one answers at once, with a commit index that may lag behind what was
		// acknowledged before a restart, until an entry of this term is applied (raft.go, IsSingleton).
		return
	}
	if len(q.arrived) == 0 || !g.leading || (len(q.batches) > 0 && q.batches[len(q.batches)-1].index == 0) {
		return
	}
	q.asked++
	q.batches = append(q.batches, readBatch{context: q.asked, at: g.b.env.Mono, reads: q.arrived})
	q.arrived = nil
	g.node.ReadIndex(binary.LittleEndian.AppendUint64(nil, q.asked))
}

// readIndexed marks a batch as confirmed at an index.
func (g *group) readIndexed(s *raft.ReadState) {
	if len(s.RequestCtx) != readContext {
		return // not one of ours
	}
	context := binary.LittleEndian.Uint64(s.RequestCtx)
	for i := range g.reads.batches {
		if b := &g.reads.batches[i]; b.context == context {
			b.index = max(s.Index, 1)
		}
	}
	g.queue()
}

// serveReads runs the confirmed reads whose index is applied.
func (g *group) serveReads() {
	q := &g.reads
	for len(q.batches) > 0 && q.batches[0].index != 0 && q.batches[0].index <= g.applied {
		batch := q.batches[0]
		q.batches = q.batches[1:]
		q.waiting -= len(batch.reads)
		g.leadSince(batch.at)
		for _, r := range batch.reads {
			r.run(r.reply)
		}
		g.queue()
	}
}

// dropReads refuses every read that waits: it had no effect, so refusing it is always right.
func (g *group) dropReads(why string) {
	q := &g.reads
	n := len(q.arrived)
	for _, r := range q.arrived {
		g.b.refuse(r.reply, why)
	}
	for _, b := range q.batches {
		n += len(b.reads)
		for _, r := range b.reads {
			g.b.refuse(r.reply, why)
		}
	}
	q.arrived, q.batches, q.waiting = nil, nil, 0
	if n > 0 {
		g.observe(machine.Observation{Kind: machine.Dropped, N: int64(n), Why: "reads: " + why})
	}
}

func (g *group) drop(why string) {
	g.observe(machine.Observation{Kind: machine.Dropped, N: 1, Why: why})
}
