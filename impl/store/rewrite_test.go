package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// onDisk is how many bytes the blocks of the stream have, and how many there are.
func (r *streamRun) onDisk() (bytes int64, blocks int) {
	for name, f := range r.disk.cache {
		if strings.HasSuffix(name, ".blk") {
			bytes, blocks = bytes+int64(len(f.cache)), blocks+1
		}
	}
	return bytes, blocks
}

// keyValue makes n updates of a few keys, of which only the newest stays, among messages that stay for
// good now and then, with a checkpoint every 50; budget disk operations are carried out, if it is not negative.
func (r *streamRun) keyValue(n, budget int, each func()) error {
	step := func() (bool, error) {
		if budget == 0 || len(r.disk.queue) == 0 {
			return false, nil
		}
		budget--
		return true, r.work(1)
	}
	for i := range n {
		r.append()
		k := len(r.now) - 1
		if j := slices.IndexFunc(r.now, func(o Message) bool { return o.Subject == r.now[k].Subject && o.Index%40 != 1 }); j >= 0 && j < k {
			r.s.Delete(r.now[j].Seq)
			r.now = slices.Delete(r.now, j, j+1)
		}
		r.s.Flush(r.fx)
		r.disk.take(r.fx)
		if i%50 == 49 {
			r.index++
			if r.s.StartCheckpoint(r.fx, r.index, 3, []byte(fmt.Sprint("state ", r.index))) {
				r.under = &savedCheckpoint{index: r.index, msgs: slices.Clone(r.now), last: r.last}
			}
			r.disk.take(r.fx)
		}
		for i%25 == 24 {
			if more, err := step(); err != nil || !more {
				if err != nil {
					return err
				}
				break
			}
		}
		if budget == 0 {
			return nil
		}
		if each != nil && i%50 == 49 {
			each()
		}
	}
	return nil
}

func TestFewMessagesAmongManyRemovedDoNotKeepTheDiskFull(t *testing.T) {
	r := newStreamRun(seeded(3), StreamConfig{Dir: "s", BlockBytes: 2000})
	highest := int64(0)
	require.NoError(t, r.keyValue(6000, -1, func() {
		alive := int64(0)
		for _, b := range r.s.blocks {
			alive += b.alive
		}
		bytes, blocks := r.onDisk()
		highest = max(highest, bytes)
		// What 50 messages bring goes with the next checkpoint only, as does what was rewritten.
		require.Less(t, bytes, 3*alive+50*300+8*2000)
		require.Less(t, int64(blocks), 3*alive/2000+40)
	}))
	require.NoError(t, r.compare())
	written := int64(6000 * 250)
	require.Less(t, highest, written/10)
}

// However many operations a disk has carried out when the process ends or power fails, what is found is a
// checkpoint with all its messages.
func TestAStreamIsRecoveredFromEveryPointOfItsCheckpointsAndRewrites(t *testing.T) {
	cfg := StreamConfig{Dir: "s", BlockBytes: 700}
	all := newStreamRun(seeded(5), cfg)
	steps := 0
	require.NoError(t, all.keyValue(400, 1<<30, nil))
	for budget, done := 1, false; !done; budget += 3 {
		for _, end := range []func(*streamRun){
			func(r *streamRun) { r.disk.powerFail(constant(0)) },
			func(r *streamRun) { r.disk.powerFail(constant(1)) },
			func(r *streamRun) { r.disk.powerFail(seeded(uint64(budget))) },
			func(r *streamRun) { r.disk.kill(constant(0)) },
		} {
			r := newStreamRun(seeded(5), cfg)
			require.NoError(t, r.keyValue(400, budget, nil))
			done = r.serial == 400
			end(r)
			require.NoError(t, r.boot(), "after %d operations", budget)
			require.NoError(t, r.work(1000))
			require.NoError(t, r.keyValue(60, -1, nil), "after %d operations", budget)
			require.NoError(t, r.compare())
		}
		steps = budget
	}
	require.Greater(t, steps, 500)
}

func (r *streamRun) add(size int) uint64 {
	r.last++
	m := Message{Seq: r.last, Subject: "a", Data: make([]byte, size)}
	r.s.Append(m)
	r.now = append(r.now, m)
	return r.last
}

