package throughput

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// hockeyStick draws latency against the achieved rate, for small messages and for larger ones.
func hockeyStick(t *study.Tables) (figures.Figure, error) {
	rows := t.Of("points").Where("axis", "rate")
	var charts []figures.Chart
	for _, q := range [...]struct{ column, title string }{{"p50_ns", "Median"}, {"p99_ns", "99th percentile"}, {"p99.9_ns", "99.9th percentile"}} {
		for _, bytes := range rows.Values("payload_bytes") {
			c := figures.Chart{
				Title: q.title + ", " + bytes + " B", X: figures.Axis{Label: "acknowledged a second", Scale: figures.Log, Unit: figures.PerSecond},
				Y: figures.Axis{Label: "latency", Scale: figures.Log, Unit: figures.Nanos},
			}
			for _, name := range rows.Values("system") {
				c.Lines = append(c.Lines, hockeyLine(rows.Where("system", name, "payload_bytes", bytes), name, q.column))
			}
			charts = append(charts, c)
		}
	}
	return figures.Grid("hockeystick", "Latency of acknowledged publishes against the achieved rate (synced and unsynced systems)",
		"One stream of three replicas, 16 clients, open loop: latency counts from when a publish was due. Marks are medians over seeds, bars 95 % intervals, or ranges of fewer than five. "+
			"Disc: synced on a quorum before it is acknowledged; ring: replicated in memory; cross: in one node's memory. Kafka's and Redpanda's producers linger 5 ms, Kafka's default. "+
			"A line ends where more offered load brings no more acknowledgements.", t.Command, 2, charts)
}

// hockeyLine is one system's line: beyond its capacity it acknowledges no more, or less, and the line ends at its knee.
func hockeyLine(mine *study.Rows, name, column string) figures.Line {
	line := figures.Line{Name: name, Style: figures.StyleOf(mine.Text(0, "design"), mine.Text(0, "policy"))}
	last := 0.0
	for _, rate := range mine.Values("offered_per_s") {
		here := mine.Where("offered_per_s", rate)
		x := stats.Median(here.Ints("achieved_per_s")).Value
		if x <= last {
			break
		}
		last = x
		e := stats.Median(here.Ints(column))
		line.Points = append(line.Points, figures.XY{X: x, Y: e.Value, Low: e.Low, High: e.High})
	}
	return line
}

// ninesFigure is the percentile plot.
func ninesFigure(t *study.Tables) (figures.Figure, error) {
	rows := t.Of("percentiles")
	c := figures.Chart{
		Title: fmt.Sprintf("%d publishes a second", baseRate),
		X:     figures.Axis{Label: "share of publishes that took at most so long", Scale: figures.Nines},
		Y:     figures.Axis{Label: "latency", Scale: figures.Log, Unit: figures.Nanos},
	}
	for _, name := range rows.Values("system") {
		mine := rows.Where("system", name)
		line := figures.Line{Name: name, Style: figures.StyleOf(mine.Text(0, "design"), mine.Text(0, "policy"))}
		for _, share := range mine.Values("share_ppm") {
			here := mine.Where("share_ppm", share)
			e := stats.Median(here.Ints("latency_ns"))
			line.Points = append(line.Points, figures.XY{X: float64(here.Int(0, "share_ppm")) / 1e6, Y: e.Value})
		}
		c.Lines = append(c.Lines, line)
	}
	return figures.Grid("percentiles", "The whole distribution of a publish's latency (synced and unsynced systems)",
		"Medians over seeds of each percentile; the axis of shares is in nines. Discs are systems that sync before they acknowledge.", t.Command, 1, []figures.Chart{c})
}

// axesFigure draws the 99th percentile against payload, streams and batching.
func axesFigure(t *study.Tables) (figures.Figure, error) {
	all := t.Of("points")
	var charts []figures.Chart
	for _, a := range [...]struct {
		axis, column, title, label string
		unit                       figures.Unit
	}{
		{"payload", "payload_bytes", "By payload", "bytes of a payload", figures.Bytes},
		{"streams", "streams", "By streams, or partitions", "streams that share the rate", figures.Count},
	} {
		for _, q := range [...]struct{ column, title string }{{"p50_ns", "median"}, {"p99_ns", "99th percentile"}} {
			charts = append(charts, axisChart(all, a.axis, a.column, q.column, figures.Chart{
				Title: a.title + ": " + q.title,
				X:     figures.Axis{Label: a.label, Scale: figures.Log, Unit: a.unit},
				Y:     figures.Axis{Label: "latency", Scale: figures.Log, Unit: figures.Nanos},
			}))
		}
	}
	charts = append(charts, batchingChart(all, "p50_ns", "median"), batchingChart(all, "p99_ns", "99th percentile"))
	return figures.Grid("axes", "Latency by payload, streams and batching (synced and unsynced systems)",
		fmt.Sprintf("%d publishes a second in all, 128 B and one stream where nothing else is said. \"linger\" and \"batch\" are Kafka producers' linger.ms and batch.size.", baseRate), t.Command, 2, charts)
}

