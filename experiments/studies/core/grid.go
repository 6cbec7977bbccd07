package core

import (
	"fmt"
	"time"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/host"
)

const ms = int64(time.Millisecond)

// niceRate is the rate of the plot of percentiles.
const niceRate = 10_000

func grid(o *study.Options) (points []study.Point) {
	rates, measure := []int{1000, niceRate, 100_000}, 300*ms
	fan, sizes := []int{0, 1, 4, 16, 64}, []int{16, 128, 1024, 16384}
	if o.Size == study.Full {
		rates, measure = []int{1000, 3000, niceRate, 30_000, 100_000, 200_000, 400_000}, 1000*ms
	}
	for _, w := range ways() {
		for _, rate := range rates {
			points = append(points, func(seed rundir.Seed, out *study.Output) error { return w.point(o, seed, rate, measure, out) })
		}
	}
	for _, bytes := range sizes {
		for _, n := range fan {
			for _, mode := range []string{blast, light} {
				points = append(points, func(seed rundir.Seed, out *study.Output) error { return fanoutPoint(seed, bytes, n, mode, out) })
			}
		}
	}
	for _, clients := range []int{1, 16, 64} {
		points = append(points, func(seed rundir.Seed, out *study.Output) error { return requestPoint(seed, clients, out) })
	}
	return append(points, lossPoints(o)...)
}

// point measures one way at one rate: from when a message was due until it is acknowledged, or delivered.
func (w *way) point(o *study.Options, seed rundir.Seed, rate int, measure int64, out *study.Output) error {
	var t trial.Trial
	if w.stream == nil {
		t = trial.Trial{Seed: seed, Profile: "reference", Hardware: o.Hardware, Cluster: rundir.Cluster{Nodes: 3}, Receivers: w.subscribers}
		t.Load = systems.CoreLoad(rate, 128, w.subscribers, w.node)
	} else {
		t = w.stream.Trial(seed, o, 1)
		t.Load = systems.Publishers(systems.CoreClients, rate, 128)
		w.receive(&t)
	}
	t.Warm, t.Measure = 200*ms, measure
	if rate > 100_000 {
		t.Measure = measure / 2
	}
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	h, done, missing := m.Latency, m.Done, m.Open
	if t.Receivers > 0 {
		h, done, missing = m.Arrival, m.Delivered/int64(t.Receivers), m.Missing
	}
	busy, busiest := int64(0), int64(0)
	for i := range m.Nodes {
		busy += m.Nodes[i].Busy
		busiest = max(busiest, m.Nodes[i].Busy)
	}
	out.Events += m.Events
	out.Add("rates", w.name, rate, seed, m.Rate(done), m.Offered, missing,
		trial.Quantile(h, 500_000), trial.Quantile(h, 900_000), trial.Quantile(h, 990_000), trial.Quantile(h, 999_000), h.Max(),
		busy/max(m.Offered, 1), busiest*1000/m.Window, m.Events)
	return nil
}

// Modes of the measurement of fan-out: so much that the broker never sleeps, and so little that it does after each message.
const (
	blast = "blast"
	light = "light"
)

// measuredOn is the machine on which nats-server was measured.
const measuredOn = "two-core"

// fanoutPoint measures what a message costs one broker of the two-core machine, on which nats-server's own costs were measured.
func fanoutPoint(seed rundir.Seed, bytes, subscribers int, mode string, out *study.Output) error {
	// Half as much again as what the broker can do, by its measured costs, and enough messages for a mean.
	cost := 60 + bytes/3 + subscribers*(15+bytes/3)
	rate := 1_500_000_000 / cost
	if mode == light {
		rate = 1000
	}
	// Without a collector: in so few milliseconds there is none of its cycles, or a stop as long as all of them.
	t := trial.Trial{Seed: seed, Profile: "reference", Hardware: measuredOn, Cluster: rundir.Cluster{Nodes: 1}, Ready: 2000 * ms, Collector: &host.CollectorConfig{Kind: host.NoCollector}}
	t.Load = systems.CoreLoad(rate, bytes, subscribers, 1)
	t.Warm, t.Measure, t.Grace = 5*ms, max(5*ms, 500*int64(cost)), ms
	if mode == light {
		t.Warm, t.Measure = 100*ms, 200*ms
	}
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	n := &m.Nodes[0]
	out.Events += m.Events
	out.Add("fanout", bytes, subscribers, mode, seed, n.Work[machine.WorkRoute].Count, n.Work[machine.WorkDeliver].Count, n.Busy, n.Busy*1000/m.Window, m.Events)
	return nil
}

// requestPoint has clients ask one service one request after another: at once after an answer, as far as a loop that is asked
// every 20 us on average can be closed.
func requestPoint(seed rundir.Seed, clients int, out *study.Output) error {
	t := trial.Trial{Seed: seed, Profile: "reference", Hardware: measuredOn, Cluster: rundir.Cluster{Nodes: 1}, Ready: 2000 * ms, Warm: 20 * ms, Measure: 100 * ms}
	t.Load = load.Spec{Groups: []load.Group{
		{Name: "svc", Count: 1, Serve: &load.Serve{Subject: "svc", Bytes: 128}},
		{Name: "ask", Count: clients, Request: &load.Request{PerSecond: 50_000 * min(clients, 20), Subject: "svc", Bytes: 128, MaxOpen: 1}},
	}}
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	h := m.Latency
	out.Events += m.Events
	out.Add("requests", clients, seed, m.OK, m.Window, trial.Quantile(h, 500_000), trial.Quantile(h, 990_000), trial.Quantile(h, 999_000), m.Nodes[0].Busy, m.Events)
	return nil
}

// Judged experiments whose losses are counted.
const (
	atMostOnce   = "core-at-most-once"
	transparency = "location-transparency"
)

// lossPoints are judged runs of each level of faults. A seed of the study stands for several of an experiment, so that shares
// have the seeds they need: 4 of a level at the small size, 30 at full.
func lossPoints(o *study.Options) (points []study.Point) {
	several := rundir.Seed(4)
	if o.Size == study.Full {
		several = 6
	}
	for _, name := range []string{atMostOnce, transparency} {
		for level := range rundir.Seed(5) {
			for n := range several {
				points = append(points, func(seed rundir.Seed, out *study.Output) error {
					return lossPoint(name, ((seed-1)*several+n)*5+level, out)
				})
			}
		}
	}
	return points
}

// lossPoint runs an experiment with one of its own seeds, which decides the level, and counts what became of its messages.
func lossPoint(name string, seed rundir.Seed, out *study.Output) error {
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
