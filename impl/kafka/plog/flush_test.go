package plog

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/memdisk"
	"github.com/brokerlab/brokerlab/model/machine"
)

var roomy = Config{Dir: "partitions/1", SegmentBytes: 1 << 20, CacheBytes: 1 << 20}

// A synced file whose name a power failure takes is lost with its bytes.
func TestTheFirstSyncOfASegmentMakesItsNameDurableAndThoseAboveIt(t *testing.T) {
	cfg := small
	cfg.FlushMessages = 1
	l, _ := open(t, cfg, memdisk.Files{})
	dirs := func(fx *machine.Effects) (out []string) {
		for _, op := range fx.Disk {
			if op.Kind == machine.SyncDir {
				out = append(out, op.File)
			}
		}
		return out
	}
	var fx machine.Effects
	l.Append(&fx, record(0, 0, strings.Repeat("x", 100)))
	require.Equal(t, []string{"partitions/1", "partitions", ""}, dirs(&fx))
	ops := slices.Clone(fx.Disk)
	for _, op := range ops {
		if op.Kind != machine.SyncDir {
			_, _, err := l.Done(&machine.Input{Token: op.Token})
			require.NoError(t, err)
		}
	}
	require.Zero(t, l.End(), "its name may still go")
	for _, op := range ops {
		if op.Kind == machine.SyncDir {
			_, _, err := l.Done(&machine.Input{Token: op.Token})
			require.NoError(t, err)
		}
	}
	require.Equal(t, int64(1), l.End())
	fx.Reset()
	l.Append(&fx, record(1, 0, strings.Repeat("x", 100)))
	require.Empty(t, dirs(&fx), "once a segment")
	fx.Reset()
	l.Append(&fx, record(2, 0, strings.Repeat("x", 100)))
	require.Equal(t, []string{"partitions/1"}, dirs(&fx), "the next segment's")
}

// What a leader's answer brought is one append of its follower's, and has one flush.
func TestBatchesAppendedTogetherAreFlushedTogether(t *testing.T) {
	cfg := roomy
	cfg.FlushMessages = 1
	f := memdisk.Files{}
	l, _ := open(t, cfg, f)
	var fx machine.Effects
	l.Append(&fx, record(0, 0, "a"))
	do(t, f, l, &fx)
	l.Append(&fx, record(1, 0, "b"), record(2, 0, "c", "d"), record(4, 0, "e"))
	syncs := 0
	for _, op := range fx.Disk {
		syncs += map[bool]int{true: 1}[op.AndSync || op.Kind == machine.Sync]
	}
	require.Equal(t, 1, syncs)
	require.Equal(t, []int64{1, 5}, []int64{l.End(), l.Appended()}, "none counts before that")
	do(t, f, l, &fx)
	require.Equal(t, []int64{5, 5}, []int64{l.End(), l.Synced()})
}

// The first of two segments is synced too before anything of an append that lies in both counts.
func TestAnAppendAcrossSegmentsCountsWhenBothAreSynced(t *testing.T) {
	cfg := small
	cfg.FlushMessages = 1
	l, _ := open(t, cfg, memdisk.Files{})
	var fx machine.Effects
	l.Append(&fx, record(0, 0, strings.Repeat("x", 100)), record(1, 0, strings.Repeat("x", 100)), record(2, 0, strings.Repeat("x", 100)))
	files := map[string]bool{}
	var ends []machine.Token
	for _, op := range fx.Disk {
		if op.AndSync || op.Kind == machine.Sync {
			files[op.File] = true
		}
		if op.Token != 0 {
			ends = append(ends, op.Token)
		}
	}
	require.Greater(t, len(files), 1)
	for i := len(ends) - 1; i >= 0; i-- { // the newest first
		require.Zero(t, l.End())
		_, _, err := l.Done(&machine.Input{Token: ends[i]})
		require.NoError(t, err)
	}
	require.Equal(t, int64(3), l.End())
}

func TestAnEpochEndsWhereWhatCountsEnds(t *testing.T) {
	cfg := roomy
	cfg.FlushMessages = 1
	f := memdisk.Files{}
	l, _ := open(t, cfg, f)
	var fx machine.Effects
	l.Append(&fx, record(0, 3, "a"))
	_, end, ok := l.EndOf(3)
	require.True(t, ok)
	require.Zero(t, end, "it is not synced")
	do(t, f, l, &fx)
	_, end, _ = l.EndOf(3)
	require.Equal(t, int64(1), end)
	l.Begin(2)
	require.Equal(t, int32(3), l.LastEpoch(), "epochs do not go back")
}

