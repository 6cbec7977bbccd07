package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/rundir"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// cli is what commands share: streams, and the status to exit with.
type cli struct {
	in       io.Reader
	out, err io.Writer
	json     bool
	status   int
}

// execute runs one command line and returns its exit status.
func execute(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	c := &cli{in: in, out: out, err: errw}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return c.status
	}
	fmt.Fprintf(errw, "brokerlab: %v\n", err)
	var failure *runError
	if errors.As(err, &failure) {
		return failure.status()
	}
	// Everything before a command's own work is a fault of the command line.
	fmt.Fprintln(errw, `run "brokerlab --help" for what there is`)
	return experiments.ExitUsage
}

// runError is what went wrong in a command's own work.
type runError struct{ err error }

func (e *runError) Error() string { return e.err.Error() }
func (e *runError) Unwrap() error { return e.err }

func (e *runError) status() int {
	var usage *experiments.UsageError
	var incomplete *rundir.IncompleteError
	if errors.As(e.err, &usage) || errors.As(e.err, &incomplete) || errors.Is(e.err, os.ErrNotExist) {
		return experiments.ExitUsage
	}
	return experiments.ExitNot
}

// doing makes a command's function: its errors are faults of what it did, not of the flags.
func doing(run func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := run(cmd, args); err != nil {
			return &runError{err}
		}
		return nil
	}
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "brokerlab",
		Short: "A laboratory for what message brokers promise, and what that costs",
		Long: `brokerlab runs a replicated message broker in a simulated world with network, disk,
process and clock faults, judges what clients saw, and explains what broke.

The last line on standard output says what the world did. The exit status says whether
that was as claimed or expected: 0 yes, 1 no, 2 unknown, 3 a replay diverged, 64 usage.`,
		Example: `  brokerlab run quickstart
  brokerlab run power-loss --profile nats --seeds 1-20
  brokerlab replay out/power-loss/0x1`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON instead of text")
	root.AddCommand(c.listCommand(), c.runCommand(), c.replayCommand(), c.whyCommand(), c.checkCommand(), c.reportCommand(), c.mutantsCommand(), c.serveCommand(), c.workerCommand(), c.studyWorkerCommand(), c.calibrateCommand())
	return root
}

// printJSON prints v on one line.
func (c *cli) printJSON(v any) error { return json.NewEncoder(c.out).Encode(v) }

// terminal says whether w is one.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
