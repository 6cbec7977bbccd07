package study_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/model/spec"
)

// verdicts is squares with checks that hold or do not.
func verdicts(holds ...bool) study.Study {
	s := squares(false)
	s.Question, s.Vary = "How large is a square?", "its side"
	s.Conclude = func(t *study.Tables) (*study.Conclusion, error) {
		c := &study.Conclusion{Answers: map[string]string{"claim": "yes"}, Tables: []study.TextTable{{Title: "Squares", Head: []string{"a"}, Rows: [][]string{{"9"}}}}}
		c.Say("The sum is %d.", t.Of("points").Sum("square"))
		for i, h := range holds {
			c.Expect(string(rune('a'+i)), "it holds", h, "%d", i)
		}
		draw := func(t *study.Tables) (figures.Figure, error) {
			return figures.Figure{Name: "f", Title: t.Command, SVG: []byte("<svg>"), PNG: []byte("png")}, nil
		}
		return c, c.Draw(t, draw)
	}
	return s
}

func runner(t *testing.T, s study.Study) *study.Runner {
	return &study.Runner{Study: s, Options: study.Options{Size: study.Small, Hardware: "server"}, Out: t.TempDir()}
}

func TestOneCheckThatFailsMakesTheVerdictAndTheExitStatus(t *testing.T) {
	for _, c := range []struct {
		holds   []bool
		verdict spec.Verdict
		exit    int
		line    string
	}{
		{[]bool{true, true, true}, spec.Holds, experiments.ExitExpected, "HOLDS squares seeds=1-2 violated=0/3 trace="},
		{[]bool{false, true, true}, spec.Violated, experiments.ExitNot, "VIOLATED squares seeds=1-2 violated=1/3 trace="},
		{[]bool{true, false, true, false}, spec.Violated, experiments.ExitNot, "VIOLATED squares seeds=1-2 violated=2/4 trace="},
	} {
		r := runner(t, verdicts(c.holds...))
		doc, err := r.RunHere()
		require.NoError(t, err)
		require.Equal(t, c.verdict, doc.Verdict)
		require.Equal(t, c.exit, doc.Exit())
		var failed []string
		for i, h := range c.holds {
			if !h {
				failed = append(failed, string(rune('a'+i)))
			}
		}
		require.Equal(t, strings.TrimSpace(c.line+doc.Trace+" "+strings.Join(failed, " ")), doc.LastLine())
	}
}

func TestADirectoryHoldsTheTablesAndWhatTheyShow(t *testing.T) {
	r := runner(t, verdicts(true))
	require.NoError(t, os.MkdirAll(string(r.Dir()), 0o777))
	old := filepath.Join(string(r.Dir()), "old.csv")
	require.NoError(t, os.WriteFile(old, nil, 0o600))
	doc, err := r.RunHere()
	require.NoError(t, err)
	require.NoFileExists(t, old)
	text, err := os.ReadFile(r.Dir().Path("points.csv"))
	require.NoError(t, err)
	require.Equal(t, "n,seed,square\n3,0x1,9\n3,0x2,9\n4,0x1,16\n4,0x2,16\n", string(text))
	require.Equal(t, []int{4, 2}, []int{doc.Cells, doc.Seeds})
	require.Equal(t, []string{"points.csv"}, doc.Files)
	require.Equal(t, []string{"The sum is 50."}, doc.Paragraphs)
	require.Equal(t, "brokerlab run squares --size small --hardware server", doc.Command)
	require.Equal(t, []study.FigureDoc{{Name: "f", Title: doc.Command}}, doc.Figures)
	require.Len(t, doc.Trace, 32)
	svg, err := os.ReadFile(r.Dir().Path("f.svg"))
	require.NoError(t, err)
	require.Equal(t, "<svg>", string(svg))

	other := runner(t, verdicts(true))
	other.Options.From, other.Options.To = 2, 3
	shifted, err := other.RunHere()
	require.NoError(t, err)
	require.NotEqual(t, doc.Trace, shifted.Trace, "other tables, another trace")
	require.Equal(t, "brokerlab run squares --size small --hardware server --seeds 2-3", shifted.Command)
	require.Contains(t, shifted.LastLine(), "seeds=2-3")

	var b strings.Builder
	doc.Print(&b, r.Dir())
	for _, want := range []string{"2 points, 2 seeds each", "How large is a square?", "holds     a", "points.csv", "The sum is 50."} {
		require.Contains(t, b.String(), want)
	}
}

// What a directory's tables show may be concluded anew, by a study that sees them otherwise.
func TestRedrawConcludesFromTheTablesAlone(t *testing.T) {
	r := runner(t, verdicts(true))
	doc, err := r.RunHere()
	require.NoError(t, err)
	stricter := verdicts(true, false)
	stricter.Grid = nil
	find := func(name string) (study.Study, bool) { return stricter, name == "squares" }
	again, err := study.Redraw(find, string(r.Dir()))
	require.NoError(t, err)
	require.Equal(t, spec.Violated, again.Verdict)
	require.Equal(t, doc.Paragraphs, again.Paragraphs)
	require.Equal(t, []any{doc.Trace, doc.Cells, doc.Command, doc.Options}, []any{again.Trace, again.Cells, again.Command, again.Options})
	require.Len(t, again.Figures, 1)
	require.NoError(t, os.WriteFile(r.Dir().Path("points.csv"), []byte("n,seed,square\n3,0x1,10\n"), 0o600))
	again, err = study.Redraw(find, string(r.Dir()))
	require.NoError(t, err)
	require.Equal(t, []string{"The sum is 10."}, again.Paragraphs)
	require.NoError(t, os.WriteFile(r.Dir().Path("points.csv"), nil, 0o600))
	_, err = study.Redraw(find, string(r.Dir()))
	require.ErrorContains(t, err, "points.csv: a table without a header")
	_, err = study.Redraw(func(string) (study.Study, bool) { return study.Study{}, false }, string(r.Dir()))
	require.ErrorContains(t, err, `no study is called "squares"`)
}

