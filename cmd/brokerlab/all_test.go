package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/studies"
	"github.com/brokerlab/brokerlab/experiments/study"
)

func TestAllRunsOneAfterTheOtherAndItsReportShowsThem(t *testing.T) {
	out := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	p := studies.Processes{Workers: 2, Study: []string{self, studyWorkerName}, Seed: []string{self, workerName}}
	entries := slices.DeleteFunc(studies.Entries(study.Options{Size: study.Small, Hardware: "server"}, out, p), func(e studies.Entry) bool {
		return e.Name != "power-loss"
	})
	require.Len(t, entries, 2, "with its own profile and with that of which it expects a violation")
	broken := studies.Entry{Name: "broken", Kind: studies.KindStudy, Dir: "broken", Run: func(context.Context, func(done, total int)) (studies.Outcome, error) {
		return studies.Outcome{}, errors.New("no such machine")
	}}
	var o, e bytes.Buffer
	c := &cli{out: &o, err: &e}
	require.NoError(t, c.runEntries(context.Background(), out, append([]studies.Entry{broken}, entries...)))
	require.Equal(t, experiments.ExitNot, c.status)
	require.Regexp(t, `^broken +unknown +could not run +\d+\.\d s
power-loss +holds +as expected +\d+\.\d s
power-loss --profile nats +violated +as expected +\d+\.\d s
VIOLATED all experiments=3 violated=1/3 trace=[0-9a-f]{16} broken
$`, o.String())
	require.Equal(t, "brokerlab: broken: no such machine\n", e.String())
	var ran []studies.Ran
	text, err := os.ReadFile(filepath.Join(out, studies.AllFile))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &ran))
	require.Regexp(t, `^VIOLATED power-loss seeds=1-3 .*\(expected\)$`, ran[2].LastLine)
	require.FileExists(t, filepath.Join(out, ran[2].Dir, experiments.SummaryFile))

	status, _, last, errs := brokerlab(t, "report", out, "--json")
	require.Zero(t, status, errs)
	path := filepath.Join(out, "report.html")
	require.JSONEq(t, `{"report": "`+path+`"}`, last)
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, want := range []string{"brokerlab run power-loss --profile nats --seeds 1-3", "brokerlab run power-loss --seeds 1-3", "no such machine", "Every claimed guarantee held in 3 of 3 seeds"} {
		require.Contains(t, string(page), want)
	}

	require.NoError(t, os.WriteFile(filepath.Join(out, "power-loss", experiments.SummaryFile), []byte(`{"name": "power-loss"`), 0o600))
	status, _, _, errs = brokerlab(t, "report", out)
	require.Equal(t, experiments.ExitNot, status)
	require.Contains(t, errs, filepath.Join("power-loss", "summary.json")+": line 1")
}

func TestStudiesAreListedBesideExperiments(t *testing.T) {
	_, out, _, _ := brokerlab(t, "list")
	for _, s := range studies.All() {
		require.Contains(t, out, s.Question)
	}
}

func TestAllRefusesWhatBelongsToOneExperiment(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"run all --seeds 1-3", "--seeds: all takes --size, --hardware, --jobs and --out"},
		{"run all --profile nats", "--profile: all takes"},
		{"run all --size large", "want small or full"},
		{"run all --hardware abacus", `hardware "abacus": neither a file nor one of`},
		{"run all --jobs 0", "--jobs 0"},
		{"run all --seeds 1-3 --size large --jobs 0", "give the rest to one experiment\n--size large: want small or full\n--jobs 0"},
		{"run failover --set elr=on --seeds 0-0 --size huge --jobs 0", "--jobs and --out\n--seeds 0-0: the seeds of a study begin at 1\n--size huge: want small or full\n--jobs 0"},
		{"report " + t.TempDir(), "manifest.json is missing"},
	} {
		status, _, _, errs := brokerlab(t, strings.Fields(c.args)...)
		require.Equal(t, experiments.ExitUsage, status, "brokerlab %s", c.args)
		require.Contains(t, errs, c.want, "brokerlab %s", c.args)
	}
}
