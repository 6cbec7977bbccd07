package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/designs"
	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/studies"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// runFlags are those of run.
type runFlags struct {
	job   experiments.Job
	seed  string
	seeds string
	jobs  int
	study studyFlags
}

func (c *cli) runCommand() *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run NAME",
		Short: "Run an experiment for one seed, or for a range of seeds",
		Long: `Run an experiment for one seed, or for a range of seeds in parallel processes.

A run is written to OUT/NAME/SEED: manifest.json, plan.txt, history.jsonl, metrics.csv,
verdict.json, report.html and figures; losses.csv if there was core messaging. A range adds
OUT/NAME/summary.json and keeps whole directories for its first three violations only; where an
experiment grades its faults, OUT/NAME/losses.csv and losses.svg show the losses by level.

A study (brokerlab list names them too) runs its own grid and seeds and writes OUT/NAME: tables,
figures and study.json. "run all" runs every study and every judged experiment for a few seeds,
one after the other, and adds OUT/all.json; "brokerlab report OUT" makes one page of them.

"run custom" takes the cluster, the load and the faults from files; examples are in
experiments/examples.`,
		Example: `  brokerlab run quickstart --seed 0x2a
  brokerlab run power-loss --profile nats --seeds 1-20
  brokerlab run all --size small --out out/experiments
  brokerlab run soak --seeds 1-2000 --jobs 2 --set sync=interval
  brokerlab run custom --cluster cluster.json --load load.json --plan plan.txt`,
		Args: cobra.ExactArgs(1),
		RunE: doing(func(cmd *cobra.Command, args []string) error {
			f.job.Name = args[0]
			if args[0] == allName {
				return c.runAll(cmd, f)
			}
			if s, ok := studies.Find(args[0]); ok {
				return c.runStudy(cmd, s, f)
			}
			if _, err := f.job.Experiment(); err != nil {
				return alsoStudies(args[0], err)
			}
			for _, name := range []string{"size", "hardware"} {
				if cmd.Flags().Changed(name) {
					return &experiments.UsageError{Why: fmt.Sprintf("--%s: %s is no study", name, args[0])}
				}
			}
			if f.seeds == "" {
				return c.runOne(f)
			}
			if cmd.Flags().Changed("seed") {
				return &experiments.UsageError{Why: "--seed and --seeds contradict each other: give one"}
			}
			return c.runRange(cmd, f)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.seed, "seed", "1", "the seed, decimal or hexadecimal with 0x")
	flags.StringVar(&f.seeds, "seeds", "", "a range of seeds, as 1-2000")
	flags.IntVar(&f.jobs, "jobs", runtime.NumCPU(), "processes that share a range of seeds")
	flags.StringVar(&f.job.Options.Profile, "profile", "", "switches to start from: "+strings.Join(designs.Profiles(), ", ")+" (default reference)")
	flags.StringArrayVar(&f.job.Options.Set, "set", nil, "one switch, as sync=interval; may be repeated")
	flags.BoolVar(&f.job.Trace, "trace", false, "also write every event of the world to trace.txt.zst")
	flags.StringVar(&f.job.Out, "out", "out", "the root of run directories")
	flags.StringVar(&f.study.size, "size", string(study.Full), "studies: small or full")
	flags.StringVar(&f.study.hardware, "hardware", "server", "studies: what brokers run on: a profile ("+strings.Join(hardware.Names(), ", ")+") or a file")
	flags.StringVar(&f.job.ClusterFile, "cluster", "", "custom: the cluster, JSON")
	flags.StringVar(&f.job.LoadFile, "load", "", "custom: the load, JSON")
	flags.StringVar(&f.job.PlanFile, "plan", "", "custom: the faults, as a plan's text")
	return cmd
}

func (c *cli) runOne(f *runFlags) error {
	seed, err := rundir.ParseSeed(f.seed)
	if err != nil {
		return &experiments.UsageError{Why: "--seed: " + err.Error()}
	}
	res, err := f.job.Run(seed, experiments.Whole)
	if err != nil {
		return err
	}
	c.status = res.Exit()
	if c.json {
		return c.printJSON(&res.Manifest)
	}
	res.Print(c.out, f.job.Dir(seed))
	_, err = fmt.Fprintln(c.out, res.LastLine())
	return err
}

func (c *cli) runRange(cmd *cobra.Command, f *runFlags) error {
	from, to, err := parseRange(f.seeds)
	if err != nil {
		return err
	}
	if f.jobs < 1 {
		return &experiments.UsageError{Why: fmt.Sprintf("--jobs %d: must be at least 1", f.jobs)}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s := &experiments.Sweeper{Job: f.job, From: from, To: to, Workers: f.jobs, Command: []string{self, workerName}}
	if terminal(c.err) {
		s.Progress = c.progress()
	}
	sum, err := s.Run(cmd.Context())
	if s.Progress != nil {
		fmt.Fprint(c.err, "\r\x1b[K")
	}
	if err != nil {
		return err
	}
	c.status = sum.Exit()
	if c.json {
		return c.printJSON(sum)
	}
	sum.Print(c.out, f.job.Command())
	_, err = fmt.Fprintln(c.out, sum.LastLine())
	return err
}

// progress draws a line on a terminal, ten times a second at most.
func (c *cli) progress() func(done, total, violated int) {
	start := time.Now()
	var last time.Time
	return func(done, total, violated int) {
		now := time.Now()
		if done < total && now.Sub(last) < 100*time.Millisecond {
			return
		}
		last = now
		left := time.Duration(float64(now.Sub(start)) / float64(done) * float64(total-done)).Round(time.Second)
		fmt.Fprintf(c.err, "\r\x1b[K%d of %d seeds, %d violated, about %v to go", done, total, violated, left)
	}
}

func parseRange(text string) (from, to rundir.Seed, err error) {
	a, b, ok := strings.Cut(text, "-")
	if !ok {
		b = a
	}
	if from, err = rundir.ParseSeed(a); err == nil {
		to, err = rundir.ParseSeed(b)
	}
	if err != nil {
		return 0, 0, &experiments.UsageError{Why: fmt.Sprintf("--seeds %s: want FIRST-LAST: %v", text, err)}
	}
	return from, to, nil
}

// workerName is the command by which a range of seeds starts its processes.
const workerName = "worker"

func (c *cli) workerCommand() *cobra.Command {
	return &cobra.Command{
		Use: workerName, Hidden: true, Args: cobra.NoArgs,
		Short: "Run seeds read from standard input (started by run --seeds)",
		RunE:  doing(func(*cobra.Command, []string) error { return experiments.Worker(c.in, c.out) }),
	}
}
