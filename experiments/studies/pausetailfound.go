package studies

import (
	"fmt"
	"math"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
)

// seldom is how much of its time a server may be working off pauses, for the closed formula to hold.
const seldom = 0.05

// concludePauseTail compares tails with the closed formula, and brokers with what their acknowledgements wait for.
func concludePauseTail(t *Tables) (*Conclusion, error) {
	c := &Conclusion{Answers: map[string]string{}}
	rows := tailCases(t.Of("server"))
	f, err := tailFigure(t, rows)
	if err != nil {
		return nil, err
	}
	c.Figures = append(c.Figures, f)
	c.Tables = append(c.Tables, tailTable(rows), pathTable(t.Of("brokers")))
	c.Checks = []Check{tailSeldom(rows), tailOften(rows), queueCheck(t.Of("queue")), pathCheck(t.Of("brokers"))}
	c.Paragraphs = []string{
		"A server that is stopped for G at rate gamma (Poisson) and is busy a share rho of the time otherwise: messages that come in a pause wait for its end, those behind them for the backlog, so that P(delay > d) = gamma*(G-d)/(1-rho) and the quantile is d_p = G - (1-p)(1-rho)/gamma. That leaves out pauses that meet, and the queue that there is without pauses.",
		tailWords(rows),
		"Brokers, every node stopped for 20 ms once a second on average, at times of its own: the share of publishes that are late by more than half a pause is k*gamma*(G/2)/(1-rho), k being the nodes that an acknowledgement waits for. Redpanda's producer talks to the leader, and the second of two followers is enough: k = 1. A NATS client talks to any of three nodes, which passes the publish on to the leader: k = 1 + 2/3. Kafka's leader waits for every member of the ISR: k = 3.",
	}
	c.Answers["go-gc-ceiling"] = "A pause moves a quantile only when it is hit often enough: 0.02 ms twenty times a second is invisible at 99 % (0.02 ms - 0.01*(1-rho)/20 s is below zero), a pause of 20 ms once a second at half load makes it 15 ms. " + pathWords(t.Of("brokers"))
	c.Answers["why-not-kafka"] = pathWords(t.Of("brokers"))
	return c, nil
}

// tailCase is one setting of the server by itself, with medians over the seeds.
type tailCase struct {
	pause, every, rho float64 // ns, ns, share
	p99, p999         float64
}

// busyWith is gamma*G/(1-rho): the share of the time in which what a pause has left behind is being worked off.
func (c *tailCase) busyWith() float64 { return c.pause / c.every / (1 - c.rho) }

// closed is the formula's quantile; 0 where pauses do not reach it.
func (c *tailCase) closed(p float64) float64 {
	return max(c.pause-(1-p)*(1-c.rho)*c.every, 0)
}

func tailCases(r *Rows) (out []tailCase) {
	for _, pause := range r.Values("pause_ns") {
		for _, every := range r.Where("pause_ns", pause).Values("every_ns") {
			for _, rho := range r.Where("pause_ns", pause, "every_ns", every).Values("load_permille") {
				of := r.Where("pause_ns", pause, "every_ns", every, "load_permille", rho)
				out = append(out, tailCase{
					float64(of.Int(0, "pause_ns")), everyDrawn(of), float64(of.Int(0, "load_permille")) / 1000,
					median(of, "p99_ns"), median(of, "p99.9_ns"),
				})
			}
		}
	}
	return out
}

// everyDrawn is the mean time between pauses as they were drawn, over all seeds: of rare ones there are few, and by chance more or
// fewer than asked for.
func everyDrawn(of *Rows) float64 {
	if n := sum(of.Ints("pauses")); n > 0 {
		return float64(sum(of.Ints("arrivals"))) * float64(serviceTime) / (float64(of.Int(0, "load_permille")) / 1000) / float64(n)
	}
	return float64(of.Int(0, "every_ns"))
}

// held calls f with every quantile that pauses rule, which is where they are ten times the service and the formula is well above zero.
func held(rows []tailCase, f func(c *tailCase, p, got, want float64)) {
	for i := range rows {
		c := &rows[i]
		for _, q := range []struct{ p, got float64 }{{0.99, c.p99}, {0.999, c.p999}} {
			if want := c.closed(q.p); c.pause > 10*float64(serviceTime) && want > 0.2*c.pause {
				f(c, q.p, q.got, want)
			}
		}
	}
}

