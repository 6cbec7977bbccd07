package main

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/brokerlab/brokerlab/experiments"
)

func (c *cli) mutantsCommand() *cobra.Command {
	only, limit, all := []string{}, 20, false
	cmd := &cobra.Command{
		Use:   "mutants",
		Short: "Plant known bugs in the broker, one at a time, and show which judge catches each",
		Long: `Plant known bugs in the broker, one at a time, run the experiment in which each shows, and say
which guarantee it broke and with which seed. The exit status is 1 if one was not caught.`,
		Example: "  brokerlab mutants\n  brokerlab mutants --only ack-neighbour --seeds 20 --all\n  brokerlab mutants --json",
		Args:    cobra.NoArgs,
		RunE: doing(func(*cobra.Command, []string) error {
			chosen, err := chooseMutants(only)
			if err != nil {
				return err
			}
			return c.hunt(chosen, limit, all)
		}),
	}
	cmd.Flags().StringSliceVar(&only, "only", nil, "bugs to plant, by id")
	cmd.Flags().IntVar(&limit, "seeds", limit, "how many seeds a bug has, from 1 on")
	cmd.Flags().BoolVar(&all, "all", false, "run every seed and count those that catch it, not only until the first")
	return cmd
}

func chooseMutants(only []string) ([]experiments.Mutant, error) {
	all := experiments.Mutants()
	if len(only) == 0 {
		return all, nil
	}
	var chosen []experiments.Mutant
	var ids []string
	for _, m := range all {
		ids = append(ids, m.ID)
		if slices.Contains(only, m.ID) {
			chosen = append(chosen, m)
		}
	}
	for _, id := range only {
		if !slices.Contains(ids, id) {
			return nil, &experiments.UsageError{Why: fmt.Sprintf("--only %s: there are %s", id, strings.Join(ids, ", "))}
		}
	}
	return chosen, nil
}

func (c *cli) hunt(mutants []experiments.Mutant, limit int, all bool) error {
	if limit < 1 {
		return &experiments.UsageError{Why: fmt.Sprintf("--seeds %d: want at least 1", limit)}
	}
	var rows []experiments.Caught
	caught := 0
	for i := range mutants {
		before := cpuSeconds()
		row, err := mutants[i].Hunt(limit, all)
		if err != nil {
			return err
		}
		row.CPUSeconds = cpuSeconds() - before
		rows = append(rows, row)
		if row.Caught {
			caught++
		}
		if !c.json {
			said := "NOT CAUGHT"
			if row.Caught {
				said = fmt.Sprintf("%-31s seed %s", row.Guarantee, row.Seed)
			}
			fmt.Fprintf(c.out, "%-22s %-22s %-46s %d of %d seeds, %.1f CPU s\n", row.ID, row.Experiment, said, row.Violated, row.Seeds, row.CPUSeconds)
		}
	}
	if caught < len(rows) {
		c.status = experiments.ExitNot
	}
	if c.json {
		return c.printJSON(rows)
	}
	fmt.Fprintf(c.out, "%d of %d planted bugs caught\n", caught, len(rows))
	return nil
}

// cpuSeconds is the processor time that this process has used.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}
