package client

import (
	"bytes"
	"slices"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/load"
)

// producer gathers records into batches, one list of them a stream, sent in order.
type producer struct {
	c       *Client
	streams []*outbox // in the order of their first use
	byName  map[string]*outbox

	pid    int64 // 0: none yet
	asking bool
	after  int64
}

// outbox is the batches of one partition that are not acknowledged, oldest first.
type outbox struct {
	stream   string
	batches  []*batch
	seq      int32
	inFlight int
	after    int64 // when a failed batch may be sent again
}

// batch is records that share a request.
type batch struct {
	ops    []*operation
	bytes  int
	ready  int64 // when its linger is over
	seq    int32
	closed bool // it takes no more records
	out    bool // on its way
	tries  int
	body   []byte
}

func (p *producer) init(c *Client) { *p = producer{c: c, byName: map[string]*outbox{}} }

// add puts a publish into the open batch of its stream.
func (p *producer) add(now int64, o *operation) {
	box := p.byName[o.Stream]
	if box == nil {
		box = &outbox{stream: o.Stream}
		p.byName[o.Stream] = box
		p.streams = append(p.streams, box)
	}
	size := max(o.Size, len(o.Value)) + len(o.Subject) + 8
	var b *batch
	if n := len(box.batches); n > 0 && !box.batches[n-1].closed && box.batches[n-1].bytes+size <= p.c.cfg.BatchBytes {
		b = box.batches[n-1]
	} else {
		if n > 0 {
			box.batches[n-1].closed = true
		}
		b = &batch{ready: now + p.c.cfg.Linger}
		box.batches = append(box.batches, b)
	}
	b.ops = append(b.ops, o)
	b.bytes += size
}

// forget takes an operation that has ended out of a batch that was never sent.
func (p *producer) forget(o *operation) {
	box := p.byName[o.Stream]
	if box == nil || o.sent {
		return
	}
	for i, b := range box.batches {
		if b.body != nil {
			continue
		}
		b.ops = slices.DeleteFunc(b.ops, func(x *operation) bool { return x == o })
		if len(b.ops) == 0 {
			box.batches = slices.Delete(box.batches, i, i+1)
			return
		}
	}
}

// send sends what is due and may be sent.
func (p *producer) send(now int64) {
	if p.c.cfg.Idempotent && p.pid == 0 {
		if len(p.streams) > 0 {
			p.identify(now)
		}
		return
	}
	for _, box := range p.streams {
		p.sendBox(now, box)
	}
}

// identify asks for a producer id.
func (p *producer) identify(now int64) {
	if p.asking || now < p.after {
		return
	}
	k := p.c.any(now)
	if k == nil {
		return
	}
	p.asking = true
	k.ask(proto.InitProducer, nil, func(body []byte, ok bool) {
		p.asking, p.after = false, p.c.now()+p.c.cfg.Backoff
		var r proto.InitProducerReply
		if ok && proto.Decode(body, &r, "init-producer") == nil && r.Code == proto.OK {
			p.pid = r.PID
		}
	})
}

// sendBox sends the batches of a partition in their order. After a failure everything behind the failed batch comes again,
// in order too; a producer that is not idempotent can have what was on its way behind it stored before it.
func (p *producer) sendBox(now int64, box *outbox) {
	if now < box.after {
		return
	}
	for i, b := range box.batches {
		if b.out {
			continue
		}
		full := b.closed || b.bytes >= p.c.cfg.BatchBytes
		if !full && now < b.ready || box.inFlight >= p.c.cfg.InFlight {
			return
		}
		if p.c.cfg.Idempotent && b.tries > 0 && i > 0 && box.batches[i-1].out && box.batches[i-1].tries > 0 {
			return // a retry waits for the one before it
		}
		part := p.c.partition(box.stream)
		if part == nil {
			return
		}
		k := p.c.connTo(part.Leader)
		if k == nil || !k.open(now) {
			return
		}
		p.sendBatch(k, box, b, part)
		if p.c.cfg.Acks == None {
			p.sendBox(now, box)
			return
		}
	}
}

