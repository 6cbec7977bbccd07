package studies

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
)

var availability = Study{
	Name:     "availability",
	Question: "What share of the time is anything acknowledged, if the leader crashes again and again?",
	Vary:     "time between crashes, by design",
	Small:    2, Full: 30,
	Tables: []Table{
		{"churn", []string{
			"system", "design", "policy", "every_s", "seed", "crashes", "window_ns", "available_ppm", "acks_per_s", "offered_per_s", "longest_gap_ns", "elections", "events",
		}},
	},
	Grid:     availabilityGrid,
	Conclude: availabilityConclude,
}

// churnDown is how long a crashed leader stays down.
const churnDown = sec

// churnEvery are the seconds between crashes at full size; at small size every other one is left out.
var churnEvery = []int64{2, 5, 10, 30, 60}

func availabilityGrid(o *Options) (points []Point) {
	for _, s := range failoverSystems {
		for i, every := range churnEvery {
			if o.Size == Small && i%2 == 1 {
				continue
			}
			points = append(points, func(seed rundir.Seed, out *Output) error { return churnPoint(s, every, o, seed, out) })
		}
	}
	return points
}

// churnTrial crashes whoever leads every so often. The first time is the seed's, within 2 s and the same for all systems. The
// window is a whole number of periods, so that each crash and what follows it have the same weight.
func churnTrial(s system, every int64, o *Options, seed rundir.Seed) (t trial.Trial, crashes int64) {
	t = s.trial(seed, o, 1)
	t.Load = publishers(failoverClients, failoverRate, 128)
	t.Ready, t.Warm, t.Keep, t.Timeout = 5*sec, sec, true, answerTimeout(&s)
	t.Measure = 60 * sec
	if o.Size == Full {
		t.Measure = 120 * sec
	}
	at := t.From() + int64(load.Key(seed).Sub("churn").Below(0, 2000))*ms
	for ; at < t.Until(); at += every * sec {
		t.Plan.Faults = append(t.Plan.Faults, faults.Fault{At: at, Kind: faults.Crash, Targets: []faults.Target{theLeader}, For: churnDown})
	}
	return t, int64(len(t.Plan.Faults))
}

func churnPoint(s system, every int64, o *Options, seed rundir.Seed, out *Output) error {
	t, crashes := churnTrial(s, every, o, seed)
	m, err := trial.Run(t)
	if err != nil {
		return fmt.Errorf("%s, a crash every %d s, seed %v: %w", s.name, every, seed, err)
	}
	g := silences(m.Completions, failoverClients, t.From(), t.Until())
	elections := 0
	for _, l := range m.Leaders {
		elections += bit(l.Stream == streamName(0) && l.At >= t.From() && l.At < t.Until())
	}
	out.Events += m.Events
	out.Add("churn", s.name, s.design, s.policy, every, seed, crashes, m.Window, (m.Window-g.silent)*1_000_000/m.Window,
		m.Rate(m.Done), m.Rate(m.Offered), g.longest, elections, m.Events)
	return nil
}

// lostPerCrash is the time without acknowledgements for each crash of a run, in nanoseconds.
func lostPerCrash(rows *Rows) (out []int64) {
	for i := range rows.Len() {
		silent := rows.Int(i, "window_ns") / 1_000_000 * (1_000_000 - rows.Int(i, "available_ppm"))
		out = append(out, silent/max(rows.Int(i, "crashes"), 1))
	}
	return out
}

func churned(churn *Rows, s *system, every int64) *Rows {
	return churn.Where("system", s.name, "every_s", fmt.Sprint(every))
}

func availabilityConclude(t *Tables) (*Conclusion, error) {
	churn := t.Of("churn")
	c := &Conclusion{Tables: []TextTable{availabilityTable(churn)}, Checks: []Check{moreCrashesLess(churn), lossIsFailover(churn)}}
	share := func(s system, every int64) string {
		return ppmText(stats.Median(churned(churn, &s, every).Ints("available_ppm")).Value)
	}
	c.Paragraphs = []string{fmt.Sprintf(
		"With a leader that crashes every minute, and is back after 1 s, something is acknowledged in %s of the time by the reference broker, %s by the NATS profile, %s by Redpanda and %s by Kafka acks=all; with a crash every 10 s in %s, %s, %s and %s (medians of %d seeds). What a crash costs is the time of a failover, until crashes come as fast as that: then nobody leads whom one could strike. The NATS profile elects %s times a crash where they come every 10 s, the reference broker %s times: its leader starts over when the crashed node is back with another boot, which is this laboratory's way to bring etcd's Raft to terms with logs that may have shrunk (impl/broker/guard.go), not nats-server's.",
		share(reference, 60), share(natsDefault, 60), share(redpanda, 60), share(kafkaAll, 60),
		share(reference, 10), share(natsDefault, 10), share(redpanda, 10), share(kafkaAll, 10), len(churn.Values("seed")), electionsPerCrash(churned(churn, &natsDefault, 10)), electionsPerCrash(churned(churn, &reference, 10)))}
	f, err := availabilityFigure(t)
	c.Figures = []figures.Figure{f}
	return c, err
}

