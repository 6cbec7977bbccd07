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
