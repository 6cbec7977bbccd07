package client

import (
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/load"
)

// consumer is this client as the member of a group that owns a partition: a load's consumer of a stream. Assignment is static:
// nobody else of the group reads it.
type consumer struct {
	c             *Client
	stream, group string
	// alone has it belong to no group, and commit nothing.
	alone bool

	position int64 // next offset to be handed out; -1: not known
	next     int64 // next offset to be fetched
	reset    bool  // the position is what auto.offset.reset says: the beginning
	buffer   []record
	asking   bool  // the position is being asked for
	fetching bool  // a fetch is on its way
	after    int64 // nothing is asked before

	poll     *operation
	pollEnds int64
	count    uint64 // of records handed out

	handed  []handed // what is not processed, and what is behind it, by offset
	commits commits
}

// record is one that was fetched.
type record struct {
	offset       int64
	subject, val string
}

// handed is a record that the load has.
type handed struct {
	offset    int64
	processed bool
}

const (
	fetchWait  = 500 * ms // fetch.max.wait.ms
	fetchBytes = 1 << 20  // max.partition.fetch.bytes
)

// consumer returns this client's part in a group, which begins when it is first asked for.
func (c *Client) consumer(stream, group string) *consumer {
	for _, k := range c.consumers {
		if k.stream == stream && k.group == group {
			return k
		}
	}
	k := &consumer{c: c, stream: stream, group: group, position: -1}
	k.commits.sending = -1
	c.consumers = append(c.consumers, k)
	return k
}

// beginPoll is poll(): what was fetched before is handed out at once, at most as many as asked for (max.poll.records).
func (k *consumer) beginPoll(now int64, o *operation) {
	if k.poll != nil {
		k.c.finish(o, failed("another poll of the consumer is under way"))
		return
	}
	o.sent = true
	k.poll, k.pollEnds = o, now+o.Expires
	k.autoCommit(now)
}

// work goes on with the poll under way, and with commits.
func (k *consumer) work(now int64) {
	k.sendCommit(now)
	if k.poll != nil && k.c.ops[k.poll.num] != k.poll {
		k.poll = nil // its time was over
	}
	if k.poll == nil {
		return
	}
	switch {
	case k.position < 0:
		k.find(now)
	case len(k.buffer) == 0:
		k.fetch(now)
	}
	if len(k.buffer) > 0 || now >= k.pollEnds {
		k.endPoll()
	}
}

// endPoll hands out what there is. Records behind a position that was lost meanwhile are not: they come again.
func (k *consumer) endPoll() {
	o := k.poll
	n := min(len(k.buffer), max(o.Batch, 1))
	for _, r := range k.buffer[:n] {
		k.position = r.offset + 1
		k.count++
		if !k.alone && k.c.cfg.Commit == Manual {
			k.handed = append(k.handed, handed{offset: r.offset})
		}
		k.c.deliver(&load.Delivery{
			Fetch: o.id, Stream: k.stream, Consumer: k.group, Subject: r.subject, Value: r.val, Seq: uint64(r.offset) + 1, CSeq: k.count,
		})
	}
	k.buffer = slices.Delete(k.buffer, 0, n)
	k.poll = nil
	k.c.finish(o, load.Outcome{Status: load.OK, N: int64(n)})
}

func (c *Client) deliver(d *load.Delivery) {
	c.cfg.Record.Deliver(d)
	if c.receiver != nil {
		c.receiver.Deliver(c.now(), d)
		c.ask = true
	}
}

// find asks where to begin: where the group has committed, or, if it has nothing, at the beginning.
func (k *consumer) find(now int64) {
	c := k.c
	if k.asking || now < k.after {
		return
	}
	if k.reset || k.alone {
		k.findFirst(now)
		return
	}
	p, to := c.known(k.stream), c.coordinator(now)
	if p == nil || to == nil {
		return
	}
	k.asking = true
	to.ask(proto.OffsetFetch, &proto.OffsetFetchRequest{Group: k.group, ID: p.ID}, func(body []byte, ok bool) {
		k.asking = false
		var r proto.OffsetReply
		switch {
		case !ok || proto.Decode(body, &r, "offset-fetch") != nil:
			k.later("connection lost")
			c.coord.doubt(c.now() + c.cfg.Backoff)
		case r.Code != proto.OK:
			k.later(r.Code.String())
			c.coord.refused(c, r.Code)
		case r.Offset < 0:
			k.reset = true
		default:
			k.seek(r.Offset + c.cfg.bugOffset())
		}
	})
}

