package calibrate

import (
	"bytes"
	"fmt"

	"github.com/brokerlab/brokerlab/impl/kafka"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/impl/redpanda"
	"github.com/brokerlab/brokerlab/model/machine"
)

// kafkaDesign is the broker on Kafka's replication, with Kafka's defaults.
func kafkaDesign() design {
	boot := func(id machine.NodeID, ids []machine.NodeID) machine.Boot {
		return kafka.Boot(kafka.Config{Node: id, Nodes: ids, ELR: true})
	}
	list := protocolScenarios(100 * ms)
	list = append(list,
		scenario{"init producer", 1, func(r *rig) (*node, func()) {
			x := newTopic(r, 1, 0)
			text := proto.AppendRequest(nil, proto.InitProducer, 1, nil)
			return nil, func() { r.send(x.c, text); r.advance(25 * ms) } // the controller's linger
		}},
		scenario{"produce all, flush each, R1/128", 1, produces(-1, 1, 1, 128, 1, leads)},
		scenario{"produce all, flush each, R3 leader/128", 3, produces(-1, 1, 1, 128, 1, leads)},
		scenario{"produce all, flush each, R3 follower/128", 3, produces(-1, 1, 1, 128, 1, follows)})
	return design{"kafka", boot, list}
}

// redpandaDesign is the broker with a Raft group a partition.
func redpandaDesign() design {
	boot := func(id machine.NodeID, ids []machine.NodeID) machine.Boot {
		return redpanda.Boot(redpanda.Config{Node: id, Nodes: ids})
	}
	list := protocolScenarios(150 * ms)
	list = append(list, scenario{"init producer", 1, func(r *rig) (*node, func()) {
		x := newTopic(r, 1, 0)
		text := proto.AppendRequest(nil, proto.InitProducer, 1, nil)
		return nil, func() { r.send(x.c, text) }
	}})
	return design{"redpanda", boot, list}
}

// topic is a topic of a cluster whose every replica is in its ISR, one of its leaders, a node that follows, and a client of the
// leader.
type topic struct {
	*rig
	ids              []uint32
	leader, follower *node
	c                *conn
}

// dialogue is a connection whose last answer is kept.
type dialogue struct {
	*conn
	in   proto.Splitter
	body []byte
}

func newDialogue(r *rig, n *node) *dialogue {
	d := &dialogue{conn: r.connect(n, nil)}
	d.hear = func(out []byte) {
		err := d.in.Feed(out, func(frame []byte) error {
			_, body, err := proto.SplitReply(frame)
			d.body = append(d.body[:0], body...)
			return err
		})
		if err != nil {
			r.fail("an answer: %v", err)
		}
	}
	return d
}

// newTopic makes a topic with as many replicas as there are nodes.
func newTopic(r *rig, partitions, flush int) *topic {
	x := &topic{rig: r}
	if r.err != nil {
		return x
	}
	for range 40 { // nothing listens before brokers are registered
		r.advance(50 * ms)
	}
	d := newDialogue(r, r.nodes[0])
	create := proto.AppendRequest(nil, proto.CreateTopic, 1, &proto.CreateTopicRequest{
		Name: "T", Partitions: partitions, Replicas: len(r.nodes), MinISR: min(len(r.nodes), 2), FlushMessages: flush,
	})
	for i := 0; i < 2000 && r.err == nil; i++ {
		if i%20 == 10 { // brokers are registered; a topic that exists is refused a second time
			r.send(d.conn, create)
		}
		r.advance(50 * ms)
		r.send(d.conn, proto.AppendRequest(nil, proto.Metadata, 2, nil))
		var m proto.MetadataReply
		if proto.Decode(d.body, &m, "metadata") == nil && x.whole(&m, partitions) {
			x.c = newProducing(r, x.leader)
			r.advance(50 * ms)
			return x
		}
	}
	r.fail("no topic with %d partitions", partitions)
	return x
}

// whole says whether the topic is there with every partition led and every replica in step.
func (x *topic) whole(m *proto.MetadataReply, partitions int) bool {
	if len(m.Topics) != 1 || len(m.Topics[0].Partitions) != partitions {
		return false
	}
	x.ids = x.ids[:0]
	for _, p := range m.Topics[0].Partitions {
		if p.Leader == 0 || int(p.Leader) > len(x.nodes) || len(p.ISR) != len(x.nodes) {
			return false
		}
		x.ids = append(x.ids, p.ID)
		x.leader = x.nodes[p.Leader-1]
	}
	for _, n := range x.nodes {
		if n != x.leader {
			x.follower = n
		}
	}
	return true
}

// newProducing is a producer's or consumer's connection: an answer that is an error ends the rig.
func newProducing(r *rig, n *node) *conn {
	d := newDialogue(r, n)
	keep := d.hear
	d.hear = func(out []byte) {
		keep(out)
		var p proto.ProduceReply
		if proto.Decode(d.body, &p, "produce") != nil {
			return // of another kind
		}
		for _, part := range p.Parts {
			if part.Code != proto.OK && part.ID != nowhere {
				r.fail("a produce to partition %d is answered with code %d", part.ID, part.Code)
			}
		}
	}
	return d.conn
}

// nowhere is a partition that nobody has.
const nowhere = 999_999

func records(n, size int, pid int64, seq int32) []byte {
	b := proto.Batch{PID: pid, Seq: seq}
	for range n {
		b.Records = append(b.Records, bytes.Repeat([]byte("x"), size))
	}
	return proto.AppendBatch(nil, &b)
}

