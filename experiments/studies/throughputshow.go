package studies

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
)

func concludeThroughput(t *Tables) (*Conclusion, error) {
	p := t.Of("points")
	c := &Conclusion{}
	for _, draw := range []func(*Tables) (figures.Figure, error){hockeyStick, ninesFigure, axesFigure, assumedFigure} {
		f, err := draw(t)
		if err != nil {
			return nil, err
		}
		c.Figures = append(c.Figures, f)
	}
	c.Tables = []TextTable{capacityTable(t), ratioTable(p), closedTable(t.Of("closed"))}
	c.Checks = throughputChecks(t)
	c.Paragraphs = throughputText(t)
	c.Answers = map[string]string{"jetstream-trails": answerTrails(t), "why-not-kafka": answerRates(t)}
	return c, nil
}

// hockeyStick draws latency against the achieved rate, for small messages and for larger ones.
func hockeyStick(t *Tables) (figures.Figure, error) {
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
		"One stream of three replicas, 16 clients, open loop: latency counts from when a publish was due. Marks are medians over seeds, bars 95 % intervals. "+
			"Disc: synced on a quorum before it is acknowledged; ring: replicated in memory; cross: in one node's memory. Kafka's and Redpanda's producers linger 5 ms, Kafka's default. "+
			"A line ends where more offered load brings no more acknowledgements.", t.Command, 2, charts)
}

