package studies

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
)

// cost is something that grows.
type cost struct {
	name, column string
	// share says that it is told for an operation or a second; memory and latency are what they are.
	share bool
	unit  figures.Unit
	print func(float64) string
	// caveat is what a reader of the figure must know.
	caveat string
}

func whole(v float64) string { return fmt.Sprintf("%.4g", v) }

func size(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1<<20:
		return fmt.Sprintf("%.3g MiB", v/(1<<20))
	case a >= 1<<10:
		return fmt.Sprintf("%.3g KiB", v/(1<<10))
	}
	return fmt.Sprintf("%.3g B", v)
}

// costs in the order of the law table.
var costs = []cost{
	{"processor time", "busy_ns", true, figures.Nanos, duration, ""},
	{"bytes on the wire", "wire_bytes", true, figures.Bytes, size, ""},
	{"world events", "world_events", true, figures.Count, whole, ""},
	{"live bytes", "live_bytes", false, figures.Bytes, size, " What Kafka's and Redpanda's partitions take beside their logs is not counted."},
	{"latency p50", "p50_ns", false, figures.Nanos, duration, ""},
}

// law is how a cost grows with a factor: a power law's exponent and fit, and a line's.
type law struct {
	points       []figures.XY
	exponent, r2 float64
	line         fitted
}

// lawOf fits a cost of a system against a factor's values; of the table of costs.
func lawOf(r *Rows, f *factor, c *cost, system string) law {
	at := r.Where("factor", f.name, "system", system)
	l := law{}
	var x, y []float64
	for _, v := range at.Values("value") {
		one := at.Where("value", v)
		var each []float64
		for i := range one.Len() {
			n := float64(one.Int(i, c.column))
			if c.share {
				n /= f.of(one, i)
			}
			each = append(each, n)
		}
		value, _ := strconv.ParseFloat(v, 64)
		p := middlePoint(value, each)
		l.points = append(l.points, p)
		if p.Y > 0 {
			x, y = append(x, p.X), append(y, p.Y)
		}
	}
	if len(x) > 1 {
		_, l.exponent, l.r2 = stats.PowerLaw(x, y)
		l.line = fitLine(l.points)
	}
	return l
}

// middlePoint is the median of values, which lie between Low and High.
func middlePoint(x float64, values []float64) figures.XY {
	slices.Sort(values)
	n := len(values)
	return figures.XY{X: x, Y: (values[(n-1)/2] + values[n/2]) / 2, Low: values[0], High: values[n-1]}
}

// of is what costs of row i are told for: its operations, or its seconds.
func (f *factor) of(r *Rows, i int) float64 {
	if f.per == perSecond {
		return float64(r.Int(i, "window_ns")) / 1e9
	}
	return float64(max(r.Int(i, "operations"), 1))
}

// grown is by how much the last point is above the first.
func (l law) grown() float64 {
	first, last := l.points[0].Y, l.points[len(l.points)-1].Y
	if first == 0 {
		return 0
	}
	return last / first
}

func scaleConclude(t *Tables) (*Conclusion, error) {
	r := t.Of("costs")
	c := &Conclusion{Answers: map[string]string{}}
	c.lawTables(r)
	c.scaleChecks(r)
	c.scaleAnswers(r)
	for _, k := range costs {
		f, err := scaleFigure(t, r, &k)
		if err != nil {
			return nil, err
		}
		c.Figures = append(c.Figures, f)
	}
	return c, nil
}

// lawTables has a table for each cost.
func (c *Conclusion) lawTables(r *Rows) {
	for _, k := range costs {
		table := TextTable{
			Title: k.name + ": how it grows (exponent of a power law and its R²; base and slope of a line)",
			Head:  []string{"factor", "system", "from", "to", "at first", "at last", "exponent", "R²", "base", "slope", "R²"},
		}
		if k.share {
			table.Title = k.name + " for each operation, of idle streams a second: how it grows (exponent of a power law and its R²; base and slope of a line)"
		}
		for _, f := range factors() {
			for _, s := range f.systems {
				l := lawOf(r, &f, &k, s.name)
				n := len(l.points)
				if n < 2 {
					continue
				}
				table.Rows = append(table.Rows, append([]string{
					f.name, s.name, whole(l.points[0].X), whole(l.points[n-1].X), k.print(l.points[0].Y), k.print(l.points[n-1].Y),
				}, l.words(&k)...))
			}
		}
		c.Tables = append(c.Tables, table)
	}
}

