package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

var (
	someSubjects = []string{"a", "b", "a.b", "a.c", "a.b.c", "b.b", "a-b.c", "kv.1", "kv.2", "kv.3"}
	someFilters  = [][]string{
		nil,
		{">"},
		{"a"},
		{"kv.2"},
		{"nothing"},
		{"a.*"},
		{"*.b"},
		{"a.>"},
		{"kv.*"},
		{"*"},
		{"x.*"},
		{"*.x"},
		{"a", "a"},
		{"a.*", "a.b"},
		{"kv.1", "kv.9"},
		{"*.b", "a.>"},
		{"a.b", "kv.*", ">"},
	}
)

// near is a sequence in reach of what is there.
func (r *streamRun) near() uint64 {
	if len(r.now) == 0 || one(r.by, 8) {
		return r.last + uint64(r.by.n(3))
	}
	return r.now[r.by.n(len(r.now))].Seq + uint64(r.by.n(3)) - 1
}

func (r *streamRun) has(seq uint64) bool {
	return slices.ContainsFunc(r.now, func(m Message) bool { return m.Seq == seq })
}

func (r *streamRun) delete() error {
	seq := r.near()
	had := r.has(seq)
	if got := r.s.Delete(seq); got != had {
		return fmt.Errorf("delete of %d is %t", seq, got)
	}
	r.now = slices.DeleteFunc(r.now, func(m Message) bool { return m.Seq == seq })
	return nil
}

// compact drops a few of the oldest messages, or all, or more than there are.
func (r *streamRun) compact() {
	first := r.last + uint64(r.by.n(3))
	if len(r.now) > 0 && !one(r.by, 4) {
		first = r.now[r.by.n(min(len(r.now), 6))].Seq
	}
	r.s.Compact(first)
	r.now = slices.DeleteFunc(r.now, func(m Message) bool { return m.Seq < first })
	if first > r.last {
		r.last = first - 1
	}
}

// compare checks all that the store says of its messages against the list of them.
func (r *streamRun) compare() error {
	first, last, count, size := r.s.State()
	wantFirst, wantSize := r.last+1, uint64(0)
	for _, m := range r.now {
		wantFirst = min(wantFirst, m.Seq)
		wantSize += uint64(len(m.Subject) + len(m.Header) + len(m.Data))
	}
	if first != wantFirst || last != r.last || count != uint64(len(r.now)) || size != wantSize {
		return fmt.Errorf("%d to %d, %d messages of %d bytes, want %d to %d, %d of %d",
			first, last, count, size, wantFirst, r.last, len(r.now), wantSize)
	}
	seq, ok := r.s.NextAt(0)
	for _, m := range r.now {
		if !ok || seq != m.Seq {
			return fmt.Errorf("next message is %d %t, want %d", seq, ok, m.Seq)
		}
		seq, ok = r.s.NextAt(seq + 1)
	}
	for range 10 {
		if err := r.compareSubject(r.names[r.by.n(len(r.names))]); err != nil {
			return err
		}
	}
	for range 3 {
		if err := r.compareSearch(r.near(), r.filters[r.by.n(len(r.filters))]); err != nil {
			return err
		}
	}
	if err := r.compareFiles(); err != nil {
		return err
	}
	return r.compareStamps()
}

// compareFiles checks that no file is left of what is gone, once nothing is under way.
func (r *streamRun) compareFiles() error {
	s := r.s
	if len(r.disk.queue) > 0 || len(s.writes) > 0 || s.phase != idle || s.rewriting != nil || len(s.retired)+len(s.spent)+len(s.dying) > 0 {
		return nil
	}
	want := map[string]bool{}
	for _, b := range s.blocks {
		want[b.name] = true
	}
	for name := range r.disk.cache {
		if strings.HasSuffix(name, ".blk") && !want[name] {
			return fmt.Errorf("%s is left over beside %d blocks", name, len(want))
		}
	}
	return nil
}

func (r *streamRun) compareSubject(name string) error {
	var want []uint64
	for _, m := range r.now {
		if m.Subject == name {
			want = append(want, m.Seq)
		}
	}
	first, ok := r.s.FirstOf(name)
	last, _ := r.s.LastOf(name)
	n := r.s.CountOf(name)
	if ok != (len(want) > 0) || n != uint64(len(want)) || ok && (first != want[0] || last != want[n-1]) {
		return fmt.Errorf("%s has %d messages from %d to %d, want %v", name, n, first, last, want)
	}
	return nil
}

func named(filters []string, name string) bool {
	return len(filters) == 0 || slices.ContainsFunc(filters, func(f string) bool { return subject.Match(f, name) })
}

