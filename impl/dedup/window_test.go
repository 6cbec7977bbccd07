package dedup

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAnIDIsFoundUntilTheWindowIsOverAndNotAtItsEnd(t *testing.T) {
	var w Window
	w.Add("a", 7, 100)
	for now := int64(100); now < 200; now++ {
		w.Advance(now, 100)
		seq, ok := w.Find([]byte("a"))
		require.True(t, ok, "at %d", now)
		require.EqualValues(t, 7, seq)
	}
	w.Advance(200, 100)
	_, ok := w.Find([]byte("a"))
	require.False(t, ok)
	require.Zero(t, w.Len())
}

func TestAnIDThatIsAddedAgainLivesFromThen(t *testing.T) {
	var w Window
	w.Add("a", 1, 0)
	w.Add("a", 2, 50)
	w.Advance(120, 100)
	seq, ok := w.Find([]byte("a"))
	require.True(t, ok)
	require.EqualValues(t, 2, seq)
	require.Equal(t, 1, w.Len())
}

// naive remembers everything, and looks at all of it.
type naive []entry

func (n naive) find(id string, now, window int64) (uint64, bool) {
	for i := len(n) - 1; i >= 0; i-- {
		if n[i].id == id {
			return n[i].seq, now-n[i].time < window
		}
	}
	return 0, false
}

func TestTheWindowFindsWhatANaiveOneFindsAlsoDecoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w Window
		var all naive
		now, seq, window := int64(0), uint64(0), int64(rapid.IntRange(1, 50).Draw(t, "window"))
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now += int64(rapid.IntRange(0, 9).Draw(t, "pass"))
			w.Advance(now, window)
			if rapid.IntRange(0, 9).Draw(t, "decode") == 0 {
				text := append(w.Append(nil), "rest"...)
				var again Window
				rest, err := again.Decode(text)
				require.NoError(t, err)
				require.Equal(t, "rest", string(rest))
				require.Equal(t, text, append(again.Append(nil), "rest"...))
				w = again
			}
			id := fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "id"))
			want, known := all.find(id, now, window)
			got, ok := w.Find([]byte(id))
			require.Equal(t, known, ok, "id %s at %d, window %d", id, now, window)
			if ok {
				require.Equal(t, want, got)
				continue
			}
			seq++
			w.Add(id, seq, now)
			all = append(all, entry{id, seq, now})
		}
		live := 0
		for i := range 21 {
			if _, ok := all.find(fmt.Sprint(i), now, window); ok {
				live++
			}
		}
		require.Equal(t, live, w.Len())
	})
}

func TestMemoryIsThatOfTheWindow(t *testing.T) {
	var w Window
	for i := range 100_000 {
		w.Advance(int64(i), 100)
		w.Add(fmt.Sprint(i), uint64(i+1), int64(i))
	}
	require.LessOrEqual(t, w.Len(), 100)
	require.LessOrEqual(t, cap(w.entries), 1024)
}

func FuzzDecode(f *testing.F) {
	var w Window
	f.Add(w.Append(nil))
	w.Add("a", 1, 5)
	w.Add("", 2, 5)
	w.Add("bb", 9, 70)
	f.Add(w.Append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		var w, again Window
		rest, err := w.Decode(p)
		if err != nil {
			return
		}
		text := w.Append(nil)
		if _, err := again.Decode(text); err != nil || again.Len() != w.Len() {
			t.Fatalf("%x decodes to %d ids, encoded %x: %d ids, %v", p[:len(p)-len(rest)], w.Len(), text, again.Len(), err)
		}
	})
}
