package proto

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func samples() []Message {
	return []Message{
		&MetadataReply{Topics: []Topic{{Name: "T", Partitions: []Partition{{ID: 1, Leader: 2, Epoch: 3, Replicas: []uint32{1, 2}, ISR: []uint32{2}}}}}},
		&CreateTopicRequest{Name: "T", Partitions: 3, Replicas: 3, MinISR: 2, FlushMessages: 1},
		&CodeReply{Code: NotEnoughReplicas},
		&InitProducerReply{Code: OK, PID: 77},
		&ProduceRequest{Acks: -1, Timeout: 5, Parts: []ProducePart{{ID: 1, Batch: []byte("b")}}},
		&ProduceReply{Parts: []ProduceResult{{ID: 1, Code: OK, Base: 9}}},
		&FetchRequest{MaxWait: 1, MinBytes: 2, MaxBytes: 3, BrokerEpoch: 4, Full: true, Parts: []FetchPart{{ID: 1, Epoch: -1, Offset: 5, LastEpoch: 6, Forget: true}}},
		&FetchReply{Parts: []FetchResult{{ID: 1, Code: OK, HW: 2, Start: 0, Diverging: true, DivergingEpoch: 3, DivergingEnd: 4, Batches: []byte("x")}}},
		&ListOffsetRequest{ID: 1, Latest: true},
		&OffsetReply{Code: OK, Offset: -1},
		&RegisterRequest{Node: 1, Incarnation: 2, Clean: 3},
		&RegisterReply{Code: DuplicateRegistration, Epoch: 5},
		&HeartbeatRequest{Node: 1, Epoch: 2, Index: 3},
		&AlterPartitionRequest{Node: 1, BrokerEpoch: 2, ID: 3, LeaderEpoch: 4, PartitionEpoch: 5, ISR: []uint32{1, 2}, Epochs: []uint64{3, 4}, Recovered: true},
		&FindCoordinatorRequest{Group: "g"},
		&FindCoordinatorReply{Code: CoordinatorNotThere, Node: 2},
		&OffsetCommitRequest{Group: "g", Generation: -1, ID: 2, Offset: 3},
		&OffsetFetchRequest{Group: "g", ID: 2},
	}
}

func TestEveryMessageReadsBackAsItWas(t *testing.T) {
	for _, m := range samples() {
		back := reflect.New(reflect.TypeOf(m).Elem()).Interface().(Message)
		require.NoError(t, Decode(m.Append(nil), back, "m"))
		require.Equal(t, m, back)
		require.Error(t, Decode(append(m.Append(nil), 0), back, "m"), "%T: bytes left over", m)
		whole := m.Append(nil)
		for n := range whole {
			require.Error(t, Decode(whole[:n], back, "m"), "%T cut at %d", m, n)
		}
	}
}

func TestABatchReadsBackAndAnyFlippedBitBehindItsSumIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Batch{Base: rapid.Int64().Draw(t, "base"), Epoch: rapid.Int32().Draw(t, "epoch"), PID: rapid.Int64().Draw(t, "pid"), PEpoch: rapid.Int16().Draw(t, "pepoch"), Seq: rapid.Int32().Draw(t, "seq")}
		for range rapid.IntRange(1, 5).Draw(t, "records") {
			b.Records = append(b.Records, AppendRecord(nil, []byte("k"), rapid.SliceOf(rapid.Byte()).Draw(t, "value")))
		}
		p := AppendBatch(nil, &b)
		back, size, err := ParseBatch(p)
		require.NoError(t, err)
		require.Equal(t, len(p), size)
		require.Equal(t, b, back)
		Stamp(p, 42, 7)
		h, ok := ReadHead(p)
		require.True(t, ok, "what a leader decides lies outside the sum")
		require.Equal(t, int64(42+len(b.Records)), h.Next())
		i := rapid.IntRange(16, len(p)-1).Draw(t, "byte")
		p[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, ok = ReadHead(p)
		require.False(t, ok)
	})
}

func TestASplitterCutsFramesHoweverTheyArrive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var wire []byte
		n := rapid.IntRange(0, 6).Draw(t, "frames")
		for i := range n {
			wire = AppendRequest(wire, Heartbeat, uint32(i), &HeartbeatRequest{Node: uint32(i), Epoch: 1 << 60})
		}
		var s Splitter
		var got []uint32
		for len(wire) > 0 {
			k := rapid.IntRange(1, len(wire)).Draw(t, "piece")
			require.NoError(t, s.Feed(wire[:k], func(frame []byte) error {
				api, correlation, body, err := SplitRequest(frame)
				var m HeartbeatRequest
				require.NoError(t, err)
				require.Equal(t, Heartbeat, api)
				require.NoError(t, Decode(body, &m, "heartbeat"))
				got = append(got, correlation)
				return nil
			}))
			wire = wire[k:]
		}
		require.Len(t, got, n)
	})
	require.Error(t, (&Splitter{}).Feed([]byte{0xff, 0xff, 0xff, 0xff}, nil), "a length beyond reason")
}

func FuzzDecode(f *testing.F) {
	for i, m := range samples() {
		f.Add(uint8(i), m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, kind uint8, p []byte) {
		all := samples()
		m := all[int(kind)%len(all)]
		back := reflect.New(reflect.TypeOf(m).Elem()).Interface().(Message)
		if Decode(p, back, "m") == nil {
			again := reflect.New(reflect.TypeOf(m).Elem()).Interface().(Message)
			require.NoError(t, Decode(back.Append(nil), again, "m"))
			require.Equal(t, back, again)
		}
		EachBatch(p, func(Head, []byte) bool { return true })
	})
}
