package plog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/impl/memdisk"
	"github.com/brokerlab/brokerlab/model/machine"
)

// do carries out the effects on the files, and hands their ends to the log.
func do(t require.TestingT, f memdisk.Files, l *Log, fx *machine.Effects) (read []byte) {
	ops := slices.Clone(fx.Disk)
	fx.Reset()
	for i := range ops {
		in := &machine.Input{Kind: machine.DiskDone, Token: ops[i].Token, Bytes: f.Do(&ops[i])}
		if ops[i].Token != 0 && l != nil {
			mine, data, err := l.Done(in)
			require.True(t, mine)
			require.NoError(t, err)
			read = append(read, data...)
		}
	}
	return read
}

func tokens() func() machine.Token {
	var n machine.Token
	return func() machine.Token { n++; return n }
}

func record(base int64, epoch int32, values ...string) []byte {
	b := proto.Batch{PID: proto.NoProducer}
	for _, v := range values {
		b.Records = append(b.Records, proto.AppendRecord(nil, []byte("k"), []byte(v)))
	}
	p := proto.AppendBatch(nil, &b)
	proto.Stamp(p, base, epoch)
	return p
}

var small = Config{Dir: "partitions/1", SegmentBytes: 300, CacheBytes: 200}

func open(t require.TestingT, cfg Config, f memdisk.Files) (*Log, int64) {
	var fx machine.Effects
	l, torn, err := Open(cfg, f, &fx, tokens(), nil)
	require.NoError(t, err)
	do(t, f, nil, &fx)
	return l, torn
}

// values reads the whole log.
func values(t require.TestingT, l *Log, f memdisk.Files) (out []string) {
	var fx machine.Effects
	for offset := int64(0); offset < l.End(); {
		data, token := l.Read(&fx, offset, l.End(), 1000)
		if token != 0 {
			data = do(t, f, l, &fx)
		}
		require.NotEmpty(t, data)
		proto.EachBatch(data, func(h proto.Head, batch []byte) bool {
			b, _, err := proto.ParseBatch(batch)
			require.NoError(t, err)
			for i, r := range b.Records {
				if h.Base+int64(i) >= offset {
					_, v := proto.SplitRecord(r)
					out = append(out, string(v))
				}
			}
			offset = h.Next()
			return true
		})
	}
	return out
}

// The log against a list: appends, truncations, restarts after which a prefix of the newest segment is left, and epochs.
func TestALogIsAListThatComesBackAsAPrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := memdisk.Files{}
		l, _ := open(t, small, f)
		var want []string
		starts := []int{} // of batches
		epochs := []int32{}
		epoch := int32(0)
		var fx machine.Effects
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				epoch++
			case 1:
				at := rapid.IntRange(0, len(want)).Draw(t, "cut")
				end := l.Truncate(&fx, int64(at))
				do(t, f, l, &fx)
				for len(starts) > 0 && starts[len(starts)-1] >= int(end) {
					starts, epochs = starts[:len(starts)-1], epochs[:len(epochs)-1]
				}
				require.LessOrEqual(t, int(end), max(at, 0))
				want = want[:end]
			case 2:
				names, _ := f.List(small.Dir)
				if n := len(names); n > 0 {
					last := f[names[n-1]]
					f[names[n-1]] = last[:rapid.IntRange(0, len(last)).Draw(t, "torn")]
				}
				l, _ = open(t, small, f)
				require.LessOrEqual(t, int(l.End()), len(want))
				want = want[:l.End()]
				for len(starts) > 0 && starts[len(starts)-1] >= len(want) {
					starts, epochs = starts[:len(starts)-1], epochs[:len(epochs)-1]
				}
			default:
				var more []string
				for i := range rapid.IntRange(1, 3).Draw(t, "records") {
					more = append(more, fmt.Sprintf("%d-%d", len(want)+i, rapid.IntRange(0, 1000).Draw(t, "v")))
				}
				starts, epochs = append(starts, len(want)), append(epochs, epoch)
				l.Append(&fx, record(int64(len(want)), epoch, more...))
				want = append(want, more...)
				do(t, f, l, &fx)
			}
			require.Equal(t, strings.Join(want, " "), strings.Join(values(t, l, f), " "))
			require.Equal(t, int64(len(want)), l.End())
			checkEpochs(t, l, starts, epochs, len(want))
			if len(epochs) > 0 {
				epoch = max(epoch, epochs[len(epochs)-1])
			}
		}
	})
}

