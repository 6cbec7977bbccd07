package failover

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
)

func gapsOfAll(t *study.Tables) (figures.Figure, error) {
	return gapFigure(t, "failover-gaps", "gap_ns", "Time without acknowledgements (synced and unsynced systems)",
		"Each mark is one run: the longest time in which no client was acknowledged. Discs: acknowledged when synced; rings: from page caches. Grey: what the design's timers say.")
}

func clientGaps(t *study.Tables) (figures.Figure, error) {
	return gapFigure(t, "failover-clients", "all_clients_ns", "Longest time that any one client waited (synced and unsynced systems)",
		"Each mark is one run: of eight clients the one that was not acknowledged for longest. Each publishes now and then, so that a tenth of a second or two is no gap.")
}

func timelines(t *study.Tables) (figures.Figure, error) {
	return timelineFigure(t, "failover-timelines", "Acknowledgements before and after a fault (reference, Redpanda synced; NATS, Kafka not)",
		"Samples of 100 ms of one run each; what nobody was acknowledged in stands at the foot. Shaded: the fault; dashed: elections of the stream's leader.",
		figures.Axis{Label: "acknowledged", Unit: figures.PerSecond, Scale: figures.Log, Min: 30, Max: 300_000},
		func(r *study.Rows, i int) float64 {
			return float64(r.Int(i, "done")) * float64(sec) / float64(r.Int(i, "width_ns"))
		})
}

func latencyLines(t *study.Tables) (figures.Figure, error) {
	return timelineFigure(t, "failover-latencies", "Longest latency before and after a fault (reference, Redpanda synced; NATS, Kafka not)",
		"The longest latency of what was acknowledged in each 100 ms of one run, counted from when it was due; where nothing was, the line stands at the foot. Shaded: the fault; dashed: elections of the stream's leader.",
		figures.Axis{Label: "longest latency", Unit: figures.Nanos, Scale: figures.Log, Min: float64(ms) / 10, Max: float64(100 * sec)},
		func(r *study.Rows, i int) float64 { return float64(r.Int(i, "max_ns")) })
}

// gapFigure has a panel a fault, and in it a row a system: every run, the median with its interval, and what was expected.
func gapFigure(t *study.Tables, name, column, title, caption string) (figures.Figure, error) {
	var charts []figures.Chart
	names := make([]string, len(compared))
	for i := range compared {
		names[i] = compared[i].Name
	}
	for i := range troubles {
		f := &troubles[i]
		c := figures.Chart{
			Title: f.title,
			X:     figures.Axis{Scale: figures.Log, Unit: figures.Nanos, Min: float64(10 * ms), Max: float64(100 * sec)},
			Y:     figures.Axis{Names: names, Min: -0.6, Max: float64(len(names)) - 0.4},
		}
		medians := figures.Line{Name: "median, 95 % interval", Kind: figures.Marks, Style: figures.Style{Color: figures.Red, Mark: figures.Diamond}}
		for k := range compared {
			s := &compared[k]
			rows := gapsOf(t.Of("gaps"), s, f.name)
			if rows.Len() == 0 {
				continue
			}
			if column == "gap_ns" {
				for _, b := range expected(rows, s, f) {
					c.Lines = append(c.Lines, expectedBand(b, float64(k)))
				}
			}
			all := rows.Ints(column)
			runs := figures.Line{Kind: figures.Marks, Style: s.Style()}
			for n, v := range all {
				runs.Points = append(runs.Points, figures.XY{X: float64(v), Y: float64(k) + 0.3*(float64(n%7)/3-1)})
			}
			m := stats.Median(all)
			medians.Points = append(medians.Points, figures.XY{X: m.Value, Y: float64(k), Low: m.Low, High: m.High})
			c.Lines = append(c.Lines, runs)
		}
		c.Lines = append(c.Lines, medians)
		charts = append(charts, c)
	}
	return figures.Grid(name, title, caption, t.Command, 2, charts)
}

func expectedBand(b budget, row float64) figures.Line {
	foot := max(float64(b.low), float64(10*ms))
	return figures.Line{
		Name: "expected from timers", Kind: figures.BandOnly, Style: figures.Style{Color: figures.Grey},
		Points: []figures.XY{{X: foot, Low: row - 0.42, High: row + 0.42}, {X: float64(b.high), Low: row - 0.42, High: row + 0.42}},
	}
}