func TestASyncSaysNothingOfWhatCameAfterATruncation(t *testing.T) {
	f := memdisk.Files{}
	l, _ := open(t, roomy, f)
	var fx machine.Effects
	l.Append(&fx, record(0, 0, "a", "b"))
	l.Flush(&fx)
	do(t, f, l, &fx)
	require.Equal(t, int64(2), l.Synced())
	l.Append(&fx, record(2, 0, "c", "d"))
	l.Flush(&fx)
	under := fx.Disk[len(fx.Disk)-1]
	require.Equal(t, machine.Sync, under.Kind)
	require.Equal(t, int64(0), l.Truncate(&fx, 0))
	require.Zero(t, l.Synced())
	l.Append(&fx, record(0, 1, "x", "y", "z"))
	_, _, err := l.Done(&machine.Input{Token: under.Token})
	require.NoError(t, err)
	require.Zero(t, l.Synced(), "x may have been written behind it")
}

func TestFlushSyncsOnceWhatIsNew(t *testing.T) {
	l, _ := open(t, roomy, memdisk.Files{})
	var fx machine.Effects
	syncs := func() (n int) {
		for _, op := range fx.Disk {
			if op.Kind == machine.Sync {
				n++
			}
		}
		fx.Reset()
		return n
	}
	l.Flush(&fx)
	require.Zero(t, syncs())
	l.Append(&fx, record(0, 0, "a"))
	require.Zero(t, syncs())
	l.Flush(&fx)
	require.Equal(t, int64(1), l.End(), "nobody waits for it")
	require.Equal(t, 1, syncs())
	l.Flush(&fx)
	require.Zero(t, syncs())
}

func TestASegmentIsFilledToTheByteAndSoIsARead(t *testing.T) {
	n := int64(len(record(0, 0, "a")))
	cfg := roomy
	cfg.SegmentBytes = 2 * n
	f := memdisk.Files{}
	l, _ := open(t, cfg, f)
	var fx machine.Effects
	for i := range int64(3) {
		l.Append(&fx, record(i, 0, "a"))
	}
	do(t, f, l, &fx)
	names, _ := f.List(cfg.Dir)
	require.Equal(t, []string{"partitions/1/00000000000000000000.log", "partitions/1/00000000000000000002.log"}, names)
	for limit, want := range map[int64]int64{1: 1, 2*n - 1: 1, 2 * n: 2, 3*n - 1: 2, 3 * n: 3} {
		data, _ := l.Read(&fx, 0, 3, int(limit))
		require.Len(t, data, int(want*n))
	}
	data, _ := l.Read(&fx, 0, 2, 1000)
	require.Len(t, data, int(2*n), "below the limit")
	data, _ = l.Read(&fx, 2, 2, 1000)
	require.Empty(t, data)
}

func TestABatchOfAnOlderEpochBehindANewerOneIsNotThisLogs(t *testing.T) {
	f := memdisk.Files{"partitions/1/00000000000000000000.log": append(record(0, 5, "a"), record(1, 3, "b")...)}
	l, torn := open(t, roomy, f)
	require.Equal(t, int64(1), l.End())
	require.Positive(t, torn)
	f = memdisk.Files{
		"partitions/1/00000000000000000000.log": record(0, 5, "a"),
		"partitions/1/00000000000000000002.log": record(2, 5, "b"),
		"partitions/1/00000000000000000001.log": append(record(1, 5, "c")[:20], 0),
	}
	l, _ = open(t, roomy, f)
	require.Equal(t, int64(1), l.End())
	names, _ := f.List("partitions/1")
	require.NotContains(t, names, "partitions/1/00000000000000000002.log")
}

func TestWhatIsCutIsNotInMemoryEither(t *testing.T) {
	f := memdisk.Files{}
	l, _ := open(t, roomy, f)
	var fx machine.Effects
	l.Append(&fx, record(0, 0, "a"))
	one := l.Cached()
	l.Append(&fx, record(1, 0, "b"))
	require.Equal(t, 2*one, l.Cached())
	l.Truncate(&fx, 1)
	require.Equal(t, one, l.Cached())
}
