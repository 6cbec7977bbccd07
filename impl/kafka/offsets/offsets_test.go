package offsets

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
)

func TestATableIsTheLastCommitOfEachKeyHoweverOftenItIsBuilt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[Key]int64{}
		var log [][]byte
		for range rapid.IntRange(0, 30).Draw(t, "commits") {
			k := Key{rapid.SampledFrom([]string{"a", "b", "groups have long names"}).Draw(t, "group"), rapid.Uint32Range(1, 3).Draw(t, "partition")}
			want[k] = rapid.Int64Min(0).Draw(t, "offset")
			log = append(log, Batch(k, want[k]))
		}
		for range 2 {
			got, heard := Table{}, 0
			for _, b := range log {
				got.Apply(b, func(k Key, offset int64) {
					heard++
					require.Equal(t, offset, got.Of(k))
				})
			}
			require.Equal(t, Table(want), got)
			require.Equal(t, len(log), heard)
		}
		require.Equal(t, int64(-1), Table(want).Of(Key{"nobody", 1}))
	})
}

func TestWhatIsNoCommitIsPassedOver(t *testing.T) {
	got := Table{}
	never := func(Key, int64) { t.Fatal("that was none") }
	got.Apply([]byte("no batch"), never)
	for _, r := range [][]byte{nil, []byte("x"), proto.AppendRecord(nil, []byte("abc"), []byte{2}), proto.AppendRecord(nil, []byte("abcdgroup"), nil)} {
		got.Apply(proto.AppendBatch(nil, &proto.Batch{PID: proto.NoProducer, Records: [][]byte{r}}), never)
	}
	require.Empty(t, got)
}

func TestACommitHasToNameAGroupAPartitionAndAnOffset(t *testing.T) {
	good := proto.OffsetCommitRequest{Group: "g", ID: 1}
	require.Equal(t, proto.OK, Check(&good))
	for want, c := range map[*proto.OffsetCommitRequest]proto.Code{
		{ID: 1}: proto.InvalidGroup,
		{Group: string(make([]byte, MaxGroup+1)), ID: 1}: proto.InvalidGroup,
		{Group: "g"}:                       proto.InvalidRequest,
		{Group: "g", ID: 1, Offset: -1}:    proto.InvalidRequest,
		{Group: "g", ID: 1, Generation: 1}: proto.IllegalGeneration,
	} {
		require.Equal(t, c, Check(want))
	}
	require.Equal(t, proto.OK, Check(&proto.OffsetCommitRequest{Group: string(make([]byte, MaxGroup)), ID: 1}))
	for code, want := range map[proto.Code]proto.Code{
		proto.NotLeader: proto.NotCoordinator, proto.NotEnoughReplicas: proto.CoordinatorNotThere, proto.NotEnoughAfterAppend: proto.CoordinatorNotThere,
		proto.TimedOut: proto.CoordinatorNotThere, proto.UnknownPartition: proto.CoordinatorNotThere, proto.OK: proto.OK, proto.InvalidGroup: proto.InvalidGroup,
	} {
		require.Equal(t, want, Refusal(code))
	}
}