// Timelines are drawn of these faults, up to a time, and these systems.
var (
	timelineFaults = []struct {
		name, title string
		until       int64
	}{{"crash", "crash", 15 * sec}, {"pause", "pause", 8 * sec}, {"partition", "cut off", 44 * sec}, {"isolation", "isolated", 44 * sec}, {"restart", "restart", 16 * sec}}
	timelineSystems = []systems.System{systems.Reference, systems.NATSDefault, systems.KafkaAll, systems.Redpanda}
)

// timelineFigure has a row a fault and a column a system.
func timelineFigure(t *study.Tables, name, title, caption string, y figures.Axis, value func(r *study.Rows, i int) float64) (figures.Figure, error) {
	var charts []figures.Chart
	for _, f := range timelineFaults {
		for k := range timelineSystems {
			s := &timelineSystems[k]
			c := figures.Chart{
				Title: f.title + ": " + short(s), Y: y,
				X:      figures.Axis{Unit: figures.Nanos, Min: float64(-2 * sec), Max: float64(f.until)},
				Shades: []figures.Shade{{From: 0, To: float64(min(holdsOf(f.name), f.until))}},
			}
			if k > 0 {
				c.Y.Label = ""
			}
			line := figures.Line{Name: s.Name, Kind: figures.Steps, Style: s.Style()}
			rows := t.Of("timeline").Where("system", s.Name, "fault", f.name)
			for i := range rows.Len() {
				if at := rows.Int(i, "at_ns"); at >= -2*sec && at <= f.until {
					line.Points = append(line.Points, figures.XY{X: float64(at), Y: value(rows, i)})
				}
			}
			c.Lines = []figures.Line{line}
			c.Rules = electionRules(t, s, f.name)
			charts = append(charts, c)
		}
	}
	if len(charts) == 0 {
		return figures.Figure{}, fmt.Errorf("no timelines")
	}
	return figures.Grid(name, title, caption, t.Command, len(timelineSystems), charts)
}

// electionRules are the elections of the run that timelines show: the first seed's.
func electionRules(t *study.Tables, s *systems.System, fault string) (out []figures.Rule) {
	rows := t.Of("elections").Where("system", s.Name, "fault", fault, "of", "stream", "seed", t.Of("gaps").Text(0, "seed"))
	for i := range rows.Len() {
		out = append(out, figures.Rule{X: float64(rows.Int(i, "at_ns"))})
	}
	return out
}

// short is a system's name for narrow places.
func short(s *systems.System) string {
	return map[string]string{"reference": "reference", "nats": "NATS", "kafka": "Kafka", "redpanda": "Redpanda"}[s.Design]
}

func availabilityFigure(t *study.Tables) (figures.Figure, error) {
	chart := func(title string, y figures.Axis, value func(rows *study.Rows) stats.Estimate) figures.Chart {
		c := figures.Chart{Title: title, X: figures.Axis{Label: "time between crashes", Scale: figures.Log, Unit: figures.Nanos}, Y: y}
		for k := range compared {
			s := &compared[k]
			line := figures.Line{Name: s.Name, Style: s.Style(), Kind: figures.Joined}
			for _, every := range churnEvery {
				if rows := churned(t.Of("churn"), s, every); rows.Len() > 0 {
					e := value(rows)
					line.Points = append(line.Points, figures.XY{X: float64(every * sec), Y: e.Value, Low: e.Low, High: e.High})
				}
			}
			c.Lines = append(c.Lines, line)
		}
		return c
	}
	return figures.Grid("availability", "A leader that crashes again and again (synced and unsynced systems)", "Medians of all seeds with 95 % intervals. A crashed leader is back after 1 s. Discs: acknowledged when synced; rings: from page caches.", t.Command, 2, []figures.Chart{
		chart("time with acknowledgements", figures.Axis{Unit: figures.PerMillion, Max: 1_000_000}, func(r *study.Rows) stats.Estimate { return stats.Median(r.Ints("available_ppm")) }),
		chart("time lost for each crash", figures.Axis{Unit: figures.Nanos, Scale: figures.Log}, func(r *study.Rows) stats.Estimate { return stats.Median(lostPerCrash(r)) }),
	})
}
