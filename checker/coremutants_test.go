package checker

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// coreMutant breaks a sound history of core messaging.
type coreMutant struct {
	name   string
	breaks func(r *rand.Rand, h *history.History) bool
	// caught is violated by at least often in a hundred of the histories broken, sure ones by all.
	caught spec.ID
	often  int
}

var isCore = is(history.Deliver, history.Core)

// where picks a random event that fits, or returns none.
func where(r *rand.Rand, h *history.History, fits func(e *history.Event) bool) int {
	var at []int
	for i := range h.Events {
		if fits(&h.Events[i]) {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return -1
	}
	return at[r.IntN(len(at))]
}

func renumber(h *history.History) {
	for i := range h.Events {
		h.Events[i].Index = uint64(i + 1)
	}
}

// queueOf tells whether a delivery was to a member of a queue group.
func queueOf(h *history.History, sub uint64) string {
	for _, e := range h.Events {
		if e.Kind == history.Invoke && e.Op == sub {
			return e.Queue
		}
	}
	return ""
}

func dropOne(queue bool) func(r *rand.Rand, h *history.History) bool {
	return func(r *rand.Rand, h *history.History) bool {
		i := where(r, h, func(e *history.Event) bool { return isCore(e) && (queueOf(h, e.Sub) != "") == queue })
		if i < 0 {
			return false
		}
		h.Events = slices.Delete(h.Events, i, i+1)
		renumber(h)
		return true
	}
}

var coreMutants = []coreMutant{
	{"a message delivered twice", func(r *rand.Rand, h *history.History) bool {
		i := where(r, h, isCore)
		if i < 0 {
			return false
		}
		h.Events = slices.Insert(h.Events, min(i+1+r.IntN(5), len(h.Events)), h.Events[i])
		renumber(h)
		return true
	}, spec.CoreAtMostOnce, 100},
	{"two messages change places", func(r *rand.Rand, h *history.History) bool {
		from := map[string]string{}
		for _, e := range h.Events {
			if e.Kind == history.Invoke && e.Value != "" {
				from[e.Value] = e.Client
			}
		}
		i := where(r, h, isCore)
		for k := i + 1; i >= 0 && k < len(h.Events); k++ {
			if a, b := &h.Events[i], &h.Events[k]; isCore(b) && a.Sub == b.Sub && a.Value != b.Value && from[a.Value] == from[b.Value] {
				a.Value, a.Subject, b.Value, b.Subject = b.Value, b.Subject, a.Value, a.Subject
				return true
			}
		}
		return false
	}, spec.CoreOrder, 20},
	{"a message never delivered", dropOne(false), spec.CoreNoMiss, 28},
	{"a message left out", dropOne(false), spec.CoreNoGap, 15},
	{"a message no member is given", dropOne(true), spec.QueueServed, 10},
	{"a message of another subscription", func(r *rand.Rand, h *history.History) bool {
		i := where(r, h, isCore)
		k := where(r, h, is(history.Invoke, history.Subscribe))
		if i < 0 || k < 0 || h.Events[k].Op == h.Events[i].Sub || k > i {
			return false
		}
		h.Events[i].Sub, h.Events[i].Client = h.Events[k].Op, h.Events[k].Client
		return true
	}, spec.CoreNoPhantom, 25},
	{"a message nobody sent", one(isCore, func(e *history.Event) { e.Value, e.Subject = "ghost", "a" }), spec.CoreNoPhantom, 100},
	{"a second member given a message", func(r *rand.Rand, h *history.History) bool {
		i := where(r, h, func(e *history.Event) bool { return isCore(e) && queueOf(h, e.Sub) != "" })
		if i < 0 {
			return false
		}
		q := queueOf(h, h.Events[i].Sub)
		k := where(r, h, func(e *history.Event) bool {
			return e.Kind == history.Invoke && e.Queue == q && e.Op != h.Events[i].Sub && e.Index < h.Events[i].Index
		})
		if k < 0 {
			return false
		}
		e := h.Events[i]
		e.Sub, e.Client = h.Events[k].Op, h.Events[k].Client
		h.Events = slices.Insert(h.Events, i+1, e)
		renumber(h)
		return true
	}, spec.QueueOne, 100},
	{"an answer of another request", func(r *rand.Rand, h *history.History) bool {
		ok := is(history.OK, history.Request)
		i, k := where(r, h, ok), where(r, h, ok)
		if i < 0 || h.Events[i].Value == h.Events[k].Value {
			return false
		}
		h.Events[i].Value = h.Events[k].Value
		return true
	}, spec.ReplyCorrelates, 100},
	{"an answered request told that nobody is there", one(is(history.OK, history.Request), func(e *history.Event) {
		e.Kind, e.Value, e.Why = history.Fail, "", history.NoResponders
	}), spec.NoRespondersTrue, 99},
	{"a request given up before it was answered", func(r *rand.Rand, h *history.History) bool {
		i := where(r, h, is(history.OK, history.Request))
		if i < 0 {
			return false
		}
		e := h.Events[i]
		e.Kind, e.Value = history.Info, ""
		h.Events = slices.Insert(slices.Delete(h.Events, i, i+1), min(i+r.IntN(40), len(h.Events)-1), e)
		renumber(h)
		return true
	}, spec.RequestAnswered, 3},
	{"a message read by nobody in the end", func(_ *rand.Rand, h *history.History) bool {
		for i := len(h.Events) - 1; i >= 0; i-- {
			if e := &h.Events[i]; is(history.OK, history.Send)(e) && h.Events[len(h.Events)-1].Time-e.Time > 4_000_000_000 {
				e.Kind = history.Info
				return h.Events[indexOf(h, is(history.Obs, history.Healed))].Time+2_000_000_000 < e.Time
			}
		}
		return false
	}, spec.CoreProgress, 100},
}

func TestEveryCoreMutantIsCaughtAndTheOracleAgrees(t *testing.T) {
	n := 120
	if testing.Short() {
		n = 40
	}
	for at, m := range coreMutants {
		t.Run(m.name, func(t *testing.T) {
			tried, caught := 0, 0
			for seed := range n {
				r := rand.New(rand.NewPCG(uint64(seed), uint64(100+at)))
				h := coreHistory(r, 150+r.IntN(300))
				if !m.breaks(r, h) {
					continue
				}
				tried++
				report := Run(h, coreOptions)
				if v := report.Of(m.caught); v.Value == spec.Violated {
					caught++
					require.NotEmpty(t, v.Certificate, "seed %d", seed)
					require.LessOrEqual(t, len(v.Certificate), 10, "seed %d", seed)
				}
				want := newCoreOracle(h).anomalies()
				for _, id := range coreIDs {
					if v := report.Of(id); id != spec.CoreProgress {
						require.Equal(t, int64(want[id]), v.Stats.Anomalies, "seed %d: %s: %s", seed, id, v.Sentence)
					}
				}
			}
			require.Greater(t, tried, n/4)
			require.GreaterOrEqual(t, caught*100, m.often*tried, "caught %d of %d", caught, tried)
			t.Logf("caught %d of %d", caught, tried)
		})
	}
}
