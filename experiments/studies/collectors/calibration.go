package collectors

import (
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
	"github.com/brokerlab/brokerlab/sim/host"
)

// calibration drives a collector's model alone with what was measured, or published, of a real program: bytes allocated a second,
// and bytes that live, from one to another evenly.
type calibration struct {
	name              string
	hardware, program string
	cores             int64
	gc                host.CollectorConfig
	seconds           int64
	alloc             int64 // bytes a second
	from, to          int64 // live bytes
	// What the real one did; 0: not said. Times in nanoseconds.
	collections   int64 // in 1000 s
	ppm           int64 // processor time of all cores
	p50, p90, p99 int64 // pauses
	mark          int64 // half of the marks took less
	published     string
}

const mb = 1_000_000

// Sources of what is published.
const (
	ofNATS  = "nats-server 2.15.2, Go 1.26.8, GODEBUG=gctrace=1, two vCPUs shared with its clients, November 2026"
	ofKafka = "Kafka documentation, operations: LinkedIn's busiest cluster at its peak, 60 brokers, 6 GB heap, G1 with MaxGCPauseMillis=20"
)

// calibrations are the measurements that there are. Of live bytes gctrace's lowest and highest are known, not how they were
// spread over time: the model takes them to grow evenly.
func calibrations() []calibration {
	nats := func(name string, seconds, alloc, from, to, gcs, ppm, p50, p99, mark int64) calibration {
		return calibration{
			name: name, hardware: "two-core", program: "nats", cores: 2, gc: host.CollectorConfig{Kind: host.Go, GOGC: 100}, seconds: seconds,
			alloc: alloc * mb, from: from * mb, to: to * mb, collections: gcs * 1000 / seconds, ppm: ppm, p50: p50, p99: p99, mark: mark, published: ofNATS,
		}
	}
	return []calibration{
		nats("core, 128 B, 1.6 M deliveries/s", 10, 153, 31, 205, 30, 30_000, 490_000, 8_300_000, 20*ms),
		nats("core, 1 KiB", 10, 57, 25, 155, 10, 10_000, 230_000, 5_200_000, 9_600_000),
		nats("JetStream R1, publish and consume", 108, 29, 10, 26, 651, 5_000, 100_000, 2_900_000, 3_400_000),
		nats("JetStream R3 async 1 KiB, leader", 10, 110, 10, 30, 96, 10_000, 150_000, 5_000_000, 7*ms),
		{
			name: "Kafka at LinkedIn", hardware: "server", program: "kafka", cores: 8, gc: host.CollectorConfig{Kind: host.G1, Heap: 6 << 30}, seconds: 1200,
			alloc: 30 * mb, from: 300 * mb, to: 300 * mb, p90: 21 * ms, published: ofKafka,
		},
	}
}

// measure runs the model, a step a hundredth of a second.
func (c *calibration) measure(seed rundir.Seed, out *study.Output) error {
	hw, err := hardware.Load(c.hardware)
	if err != nil {
		return err
	}
	if hw, err = hw.With("cores", c.cores); err != nil {
		return err
	}
	cfg, err := hw.Host(c.program, c.gc)
	if err != nil {
		return err
	}
	const step = 10 * ms
	var spend [machine.WorkKinds]machine.Work
	spend[machine.WorkRoute] = machine.Work{Count: 1}
	// The program does nothing but allocate, whatever it is.
	cfg.Program.Lanes, cfg.Program.Step, cfg.Program.Wake = 1, 0, 0
	cfg.Program.Work = [machine.WorkKinds]host.Cost{machine.WorkRoute: {Nanos: ms, Alloc: c.alloc / 100}}
	now, end := int64(0), c.seconds*1000*ms
	g := &trial.Collections{}
	draw := func(n uint64) uint64 { return choice.Seed(seed).Draw(choice.Collector, 1, 0, n, 0) }
	h := host.New(cfg, draw, func() int64 { return c.from + (c.to-c.from)/1000*(now*1000/end) }, func(e host.Event) { g.Add(e) })
	for ; now < end; now += step {
		h.Step(h.Free(now), &spend, host.IO{})
	}
	g.Sort()
	cycles := int64(len(g.Marks))
	if c.gc.Kind == host.G1 {
		cycles = int64(len(g.Pauses))
	}
	out.Add("calibration", c.name, seed, cycles*1000/c.seconds, h.Collected()*1_000_000/(end*c.cores),
		g.Pause(500), g.Pause(900), g.Pause(990), stats.Permille(g.Marks, 500), g.Heap)
	return nil
}

// compared is one figure of a calibration.
type compared struct {
	name        string
	column      string
	real, model float64
	text        func(float64) string
}

// figures are those that are known of the real program, with the model's medians.
func (c *calibration) figures(r *study.Rows) (out []compared) {
	rows := r.Where("case", c.name)
	add := func(name, column string, is int64, text func(float64) string) {
		if is > 0 {
			out = append(out, compared{name, column, float64(is), rows.Median(column), text})
		}
	}
	add("collections a second", "collections_per_1000_s", c.collections, func(v float64) string { return strconv.FormatFloat(v/1000, 'f', 2, 64) })
	add("processor time, of all cores", "collector_ppm_of_cores", c.ppm, words.PPM)
	add("pause, median", "pause_p50_ns", c.p50, words.Nanos)
	add("pause, 90th percentile", "pause_p90_ns", c.p90, words.Nanos)
	add("pause, 99th percentile", "pause_p99_ns", c.p99, words.Nanos)
	add("mark, median", "mark_p50_ns", c.mark, words.Nanos)
	return out
}
