package kafka

import (
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// conn is a client's connection.
type conn struct {
	id      machine.ConnID
	out     *machine.ConnBuf
	in      proto.Splitter
	backlog int64
	closed  bool
}

func (b *Broker) connBytes(in *machine.Input) {
	c := b.conns[in.Conn]
	if c == nil {
		return
	}
	b.fx.Charge(machine.WorkParse, 1, int64(len(in.Bytes)), 0)
	err := c.in.Feed(in.Bytes, func(frame []byte) error {
		if c.closed {
			return errClosed
		}
		return b.request(c, frame)
	})
	if err != nil && !c.closed {
		b.cut(c, err.Error())
	}
}

var errClosed = &proto.Error{Where: "connection", Why: "is closed"}

func (b *Broker) connClosed(id machine.ConnID) {
	if c := b.conns[id]; c != nil {
		c.closed = true
		delete(b.conns, id)
	}
}

// cut closes a connection: a request that makes no sense, or a client that does not read.
func (b *Broker) cut(c *conn, why string) {
	b.observe(machine.Observation{Kind: machine.Dropped, Conn: c.id, N: 1, Why: "connection: " + why})
	b.fx.Closes = append(b.fx.Closes, machine.Close{Conn: c.id})
	b.connClosed(c.id)
}

// reply answers a request of a client.
func (b *Broker) reply(c *conn, correlation uint32, m proto.Message) {
	if c.closed {
		return
	}
	was := len(c.out.B)
	c.out.B = proto.AppendReply(c.out.B, correlation, m)
	b.fx.Touch(c.out)
	b.fx.Charge(machine.WorkDeliver, 1, int64(len(c.out.B)-was), 1)
	if c.backlog+int64(len(c.out.B)) > b.cfg.MaxPending {
		b.cut(c, "it does not read")
	}
}

// request handles one request of a client.
func (b *Broker) request(c *conn, frame []byte) error {
	api, correlation, body, err := proto.SplitRequest(frame)
	if err != nil {
		return err
	}
	b.fx.Charge(machine.WorkAPI, 1, int64(len(body)), 1)
	answer := func(m proto.Message) { b.reply(c, correlation, m) }
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
	case m.Latest:
		return &proto.OffsetReply{Offset: p.hw}
	}
	return &proto.OffsetReply{}
}
