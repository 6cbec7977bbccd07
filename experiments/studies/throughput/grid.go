package throughput

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
)

const ms = int64(time.Millisecond)

// publish is one point: a system under an open-loop load of publishes.
type publish struct {
	axis    string
	system  systems.System
	bytes   int
	streams int
	clients int
	// batching names how producers or brokers gather, constant what the model assumes that is changed to value; both may be empty.
	batching, constant string
	value              int64
	rate               int
}

// loaded are the systems that are compared under load.
var loaded = []systems.System{systems.Reference, systems.NATSDefault, systems.NATSAlways, systems.KafkaAll, systems.KafkaFlush, systems.KafkaOne, systems.Redpanda}

// baseRate is where everything else than the rate varies.
const baseRate = 10_000

func grid(o *study.Options) (points []study.Point) {
	at := func(p publish) {
		points = append(points, func(seed rundir.Seed, out *study.Output) error { return p.run(o, seed, out) })
	}
	rates, payloads, streams, clients := []int{1000, 5000, 20_000, 50_000, 100_000, 200_000, 400_000, 800_000}, []int{16, 1024, 16 << 10}, []int{10, 100}, []int{1, 64}
	larger := []int{20_000, 50_000, 100_000, 200_000, 400_000}
	if o.Size == study.Full {
		larger = append(larger, 600_000, 800_000)
		rates = []int{1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 150_000, 200_000, 300_000, 400_000, 600_000, 800_000}
		streams = []int{10, 100, 1000}
	}
	for _, s := range loaded {
		for _, rate := range rates {
			at(publish{axis: "rate", system: s, bytes: 128, streams: 1, clients: 16, rate: rate})
		}
		for _, rate := range larger {
			at(publish{axis: "rate", system: s, bytes: 1024, streams: 1, clients: 16, rate: rate})
		}
		at(publish{axis: "base", system: s, bytes: 128, streams: 1, clients: 16, rate: baseRate})
		for _, bytes := range payloads {
			at(publish{axis: "payload", system: s, bytes: bytes, streams: 1, clients: 16, rate: baseRate})
		}
		for _, n := range streams {
			at(publish{axis: "streams", system: s, bytes: 128, streams: n, clients: 16, rate: baseRate})
		}
		for _, n := range clients {
			at(publish{axis: "batching", system: s, bytes: 128, streams: 1, clients: n, batching: strings.TrimSuffix(strconv.Itoa(n)+" clients", map[bool]string{true: "s"}[n == 1]), rate: baseRate})
		}
		points = append(points, func(seed rundir.Seed, out *study.Output) error { return lossBeside(s, seed, out) })
	}
	for _, s := range []systems.System{systems.KafkaAll, systems.KafkaFlush, systems.Redpanda} {
		for _, set := range []string{"linger=0", "linger=1", "linger=20", "batch=1k", "batch=64k"} {
			at(publish{axis: "batching", system: s.With(s.Name, set), bytes: 128, streams: 1, clients: 16, batching: set, rate: baseRate})
		}
	}
	for _, p := range assumptions(o) {
		at(p)
	}
	for _, n := range []int{1, 16, 64} {
		points = append(points, func(seed rundir.Seed, out *study.Output) error { return closedLoop(n, seed, out) })
	}
	return points
}

// asItIs is the point with nothing changed.
const asItIs = "as it is"

// assumptions are points at which one thing that is assumed, and not measured, stands at an end of its band.
func assumptions(o *study.Options) (out []publish) {
	hw, err := hardware.Load(o.Hardware)
	if err != nil {
		return nil // every other point says so
	}
	for _, s := range []systems.System{systems.Reference, systems.KafkaAll, systems.KafkaFlush, systems.Redpanda} {
		program := programOf(&s)
		at := func(constant string, v int64) {
			out = append(out, publish{axis: "assumed", system: s, bytes: 128, streams: 1, clients: 16, constant: constant, value: v, rate: 2 * baseRate})
		}
		at(asItIs, 0)
		swept := []string{"kernel.input_ns", "network.latency_ns", "disk.sync_ns", "disk.sync_shape.p99.9", "cpu_ppm", program + ".lanes"}
		for _, row := range hw.Constants() {
			if !slices.Contains(swept, row.Name) || row.Low == row.High {
				continue
			}
			name := row.Name
			if name == program+".lanes" {
				name = "lanes"
			}
			at(name, row.Low)
			at(name, row.High)
		}
	}
	return out
}

