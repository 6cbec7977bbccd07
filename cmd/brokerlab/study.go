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
	o, err := studyOptions(cmd, s.Name, f)
	if err != nil {
		return err
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

// studyOptions are a study's; the error lists every flag that is wrong.
func studyOptions(cmd *cobra.Command, name string, f *runFlags) (o study.Options, err error) {
	wrong := misplaced(cmd, name+" is a study, which has designs, settings and seeds of its own; it takes --size, --hardware, --seed or --seeds, --jobs and --out",
		"profile", "set", "trace", "cluster", "load", "plan")
	o = study.Options{Size: study.Size(f.study.size), Hardware: f.study.hardware}
	seeds := f.seeds
	if cmd.Flags().Changed("seed") {
		if seeds != "" {
			wrong = append(wrong, errors.New("--seed and --seeds contradict each other: give one"))
		}
		seeds = f.seed
	}
	if seeds != "" {
		if o.From, o.To, err = parseRange(seeds); err != nil {
			wrong = append(wrong, err)
		} else if o.To == 0 {
			wrong = append(wrong, errors.New("--seeds "+seeds+": the seeds of a study begin at 1"))
		}
	}
	return o, allWrong(wrong, o.Check(), enoughJobs(f.jobs))
}

// misplaced are the flags that are given and belong to something else.
func misplaced(cmd *cobra.Command, why string, names ...string) (wrong []error) {
	for _, name := range names {
		if cmd.Flags().Changed(name) {
			wrong = append(wrong, fmt.Errorf("--%s: %s", name, why))
		}
	}
	return wrong
}

func enoughJobs(jobs int) error {
	if jobs < 1 {
		return fmt.Errorf("--jobs %d: must be at least 1", jobs)
	}
	return nil
}

// allWrong is one usage error of many; nil if there is none.
func allWrong(wrong []error, more ...error) error {
	if err := errors.Join(append(wrong, more...)...); err != nil {
		return &experiments.UsageError{Why: err.Error()}
	}
	return nil
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
