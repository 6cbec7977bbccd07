package store

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
)

// streamRun is a stream's store on a test disk beside its model: a slice of messages.
type streamRun struct {
	by    dice
	cfg   StreamConfig
	disk  *testDisk
	fx    *machine.Effects
	s     *Stream
	now   []Message
	last  uint64 // highest sequence ever used
	index uint64
	saved []savedCheckpoint // oldest first; a crash may bring back any from floor on
	floor int
	under *savedCheckpoint // being written
	reset bool             // being emptied
	// booting: what was found at boot may not be durable yet.
	booting bool
	// found: the checkpoint that boot found, or its end, stands once boot's effects are done.
	found  bool
	serial uint64
	// keeps: few messages are removed with all their neighbours, many alone.
	keeps   bool
	names   []string
	filters [][]string
	reads   map[machine.Token]Message
	views   []*viewed
	seen    map[machine.Token]*viewed // whose view a read is for
}

type savedCheckpoint struct {
	index uint64
	msgs  []Message
	last  uint64
}

func newStreamRun(by dice, cfg StreamConfig) *streamRun {
	r := &streamRun{by: by, cfg: cfg, disk: newTestDisk(), fx: &machine.Effects{}, saved: []savedCheckpoint{{}}, names: someSubjects, filters: someFilters}
	if err := r.boot(); err != nil {
		panic(err)
	}
	return r
}

func describe(m Message) string {
	return fmt.Sprintf("%d by %d at %d on %s: %q %q", m.Seq, m.Index, m.Time, m.Subject, m.Header, m.Data)
}

// boot opens the store and finds the checkpoint among those it may have.
func (r *streamRun) boot() error {
	if r.under != nil {
		r.saved = append(r.saved, *r.under)
	}
	if r.reset {
		r.saved = append(r.saved, savedCheckpoint{})
	}
	r.under, r.reset, r.reads = nil, false, map[machine.Token]Message{}
	r.views, r.seen = nil, map[machine.Token]*viewed{}
	s, c, err := OpenStream(r.cfg, r.disk, r.fx, tokenSource())
	if err != nil {
		return err
	}
	r.s = s
	r.disk.take(r.fx)
	index := uint64(0)
	if c != nil {
		index = c.Index
		if string(c.State) != fmt.Sprint("state ", index) {
			return fmt.Errorf("checkpoint %d holds state %q", index, c.State)
		}
	}
	i := len(r.saved) - 1
	for i >= 0 && r.saved[i].index != index {
		i--
	}
	if i < r.floor {
		return fmt.Errorf("recovered checkpoint %d, at least %d is durable", index, r.saved[r.floor].index)
	}
	r.now, r.last = slices.Clone(r.saved[i].msgs), r.saved[i].last
	r.saved, r.booting, r.found = r.saved[:i+1], s.phase != idle, c != nil
	return r.compare()
}

func (r *streamRun) append() {
	r.serial++
	r.index++
	r.last++
	if one(r.by, 10) {
		r.last += uint64(r.by.n(5))
	}
	if one(r.by, 100) {
		r.last += 1 << (30 + r.by.n(10))
	}
	m := Message{Seq: r.last, Index: r.index, Time: int64(r.serial / 2), Subject: r.names[r.by.n(len(r.names))]}
	if one(r.by, 3) {
		m.Header = []byte("NATS/1.0\r\n\r\n")
	}
	m.Data = []byte(fmt.Sprint(r.serial, strings.Repeat("y", r.by.n(400))))
	r.s.Append(m)
	r.now = append(r.now, m)
	clobbered := m.Data // the store must have copied it
	r.now[len(r.now)-1].Data = slices.Clone(clobbered)
	clear(clobbered)
}

func (r *streamRun) get() error {
	if len(r.now) == 0 {
		return nil
	}
	want := r.now[r.by.n(len(r.now))]
	m, tok, found := r.s.Get(r.fx, want.Seq)
	r.disk.take(r.fx)
	switch {
	case !found:
		return fmt.Errorf("message %d is not found", want.Seq)
	case tok != 0:
		r.reads[tok] = want
	case describe(m) != describe(want):
		return fmt.Errorf("got %s, want %s", describe(m), describe(want))
	}
	if absent := r.near(); !r.has(absent) {
		if _, _, found := r.s.Get(r.fx, absent); found {
			return fmt.Errorf("message %d is found and is not there", absent)
		}
	}
	return nil
}