// run measures the point. The window is long enough for 5000 operations (20,000 at full size), within bounds.
func (p *publish) run(o *study.Options, seed rundir.Seed, out *study.Output) error {
	t := p.system.Trial(seed, o, p.streams)
	if p.constant != "" && p.constant != asItIs {
		name := p.constant
		if name == "lanes" {
			name = programOf(&p.system) + ".lanes"
		}
		t.Constants = map[string]int64{name: p.value}
	}
	wanted, shortest, longest := int64(5000), 100*ms, 2000*ms
	if o.Size == study.Full {
		wanted, shortest, longest = 20_000, 300*ms, 4000*ms
	}
	t.Ready = 4000*ms + 80*ms*int64(p.streams) // streams are created one after the other
	t.Load = systems.Publishers(p.clients, p.rate, p.bytes)
	if p.axis == "assumed" {
		wanted *= 4 // tails are compared
	}
	t.Measure = min(max(wanted*1000*ms/int64(p.rate), shortest), longest)
	t.Warm = min(t.Measure, 300*ms)
	t.Grace = 2000 * ms
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	busiest := int64(0)
	for i := range m.Nodes {
		busiest = max(busiest, m.Nodes[i].Busy)
	}
	s := &p.system
	out.Events += m.Events
	out.Add("points", p.axis, s.Name, s.Design, s.Policy, p.bytes, p.streams, p.clients, p.batching, p.constant, p.value, p.rate, seed,
		m.Rate(m.Done), m.OK, m.Open, m.Failed+m.Unknown, m.Shed,
		trial.Quantile(m.Latency, 500_000), trial.Quantile(m.Latency, 990_000), trial.Quantile(m.Latency, 999_000), m.Latency.Max(),
		busiest*1000/m.Window)
	if p.axis == "base" {
		for _, ppm := range ninesPPM {
			out.Add("percentiles", s.Name, s.Design, s.Policy, p.rate, seed, ppm, trial.Quantile(m.Latency, ppm))
		}
	}
	return nil
}

// ninesPPM are the shares of percentile plots, in parts per million.
var ninesPPM = []int64{10_000, 250_000, 500_000, 750_000, 900_000, 950_000, 980_000, 990_000, 995_000, 998_000, 999_000, 999_500, 999_800, 999_900}

// programOf is the name of a system's program in hardware profiles.
func programOf(s *systems.System) string {
	if s.Design == "kafka" || s.Design == "redpanda" {
		return s.Design
	}
	return "nats"
}

// lossBeside is what the system loses when power fails on all its nodes: it belongs beside every rate.
func lossBeside(s systems.System, seed rundir.Seed, out *study.Output) error {
	l, err := systems.PowerLoss(&s, seed, 3)
	if err != nil {
		return err
	}
	out.Events += l.Events
	out.Add("losses", s.Name, seed, l.Drained, l.Acked, l.Lost)
	return nil
}

// closedLoop is the reference broker with one replica on the two-core machine, each client publishing again when it was answered:
// what impl/drive/bench measures on the real one.
func closedLoop(clients int, seed rundir.Seed, out *study.Output) error {
	s := systems.Reference
	t := s.Trial(seed, &study.Options{Hardware: "two-core"}, 1)
	t.Cluster.Nodes, t.Cluster.Streams[0].Replicas = 1, 1
	t.Load = systems.Publishers(clients, clients*15_000, 128)
	t.Load.Groups[0].MaxOpen = 1
	t.Warm, t.Measure, t.Grace = 200*ms, 400*ms, 1000*ms
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	out.Events += m.Events
	out.Add("closed", clients, seed, m.Rate(m.Done), trial.Quantile(m.Latency, 500_000))
	return nil
}
