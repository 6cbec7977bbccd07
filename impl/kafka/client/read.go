package client

import (
	"strings"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
)

// try sends an operation that waits, if who has to answer it is known and connected.
func (c *Client) try(o *operation) {
	now := c.now()
	switch o.Verb {
	case history.Create:
		c.create(now, o)
		return
	case history.CreateConsumer:
		if c.coordinator(now) != nil {
			c.finish(o, load.Outcome{Status: load.OK})
		}
		return
	case history.ConsumerInfo:
		c.lag(now, o)
		return
	}
	p := c.partition(o.Stream)
	if p == nil {
		return
	}
	k := c.connTo(p.Leader)
	if k == nil || !k.open(now) {
		return
	}
	o.wait = false
	if o.Verb != history.Last { // a log has no holes: the next record is the one at the offset, or none
		c.fetch(k, o, p, int64(o.Seq)-1)
		return
	}
	k.ask(proto.ListOffset, &proto.ListOffsetRequest{ID: p.ID, Latest: true}, func(body []byte, ok bool) {
		var r proto.OffsetReply
		switch {
		case !ok || proto.Decode(body, &r, "list-offset") != nil:
			c.again(o, "connection lost")
		case r.Code != proto.OK:
			c.again(o, r.Code.String())
		case r.Offset == 0:
			c.finish(o, load.Outcome{Status: load.OK, NotFound: true})
		case c.ops[o.num] == o && k.id != 0:
			c.fetch(k, o, p, r.Offset-1)
		}
	})
}

// again has an operation that has no effect wait for another try.
func (c *Client) again(o *operation, why string) {
	o.why, o.after = why, c.now()+c.cfg.Backoff
	if !o.wait {
		o.wait = true
		c.waiting = append(c.waiting, o)
	}
	c.where.doubt()
}

// create asks for a topic. One that exists is what was wanted.
func (c *Client) create(now int64, o *operation) {
	k := c.any(now)
	if k == nil {
		return
	}
	o.wait, o.sent = false, true
	name, _, _ := strings.Cut(o.Stream, "/")
	m := &proto.CreateTopicRequest{Name: name, Partitions: max(o.Batch, 1), Replicas: max(o.Replicas, 1), MinISR: max(c.cfg.MinISR, 1), FlushMessages: c.cfg.Flush}
	k.ask(proto.CreateTopic, m, func(body []byte, ok bool) {
		var r proto.CodeReply
		switch {
		case !ok || proto.Decode(body, &r, "create-topic") != nil:
			c.finish(o, load.Outcome{Status: load.Unknown, Err: "connection lost"})
		case r.Code == proto.OK || r.Code == proto.TopicExists:
			c.where.doubt()
			c.finish(o, load.Outcome{Status: load.OK})
		case r.Code == proto.NotController:
			c.finish(o, load.Outcome{Status: load.Unknown, Err: r.Code.String()})
		default:
			c.finish(o, failed(r.Code.String()))
		}
	})
}

// any is a connection to some broker, the one that is asked for metadata if it is there; nil while one is being made.
func (c *Client) any(now int64) *conn {
	for range c.conns {
		k := c.conns[c.where.first]
		if k.open(now) {
			return k
		}
		if k.dialing != 0 || k.id != 0 {
			return nil
		}
		c.where.first = (c.where.first + 1) % len(c.conns)
	}
	return nil
}

// fetch reads the record at one offset: none is there while the high watermark is not above it.
func (c *Client) fetch(k *conn, o *operation, p *proto.Partition, offset int64) {
	// A broker answers with at least one batch, however little is asked for.
	m := &proto.FetchRequest{MaxWait: 0, MinBytes: 1, MaxBytes: 1, Parts: []proto.FetchPart{{ID: p.ID, Epoch: p.Epoch, Offset: max(offset, 0), LastEpoch: -1}}}
	k.ask(proto.Fetch, m, func(body []byte, ok bool) {
		var r proto.FetchReply
		switch {
		case !ok || proto.Decode(body, &r, "fetch") != nil || len(r.Parts) != 1:
			c.again(o, "connection lost")
			return
		case r.Parts[0].Code == proto.OffsetOutOfRange || r.Parts[0].Code == proto.OK && len(r.Parts[0].Batches) == 0:
			c.finish(o, load.Outcome{Status: load.OK, NotFound: true})
			return
		case r.Parts[0].Code != proto.OK:
			c.again(o, r.Parts[0].Code.String())
			return
		}
		b, _, err := proto.ParseBatch(r.Parts[0].Batches)
		if i := offset - b.Base; err == nil && i >= 0 && i < int64(len(b.Records)) {
			key, value := proto.SplitRecord(b.Records[i])
			word, _, _ := strings.Cut(string(value), " ")
			c.finish(o, load.Outcome{Status: load.OK, Seq: uint64(offset) + 1, Subject: string(key), Value: word})
			return
		}
		c.again(o, "an answer without the record")
	})
}