func (r *streamRun) compareSearch(seq uint64, filters []string) error {
	var next, newest, count uint64
	for _, m := range r.now {
		if !named(filters, m.Subject) {
			continue
		}
		newest = m.Seq
		if m.Seq < seq {
			continue
		}
		if count++; count == 1 {
			next = m.Seq
		}
	}
	if got, ok := r.s.NextMatch(seq, filters); got != next || ok != (count > 0) {
		return fmt.Errorf("next of %q from %d is %d %t, want %d", filters, seq, got, ok, next)
	}
	if got, ok := r.s.LastMatch(filters); got != newest || ok != (newest > 0) {
		return fmt.Errorf("last of %q is %d %t, want %d", filters, got, ok, newest)
	}
	if got := r.s.CountMatch(seq, filters); got != count {
		return fmt.Errorf("%d of %q from %d, want %d", got, filters, seq, count)
	}
	for _, f := range filters {
		if err := r.compareSubjects(f); err != nil {
			return err
		}
	}
	return nil
}

func (r *streamRun) compareSubjects(filter string) error {
	var want, got []string
	for _, name := range slices.Sorted(slices.Values(r.names)) {
		if r.s.CountOf(name) > 0 && subject.Match(filter, name) {
			want = append(want, name)
		}
	}
	r.s.EachSubject(filter, func(name string, count, first, last uint64) bool {
		f, _ := r.s.FirstOf(name)
		l, _ := r.s.LastOf(name)
		if count != r.s.CountOf(name) || first != f || last != l {
			name += fmt.Sprint(" with ", count, " from ", first, " to ", last)
		}
		got = append(got, name)
		return true
	})
	if !slices.Equal(got, want) {
		return fmt.Errorf("subjects of %s are %q, want %q", filter, got, want)
	}
	return nil
}

func (r *streamRun) compareStamps() error {
	seq := r.near()
	i := slices.IndexFunc(r.now, func(m Message) bool { return m.Seq == seq })
	stamp, ok := r.s.TimeOf(seq)
	size, _ := r.s.SizeOf(seq)
	name, _ := r.s.SubjectOf(seq)
	if ok != (i >= 0) || ok && (stamp != r.now[i].Time || name != r.now[i].Subject ||
		size != len(name)+len(r.now[i].Header)+len(r.now[i].Data)) {
		return fmt.Errorf("message %d is %t: %d %s %d bytes", seq, ok, stamp, name, size)
	}
	stamp += int64(r.by.n(3)) - 1
	want := uint64(0)
	if i := slices.IndexFunc(r.now, func(m Message) bool { return m.Time >= stamp }); i >= 0 {
		want = r.now[i].Seq
	}
	if got, _ := r.s.FirstAfter(stamp); got != want {
		return fmt.Errorf("first after %d is %d, want %d", stamp, got, want)
	}
	return nil
}

// Thousands of messages, so that lists have many chunks and searches get beyond their first looks.
func TestALargeStreamAnswersAsAListWould(t *testing.T) {
	for seed := range uint64(4) {
		r := newStreamRun(seeded(seed), StreamConfig{Dir: "s", BlockBytes: 200_000})
		r.names = nil
		for i := range []int{3, 40, 400, 2000}[seed] {
			r.names = append(r.names, fmt.Sprintf("kv.%d.%d", i%13, i))
		}
		r.filters = append(slices.Clone(someFilters), [][]string{
			{"kv.3.*"}, {"*.3.>", "kv.4.4"}, {"kv.*.1"}, {"*.x.*"}, {"kv.x.*"}, {"kv.12.*", "kv.3.*", "kv.1.1"}, {"kv.1.1", "kv.2.*", "kv.>"}, {"kv.2.2", "kv.0.0"}, {"kv.1.1", "kv.0.0", "kv.2.2"},
		}...)
		for i := range 4000 {
			r.append()
			if i%100 > 50 { // comes and goes
				for range 1 + i/1000 {
					require.NoError(t, r.delete())
				}
			}
			if i%1000 == 999 {
				r.compact()
			}
			if i%50 == 0 {
				require.NoError(t, r.compare(), "seed %d, message %d", seed, i)
			}
		}
		for len(r.now) > 0 {
			require.NoError(t, r.delete())
			if one(r.by, 50) {
				require.NoError(t, r.compare(), "seed %d, %d left", seed, len(r.now))
			}
		}
	}
}

// A process ends between the renaming of a checkpoint and its becoming durable. The next one must not remove
// what only the checkpoint before it names: power may fail, and bring that one back.
func TestWhatAnEarlierCheckpointNamesStaysUntilTheNextIsDurable(t *testing.T) {
	r := newStreamRun(constant(0), StreamConfig{Dir: "s", BlockBytes: 100})
	checkpoint := func(done func() bool) {
		require.True(t, r.s.StartCheckpoint(r.fx, r.index, 1, []byte(fmt.Sprint("state ", r.index))))
		for r.disk.take(r.fx); len(r.disk.queue) > 0 && !done(); r.disk.take(r.fx) {
			op, _, err := r.disk.step(r.by)
			if op.Token != 0 {
				r.s.Done(op.Token, 0, nil, err)
			}
			r.s.Flush(r.fx)
		}
	}
	r.append()
	r.append()
	checkpoint(func() bool { return false })
	require.True(t, r.s.Delete(r.now[0].Seq))
	r.index++
	checkpoint(func() bool { return r.s.phase == syncRename })
	r.disk.queue = nil // the process ends
	s, c, err := OpenStream(r.cfg, r.disk, r.fx, tokenSource())
	require.NoError(t, err)
	require.Equal(t, r.index, c.Index)
	for _, op := range r.fx.Disk {
		require.NotEqual(t, machine.Remove, op.Kind, op.File)
	}
	for r.disk.take(r.fx); len(r.disk.queue) > 0; r.disk.take(r.fx) {
		op, _, err := r.disk.step(r.by)
		s.Done(op.Token, 0, nil, err)
		s.Flush(r.fx)
	}
	require.NotContains(t, r.disk.cache, "s/1.blk", "then it goes")
}

