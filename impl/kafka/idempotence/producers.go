package idempotence

import "github.com/brokerlab/brokerlab/impl/kafka/proto"

// Producers is what a partition remembers of idempotent producers (ProducerStateManager), rebuilt from the log by whoever
// leads next.
type Producers map[int64]*producer

type producer struct {
	epoch  int16
	recent []sent // the newest last, five at most
}

type sent struct {
	first, last int32
	base        int64
}

const remembered = 5

// Check judges a batch of an idempotent producer: old is the offset of the batch that it repeats, or -1 (ProducerAppendInfo).
func (s Producers) Check(h *proto.Head) (old int64, code proto.Code) {
	p := s[h.PID]
	if p == nil {
		return -1, proto.OK // unknown, or forgotten: any sequence begins
	}
	switch {
	case h.PEpoch < p.epoch:
		return -1, proto.InvalidProducerEpoch
	case h.PEpoch > p.epoch:
		if h.Seq != 0 {
			return -1, proto.OutOfOrderSequence
		}
		return -1, proto.OK
	}
	last := proto.SeqAfter(h.Seq, h.Count-1)
	for _, b := range p.recent {
		if b.first == h.Seq && b.last == last {
			return b.base, proto.OK
		}
	}
	if n := len(p.recent); n > 0 && h.Seq != proto.SeqAfter(p.recent[n-1].last, 1) {
		return -1, proto.OutOfOrderSequence
	}
	return -1, proto.OK
}

// Note remembers a batch that is in the log.
func (s Producers) Note(h *proto.Head) {
	if h.PID == proto.NoProducer {
		return
	}
	p := s[h.PID]
	if p == nil || p.epoch != h.PEpoch {
		p = &producer{epoch: h.PEpoch}
		s[h.PID] = p
	}
	p.recent = append(p.recent, sent{h.Seq, proto.SeqAfter(h.Seq, h.Count-1), h.Base})
	if len(p.recent) > remembered {
		p.recent = p.recent[1:]
	}
}
