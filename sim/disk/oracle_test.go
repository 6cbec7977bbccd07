package disk

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

// oracle is a second, naive model of what a power failure may leave: every sector keeps the
// list of contents it has had since it was last durable.
type oracle struct {
	zeroFill bool
	names    map[string]*oracleFile // in the cache
	durable  map[string]*oracleFile
	ops      []oracleName
}

type oracleName struct {
	from, to string
	file     *oracleFile
}

type oracleFile struct {
	cache  []byte
	medium map[int][]byte // sectors that the medium holds
	size   int            // on the medium
	sizes  []int          // after each change since
	cuts   map[int]int    // which of those were cuts, and to what size
	past   map[int][]oracleSector
}

// oracleSector is what a sector held after change number at.
type oracleSector struct {
	at      int
	content []byte
}

func (f *oracleFile) sector(s int) []byte {
	out := make([]byte, Sector)
	if s*Sector < len(f.cache) {
		copy(out, f.cache[s*Sector:])
	}
	return out
}

// change records that bytes from … to changed, and the size with them.
func (f *oracleFile) change(from, to int) {
	f.sizes = append(f.sizes, len(f.cache))
	for s := from / Sector; from < to && s*Sector < to; s++ {
		f.past[s] = append(f.past[s], oracleSector{len(f.sizes), f.sector(s)})
	}
}

func (f *oracleFile) settle() {
	for s := range f.past {
		f.medium[s] = f.sector(s)
	}
	f.size = len(f.cache)
	for s := range f.medium {
		if s*Sector >= f.size {
			delete(f.medium, s)
		}
	}
	f.clear()
}

func (f *oracleFile) clear() { f.sizes, f.cuts, f.past = nil, map[int]int{}, map[int][]oracleSector{} }

// lose forgets that sectors are dirty; only the size is still to be written.
func (f *oracleFile) lose() {
	if len(f.sizes) == 0 {
		return
	}
	f.clear()
	if len(f.cache) != f.size {
		f.sizes = []int{len(f.cache)}
	}
}

func newOracle(zeroFill bool) *oracle {
	return &oracle{zeroFill: zeroFill, names: map[string]*oracleFile{}, durable: map[string]*oracleFile{}}
}

func (o *oracle) name(from, to string, f *oracleFile) {
	o.ops = append(o.ops, oracleName{from, to, f})
	if from != "" {
		delete(o.names, from)
	}
	if to != "" {
		o.names[to] = f
	}
}

// do performs a completed operation; failed says that its sync failed and kept the new bytes.
func (o *oracle) do(op machine.DiskOp, failed bool) {
	f := o.names[op.File]
	switch op.Kind {
	case machine.Append, machine.WriteAt:
		if f == nil {
			f = &oracleFile{medium: map[int][]byte{}}
			f.clear()
			o.name("", op.File, f)
		}
		off, end := len(f.cache), len(f.cache)+len(op.Data)
		if op.Kind == machine.WriteAt {
			off, end = int(op.Off), int(op.Off)+len(op.Data)
		}
		if len(op.Data) == 0 {
			return
		}
		if end > len(f.cache) {
			f.cache = append(f.cache, make([]byte, end-len(f.cache))...)
		}
		copy(f.cache[off:], op.Data)
		f.change(off, end)
	case machine.Truncate:
		if f == nil || int(op.Off) == len(f.cache) {
			return
		}
		was := len(f.cache)
		if int(op.Off) < was {
			f.cache = slices.Clone(f.cache[:op.Off])
			f.change(int(op.Off), was)
			f.cuts[len(f.sizes)] = int(op.Off)
		} else {
			f.cache = append(f.cache, make([]byte, int(op.Off)-was)...)
			f.change(0, 0)
		}
	case machine.Sync:
		if f != nil && failed {
			f.lose()
		} else if f != nil {
			f.settle()
		}
	case machine.Rename:
		if f != nil && op.File != op.To {
			o.name(op.File, op.To, f)
		}
	case machine.Remove:
		if f != nil {
			o.name(op.File, "", f)
		}
	case machine.SyncDir:
		for _, x := range o.ops {
			x.settle(o.durable)
		}
		o.ops = nil
	}
}

func (x oracleName) settle(names map[string]*oracleFile) {
	if x.from != "" {
		delete(names, x.from)
	}
	if x.to != "" {
		names[x.to] = x.file
	}
}

func (x oracleName) shares(y oracleName) bool {
	for _, a := range []string{x.from, x.to} {
		if a != "" && (a == y.from || a == y.to) {
			return true
		}
	}
	return false
}

// namings calls visit with every set of names that may survive.
func (o *oracle) namings(visit func(map[string]*oracleFile)) {
	for set := range 1 << len(o.ops) {
		names, closed := map[string]*oracleFile{}, true
		for k, v := range o.durable {
			names[k] = v
		}
		for i, x := range o.ops {
			if set>>i&1 == 0 {
				continue
			}
			for j, y := range o.ops[:i] {
				closed = closed && (set>>j&1 == 1 || !x.shares(y))
			}
			x.settle(names)
		}
		if closed {
			visit(names)
		}
	}
}

// sectorsFor calls visit with every content that the sector may have when sizes of the file's size
// changes survive; anything is true if it may hold any bytes at all.
func (o *oracle) sectorsFor(f *oracleFile, s, sizes int, visit func([]byte)) (anything bool) {
	base, held := f.medium[s]
	if !held {
		base = make([]byte, Sector)
	}
	visit(base)
	for _, p := range f.past[s] {
		out := false
		for at, to := range f.cuts {
			out = out || at > sizes && at <= p.at && s*Sector >= to
		}
		if !out {
			visit(p.content)
		}
	}
	return !held && !o.zeroFill
}