func (k *consumer) findFirst(now int64) {
	p, to := k.leader(now)
	if to == nil {
		return
	}
	k.asking = true
	to.ask(proto.ListOffset, &proto.ListOffsetRequest{ID: p.ID}, func(body []byte, ok bool) {
		k.asking = false
		var r proto.OffsetReply
		if !ok || proto.Decode(body, &r, "list-offset") != nil || r.Code != proto.OK {
			k.later(r.Code.String())
			k.c.where.doubt()
			return
		}
		k.seek(r.Offset)
	})
}

// seek sets the position. What was handed out before is no longer followed.
func (k *consumer) seek(offset int64) {
	k.position, k.next, k.reset = offset, offset, false
	k.buffer, k.handed = nil, nil
	k.commits.begin(offset)
}

// later has nothing asked for a while.
func (k *consumer) later(why string) {
	k.after = k.c.now() + k.c.cfg.Backoff
	if k.poll != nil {
		k.poll.why = why
	}
}

// leader is the partition and the connection to its leader; nil if there is none yet.
func (k *consumer) leader(now int64) (*proto.Partition, *conn) {
	p := k.c.partition(k.stream)
	if p == nil {
		return nil, nil
	}
	if to := k.c.connTo(p.Leader); to != nil && to.open(now) {
		return p, to
	}
	return nil, nil
}

// fetch asks for what lies behind the records fetched so far. The answer comes when there is something, or after
// fetch.max.wait.ms, whether a poll still waits for it or not.
func (k *consumer) fetch(now int64) {
	if k.fetching || now < k.after {
		return
	}
	p, to := k.leader(now)
	if to == nil {
		return
	}
	m := &proto.FetchRequest{
		MaxWait: fetchWait, MinBytes: 1, MaxBytes: fetchBytes,
		Parts: []proto.FetchPart{{ID: p.ID, Epoch: p.Epoch, Offset: k.next, LastEpoch: -1}},
	}
	if k.poll.MaxBytes > 0 {
		m.MaxBytes = int64(k.poll.MaxBytes)
	}
	k.fetching = true
	asked := k.next
	to.ask(proto.Fetch, m, func(body []byte, ok bool) {
		k.fetching = false
		var r proto.FetchReply
		switch {
		case !ok || proto.Decode(body, &r, "fetch") != nil || len(r.Parts) != 1:
			k.later("connection lost")
			k.c.where.doubt()
		case k.next != asked || k.position < 0: // it has moved
		case r.Parts[0].Code == proto.OffsetOutOfRange:
			k.position, k.reset, k.buffer = -1, true, nil
		case r.Parts[0].Code != proto.OK:
			k.later(r.Parts[0].Code.String())
			k.c.where.doubt()
		default:
			k.fetched(r.Parts[0].Batches)
		}
	})
}

// fetched keeps what is at the position and behind it; a batch may begin before.
func (k *consumer) fetched(batches []byte) {
	for len(batches) > 0 {
		b, size, err := proto.ParseBatch(batches)
		if err != nil {
			return
		}
		batches = batches[size:]
		for i, r := range b.Records {
			offset := b.Base + int64(i)
			if offset < k.next {
				continue
			}
			key, value := proto.SplitRecord(r)
			word, _, _ := strings.Cut(string(value), " ")
			k.buffer = append(k.buffer, record{offset, string(key), word})
			k.next = offset + 1
		}
	}
}

// wake is when there is something to do; 0 if an answer or a connection has to come first.
func (k *consumer) wake(now int64) (at int64) {
	if k.poll != nil {
		at = earlier(max(k.pollEnds, now+1), laterThan(k.after, now))
	}
	at = earlier(at, laterThan(k.commits.after, now))
	return at
}

// laterThan is a time, or 0 if it is over.
func laterThan(t, now int64) int64 {
	if t <= now {
		return 0
	}
	return t
}
