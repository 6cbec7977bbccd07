package studies

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// AllFile lists what All ran: a JSON array of Ran.
const AllFile = "all.json"

// Ran is the form of an entry in all.json.
type Ran struct {
	Name     string  `json:"name"`
	Kind     string  `json:"kind"`
	Profile  string  `json:"profile,omitempty"`
	Dir      string  `json:"dir"`
	LastLine string  `json:"last_line"`
	Exit     int     `json:"exit"`
	Seconds  float64 `json:"seconds"`
	// Error says why it could not be run.
	Error string `json:"error,omitempty"`
}

// Title names an entry among all.
func (r *Ran) Title() string {
	if r.Profile == "" {
		return r.Name
	}
	return r.Name + " --profile " + r.Profile
}

// Verdict is the word with which the last line begins.
func (r *Ran) Verdict() string {
	word, _, _ := strings.Cut(r.LastLine, " ")
	return strings.ToLower(word)
}

// Expected says whether that was as claimed or expected.
func (r *Ran) Expected() string {
	switch {
	case r.Error != "":
		return "could not run"
	case r.Exit == experiments.ExitExpected:
		return "as expected"
	}
	return "NOT as expected"
}

// AllRunner runs entries one after the other. One that fails does not keep the others from running.
type AllRunner struct {
	Entries []Entry
	Out     string
	// Progress makes what is told of an entry's cells, Finished is told of each entry; both may be nil.
	Progress func(r *Ran, number int) func(done, total int)
	Finished func(r *Ran)
}

// AllResult is what came of all entries.
type AllResult struct {
	Ran   []Ran
	trace string
}

// Run runs every entry and keeps all.json up to date. Its error is that of the context, or of writing.
func (a *AllRunner) Run(ctx context.Context) (*AllResult, error) {
	if err := os.MkdirAll(a.Out, 0o777); err != nil {
		return nil, err
	}
	res := &AllResult{}
	traces := sha256.New()
	for i := range a.Entries {
		if ctx.Err() != nil {
			break
		}
		r, trace := a.one(ctx, &a.Entries[i], i+1)
		fmt.Fprintln(traces, r.Title(), trace)
		res.Ran = append(res.Ran, r)
		if err := rundir.Dir(a.Out).WriteJSON(AllFile, res.Ran); err != nil {
			return res, err
		}
		if a.Finished != nil {
			a.Finished(&r)
		}
	}
	res.trace = fmt.Sprintf("%x", traces.Sum(nil)[:8])
	return res, ctx.Err()
}

func (a *AllRunner) one(ctx context.Context, e *Entry, number int) (Ran, string) {
	r := Ran{Name: e.Name, Kind: e.Kind, Profile: e.Profile, Dir: filepath.ToSlash(e.Dir)}
	began := time.Now()
	var progress func(done, total int)
	if a.Progress != nil {
		progress = a.Progress(&r, number)
	}
	// What an earlier run left must not pass for this one's, should this one fail.
	err := forget(rundir.Dir(filepath.Join(a.Out, e.Dir)))
	var o Outcome
	if err == nil {
		o, err = e.Run(ctx, progress)
	}
	r.LastLine, r.Exit = o.LastLine, o.Exit
	if err != nil {
		r.Error, r.Exit = err.Error(), experiments.ExitNot
		r.LastLine = "UNKNOWN " + e.Name + " (could not be run)"
	}
	r.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	return r, o.Trace
}

// forget removes what says that a directory is complete.
func forget(d rundir.Dir) error {
	for _, name := range [...]string{study.DocFile, study.TimeFile, experiments.SummaryFile} {
		if err := os.Remove(d.Path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Exit is 0 if everything was as claimed or expected.
func (res *AllResult) Exit() int {
	if len(res.failed()) > 0 {
		return experiments.ExitNot
	}
	return experiments.ExitExpected
}

func (res *AllResult) failed() (names []string) {
	for i := range res.Ran {
		if r := &res.Ran[i]; r.Exit != experiments.ExitExpected {
			names = append(names, strings.ReplaceAll(r.Title(), " --profile ", "/"))
		}
	}
	return names
}

// LastLine says how many were not as claimed or expected, and which.
func (res *AllResult) LastLine() string {
	failed := res.failed()
	word := "HOLDS"
	if len(failed) > 0 {
		word = "VIOLATED"
	}
	words := []string{word, "all", fmt.Sprintf("experiments=%d", len(res.Ran)), fmt.Sprintf("violated=%d/%d", len(failed), len(res.Ran)), "trace=" + res.trace}
	return strings.Join(append(words, failed...), " ")
}