func (r *streamRun) work(n int) error {
	for ; n > 0 && len(r.disk.queue) > 0; n-- {
		op, data, err := r.disk.step(r.by)
		if op.Token == 0 {
			continue
		}
		mine, m, failed := r.s.Done(op.Token, int64(len(data)), data, err)
		clear(data)
		if !mine || failed != nil {
			return fmt.Errorf("done(%d) of %s %s = %t, %v", op.Token, op.Kind, op.File, mine, failed)
		}
		if want, ok := r.reads[op.Token]; ok {
			delete(r.reads, op.Token)
			due := slices.ContainsFunc(r.now, func(m Message) bool { return describe(m) == describe(want) })
			if v := r.seen[op.Token]; v != nil {
				due = !v.lost()
			}
			if due != (m != nil) || due && describe(*m) != describe(want) {
				return fmt.Errorf("read %v, want %s", m, describe(want))
			}
		}
		if index, _ := r.s.Checkpointed(); r.under != nil && index == r.under.index {
			r.saved, r.floor, r.under = []savedCheckpoint{*r.under}, 0, nil
		}
		r.s.Flush(r.fx)
		r.disk.take(r.fx)
		if r.booting && r.s.phase == idle || r.found && len(r.disk.queue) == 0 {
			r.saved, r.floor, r.booting, r.found = r.saved[len(r.saved)-1:], 0, false, false
		}
		if r.reset && r.s.phase == idle {
			r.saved, r.floor, r.reset = []savedCheckpoint{{}}, 0, false
		}
	}
	return nil
}

