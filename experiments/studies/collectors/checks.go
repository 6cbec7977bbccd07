package collectors

import (
	"fmt"
	"math"

	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// shareCheck checks the closed formula of Go's pacer: a cycle marks L+R for c*(L+R) of processor time and lasts until (L+R)*g bytes
// are allocated, so that the share of P cores is f = c*A/(g*P), whatever lives. What is allocated while it marks counts as marked,
// and the next cycle comes later for it: that the formula leaves out, and f/(1+f*g/u) has, u being the quarter of the cores that mark.
func shareCheck(t *study.Tables, p *study.Rows) (study.Check, error) {
	picos, err := constant(t, "go.mark_ps_per_byte")
	if err != nil {
		return study.Check{}, err
	}
	check := study.Check{
		Name: "go-share-follows-formula", Holds: true,
		Expected: "the share of the cores that Go's collector takes is f = c*A/(g*P), less what allocating while marking puts off: f/(1+f*g/0.25), to within 10 % and the one cycle more or less that a window holds: c processor time to mark a byte, A bytes allocated a second, g GOGC/100, P cores",
	}
	for _, k := range gcCases() {
		if k.GOGC <= 0 {
			continue
		}
		r := gcRows(p, &k.System, k.gc, k.cores)
		g := float64(k.GOGC) / 100
		f := float64(picos) / 1e12 * r.Median("allocated_per_s_bytes") / (g * float64(k.cores))
		want := f / (1 + f*g/0.25) * 1e6
		got := r.Median("collector_ppm_of_cores")
		if k.Design != systems.Reference.Design {
			continue // its 4 MB of live heap are below the least goal
		}
		off := 0.1 + 1/max(r.Median("marks"), 1)
		check.Holds = check.Holds && math.Abs(got-want) < off*want
		check.Found += fmt.Sprintf("%s, %d cores: %s measured, %s by the formula; ", k.gc, k.cores, words.PPM(got), words.PPM(want))
	}
	return check, nil
}

// limitCheck checks that the heap leaves the runtime's own what it takes of the limit.
func limitCheck(t *study.Tables, p *study.Rows) (study.Check, error) {
	runtime, err := constant(t, "nats.base_bytes")
	if err != nil {
		return study.Check{}, err
	}
	check := study.Check{Name: "memory-limit-holds", Holds: true, Expected: "with GOGC off the heap stays below the limit less what the runtime takes, at less than half of the processor"}
	for _, k := range gcCases() {
		if k.MemLimit == 0 {
			continue
		}
		r := gcRows(p, &k.System, k.gc, k.cores)
		heap, share := r.Most("heap_max_bytes"), r.Median("collector_ppm_of_cores")
		check.Holds = check.Holds && heap > 0 && heap <= k.MemLimit-runtime && share < 500_000
		check.Found += fmt.Sprintf("%s: heap at most %.1f MiB, %s of the cores; ", k.gc, float64(heap)/(1<<20), words.PPM(share))
	}
	return check, nil
}

// constant is one of the hardware's.
func constant(t *study.Tables, name string) (int64, error) {
	hw, err := hardware.Load(t.Options.Hardware)
	if err != nil {
		return 0, err
	}
	return hw.Value(name)
}

// tailCheck checks what the closed formula of pauses says of Go on a server: d_p = G - (1-p)(1-rho)/gamma is below zero at 90 %.
func tailCheck(p *study.Rows) study.Check {
	with, without := gcRows(p, &systems.Reference, go100, 8), gcRows(p, &systems.Reference, noGC, 8)
	e := stats.PairedRatio(without.Ints("p90_ns"), with.Ints("p90_ns"))
	return study.Check{
		Name: "go-invisible-at-p90", Holds: e.Value > 0 && e.Value < 1.1,
		Expected: "on eight cores Go's collector at GOGC 100 moves the 90th percentile by less than a tenth: its pauses are too short and too few",
		Found:    fmt.Sprintf("ratio to no collector, same seeds: %.3f (%.3f to %.3f)", e.Value, e.Low, e.High),
	}
}

func goalCheck(p *study.Rows) study.Check {
	check := study.Check{Name: "g1-keeps-its-goal", Holds: true, Expected: "no pause of G1 is longer than MaxGCPauseMillis, 20 ms: what lives is a few MB, and the young generation adapts"}
	for _, k := range gcCases() {
		if k.Kind != "g1" {
			continue
		}
		longest := gcRows(p, &k.System, k.gc, k.cores).Most("pause_max_ns")
		check.Holds = check.Holds && longest <= 20*ms && longest > 0
		check.Found += fmt.Sprintf("%s, %s, %d cores: %s; ", k.Name, k.gc, k.cores, words.Nanos(float64(longest)))
	}
	return check
}

// calibrationChecks hold the models to what was measured, for what decides latency and throughput. How often a collection comes is
// shown and not held to anything: gctrace's lowest and highest live bytes do not say what lived in between.
func calibrationChecks(r *study.Rows) []study.Check {
	share := study.Check{Name: "calibrated-processor-time", Holds: true, Expected: "the model's processor time is within a factor of 2 of what was measured"}
	tail := study.Check{Name: "calibrated-pauses", Holds: true, Expected: "the longest pauses (99th percentile; Kafka's 90th) are within a factor of 2.5 of what was measured"}
	for _, c := range calibrations() {
		for _, f := range c.figures(r) {
			check, factor := &share, 2.0
			switch f.column {
			case "collector_ppm_of_cores":
			case "pause_p99_ns", "pause_p90_ns":
				check, factor = &tail, 2.5
			default:
				continue
			}
			off := math.Exp(math.Abs(math.Log(f.model / f.real)))
			check.Holds = check.Holds && off <= factor
			check.Found += fmt.Sprintf("%s: %s for %s; ", c.name, f.text(f.model), f.text(f.real))
		}
	}
	return []study.Check{share, tail}
}
