package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/report/overview"
	"github.com/brokerlab/brokerlab/experiments/studies"
)

func (c *cli) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the experiments and studies, and their questions",
		Example: "  brokerlab list\n  brokerlab list --json",
		Args:    cobra.NoArgs,
		RunE: doing(func(*cobra.Command, []string) error {
			listing := experiments.Listing()
			for _, s := range studies.All() {
				listing = append(listing, experiments.Listed{Name: s.Name, Question: s.Question, Vary: s.Vary})
			}
			if c.json {
				return c.printJSON(listing)
			}
			for _, e := range listing {
				fmt.Fprintf(c.out, "%-22s %s\n", e.Name, e.Question)
			}
			return nil
		}),
	}
}

func (c *cli) replayCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "replay RUNDIR",
		Short: "Run a run directory again and compare the traces",
		Long: `Run a run directory again: the configuration of its manifest.json with the faults of its
plan.txt. The exit status is 0 if the trace is the same and 3 if it differs; then the first
event on which the histories part is shown.`,
		Example: "  brokerlab replay out/quickstart/0x1",
		Args:    cobra.ExactArgs(1),
		RunE: doing(func(_ *cobra.Command, args []string) error {
			r, err := experiments.Replay(args[0])
			if err != nil {
				return err
			}
			if r.Divergence != "" {
				c.status = experiments.ExitDiverged
			}
			if c.json {
				return c.printJSON(r.Document())
			}
			r.PrintReplay(c.out)
			return nil
		}),
	}
}

func (c *cli) whyCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "why RUNDIR",
		Short:   "Explain a run: what was violated, by what evidence, and what happened to the messages",
		Example: "  brokerlab why out/power-loss/0x1",
		Args:    cobra.ExactArgs(1),
		RunE:    doing(func(_ *cobra.Command, args []string) error { return experiments.Why(c.out, args[0], c.json) }),
	}
}

func (c *cli) checkCommand() *cobra.Command {
	var claims string
	cmd := &cobra.Command{
		Use:     "check FILE",
		Short:   "Judge a recorded history",
		Long:    "Judge a recorded history (history.jsonl, or anything in that form) by what a system claims.",
		Example: "  brokerlab check out/quickstart/0x1/history.jsonl\n  brokerlab check other.jsonl --claims nats",
		Args:    cobra.ExactArgs(1),
		RunE: doing(func(_ *cobra.Command, args []string) error {
			r, err := experiments.Check(args[0], claims)
			if err != nil {
				return err
			}
			c.status = r.Exit()
			if c.json {
				return c.printJSON(r)
			}
			fmt.Fprintf(c.out, "%s  by the claims of %s\n\n", r.File, r.System)
			experiments.PrintVerdicts(c.out, r.Report, r.Claims)
			_, err = fmt.Fprintf(c.out, "\n%s\n", r.LastLine())
			return err
		}),
	}
	cmd.Flags().StringVar(&claims, "claims", "", "whose claims: a system's name, or all; without it, those that the history names")
	return cmd
}

func (c *cli) reportCommand() *cobra.Command {
	redraw := false
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Make report.html of a run, of a study, or of everything below a directory",
		Long: `Make DIR/report.html: of a run directory, with metrics and figures, as run does; of a study's
directory, or of one with studies and ranges of seeds below it, as run all leaves them, one page
about all of them.`,
		Example: "  brokerlab report out/quickstart/0x1\n  brokerlab report out/experiments --redraw",
		Args:    cobra.ExactArgs(1),
		RunE: doing(func(_ *cobra.Command, args []string) error {
			path, err := writeReport(args[0], redraw)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(map[string]string{"report": path})
			}
			_, err = fmt.Fprintln(c.out, path)
			return err
		}),
	}
	cmd.Flags().BoolVar(&redraw, "redraw", false, "make figures and conclusions of studies again, from their tables")
	return cmd
}

func writeReport(dir string, redraw bool) (path string, err error) {
	if overview.Of(dir) {
		return overview.Write(dir, redraw)
	}
	return experiments.Report(dir)
}
