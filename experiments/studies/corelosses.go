package studies

import (
	"fmt"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/rundir"
)

// Judged experiments whose losses are counted.
const (
	atMostOnce   = "core-at-most-once"
	transparency = "location-transparency"
)

// lossPoints are judged runs of each level of faults. A seed of the study stands for several of an experiment, so that shares
// have the seeds they need: 4 of a level at the small size, 30 at full.
func lossPoints(o *Options) (points []Point) {
	several := rundir.Seed(4)
	if o.Size == Full {
		several = 6
	}
	for _, name := range []string{atMostOnce, transparency} {
		for level := range rundir.Seed(5) {
			for n := range several {
				points = append(points, func(seed rundir.Seed, out *Output) error {
					return lossPoint(name, ((seed-1)*several+n)*5+level, out)
				})
			}
		}
	}
	return points
}

// lossPoint runs an experiment with one of its own seeds, which decides the level, and counts what became of its messages.
func lossPoint(name string, seed rundir.Seed, out *Output) error {
	e, err := experiments.Find(name)
	if err != nil {
		return err
	}
	c, err := e.Config(seed, experiments.Options{})
	if err != nil {
		return err
	}
	res, err := experiments.Execute(c, nil)
	if err != nil {
		return err
	}
	r := res.Core()
	count := func(of string, counts []checker.Count) {
		all := int64(0)
		for _, k := range counts {
			all += k.N
		}
		for _, k := range counts {
			if all > 0 {
				out.Add("losses", name, c.Level, seed, of, all, k.Name, k.N)
			}
		}
	}
	count("messages", r.Causes)
	count("requests", r.Fates)
	out.Events += res.Manifest.Totals.WorldEvents
	out.Add("verdicts", name, c.Level, seed, res.Manifest.Verdict, fmt.Sprint(res.Manifest.Violated), res.Manifest.Totals.WorldEvents)
	return nil
}
