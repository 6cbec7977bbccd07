package disk

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
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