// words are the law's: exponent, R², base, slope, R². What does not grow has no law, and what no line fits (R² below 0.9) no slope.
func (l *law) words(k *cost) []string {
	w := []string{"0", "–", "–", "–", "–"}
	if !math.IsNaN(l.r2) {
		w[0], w[1] = fmt.Sprintf("%.2f", l.exponent), fmt.Sprintf("%.2f", l.r2)
	}
	if l.line.R2 >= 0.9 {
		w[2], w[3], w[4] = k.print(l.line.Base), k.print(l.line.Slope), fmt.Sprintf("%.3f", l.line.R2)
	}
	return w
}

// findFactor is a factor by its name.
func findFactor(name string) *factor {
	all := factors()
	i := slices.IndexFunc(all, func(f factor) bool { return f.name == name })
	return &all[i]
}

func (c *Conclusion) scaleChecks(r *Rows) {
	busy, wire, live := &costs[0], &costs[1], &costs[3]
	ref := reference.name
	of := func(name string, k *cost) law { return lawOf(r, findFactor(name), k, ref) }

	subjects, subs := of("subjects", busy), of("subscriptions", busy)
	c.check("subjects-are-free", "Processor time an operation grows by less than a fifth with the subjects of a stream, or of an index of subscriptions, from one to all",
		subjects.grown() < 1.2 && subs.grown() < 1.2, "By %.2f and %.2f over a factor of %.0f and %.0f", subjects.grown(), subs.grown(), last(subjects.points).X, last(subs.points).X)
	idle := of("streams", busy)
	c.check("idle-streams-are-linear", "The processor time of idle streams is a line (R² above 0.9), and one of a hundred costs less than a tenth of what the cluster costs with one",
		idle.line.R2 > 0.9 && idle.line.Slope < idle.points[0].Y/10, "%s a second for the cluster and %s for each stream, R² %.3f", duration(idle.line.Base), duration(idle.line.Slope), idle.line.R2)
	consumers := of("consumers", busy)
	c.check("idle-consumers-are-free", "A publish costs no more than a fifth more, however many idle consumers there are", consumers.grown() < 1.2, "%.2f times as much with %.0f as with one", consumers.grown(), last(consumers.points).X)
	out := of("subscribers", busy)
	c.check("subscribers-are-linear", "A message's processor time is a line in its subscribers (R² above 0.99)", out.line.R2 > 0.99, "%s and %s for each, R² %.4f", duration(out.line.Base), duration(out.line.Slope), out.line.R2)
	replicas := of("replicas", wire)
	c.check("replicas-are-linear", "Bytes on the wire of a publish grow with the replicas as a line (R² above 0.99)", replicas.line.R2 > 0.99, "%s and %s for each, R² %.4f", size(replicas.line.Base), size(replicas.line.Slope), replicas.line.R2)
	nodes := lawOf(r, findFactor("nodes"), busy, ref)
	from3 := last(nodes.points).Y / nodes.points[1].Y
	c.check("nodes-are-cheap", "From three nodes on a publish to streams of three replicas costs all brokers together no more than a fifth more", from3 < 1.2, "%.2f times as much with %.0f nodes as with 3", from3, last(nodes.points).X)
	rate := of("rate", busy)
	c.check("batches-form", "A publish costs less the more there are: at 100 k/s at most a third of what it costs at 100/s", rate.grown() < 1.0/3, "%.2f of it, with an exponent of %.2f", rate.grown(), rate.exponent)
	memory := of("subscriptions", live)
	c.check("memory-is-linear", "Live bytes are a line in the subscriptions and in the consumers (R² above 0.9): nothing grows faster than what there is",
		memory.line.R2 > 0.9 && of("consumers", live).line.R2 > 0.9, "%s a subscription on the cluster (R² %.3f), %s a consumer (R² %.3f)",
		size(memory.line.Slope), memory.line.R2, size(of("consumers", live).line.Slope), of("consumers", live).line.R2)
	open := int64(0)
	for i := range r.Len() {
		open += r.Int(i, "open")
	}
	c.check("nothing-overloaded", "Every operation of every point is answered or delivered", open == 0, "%d were open at the end", open)
}

func last(points []figures.XY) figures.XY { return points[len(points)-1] }