func (r *streamRun) torture(steps int) error {
	for range steps {
		var err error
		what := r.by.n(26)
		if r.keeps && slices.Contains([]int{0, 1, 13, 14, 19}, what) && !one(r.by, 8) {
			what = 25
		}
		switch what {
		case 0:
			r.disk.powerFail(r.by)
			err = r.boot()
		case 1:
			r.disk.kill(r.by)
			err = r.boot()
		case 2, 3, 4, 5, 6:
			err = r.work(1 + r.by.n(5))
		case 7, 8, 9:
			r.index++
			if r.s.StartCheckpoint(r.fx, r.index, 3, []byte(fmt.Sprint("state ", r.index))) {
				r.under = &savedCheckpoint{index: r.index, msgs: slices.Clone(r.now), last: r.last}
			}
			r.disk.take(r.fx)
		case 10, 11, 12:
			err = r.get()
		case 13:
			if n := r.by.n(len(r.now) + 1); n < len(r.now) && n > 0 {
				r.last = r.now[n-1].Seq
				r.s.TruncateAfter(r.fx, r.last)
				r.now = r.now[:n:n]
				r.disk.take(r.fx)
			}
		case 14:
			if one(r.by, 6) {
				if r.under != nil {
					r.saved = append(r.saved, *r.under)
				}
				r.s.Reset(r.fx)
				r.now, r.last, r.under, r.reset, r.booting = nil, 0, nil, r.s.phase != idle, false
				if !r.reset { // there was no checkpoint to remove, unless its removal is undone
					r.saved = append(r.saved, savedCheckpoint{})
				}
				r.found = false
			}
			r.disk.take(r.fx)
		case 15, 16, 17, 18:
			for n := 3; err == nil && n > 0; n-- {
				if err = r.delete(); !r.keeps {
					break
				}
			}
		case 19:
			r.compact()
		case 20, 21:
			err = r.view()
		default:
			r.append()
			if one(r.by, 2) {
				r.s.Flush(r.fx)
				r.disk.take(r.fx)
			}
		}
		if err == nil {
			err = r.compare()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func TestAStreamComesBackAsItsNewestDurableCheckpointLeftIt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newStreamRun(rapidDice{rt}, StreamConfig{Dir: "streams/7-ORDERS", BlockBytes: 2000, CacheBytes: 700})
		if err := r.torture(60); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestManySeedsOfCrashesKeepAStreamWhole(t *testing.T) {
	for seed := range uint64(250) {
		r := newStreamRun(seeded(seed), StreamConfig{Dir: "streams/7-ORDERS", BlockBytes: 1500, CacheBytes: 500})
		require.NoError(t, r.torture(400), "seed %d", seed)
	}
}

func TestManySeedsOfCrashesKeepAStreamWholeWhoseBlocksAreRewritten(t *testing.T) {
	for seed := range uint64(100) {
		r := newStreamRun(seeded(seed), StreamConfig{Dir: "streams/7-ORDERS", BlockBytes: 1000, CacheBytes: 500})
		r.keeps = true
		require.NoError(t, r.torture(600), "seed %d", seed)
	}
}

func TestAnyFlippedBitBelowTheCheckpointIsReportedWithItsFile(t *testing.T) {
	r := newStreamRun(seeded(1), StreamConfig{Dir: "s", BlockBytes: 300})
	for range 5 {
		r.append()
	}
	require.True(t, r.s.StartCheckpoint(r.fx, r.index, 1, []byte(fmt.Sprint("state ", r.index))))
	r.disk.take(r.fx)
	require.NoError(t, r.work(100))
	for _, name := range sortedNames(r.disk.cache) {
		for bit := range 8 * len(r.disk.cache[name].cache) {
			d := r.disk.clone()
			d.cache[name].cache[bit/8] ^= 1 << (bit % 8)
			before := bytes.Clone(d.cache[name].cache)
			s, c, err := OpenStream(r.cfg, d, r.fx, tokenSource())
			var damage *DamageError
			require.ErrorAs(t, err, &damage, "%s bit %d", name, bit)
			require.Equal(t, name, damage.File)
			require.LessOrEqual(t, damage.Offset, int64(bit/8))
			require.Nil(t, c)
			require.Empty(t, r.fx.Disk, "damaged files are left alone")
			require.Equal(t, before, d.cache[name].cache)
			if bit > 0 {
				continue
			}
			s.Reset(r.fx) // from here on it is a new store
			d.take(r.fx)
			for len(d.queue) > 0 {
				op, data, err := d.step(r.by)
				s.Done(op.Token, 0, data, err)
				s.Flush(r.fx)
				d.take(r.fx)
			}
			require.Empty(t, sortedNames(d.cache))
		}
	}
}

func TestAFailedSyncEndsTheStreamAndKeepsTheOldCheckpoint(t *testing.T) {
	r := newStreamRun(seeded(1), StreamConfig{Dir: "s"})
	r.append()
	require.True(t, r.s.StartCheckpoint(r.fx, r.index, 1, []byte("state 1")))
	sync := r.fx.Disk[len(r.fx.Disk)-1]
	require.Equal(t, machine.Sync, sync.Kind)
	r.fx.Reset()
	mine, _, failed := r.s.Done(sync.Token, 0, nil, machine.ErrSyncFailed)
	require.True(t, mine)
	require.ErrorIs(t, failed, ErrStreamFailed)
	require.ErrorIs(t, failed, machine.ErrSyncFailed)
	r.s.Flush(r.fx)
	require.False(t, r.s.StartCheckpoint(r.fx, r.index, 1, nil))
	require.Empty(t, r.fx.Disk, "a failed store does nothing more")
	index, _ := r.s.Checkpointed()
	require.Zero(t, index)
}

func TestAMessageThatRottedIsNotReturnedAndTheOthersAre(t *testing.T) {
	r := newStreamRun(seeded(1), StreamConfig{Dir: "s"})
	r.append()
	r.append()
	r.s.Flush(r.fx)
	r.disk.take(r.fx)
	require.NoError(t, r.work(10))
	r.disk.cache["s/1.blk"].cache[20] ^= 1 // in the first message
	get := func(seq uint64) (*Message, error) {
		_, tok, found := r.s.Get(r.fx, seq)
		require.True(t, found)
		require.NotZero(t, tok)
		r.disk.take(r.fx)
		op, data, err := r.disk.step(r.by)
		_, m, failed := r.s.Done(op.Token, int64(len(data)), data, err)
		return m, failed
	}
	_, failed := get(r.now[0].Seq)
	var damage *DamageError
	require.ErrorAs(t, failed, &damage)
	require.Equal(t, "s/1.blk", damage.File)
	m, failed := get(r.now[1].Seq)
	require.NoError(t, failed)
	require.Equal(t, describe(r.now[1]), describe(*m))
}
