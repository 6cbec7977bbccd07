package disk

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

func TestAPowerFailureLeavesALegalImage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Writeback: -1, ZeroFill: rapid.Bool().Draw(t, "zerofill")}
		d, o, now := New(cfg, choice.Seed(rapid.Uint64().Draw(t, "seed")), 1), newOracle(cfg.ZeroFill), int64(0)
		lost := false
		for range rapid.IntRange(1, 25).Draw(t, "ops") {
			op := anyOp(t)
			if len(o.ops) > 8 {
				op = machine.DiskOp{Kind: machine.SyncDir}
			}
			failing := op.Kind == machine.Sync && rapid.IntRange(0, 4).Draw(t, "fail") == 0
			if failing {
				d.FailNextSync(SyncKeep)
			}
			_, _, err := run(d, &now, op)
			failed := failing && err == machine.ErrSyncFailed
			o.do(op, failed)
			lost = lost || failed
			d.failSync = false
		}
		exactly(t, o.names, image(t, d), func(f *oracleFile) []byte { return f.cache })
		keep := Keep(rapid.IntRange(int(KeepNone), int(KeepAny)).Draw(t, "keep"))
		d.PowerFail(now, keep, rapid.Bool().Draw(t, "tear"), 1)
		got := image(t, d)
		require.True(t, o.accepts(got), "%v leaves an illegal image", keep)
		if keep == KeepNone && (cfg.ZeroFill || !lost) {
			exactly(t, o.durable, got, (*oracleFile).onMedium)
		}
		checkBooks(t, d)
		changes, _ := d.Unsynced()
		require.Zero(t, changes, "after a power failure everything is durable")
		again := image(t, d)
		d.PowerFail(now, KeepAny, true, 2)
		require.Equal(t, again, image(t, d), "a second power failure has nothing to take")
	})
}

func TestAllThatIsKeptIsTheCache(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, now := New(Config{Writeback: -1}, 3, 1), int64(0)
		for range rapid.IntRange(1, 25).Draw(t, "ops") {
			run(d, &now, anyOp(t))
		}
		want := image(t, d)
		d.PowerFail(now, KeepAll, true, 1)
		require.Equal(t, want, image(t, d))
	})
}

// checkBooks recounts what the disk counts.
func checkBooks(t require.TestingT, d *Disk) {
	var used int64
	for _, n := range d.names {
		require.True(t, n.inode != nil || n.durable != nil || n.changes > 0 || n.flying > 0, "%s is forgotten when it means nothing", n.path)
		require.False(t, n.needed)
		if n.inode != nil {
			used += blocks(int64(len(n.inode.cache)))
			if len(n.inode.pending) == 0 {
				require.EqualValues(t, len(n.inode.cache), n.inode.durable)
			}
		}
	}
	require.Equal(t, used, d.Used())
}

func TestTheBooksBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, now := New(Config{Capacity: 16 << 10}, choice.Seed(rapid.Uint64().Draw(t, "seed")), 1), int64(0)
		for i := range rapid.IntRange(1, 40).Draw(t, "ops") {
			switch rapid.IntRange(-3, 12).Draw(t, "event") {
			case -1:
				d.Crash(now)
				d.Wipe()
			case -2:
				d.Crash(now)
				d.Lose("", rapid.Bool().Draw(t, "last"), uint64(i))
			case -3:
				d.Rot("", rapid.Bool().Draw(t, "last"), uint64(i))
			case 0:
				d.Crash(now)
			case 1:
				d.PowerFail(now, KeepAny, true, uint64(i))
			case 2:
				d.FailNextSync(SyncFailure(rapid.IntRange(0, 3).Draw(t, "variant")))
			case 3:
				d.FailNextWrite()
			case 4:
				d.SetFull(rapid.Bool().Draw(t, "full"))
			case 5:
				now += 40_000_000_000
			default:
				d.Issue(now, anyOp(t))
				if rapid.Bool().Draw(t, "finish") {
					finish(d, &now)
				}
			}
			checkBooks(t, d)
			require.LessOrEqual(t, d.Used(), int64(16<<10+block))
		}
	})
}