func TestTryRunsTheChosenCellsAndWritesNothing(t *testing.T) {
	r := runner(t, squares(false))
	tables, err := r.Try(func(cell int) bool { return cell == 1 || cell == 2 })
	require.NoError(t, err)
	rows := tables.Of("points")
	require.Equal(t, 2, rows.Len())
	require.Equal(t, []string{"3", "0x2", "4", "0x1"}, []string{rows.Text(0, "n"), rows.Text(0, "seed"), rows.Text(1, "n"), rows.Text(1, "seed")})
	require.NoDirExists(t, string(r.Dir()))
	full := study.Runner{Study: squares(false), Options: study.Options{Size: study.Full}}
	tables, err = full.Try(func(int) bool { return true })
	require.NoError(t, err)
	require.Equal(t, []string{"0x1", "0x2", "0x3"}, tables.Of("points").Values("seed"))
}

func TestACellThatFailsFailsTheStudyAndSaysWhich(t *testing.T) {
	s := squares(false)
	grid := s.Grid
	s.Grid = func(o *study.Options) []study.Point {
		return append(grid(o), func(seed rundir.Seed, _ *study.Output) error {
			if seed == 2 {
				return errors.New("no disk")
			}
			return nil
		})
	}
	r := runner(t, s)
	_, err := r.RunHere()
	require.EqualError(t, err, "study squares, cell 5: no disk")
	require.NoDirExists(t, string(r.Dir()))
}

func TestOptionsFaultsAreListedAllAtOnce(t *testing.T) {
	err := (&study.Options{Size: "huge", Hardware: "laptop", From: 5, To: 4}).Check()
	require.ErrorContains(t, err, "--size huge")
	require.ErrorContains(t, err, "--hardware")
	require.ErrorContains(t, err, "--seeds")
	var usage *experiments.UsageError
	require.ErrorAs(t, err, &usage)
	require.Error(t, (&study.Options{Size: study.Small, Hardware: "server", From: 5}).Check(), "to seed 0 is backwards, and not the study's own seeds")
	for _, o := range []study.Options{{Size: study.Small, Hardware: "server"}, {Size: study.Full, Hardware: "two-core", From: 4, To: 4}, {Size: study.Full, Hardware: "server", To: 4}} {
		require.NoError(t, o.Check())
	}
}

// A worker process that says something else, or ends, is an error; what workers answer goes to its cell, whoever is first.
func TestWorkersAnswersGoToTheirCells(t *testing.T) {
	script := `read first
while read n; do printf '{"rows":{"points":[["%s","s","1"]]},"events":%s}\n' $n $n; done`
	r := runner(t, verdicts(true))
	r.Workers, r.Command = 3, []string{"sh", "-c", script}
	last := 0
	r.Progress = func(done, total int) {
		require.Equal(t, 4, total)
		last = done
	}
	doc, err := r.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, 4, last)
	require.EqualValues(t, 0+1+2+3, doc.Events)
	text, err := os.ReadFile(r.Dir().Path("points.csv"))
	require.NoError(t, err)
	require.Equal(t, "n,seed,square\n0,s,1\n1,s,1\n2,s,1\n3,s,1\n", string(text))

	for script, want := range map[string]string{
		`read first; read n; echo '{"error":"no disk"}'`: "cell 0: no disk",
		`read first; read n`:                             "cell 0: the worker ended",
		`read first; read n; echo hello`:                 "invalid character",
	} {
		r.Workers, r.Command = 1, []string{"sh", "-c", script}
		_, err := r.Run(context.Background())
		require.ErrorContains(t, err, want)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = r.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestTablesKeepWhatIsAskedFor(t *testing.T) {
	rows := study.NewRows([]string{"a", "b", "v"}, []string{"x", "1", "5"}, []string{"y", "1", "7"}, []string{"x", "2", "9"}, []string{"x", "1", "1"})
	require.Equal(t, []int64{5, 1}, rows.Where("a", "x", "b", "1").Ints("v"))
	require.Equal(t, []string{"x", "y"}, rows.Values("a"))
	require.Equal(t, []figures.XY{{X: 1, Y: 5, Low: 1, High: 7}, {X: 2, Y: 9, Low: 9, High: 9}}, rows.Medians("b", "v"))
	require.EqualValues(t, []int64{22, 9}, []int64{rows.Sum("v"), rows.Most("v")})
	require.Panics(t, func() { rows.Where("c", "x") })
	require.Panics(t, func() { rows.Int(0, "a") })
	require.Equal(t, []int{1, 0}, []int{study.Bit(true), study.Bit(false)})
}