// viewed is a view beside what the stream held when it began.
type viewed struct {
	v    *View
	msgs []Message
	last uint64
}

func (w *viewed) lost() bool { return w.v.Lost() }

// view begins a view, reads from one, or closes it.
func (r *streamRun) view() error {
	r.views = slices.DeleteFunc(r.views, (*viewed).lost)
	if len(r.views) == 0 || len(r.views) < 3 && one(r.by, 8) {
		r.views = append(r.views, &viewed{r.s.View(), slices.Clone(r.now), r.last})
	}
	w := r.views[r.by.n(len(r.views))]
	if one(r.by, 12) {
		w.v.Close()
		return nil
	}
	first, last, count, _ := w.v.State()
	if last != w.last || count != uint64(len(w.msgs)) || count > 0 && first != w.msgs[0].Seq {
		return fmt.Errorf("%d messages from %d to %d in view, want %d to %d", count, first, last, len(w.msgs), w.last)
	}
	seq := r.near()
	i, _ := slices.BinarySearchFunc(w.msgs, seq, func(m Message, seq uint64) int { return cmp.Compare(m.Seq, seq) })
	next, ok := w.v.NextAt(seq)
	if ok != (i < len(w.msgs)) || ok && next != w.msgs[i].Seq {
		return fmt.Errorf("next in view from %d is %d %t", seq, next, ok)
	}
	if !ok {
		return nil
	}
	m, tok, found := w.v.Get(r.fx, next)
	r.disk.take(r.fx)
	switch {
	case !found:
		return fmt.Errorf("message %d in view is not found", next)
	case tok != 0:
		r.reads[tok], r.seen[tok] = w.msgs[i], w
	case describe(m) != describe(w.msgs[i]):
		return fmt.Errorf("got %s in view, want %s", describe(m), describe(w.msgs[i]))
	}
	return nil
}

func TestALongAscendingListIsASortedSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l ascending[int]
		var want []int
		below := func(v int) func(int) bool { return func(w int) bool { return w < v } }
		ops := rapid.IntRange(0, 3000).Draw(t, "ops")
		by := seeded(rapid.Uint64().Draw(t, "seed"))
		for i := range ops {
			v := by.n(5000)
			at, there := slices.BinarySearch(want, v)
			p := l.search(below(v))
			switch {
			case i < ops/4:
				l.push(i)
				want = append(want, i)
			case !there && !one(by, 3):
				l.insert(p, v)
				want = slices.Insert(want, at, v)
			case there:
				l.remove(p)
				want = slices.Delete(want, at, at+1)
			}
			if from := l.from(l.search(below(v))); from != len(want)-firstAtOrAbove(want, v) || l.n != len(want) {
				t.Fatalf("%d of %d at or above %d, in %v", from, l.n, v, want)
			}
		}
		var got []int
		for p := (place{}); !l.ended(p); p = l.next(p) {
			got = append(got, l.at(p))
		}
		if !slices.Equal(got, want) || len(want) > 0 && (l.first() != want[0] || l.last() != want[len(want)-1]) {
			t.Fatalf("%v, want %v", got, want)
		}
		if len(l.chunks) > 2+len(want)/(listChunk/8) {
			t.Fatalf("%d values lie in %d chunks", len(want), len(l.chunks))
		}
	})
}

func firstAtOrAbove(in []int, v int) int {
	at, _ := slices.BinarySearch(in, v)
	return at
}

func TestWhatAMessageCostsInMemoryIsSmallAndGoesWithIt(t *testing.T) {
	for _, subjects := range []int{1, 100, 10_000} {
		r := newStreamRun(seeded(1), StreamConfig{Dir: "s"})
		empty := r.s.MemoryBytes()
		for i := range 10_000 {
			r.s.Append(Message{Seq: uint64(i + 1), Subject: fmt.Sprint("orders.", i%subjects), Data: []byte("data")})
		}
		full := r.s.MemoryBytes() - empty - chunkBytes
		limit := int64(64)
		if subjects == 10_000 {
			limit = 160
		}
		require.Less(t, full/10_000, limit, "%d subjects", subjects)
		r.s.EachSubject(">", func(string, uint64, uint64, uint64) bool { return true })
		for i := range uint64(10_000) {
			require.True(t, r.s.Delete(10_000-i))
		}
		left := r.s.MemoryBytes() - empty - chunkBytes
		require.Less(t, left, int64(subjects*100+16_000), "%d subjects", subjects)
	}
}