// finish completes everything in flight in order of time.
func finish(d *Disk, now *int64) {
	for {
		best, when := OpID(0), int64(0)
		for i := d.gone; i < len(d.flying); i++ {
			if f := &d.flying[i]; f.live && (best == 0 || f.due < when) {
				best, when = OpID(d.first+uint64(i-d.gone)), f.due
			}
		}
		if best == 0 {
			return
		}
		*now = max(*now, when)
		d.Complete(best)
	}
}

func TestRandomPowerFailuresReachEveryLegalImageAndNoOther(t *testing.T) {
	write := func(off int64, c byte, n int) machine.DiskOp {
		return machine.DiskOp{Kind: machine.WriteAt, File: "a", Off: off, Data: bytes.Repeat([]byte{c}, n)}
	}
	sync := machine.DiskOp{Kind: machine.Sync, File: "a"}
	syncDir := machine.DiskOp{Kind: machine.SyncDir}
	for name, ops := range map[string][]machine.DiskOp{
		"two sectors overwritten": {write(0, 'x', 1024), sync, syncDir, write(0, 'y', 1024), write(512, 'z', 10)},
		"a file grown":            {write(0, 'x', 100), sync, syncDir, write(100, 'y', 500), write(600, 'z', 500)},
		"cut and grown again":     {write(0, 'x', 1024), sync, syncDir, {Kind: machine.Truncate, File: "a", Off: 100}, write(100, 'y', 600)},
		"replaced by renaming":    {write(0, 'x', 10), sync, syncDir, {Kind: machine.Append, File: "t", Data: []byte("new")}, {Kind: machine.Rename, File: "t", To: "a"}},
		"removed and made anew":   {write(0, 'x', 10), sync, syncDir, {Kind: machine.Remove, File: "a"}, write(0, 'y', 20)},
	} {
		t.Run(name, func(t *testing.T) {
			o, reached := newOracle(true), map[string]bool{}
			for _, op := range ops {
				o.do(op, false)
			}
			for seed := range choice.Seed(3000) {
				d, now := New(Config{Writeback: -1, ZeroFill: true}, seed, 1), int64(0)
				for _, op := range ops {
					run(d, &now, op)
				}
				d.PowerFail(now, KeepSubset, true, 1)
				reached[key(image(t, d))] = true
			}
			require.Equal(t, o.every(), reached)
		})
	}
}

func TestAfterAProcessCrashEachFileHasAPrefixOfWhatWasInFlight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, now := New(Config{Writeback: -1}, choice.Seed(rapid.Uint64().Draw(t, "seed")), 1), int64(0)
		issued, done := map[string]string{}, map[string]int{}
		for i := range rapid.IntRange(1, 20).Draw(t, "ops") {
			op := machine.DiskOp{
				Kind: machine.Append, File: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "file"),
				Data: []byte(fmt.Sprintf("<%d>", i)), AndSync: rapid.Bool().Draw(t, "sync"),
			}
			if rapid.IntRange(0, 3).Draw(t, "synconly") == 0 {
				op.Kind, op.Data = machine.Sync, nil
			}
			id, due := d.Issue(now, op)
			issued[op.File] += string(op.Data)
			if rapid.IntRange(0, 2).Draw(t, "complete") == 0 {
				finish(d, &now)
				for path, all := range issued {
					done[path] = len(all)
				}
			}
			if _, flying := d.Due(id); flying {
				require.Greater(t, due, now)
			}
		}
		d.Crash(now)
		for path, content := range image(t, d) {
			require.True(t, len(content) >= done[path], "what completed is there")
			require.Equal(t, issued[path][:len(content)], string(content), "in order, without a gap")
		}
		for path, n := range done {
			require.True(t, n == 0 || d.names[path] != nil)
		}
		checkBooks(t, d)
		for _, n := range d.names {
			require.Zero(t, n.flying)
		}
	})
}

func TestTheSameSeedLeavesTheSameImage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := choice.Seed(rapid.Uint64().Draw(t, "seed"))
		ops := rapid.SliceOfN(rapid.Custom(anyOp), 1, 20).Draw(t, "ops")
		keep := Keep(rapid.IntRange(int(KeepNone), int(KeepAny)).Draw(t, "keep"))
		var images [2]string
		for i := range images {
			d, now := New(Config{Writeback: -1}, seed, 7), int64(0)
			for j, op := range ops {
				if d.Issue(now, op); j%5 < 3 {
					finish(d, &now)
				}
			}
			d.PowerFail(now, keep, true, 1)
			images[i] = key(image(t, d))
		}
		require.Equal(t, images[0], images[1])
	})
}

func TestOperationsOnAFileCompleteInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, now := New(Config{}, choice.Seed(rapid.Uint64().Draw(t, "seed")), 1), int64(0)
		last := map[string]OpID{}
		for range rapid.IntRange(1, 40).Draw(t, "ops") {
			switch rapid.IntRange(0, 9).Draw(t, "event") {
			case 0:
				d.Stall(now + rapid.Int64Range(0, 5_000_000).Draw(t, "stall"))
			case 1:
				d.Heal(now, nil)
			case 2:
				now += rapid.Int64Range(0, 1_000_000).Draw(t, "wait")
			case 3:
				d.SetSlow(rapid.Int64Range(1, 100).Draw(t, "slow"))
			default:
				op := anyOp(t)
				if op.Kind == machine.Rename && op.File == op.To {
					continue
				}
				id, due := d.Issue(now, op)
				require.Greater(t, due, now)
				for _, path := range []string{op.File, op.To} {
					if before, ok := d.Due(last[path]); ok && path != "" {
						require.Greater(t, due, before, "%v after operation %d on %q", op.Kind, last[path], path)
					}
					if op.Kind != machine.SyncDir {
						last[path] = id
					}
				}
			}
			for i := d.gone; i < len(d.flying); i++ {
				for j := d.gone; j < i; j++ {
					a, b := &d.flying[j], &d.flying[i]
					if a.live && b.live && (a.file == b.file || a.to == b.file || b.to != nil && (b.to == a.to || b.to == a.file)) {
						require.Less(t, a.due, b.due)
					}
					if a.live && b.live && a.naming && b.op.Kind == machine.SyncDir {
						require.Less(t, a.due, b.due, "a directory's sync follows its files")
					}
				}
			}
			if rapid.IntRange(0, 5).Draw(t, "finish") == 0 {
				finish(d, &now)
			}
		}
	})
}

func TestASyncPaysForWhatWasWrittenSinceTheLastOne(t *testing.T) {
	flat := choice.NewQuantiles(choice.Point{PPM: 0, Value: 1000}, choice.Point{PPM: 1_000_000, Value: 1000})
	d, now := New(Config{SyncTime: flat, WriteTime: flat, NameTime: flat, SyncPerKiB: 10, WritePerKiB: 1}, 1, 1), int64(0)
	took := func(op machine.DiskOp) int64 {
		before := now
		run(d, &now, op)
		return now - before
	}
	data := make([]byte, 100<<10)
	require.EqualValues(t, 1000+100, took(machine.DiskOp{Kind: machine.Append, File: "a", Data: data}))
	require.EqualValues(t, 1000+1000, took(machine.DiskOp{Kind: machine.Sync, File: "a"}))
	require.EqualValues(t, 1000, took(machine.DiskOp{Kind: machine.Sync, File: "a"}))
	require.EqualValues(t, 1000+100+1000+1000, took(machine.DiskOp{Kind: machine.Append, File: "a", Data: data, AndSync: true}))
	took(machine.DiskOp{Kind: machine.Append, File: "a", Data: data})
	took(machine.DiskOp{Kind: machine.Rename, File: "a", To: "b"})
	require.EqualValues(t, 1000+1000, took(machine.DiskOp{Kind: machine.Sync, File: "b"}), "bytes follow their file")
}

func TestALongRunKeepsNothingThatIsSynced(t *testing.T) {
	d, now := New(Config{}, 1, 1), int64(0)
	for i := range 20_000 {
		seg := fmt.Sprintf("wal/%d", i/1000)
		run(d, &now, machine.DiskOp{Kind: machine.Append, File: seg, Data: make([]byte, 200), AndSync: i%3 == 0})
		if i%1000 == 999 {
			run(d, &now, machine.DiskOp{Kind: machine.Remove, File: seg})
			run(d, &now, machine.DiskOp{Kind: machine.SyncDir, File: "wal"})
		}
	}
	changes, _ := d.Unsynced()
	require.Zero(t, changes)
	require.Zero(t, d.Used())
	require.Empty(t, d.names)
	require.LessOrEqual(t, cap(d.flying), 128)
	require.LessOrEqual(t, len(d.freed), 64<<10)
}