// legal says whether content may be what a power failure left of f.
func (o *oracle) legal(f *oracleFile, content []byte) bool {
	for sizes := 0; sizes <= len(f.sizes); sizes++ {
		size := f.size
		if sizes > 0 {
			size = f.sizes[sizes-1]
		}
		if size != len(content) {
			continue
		}
		ok := true
		for s := 0; s*Sector < size; s++ {
			have, found := content[s*Sector:min((s+1)*Sector, size)], false
			anything := o.sectorsFor(f, s, sizes, func(c []byte) { found = found || bytes.Equal(c[:len(have)], have) })
			ok = ok && (found || anything)
		}
		if ok {
			return true
		}
	}
	return false
}

// accepts says whether an image may be what a power failure left.
func (o *oracle) accepts(image map[string][]byte) (ok bool) {
	o.namings(func(names map[string]*oracleFile) {
		fits := len(names) == len(image)
		for path, f := range names {
			content, have := image[path]
			fits = fits && have && o.legal(f, content)
		}
		ok = ok || fits
	})
	return ok
}

// exactly says whether an image is the durable state, or the whole cache.
func exactly(t require.TestingT, names map[string]*oracleFile, image map[string][]byte, content func(*oracleFile) []byte) {
	require.Len(t, image, len(names))
	for path, f := range names {
		require.True(t, bytes.Equal(content(f), image[path]), "content of %s", path)
	}
}

// onMedium is what the medium holds of a file.
func (f *oracleFile) onMedium() []byte {
	out := make([]byte, f.size)
	for s, c := range f.medium {
		if s*Sector < f.size {
			copy(out[s*Sector:], c)
		}
	}
	return out
}

// image reads everything through the machine's view of a disk.
func image(t require.TestingT, d *Disk) map[string][]byte {
	im := d.Image(1)
	list, err := im.List("")
	require.NoError(t, err)
	out := map[string][]byte{}
	for _, path := range list {
		size, err := im.Size(path)
		require.NoError(t, err)
		p := make([]byte, size)
		n, err := im.ReadAt(path, p, 0)
		require.NoError(t, err)
		require.EqualValues(t, size, n)
		out[path] = p
	}
	return out
}

// run performs one operation from issue to completion.
func run(d *Disk, now *int64, op machine.DiskOp) (int64, []byte, error) {
	id, due := d.Issue(*now, op)
	*now = due
	return d.Complete(id)
}

// anyOp draws an operation on one of a few small files.
func anyOp(t *rapid.T) machine.DiskOp {
	files := []string{"a", "b", "c"}
	op := machine.DiskOp{
		Kind: rapid.SampledFrom([]machine.DiskKind{
			machine.Append, machine.Append, machine.Append, machine.WriteAt, machine.WriteAt, machine.Sync,
			machine.Rename, machine.Remove, machine.Truncate, machine.SyncDir,
		}).Draw(t, "kind"),
		File: rapid.SampledFrom(files).Draw(t, "file"),
	}
	switch op.Kind {
	case machine.Append, machine.WriteAt:
		op.Data = bytes.Repeat([]byte{rapid.ByteRange('a', 'z').Draw(t, "byte")}, rapid.IntRange(0, 1400).Draw(t, "len"))
		op.Off = rapid.Int64Range(0, 2500).Draw(t, "off")
	case machine.Truncate:
		op.Off = rapid.Int64Range(0, 2500).Draw(t, "off")
	case machine.Rename:
		op.To = rapid.SampledFrom(files).Draw(t, "to")
	case machine.SyncDir:
		op.File = ""
	}
	return op
}

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
			switch rapid.IntRange(0, 12).Draw(t, "event") {
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

// key is an image as one comparable string.
func key(image map[string][]byte) string {
	var paths []string
	for path := range image {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	out := ""
	for _, path := range paths {
		out += fmt.Sprintf("%s=%s\n", path, image[path])
	}
	return out
}

// every returns all images that a power failure may leave.
func (o *oracle) every() map[string]bool {
	out := map[string]bool{}
	o.namings(func(names map[string]*oracleFile) {
		partial := []map[string][]byte{{}}
		for path, f := range names {
			var next []map[string][]byte
			for _, content := range o.contents(f) {
				for _, p := range partial {
					q := map[string][]byte{path: []byte(content)}
					for k, v := range p {
						q[k] = v
					}
					next = append(next, q)
				}
			}
			partial = next
		}
		for _, p := range partial {
			out[key(p)] = true
		}
	})
	return out
}

// contents returns everything that may be left of a file.
func (o *oracle) contents(f *oracleFile) []string {
	set := map[string]bool{}
	for sizes := 0; sizes <= len(f.sizes); sizes++ {
		size := f.size
		if sizes > 0 {
			size = f.sizes[sizes-1]
		}
		partial := []string{""}
		for s := 0; s*Sector < size; s++ {
			var next []string
			o.sectorsFor(f, s, sizes, func(c []byte) {
				for _, p := range partial {
					next = append(next, p+string(c[:min(Sector, size-s*Sector)]))
				}
			})
			partial = next
		}
		for _, p := range partial {
			set[p] = true
		}
	}
	var out []string
	for c := range set {
		out = append(out, c)
	}
	return out
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
					if a.live && b.live && a.op.Kind != machine.SyncDir && b.op.Kind == machine.SyncDir {
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
