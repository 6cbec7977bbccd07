package checker

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

var coreIDs = []spec.ID{
	spec.CoreNoPhantom, spec.CoreAtMostOnce, spec.CoreOrder, spec.CoreNoGap, spec.CoreNoMiss, spec.QueueOne, spec.QueueServed,
	spec.ReplyCorrelates, spec.NoRespondersTrue, spec.RequestAnswered, spec.CoreProgress,
}

// coreOptions judge the histories of coreWorld, whose peace lasts ten seconds, and whose nodes may take any time to
// find out that another is gone.
var coreOptions = Options{Only: coreIDs, CoreBound: 1_500_000_000, RouteBound: 1 << 60}

func TestSoundCoreMessagingIsNeverAccused(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 300
	}
	given := map[spec.ID]map[spec.Verdict]int{}
	for seed := range n {
		h := coreHistory(rand.New(rand.NewPCG(uint64(seed), 41)), 200+seed%600)
		for _, v := range Run(h, coreOptions).Verdicts {
			require.NotEqual(t, spec.Violated, v.Value, "seed %d: %s: %s", seed, v.Guarantee, v.Sentence)
			if given[v.Guarantee] == nil {
				given[v.Guarantee] = map[spec.Verdict]int{}
			}
			given[v.Guarantee][v.Value]++
		}
	}
	for _, id := range coreIDs {
		require.Greater(t, given[id][spec.Holds], n/3, "%s is hardly put to the test: %v", id, given[id])
	}
}

// anythingCore returns a history of core messaging that is well formed and otherwise nonsense.
func anythingCore(r *rand.Rand) *history.History {
	h := &history.History{}
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	verbs := []string{"send", "send", "request", "answer", "publish", "subscribe", "subscribe", "unsubscribe", "flush", "read"}
	marks := []string{"connected", "connected", "disconnected", "interest", "interest", "interest", "dropped", "up", "down", "healed"}
	var open []history.Event
	for i := range 5 + r.IntN(120) {
		e := history.Event{
			Index: uint64(i + 1), Time: int64(i) * 300_000_000, Client: pick("", "c1", "c2"), Node: uint32(r.IntN(3)), Peer: uint32(r.IntN(3)),
			Subject: pick("", "a", "a.b", "a.*", ">", "_INBOX.c1.1", "$S"), Value: pick("", "u", "v", "w", "u@c1", "v@c2", "@"),
			Queue: pick("", "", "g"), Sub: uint64(r.IntN(i + 2)), N: int64(r.IntN(2)), On: r.IntN(2) == 0,
			Why: pick("", "", history.ConnLost, history.NoResponders, "connection: Slow Consumer", "no interest", "lost", "cut n1 -> clients for 1s"),
		}
		switch k := r.IntN(10); {
		case k < 4:
			e.Kind, e.Verb, e.Op = history.Invoke, history.Verb(pick(verbs...)), uint64(i+1)
			open = append(open, e)
		case k < 6 && len(open) > 0:
			at := r.IntN(len(open))
			e.Kind, e.Verb, e.Op = history.Kind(pick("ok", "ok", "fail", "info")), open[at].Verb, open[at].Op
			open = append(open[:at], open[at+1:]...)
		case k < 8:
			e.Kind, e.Verb = history.Deliver, history.Core
		case k == 8:
			e.Kind, e.Verb = history.Fault, history.Verb(pick("cut", "partition", "pause"))
		default:
			e.Kind, e.Verb = history.Obs, history.Verb(pick(marks...))
		}
		h.Events = append(h.Events, e)
	}
	return h
}

func TestNoCoreHistoryHoweverStrangeMakesAJudgePanicOrWaver(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 2000
	}
	for seed := range n {
		h := anythingCore(rand.New(rand.NewPCG(uint64(seed), 47)))
		report := Run(h, coreOptions)
		losses := CoreLosses(h)
		if seed%20 == 0 {
			require.Equal(t, report, Run(h, coreOptions), "seed %d", seed)
			require.Equal(t, losses, CoreLosses(h), "seed %d", seed)
		}
	}
}

func TestAPanelIsSureOfBrokenCoreMessagingBeforeTheEnd(t *testing.T) {
	for seed := range 60 {
		r := rand.New(rand.NewPCG(uint64(seed), 48))
		whole := coreHistory(r, 300)
		if !coreMutants[0].breaks(r, whole) {
			continue
		}
		growing := &history.History{Header: whole.Header}
		p, broken := NewPanel(growing, coreOptions), false
		for i, e := range whole.Events {
			growing.Events = append(growing.Events, e)
			p.Event(&growing.Events[i])
			broken = broken || p.Broken()
		}
		require.True(t, broken, "seed %d: a message delivered twice is a violation at once", seed)
		require.Equal(t, Run(whole, coreOptions), p.Finish(), "seed %d", seed)
	}
}

// BenchmarkCoreJudges judges a long history with many subscriptions and reconnections.
func BenchmarkCoreJudges(b *testing.B) {
	h := coreHistory(rand.New(rand.NewPCG(1, 49)), 300_000)
	b.ResetTimer()
	for b.Loop() {
		for _, v := range Run(h, coreOptions).Verdicts {
			require.NotEqual(b, spec.Violated, v.Value, v.Sentence)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(len(h.Events))*1e9, "ns/event")
}

func BenchmarkCoreLosses(b *testing.B) {
	h := coreHistory(rand.New(rand.NewPCG(1, 49)), 100_000)
	b.ResetTimer()
	for b.Loop() {
		CoreLosses(h)
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(len(h.Events))*1e9, "ns/event")
}