// checkEpochs compares EndOf with a search through all batches.
func checkEpochs(t require.TestingT, l *Log, starts []int, epochs []int32, end int) {
	for e := int32(-1); e <= 8; e++ {
		known, at, ok := e, int64(0), len(starts) > 0
		for i := range starts {
			if epochs[i] <= e {
				known, at = epochs[i], int64(end)
			} else {
				at = int64(starts[i])
				break
			}
		}
		k, a, o := l.EndOf(e)
		require.Equal(t, ok, o)
		if ok {
			require.Equal(t, known, k)
			require.Equal(t, at, a)
		}
	}
}

func TestAnAppendThatFlushesDoesNotCountBeforeItsSync(t *testing.T) {
	cfg := small
	cfg.FlushMessages = 1
	f := memdisk.Files{}
	l, _ := open(t, cfg, f)
	var fx machine.Effects
	l.Append(&fx, record(0, 0, "a"))
	l.Append(&fx, record(1, 0, "b"))
	require.Equal(t, int64(0), l.End())
	require.Equal(t, int64(2), l.Appended())
	require.Zero(t, l.Synced())
	do(t, f, l, &fx)
	require.Equal(t, int64(2), l.End())
	require.Equal(t, int64(2), l.Synced())
}

func TestWithoutFlushingNothingIsSyncedButASealedSegment(t *testing.T) {
	f := memdisk.Files{}
	l, _ := open(t, small, f)
	var fx machine.Effects
	for i := range 3 {
		l.Append(&fx, record(int64(i), 0, strings.Repeat("x", 100)))
	}
	syncs := slices.DeleteFunc(slices.Clone(fx.Disk), func(op machine.DiskOp) bool { return op.Kind != machine.Sync && !op.AndSync })
	require.Len(t, syncs, 1, "the first segment is full")
	require.Equal(t, int64(3), l.End(), "and nobody waits for it")
	do(t, f, l, &fx)
	require.Equal(t, int64(2), l.Synced())
}

func TestWhatLiesBehindAHoleIsGone(t *testing.T) {
	f := memdisk.Files{}
	l, _ := open(t, small, f)
	var fx machine.Effects
	for i := range 6 {
		l.Append(&fx, record(int64(i), 0, strings.Repeat("x", 100)))
	}
	do(t, f, l, &fx)
	names, _ := f.List(small.Dir)
	require.Len(t, names, 3)
	f[names[1]][30] ^= 1
	l, torn := open(t, small, f)
	require.Equal(t, int64(2), l.End())
	require.Positive(t, torn)
	names, _ = f.List(small.Dir)
	require.LessOrEqual(t, len(names), 2)
}

// A leader that is deposed before it appended anything has begun an epoch that nobody else knows. A cut that takes no record
// has to take that, or the leader finds the same divergence for ever.
func TestACutAtTheEndTakesAnEpochWithoutRecords(t *testing.T) {
	f := memdisk.Files{}
	l, _ := open(t, Config{Dir: "p", SegmentBytes: 1 << 20, CacheBytes: 1 << 20}, f)
	var fx machine.Effects
	l.Append(&fx, record(0, 3, "a", "b"))
	l.Begin(7)
	require.Equal(t, int32(7), l.LastEpoch())
	require.Equal(t, int64(2), l.Truncate(&fx, 2))
	require.Equal(t, int32(3), l.LastEpoch())
	known, end, ok := l.EndOf(7)
	require.True(t, ok)
	require.Equal(t, int32(3), known)
	require.Equal(t, int64(2), end)
}
