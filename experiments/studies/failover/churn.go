package failover

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
)

// churnDown is how long a crashed leader stays down.
const churnDown = sec

// churnEvery are the seconds between crashes at full size; at small size every other one is left out.
var churnEvery = []int64{2, 5, 10, 30, 60}

func churnGrid(o *study.Options) (points []study.Point) {
	for _, s := range compared {
		for i, every := range churnEvery {
			if o.Size == study.Small && i%2 == 1 {
				continue
			}
			points = append(points, func(seed rundir.Seed, out *study.Output) error { return churnPoint(s, every, o, seed, out) })
		}
	}
	return points
}

// churnTrial crashes whoever leads every so often. The first time is the seed's, within 2 s and the same for all systems. The
// window is a whole number of periods, so that each crash and what follows it have the same weight.
func churnTrial(s systems.System, every int64, o *study.Options, seed rundir.Seed) (t trial.Trial, crashes int64) {
	t = s.Trial(seed, o, 1)
	t.Load = systems.Publishers(clients, rate, 128)
	t.Ready, t.Warm, t.Keep, t.Timeout = 5*sec, sec, true, answerTimeout(&s)
	t.Grace = 30 * sec // a gap that the load's end falls into is longer than the usual wait for answers, and Kafka's clients wait
	t.Measure = 60 * sec
	if o.Size == study.Full {
		t.Measure = 120 * sec
	}
	at := t.From() + int64(load.Key(seed).Sub("churn").Below(0, 2000))*ms
	for ; at < t.Until(); at += every * sec {
		t.Plan.Faults = append(t.Plan.Faults, faults.Fault{At: at, Kind: faults.Crash, Targets: []faults.Target{theLeader}, For: churnDown})
	}
	return t, int64(len(t.Plan.Faults))
}

func churnPoint(s systems.System, every int64, o *study.Options, seed rundir.Seed, out *study.Output) error {
	t, crashes := churnTrial(s, every, o, seed)
	m, err := trial.Run(t)
	if err != nil {
		return fmt.Errorf("%s, a crash every %d s, seed %v: %w", s.Name, every, seed, err)
	}
	until := m.From + m.Window
	g := silences(m.Completions, clients, m.From, until)
	elections := 0
	for _, l := range m.Leaders {
		elections += study.Bit(l.Stream == systems.StreamName(0) && l.At >= m.From && l.At < until)
	}
	out.Events += m.Events
	out.Add("churn", s.Name, s.Design, s.Policy, every, seed, crashes, m.Window, (m.Window-g.silent)*1_000_000/m.Window,
		m.Rate(m.OK), m.Rate(m.Offered), g.longest, elections, m.Events)
	return nil
}

func churned(churn *study.Rows, s *systems.System, every int64) *study.Rows {
	return churn.Where("system", s.Name, "every_s", fmt.Sprint(every))
}

// lostPerCrash is the time without acknowledgements for each crash of a run, in nanoseconds.
func lostPerCrash(rows *study.Rows) (out []int64) {
	for i := range rows.Len() {
		silent := rows.Int(i, "window_ns") / 1_000_000 * (1_000_000 - rows.Int(i, "available_ppm"))
		out = append(out, silent/max(rows.Int(i, "crashes"), 1))
	}
	return out
}
