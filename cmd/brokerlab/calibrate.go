package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/calibrate"
	"github.com/brokerlab/brokerlab/experiments/hardware"
)

// calibrating is what brokerlab calibrate was asked for.
type calibrating struct {
	out, name, dir string
	quick, step    bool
}

func (c *cli) calibrateCommand() *cobra.Command {
	var f calibrating
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure what brokers, disk and network cost on this machine, as a hardware profile",
		Long: `Measure, on this machine, what the simulator's costs are made of: a step of each design's broker by
kind of input, syncs, writes and reads of the disk under --dir, round trips and throughput over loopback. It takes two
minutes (--quick: some seconds, with more noise), some hundred megabytes of memory and of disk, and leaves no file but --out.

The profile names for every constant its unit, its source and whether it was measured; what cannot be measured here, such as
collectors, keeps the marks of the two-core profile. Run it on a machine that does nothing else.`,
		Example: "  brokerlab calibrate --out mine.json\n  brokerlab calibrate --quick --dir /var/lib/data\n  brokerlab calibrate --step",
		Args:    cobra.NoArgs,
		RunE: doing(func(cmd *cobra.Command, _ []string) error {
			if f.step && f.out != "" {
				return &experiments.UsageError{Why: "--step prints tables and makes no profile: there is no --out"}
			}
			o := calibrate.Options{Quick: f.quick, Dir: f.dir}
			if terminal(c.err) {
				o.Progress = func(what string, done, of int) { fmt.Fprintf(c.err, "\r\x1b[K%3d %%  %s", 100*done/of, what) }
				defer fmt.Fprint(c.err, "\r\x1b[K")
			}
			if f.step {
				tables, err := calibrate.Steps(cmd.Context(), o)
				if err != nil {
					return err
				}
				return c.printTables(tables)
			}
			p, _, err := calibrate.Run(cmd.Context(), f.name, o)
			if err != nil {
				return err
			}
			return c.printProfile(p, f.out)
		}),
	}
	cmd.Flags().StringVar(&f.out, "out", "", "file to write the profile to")
	cmd.Flags().StringVar(&f.name, "name", "this", "name of the machine in the profile")
	cmd.Flags().StringVar(&f.dir, "dir", ".", "directory on the disk to measure")
	cmd.Flags().BoolVar(&f.quick, "quick", false, "measure once and briefly")
	cmd.Flags().BoolVar(&f.step, "step", false, "only the steps, as tables: inputs, their work, and what a unit of work costs")
	return cmd
}

func (c *cli) printTables(tables []calibrate.Table) error {
	if c.json {
		return c.printJSON(tables)
	}
	for i := range tables {
		tables[i].Print(c.out)
	}
	return nil
}

// printProfile writes the profile to a file, or shows its constants.
func (c *cli) printProfile(p *hardware.Profile, path string) error {
	if path != "" {
		if err := os.WriteFile(path, p.JSON(), 0o644); err != nil {
			return err
		}
	}
	switch {
	case c.json && path == "":
		_, err := c.out.Write(p.JSON())
		return err
	case c.json:
		return c.printJSON(map[string]string{"profile": path})
	case path != "":
		_, err := fmt.Fprintln(c.out, path)
		return err
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "constant\tvalue\tunit\tmark\tsource")
	for _, row := range p.Constants() {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", row.Name, row.Value, row.Unit, row.Mark, row.Source)
	}
	return w.Flush()
}
