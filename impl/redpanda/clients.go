package redpanda

import (
	"encoding/binary"
	"slices"

	"github.com/brokerlab/brokerlab/impl/kafka/conns"
	"github.com/brokerlab/brokerlab/impl/kafka/metadata"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

func (b *Broker) reply(c *conns.Conn, correlation uint32, m proto.Message) {
	b.conns.Reply(c, correlation, m, b.fx)
}

// answer is the reply to a request that is not of the data.
func (b *Broker) answer(c *conns.Conn, correlation uint32, m proto.Message) {
	b.fx.Charge(machine.WorkAPI, 1, int64(b.conns.Reply(c, correlation, m, b.fx)), 0)
}

func (b *Broker) request(c *conns.Conn, api proto.API, correlation uint32, body []byte) error {
	switch api {
	case proto.Metadata:
		b.answer(c, correlation, b.describe())
	case proto.CreateTopic:
		var m proto.CreateTopicRequest
		if err := proto.Decode(body, &m, "create-topic"); err != nil {
			return err
		}
		b.create(body, func(code proto.Code) { b.answer(c, correlation, &proto.CodeReply{Code: code}) })
	case proto.InitProducer:
		// An id of this process's own needs no agreement: node, boot and a count make it unique.
		b.lastToken++
		id := int64((b.boot^uint64(b.cfg.Node)<<56^uint64(b.lastToken)*0x9e3779b97f4a7c15)>>1) | 1
		b.answer(c, correlation, &proto.InitProducerReply{PID: id})
	case proto.Produce:
		var m proto.ProduceRequest
		if err := proto.Decode(body, &m, "produce"); err != nil {
			return err
		}
		b.produce(c, correlation, &m)
	case proto.Fetch:
		var m proto.FetchRequest
		if err := proto.Decode(body, &m, "fetch"); err != nil {
			return err
		}
		b.fetch(&fetch{c: c, correlation: correlation, m: m, deadline: b.env.Mono + machine.Mono(max(m.MaxWait, 0))})
	case proto.ListOffset:
		var m proto.ListOffsetRequest
		if err := proto.Decode(body, &m, "list-offset"); err != nil {
			return err
		}
		r := &proto.OffsetReply{Code: proto.NotLeader, Offset: -1}
		if p := b.partition(m.ID); p != nil && p.group.Leading() {
			r.Code, r.Offset = proto.OK, 0
			if m.Latest {
				r.Offset = p.end
			}
		}
		b.answer(c, correlation, r)
	case proto.FindCoordinator, proto.OffsetCommit, proto.OffsetFetch:
		return b.groupRequest(c, api, correlation, body)
	default:
		return &proto.Error{Where: api.String(), Why: "is not a client's to ask"}
	}
	return nil
}

// describe is all topics, with the leaders that this node knows of. Of groups that it has no part in it does not know: their
// first replica is named, which does.
func (b *Broker) describe() *proto.MetadataReply {
	m := &proto.MetadataReply{}
	for _, t := range b.meta.Topics() {
		topic := proto.Topic{Name: t.Name}
		for i := range t.Partitions {
			q := b.meta.Partition(t.First + uint32(i))
			leader := q.Replicas[0]
			if p := b.partition(q.ID); p != nil {
				leader = uint32(p.group.Leader())
			}
			topic.Partitions = append(topic.Partitions, proto.Partition{ID: q.ID, Leader: leader, Epoch: -1, Replicas: q.Replicas, ISR: q.Replicas})
		}
		m.Topics = append(m.Topics, topic)
	}
	return m
}

// producing is a produce request that is not answered yet.
type producing struct {
	reply proto.ProduceReply
	left  int
}

// produce proposes each batch as one entry. acks=1 is answered when the leader has taken it in: nothing is synced then
// (raft_replica_max_flush_delay_ms stands behind it, for nobody waits).
func (b *Broker) produce(c *conns.Conn, correlation uint32, m *proto.ProduceRequest) {
	r := &producing{left: len(m.Parts)}
	r.reply.Parts = make([]proto.ProduceResult, len(m.Parts))
	finish := func(i int, code proto.Code, base int64) {
		res := &r.reply.Parts[i]
		res.Code, res.Base = code, base
		if r.left--; r.left == 0 && m.Acks != 0 {
			b.reply(c, correlation, &r.reply)
		}
	}
	b.fx.Charge(machine.WorkRoute, int64(len(m.Parts)), 0, 0)
	for i := range m.Parts {
		part := &m.Parts[i]
		r.reply.Parts[i].ID = part.ID
		h, ok := proto.ReadHead(part.Batch)
		p := b.partition(part.ID)
		switch {
		case !ok || h.Size != len(part.Batch):
			finish(i, proto.CorruptMessage, -1)
		case p == nil || !p.group.Leading():
			finish(i, proto.NotLeader, -1)
		case m.Acks == -1:
			p.propose(part.Batch, int64(h.Count), func(code proto.Code, base int64) { finish(i, code, base) })
		default:
			taken := true
			at := max(p.promised, p.end)
			p.propose(part.Batch, int64(h.Count), func(code proto.Code, _ int64) { taken = taken && code == proto.OK })
			if taken {
				finish(i, proto.OK, at)
			} else {
				finish(i, proto.NotLeader, -1)
			}
		}
	}
}

// fetch is a consumer's fetch that waits.
type fetch struct {
	c           *conns.Conn
	correlation uint32
	m           proto.FetchRequest
	deadline    machine.Mono
	done        bool
}

func (b *Broker) fetch(f *fetch) {
	if b.tryFetch(f, false) {
		return
	}
	for i := range f.m.Parts {
		if p := b.partition(f.m.Parts[i].ID); p != nil && len(p.fetches) < b.cfg.MaxParked {
			p.fetches = append(p.fetches, f)
		}
	}
}

// tryFetch answers if there is enough, or something wrong, or the wait is over.
func (b *Broker) tryFetch(f *fetch, expired bool) bool {
	if f.done {
		return true
	}
	var reply proto.FetchReply
	bytes, failed := int64(0), false
	b.fx.Charge(machine.WorkRoute, int64(len(f.m.Parts)), 0, 0)
	for i := range f.m.Parts {
		ask := &f.m.Parts[i]
		r := proto.FetchResult{ID: ask.ID}
		switch p := b.partition(ask.ID); {
		case p == nil || !p.group.Leading():
			r.Code = proto.NotLeader
		case ask.Offset > p.end && !p.current():
			r.Code = proto.OffsetNotAvailable // a new leader does not know its end yet
		case ask.Offset < 0 || ask.Offset > p.end:
			r.Code, r.HW = proto.OffsetOutOfRange, p.end
		default:
			r.HW = p.end
			r.Batches = p.read(ask.Offset, int(min(max(f.m.MaxBytes-bytes, 0), 1<<20)))
			bytes += int64(len(r.Batches))
		}
		failed = failed || r.Code != proto.OK
		reply.Parts = append(reply.Parts, r)
	}
	if bytes < max(f.m.MinBytes, 1) && !failed && !expired && b.env.Mono < f.deadline {
		return false
	}
	f.done = true
	b.reply(f.c, f.correlation, &reply)
	return true
}

func (p *partition) wakeFetches() {
	p.fetches = slices.DeleteFunc(p.fetches, func(f *fetch) bool { return f.c.Closed() || p.b.tryFetch(f, false) })
}

// expire answers fetches whose wait is over, and has the first replica of a new group stand for election.
func (b *Broker) expire() {
	for _, p := range b.held {
		if p.standIn > 0 {
			if p.standIn--; p.standIn == 0 && p.group.Leader() == 0 {
				p.group.Campaign()
			}
		}
		p.fetches = slices.DeleteFunc(p.fetches, func(f *fetch) bool {
			return f.c.Closed() || p.b.tryFetch(f, b.env.Mono >= f.deadline)
		})
	}
}

// Requests for the controller, between nodes: a kind, a correlation, and the request or its code.
const (
	frameRequest byte = 1
	frameReply   byte = 2
)

const maxCalls = 4096

// create has the controller's leader log a topic.
func (b *Broker) create(body []byte, done func(proto.Code)) {
	leader := b.ctl.group.Leader()
	p := b.peer(leader)
	switch {
	case leader == b.cfg.Node:
		b.ctl.propose(body, 0, func(code proto.Code, result int64) {
			if code == proto.OK {
				code = proto.Code(result)
			}
			done(code)
		})
	case p == nil || len(p.calls) >= maxCalls:
		done(proto.NotController)
	default:
		p.next++
		p.calls = append(p.calls, call{p.next, done})
		frame := binary.LittleEndian.AppendUint32([]byte{frameRequest}, p.next)
		b.sendFrame(machine.Addr{Node: p.id}, append(frame, body...))
	}
}

func (b *Broker) sendFrame(to machine.Addr, frame []byte) {
	b.fx.Charge(machine.WorkEncode, 1, int64(len(frame)), 1)
	b.fx.Send(to, machine.RouteLink, frame)
}

// applyController carries out an entry of the controller: a topic to be placed.
func (b *Broker) applyController(p *partition, entry []byte) {
	data, done := p.body(entry)
	var m proto.CreateTopicRequest
	if err := proto.Decode(data, &m, "create-topic"); err != nil {
		machine.Broken("entry %d of the controller: %v", p.index, err)
	}
	b.fx.Charge(machine.WorkApply, 1, int64(len(data)), 0)
	r := b.meta.Apply(p.index, &metadata.Command{Create: &m})
	if done != nil {
		done(proto.OK, int64(r.Code))
	}
}

func (b *Broker) linkChanged(in *machine.Input) {
	if p := b.peer(in.Peer.Node); p != nil {
		calls := p.calls
		p.calls = nil
		for _, c := range calls {
			c.done(proto.NotController)
		}
	}
}

func (b *Broker) peerFrame(in *machine.Input) {
	p := b.peer(in.Peer.Node)
	if p == nil {
		return
	}
	if in.Link == machine.RaftLink {
		b.raftFrame(in.Bytes)
		return
	}
	if len(in.Bytes) < 5 {
		return
	}
	b.fx.Charge(machine.WorkRaft, 1, int64(len(in.Bytes)), 0)
	correlation, body := binary.LittleEndian.Uint32(in.Bytes[1:]), in.Bytes[5:]
	if in.Bytes[0] == frameRequest {
		var m proto.CreateTopicRequest
		if proto.Decode(body, &m, "create-topic") != nil {
			return
		}
		from := in.Peer
		b.create(slices.Clone(body), func(code proto.Code) {
			frame := binary.LittleEndian.AppendUint32([]byte{frameReply}, correlation)
			b.sendFrame(from, (&proto.CodeReply{Code: code}).Append(frame))
		})
		return
	}
	var r proto.CodeReply
	i := slices.IndexFunc(p.calls, func(c call) bool { return c.correlation == correlation })
	if i >= 0 && proto.Decode(body, &r, "create-topic") == nil {
		c := p.calls[i]
		p.calls = slices.Delete(p.calls, i, i+1)
		c.done(r.Code)
	}
}

func (b *Broker) raftFrame(bytes []byte) {
	var f wire.Frame
	if err := wire.DecodeFrame(bytes, &f); err != nil || f.Kind != wire.KindRaft {
		b.observe(machine.Observation{Kind: machine.Dropped, N: 1, Why: "a frame that does not decode"})
		return
	}
	b.fx.Charge(machine.WorkRaft, 0, int64(len(bytes)), 0) // its messages where raft takes them
	for i := range f.Raft {
		if p := b.group(f.Raft[i].Group); p != nil {
			p.group.Receive(f.Raft[i].Message)
		}
	}
}
