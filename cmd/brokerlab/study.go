package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/studies"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// studyFlags are those of run that choose a study's cells.
type studyFlags struct{ size, hardware string }

// runStudy runs a study.
func (c *cli) runStudy(cmd *cobra.Command, s study.Study, f *runFlags) error {
	for _, name := range []string{"profile", "set", "trace", "cluster", "load", "plan"} {
		if cmd.Flags().Changed(name) {
			return &experiments.UsageError{Why: fmt.Sprintf("--%s: %s is a study, which has designs, settings and seeds of its own; it takes --size, --hardware, --seed or --seeds, --jobs and --out", name, s.Name)}
		}
	}
	o := study.Options{Size: study.Size(f.study.size), Hardware: f.study.hardware}
	seeds := f.seeds
	if cmd.Flags().Changed("seed") {
		if seeds != "" {
			return &experiments.UsageError{Why: "--seed and --seeds contradict each other: give one"}
		}
		seeds = f.seed
	}
	if seeds != "" {
		var err error
		if o.From, o.To, err = parseRange(seeds); err != nil {
			return err
		}
		if o.To == 0 {
			return &experiments.UsageError{Why: "--seeds " + seeds + ": the seeds of a study begin at 1"}
		}
	}
	if f.jobs < 1 {
		return &experiments.UsageError{Why: fmt.Sprintf("--jobs %d: must be at least 1", f.jobs)}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r := &study.Runner{Study: s, Options: o, Out: f.job.Out, Workers: f.jobs, Command: []string{self, studyWorkerName}}
	if terminal(c.err) {
		r.Progress = c.cellProgress(s.Name)
	}
	doc, err := r.Run(cmd.Context())
	if r.Progress != nil {
		fmt.Fprint(c.err, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	c.status = doc.Exit()
	if c.json {
		return c.printJSON(doc)
	}
	doc.Print(c.out, r.Dir())
	_, err = fmt.Fprintln(c.out, doc.LastLine())
	return err
}

// cellProgress draws a line on a terminal.
func (c *cli) cellProgress(name string) func(done, total int) {
	start := time.Now()
	return func(done, total int) {
		left := time.Duration(float64(time.Since(start)) / float64(done) * float64(total-done)).Round(time.Second)
		fmt.Fprintf(c.err, "\r\x1b[K%s: %d of %d cells, about %v to go", name, done, total, left)
	}
}

const studyWorkerName = "study-worker"

func (c *cli) studyWorkerCommand() *cobra.Command {
	return &cobra.Command{
		Use: studyWorkerName, Hidden: true, Args: cobra.NoArgs,
		Short: "Run cells of a study read from standard input (started by run)",
		RunE:  doing(func(*cobra.Command, []string) error { return study.Worker(studies.Find, c.in, c.out) }),
	}
}

// alsoStudies names the studies too, where nothing has the name that was asked for.
func alsoStudies(name string, err error) error {
	var usage *experiments.UsageError
	if _, missing := experiments.Find(name); missing == nil || missing.Error() != err.Error() || !errors.As(err, &usage) {
		return err
	}
	var names []string
	for _, s := range studies.All() {
		names = append(names, s.Name)
	}
	return &experiments.UsageError{Why: usage.Why + "; the studies " + strings.Join(names, ", ") + "; and all"}
}
