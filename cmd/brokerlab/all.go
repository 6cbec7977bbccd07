package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/brokerlab/brokerlab/experiments/studies"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// allName stands for every study and every judged experiment.
const allName = "all"

// runAll runs everything, one after the other.
func (c *cli) runAll(cmd *cobra.Command, f *runFlags) error {
	o := study.Options{Size: study.Size(f.study.size), Hardware: f.study.hardware}
	wrong := misplaced(cmd, "all takes --size, --hardware, --jobs and --out; give the rest to one experiment",
		"seed", "seeds", "profile", "set", "trace", "cluster", "load", "plan")
	if err := allWrong(wrong, o.Check(), enoughJobs(f.jobs)); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p := studies.Processes{Workers: f.jobs, Study: []string{self, studyWorkerName}, Seed: []string{self, workerName}}
	return c.runEntries(cmd.Context(), f.job.Out, studies.Entries(o, f.job.Out, p))
}

func (c *cli) runEntries(ctx context.Context, out string, entries []studies.Entry) error {
	a := &studies.AllRunner{Entries: entries, Out: out}
	drawn := terminal(c.err)
	if drawn {
		a.Progress = func(r *studies.Ran, number int) func(done, total int) {
			return c.cellProgress(fmt.Sprintf("[%d/%d] %s", number, len(entries), r.Title()))
		}
	}
	a.Finished = func(r *studies.Ran) {
		if drawn {
			fmt.Fprint(c.err, "\r\x1b[K")
		}
		if !c.json {
			fmt.Fprintf(c.out, "%-46s %-9s %-15s %6.1f s\n", r.Title(), r.Verdict(), r.Expected(), r.Seconds)
		}
		if r.Error != "" {
			fmt.Fprintf(c.err, "brokerlab: %s: %s\n", r.Title(), r.Error)
		}
	}
	res, err := a.Run(ctx)
	if err != nil {
		return err
	}
	c.status = res.Exit()
	if c.json {
		return c.printJSON(res.Ran)
	}
	_, err = fmt.Fprintln(c.out, res.LastLine())
	return err
}
