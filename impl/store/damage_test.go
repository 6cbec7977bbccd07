package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// writtenLog is a log of batches, each one synced before the next, with group 1's
// entries in it, and the ends of its batches.
func writtenLog(t testing.TB, cfg LogConfig, batches int) (*logRun, []position) {
	r := newLogRun(seeded(1), cfg)
	require.NoError(t, r.work(100))
	var ends []position
	for i := range batches {
		last := uint64(2 * i)
		r.log.Append(1, []Entry{
			{Index: last + 1, Term: 1, Data: []byte(fmt.Sprint("entry ", last+1))},
			{Index: last + 2, Term: 1, Data: []byte(fmt.Sprint("entry ", last+2))},
		})
		r.log.SetHardState(1, HardState{Term: 1, Vote: 2, Commit: last}, false)
		r.flush()
		require.NoError(t, r.work(100))
		ends = append(ends, r.log.segs[len(r.log.segs)-1].end())
	}
	return r, ends
}

func reopen(t testing.TB, cfg LogConfig, d *testDisk) (*Log, *Recovered) {
	l, rec, err := OpenLog(cfg, d, &machine.Effects{}, tokenSource())
	require.NoError(t, err)
	return l, rec
}

func lastOf(rec *Recovered) uint64 {
	if len(rec.Groups) == 0 {
		return 0
	}
	return rec.Groups[0].Base + uint64(len(rec.Groups[0].Entries))
}

func TestALogIsRecoveredFromEveryPrefixOfItsBytes(t *testing.T) {
	cfg := LogConfig{Node: 1}
	r, ends := writtenLog(t, cfg, 8)
	name := segmentName("wal", 1)
	whole := r.disk.cache[name].cache
	for n := range len(whole) + 1 {
		d := r.disk.clone()
		d.cache[name].cache = whole[:n:n]
		_, rec := reopen(t, cfg, d)
		want := uint64(0)
		for i, end := range ends {
			if end.offset() <= int64(n) {
				want = uint64(2*i + 2)
			}
		}
		require.Equal(t, want, lastOf(rec), "prefix of %d", n)
		require.Nil(t, rec.Damage, "prefix of %d", n)
	}
}

func TestAFlippedBitIsDamageBelowAProofAndTornAboveAll(t *testing.T) {
	cfg := LogConfig{Node: 1}
	r, ends := writtenLog(t, cfg, 4)
	name := segmentName("wal", 1)
	// The newest batch states that everything up to the one before it was synced.
	proven := ends[len(ends)-2].offset()
	for bit := range 8 * len(r.disk.cache[name].cache) {
		d := r.disk.clone()
		d.cache[name].cache[bit/8] ^= 1 << (bit % 8)
		_, rec := reopen(t, cfg, d)
		if int64(bit/8) < proven {
			require.NotNil(t, rec.Damage, "bit %d", bit)
			require.Equal(t, name, rec.Damage.Segment)
			require.LessOrEqual(t, rec.Damage.Offset, int64(bit/8))
			require.Contains(t, rec.Damage.Proof, "states that the log was synced up to")
		} else {
			require.Nil(t, rec.Damage, "bit %d", bit)
			require.Equal(t, uint64(6), lastOf(rec))
			require.Positive(t, rec.Torn)
		}
	}
}

func TestDamageIsReportedByEveryBootUntilItIsAccepted(t *testing.T) {
	cfg := LogConfig{Node: 1}
	r, _ := writtenLog(t, cfg, 4)
	r.disk.cache[segmentName("wal", 1)].cache[300] ^= 1
	r.disk.queue = nil
	boot := func() (*Log, *Recovered) {
		l, rec, err := OpenLog(cfg, r.disk, r.fx, tokenSource())
		require.NoError(t, err)
		r.log = l
		r.disk.take(r.fx)
		require.NoError(t, r.work(100))
		return l, rec
	}
	_, first := boot()
	require.NotNil(t, first.Damage)
	for range 3 {
		_, again := boot()
		require.Equal(t, first.Damage, again.Damage)
	}
	l, _ := boot()
	l.AcceptDamage()
	l.SetHardState(1, HardState{Term: 1, Vote: 2}, true)
	r.flush()
	require.NoError(t, r.work(100))
	_, last := boot()
	require.Nil(t, last.Damage)
}