// hockeyLine is one system's line: beyond its capacity it acknowledges no more, or less, and the line ends at its knee.
func hockeyLine(mine *Rows, name, column string) figures.Line {
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
func ninesFigure(t *Tables) (figures.Figure, error) {
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
func axesFigure(t *Tables) (figures.Figure, error) {
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
func axisChart(all *Rows, axis, column, quantile string, c figures.Chart) figures.Chart {
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

// batchingChart puts names of ways to gather on the axis.
func batchingChart(all *Rows, quantile, title string) figures.Chart {
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
func assumedFigure(t *Tables) (figures.Figure, error) {
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
	return figures.Grid("assumed", "What is assumed and not measured, and how much hangs on it",
		"The mark is the profile's value, the bar reaches over both ends of the constant's band (see the table of constants). A wide bar is a figure to be careful with.", t.Command, 1, charts)
}

// capacity is the highest offered rate of which 95 % was acknowledged within the window, and the row of medians there.
func capacity(rows *Rows, name, bytes string) (rate int64, p50, p99, busy float64) {
	mine := rows.Where("axis", "rate", "system", name, "payload_bytes", bytes)
	for _, offered := range mine.Values("offered_per_s") {
		here := mine.Where("offered_per_s", offered)
		want := here.Int(0, "offered_per_s")
		if stats.Median(here.Ints("achieved_per_s")).Value < 0.95*float64(want) {
			break
		}
		rate = want
		p50, p99 = stats.Median(here.Ints("p50_ns")).Value, stats.Median(here.Ints("p99_ns")).Value
		busy = stats.Median(here.Ints("busiest_node_busy_permille")).Value
	}
	return rate, p50, p99, busy
}

// rateText is a rate kept up with: at least so much, if nothing higher was offered.
func rateText(rows *Rows, rate int64) string {
	if rate == slices.Max(rows.Where("axis", "rate").Ints("offered_per_s")) {
		return fmt.Sprintf("%d/s or more", rate)
	}
	return fmt.Sprintf("%d/s", rate)
}

func lossText(losses *Rows, name string) string {
	mine := losses.Where("system", name, "read_back", "true")
	if mine.Len() == 0 {
		return "not readable"
	}
	return shareText(sum(mine.Ints("lost")), sum(mine.Ints("acked")))
}

func capacityTable(t *Tables) TextTable {
	out := TextTable{
		Title: "The highest offered rate that was kept up with (95 % acknowledged within the window), and what an acknowledgement is worth",
		Head:  []string{"system", "acknowledged when", "rate kept up with", "p50 there", "p99 there", "busiest core", "of 1 KiB", "acknowledged, lost when all lose power"},
	}
	says := map[string]string{synced: "synced on a quorum", replicated: "replicated in memory", memory: "in one node's memory"}
	rows := t.Of("points")
	for _, name := range rows.Where("axis", "rate").Values("system") {
		rate, p50, p99, busy := capacity(rows, name, "128")
		large, _, _, _ := capacity(rows, name, "1024")
		out.Rows = append(out.Rows, []string{
			name, says[rows.Where("system", name).Text(0, "policy")], rateText(rows, rate), span(p50), span(p99), fmt.Sprintf("%.0f %%", busy/10), rateText(rows, large), lossText(t.Of("losses"), name),
		})
	}
	return out
}

// span prints nanoseconds to three digits.
func span(ns float64) string {
	d := time.Duration(ns)
	switch {
	case d >= time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s"
	case d >= time.Millisecond:
		return strconv.FormatFloat(float64(d)/1e6, 'f', 2, 64) + " ms"
	}
	return strconv.FormatFloat(float64(d)/1e3, 'f', 0, 64) + " µs"
}

// ratioTable compares with the reference, seed by seed.
func ratioTable(rows *Rows) TextTable {
	base := rows.Where("axis", "base")
	ref := base.Where("system", reference.name)
	t := TextTable{
		Title: fmt.Sprintf("Latency at %d publishes a second as a multiple of the reference broker's, paired by seed (95 %% interval)", baseRate),
		Head:  []string{"system", "p50", "p99", "p99.9"},
	}
	for _, name := range base.Values("system") {
		row := []string{name}
		for _, q := range []string{"p50_ns", "p99_ns", "p99.9_ns"} {
			e := stats.PairedRatio(ref.Ints(q), base.Where("system", name).Ints(q))
			row = append(row, fmt.Sprintf("%.2f (%.2f to %.2f)", e.Value, e.Low, e.High))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// Measured on the real broker by impl/drive/bench: one node, publishes of 128 B that are synced before they are acknowledged, two
// cores shared with the clients, machine quiet, November 2026.
var measuredClosed = map[string]int64{"1": 2074, "16": 14_544, "64": 22_577}

func closedTable(rows *Rows) TextTable {
	t := TextTable{
		Title: "The model beside the real broker: one node on the two-core machine, clients that publish again when answered",
		Head:  []string{"clients", "model", "measured (impl/drive/bench)", "model / measured"},
	}
	for _, n := range rows.Values("clients") {
		got, want := stats.Median(rows.Where("clients", n).Ints("done_per_s")).Value, measuredClosed[n]
		t.Rows = append(t.Rows, []string{n, fmt.Sprintf("%.0f/s", got), fmt.Sprintf("%d/s", want), fmt.Sprintf("%.2f", got/float64(want))})
	}
	return t
}

func throughputChecks(t *Tables) []Check {
	rows, losses := t.Of("points"), t.Of("losses")
	var checks []Check
	for _, s := range loaded {
		mine := losses.Where("system", s.name)
		lost := sum(mine.Ints("lost"))
		id := "synced-loses-nothing"
		if s.policy != synced {
			id, lost = "unsynced-loses", -lost
		}
		checks = append(checks, Check{
			Name: id, Expected: fmt.Sprintf("%s (%s when acknowledged) loses %s when all nodes lose power", s.name, s.policy, map[bool]string{true: "nothing", false: "some"}[s.policy == synced]),
			Holds: lost == 0 == (s.policy == synced), Found: lossText(losses, s.name),
		})
	}
	slow := stats.PairedRatio(rows.Where("axis", "base", "system", reference.name).Ints("p50_ns"), rows.Where("axis", "base", "system", kafkaAll.name).Ints("p50_ns"))
	checks = append(checks, Check{
		"linger-is-the-median", "With linger.ms=5 a Kafka-style publish takes longer in the middle than the reference's synced one", slow.Low > 1,
		fmt.Sprintf("%.1f times (%.1f to %.1f)", slow.Value, slow.Low, slow.High),
	})
	return append(checks, batchServerCheck(t.Of("closed")))
}

// batchServerCheck: a log that syncs what has gathered meanwhile serves K clients that wait for it at about K/(F+RTT), not 1/F
// (baselines: batch servers). From one client to sixteen the rate must grow by more than half of sixteen, less what the processor
// takes.
func batchServerCheck(rows *Rows) Check {
	one, many := stats.Median(rows.Where("clients", "1").Ints("done_per_s")).Value, stats.Median(rows.Where("clients", "16").Ints("done_per_s")).Value
	return Check{
		"group-commit", "One sync serves all who wait: 16 clients get at least 5 times what one gets, where a sync each would give 1", many >= 5*one,
		fmt.Sprintf("%.0f/s and %.0f/s: %.1f times", one, many, many/one),
	}
}

func throughputText(t *Tables) []string {
	rows := t.Of("points")
	rRate, r50, r99, _ := capacity(rows, reference.name, "128")
	kRate, k50, k99, _ := capacity(rows, kafkaAll.name, "128")
	fRate, f50, f99, _ := capacity(rows, kafkaFlush.name, "128")
	closed := closedTable(t.Of("closed"))
	return []string{
		fmt.Sprintf("At %d publishes a second the reference broker, which syncs on a quorum before it acknowledges, answers in %s in the middle and %s at the 99th percentile; it keeps up with %s (%s, %s). "+
			"Kafka's protocol gathers records at the producer and ships them as one opaque batch: it keeps up with %s (%s, %s) and pays for it with its linger of 5 ms; with a flush of each batch %s (%s, %s).",
			baseRate, medianAt(rows, reference.name, "p50_ns"), medianAt(rows, reference.name, "p99_ns"), rateText(rows, rRate), span(r50), span(r99), rateText(rows, kRate), span(k50), span(k99), rateText(rows, fRate), span(f50), span(f99)),
		"What a system runs out of is not the same: the NATS-style designs keep one core busy that handles every message, the Kafka-style ones little of it, for a batch is one thing to their brokers. " +
			"The rank order flips with batching, payload and the number of streams, so read the figure of axes before any single number, and the figure of assumptions before any ratio.",
		publishedText(rows),
		fmt.Sprintf("The model is checked against the real broker on the two-core machine: with 1, 16 and 64 waiting clients it gives %s, %s and %s times what was measured there. "+
			"There clients and kernel share the two cores with the broker; here clients are free, so the model is expected to be faster the more of them there are.", closed.Rows[0][3], closed.Rows[1][3], closed.Rows[2][3]),
	}
}

// publishedText sets the capacity for larger messages beside a published one.
func publishedText(rows *Rows) string {
	rate, _, _, _ := capacity(rows, kafkaAll.name, "1024")
	return fmt.Sprintf("Of 1 KiB Kafka-style took %s, that is %.0f MB/s, where the leader's interface of 10 Gb/s carries each record twice more to its followers. Published for Kafka without flush, three replicas: "+
		"605 MB/s on three machines of 8 cores, NVMe and 25 Gb/s with 100 partitions spread over all three (Confluent, Benchmarking Kafka, Pulsar and RabbitMQ, 2020): %.1f times the model's one partition. Other hardware, other spread: an order of magnitude, no more.",
		rateText(rows, rate), float64(rate)*1024/1e6, 605/(float64(rate)*1024/1e6))
}

func medianAt(rows *Rows, name, column string) string {
	return span(stats.Median(rows.Where("axis", "base", "system", name).Ints(column)).Value)
}

func answerTrails(t *Tables) string {
	rows := t.Of("points")
	n, _, _, _ := capacity(rows, natsDefault.name, "128")
	r, _, _, rBusy := capacity(rows, reference.name, "128")
	k, _, _, kBusy := capacity(rows, kafkaAll.name, "128")
	f, _, _, _ := capacity(rows, kafkaFlush.name, "128")
	return fmt.Sprintf("In throughput less than in what it costs: NATS-style kept up with %s (the reference, synced, %s), Kafka-style with %s (%s flushing each batch), with a core %.0f %% busy there and %.0f %% here, for a message is one broker's unit of work and a batch the other's. In latency at moderate rates the order is the other way round: %s in the middle for the reference, synced, beside %s.",
		rateText(rows, n), rateText(rows, r), rateText(rows, k), rateText(rows, f), rBusy/10, kBusy/10, medianAt(rows, reference.name, "p50_ns"), medianAt(rows, kafkaAll.name, "p50_ns"))
}

func answerRates(t *Tables) string {
	rows := t.Of("points")
	r := stats.PairedRatio(rows.Where("axis", "base", "system", reference.name).Ints("p99_ns"), rows.Where("axis", "base", "system", kafkaFlush.name).Ints("p99_ns"))
	return fmt.Sprintf("Equally durable (synced before it is acknowledged) and equally loaded (%d/s), Kafka-style took %.1f times (%.1f to %.1f) as long as the reference at the 99th percentile, most of it the linger of its producers; its brokers need less of a core.", baseRate, r.Value, r.Low, r.High)
}
