package experiments

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/rundir"
)

// lossesByLevel adds up what became of core messaging in seeds of each level; nothing if there was none.
func lossesByLevel(results []SeedResult, levels int) []figures.LevelLosses {
	causes, fates := checker.CoreOutcomes()
	var out []figures.LevelLosses
	for _, k := range [...]struct {
		what, good string
		names      []string
		of         func(*SeedResult) []checker.Count
	}{
		{"messages", goodMessage, causes, func(r *SeedResult) []checker.Count { return r.Causes }},
		{"requests", goodRequest, fates, func(r *SeedResult) []checker.Count { return r.Fates }},
	} {
		l := figures.LevelLosses{What: k.what, Good: k.good}
		bySeed := make([][][]checker.Count, levels)
		for i := range results {
			if counts := k.of(&results[i]); len(counts) > 0 {
				bySeed[results[i].Level] = append(bySeed[results[i].Level], counts)
			}
		}
		var seeds [][][]checker.Count // of levels that have some
		for level, s := range bySeed {
			if len(s) > 0 {
				seeds = append(seeds, s)
				l.Levels = append(l.Levels, figures.Level{Level: level, Seeds: len(s), All: allOf(s)})
			}
		}
		if seeds == nil {
			continue
		}
		for _, name := range k.names {
			o := figures.LevelOutcome{Name: name}
			n := int64(0)
			for _, s := range seeds {
				at := shareOf(name, s)
				n += at.Count
				o.At = append(o.At, at)
			}
			if n > 0 {
				l.Outcomes = append(l.Outcomes, o)
			}
		}
		out = append(out, l)
	}
	return out
}

func allOf(seeds [][]checker.Count) (all int64) {
	for _, counts := range seeds {
		for _, c := range counts {
			all += c.N
		}
	}
	return all
}

// shareOf is the part of one outcome in all seeds, and in those with least and most of it.
func shareOf(name string, seeds [][]checker.Count) figures.LevelShare {
	s := figures.LevelShare{Least: 1_000_000}
	for i, counts := range seeds {
		n := (&checker.Stats{Counts: counts}).Of(name)
		part := perMillion(n, allOf(seeds[i:i+1]))
		s.Count += n
		s.Least, s.Most = min(s.Least, part), max(s.Most, part)
	}
	s.PerMillion = perMillion(s.Count, allOf(seeds))
	return s
}

// writeLosses writes the table and the figure of what a range lost by level, if there was any.
func (s *Summary) writeLosses(d rundir.Dir, command string) error {
	if s.losses == nil {
		return nil
	}
	err := d.Write(rundir.LossesFile, func(w io.Writer) error { return writeLevels(w, s.losses) })
	if err != nil {
		return err
	}
	f, err := figures.LossesByLevel(s.losses, command)
	if err != nil {
		return err
	}
	s.lossFigure = filepath.ToSlash(d.Path(f.Name + ".svg"))
	return writeFigure(d, f)
}

// writeLevels writes a row for each level and outcome; an outcome of some level has a row in all.
func writeLevels(w io.Writer, all []figures.LevelLosses) error {
	_, err := fmt.Fprintln(w, "fault_level,seeds,of,all_count,cause,count,share_per_million,least_seed_per_million,most_seed_per_million")
	for _, l := range all {
		for i, at := range l.Levels {
			for _, o := range l.Outcomes {
				v := o.At[i]
				_, err = fmt.Fprintf(w, "%d,%d,%s,%d,%s,%d,%d,%d,%d\n", at.Level, at.Seeds, l.What, at.All, o.Name, v.Count, v.PerMillion, v.Least, v.Most)
			}
		}
	}
	return err
}

// printLosses writes what became of core messaging by level.
func (s *Summary) printLosses(w io.Writer) {
	for _, l := range s.losses {
		row := func(name string, cell func(int) int64) {
			fmt.Fprintf(w, "  %-34s", name)
			for i := range l.Levels {
				fmt.Fprintf(w, " %9d", cell(i))
			}
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "\nWhat became of %s%s, per million, by level of faults:\n", l.What, countedHow(l.What))
		row("level", func(i int) int64 { return int64(l.Levels[i].Level) })
		row("seeds", func(i int) int64 { return int64(l.Levels[i].Seeds) })
		row(l.What, func(i int) int64 { return l.Levels[i].All })
		for _, o := range l.Outcomes {
			row(o.Name, func(i int) int64 { return o.At[i].PerMillion })
		}
	}
	if s.lossFigure != "" {
		fmt.Fprintf(w, "figure: %s\n\n", s.lossFigure)
	}
}
