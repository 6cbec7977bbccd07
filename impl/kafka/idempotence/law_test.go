package idempotence

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
)

// told is a batch as the law below keeps it: by the numbers of its records, which do not wrap.
type told struct{ first, count, base int64 }

// The law: of one epoch a batch that is one of the last five is a duplicate, the one behind the newest goes on, and nothing else is taken.
// Sequence numbers wrap at 2^31, and whoever reads the log anew judges alike.
func TestTheLastFiveBatchesAreKnownAgainAndOnlyTheNextGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const wrap = 1 << 31
		p := Producers{}
		begin := rapid.SampledFrom([]int64{0, 40, wrap - 3}).Draw(t, "begin")
		var log []told
		var heads []*proto.Head
		next, base := begin, int64(0)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			b := told{first: next, count: rapid.Int64Range(1, 3).Draw(t, "count")}
			if len(log) > 0 {
				switch rapid.IntRange(0, 3).Draw(t, "what") {
				case 0: // again
					b = rapid.SampledFrom(log).Draw(t, "which")
				case 1: // anything near
					b.first += rapid.Int64Range(-6, 2).Draw(t, "off")
				}
			}
			if b.first < 0 {
				continue
			}
			h := &proto.Head{PID: 7, Seq: int32(b.first % wrap), Count: int32(b.count)}
			wantOld, wantCode := int64(-1), proto.OutOfOrderSequence
			if len(log) == 0 || b.first == next {
				wantCode = proto.OK
			}
			for _, known := range log[max(len(log)-5, 0):] {
				if known.first == b.first && known.count == b.count {
					wantOld, wantCode = known.base, proto.OK
				}
			}
			anew := Producers{}
			for _, h := range heads {
				anew.Note(h)
			}
			for _, who := range []Producers{p, anew} {
				old, code := who.Check(h)
				require.Equal(t, wantCode, code, "%+v after %+v", b, log)
				require.Equal(t, wantOld, old)
			}
			if wantCode == proto.OK && wantOld < 0 {
				h.Base = base
				b.base = base
				p.Note(h)
				log, heads = append(log, b), append(heads, h)
				next, base = b.first+b.count, base+b.count
			}
		}
	})
}

func TestAnEpochBeginsAtZeroAndEndsTheOneBefore(t *testing.T) {
	p := Producers{}
	p.Note(&proto.Head{PID: 7, PEpoch: 1, Seq: 40, Count: 1, Base: 3})
	for _, c := range []struct {
		h    proto.Head
		old  int64
		code proto.Code
	}{
		{proto.Head{PID: 7, PEpoch: 0, Seq: 41, Count: 1}, -1, proto.InvalidProducerEpoch},
		{proto.Head{PID: 7, PEpoch: 0, Seq: 40, Count: 1}, -1, proto.InvalidProducerEpoch},
		{proto.Head{PID: 7, PEpoch: 2, Seq: 41, Count: 1}, -1, proto.OutOfOrderSequence},
		{proto.Head{PID: 7, PEpoch: 2, Seq: 0, Count: 1}, -1, proto.OK},
		{proto.Head{PID: 7, PEpoch: 1, Seq: 40, Count: 1}, 3, proto.OK},
		{proto.Head{PID: 8, Seq: 900, Count: 1}, -1, proto.OK},
	} {
		old, code := p.Check(&c.h)
		require.Equal(t, c.code, code, "%+v", c.h)
		require.Equal(t, c.old, old)
	}
	p.Note(&proto.Head{PID: 7, PEpoch: 2, Seq: 0, Count: 1, Base: 4})
	_, code := p.Check(&proto.Head{PID: 7, PEpoch: 2, Seq: 40, Count: 1})
	require.Equal(t, proto.OutOfOrderSequence, code, "of the epoch before nothing is remembered")
	p.Note(&proto.Head{PID: proto.NoProducer, Seq: -1, Count: 1})
	require.Len(t, p, 1, "who is not idempotent is not remembered")
}