func tailSeldom(rows []tailCase) Check {
	check := Check{
		Name: "tail-follows-formula", Holds: true,
		Expected: fmt.Sprintf("where gamma*G/(1-rho) is at most %v the 99th and 99.9th percentile are within 20 %% of the formula and the waits of a queue (1 ms)", seldom),
	}
	n, worst := 0, 1.0
	held(rows, func(c *tailCase, _, got, want float64) {
		if c.busyWith() > seldom {
			return
		}
		n++
		off := math.Abs(got-want) - 1e6
		check.Holds = check.Holds && off < 0.2*want
		worst = max(worst, got/want, want/got)
	})
	check.Found = fmt.Sprintf("%d quantiles, off by a factor of %.2f at worst", n, worst)
	check.Holds = check.Holds && n > 0
	return check
}

// tailOften checks that the formula falls short where pauses meet: if it did not, seldom would say nothing.
func tailOften(rows []tailCase) Check {
	n, above, worst := 0, 0, 1.0
	held(rows, func(c *tailCase, _, got, want float64) {
		if c.busyWith() <= 0.2 {
			return
		}
		n++
		if got > 1.2*want {
			above++
		}
		worst = max(worst, got/want)
	})
	return Check{
		"formula-fails-where-pauses-meet", "where gamma*G/(1-rho) is above 0.2 most of the tails are more than a fifth above the formula", n > 0 && 2*above > n,
		fmt.Sprintf("%d of %d are; the worst is %.1f times what the formula says", above, n, worst),
	}
}

func tailWords(rows []tailCase) string {
	var words []string
	for _, bound := range []struct{ low, high float64 }{{0, 0.02}, {0.02, 0.05}, {0.05, 0.2}, {0.2, 0.5}, {0.5, 1}} {
		n, worst := 0, 1.0
		held(rows, func(c *tailCase, _, got, want float64) {
			if c.busyWith() > bound.low && c.busyWith() <= bound.high {
				n++
				worst = max(worst, got/want, want/got)
			}
		})
		if n > 0 {
			words = append(words, fmt.Sprintf("up to %g by a factor of %.2f", bound.high, worst))
		}
	}
	return "Measured on the host model with constant service times of 0.1 ms, the formula is off at worst, for gamma*G/(1-rho) " + strings.Join(words, ", ") + ". It is good while that is small, and says too little where pauses meet."
}

func tailTable(rows []tailCase) TextTable {
	out := TextTable{Title: "Percentiles with pauses, measured and by the closed formula", Head: []string{"pause, every, load", "gamma*G/(1-rho)", "p99", "formula", "p99.9", "formula"}}
	for i := range rows {
		c := &rows[i]
		if c.pause < 5e6 {
			continue
		}
		out.Rows = append(out.Rows, []string{
			fmt.Sprintf("%s, %s, %.1f", nanosText(c.pause), nanosText(c.every), c.rho), fmt.Sprintf("%.3f", c.busyWith()),
			nanosText(c.p99), nanosText(c.closed(0.99)), nanosText(c.p999), nanosText(c.closed(0.999)),
		})
	}
	return out
}

// tailFigure draws what was measured over what the formula says, against how busy the server is with pauses.
func tailFigure(t *Tables, rows []tailCase) (figures.Figure, error) {
	var charts []figures.Chart
	for _, p := range []float64{0.99, 0.999} {
		c := figures.Chart{
			Title: fmt.Sprintf("%g %%", p*100), X: figures.Axis{Label: "time spent on pauses, γG/(1-ρ)", Scale: figures.Log, Unit: figures.PerMillion},
			Y:      figures.Axis{Label: "measured / formula", Scale: figures.Log, Unit: figures.Ratio},
			Shades: []figures.Shade{{From: 300, To: seldom * 1e6, Label: "small"}},
		}
		for i, load := range tailLoads {
			line := figures.Line{Name: fmt.Sprintf("load %.1f", float64(load)/1000), Style: figures.Style{Color: figures.Color(i), Mark: figures.Diamond}, Kind: figures.Marks}
			held(rows, func(k *tailCase, q, got, want float64) {
				if q == p && k.rho == float64(load)/1000 {
					line.Points = append(line.Points, figures.XY{X: k.busyWith() * 1e6, Y: got / want})
				}
			})
			if len(line.Points) > 0 {
				c.Lines = append(c.Lines, line)
			}
		}
		charts = append(charts, c)
	}
	return figures.Grid("tail", "Tail latency with pauses over the closed formula",
		"One server with Poisson arrivals that is stopped for G at rate γ; each point a setting whose pauses reach the percentile. ×1 is d = G - (1-p)(1-ρ)/γ.", t.Command, 2, charts)
}

