package kafka

import (
	"github.com/brokerlab/brokerlab/impl/kafka/conns"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// reply answers a request of a client, and returns the bytes of the answer.
func (b *Broker) reply(c *conns.Conn, correlation uint32, m proto.Message) int {
	return b.conns.Reply(c, correlation, m, b.fx)
}

// answer is the reply to a request that is not of the data.
func (b *Broker) answer(c *conns.Conn, correlation uint32, m proto.Message) {
	b.fx.Charge(machine.WorkAPI, 1, int64(b.reply(c, correlation, m)), 0)
}

// request handles one request of a client.
func (b *Broker) request(c *conns.Conn, api proto.API, correlation uint32, body []byte) error {
	answer := func(m proto.Message) { b.answer(c, correlation, m) }
	switch api {
	case proto.Metadata:
		answer(b.describe())
	case proto.CreateTopic:
		var m proto.CreateTopicRequest
		if err := proto.Decode(body, &m, "create-topic"); err != nil {
			return err
		}
		b.askController(api, &m, func(code proto.Code, _ []byte) { answer(&proto.CodeReply{Code: code}) })
	case proto.InitProducer:
		b.askController(api, nil, func(code proto.Code, body []byte) {
			m := proto.InitProducerReply{Code: code}
			if code == proto.OK && proto.Decode(body, &m, "init-producer") != nil {
				m.Code = proto.NotController
			}
			answer(&m)
		})
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
		b.fetch(c, correlation, &m)
	case proto.ListOffset:
		var m proto.ListOffsetRequest
		if err := proto.Decode(body, &m, "list-offset"); err != nil {
			return err
		}
		answer(b.listOffset(&m))
	case proto.FindCoordinator, proto.OffsetCommit, proto.OffsetFetch:
		return b.groupRequest(c, api, correlation, body)
	default:
		return &proto.Error{Where: api.String(), Why: "is not a client's to ask"}
	}
	return nil
}

// describe is all topics, as this node has applied them.
func (b *Broker) describe() *proto.MetadataReply {
	m := &proto.MetadataReply{}
	for _, t := range b.meta.Topics() {
		topic := proto.Topic{Name: t.Name}
		for i := range t.Partitions {
			p := b.meta.Partition(t.First + uint32(i))
			topic.Partitions = append(topic.Partitions, proto.Partition{ID: p.ID, Leader: p.Leader, Epoch: p.Epoch, Replicas: p.Replicas, ISR: p.ISR})
		}
		m.Topics = append(m.Topics, topic)
	}
	return m
}

func (b *Broker) listOffset(m *proto.ListOffsetRequest) *proto.OffsetReply {
	p := b.partition(m.ID)
	switch {
	case p == nil || !p.leading:
		return &proto.OffsetReply{Code: proto.NotLeader, Offset: -1}
	case m.Latest && p.hw < p.began: // a new leader's high watermark lags: the end would go back (KIP-207)
		return &proto.OffsetReply{Code: proto.OffsetNotAvailable, Offset: -1}
	case m.Latest:
		return &proto.OffsetReply{Offset: p.hw}
	}
	return &proto.OffsetReply{}
}
