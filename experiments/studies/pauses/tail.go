package pauses

import (
	"slices"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/host"
)

const ms = int64(time.Millisecond)

// serviceTime of the server by itself.
const serviceTime = int64(100_000)

// Settings of the server by itself: lengths of pauses, mean times from one to the next, loads in thousandths.
var (
	tailPauses = []int64{1 * ms, 5 * ms, 20 * ms, 100 * ms}
	tailEvery  = []int64{10_000 * ms, 1000 * ms, 200 * ms, 50 * ms}
	tailLoads  = []int64{300, 500, 800}
)

// The brokers' pauses: a hundredth of the time, at every node by itself.
const (
	brokerPause = 20 * ms
	brokerEvery = 1000 * ms
	brokerRate  = 1000
)

// paths are the systems whose acknowledgements wait for different nodes. Producers do not linger, so that what they wait for is the
// brokers.
func paths() []systems.System {
	return []systems.System{systems.Reference, systems.Redpanda.With("Redpanda acks=all, no linger", "linger=0"), systems.KafkaAll.With("Kafka acks=all, no linger", "linger=0")}
}

func tailGrid(o *study.Options) (points []study.Point) {
	n := int64(1_000_000)
	if o.Size == study.Small {
		n = 400_000
	}
	for _, pause := range tailPauses {
		for _, every := range tailEvery {
			for _, rho := range tailLoads {
				if pause*1000/every+rho > 900 {
					continue // no time, or hardly any, is left for what waited
				}
				points = append(points, func(seed rundir.Seed, out *study.Output) error {
					pausedServer(seed, pause, every, rho, n, out)
					return nil
				})
			}
		}
	}
	for _, exponential := range []bool{false, true} {
		for _, rho := range []int64{300, 500, 800, 900} {
			points = append(points, func(seed rundir.Seed, out *study.Output) error {
				plainQueue(seed, exponential, rho, n, out)
				return nil
			})
		}
	}
	for _, s := range paths() {
		points = append(points, func(seed rundir.Seed, out *study.Output) error { return pausedBroker(o, s, seed, out) })
	}
	return points
}

// serve feeds a host with n Poisson arrivals and returns the time that each spends there, and what their service was.
func serve(seed rundir.Seed, gc host.CollectorConfig, rho, n int64, service func(i uint64) int64) (times []int64, pauses int) {
	cfg := host.Config{Cores: 2, Collector: gc, Program: host.Program{Lanes: 1}}
	cfg.Program.Work[machine.WorkRoute] = host.Cost{Nanos: 1}
	key := load.Key(seed).Sub("pause-tail")
	draw := func(n uint64) uint64 { return key.Sub("collector").At(n) }
	h := host.New(cfg, draw, func() int64 { return 0 }, func(e host.Event) {
		if e.Kind == host.Pause {
			pauses++
		}
	})
	arrivals := key.Sub("arrivals")
	now := int64(0)
	times = make([]int64, 0, n)
	for i := range uint64(n) {
		now += arrivals.Exponential(i, serviceTime*1000/rho)
		var spend [machine.WorkKinds]machine.Work
		spend[machine.WorkRoute].Count = service(i)
		times = append(times, h.Step(h.Free(now), &spend, host.IO{})-now)
	}
	return times, pauses
}

// pausedServer is one server of constant service times that is stopped now and then.
func pausedServer(seed rundir.Seed, pause, every, rho, n int64, out *study.Output) {
	gc := host.CollectorConfig{Kind: host.Stops, StopMin: pause, Every: every}
	times, pauses := serve(seed, gc, rho, n, func(uint64) int64 { return serviceTime })
	mean := sum(times) / n
	slices.Sort(times)
	out.Add("server", pause, every, rho, seed, n, pauses, mean, stats.Permille(times, 990), stats.Permille(times, 999))
}

// plainQueue is a server without pauses, for Pollaczek and Khinchine.
func plainQueue(seed rundir.Seed, exponential bool, rho, n int64, out *study.Output) {
	name, key := "constant", load.Key(seed).Sub("service")
	total, squares := int64(0), int64(0)
	times, _ := serve(seed, host.CollectorConfig{}, rho, n, func(i uint64) int64 {
		s := serviceTime
		if exponential {
			s = key.Exponential(i, serviceTime)
		}
		total += s
		squares += s * s / 1000
		return s
	})
	if exponential {
		name = "exponential"
	}
	out.Add("queue", name, rho, seed, n, total/n, squares/n, sum(times)/n)
}

// pausedBroker has every node of a cluster stopped now and then, each at its own times.
func pausedBroker(o *study.Options, s systems.System, seed rundir.Seed, out *study.Output) error {
	t := s.Trial(seed, o, 1)
	t.Load = systems.Publishers(12, brokerRate, 128)
	t.Warm, t.Measure, t.Keep = 500*ms, 60_000*ms, true
	if o.Size == study.Small {
		t.Measure = 30_000 * ms
	}
	t.Collector = &host.CollectorConfig{Kind: host.Stops, StopMin: brokerPause, Every: brokerEvery}
	m, err := trial.Run(t)
	if err != nil {
		return err
	}
	p50, late, busy := trial.Quantile(m.Latency, 500_000), 0, int64(0)
	for _, c := range m.Completions {
		if c.OK && c.At-c.Asked > p50+brokerPause/2 {
			late++
		}
	}
	for i := range m.Nodes {
		busy = max(busy, m.Nodes[i].Busy)
	}
	out.Events += m.Events
	out.Add("brokers", s.Name, s.Design, brokerPause, brokerEvery, seed, m.OK, late, p50, trial.Quantile(m.Latency, 990_000), trial.Quantile(m.Latency, 999_000), busy*1000/m.Window, m.Events)
	return nil
}

func sum(values []int64) (s int64) {
	for _, v := range values {
		s += v
	}
	return s
}