func TestAnUnreadableSectorIsNeverTakenForATornWrite(t *testing.T) {
	cfg := LogConfig{Node: 1}
	r, ends := writtenLog(t, cfg, 8)
	name := segmentName("wal", 1)
	size := ends[len(ends)-1].offset()
	for off := int64(0); off < size; off += sector {
		d := r.disk.clone()
		d.bad[name] = off
		_, rec := reopen(t, cfg, d)
		require.NotNil(t, rec.Damage, "sector at %d", off)
	}
}

func TestAMissingSegmentIsDamageUnlessNothingInItIsNeeded(t *testing.T) {
	cfg := LogConfig{Node: 1, SegmentBytes: 1000}
	r, _ := writtenLog(t, cfg, 12)
	require.Greater(t, r.log.Segments(), 2)
	all := len(r.log.segs)
	for i, s := range r.log.segs[:all-1] {
		d := r.disk.clone()
		delete(d.cache, s.name)
		_, rec := reopen(t, cfg, d)
		require.NotNil(t, rec.Damage, "segment %d of %d", i+1, all)
		require.Equal(t, uint64(1), rec.Damage.Group)
		require.Contains(t, rec.Damage.Proof, "are neither in the log nor in a checkpoint")
	}
	r.log.Checkpointed(1, 24, 1)
	r.log.SetHardState(1, HardState{Term: 2, Vote: 3, Commit: 24}, true)
	r.flush()
	require.NoError(t, r.work(100))
	for i, s := range r.log.segs[:len(r.log.segs)-1] {
		d := r.disk.clone()
		delete(d.cache, s.name)
		_, rec := reopen(t, cfg, d)
		require.Nil(t, rec.Damage, "segment %d", i+1)
		require.Equal(t, []GroupLog{{Group: 1, Hard: HardState{Term: 2, Vote: 3, Commit: 24}, Base: 24, BaseTerm: 1, Entries: []Entry{}}}, normal(rec.Groups))
	}
}

func normal(logs []GroupLog) []GroupLog {
	for i := range logs {
		logs[i].Entries = append([]Entry{}, logs[i].Entries...)
	}
	return logs
}

func TestAHardStateThatCommittedMoreThanTheLogHoldsIsAProof(t *testing.T) {
	r := newLogRun(seeded(1), LogConfig{Node: 1})
	r.log.SetHardState(4, HardState{Term: 3, Vote: 1, Commit: 9}, true)
	require.NoError(t, r.work(100))
	r.flush()
	require.NoError(t, r.work(100))
	_, rec := reopen(t, r.cfg, r.disk)
	require.NotNil(t, rec.Damage)
	require.Equal(t, uint64(4), rec.Damage.Group)
	require.Contains(t, rec.Damage.Proof, "has committed 9, but its log ends at 0")
}

func TestARecordInAnotherPlaceIsNotARecord(t *testing.T) {
	b := make([]byte, 200)
	rec := record{kind: kindEntry, group: 5, index: 6, term: 7, data: []byte("payload")}
	home := at(3, 4096)
	rec.put(b, 1, home, 11, at(3, 100))
	_, s, ok := parse(b, 1, home)
	require.True(t, ok)
	require.Equal(t, stamp{sum: s.sum, prev: 11, synced: at(3, 100)}, s)
	for _, p := range []position{at(3, 4608), at(3, 0), at(4, 4096), at(2, 4096), at(3, 4097)} {
		_, _, ok = parse(b, 1, p)
		require.False(t, ok, "%v", p)
	}
	_, _, ok = parse(b, 2, home)
	require.False(t, ok, "another node")
}

func TestAMisdirectedSectorIsNotAccepted(t *testing.T) {
	cfg := LogConfig{Node: 1}
	r, _ := writtenLog(t, cfg, 12)
	name := segmentName("wal", 1)
	b := r.disk.cache[name].cache
	for from := 0; from+sector <= len(b); from += sector {
		for to := 0; to+2*sector <= len(b); to += sector {
			if from == to {
				continue
			}
			d := r.disk.clone()
			copy(d.cache[name].cache[to:to+sector], b[from:from+sector])
			_, rec := reopen(t, cfg, d)
			require.NotNil(t, rec.Damage, "sector %d written to %d", from, to)
		}
	}
}