func (c *Conclusion) scaleAnswers(r *Rows) {
	busy, live := &costs[0], &costs[3]
	at := func(name string, k *cost, s system) law { return lawOf(r, findFactor(name), k, s.name) }
	idle, idleKafka, idleRed := at("streams", busy, reference), at("streams", busy, kafkaAll), at("streams", busy, redpanda)
	out, subjects := at("subscribers", busy, reference), at("subjects", live, reference)
	n := len(idle.points) - 1
	c.say("An idle stream has a Raft group whose tick costs all three brokers together %s of processor time a second; %.0f streams cost %s a second in all, against %s of Kafka's partitions, "+
		"which have no group of their own and share a fetch, and %s of Redpanda's, which have one. The reference's heartbeats of all groups share a frame, so that frames do not grow; their bytes do.",
		duration(idle.line.Slope), idle.points[n].X, duration(idle.points[n].Y), duration(last(idleKafka.points).Y), duration(last(idleRed.points).Y))
	c.say("Fan-out is what core pays for: each further subscriber of the cluster costs %s of processor time a message, a write of its own. Subjects cost memory, not time: "+
		"%s each with its messages, over three replicas. That time does not grow with them is the model's: it charges a look-up the same whatever the size of the table, "+
		"and a real processor's caches would not.", duration(out.line.Slope), size(subjects.line.Slope))
	rate, kafkaRate := at("rate", busy, reference), at("rate", busy, kafkaAll)
	c.say("With the rate a publish becomes cheaper, since a batch shares its frames and syncs: from %s at %.0f/s to %s at %.0f/s, by an exponent of %.2f; Kafka's, whose clients gather for 5 ms, from %s to %s (%.2f).",
		duration(rate.points[0].Y), rate.points[0].X, duration(last(rate.points).Y), last(rate.points).X, rate.exponent,
		duration(kafkaRate.points[0].Y), duration(last(kafkaRate.points).Y), kafkaRate.exponent)
	subs, consumers := at("subscriptions", live, reference), at("consumers", live, reference)
	c.Answers["memory-grows"] = fmt.Sprintf("In proportion to what there is, and no faster: %s a subscription, %s a consumer of three replicas, %s a subject with its messages, each summed over three brokers.",
		size(subs.line.Slope), size(consumers.line.Slope), size(subjects.line.Slope))
	c.Answers["core-light-and-fast"] = fmt.Sprintf("A message's cost does not depend on how many subjects there are (%.2f times as much with %.0f subscriptions), and grows by %s for each subscriber.",
		lawOf(r, findFactor("subscriptions"), busy, reference.name).grown(), last(subs.points).X, duration(out.line.Slope))
}

// decade are bounds that hold all points and span a factor of ten at least: what hardly grows shall look so.
func decade(lines []figures.Line) (low, high float64) {
	low = math.Inf(1)
	for _, l := range lines {
		for _, p := range l.Points {
			if p.Y > 0 {
				low, high = min(low, p.Y), max(high, p.Y)
			}
		}
	}
	if high == 0 {
		return 0, 0
	}
	middle := math.Sqrt(low * high)
	return min(low/1.3, middle/math.Sqrt(10)), max(high*1.3, middle*math.Sqrt(10))
}

// scaleFigure has a panel for each factor.
func scaleFigure(t *Tables, r *Rows, k *cost) (figures.Figure, error) {
	var charts []figures.Chart
	for _, f := range factors() {
		chart := figures.Chart{Title: f.name, X: figures.Axis{Label: f.unit, Scale: figures.Log}, Y: figures.Axis{Scale: figures.Log, Unit: k.unit}}
		if f.linear {
			chart.X.Scale = figures.Linear
		}
		chart.Y.Label = k.name
		if k.share {
			chart.Y.Label = string(f.per)
		}
		for _, s := range f.systems {
			l := figures.Line{Name: s.name, Style: s.style(), Points: lawOf(r, &f, k, s.name).points}
			l.Style.Dashed = s.design == "nats" // it lies on the reference's line more often than not
			chart.Lines = append(chart.Lines, l)
		}
		chart.Y.Min, chart.Y.Max = decade(chart.Lines)
		charts = append(charts, chart)
	}
	name := map[string]string{"busy_ns": "scale-cpu", "wire_bytes": "scale-wire", "world_events": "scale-events", "live_bytes": "scale-memory", "p50_ns": "scale-latency"}[k.column]
	title := "Growth of " + k.name
	return figures.Grid(name, title, title+" by one factor at a time, all else as it was: 1000 publishes a second of 128 B to a stream of three replicas on three nodes. "+
		"Sums over all brokers; the median over seeds, bars from the least to the most."+k.caveat, t.Command, 3, charts)
}
