package limits

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type msg struct {
	seq     uint64
	time    int64
	size    int
	subject string
}

// list is a store that looks at everything it holds.
type list struct {
	last uint64
	held []msg
}

func (l *list) State() (first, last, count, bytes uint64) {
	first = l.last + 1
	for i, m := range l.held {
		if i == 0 {
			first = m.seq
		}
		bytes += uint64(m.size)
	}
	return first, l.last, uint64(len(l.held)), bytes
}

func (l *list) at(seq uint64) int {
	return slices.IndexFunc(l.held, func(m msg) bool { return m.seq == seq })
}

func (l *list) TimeOf(seq uint64) (int64, bool) {
	if i := l.at(seq); i >= 0 {
		return l.held[i].time, true
	}
	return 0, false
}

func (l *list) SizeOf(seq uint64) (int, bool) {
	if i := l.at(seq); i >= 0 {
		return l.held[i].size, true
	}
	return 0, false
}

func (l *list) FirstOf(subject string) (uint64, bool) {
	for _, m := range l.held {
		if m.subject == subject {
			return m.seq, true
		}
	}
	return 0, false
}

func (l *list) CountOf(subject string) (n uint64) {
	for _, m := range l.held {
		if m.subject == subject {
			n++
		}
	}
	return n
}

func (l *list) remove(seq uint64, _ string) { l.held = slices.Delete(l.held, l.at(seq), l.at(seq)+1) }

func (l *list) add(subject string, size int, time int64) {
	l.last++
	l.held = append(l.held, msg{l.last, time, size, subject})
}

func filled(subjects ...string) *list {
	l := &list{}
	for _, s := range subjects {
		l.add(s, 10, 0)
	}
	return l
}

func TestNewMessagesAreRefusedForWhatThereIsNoRoomFor(t *testing.T) {
	full := filled("a", "b", "a")
	for _, c := range []struct {
		what   string
		limits Limits
		size   int
		rollup bool
		want   error
	}{
		{"discard old refuses nothing", Limits{Msgs: 3}, 10, false, nil},
		{"room for one", Limits{Msgs: 4, RefuseNew: true}, 10, false, nil},
		{"room for none", Limits{Msgs: 3, RefuseNew: true}, 10, false, ErrMaxMsgs},
		{"bytes that fit exactly", Limits{Bytes: 40, RefuseNew: true}, 10, false, nil},
		{"bytes that do not fit", Limits{Bytes: 40, RefuseNew: true}, 11, false, ErrMaxBytes},
		{"a full subject makes room", Limits{PerSubject: 2, RefuseNew: true}, 10, false, nil},
		{"also where the stream is full", Limits{PerSubject: 2, Msgs: 3, RefuseNew: true}, 10, false, nil},
		{"also of bytes", Limits{PerSubject: 2, Bytes: 30, RefuseNew: true}, 10, false, nil},
		{"but not of more bytes than go", Limits{PerSubject: 2, Bytes: 30, RefuseNew: true}, 11, false, ErrMaxBytes},
		{"a full subject refuses", Limits{PerSubject: 2, RefuseNew: true, RefuseNewPer: true}, 10, false, ErrMaxPerSubject},
		{"but no rollup", Limits{PerSubject: 2, RefuseNew: true, RefuseNewPer: true}, 10, true, nil},
		{"and none that has room", Limits{PerSubject: 3, RefuseNew: true, RefuseNewPer: true}, 10, false, nil},
	} {
		require.Equal(t, c.want, c.limits.Refusal(full, "a", c.size, c.rollup), c.what)
	}
}

func TestTheOldestGoOfTheSubjectAndOfTheStream(t *testing.T) {
	var gone []string
	l := filled("a", "b", "a", "a", "b")
	remove := func(seq uint64, why string) {
		gone = append(gone, fmt.Sprint(seq, " ", why))
		l.remove(seq, why)
	}
	limits := Limits{PerSubject: 2, Msgs: 3, Bytes: 15}
	limits.Subject(l, "a", remove)
	limits.Total(l, remove)
	require.Equal(t, []string{"1 max_msgs_per_subject", "2 max_msgs", "3 max_bytes", "4 max_bytes"}, gone)
}

func TestAMessageGoesWhenItsAgeReachesTheLimit(t *testing.T) {
	l := &list{}
	l.add("a", 1, 100)
	l.add("a", 1, 150)
	limits := Limits{Age: 50}
	limits.Expire(l, 149, l.remove)
	require.Len(t, l.held, 2)
	limits.Expire(l, 150, l.remove)
	require.Len(t, l.held, 1)
	due, ok := limits.Due(l)
	require.True(t, ok)
	require.EqualValues(t, 200, due)
	_, ok = Limits{}.Due(l)
	require.False(t, ok)
}

// kept is what a stream holds by the definition: of all that ever came, the newest that are within every limit.
func kept(all []msg, l Limits, now int64) (out []msg) {
	per := map[string]int64{}
	count, bytes := int64(0), int64(0)
	for i := len(all) - 1; i >= 0; i-- {
		m := all[i]
		per[m.subject]++
		switch {
		case l.Age > 0 && now-m.time >= l.Age:
			return out
		case l.PerSubject > 0 && per[m.subject] > l.PerSubject:
			continue
		}
		count++
		bytes += int64(m.size)
		if l.Msgs > 0 && count > l.Msgs || l.Bytes > 0 && bytes > l.Bytes {
			return out
		}
		out = append([]msg{m}, out...)
	}
	return out
}

func TestWithDiscardOldTheStreamHoldsTheNewestThatAreWithinEveryLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := func(name string, most int) int64 { return int64(rapid.IntRange(0, most).Draw(t, name)) }
		limits := Limits{Msgs: limit("msgs", 8), Bytes: limit("bytes", 40), PerSubject: limit("per subject", 4), Age: limit("age", 20)}
		l, now := &list{}, int64(0)
		var all []msg
		for range rapid.IntRange(1, 60).Draw(t, "publishes") {
			now += int64(rapid.IntRange(0, 5).Draw(t, "pass"))
			limits.Expire(l, now, l.remove)
			subject := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "subject")
			l.add(subject, rapid.IntRange(1, 9).Draw(t, "size"), now)
			all = append(all, l.held[len(l.held)-1])
			limits.Subject(l, subject, l.remove)
			limits.Total(l, l.remove)
			_, _, count, bytes := l.State()
			require.False(t, limits.Msgs > 0 && count > uint64(limits.Msgs) || limits.Bytes > 0 && bytes > uint64(limits.Bytes))
			if limits.PerSubject == 0 {
				// A subject's limit makes room that the naive stream would have filled differently.
				require.Equal(t, kept(all, limits, now), append([]msg(nil), l.held...))
			}
		}
		if limits.Msgs == 0 && limits.Bytes == 0 {
			require.Equal(t, kept(all, limits, now), append([]msg(nil), l.held...))
		}
	})
}