// A valid record of the right place but of another history: the segment was written
// twice, and the disk brings back a part of the first life.
func TestAStaleRecordOfAnEarlierLifeIsNotAccepted(t *testing.T) {
	cfg := LogConfig{Node: 1}
	life := func(data string) *testDisk {
		r := newLogRun(seeded(1), cfg)
		require.NoError(t, r.work(100))
		for i := range uint64(3) {
			r.log.Append(1, []Entry{{Index: i + 1, Term: 1, Data: []byte(data)}})
			r.flush()
			require.NoError(t, r.work(100))
		}
		return r.disk
	}
	old, now := life("old"), life("new")
	name := segmentName("wal", 1)
	from := len(now.cache[name].cache) - recordHeader - 3 // the last batch is one record
	copy(now.cache[name].cache[from:], old.cache[name].cache[from:])
	_, _, ok := parse(now.cache[name].cache[from:], 1, at(1, int64(from)))
	require.True(t, ok, "the stale record is valid where it lies")
	_, rec := reopen(t, cfg, now)
	require.Equal(t, uint64(2), lastOf(rec))
}

func TestASegmentDoesNotContinueAnotherHistory(t *testing.T) {
	life := func(data string) *testDisk {
		r := newLogRun(seeded(1), LogConfig{Node: 1, SegmentBytes: 250})
		require.NoError(t, r.work(100))
		for i := range uint64(6) {
			r.log.Append(1, []Entry{{Index: i + 1, Term: 1, Data: []byte(data)}})
			r.flush()
			require.NoError(t, r.work(100))
		}
		require.Greater(t, r.log.Segments(), 1)
		return r.disk
	}
	old, now := life("old"), life("new")
	name := segmentName("wal", 1)
	now.cache[name] = old.cache[name] // a whole history, but not the one that segment 2 continues
	_, rec := reopen(t, LogConfig{Node: 1}, now)
	require.NotNil(t, rec.Damage)
	require.Equal(t, segmentName("wal", 2), rec.Damage.Segment)
}

func TestTheLogOfAnotherNodeIsRefused(t *testing.T) {
	r, _ := writtenLog(t, LogConfig{Node: 1}, 2)
	_, _, err := OpenLog(LogConfig{Node: 2}, r.disk, r.fx, tokenSource())
	var wrong *ErrWrongNode
	require.ErrorAs(t, err, &wrong)
	require.Equal(t, uint32(1), wrong.Node)
}

func TestAFullDiskEndsTheLogAndLosesNothingThatWasDurable(t *testing.T) {
	cfg := LogConfig{Node: 1}
	r, _ := writtenLog(t, cfg, 3)
	r.log.Append(1, []Entry{{Index: 7, Term: 1, Data: make([]byte, 900)}})
	ticket := r.log.Pending()
	r.log.Flush(r.fx)
	op := r.fx.Disk[0]
	r.fx.Reset()
	prefix := op
	prefix.Data, prefix.AndSync = op.Data[:100], false
	_, err := r.disk.do(prefix, r.by)
	require.NoError(t, err)
	mine, failed := r.log.Done(op.Token, 100, machine.ErrDiskFull)
	require.True(t, mine)
	require.ErrorIs(t, failed, machine.ErrDiskFull)
	require.ErrorIs(t, failed, ErrLogFailed)
	require.Less(t, r.log.Durable(), ticket)
	r.log.Append(1, []Entry{{Index: 8, Term: 1}})
	r.log.Flush(r.fx)
	r.log.SyncNow(r.fx)
	r.log.Free(r.fx)
	require.Empty(t, r.fx.Disk, "a failed log does nothing more")
	_, rec := reopen(t, cfg, r.disk)
	require.Nil(t, rec.Damage)
	require.Equal(t, uint64(6), lastOf(rec))
	require.Equal(t, int64(100), rec.Torn)
}

func FuzzOpenLog(f *testing.F) {
	r, _ := writtenLog(f, LogConfig{Node: 1, SegmentBytes: 1000}, 6)
	names := sortedNames(r.disk.cache)
	f.Add(r.disk.cache[names[0]].cache, r.disk.cache[names[1]].cache, uint16(3), false)
	f.Add([]byte("BWL1"), []byte{}, uint16(0), true)
	f.Fuzz(func(t *testing.T, first, second []byte, flip uint16, bug bool) {
		d := newTestDisk()
		if len(first) > 0 {
			first = slices.Clone(first)
			first[int(flip)%len(first)] ^= byte(flip >> 8)
		}
		d.cache[names[0]] = &inode{cache: first}
		d.cache[names[1]] = &inode{cache: second}
		l, rec, err := OpenLog(LogConfig{Node: 1, AcceptAfterHole: bug}, d, &machine.Effects{}, tokenSource())
		if err != nil {
			return
		}
		for _, g := range rec.Groups {
			for i, e := range g.Entries {
				if e.Index != g.Base+1+uint64(i) {
					t.Fatalf("group %d: entry %d at place %d above %d", g.Group, e.Index, i, g.Base)
				}
			}
		}
		if l.Bytes() > int64(3*(len(first)+len(second))+4096) {
			t.Fatalf("%d bytes from %d", l.Bytes(), len(first)+len(second))
		}
	})
}