func availabilityTable(churn *Rows) TextTable {
	table := TextTable{
		Title: "A leader that crashes every so often, for 1 s",
		Head:  []string{"system", "every", "time with acknowledgements", "95 % interval", "acknowledged of offered", "lost a crash, median", "elections a crash"},
	}
	for k := range failoverSystems {
		s := &failoverSystems[k]
		for _, every := range churnEvery {
			rows := churned(churn, s, every)
			if rows.Len() == 0 {
				continue
			}
			m := stats.Median(rows.Ints("available_ppm"))
			done := float64(sum(rows.Ints("acks_per_s"))) / float64(max(sum(rows.Ints("offered_per_s")), 1))
			table.Rows = append(table.Rows, []string{
				s.name, fmt.Sprintf("%d s", every), ppmText(m.Value), ppmText(m.Low) + " to " + ppmText(m.High),
				ppmText(done * 1_000_000), lasting(stats.Median(lostPerCrash(rows)).Value), electionsPerCrash(rows),
			})
		}
	}
	return table
}

func electionsPerCrash(rows *Rows) string {
	return fmt.Sprintf("%.2f", float64(sum(rows.Ints("elections")))/float64(max(sum(rows.Ints("crashes")), 1)))
}

// moreCrashesLess: the median does not fall as crashes become rarer.
func moreCrashesLess(churn *Rows) Check {
	c := Check{Name: "rarer-crashes-cost-less", Expected: "the rarer the crashes, the larger the share of the time with acknowledgements, for every system", Holds: true}
	for k := range failoverSystems {
		last := -1.0
		for _, every := range churnEvery {
			rows := churned(churn, &failoverSystems[k], every)
			if rows.Len() == 0 {
				continue
			}
			m := stats.Median(rows.Ints("available_ppm")).Value
			if m < last {
				c.Holds = false
				c.Found += fmt.Sprintf("%s: %s at %d s, less than before; ", failoverSystems[k].name, ppmText(m), every)
			}
			last = m
		}
	}
	if c.Holds {
		c.Found = fmt.Sprintf("so for all %d systems and %d periods", len(failoverSystems), len(churn.Values("every_s")))
	}
	return c
}

// lossIsFailover: a crash a minute costs what one crash costs.
func lossIsFailover(churn *Rows) Check {
	c := Check{Name: "a-crash-costs-a-failover", Expected: "a crash a minute costs the time that one failover takes by the design's timers; Kafka's controller may be struck or not, and one election may end without a leader", Holds: true}
	for _, s := range [...]system{reference, kafkaAll, redpanda} {
		plain, controller := budgetOf(&s, &troubles[0], false), budgetOf(&s, &troubles[0], true)
		_, again := raftTimers(s.design)
		high := float64(controller.high + again)
		m := stats.Median(lostPerCrash(churned(churn, &s, 60))).Value
		c.Holds = c.Holds && m >= float64(plain.low) && m <= high
		c.Found += fmt.Sprintf("%s: %s of %s to %s; ", s.name, lasting(m), lasting(float64(plain.low)), lasting(high))
	}
	return c
}

func availabilityFigure(t *Tables) (figures.Figure, error) {
	chart := func(title string, y figures.Axis, value func(rows *Rows) stats.Estimate) figures.Chart {
		c := figures.Chart{Title: title, X: figures.Axis{Label: "time between crashes", Scale: figures.Log, Unit: figures.Nanos}, Y: y}
		for k := range failoverSystems {
			s := &failoverSystems[k]
			line := figures.Line{Name: s.name, Style: s.style(), Kind: figures.Joined}
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
	return figures.Grid("availability", "A leader that crashes again and again", "Medians of all seeds with 95 % intervals. A crashed leader is back after 1 s. Discs: acknowledged when synced; rings: from page caches.", t.Command, 2, []figures.Chart{
		chart("time with acknowledgements", figures.Axis{Unit: figures.PerMillion, Max: 1_000_000}, func(r *Rows) stats.Estimate { return stats.Median(r.Ints("available_ppm")) }),
		chart("time lost for each crash", figures.Axis{Unit: figures.Nanos, Scale: figures.Log}, func(r *Rows) stats.Estimate { return stats.Median(lostPerCrash(r)) }),
	})
}
