package report

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/metrics"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/spec"
)

func page(t *testing.T, verdict spec.Verdict) Page {
	claims, err := spec.ClaimsOf(spec.NATS, nil)
	require.NoError(t, err)
	m := &rundir.Manifest{Config: rundir.Config{
		Name: "power-loss", Question: "Does an acknowledged message survive when all nodes lose power?", Seed: 0x2a, Profile: "nats",
		Switches: map[string]string{"sync": "interval", "read": "local"}, Cluster: rundir.Cluster{Nodes: 3, Streams: []load.StreamSpec{{Name: "ORDERS", Replicas: 3}}},
		Load:     load.Spec{Groups: []load.Group{{Name: "c", Count: 8, PublishPerSecond: 80, ReadPerSecond: 20}}},
		LoadFrom: 2e9, LoadUntil: 60e9, Heal: 50e9, Timeout: 5e9,
	}, Trace: "9f86d081884c7d65", Verdict: verdict, Totals: rundir.Totals{Operations: 5800, VirtualNanos: 68e9}}
	p := Page{Manifest: m, Claims: claims, Plan: []string{"plan v1", "at 20s power all for 2s keep=none"}, Command: "brokerlab run power-loss --profile nats --seed 0x2a"}
	for _, g := range spec.Catalogue() {
		v := checker.Verdict{Guarantee: g.ID, Value: spec.Holds, Sentence: "4,120 things that could have broken it did not."}
		switch g.ID {
		case spec.NoAckedLoss:
			v.Value = verdict
			v.Sentence = "Message c3-212 was acknowledged to c3 at 19.871 s with sequence 1,431 (#20117) & the final drain did not find it <anywhere>."
			v.Certificate = []history.Event{{Index: 20117, Time: 19_871_000_000, Kind: history.OK, Verb: history.Publish, Client: "c3", Seq: 1431}}
			if verdict == spec.Violated {
				m.Violated = []spec.ID{g.ID}
				p.Lives = []Life{{Title: "c3-212", Lines: []string{"19.868 s: published by c3", "19.869 s: appended on n1", "20.000 s: power failed on n1, n2 and n3"}}}
			}
		case spec.NoAbortedRead:
			v.Value, v.Sentence = spec.NotExercised, "No publish failed."
		}
		p.Verdicts = append(p.Verdicts, v)
	}
	f, err := figures.Messages(metrics.Measure(&history.History{}), nil)
	require.NoError(t, err)
	p.Figures = []figures.Figure{f}
	return p
}

func TestTheFirstScreenSaysTheVerdictAndItsReason(t *testing.T) {
	var b bytes.Buffer
	p := page(t, spec.Violated)
	p.Manifest.Expect = []spec.ID{spec.NoAckedLoss}
	require.NoError(t, Write(&b, p))
	text := b.String()
	for _, want := range []string{`<div class="word">VIOLATED`, "Message c3-212 was acknowledged", "it was expected", "&lt;anywhere&gt;", "power failed on n1", "seed <b>0x2a", "<svg role=", "--profile nats --seed 0x2a"} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "<?xml")
	for _, forbidden := range []string{"<script", "src=\"http", "href=\"http", "@import"} {
		require.NotContains(t, text, forbidden, "the page must need no network")
	}
	if path := os.Getenv("REPORT"); path != "" {
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	}
}

func TestARunThatHeldSaysHowMuchWasJudged(t *testing.T) {
	var b bytes.Buffer
	p := page(t, spec.Holds)
	require.NoError(t, Write(&b, p))
	exercised := len(p.Claims.Made) - 1 // but for no-aborted-read
	require.Contains(t, b.String(), fmt.Sprintf("All %d claimed guarantees that the run could have broken held.", exercised))
	require.Contains(t, b.String(), "not exercised")
}

func TestAnUnmetExpectationIsSaid(t *testing.T) {
	var b bytes.Buffer
	p := page(t, spec.Holds)
	p.Manifest.Expect = []spec.ID{spec.NoAckedLoss}
	require.NoError(t, Write(&b, p))
	require.Contains(t, b.String(), "which this seed did not show")
}
