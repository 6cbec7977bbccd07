package core

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// ninesFigure is the plot of percentiles.
func ninesFigure(t *study.Tables) (figures.Figure, error) {
	r := t.Of("rates")
	var charts []figures.Chart
	for _, rate := range []string{strconv.Itoa(niceRate), "100000"} {
		chart := figures.Chart{Title: "At " + rate + "/s", X: figures.Axis{Label: "share of messages", Scale: figures.Nines, Min: 0.4, Max: 0.9995}, Y: figures.Axis{Label: "latency", Scale: figures.Log, Unit: figures.Nanos, Min: 3e4, Max: 3e7}}
		for _, w := range ways() {
			at := r.Where("way", w.name, "offered_per_s", rate)
			l := figures.Line{Name: w.name, Style: w.style}
			for _, q := range []struct {
				share  float64
				column string
			}{{0.5, "p50_ns"}, {0.9, "p90_ns"}, {0.99, "p99_ns"}, {0.999, "p99.9_ns"}} {
				l.Points = append(l.Points, figures.XY{X: q.share, Y: at.Median(q.column)})
			}
			chart.Lines = append(chart.Lines, l)
		}
		charts = append(charts, chart)
	}
	return figures.Grid("core-latency", "Latency of core messaging beside streams (synced and unsynced systems)",
		"From when a message was due until it was acknowledged (ack) or delivered; medians over seeds of each percentile. Marks say what is synced when: discs on a quorum's disks, "+
			"rings replicated only, crosses nowhere. Kafka's and Redpanda's clients wait 5 ms for a batch (linger.ms=5).", t.Command, 2, charts)
}

// hockeyFigure is latency against what was achieved.
func hockeyFigure(t *study.Tables) (figures.Figure, error) {
	r := t.Of("rates")
	var charts []figures.Chart
	for _, q := range []struct{ title, column string }{{"Median", "p50_ns"}, {"99 %", "p99_ns"}} {
		chart := figures.Chart{Title: q.title, X: figures.Axis{Label: "achieved", Scale: figures.Log, Unit: figures.PerSecond}, Y: figures.Axis{Label: "latency", Scale: figures.Log, Unit: figures.Nanos}}
		for _, w := range ways() {
			at := r.Where("way", w.name)
			l, beyond := figures.Line{Name: w.name, Style: w.style}, figures.Line{Name: w.name, Style: w.style, Kind: figures.Marks}
			latency, achieved := at.Medians("offered_per_s", q.column), at.Medians("offered_per_s", "achieved_per_s")
			for i := range latency {
				p := figures.XY{X: achieved[i].Y, Y: latency[i].Y, Low: latency[i].Low, High: latency[i].High}
				if achieved[i].Y < 0.95*achieved[i].X && achieved[i].X >= 10_000 { // low rates scatter
					beyond.Points = append(beyond.Points, p)
					continue
				}
				l.Points = append(l.Points, p)
			}
			slices.SortFunc(l.Points, func(a, b figures.XY) int { return cmp.Compare(a.X, b.X) })
			chart.Lines = append(chart.Lines, l)
			if len(beyond.Points) > 0 {
				chart.Lines = append(chart.Lines, beyond)
			}
		}
		charts = append(charts, chart)
	}
	cpu := figures.Chart{Title: "Processor time of all brokers", X: figures.Axis{Label: "offered", Scale: figures.Log, Unit: figures.PerSecond}, Y: figures.Axis{Label: "a message", Scale: figures.Log, Unit: figures.Nanos}}
	for _, w := range ways() {
		cpu.Lines = append(cpu.Lines, figures.Line{Name: w.name, Style: w.style, Points: r.Where("way", w.name).Medians("offered_per_s", "busy_ns_per_message")})
	}
	return figures.Grid("core-rate", "What a rate costs in time and processors, core beside streams (synced and unsynced systems)",
		"128 B from 16 clients. Latency against the rate that was achieved; bars are intervals over seeds; a mark that no line joins was offered more than it achieved by 5 % or more. Discs: synced on a quorum's disks; rings: replicated only; crosses: nowhere.", t.Command, 3, append(charts, cpu))
}

