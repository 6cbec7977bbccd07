package redpanda

import (
	"encoding/binary"
	"sort"

	"github.com/brokerlab/brokerlab/impl/kafka/idempotence"
	"github.com/brokerlab/brokerlab/impl/kafka/offsets"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/impl/quorum"
	"github.com/brokerlab/brokerlab/model/machine"
)

// partition is this node's replica of a partition: a Raft group, and what its entries came to.
type partition struct {
	b       *Broker
	id      uint64 // of the group
	stream  string
	log     *quorum.Log
	group   *quorum.Group
	queued  bool
	standIn int

	index     uint64 // being applied
	batches   []placed
	end       int64 // behind the last applied record: the high watermark
	producers idempotence.Producers
	offsets   offsets.Table // of the offsets topic's
	term      uint64        // in which this node was last elected

	number   uint64 // of the newest proposal of this boot
	inFlight []proposal
	promised int64 // end, with what is in flight
	fetches  []*fetch
}

// placed is where a batch lies: its first offset, and the entry that holds it.
type placed struct {
	base  int64
	index uint64
}

// proposal is an entry on its way, and what to do with what comes of it.
type proposal struct {
	number uint64
	count  int64
	done   func(code proto.Code, base int64)
}

func newPartition(b *Broker, id uint64) *partition {
	return &partition{b: b, id: id, producers: idempotence.Producers{}, offsets: offsets.Table{}}
}

// queue puts the group on the list of those with something to do this step.
func (p *partition) queue() {
	if !p.queued {
		p.queued = true
		p.b.ready = append(p.b.ready, p)
	}
}

func (p *partition) observe(o machine.Observation) {
	o.Group, o.Stream = p.id, p.stream
	p.b.observe(o)
}

func (p *partition) observer() func(machine.Observation) {
	if !p.b.cfg.Observe {
		return nil
	}
	return p.observe
}

// propose hands data to the group; done hears what came of it, once.
func (p *partition) propose(data []byte, count int64, done func(code proto.Code, base int64)) {
	if len(p.inFlight) == 0 {
		p.promised = p.end
	}
	p.number++
	entry := binary.AppendUvarint(make([]byte, 0, len(data)+24), uint64(p.b.cfg.Node))
	entry = binary.LittleEndian.AppendUint64(entry, p.b.boot)
	entry = append(binary.AppendUvarint(entry, p.number), data...)
	p.b.fx.Charge(machine.WorkEncode, 1, int64(len(entry)), 1)
	if len(p.inFlight) >= p.b.cfg.MaxParked || !p.group.Propose(entry) {
		done(proto.NotLeader, -1)
		return
	}
	p.inFlight = append(p.inFlight, proposal{p.number, count, done})
	p.promised += count
}

// body takes an entry apart: what it carries, and, if this process proposed it, who waits. Proposals that it overtook will
// not be applied any more.
func (p *partition) body(entry []byte) (data []byte, done func(proto.Code, int64)) {
	node, n := binary.Uvarint(entry)
	boot := binary.LittleEndian.Uint64(entry[n:])
	number, m := binary.Uvarint(entry[n+8:])
	data = entry[n+8+m:]
	if node != uint64(p.b.cfg.Node) || boot != p.b.boot {
		return data, nil
	}
	for len(p.inFlight) > 0 && p.inFlight[0].number <= number {
		first := p.inFlight[0]
		p.inFlight = p.inFlight[1:]
		if first.number == number {
			return data, first.done
		}
		first.done(proto.NotLeader, -1)
	}
	return data, nil
}

// refuse answers everyone who waits, at the end of a leadership: nobody knows what becomes of their entries.
func (p *partition) refuse(code proto.Code) {
	waiting := p.inFlight
	p.inFlight = nil
	for _, w := range waiting {
		w.done(code, -1)
	}
	p.wakeFetches()
}

// applyBatch gives a batch its offset, or finds that it is there already.
func (b *Broker) applyBatch(p *partition, entry []byte) {
	data, done := p.body(entry)
	if done == nil {
		done = func(proto.Code, int64) {}
	}
	b.fx.Charge(machine.WorkApply, 1, int64(len(data)), 0)
	h, ok := proto.ReadHead(data)
	if !ok {
		machine.Broken("entry %d of group %d holds no batch", p.index, p.id)
	}
	if h.PID != proto.NoProducer {
		old, code := p.producers.Check(&h)
		if code != proto.OK || old >= 0 {
			done(code, old)
			return
		}
	}
	h.Base = p.end
	p.batches = append(p.batches, placed{p.end, p.index})
	p.end = h.Next()
	p.producers.Note(&h)
	if b.cfg.Observe {
		if batch, _, err := proto.ParseBatch(data); err == nil {
			for i, r := range batch.Records {
				p.observe(machine.Observation{Kind: machine.Stored, Seq: uint64(h.Base) + uint64(i) + 1, Index: p.index, Hash: machine.ContentHash(proto.SplitRecord(r))})
			}
		}
	}
	done(proto.OK, h.Base)
	p.wakeFetches()
}

// read returns batches from the one that holds offset on, as many as fit max but at least one.
func (p *partition) read(offset int64, max int) (data []byte) {
	i := sort.Search(len(p.batches), func(i int) bool { return p.batches[i].base > offset }) - 1
	first := i
	for ; i >= 0 && i < len(p.batches) && offset < p.end; i++ {
		entry := p.group.Entry(p.batches[i].index)
		_, n := binary.Uvarint(entry)
		_, m := binary.Uvarint(entry[n+8:])
		batch := entry[n+8+m:]
		if len(data) > 0 && len(data)+len(batch) > max {
			break
		}
		at := len(data)
		data = append(data, batch...)
		proto.Stamp(data[at:], p.batches[i].base, int32(min(p.group.Term(), 1<<31-1)))
	}
	p.b.fx.Charge(machine.WorkConsume, int64(i-first), int64(len(data)), 0)
	return data
}