func produceText(acks int8, batch []byte, ids ...uint32) []byte {
	m := &proto.ProduceRequest{Acks: acks, Timeout: 30 * sec}
	for _, id := range ids {
		m.Parts = append(m.Parts, proto.ProducePart{ID: id, Batch: batch})
	}
	return proto.AppendRequest(nil, proto.Produce, 1, m)
}

func leads(x *topic) *node   { return x.leader }
func follows(x *topic) *node { return x.follower }

// produces is one read with a number of produce requests, each of one batch of n records of a size.
func produces(acks int8, flush, n, size, requests int, who func(*topic) *node) func(r *rig) (*node, func()) {
	return func(r *rig) (*node, func()) {
		x := newTopic(r, 1, flush)
		if r.err != nil {
			return nil, nil
		}
		text := bytes.Repeat(produceText(acks, records(n, size, proto.NoProducer, 0), x.ids[0]), requests)
		return who(x), func() { r.send(x.c, text) }
	}
}

// protocolScenarios are what brokers of Kafka's protocol have in common.
func protocolScenarios(tick int64) []scenario {
	list := append(requestScenarios(), produceScenarios()...)
	list = append(list, fetchScenarios()...)
	for _, partitions := range []int{1, 300} {
		list = append(list, scenario{fmt.Sprintf("tick, %d partitions", partitions), 1, func(r *rig) (*node, func()) {
			newTopic(r, partitions, 0)
			return nil, func() { r.advance(tick) }
		}})
	}
	return append(list, scenario{"tick, leader of 3", 3, func(r *rig) (*node, func()) {
		x := newTopic(r, 1, 0)
		return x.leader, func() { r.advance(tick) }
	}})
}

func requestScenarios() (list []scenario) {
	for _, partitions := range []int{1, 100} {
		list = append(list, scenario{fmt.Sprintf("metadata, %d partitions", partitions), 1, func(r *rig) (*node, func()) {
			x, text := newTopic(r, partitions, 0), proto.AppendRequest(nil, proto.Metadata, 1, nil)
			return nil, func() { r.send(x.c, text) }
		}})
	}
	return append(list, scenario{"list offset", 1, func(r *rig) (*node, func()) {
		x := newTopic(r, 1, 0)
		if r.err != nil {
			return nil, nil
		}
		text := proto.AppendRequest(nil, proto.ListOffset, 1, &proto.ListOffsetRequest{ID: x.ids[0], Latest: true})
		return nil, func() { r.send(x.c, text) }
	}})
}

func produceScenarios() (list []scenario) {
	list = append(list, ofSizes("produce to nobody", 1, func(r *rig, size int) (*node, func()) {
		x, text := newTopic(r, 1, 0), produceText(1, records(1, size, proto.NoProducer, 0), nowhere)
		return nil, func() { r.send(x.c, text) }
	})...)
	for _, n := range []int{1, 10, 100} {
		for _, acks := range []int8{0, 1} {
			list = append(list, scenario{fmt.Sprintf("produce %d, %d records, R1/128", acks, n), 1, produces(acks, 0, n, 128, 1, leads)})
		}
	}
	for _, row := range []struct {
		name  string
		nodes int
		who   func(*topic) *node
	}{{"R1", 1, leads}, {"R3 leader", 3, leads}, {"R3 follower", 3, follows}} {
		list = append(list, ofSizes("produce all, "+row.name, row.nodes, func(r *rig, size int) (*node, func()) {
			return produces(-1, 0, 1, size, 1, row.who)(r)
		})...)
		for _, n := range []int{10, 100} {
			list = append(list, scenario{fmt.Sprintf("produce all, %d records, %s/128", n, row.name), row.nodes, produces(-1, 0, n, 128, 1, row.who)})
		}
		list = append(list, scenario{fmt.Sprintf("produce all x10, %s/128", row.name), row.nodes, produces(-1, 0, 1, 128, 10, row.who)})
	}
	return append(list, scenario{"produce all, 10 partitions, R1/128", 1, func(r *rig) (*node, func()) {
		x := newTopic(r, 10, 0)
		text := produceText(-1, records(1, 128, proto.NoProducer, 0), x.ids...)
		return nil, func() { r.send(x.c, text) }
	}}, scenario{"produce all, idempotent, R3 leader/128", 3, func(r *rig) (*node, func()) {
		x, seq := newTopic(r, 1, 0), int32(0)
		return x.leader, func() {
			r.send(x.c, produceText(-1, records(1, 128, 7, seq), x.ids[0]))
			seq++
		}
	}})
}

// fetchScenarios read what was produced: one batch, a hundred at once, nothing.
func fetchScenarios() (list []scenario) {
	fetch := func(x *topic, offset int64) []byte {
		return proto.AppendRequest(nil, proto.Fetch, 1, &proto.FetchRequest{MinBytes: 1, MaxBytes: 1 << 20, Parts: []proto.FetchPart{{ID: x.ids[0], Epoch: -1, Offset: offset, LastEpoch: -1}}})
	}
	build := func(batches, size int, offset int64) func(r *rig) (*node, func()) {
		return func(r *rig) (*node, func()) {
			x := newTopic(r, 1, 0)
			if r.err != nil {
				return nil, nil
			}
			for range batches {
				r.send(x.c, produceText(-1, records(1, size, proto.NoProducer, 0), x.ids[0]))
			}
			text := fetch(x, offset)
			return nil, func() { r.send(x.c, text) }
		}
	}
	list = ofSizes("fetch", 1, func(r *rig, size int) (*node, func()) { return build(1, size, 0)(r) })
	return append(list, scenario{"fetch of 100 batches/128", 1, build(100, 128, 0)}, scenario{"fetch of nothing", 1, build(1, 128, 1)})
}
