package calibrate

import (
	"runtime"
	"slices"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Modes of a meter: times and allocations are taken in runs of their own, for counting disturbs times.
const (
	idle = iota
	timing
	counting
)

// meter sums up the steps of a scenario.
type meter struct {
	mode   int
	only   *node // nil: every node
	ns     int64
	steps  int64
	bytes  uint64
	allocs uint64
	work   [machine.WorkKinds]machine.Work
}

func (m *meter) step(n *node, in *machine.Input) {
	switch {
	case m.mode == idle || m.only != nil && m.only != n:
		n.m.Step(&n.env, in, &n.fx)
	case m.mode == counting:
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n.m.Step(&n.env, in, &n.fx)
		runtime.ReadMemStats(&after)
		m.bytes += after.TotalAlloc - before.TotalAlloc
		m.allocs += after.Mallocs - before.Mallocs
	default:
		start := time.Now()
		n.m.Step(&n.env, in, &n.fx)
		m.ns += int64(time.Since(start))
		m.steps++
		for k := range n.fx.Work {
			w, add := &m.work[k], &n.fx.Work[k]
			w.Count, w.Bytes, w.Allocs = w.Count+add.Count, w.Bytes+add.Bytes, w.Allocs+add.Allocs
		}
	}
}

// Bounds of a measurement: runs to warm up, and the most runs that are timed, so that logs which live in memory stay small; each way of
// measuring also ends when its time is over.
const (
	warmUps = 100
	mostOps = 1000
)

// measure runs op over and over for the budget, and returns what a run of it took: of node only, unless it is nil. The time is the
// median of the runs: what other programs and the collector take, which a model of costs has elsewhere, is not in it.
func (r *rig) measure(name string, only *node, op func(), budget time.Duration) (Row, error) {
	run := func(mode int) {
		r.meter.mode = mode
		op()
		r.meter.mode = idle
	}
	r.meter = meter{only: only}
	for begin, i := time.Now(), 0; i < warmUps && time.Since(begin) < budget; i++ {
		run(idle)
	}
	var times []int64
	for begin := time.Now(); r.err == nil && len(times) < mostOps && (len(times) < 10 || time.Since(begin) < budget); {
		before := r.meter.ns
		run(timing)
		times = append(times, r.meter.ns-before)
	}
	if r.err != nil {
		return Row{}, r.err
	}
	slices.Sort(times)
	m := r.meter
	r.meter = meter{only: only}
	counts, limit := 0, min(max(2048*len(times)/max(int(m.steps), 1), 16), 512)
	for begin := time.Now(); counts < limit && (counts < 16 || time.Since(begin) < budget); counts++ {
		run(counting)
	}
	n := float64(len(times))
	row := Row{Name: name, Steps: float64(m.steps) / n, Bytes: float64(r.meter.bytes) / float64(counts), Allocs: float64(r.meter.allocs) / float64(counts)}
	row.Nanos = max(float64(times[len(times)/2])-row.Steps*float64(clockNanos()), 1)
	for k, w := range m.work {
		row.Count[k], row.Size[k] = float64(w.Count)/n, float64(w.Bytes)/n
	}
	return row, r.err
}

// clockNanos is what reading the clock twice adds to a step.
func clockNanos() int64 {
	best := int64(1 << 62)
	for range 1000 {
		start := time.Now()
		best = min(best, int64(time.Since(start)))
	}
	return best
}
