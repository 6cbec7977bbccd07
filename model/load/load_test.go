package load

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/history"
)

const second = int64(1_000_000_000)

var orders = []StreamSpec{{Name: "ORDERS", Replicas: 3}}

func group() Group {
	return Group{Name: "c", Count: 4, PublishPerSecond: 80, ReadPerSecond: 20, LastPercent: 25, ConditionalPercent: 10}
}

// play runs a load to the end, answering after delay, and returns each operation with its time.
func play(l Load, until, delay int64, answer func(Op) Outcome) []string {
	type pending struct {
		at int64
		op Op
	}
	var out []string
	var open []pending
	for now := int64(0); now < until; {
		op, ok, wake := l.Next(now)
		if ok {
			out = append(out, fmt.Sprintf("%d %+v", now, op))
			open = append(open, pending{now + delay, op})
			continue
		}
		if len(open) > 0 && (wake == 0 || open[0].at <= wake) {
			now = max(now, open[0].at)
			l.Done(now, open[0].op, answer(open[0].op))
			open = open[1:]
			continue
		}
		if wake == 0 {
			break
		}
		now = wake
	}
	return out
}

// log is a stream that never fails.
type log struct{ values []string }

func (l *log) answer(op Op) Outcome {
	switch {
	case op.Verb == history.Publish:
		l.values = append(l.values, op.Value)
		return Outcome{Status: OK, Seq: uint64(len(l.values))}
	case op.Verb == history.Last && len(l.values) > 0:
		return Outcome{Status: OK, Seq: uint64(len(l.values)), Value: l.values[len(l.values)-1]}
	case op.Verb == history.Read && op.Seq <= uint64(len(l.values)):
		return Outcome{Status: OK, Seq: op.Seq, Value: l.values[op.Seq-1]}
	}
	return Outcome{Status: OK, NotFound: true}
}

func TestTheSameSeedAndAnswersGiveTheSameLoad(t *testing.T) {
	run := func(seed uint64) []string {
		var all []string
		for _, c := range (Spec{Groups: []Group{group()}}).Clients(Key(seed), orders, 0, 20*second, second) {
			all = append(all, play(c.Load, 30*second, 1_000_000, new(log).answer)...)
		}
		return all
	}
	require.Equal(t, run(7), run(7))
	require.NotEqual(t, run(7), run(8))
}

func TestArrivalsKeepTheirRateAndDoNotWaitForAnswers(t *testing.T) {
	var publishes, reads, conditional int
	silent := func(Op) Outcome { return Outcome{Status: Unknown} }
	for _, c := range (Spec{Groups: []Group{group()}}).Clients(Key(1), orders, 2*second, 62*second, second) {
		ops := play(c.Load, 70*second, 3*second, silent)
		fast := play(NewTraffic(c.Name, c.Load.g, c.Load.key), 70*second, 1, silent)
		require.Equal(t, len(fast), len(ops), "slow answers must not slow arrivals")
		c2 := NewTraffic(c.Name, c.Load.g, c.Load.key)
		play(c2, 70*second, 1, func(op Op) Outcome {
			switch {
			case op.Verb != history.Publish:
				reads++
			case op.Expect > 0:
				conditional++
				fallthrough
			default:
				publishes++
			}
			return Outcome{Status: Unknown}
		})
	}
	require.InDelta(t, 80*60, publishes, 400)
	require.InDelta(t, 20*60, reads, 200)
	require.InDelta(t, 80*60/10, conditional, 120)
}

func TestAValueIsPublishedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range (Spec{Groups: []Group{group(), {Name: "d", Count: 11, PublishPerSecond: 50}}}).Clients(Key(3), orders, 0, 10*second, second) {
		play(c.Load, 20*second, 1000, func(op Op) Outcome {
			if op.Verb == history.Publish {
				require.False(t, seen[op.Value], op.Value)
				seen[op.Value] = true
				require.Equal(t, "ORDERS."+c.Name, op.Subject)
			}
			return Outcome{Status: OK, Seq: 1}
		})
	}
	require.Greater(t, len(seen), 1000)
}