func (p *producer) sendBatch(k *conn, box *outbox, b *batch, part *proto.Partition) {
	if b.body == nil {
		b.closed, b.body = true, p.encode(box, b)
	}
	for _, o := range b.ops {
		o.sent = true
	}
	acks := p.c.cfg.Acks
	m := &proto.ProduceRequest{Acks: acks, Timeout: p.c.cfg.RequestTimeout, Parts: []proto.ProducePart{{ID: part.ID, Batch: b.body}}}
	if acks == None {
		m.Acks = 0
		k.ask(proto.Produce, m, nil)
		box.remove(b)
		for _, o := range b.ops {
			p.c.finish(o, load.Outcome{Status: load.Unknown, Err: "sent without acknowledgement"})
		}
		return
	}
	b.out = true
	b.tries++
	box.inFlight++
	k.ask(proto.Produce, m, func(body []byte, ok bool) {
		b.out = false
		box.inFlight--
		var r proto.ProduceReply
		if !ok || proto.Decode(body, &r, "produce") != nil || len(r.Parts) != 1 {
			p.failed(box, b, "connection lost")
			return
		}
		p.answered(box, b, &r.Parts[0])
	})
}

// encode makes a batch's bytes, once: a retry is the same bytes.
func (p *producer) encode(box *outbox, b *batch) []byte {
	pb := proto.Batch{PID: proto.NoProducer, Seq: -1}
	if p.c.cfg.Idempotent {
		b.seq = box.seq
		box.seq = proto.SeqAfter(box.seq, int32(len(b.ops)))
		pb.PID, pb.Seq = p.pid, b.seq
	}
	for _, o := range b.ops {
		value := append([]byte(o.Value), bytes.Repeat([]byte{' '}, max(o.Size-len(o.Value), 0))...)
		pb.Records = append(pb.Records, proto.AppendRecord(nil, []byte(o.Subject), value))
	}
	return proto.AppendBatch(nil, &pb)
}

func (box *outbox) remove(b *batch) {
	box.batches = slices.DeleteFunc(box.batches, func(x *batch) bool { return x == b })
}

func (p *producer) answered(box *outbox, b *batch, r *proto.ProduceResult) {
	switch {
	case r.Code == proto.OK:
		box.remove(b)
		for i, o := range b.ops {
			p.c.finish(o, load.Outcome{Status: load.OK, Seq: uint64(r.Base) + uint64(i) + 1})
		}
	case r.Code.Retriable():
		p.failed(box, b, r.Code.String())
	case r.Code == proto.OutOfOrderSequence && box.batches[0] != b:
		// What is missing in the log is a batch before it, which comes again first (TransactionManager.canRetry).
		p.failed(box, b, r.Code.String())
	default:
		box.remove(b)
		if p.c.cfg.Idempotent {
			p.restart()
		}
		for _, o := range b.ops {
			if b.tries > 1 {
				p.c.finish(o, load.Outcome{Status: load.Unknown, Err: r.Code.String()})
			} else {
				p.c.finish(o, failed(r.Code.String()))
			}
		}
	}
}

// restart begins anew under another producer id: the broker has lost what came before (KIP-360 bumps the epoch instead, to
// the same end). What was sent before and comes again is not known again by its sequence.
func (p *producer) restart() {
	p.pid = 0
	for _, box := range p.streams {
		box.seq = 0
		for _, b := range box.batches {
			if !b.out {
				b.body = nil
			}
		}
	}
}

// failed leaves a batch to be sent again, if somebody still waits for one of its records. An idempotent batch whose records
// have all ended keeps its place: those behind it have the next sequence numbers.
func (p *producer) failed(box *outbox, b *batch, why string) {
	p.c.where.doubt()
	box.after = p.c.now() + p.c.cfg.Backoff
	waits := false
	for _, o := range b.ops {
		o.why = why
		waits = waits || p.c.ops[o.num] == o
	}
	if !waits && (!p.c.cfg.Idempotent || len(box.batches) == 1) {
		box.remove(b)
		if p.c.cfg.Idempotent {
			p.restart()
		}
	}
}

// next is when something may be sent; 0 if an answer or a connection has to come first.
func (p *producer) next(now int64) (at int64) {
	if p.after > now && p.pid == 0 && p.c.cfg.Idempotent {
		at = p.after
	}
	for _, box := range p.streams {
		if len(box.batches) == 0 {
			continue
		}
		if t := max(box.batches[len(box.batches)-1].ready, box.after); t > now {
			at = earlier(at, t)
		}
		if box.after > now {
			at = earlier(at, box.after)
		}
	}
	return at
}
