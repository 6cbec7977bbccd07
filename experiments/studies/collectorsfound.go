package studies

import (
	"fmt"
	"math"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/experiments/stats"
)

// concludeCollectors says what collectors cost, and how far their models are from what was measured.
func concludeCollectors(t *Tables) (*Conclusion, error) {
	c := &Conclusion{Answers: map[string]string{}}
	p := t.Of("points")
	for _, draw := range []func(*Tables) (figures.Figure, error){gcLanes, gcNines} {
		f, err := draw(t)
		if err != nil {
			return nil, err
		}
		c.Figures = append(c.Figures, f)
	}
	c.Tables = []TextTable{gcTable(p), calibrationTable(t.Of("calibration"))}
	formula, err := gcShares(t, p)
	if err != nil {
		return nil, err
	}
	c.Checks = append(append(c.Checks, formula, gcLimits(p), gcTail(p), gcGoal(p)), calibrationChecks(t.Of("calibration"))...)
	gcWords(t, p, c)
	return c, nil
}

// gcRows are the rows of one case.
func gcRows(p *Rows, s *system, gc string, cores int64) *Rows {
	return p.Where("system", s.name, "collector", gc, "cores", strconv.FormatInt(cores, 10))
}

// gcShares checks the closed formula of Go's pacer: a cycle marks L+R for c*(L+R) of processor time and lasts until (L+R)*g bytes
// are allocated, so that the share of P cores is f = c*A/(g*P), whatever lives. What is allocated while it marks counts as marked,
// and the next cycle comes later for it: that the formula leaves out, and f/(1+f*g/u) has, u being the quarter of the cores that mark.
func gcShares(t *Tables, p *Rows) (Check, error) {
	hw, err := hardware.Load(t.Options.Hardware)
	if err != nil {
		return Check{}, err
	}
	picos := 0.0
	for _, row := range hw.Constants() {
		if row.Name == "go.mark_ps_per_byte" {
			picos = float64(row.Value)
		}
	}
	check := Check{
		Name: "go-share-follows-formula", Holds: true,
		Expected: "the share of the cores that Go's collector takes is f = c*A/(g*P), less what allocating while marking puts off: f/(1+f*g/0.25), to within 10 % and the one cycle more or less that a window holds: c processor time to mark a byte, A bytes allocated a second, g GOGC/100, P cores",
	}
	for _, k := range gcCases() {
		if k.GOGC <= 0 {
			continue
		}
		r := gcRows(p, &k.system, k.gc, k.cores)
		g := float64(k.GOGC) / 100
		f := picos / 1e12 * median(r, "allocated_per_s_bytes") / (g * float64(k.cores))
		want := f / (1 + f*g/0.25) * 1e6
		got := median(r, "collector_ppm_of_cores")
		if k.design != reference.design {
			continue // its 4 MB of live heap are below the least goal
		}
		off := 0.1 + 1/max(median(r, "marks"), 1)
		check.Holds = check.Holds && math.Abs(got-want) < off*want
		check.Found += fmt.Sprintf("%s, %d cores: %s measured, %s by the formula; ", k.gc, k.cores, ppmText(got), ppmText(want))
	}
	return check, nil
}

func ppmText(ppm float64) string { return fmt.Sprintf("%.2f %%", ppm/1e4) }

func gcLimits(p *Rows) Check {
	check := Check{Name: "memory-limit-holds", Holds: true, Expected: "with GOGC off the heap stays below the limit less what the runtime takes, at less than half of the processor"}
	for _, k := range gcCases() {
		if k.MemLimit == 0 {
			continue
		}
		r := gcRows(p, &k.system, k.gc, k.cores)
		heap, share := maxOf(r.Ints("heap_max_bytes")), median(r, "collector_ppm_of_cores")
		check.Holds = check.Holds && heap <= k.MemLimit && share < 500_000
		check.Found += fmt.Sprintf("%s: heap at most %.1f MiB, %s of the cores; ", k.gc, float64(heap)/(1<<20), ppmText(share))
	}
	return check
}

func maxOf(values []int64) (most int64) {
	for _, v := range values {
		most = max(most, v)
	}
	return most
}

// gcTail checks what the closed formula of pauses says of Go on a server: d_p = G - (1-p)(1-rho)/gamma is below zero at 90 %.
func gcTail(p *Rows) Check {
	with, without := gcRows(p, &reference, go100, 8), gcRows(p, &reference, noGC, 8)
	e := stats.PairedRatio(without.Ints("p90_ns"), with.Ints("p90_ns"))
	return Check{
		Name: "go-invisible-at-p90", Holds: e.Value < 1.1,
		Expected: "on eight cores Go's collector at GOGC 100 moves the 90th percentile by less than a tenth: its pauses are too short and too few",
		Found:    fmt.Sprintf("ratio to no collector, same seeds: %.3f (%.3f to %.3f)", e.Value, e.Low, e.High),
	}
}

