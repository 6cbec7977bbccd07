package checker

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// tellLosses is how stories show a CoreReport.
func tellLosses(h *history.History) string {
	var b strings.Builder
	r := CoreLosses(h)
	for _, m := range r.Messages {
		to := m.To + "/" + m.Filter
		if m.Queue != "" {
			to = "group " + m.Queue
		}
		fmt.Fprintf(&b, "%s to %s: %s\n", m.Value, to, m.Cause)
	}
	for _, q := range r.Requests {
		fmt.Fprintf(&b, "%s of %s: %s\n", q.Value, q.Client, fateName(q.Fate, q.Cause))
	}
	for _, g := range r.Balance {
		fmt.Fprintf(&b, "group %s: %d messages, %v, chi %d\n", g.Queue, g.Messages, g.Members, g.Chi)
	}
	return b.String()
}

func TestEveryLossOfASoundWorldHasACause(t *testing.T) {
	n := 1500
	if testing.Short() {
		n = 200
	}
	total, fates := map[string]int64{}, map[string]int64{}
	for seed := range n {
		h := coreHistory(rand.New(rand.NewPCG(uint64(seed), 43)), 200+seed%600)
		r := CoreLosses(h)
		for _, m := range r.Messages {
			require.NotEqual(t, CoreUnexplained, m.Cause, "seed %d: %+v", seed, m)
			require.Equal(t, m.Cause == CoreDelivered, m.Delivered >= 0)
			require.Contains(t, coreCauses, m.Cause)
		}
		for _, q := range r.Requests {
			require.NotEqual(t, CoreUnexplained, q.Cause, "seed %d: %+v", seed, q)
			require.Equal(t, q.Fate == RequestTimedOut || q.Fate == RequestRefused, q.Cause != "", "seed %d: %+v", seed, q)
		}
		sum := int64(0)
		for _, c := range r.Causes {
			total[c.Name] += c.N
			sum += c.N
		}
		require.Equal(t, int64(len(r.Messages)), sum)
		sum = 0
		for _, c := range r.Fates {
			fates[c.Name] += c.N
			if !strings.Contains(c.Name, ":") {
				sum += c.N
			}
		}
		for _, q := range r.Requests {
			if q.Fate == RequestTimedOut {
				sum++
			}
		}
		require.Equal(t, int64(len(r.Requests)), sum)
	}
	t.Log(total)
	t.Log(fates)
	for _, c := range []CoreCause{CoreDelivered, CoreNoInterest, CorePublisherLost, CoreSubscriberLost, CoreSlow, CoreRoute, CoreCrash} {
		require.Positive(t, total[string(c)], "%s never happened", c)
	}
	lost := int64(0)
	for _, n := range total { // map order: a sum
		lost += n
	}
	lost -= total[string(CoreDelivered)]
	require.Less(t, total[string(CoreUndecided)]*10, lost, "most losses have a cause")
}

func TestWhatIsUnexplainedBreaksAGuarantee(t *testing.T) {
	found := 0
	for seed := range 400 {
		r := rand.New(rand.NewPCG(uint64(seed), 44))
		h := coreHistory(r, 150+r.IntN(300))
		if !dropOne(seed%2 == 0)(r, h) {
			continue
		}
		report := Run(h, coreOptions)
		unexplained := slices.ContainsFunc(CoreLosses(h).Causes, func(c Count) bool { return c.Name == string(CoreUnexplained) })
		if unexplained {
			found++
			require.True(t, report.Of(spec.CoreNoMiss).Value == spec.Violated || report.Of(spec.QueueServed).Value == spec.Violated, "seed %d", seed)
		}
	}
	require.Greater(t, found, 30)
}

func TestLossesAreTheSameEveryTimeAndSurviveJSON(t *testing.T) {
	h := coreHistory(rand.New(rand.NewPCG(9, 45)), 600)
	first, err := json.Marshal(CoreLosses(h))
	require.NoError(t, err)
	for range 10 {
		again, err := json.Marshal(CoreLosses(h))
		require.NoError(t, err)
		require.Equal(t, string(first), string(again))
	}
	var back CoreReport
	require.NoError(t, json.Unmarshal(first, &back))
	require.Equal(t, *CoreLosses(h), back)
}
