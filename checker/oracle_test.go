package checker

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// oracle asks porcupine about stream 0 of h.
func oracle(h *history.History) porcupine.CheckResult {
	var ops []porcupine.Operation
	for _, x := range logOps(recordOf(h), 0) {
		ops = append(ops, x.porcupine())
	}
	return porcupine.CheckOperationsTimeout(logModel(nil), ops, 2*time.Second)
}

func render(h *history.History) string {
	var b bytes.Buffer
	if err := history.WriteAll(&b, h); err != nil {
		return err.Error()
	}
	return b.String()
}

// compare fails if the sweep and porcupine disagree about h.
func compare(t require.TestingT, h *history.History) (*Verdict, porcupine.CheckResult) {
	v := &Run(h, Options{Only: []spec.ID{spec.LinearizableLog}}).Verdicts[0]
	p := oracle(h)
	agree := p == porcupine.Unknown || v.Value == spec.Unknown ||
		(p == porcupine.Illegal) == (v.Value == spec.Violated)
	if !agree {
		require.Failf(t, "the sweep and porcupine disagree", "sweep: %s (%s)\nporcupine: %s\n%s", v.Value, v.Sentence, p, render(h))
	}
	if v.Value == spec.Violated && (len(v.Certificate) == 0 || len(v.Certificate) > 8) {
		require.Failf(t, "a certificate has at most four operations", "%v", v.Certificate)
	}
	return v, p
}

func TestSweepAgreesWithPorcupineOnThousandsOfSmallHistories(t *testing.T) {
	n := 9000
	if testing.Short() {
		n = 1500
	}
	verdicts, undecided, searches := map[spec.Verdict]int{}, 0, int64(0)
	for seed := range n {
		r := rand.New(rand.NewPCG(uint64(seed), 2))
		v, p := compare(t, generate(r, randomMix(r)))
		verdicts[v.Value]++
		searches += v.Stats.Of("searches")
		if p == porcupine.Unknown {
			undecided++
		}
	}
	t.Logf("verdicts %v, undecided by porcupine %d, searches %d", verdicts, undecided, searches)
	require.Greater(t, verdicts[spec.Holds], n/5)
	require.Greater(t, verdicts[spec.Violated], n/5)
	require.Less(t, verdicts[spec.Unknown], n/100)
	require.Less(t, undecided, n/100)
	require.Positive(t, searches, "no history needed the search")
}

func randomMix(r *rand.Rand) mix {
	m := mix{
		ops: 6 + r.IntN(25), clients: 2 + r.IntN(4), unknown: []int{0, 10, 30}[r.IntN(3)],
		subjects: 1 + r.IntN(2), flaws: r.IntN(9),
	}
	m.silent = []int{0, 30, 100}[r.IntN(3)]
	m.numbered = 100 - m.silent
	if r.IntN(2) == 0 {
		m.ids, m.cas, m.inFlight = []int{0, 60}[r.IntN(2)], []int{0, 50, 90}[r.IntN(3)], 30*r.IntN(2)
	}
	return m
}

func TestSweepAgreesWithPorcupineOnWhateverRapidFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := mix{
			ops: rapid.IntRange(2, 20).Draw(t, "ops"), clients: rapid.IntRange(1, 5).Draw(t, "clients"),
			unknown: rapid.SampledFrom([]int{0, 10, 30}).Draw(t, "unknown"), silent: rapid.IntRange(0, 100).Draw(t, "silent"),
			subjects: rapid.IntRange(1, 2).Draw(t, "subjects"), flaws: rapid.IntRange(0, 3).Draw(t, "flaws"),
		}
		m.numbered = 100 - m.silent
		compare(t, generate(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3)), m))
	})
}

func TestUnflawedHistoriesHoldWhateverTheSize(t *testing.T) {
	for seed := range 60 {
		r := rand.New(rand.NewPCG(uint64(seed), 5))
		m := mix{ops: 3000, clients: 1 + r.IntN(64), unknown: r.IntN(20), silent: 50, numbered: 50, subjects: 2}
		if seed%2 == 1 {
			m.subjects, m.ids, m.cas, m.inFlight = 1+r.IntN(20), 50, 50, 30
		}
		m.watched = seed%4 > 1
		h := generate(r, m)
		v := Run(h, Options{Only: []spec.ID{spec.LinearizableLog, spec.LinearizableWrites}}).Verdicts
		require.Contains(t, []spec.Verdict{spec.Holds, spec.Unknown}, v[0].Value, "seed %d: %s", seed, v[0].Sentence)
		if m.watched {
			require.Equal(t, spec.Holds, v[0].Value, "seed %d: nodes were seen to store what has no answer", seed)
		}
	}
}

func BenchmarkLinearizableLog(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		for _, unknown := range []int{0, 5} {
			b.Run(fmt.Sprintf("ops=%d/unknown=%d", n, unknown), func(b *testing.B) {
				h := generate(rand.New(rand.NewPCG(1, 1)), mix{ops: n, clients: 32, unknown: unknown, numbered: 100, subjects: 1})
				b.ResetTimer()
				for range b.N {
					v := Run(h, Options{Only: []spec.ID{spec.LinearizableLog}}).Verdicts[0]
					require.Equal(b, spec.Holds, v.Value, v.Sentence)
				}
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(n)*1e9, "ns/history-op")
			})
		}
	}
}

// What the judges of expectations and duplicates call a violation, no order of the log allows.
func TestJudgesOfExpectationsAndDuplicatesAccuseOnlyWhatPorcupineRefutes(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 400
	}
	ids := []spec.ID{spec.ExpectedSequence, spec.NoFalseDuplicate, spec.NoDoubleStore}
	accused := map[spec.ID]int{}
	for seed := range n {
		r := rand.New(rand.NewPCG(uint64(seed), 19))
		m := randomMix(r)
		m.ids, m.cas, m.inFlight, m.flaws, m.watched = 50, 60, 20, r.IntN(9), r.IntN(2) == 0
		if m.watched { // what nodes stored is more than porcupine knows
			m.flaws = 0
		}
		h := generate(r, m)
		for _, v := range Run(h, Options{Only: ids}).Verdicts {
			if v.Value != spec.Violated {
				continue
			}
			accused[v.Guarantee]++
			if p := oracle(h); m.flaws == 0 || p == porcupine.Ok {
				require.Failf(t, "a false alarm", "seed %d: %s: %s\nporcupine: %s\n%s", seed, v.Guarantee, v.Sentence, p, render(h))
			}
		}
	}
	t.Log(accused)
	for _, id := range ids {
		require.Greater(t, accused[id], n/400, "%s", id)
	}
}
