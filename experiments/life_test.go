package experiments

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/metrics"
	"github.com/brokerlab/brokerlab/experiments/rundir"
)

// lived runs an experiment.
func lived(t *testing.T, name, profile string) *Result {
	t.Helper()
	e, err := Find(name)
	require.NoError(t, err)
	c, err := e.Config(1, Options{Profile: profile})
	require.NoError(t, err)
	res, err := Execute(c, nil)
	require.NoError(t, err)
	return res
}

// drawnLife is the life of a message of a run; FIGURES names a directory to look at it in.
func drawnLife(t *testing.T, res *Result, value, file string) (*figures.Story, figures.Figure) {
	t.Helper()
	s := storyOf(res.History, metrics.Measure(res.History).Spans, value)
	f, err := figures.Life(s)
	require.NoError(t, err)
	if dir := os.Getenv("FIGURES"); dir != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file+".png"), f.PNG, 0o600))
	}
	again, err := figures.Life(storyOf(res.History, metrics.Measure(res.History).Spans, value))
	require.NoError(t, err)
	require.Equal(t, f, again)
	return s, f
}

func steps(s *figures.Story, what figures.What) (out []figures.Step) {
	for _, x := range s.Steps {
		if x.What == what {
			out = append(out, x)
		}
	}
	return out
}

func TestAMessageLostWithAllPowerIsHeldByNobodyFromTheLastRecoveryOn(t *testing.T) {
	res := lived(t, "power-loss", "nats")
	value := res.lostMessage()
	require.NotEmpty(t, value)
	s, f := drawnLife(t, res, value, "life-power")
	require.Len(t, steps(s, figures.Published), 1)
	require.Len(t, steps(s, figures.Acknowledged), 1)
	require.Len(t, steps(s, figures.Stored), 3)
	require.Len(t, s.Copies, 3)
	require.Contains(t, s.Turn.Text, "nobody holds message "+value)
	for _, c := range s.Copies {
		require.LessOrEqual(t, c.To, s.Turn.At, "a copy outlives the moment from which nobody holds it")
	}
	require.Len(t, s.Faults, 6, "three slow disks, and three nodes without power")
	require.Contains(t, string(f.SVG), "power fails")

	if os.Getenv("GALLERY") != "" {
		text, err := json.MarshalIndent(s, "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile("figures/gallery/life.json", append(text, '\n'), 0o644))
		require.NoError(t, os.WriteFile("figures/gallery/life.svg", f.SVG, 0o644))
	}
	drawn, err := os.ReadFile("figures/gallery/life.svg")
	require.NoError(t, err)
	require.True(t, bytes.Equal(drawn, f.SVG), "the README's picture is not of today's run; GALLERY=1 go test -run TestAMessageLostWithAllPower ./experiments draws it anew")
}

func TestAMessageThatAPausedLeaderStillHoldsIsLostToTheStream(t *testing.T) {
	res := lived(t, "pause-then-power-loss", "nats")
	value := res.lostMessage()
	require.NotEmpty(t, value)
	s, _ := drawnLife(t, res, value, "life-pause")
	require.False(t, s.Turn.Good)
	require.Contains(t, s.Turn.Text, "message "+value)
	kinds := map[string]int{}
	for _, x := range s.Faults {
		word, _, _ := strings.Cut(x.Text, " since ")
		kinds[word]++
	}
	require.Equal(t, map[string]int{"paused": 2, "power fails": 1}, kinds)
	require.Len(t, steps(s, figures.Elected), 1)
}

func TestAMessageThatComesBackAfterAPowerFailureEndsWell(t *testing.T) {
	res := lived(t, "power-loss", "reference")
	require.Empty(t, res.lostMessage())
	fates := checker.Fates(res.History)
	s, _ := drawnLife(t, res, fates[len(fates)/4].Value, "life-kept")
	require.True(t, s.Turn.Good)
	require.Empty(t, steps(s, figures.Missing))
	require.Len(t, s.Copies, 3)
	require.Greater(t, len(steps(s, figures.Found)), 3, "each node has it again, and the final read finds it")
}

func TestALifeThroughEveryKindOfFaultIsDrawn(t *testing.T) {
	res := lived(t, "quickstart", "reference")
	for _, f := range checker.Fates(res.History) {
		if f.Fate == checker.FateOK {
			s, _ := drawnLife(t, res, f.Value, "life-quickstart")
			require.True(t, s.Turn.Good)
			require.Equal(t, "network", s.Lanes[len(s.Lanes)-1])
			break
		}
	}
	s, _ := drawnLife(t, res, "no such message", "life-none")
	require.Empty(t, s.Steps)
}

func TestARunThatLostAMessageShowsItsLife(t *testing.T) {
	d := rundir.Dir(t.TempDir())
	require.NoError(t, lived(t, "power-loss", "nats").Write(d))
	svg, err := d.Read("life.svg")
	require.NoError(t, err)
	require.NotEmpty(t, svg)
	page, err := d.Read(rundir.ReportFile)
	require.NoError(t, err)
	require.Contains(t, string(page), "The life of message")
}