// axisChart is a line a system over a column, the base point among its points.
func axisChart(all *study.Rows, axis, column, quantile string, c figures.Chart) figures.Chart {
	for _, name := range all.Where("axis", axis).Values("system") {
		mine := all.Where("system", name)
		line := figures.Line{Name: name, Style: figures.StyleOf(mine.Text(0, "design"), mine.Text(0, "policy"))}
		points := map[int64]figures.XY{}
		for _, from := range []string{"base", axis} {
			at := mine.Where("axis", from)
			for _, v := range at.Values(column) {
				here := at.Where(column, v)
				e := stats.Median(here.Ints(quantile))
				points[here.Int(0, column)] = figures.XY{X: float64(here.Int(0, column)), Y: e.Value, Low: e.Low, High: e.High}
			}
		}
		line.Points = ordered(points)
		c.Lines = append(c.Lines, line)
	}
	return c
}

// ordered are points by X.
func ordered(points map[int64]figures.XY) []figures.XY {
	out := slices.Collect(maps.Values(points))
	slices.SortFunc(out, func(a, b figures.XY) int { return cmp.Compare(a.X, b.X) })
	return out
}

// batchingChart puts names of ways to gather on the axis.
func batchingChart(all *study.Rows, quantile, title string) figures.Chart {
	rows := all.Where("axis", "batching")
	names := rows.Values("batching")
	c := figures.Chart{
		Title: "By batching: " + title, X: figures.Axis{Names: names}, Y: figures.Axis{Label: "latency", Scale: figures.Log, Unit: figures.Nanos},
	}
	for _, name := range rows.Values("system") {
		mine := rows.Where("system", name)
		line := figures.Line{Name: name, Kind: figures.Marks, Style: figures.StyleOf(mine.Text(0, "design"), mine.Text(0, "policy"))}
		for i, b := range names {
			if here := mine.Where("batching", b); here.Len() > 0 {
				e := stats.Median(here.Ints(quantile))
				line.Points = append(line.Points, figures.XY{X: float64(i), Y: e.Value, Low: e.Low, High: e.High})
			}
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

// assumedFigure shows how far an assumption moves the 99th percentile.
func assumedFigure(t *study.Tables) (figures.Figure, error) {
	rows := t.Of("points").Where("axis", "assumed")
	names := slices.DeleteFunc(rows.Values("constant"), func(n string) bool { return n == asItIs })
	var charts []figures.Chart
	for _, q := range [...]struct{ column, title string }{{"p50_ns", "Median"}, {"p99_ns", "99th percentile"}} {
		c := figures.Chart{
			Title: fmt.Sprintf("%s at %d publishes a second", q.title, 2*baseRate),
			X:     figures.Axis{Label: "latency", Scale: figures.Log, Unit: figures.Nanos}, Y: figures.Axis{Names: names},
		}
		systems := rows.Values("system")
		for k, name := range systems {
			mine := rows.Where("system", name)
			line := figures.Line{Name: name, Kind: figures.Marks, Style: figures.StyleOf(mine.Text(0, "design"), mine.Text(0, "policy"))}
			as := stats.Median(mine.Where("constant", asItIs).Ints(q.column)).Value
			for i, constant := range names {
				at := figures.XY{X: as, Y: float64(i) + (float64(k)-float64(len(systems)-1)/2)*0.17, Low: as, High: as}
				here := mine.Where("constant", constant)
				for _, v := range here.Values("value") {
					end := stats.Median(here.Where("value", v).Ints(q.column)).Value
					at.Low, at.High = min(at.Low, end), max(at.High, end)
				}
				line.Points = append(line.Points, at)
			}
			c.Lines = append(c.Lines, line)
		}
		charts = append(charts, c)
	}
	return figures.Grid("assumed", "What is assumed and not measured, and how much hangs on it (synced and unsynced systems)",
		"The mark is the profile's value, the bar reaches over both ends of the constant's band (see the table of constants). A wide bar is a figure to be careful with.", t.Command, 1, charts)
}