// payloads have colours of their own.
var payloads = []struct {
	bytes string
	style figures.Style
}{{"16", figures.Style{Color: figures.Sky}}, {"128", figures.Style{Color: figures.Blue}}, {"1024", figures.Style{Color: figures.Purple}}, {"16384", figures.Style{Color: figures.Red}}}

// fanoutFigure is the cost of a message against its subscribers.
func fanoutFigure(t *study.Tables) (figures.Figure, error) {
	var charts []figures.Chart
	for _, m := range []struct{ mode, title string }{{blast, "More than the broker can do"}, {light, "1000 messages a second"}} {
		chart := figures.Chart{Title: m.title, X: figures.Axis{Label: "subscribers", Scale: figures.Log}, Y: figures.Axis{Label: "processor time a message", Scale: figures.Log, Unit: figures.Nanos, Min: 30, Max: 2e6}}
		for _, p := range payloads {
			chart.Lines = append(chart.Lines, figures.Line{Name: p.bytes + " B", Style: p.style, Points: perMessage(t.Of("fanout").Where("mode", m.mode, "payload_bytes", p.bytes))})
			if m.mode != blast {
				continue
			}
			there := figures.Line{Name: p.bytes + " B, nats-server", Style: figures.Style{Color: p.style.Color, Mark: figures.Ring}, Kind: figures.Marks}
			for _, n := range natsFanout {
				if strconv.Itoa(n.bytes) == p.bytes {
					there.Points = []figures.XY{{X: 0, Y: n.in}, {X: 1, Y: n.oneToOne}, {X: 4, Y: 4 * n.ofFour}}
				}
			}
			chart.Lines = append(chart.Lines, there)
		}
		charts = append(charts, chart)
	}
	return figures.Grid("core-fanout", "What a message costs one broker, by its subscribers",
		"Lines: this broker on the two-core profile. Rings: nats-server 2.15.2, processor time measured on that machine under a blast. At 1000/s nothing is batched: each further subscriber costs a write.", t.Command, 2, charts)
}

// causeStyles are the colours of what loses messages.
var causeStyles = []figures.Style{
	{Color: figures.Blue},
	{Color: figures.Orange, Mark: figures.Square},
	{Color: figures.Green, Mark: figures.Diamond},
	{Color: figures.Purple, Mark: figures.Ring},
	{Color: figures.Sky},
	{Color: figures.Red, Mark: figures.Cross},
	{Color: figures.Brown, Mark: figures.Square},
	{Color: figures.Grey, Mark: figures.Diamond},
	{Color: figures.Pink, Mark: figures.Ring},
}

// lossFigure is the share lost by each cause against the level of faults.
func lossFigure(t *study.Tables) (figures.Figure, error) {
	var charts []figures.Chart
	styles := map[string]figures.Style{}
	for _, k := range []struct{ experiment, of, good string }{{atMostOnce, "messages", "delivered"}, {transparency, "requests", "answered"}} {
		at := t.Of("losses").Where("experiment", k.experiment)
		chart := figures.Chart{Title: "Lost " + k.of, X: figures.Axis{Label: "level of faults", Min: -0.3, Max: 4.5}, Y: figures.Axis{Label: "share", Scale: figures.Log, Unit: figures.PerMillion, Min: 10, Max: 2e5}}
		for i, outcome := range outcomes(at.Where("of", k.of)) {
			if outcome == k.good {
				continue
			}
			name := strings.TrimPrefix(outcome, "timed out: ")
			if _, ok := styles[name]; !ok {
				styles[name] = causeStyles[len(styles)%len(causeStyles)]
			}
			l := figures.Line{Name: name, Style: styles[name]}
			for level := range 5 {
				e := share(at.Where("level", strconv.Itoa(level)), k.of, func(o string) bool { return o == outcome })
				l.Points = append(l.Points, figures.XY{X: float64(level) + float64(i)*0.03, Y: e.Value, Low: max(e.Low, 0), High: e.High})
			}
			chart.Lines = append(chart.Lines, l)
		}
		charts = append(charts, chart)
	}
	return figures.Grid("core-losses", "What core messaging loses, by cause and level of faults",
		"Mean share over seeds of each level, with its 95 % interval. A level is so many rounds of partition, crash, reset and pause within 53 s. Requests that timed out, by cause.", t.Command, 2, charts)
}