// copying is a stream that reads the last block that it is to copy; its newest block holds one message.
func copying(t *testing.T) *streamRun {
	r := newStreamRun(seeded(1), StreamConfig{Dir: "s", BlockBytes: 1000})
	for range 16 { // 4 a block, with room for a small one
		r.add(180)
	}
	for _, m := range r.now {
		if m.Seq%4 != 1 {
			require.True(t, r.s.Delete(m.Seq))
		}
	}
	r.now = slices.DeleteFunc(r.now, func(m Message) bool { return m.Seq%4 != 1 })
	r.add(900)
	r.s.Flush(r.fx)
	require.True(t, r.s.StartCheckpoint(r.fx, 1, 1, []byte("state 1")))
	for r.disk.take(r.fx); len(r.disk.queue) > 0; r.disk.take(r.fx) {
		if rw := r.s.rewriting; rw != nil && rw.waits && rw.read == len(rw.from)-1 {
			return r
		}
		op, data, err := r.disk.step(constant(0))
		if op.Token != 0 {
			r.s.Done(op.Token, 0, data, err)
		}
		r.s.Flush(r.fx)
	}
	require.FailNow(t, "nothing is rewritten")
	return nil
}

// The newest block is emptied and goes, and what comes then is appended to a block that is being copied.
func TestWhatIsAppendedToABlockWhileItIsCopiedIsNotLost(t *testing.T) {
	r := copying(t)
	from := slices.Clone(r.s.rewriting.from)
	require.Contains(t, from, r.s.blocks[len(r.s.blocks)-2])
	require.True(t, r.s.Delete(r.last))
	r.now = r.now[:len(r.now)-1]
	r.s.StartCheckpoint(r.fx, 2, 1, []byte("state 2"))
	late := r.add(10)
	p, _ := r.s.find(late)
	require.Contains(t, from, r.s.blocks[p.b])
	r.s.Flush(r.fx)
	r.disk.take(r.fx)
	require.NoError(t, r.work(1000))
	require.NoError(t, r.compare())
}

func TestAResetLeavesNothingOfACopyBehind(t *testing.T) {
	r := copying(t)
	for len(r.disk.queue) > 1 || r.s.rewriting.into.size == 0 {
		require.NoError(t, r.work(1))
	}
	r.s.Reset(r.fx)
	r.now, r.last = nil, 0
	r.disk.take(r.fx)
	require.NoError(t, r.work(1000))
	require.Equal(t, idle, r.s.phase)
	require.NoError(t, r.compare())
	require.Empty(t, sortedNames(r.disk.cache))
}

func TestARewriteThatMeetsRotLeavesTheBlockAloneAndSaysSo(t *testing.T) {
	r := newStreamRun(seeded(5), StreamConfig{Dir: "s", BlockBytes: 1000})
	for range 60 {
		r.append()
	}
	var kept []Message
	for i, m := range r.now {
		if i%5 == 0 {
			kept = append(kept, m)
			continue
		}
		require.True(t, r.s.Delete(m.Seq))
	}
	r.now = kept
	require.True(t, r.s.StartCheckpoint(r.fx, 100, 1, nil))
	var damage *DamageError
	file := ""
	for r.disk.take(r.fx); len(r.disk.queue) > 0; r.disk.take(r.fx) {
		op, data, err := r.disk.step(constant(0))
		if file == "" && len(data) > 0 {
			data[50] ^= 1
			file = op.File
		}
		if op.Token != 0 {
			if _, _, failed := r.s.Done(op.Token, 0, data, err); failed != nil {
				require.ErrorAs(t, failed, &damage)
			}
		}
		r.s.Flush(r.fx)
	}
	require.NotEmpty(t, file, "nothing was rewritten")
	require.NotNil(t, damage)
	require.Equal(t, file, damage.File)
	require.Contains(t, sortedNames(r.disk.cache), file)
	require.NoError(t, r.compare())
	_, tok, found := r.s.Get(r.fx, r.now[5].Seq)
	require.True(t, found, "%v", r.s.err)
	require.NotZero(t, tok)
}
