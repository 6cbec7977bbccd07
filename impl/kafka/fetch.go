package kafka

import (
	"github.com/brokerlab/brokerlab/impl/kafka/conns"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// consumerFetch is a consumer's fetch that waits for records, or for the disk.
type consumerFetch struct {
	c           *conns.Conn
	correlation uint32
	m           proto.FetchRequest
	deadline    machine.Mono
	done        bool
	disk        int // reads under way
	reply       proto.FetchReply
}

// maxFetches bounds the fetches that wait on one partition.
const maxFetches = 10_000

// fetch answers a consumer, at once or when there is enough below the high watermark, or its time is over.
func (b *Broker) fetch(c *conns.Conn, correlation uint32, m *proto.FetchRequest) {
	f := &consumerFetch{c: c, correlation: correlation, m: *m, deadline: b.env.Mono + machine.Mono(max(m.MaxWait, 0))}
	b.tryFetch(f, false)
	if f.done || f.disk > 0 {
		return
	}
	for i := range m.Parts {
		if p := b.partition(m.Parts[i].ID); p != nil && len(p.fetches) < maxFetches {
			p.fetches = append(p.fetches, f)
		}
	}
}

// tryFetch answers f if it can be, or must be.
func (b *Broker) tryFetch(f *consumerFetch, expired bool) {
	if f.done || f.disk > 0 {
		return
	}
	f.reply.Parts = f.reply.Parts[:0]
	bytes, failed := int64(0), false
	for i := range f.m.Parts {
		r := b.readFor(f, &f.m.Parts[i], f.m.MaxBytes-bytes)
		bytes += int64(len(r.Batches))
		failed = failed || r.Code != proto.OK
		f.reply.Parts = append(f.reply.Parts, r)
	}
	if f.disk > 0 {
		return
	}
	if bytes >= max(f.m.MinBytes, 1) || failed || expired || b.env.Mono >= f.deadline {
		f.done = true
		b.reply(f.c, f.correlation, &f.reply)
	}
}

// readFor reads what a consumer may see of a partition: below the high watermark.
func (b *Broker) readFor(f *consumerFetch, part *proto.FetchPart, room int64) proto.FetchResult {
	b.fx.Charge(machine.WorkRoute, 1, 0, 0)
	p := b.partition(part.ID)
	r := proto.FetchResult{ID: part.ID}
	switch {
	case p == nil || !p.leading:
		r.Code = proto.NotLeader
		return r
	case part.Epoch >= 0 && part.Epoch < p.epoch:
		r.Code = proto.FencedLeaderEpoch
		return r
	case part.Epoch > p.epoch:
		r.Code = proto.UnknownLeaderEpoch
		return r
	case part.Offset < 0 || part.Offset > p.log.End():
		r.Code, r.HW = proto.OffsetOutOfRange, p.hw
		return r
	}
	r.HW = p.hw
	if room <= 0 {
		return r
	}
	data, token := p.log.Read(b.fx, part.Offset, p.hw, int(min(room, 1<<20)))
	if token != 0 {
		f.disk++
		b.owners[token] = p
		at := len(f.reply.Parts)
		b.reads[token] = func(data []byte) {
			f.disk--
			if f.done {
				return
			}
			if data == nil {
				f.reply.Parts[at].Code = proto.UnknownPartition
			}
			f.reply.Parts[at].Batches = append([]byte(nil), data...)
			if f.disk == 0 {
				f.done = true
				b.reply(f.c, f.correlation, &f.reply)
			}
		}
	}
	r.Batches = data
	return r
}

// expireFetches answers consumers whose wait is over.
func (b *Broker) expireFetches() {
	for _, p := range b.held {
		if len(p.fetches) == 0 {
			continue
		}
		keep := p.fetches[:0]
		for _, f := range p.fetches {
			if b.env.Mono >= f.deadline {
				b.tryFetch(f, true)
			}
			if !f.done && !f.c.Closed() {
				keep = append(keep, f)
			}
		}
		clear(p.fetches[len(keep):])
		p.fetches = keep
	}
}