func TestArrivalsBeyondTheLimitAreGivenUpAndCounted(t *testing.T) {
	g := group().filled(orders)
	g.Until, g.MaxOpen = 10*second, 3
	l := NewTraffic("c1", g, Key(1))
	issued := 0
	for now := int64(0); now < 10*second; now += 1_000_000 {
		if _, ok, _ := l.Next(now); ok {
			issued++
		}
	}
	require.Equal(t, 3, issued)
	require.Greater(t, l.Shed(), int64(100))
}

func TestReadsStayNearTheEndAndSometimesGoBeyondIt(t *testing.T) {
	l := &log{values: make([]string, 1000)}
	near, beyond := 0, 0
	c := (Spec{Groups: []Group{{Name: "r", Count: 1, ReadPerSecond: 100}}}).Clients(Key(5), orders, 0, 20*second, second)[0]
	play(c.Load, 30*second, 1000, func(op Op) Outcome {
		if op.Verb == history.Read {
			require.Positive(t, op.Seq)
			if op.Seq > 1000 {
				beyond++
			} else if op.Seq > 750 {
				near++
			}
		}
		return l.answer(op)
	})
	require.Greater(t, near, 1500)
	require.Greater(t, beyond, 50)
}

func TestSetupCreatesEveryStreamInOrderAndRetriesWhatIsNotOK(t *testing.T) {
	s := NewSetup([]StreamSpec{{"A", 3}, {"B", 1}})
	n := 0
	got := play(s, 10*second, 1000, func(op Op) Outcome {
		n++
		return Outcome{Status: [...]Status{Unknown, Failed, OK, Failed, OK}[n-1]}
	})
	require.Len(t, got, 5)
	require.True(t, s.Ready())
}

func TestDrainAnswersEverySequenceWhateverFailsOnTheWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := Key(rapid.Uint64().Draw(t, "seed"))
		size := rapid.IntRange(0, 100).Draw(t, "size")
		floor := rapid.IntRange(0, 120).Draw(t, "floor")
		late := rapid.IntRange(0, 3).Draw(t, "late")
		l := &log{values: make([]string, size)}
		answered := map[uint64]bool{}
		finished := 0
		d := &Drain{From: 5 * second, Streams: orders, Floor: func(string) uint64 { return uint64(floor) }, Finished: func(int64) { finished++ }}
		n := uint64(0)
		play(d, 1000*second, 1_000_000, func(op Op) Outcome {
			require.True(t, op.Final)
			n++
			if n == 20 {
				l.values = append(l.values, make([]string, late)...)
			}
			if seed.Below(n, 3) == 0 {
				return Outcome{Status: [...]Status{Failed, Unknown}[seed.At(n)&1]}
			}
			if op.Verb == history.Create {
				return Outcome{Status: OK}
			}
			if op.Verb == history.Read {
				require.Zero(t, finished)
				answered[op.Seq] = true
			}
			return l.answer(op)
		})
		require.Equal(t, 1, finished)
		for s := 1; s <= max(len(l.values), floor); s++ {
			if n >= 20 || s <= max(size, floor) {
				require.True(t, answered[uint64(s)] || s > max(size, floor), "sequence %d", s)
			}
		}
	})
}

func TestDrainAsksNothingBeforeItsTime(t *testing.T) {
	d := &Drain{From: 5 * second, Streams: orders}
	_, ok, wake := d.Next(second)
	require.False(t, ok)
	require.Equal(t, 5*second, wake)
}

func TestASpecIsValidatedWholeAndNamesEveryFault(t *testing.T) {
	s := Spec{Groups: []Group{
		{Name: "a1", Count: 0, PublishPerSecond: -1},
		{Name: "b", Count: 1, ReadPerSecond: 1, Streams: []string{"NOPE"}, LastPercent: 101},
	}}
	err := s.Validate(orders)
	for _, want := range []string{"letters only", "clients[0].count", "clients[0].publish_per_second", `no stream "NOPE"`, "clients[1].last_percent: 101"} {
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, Spec{Groups: []Group{group()}}.Validate(orders))
	require.ErrorContains(t, Spec{}.Validate(orders), "at least one group")
}

func TestExponentialHasItsMean(t *testing.T) {
	var sum int64
	for n := range uint64(100_000) {
		sum += Key(9).Exponential(n, second)
	}
	require.InDelta(t, second, sum/100_000, float64(second)/100)
}