// queueCheck holds the host to Pollaczek and Khinchine: T = E[S] + lambda*E[S^2]/(2(1-rho)).
func queueCheck(r *Rows) Check {
	check := Check{Name: "queue-follows-pollaczek-khinchine", Holds: true, Expected: "without pauses the mean time at the server is E[S] + lambda*E[S^2]/(2(1-rho)), to within 5 %"}
	for i := range r.Len() {
		s, rho := float64(r.Int(i, "mean_service_ns")), float64(r.Int(i, "load_permille"))/1000
		lambda := rho / float64(serviceTime)
		rho = lambda * s
		want := s + lambda*float64(r.Int(i, "second_moment_ns2_per_1000"))*1000/(2*(1-rho))
		got := float64(r.Int(i, "mean_ns"))
		check.Holds = check.Holds && math.Abs(got-want) < 0.05*want
		if r.Text(i, "seed") == r.Text(0, "seed") {
			check.Found += fmt.Sprintf("%s, load %.1f: %s for %s; ", r.Text(i, "service"), rho, nanosText(got), nanosText(want))
		}
	}
	return check
}

// pathNodes is k: the nodes that an acknowledgement waits for.
func pathNodes(design string) float64 {
	switch design {
	case reference.design:
		return 1 + 2.0/3
	case kafkaAll.design:
		return 3
	}
	return 1
}

// pathShares is the share of late publishes of a system, and what the formula says.
func pathShares(r *Rows, s *system) (got stats.Estimate, want float64) {
	of := r.Where("system", s.name)
	var shares []int64
	busy := 0.0
	for i := range of.Len() {
		shares = append(shares, of.Int(i, "late")*1_000_000/max(of.Int(i, "ok"), 1))
		busy = max(busy, float64(of.Int(i, "busy_permille"))/1000)
	}
	return stats.Mean(shares), pathNodes(s.design) * float64(brokerPause) / 2 / float64(brokerEvery) / (1 - busy) * 1e6
}

func pathTable(r *Rows) TextTable {
	out := TextTable{
		Title: "Every node stopped for 20 ms, once a second on average: publishes late by more than 10 ms",
		Head:  []string{"system", "nodes waited for", "late", "formula", "p99", "p99.9"},
	}
	for _, s := range paths() {
		got, want := pathShares(r, &s)
		of := r.Where("system", s.name)
		out.Rows = append(out.Rows, []string{s.name, fmt.Sprintf("%.2f", pathNodes(s.design)), ppmText(got.Value), ppmText(want), nanosText(median(of, "p99_ns")), nanosText(median(of, "p99.9_ns"))})
	}
	return out
}

func pathWords(r *Rows) string {
	var words []string
	for _, s := range paths() {
		got, want := pathShares(r, &s)
		words = append(words, fmt.Sprintf("%s %s (formula %s)", s.name, ppmText(got.Value), ppmText(want)))
	}
	return "Of publishes with every node stopped 20 ms a second, late by over 10 ms: " + strings.Join(words, ", ") + "."
}

func pathCheck(r *Rows) Check {
	check := Check{Name: "quorum-hides-a-stopped-follower", Holds: true, Expected: "the share of late publishes is within 30 % of k*gamma*(G/2)/(1-rho): k is 1 for Redpanda, 1 + 2/3 for the reference broker, 3 for Kafka"}
	for _, s := range paths() {
		got, want := pathShares(r, &s)
		check.Holds = check.Holds && math.Abs(got.Value-want) < 0.3*want
		check.Found += fmt.Sprintf("%s: %s, formula %s; ", s.name, ppmText(got.Value), ppmText(want))
	}
	return check
}