func gcGoal(p *Rows) Check {
	check := Check{Name: "g1-keeps-its-goal", Holds: true, Expected: "no pause of G1 is longer than MaxGCPauseMillis, 20 ms: what lives is a few MB, and the young generation adapts"}
	for _, k := range gcCases() {
		if k.Kind != "g1" {
			continue
		}
		longest := maxOf(gcRows(p, &k.system, k.gc, k.cores).Ints("pause_max_ns"))
		check.Holds = check.Holds && longest <= 20*ms && longest > 0
		check.Found += fmt.Sprintf("%s, %s, %d cores: %s; ", k.name, k.gc, k.cores, nanosText(float64(longest)))
	}
	return check
}

// gcWords are the paragraphs and the answer.
func gcWords(t *Tables, p *Rows, c *Conclusion) {
	server, two, none := gcRows(p, &reference, go100, 8), gcRows(p, &reference, go100, 2), gcRows(p, &reference, noGC, 8)
	one, tight := gcRows(p, &reference, go100, 1), gcRows(p, &reference, goTight, 8)
	p99 := func(r *Rows) stats.Estimate { return stats.PairedRatio(none.Ints("p99_ns"), r.Ints("p99_ns")) }
	seeds := ""
	if t.Options.Size == Small {
		seeds = " This is the small size: few seeds, so that tails, which the disk's syncs rule, are not told apart; the full size takes 30."
	}
	c.Paragraphs = append(c.Paragraphs,
		fmt.Sprintf("The reference broker answers %d durable publishes a second of %d bytes and allocates %.0f MB/s for it. On eight cores Go's collector takes %s of them at GOGC 100, %s at 50, %s at 400; on two cores %s, on one %s.%s",
			gcRate, gcBytes, median(server, "allocated_per_s_bytes")/1e6, ppmText(median(server, "collector_ppm_of_cores")),
			ppmText(median(gcRows(p, &reference, "Go, GOGC 50", 8), "collector_ppm_of_cores")), ppmText(median(gcRows(p, &reference, "Go, GOGC 400", 8), "collector_ppm_of_cores")),
			ppmText(median(two, "collector_ppm_of_cores")), ppmText(median(one, "collector_ppm_of_cores")), seeds),
		fmt.Sprintf("99th percentile against no collector, same seeds: ×%.2f (%.2f to %.2f) on eight cores, ×%.2f (%.2f to %.2f) on two and ×%.2f (%.2f to %.2f) on one, where a pause waits for threads that have no core. The limit of 34 MiB, near what lives, costs %s of the cores and ×%.2f (%.2f to %.2f).",
			p99(server).Value, p99(server).Low, p99(server).High, p99(two).Value, p99(two).Low, p99(two).High, p99(one).Value, p99(one).Low, p99(one).High,
			ppmText(median(tight, "collector_ppm_of_cores")), p99(tight).Value, p99(tight).Low, p99(tight).High),
		"A broker here is stepped by one goroutine: with two cores or more, marking takes cores that it does not need. A server whose goroutines fill every core loses a quarter of them while marking is under way. Of ZGC's and G1's models no constant was measured here.",
	)
	c.Answers["go-gc-ceiling"] = fmt.Sprintf("Not for throughput: at %.0f MB/s of allocation the collector takes %s of eight cores (formula: rate of allocation times 0.3 ns a byte, over GOGC and cores). Its pauses are %s in the middle and %s at most on eight cores; on two cores that others use too they reach %s, and the 99th percentile grows by ×%.2f.",
		median(server, "allocated_per_s_bytes")/1e6, ppmText(median(server, "collector_ppm_of_cores")), nanosText(median(server, "pause_p50_ns")),
		nanosText(float64(maxOf(server.Ints("pause_max_ns")))), nanosText(float64(maxOf(two.Ints("pause_max_ns")))), p99(two).Value)
}

// nanosText is a time for readers.
func nanosText(ns float64) string {
	switch {
	case ns >= 1e9:
		return fmt.Sprintf("%.2f s", ns/1e9)
	case ns >= 1e6:
		return fmt.Sprintf("%.2f ms", ns/1e6)
	}
	return fmt.Sprintf("%.0f µs", ns/1e3)
}
