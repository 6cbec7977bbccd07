package broker

import (
	"encoding/binary"

	"github.com/brokerlab/brokerlab/model/machine"
)

// proposer gathers what clients want of a group into batches: one Raft entry carries everything
// that arrived while the one before it was on its way (entries are what cost).
type proposer struct {
	queue    []batch
	bytes    int          // of queue
	number   uint64       // of the newest proposal of this boot
	applied  machine.Mono // when the newest one that was applied was proposed
	inFlight []proposal
	gate     gate
}

// batch is commands that will share an entry, and by position whom to answer ("": nobody).
type batch struct {
	commands []byte
	replies  []string
}

// proposal is an entry on its way, and whom to answer when it is applied.
type proposal struct {
	number  uint64
	term    uint64
	at      machine.Mono
	replies []string
}

// pipeline is how many proposals of a group may be on their way. One is best when syncs are what costs;
// the second hides the way to the followers (measured in the driving study, section 2.2).
const pipeline = 2

// maxCommands is how many commands an entry carries at most.
const maxCommands = 1 << 16

// enqueue adds one command to the newest batch; reply is answered when it is applied. It refuses
// (false) when too much waits already.
func (p *proposer) enqueue(g *group, reply string, command []byte) bool {
	if p.bytes+len(command) > g.b.cfg.MaxQueue {
		return false
	}
	p.add(g, reply, command)
	return true
}

// add is enqueue for what cannot be refused, because it has been decided: how much there is of it is bounded by who decides.
func (p *proposer) add(g *group, reply string, command []byte) {
	n := len(p.queue)
	if n == 0 || len(p.queue[n-1].commands)+len(command) > g.b.cfg.MaxBatch || len(p.queue[n-1].replies) == maxCommands {
		p.queue = append(p.queue, batch{})
		n++
	}
	last := &p.queue[n-1]
	last.commands = append(last.commands, command...)
	last.replies = append(last.replies, reply)
	p.bytes += len(command)
	g.b.fx.Charge(machine.WorkEncode, 1, int64(len(command)), 1)
	if p.bytes > g.b.cfg.MaxQueue/2 {
		g.b.hold(&p.gate)
	}
	g.queue()
}

// propose lets the state add what is ready, and proposes.
func (g *group) propose() {
	g.state.prepare()
	g.proposeBatches()
}

// proposeBatches proposes what has gathered, as far as the pipeline has room.
func (g *group) proposeBatches() {
	p := &g.proposer
	for len(p.queue) > 0 && g.leading && len(p.inFlight) < pipeline {
		b := p.queue[0]
		entry := make([]byte, 0, len(b.commands)+48)
		entry = appendEntryHeader(entry, entryHeader{
			node: g.b.cfg.Node, boot: g.b.bootID, number: p.number + 1, wall: g.b.env.Wall, count: len(b.replies),
		})
		if g.node.Propose(append(entry, b.commands...)) != nil {
			// Raft takes nothing while the leadership is being handed on, or too much is not committed yet. It will,
			// or this node leads no more and refuses what waits.
			return
		}
		g.b.fx.Charge(machine.WorkRaft, 1, int64(len(b.commands)), 1)
		p.number++
		p.queue = p.queue[1:]
		p.bytes -= len(b.commands)
		if p.bytes <= g.b.cfg.MaxQueue/4 {
			g.b.open(&p.gate)
		}
		p.inFlight = append(p.inFlight, proposal{number: p.number, term: g.node.BasicStatus().GetTerm(), at: g.b.env.Mono, replies: b.replies})
		g.queue()
	}
}

// takeReplies returns whom to answer about an entry that is being applied: nobody unless this
// boot proposed it. Earlier proposals still in flight can no longer be applied.
func (p *proposer) takeReplies(b *Broker, h entryHeader) []string {
	if h.node != b.cfg.Node || h.boot != b.bootID {
		return nil
	}
	for len(p.inFlight) > 0 {
		first := p.inFlight[0]
		if first.number > h.number {
			break
		}
		p.inFlight = p.inFlight[1:]
		if first.number == h.number {
			p.applied = first.at
			return first.replies
		}
	}
	return nil
}

// expire forgets proposals of terms that an applied entry of a later one has overtaken. Their
// clients hear nothing: their own timeouts say "unknown", which is always true.
func (p *proposer) expire(term uint64) {
	for len(p.inFlight) > 0 && p.inFlight[0].term < term {
		p.inFlight = p.inFlight[1:]
	}
}

// refuseQueued answers those whose commands were never proposed here.
func (p *proposer) refuseQueued(g *group) {
	for _, b := range p.queue {
		for _, r := range b.replies {
			g.b.refuse(r, "leadership lost")
		}
	}
	p.queue, p.bytes = nil, 0
	g.b.open(&p.gate)
}

// entryHeader begins every entry: who proposed it, as which of its proposals, and when.
type entryHeader struct {
	node   machine.NodeID
	boot   uint64
	number uint64
	wall   machine.Wall
	count  int
}

func appendEntryHeader(dst []byte, h entryHeader) []byte {
	dst = binary.AppendUvarint(dst, uint64(h.node))
	dst = binary.LittleEndian.AppendUint64(dst, h.boot)
	dst = binary.AppendUvarint(dst, h.number)
	dst = binary.AppendVarint(dst, int64(h.wall))
	return binary.AppendUvarint(dst, uint64(h.count))
}

// reader decodes what the broker itself encoded; a short or wrong input is a broken
// invariant, for checksums stand before it.
type reader struct{ p []byte }

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.p)
	if n <= 0 {
		machine.Broken("entry cut short: %d bytes left", len(r.p))
	}
	r.p = r.p[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.p)
	if n <= 0 {
		machine.Broken("entry cut short: %d bytes left", len(r.p))
	}
	r.p = r.p[n:]
	return v
}

func (r *reader) uint64() uint64 {
	return binary.LittleEndian.Uint64(r.take(8))
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.p)) {
		machine.Broken("entry cut short: %d bytes wanted, %d left", n, len(r.p))
	}
	p := r.p[:n:n]
	r.p = r.p[n:]
	return p
}

func (r *reader) bytes() []byte { return r.take(r.uvarint()) }

func (r *reader) header() (h entryHeader) {
	h.node = machine.NodeID(r.uvarint())
	h.boot = r.uint64()
	h.number = r.uvarint()
	h.wall = machine.Wall(r.varint())
	h.count = int(r.uvarint())
	return h
}

func appendBytes(dst, p []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(p))), p...)
}