// FuzzApplied gives the replay records that are valid but make no sense.
func FuzzApplied(f *testing.F) {
	f.Add([]byte{2, 1, 9, 2, 1, 10, 8, 1, 20, 5, 1, 3, 4, 1, 30})
	f.Add([]byte{3, 1, 9, 6, 1, 0, 2, 1, 1, 7, 1, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		fx := &machine.Effects{}
		cfg := LogConfig{Node: 1}
		r := newLogRun(seeded(1), cfg)
		_ = r.work(100)
		var records []record
		for ; len(ops) >= 3; ops = ops[3:] {
			rec := record{kind: recordKind(ops[0]%byte(kindEnd-2)) + 2, group: uint64(ops[1] % 3), index: uint64(ops[2]), term: 1}
			if ops[2] > 250 {
				rec.index = ^uint64(0) - uint64(255-ops[2])
			}
			switch rec.kind {
			case kindHard:
				rec.data = binary.LittleEndian.AppendUint64(make([]byte, 0, 16), 1)[:8+ops[2]%2*8]
			case kindEntry:
				rec.index = max(rec.index, 1)
			}
			records = append(records, rec)
		}
		cur := r.log.segs[0]
		r.log.newSegment(fx, 2, cur.end(), r.log.prev, records)
		r.disk.take(fx)
		for len(r.disk.queue) > 0 {
			_, _, _ = r.disk.step(r.by)
		}
		_, rec, err := OpenLog(cfg, r.disk, fx, tokenSource())
		if err != nil {
			t.Fatal(err)
		}
		stateOf(rec)
	})
}

func FuzzOpenStream(f *testing.F) {
	r := newStreamRun(seeded(1), StreamConfig{Dir: "s"})
	r.append()
	r.append()
	r.s.StartCheckpoint(r.fx, 9, 1, []byte("state 9"))
	r.disk.take(r.fx)
	_ = r.work(100)
	f.Add(r.disk.cache["s/checkpoint"].cache, r.disk.cache["s/1.blk"].cache, true)
	f.Fuzz(func(t *testing.T, checkpoint, blk []byte, whole bool) {
		d := newTestDisk()
		d.cache["s/checkpoint"] = &inode{cache: checkpoint}
		d.cache["s/1.blk"] = &inode{cache: blk}
		s := &Stream{cfg: StreamConfig{Dir: "s"}, ident: dirIdentity("s")}
		s.forget()
		if whole && len(blk) > 0 { // a block behind a checkpoint that fits
			_ = s.scan(d, &blockState{1, int64(len(blk)), []span{{0, int64(len(blk))}}})
			return
		}
		if s, c, err := OpenStream(StreamConfig{Dir: "s"}, d, &machine.Effects{}, tokenSource()); err == nil && c != nil {
			s.State()
		}
	})
}

// FuzzParseBlocks gives the table of blocks, which a checksum covers in a checkpoint, any bytes.
func FuzzParseBlocks(f *testing.F) {
	b := &block{number: 3, size: 500, msgs: []stored{{off: 0, size: 100}, {off: 100}, {off: 200, size: 300}}, live: 2, alive: 400}
	f.Add(b.appendState(nil))
	f.Add([]byte{1, 9, 0, 9, 0, 0, 1, 9, 0, 9, 0, 0})
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1, 0, 0})
	f.Fuzz(func(t *testing.T, table []byte) {
		blocks, reason := parseBlocks(table)
		if reason != "" {
			return
		}
		for _, bs := range blocks {
			end := int64(0)
			for _, run := range bs.runs {
				if run.from < end || run.to <= run.from || run.to > bs.size {
					t.Fatalf("run %v behind %d, in %d bytes", run, end, bs.size)
				}
				end = run.to
			}
			if end == 0 {
				t.Fatalf("block %d has nothing", bs.number)
			}
		}
	})
}
