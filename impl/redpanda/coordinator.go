package redpanda

import (
	"github.com/brokerlab/brokerlab/impl/kafka/conns"
	"github.com/brokerlab/brokerlab/impl/kafka/offsets"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// current says whether this node leads the partition and has applied everything that leaders before it committed: not before
// an entry of its own term is applied.
func (p *partition) current() bool { return p.group.Leading() && p.group.AppliedTerm() == p.term }

// applyOffset gives a commit its place and takes it in: on every replica, so that each can coordinate.
func (b *Broker) applyOffset(p *partition, entry []byte) {
	data, done := p.body(entry)
	b.fx.Charge(machine.WorkApply, 1, int64(len(data)), 0)
	h, ok := proto.ReadHead(data)
	if !ok {
		machine.Broken("entry %d of group %d holds no batch", p.index, p.id)
	}
	h.Base = p.end
	p.batches = append(p.batches, placed{p.end, p.index})
	p.end = h.Next()
	p.offsets.Apply(data, func(k offsets.Key, offset int64) {
		if m := b.meta.Partition(k.Partition); m != nil && p.current() {
			b.observe(machine.Observation{Kind: machine.Floor, Stream: streamName(m), Consumer: k.Group, Seq: uint64(max(offset, 0))})
		}
	})
	if done != nil {
		done(proto.OK, h.Base)
	}
}

// coordinator returns the partition that keeps the groups' offsets, or why this node does not.
func (b *Broker) coordinator() (*partition, proto.Code) {
	t := b.meta.Topic(offsets.Topic)
	if t == nil {
		return nil, proto.NotCoordinator
	}
	p := b.partition(t.First)
	switch {
	case p == nil || !p.group.Leading():
		return nil, proto.NotCoordinator
	case !p.current():
		return nil, proto.CoordinatorLoading
	}
	return p, proto.OK
}

// commitOffset proposes a commit; the answer is the consequence of applying it.
func (b *Broker) commitOffset(c *conns.Conn, correlation uint32, m *proto.OffsetCommitRequest) {
	answer := func(code proto.Code) { b.answer(c, correlation, &proto.CodeReply{Code: offsets.Refusal(code)}) }
	p, code := b.coordinator()
	if code == proto.OK {
		code = offsets.Check(m)
	}
	if code != proto.OK {
		answer(code)
		return
	}
	p.propose(offsets.Batch(offsets.Key{Group: m.Group, Partition: m.ID}, m.Offset), 1, func(code proto.Code, _ int64) { answer(code) })
}

func (b *Broker) fetchOffset(m *proto.OffsetFetchRequest) *proto.OffsetReply {
	p, code := b.coordinator()
	if code != proto.OK {
		return &proto.OffsetReply{Code: code, Offset: -1}
	}
	return &proto.OffsetReply{Offset: p.offsets.Of(offsets.Key{Group: m.Group, Partition: m.ID})}
}

// findCoordinator names the leader of the offsets topic, as this node knows it, and has the topic made when it is first asked.
func (b *Broker) findCoordinator(answer func(proto.Message)) {
	missing := &proto.FindCoordinatorReply{Code: proto.CoordinatorNotThere}
	t := b.meta.Topic(offsets.Topic)
	if t == nil {
		m := &proto.CreateTopicRequest{Name: offsets.Topic, Partitions: 1, Replicas: min(offsets.Replicas, len(b.cfg.Nodes)), MinISR: 1}
		b.create(m.Append(nil), func(proto.Code) { answer(missing) })
		return
	}
	q := b.meta.Partition(t.First)
	leader := q.Replicas[0]
	if p := b.partition(q.ID); p != nil {
		leader = uint32(p.group.Leader())
	}
	if leader == 0 {
		answer(missing)
		return
	}
	answer(&proto.FindCoordinatorReply{Node: leader})
}

// groupRequest handles a request of a consumer about its group.
func (b *Broker) groupRequest(c *conns.Conn, api proto.API, correlation uint32, body []byte) error {
	answer := func(m proto.Message) { b.answer(c, correlation, m) }
	return offsets.Requests{
		Find:   func() { b.findCoordinator(answer) },
		Commit: func(m *proto.OffsetCommitRequest) { b.commitOffset(c, correlation, m) },
		Fetch:  func(m *proto.OffsetFetchRequest) { answer(b.fetchOffset(m)) },
	}.Handle(api, body)
}
