package experiments

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/spec"
)

// SummaryFile is what a range of seeds adds beside their run directories.
const SummaryFile = "summary.json"

// Summary is what came of a range of seeds.
type Summary struct {
	Name       string       `json:"name"`
	Question   string       `json:"question,omitempty"`
	Profile    string       `json:"profile"`
	Set        []string     `json:"set,omitempty"`
	From       rundir.Seed  `json:"from"`
	To         rundir.Seed  `json:"to"`
	Build      rundir.Build `json:"build"`
	Verdict    spec.Verdict `json:"verdict"`
	AsExpected bool         `json:"as_expected"`
	Expect     []spec.ID    `json:"expect_violated,omitempty"`
	Seeds      int          `json:"seeds"`
	Holds      int          `json:"holds"`
	Violated   int          `json:"violated"`
	Unknown    int          `json:"unknown"`
	First      *rundir.Seed `json:"first_violated,omitempty"`
	// Broken counts, for each guarantee, the seeds in which it was violated.
	Broken map[spec.ID]int `json:"broken,omitempty"`
	// Traces is a hash over the trace hashes of all seeds, in order.
	Traces  string        `json:"traces"`
	Totals  rundir.Totals `json:"totals"`
	Results []SeedResult  `json:"results"`

	losses     []figures.LevelLosses
	lossFigure string // its path
}

// Sweeper runs a range of seeds in worker processes.
type Sweeper struct {
	Job      Job
	From, To rundir.Seed
	Workers  int
	// Command starts a worker (it is given a Job and seeds as Worker reads them).
	Command []string
	// Progress is told after each seed; may be nil.
	Progress func(done, total, violated int)
}

// maxSeeds bounds a range: a slip of the hand must not run for a year.
const maxSeeds = 10_000_000

// Run runs every seed and writes the summary. Violations are results; an error means that a
// seed could not be run.
func (s *Sweeper) Run(ctx context.Context) (*Summary, error) {
	if s.To < s.From || uint64(s.To-s.From) >= maxSeeds {
		return nil, usagef("--seeds %d-%d: want FIRST-LAST with at most %d seeds", s.From, s.To, maxSeeds)
	}
	// What is wrong with the job is wrong with every seed: say it once.
	e, err := s.Job.Experiment()
	if err != nil {
		return nil, err
	}
	c, err := e.Config(s.From, s.Job.Options)
	if err != nil {
		return nil, err
	}
	results, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Job.slim(results); err != nil {
		return nil, err
	}
	sum := summarise(&c, s, results)
	d := rundir.Dir(filepath.Join(s.Job.Out, s.Job.Name))
	if err := d.WriteJSON(SummaryFile, sum); err != nil || c.Levels == 0 {
		return sum, err
	}
	sum.losses = lossesByLevel(results, c.Levels)
	return sum, sum.writeLosses(d, fmt.Sprintf("%s --seeds %d-%d", s.Job.Command(), s.From, s.To))
}

// all hands seeds to workers as these come free, and returns the results in order of the seeds.
func (s *Sweeper) all(ctx context.Context) ([]SeedResult, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	total := int(s.To-s.From) + 1
	seeds := make(chan rundir.Seed)
	go func() {
		defer close(seeds)
		for n := range total {
			select {
			case seeds <- s.From + rundir.Seed(n):
			case <-ctx.Done():
				return
			}
		}
	}()
	type outcome struct {
		result SeedResult
		err    error
		ended  bool
	}
	outcomes := make(chan outcome)
	workers := min(max(s.Workers, 1), total)
	for range workers {
		go func() {
			err := s.worker(ctx, seeds, func(r SeedResult) { outcomes <- outcome{result: r} })
			outcomes <- outcome{err: err, ended: true}
		}()
	}
	results := make([]SeedResult, 0, total)
	var failed error
	for violated := 0; workers > 0; {
		o := <-outcomes
		switch {
		case o.ended:
			workers--
			if o.err != nil && failed == nil {
				failed = o.err
				stop()
			}
			continue
		case o.result.Verdict == spec.Violated:
			violated++
		}
		results = append(results, o.result)
		if s.Progress != nil {
			s.Progress(len(results), total, violated)
		}
	}
	slices.SortFunc(results, func(a, b SeedResult) int { return int(min(max(int64(a.Seed-b.Seed), -1), 1)) })
	return results, failed
}

// worker keeps one process busy until there are no more seeds.
func (s *Sweeper) worker(ctx context.Context, seeds <-chan rundir.Seed, done func(SeedResult)) error {
	cmd := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
	// One worker a core: a second thread, or a small heap, would only take from the others.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=800")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a worker: %w", err)
	}
	seed, err := s.feed(in, bufio.NewReaderSize(out, 1<<16), seeds, done)
	err = errors.Join(err, in.Close())
	if werr := cmd.Wait(); werr != nil || err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var usage *UsageError
		if errors.As(err, &usage) {
			return usage
		}
		return fmt.Errorf("seed %s: %w; the worker said:\n%s", seed, errors.Join(err, werr), tail(stderr.String()))
	}
	return nil
}

func (s *Sweeper) feed(in io.Writer, out *bufio.Reader, seeds <-chan rundir.Seed, done func(SeedResult)) (seed rundir.Seed, err error) {
	job, err := json.Marshal(s.Job)
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintf(in, "%s\n", job); err != nil {
		return 0, err
	}
	for seed = range seeds {
		if _, err := fmt.Fprintln(in, seed); err != nil {
			return seed, err
		}
		line, err := out.ReadBytes('\n')
		if err != nil {
			return seed, err
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			return seed, err
		}
		switch {
		case a.Usage:
			return seed, &UsageError{a.Error}
		case a.Error != "":
			return seed, errors.New(a.Error)
		}
		a.SeedResult.Tolerated = a.Tolerated
		done(a.SeedResult)
	}
	return seed, nil
}

// tail is the last lines of what a worker wrote.
func tail(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(len(lines)-20, 0):], "\n")
}

func summarise(c *rundir.Config, s *Sweeper, results []SeedResult) *Summary {
	sum := &Summary{
		Name: c.Name, Question: c.Question, Profile: c.Profile, Set: s.Job.Options.Set, From: s.From, To: s.To,
		Build: rundir.ThisBuild(), Expect: c.Expect, Seeds: len(results), Broken: map[spec.ID]int{}, Results: results,
	}
	traces := fnv.New64a()
	found, tolerated := false, true
	for i := range results {
		r := &results[i]
		fmt.Fprintln(traces, r.Seed, r.Trace)
		sum.Verdict = sum.Verdict.Worse(r.Verdict)
		sum.Totals.Add(&r.Totals)
		switch r.Verdict {
		case spec.Violated:
			if sum.Violated++; sum.First == nil {
				sum.First = &r.Seed
			}
			found = found || r.Expected
			tolerated = tolerated && r.Tolerated
			for _, id := range r.Violated {
				sum.Broken[id]++
			}
		case spec.Unknown, spec.NotExercised:
			sum.Unknown++
		default:
			sum.Holds++
		}
	}
	sum.Traces = fmt.Sprintf("%016x", traces.Sum64())
	sum.AsExpected = sum.Violated == 0
	if len(c.Expect) > 0 {
		sum.AsExpected = found && tolerated
	}
	return sum
}
