package kafka

import (
	"slices"

	"github.com/brokerlab/brokerlab/impl/kafka/conns"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// producing is a produce request that is not answered yet.
type producing struct {
	c           *conns.Conn
	correlation uint32
	acks        int8
	reply       proto.ProduceReply
	left        int // partitions without a result
}

// parked is one partition's part of a produce that waits (the produce purgatory).
type parked struct {
	r        *producing
	at       int // in the reply
	required int64
	deadline machine.Mono
}

// produce is ReplicaManager.appendRecords. With acks=0 there is no answer at all: an error closes the connection.
func (b *Broker) produce(c *conns.Conn, correlation uint32, m *proto.ProduceRequest) {
	r := &producing{c: c, correlation: correlation, acks: m.Acks, left: len(m.Parts)}
	r.reply.Parts = make([]proto.ProduceResult, len(m.Parts))
	failed := false
	for i := range m.Parts {
		part := &m.Parts[i]
		res := &r.reply.Parts[i]
		res.ID, res.Base = part.ID, -1
		p := b.partition(part.ID)
		next := int64(0)
		if res.Code, res.Base, next = b.append(p, m.Acks, part.Batch); res.Code != proto.OK {
			failed = true
			r.left--
			continue
		}
		k := &parked{r: r, at: i, required: next, deadline: b.env.Mono + machine.Mono(max(m.Timeout, ms))}
		switch {
		case m.Acks == -1:
			p.park(k)
		case m.Acks == 1 && p.log.End() < next:
			p.flushing = append(p.flushing, k)
			b.parked++
		default:
			r.left--
		}
	}
	if m.Acks == 0 {
		if failed {
			b.conns.Cut(c, "a produce without acknowledgement failed", b.fx)
		}
		return
	}
	b.finishProduce(r)
}

func (b *Broker) finishProduce(r *producing) {
	if r.left == 0 && r.acks != 0 {
		b.reply(r.c, r.correlation, &r.reply)
	}
}

// append is Partition.appendRecordsToLeader: it returns the base offset and the offset behind the batch.
func (b *Broker) append(p *partition, acks int8, batch []byte) (code proto.Code, base, next int64) {
	b.fx.Charge(machine.WorkRoute, 1, 0, 0)
	h, ok := proto.ReadHead(batch)
	switch {
	case acks < -1 || acks > 1:
		return proto.InvalidRequiredAcks, -1, 0
	case p == nil || !p.leading:
		return proto.NotLeader, -1, 0
	case len(batch) > proto.MaxBatch:
		return proto.TooLarge, -1, 0
	case !ok || h.Size != len(batch):
		return proto.CorruptMessage, -1, 0
	case acks == -1 && len(p.meta.ISR) < p.minISR():
		return proto.NotEnoughReplicas, -1, 0
	case b.parked >= b.cfg.MaxParked:
		return proto.NotEnoughReplicas, -1, 0 // nothing was appended: it may come again
	}
	if h.PID != proto.NoProducer {
		old, code := p.producers.Check(&h)
		if code != proto.OK {
			return code, -1, 0
		}
		if old >= 0 { // a duplicate of one of the last five: its first answer was lost
			return proto.OK, old, old + int64(h.Count)
		}
	}
	base = p.log.Appended()
	data := append(b.fx.Alloc(len(batch))[:0], batch...)
	proto.Stamp(data, base, p.epoch)
	p.log.Append(b.fx, data)
	h.Base = base
	p.producers.Note(&h)
	p.appended()
	return proto.OK, base, base + int64(h.Count)
}

// park waits for the high watermark.
func (p *partition) park(k *parked) {
	i, _ := slices.BinarySearchFunc(p.parked, k.required, func(k *parked, required int64) int {
		if k.required <= required {
			return -1
		}
		return 1
	})
	p.parked = slices.Insert(p.parked, i, k)
	p.b.parked++
	p.wakeLater()
}

// serveParked answers whom the high watermark, or the log's own flush, has passed. An acks=all whose ISR is too small by now is in
// the log nevertheless (checkEnoughReplicasReachOffset).
func (p *partition) serveParked() {
	n := 0
	for n < len(p.parked) && p.parked[n].required <= p.hw {
		code := proto.OK
		if p.maximalSize() < p.minISR() {
			code = proto.NotEnoughAfterAppend
		}
		p.b.unpark(p.parked[n], code)
		n++
	}
	p.parked = slices.Delete(p.parked, 0, n)
	end := p.log.End()
	p.flushing = slices.DeleteFunc(p.flushing, func(k *parked) bool {
		if k.required > end {
			return false
		}
		p.b.unpark(k, proto.OK)
		return true
	})
}

func (p *partition) maximalSize() (n int) {
	for _, r := range p.meta.Replicas {
		if p.maximal(machine.NodeID(r)) {
			n++
		}
	}
	return n
}

func (b *Broker) unpark(k *parked, code proto.Code) {
	b.parked--
	res := &k.r.reply.Parts[k.at]
	if res.Code = code; code != proto.OK {
		res.Base = -1
	}
	k.r.left--
	b.finishProduce(k.r)
}

// refuseParked answers everyone who waits, at the end of a leadership.
func (p *partition) refuseParked(code proto.Code) {
	waiting := append(p.parked, p.flushing...)
	p.parked, p.flushing = nil, nil
	for _, k := range waiting {
		p.b.unpark(k, code)
	}
}

// expireParked answers whose time is over: the records stay in the log.
func (p *partition) expireParked(now machine.Mono) {
	p.parked = slices.DeleteFunc(p.parked, func(k *parked) bool {
		if now < k.deadline {
			return false
		}
		p.b.unpark(k, proto.TimedOut)
		return true
	})
}
