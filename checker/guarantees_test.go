package checker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// TestGuaranteesAreJudgedAsTheStoriesSay runs the stories of testdata/guarantees. Each is a
// history in the small language of build_test.go, and what a judge says of it.
func TestGuaranteesAreJudgedAsTheStoriesSay(t *testing.T) {
	given := map[spec.ID]map[spec.Verdict]int{}
	datadriven.Walk(t, "testdata/guarantees", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			h := script(t, d.Input)
			for _, setting := range d.CmdArgs {
				if setting.Vals != nil {
					h.Header.Settings = map[string]string{setting.Key: setting.Vals[0]}
				}
			}
			switch d.Cmd {
			case "judge":
				id := spec.ID(d.CmdArgs[0].Key)
				v := Run(h, Options{}).Of(id)
				require.NotNil(t, v, "no judge for %s", id)
				if given[id] == nil {
					given[id] = map[spec.Verdict]int{}
				}
				given[id][v.Value]++
				return tell(v)
			case "life":
				return tellLife(h, d.CmdArgs[0].Key)
			case "losses":
				return tellLosses(h)
			case "fates":
				var b strings.Builder
				for _, f := range Fates(h) {
					fmt.Fprintf(&b, "%s %s:%d %s\n", f.Value, f.Stream, f.Seq, f.Fate)
				}
				return b.String()
			}
			t.Fatalf("what is %s?", d.Cmd)
			return ""
		})
	})
	for _, g := range spec.Catalogue() {
		require.Positive(t, given[g.ID][spec.Holds], "no story in which %s holds", g.ID)
		require.Positive(t, given[g.ID][spec.Violated], "no story in which %s is violated", g.ID)
	}
}

func tell(v *Verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", v.Value, v.Sentence)
	if len(v.Certificate) > 0 {
		b.WriteString("certificate:")
		for _, e := range v.Certificate {
			fmt.Fprintf(&b, " #%d", e.Index)
		}
		b.WriteString("\n")
	}
	for _, c := range v.Stats.Counts {
		fmt.Fprintf(&b, "%s: %d\n", c.Name, c.N)
	}
	return b.String()
}

func tellLife(h *history.History, value string) string {
	var b strings.Builder
	for _, l := range Biography(h, value) {
		fmt.Fprintf(&b, "%s #%d %s\n", seconds(l.Time), l.Index, l.Text)
	}
	b.WriteString(LifeSentence(h, value) + "\n")
	return b.String()
}

const lossAndSplit = `
c1 pub a; n1 stored 1 a; n2 stored 1 a; c1 ok 1
c1 pub b; n1 stored 2 b; c1 ok 2
n1 down power; n1 recovered 1 1; n1 up
c2 pub c; n2 stored 2 c; c2 ok 2
healed
c2 fread 1; c2 ok a; c2 fread 2; c2 ok c; c2 fread 3; c2 none
drained`

func TestReportsAreTheSameEveryTimeAndSurviveJSON(t *testing.T) {
	h := script(t, lossAndSplit)
	first, err := json.Marshal(Run(h, Options{}))
	require.NoError(t, err)
	for range 20 {
		again, err := json.Marshal(Run(h, Options{}))
		require.NoError(t, err)
		require.Equal(t, string(first), string(again))
	}
	var back Report
	require.NoError(t, json.Unmarshal(first, &back))
	third, err := json.Marshal(&back)
	require.NoError(t, err)
	require.Equal(t, string(first), string(third))
}

func TestAPanelFedWhileTheHistoryGrowsSaysTheSame(t *testing.T) {
	whole := script(t, lossAndSplit)
	growing := &history.History{Header: whole.Header}
	p := NewPanel(growing, Options{})
	broken := -1
	for i, e := range whole.Events {
		growing.Events = append(growing.Events, e)
		p.Event(&growing.Events[i])
		if p.Broken() && broken < 0 {
			broken = i
		}
	}
	require.Equal(t, Run(whole, Options{}), p.Finish())
	require.Positive(t, broken)
	require.Less(t, broken, len(whole.Events)-8, "the second message with number 2 is a violation at once")
}

func TestOverallHoldsVerdictsAgainstClaims(t *testing.T) {
	r := Run(script(t, lossAndSplit), Options{})
	safe, err := spec.ClaimsOf(spec.Reference, map[string]string{"sync": "group"})
	require.NoError(t, err)
	o := r.Overall(safe)
	require.Equal(t, spec.Violated, o.Value)
	require.Contains(t, o.Violated, spec.NoAckedLoss)
	require.Contains(t, o.String(), "VIOLATED")

	loose, err := spec.ClaimsOf(spec.Reference, map[string]string{"sync": "interval"})
	require.NoError(t, err)
	o = r.Overall(loose)
	require.Equal(t, spec.Holds, o.Value, "%v", o)
	require.Contains(t, o.Unclaimed, spec.NoAckedLoss, "an anomaly that breaks no claim is still reported")
}

func TestOnlyTheGuaranteesAskedForAreJudged(t *testing.T) {
	for _, g := range spec.Catalogue() {
		r := Run(script(t, lossAndSplit), Options{Only: []spec.ID{g.ID}})
		require.Len(t, r.Verdicts, 1, "%s", g.ID)
		require.Equal(t, g.ID, r.Verdicts[0].Guarantee)
	}
}

func TestAnEmptyHistoryExercisesNothing(t *testing.T) {
	r := Run(&history.History{}, Options{})
	require.Len(t, r.Verdicts, len(spec.Catalogue()))
	for _, v := range r.Verdicts {
		require.Equal(t, spec.NotExercised, v.Value, "%s", v.Guarantee)
		require.NotEmpty(t, v.Sentence)
	}
	require.False(t, slices.ContainsFunc(r.Verdicts, func(v Verdict) bool { return len(v.Certificate) > 0 }))
}
