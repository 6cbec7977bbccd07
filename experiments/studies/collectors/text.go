package collectors

import (
	"fmt"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// text are the paragraphs and the answer.
func text(t *study.Tables, p *study.Rows, c *study.Conclusion) {
	server, two := gcRows(p, &systems.Reference, go100, 8), gcRows(p, &systems.Reference, go100, 2)
	one := gcRows(p, &systems.Reference, go100, 1)
	c.Paragraphs = append(c.Paragraphs,
		fmt.Sprintf("The reference broker answers %d durable publishes a second of %d bytes and allocates %.0f MB/s for it. On eight cores Go's collector takes %s of them at GOGC 100, %s at 50, %s at 400; on two cores %s, on one %s.",
			gcRate, gcBytes, server.Median("allocated_per_s_bytes")/1e6, words.PPM(server.Median("collector_ppm_of_cores")),
			words.PPM(gcRows(p, &systems.Reference, "Go, GOGC 50", 8).Median("collector_ppm_of_cores")), words.PPM(gcRows(p, &systems.Reference, "Go, GOGC 400", 8).Median("collector_ppm_of_cores")),
			words.PPM(two.Median("collector_ppm_of_cores")), words.PPM(one.Median("collector_ppm_of_cores"))),
		tails(p),
		"A broker here is stepped by one goroutine: with two cores or more, marking takes cores that it does not need. A server whose goroutines fill every core loses a quarter of them while marking is under way. Of ZGC's and G1's models no constant was measured here.",
		offText(t.Of("calibration")),
	)
	grows := ""
	if enough(two) {
		grows = fmt.Sprintf(", and the 99th percentile is ×%.2f of that without a collector (%.2f to %.2f)", p99(p, two).Value, p99(p, two).Low, p99(p, two).High)
	}
	c.Answers["go-gc-ceiling"] = fmt.Sprintf("Not for throughput: at %.0f MB/s of allocation the collector takes %s of eight cores (formula: rate of allocation times 0.3 ns a byte, over GOGC and cores). Its pauses are %s in the middle and %s at most on eight cores; on two cores that others use too they reach %s%s.",
		server.Median("allocated_per_s_bytes")/1e6, words.PPM(server.Median("collector_ppm_of_cores")), words.Nanos(server.Median("pause_p50_ns")),
		words.Nanos(float64(server.Most("pause_max_ns"))), words.Nanos(float64(two.Most("pause_max_ns"))), grows)
}

// enough says whether there are seeds enough for an interval: tails are the disk's syncs for the most part, and one seed's are luck.
func enough(r *study.Rows) bool { return r.Len() >= 5 }

// p99 is a case's 99th percentile over that without a collector, by pairs of equal seeds.
func p99(p, of *study.Rows) stats.Estimate {
	return stats.PairedRatio(gcRows(p, &systems.Reference, noGC, 8).Ints("p99_ns"), of.Ints("p99_ns"))
}

// tails compares tails, where there are seeds enough.
func tails(p *study.Rows) string {
	server := gcRows(p, &systems.Reference, go100, 8)
	if !enough(server) {
		return fmt.Sprintf("Tails are drawn and not compared: the disk's syncs rule them, and of %d seeds (the full size has 30) the case without a collector may well look worse than one with.", server.Len())
	}
	of := func(gc string, cores int64) string {
		e := p99(p, gcRows(p, &systems.Reference, gc, cores))
		return fmt.Sprintf("×%.2f (%.2f to %.2f)", e.Value, e.Low, e.High)
	}
	return fmt.Sprintf("99th percentile against no collector, same seeds: %s on eight cores, %s on two and %s on one, where a pause waits for threads that have no core. The limit of 34 MiB, near what lives, costs %s of the cores and %s.",
		of(go100, 8), of(go100, 2), of(go100, 1), words.PPM(gcRows(p, &systems.Reference, goTight, 8).Median("collector_ppm_of_cores")), of(goTight, 8))
}

// offText says by how much the models are off what was measured, figure by figure.
func offText(r *study.Rows) string {
	var names, parts []string
	low, high := map[string]float64{}, map[string]float64{}
	for _, c := range calibrations() {
		for _, f := range c.figures(r) {
			ratio := f.model / f.real
			if _, seen := low[f.name]; !seen {
				names = append(names, f.name)
				low[f.name], high[f.name] = ratio, ratio
			}
			low[f.name], high[f.name] = min(low[f.name], ratio), max(high[f.name], ratio)
		}
	}
	for _, n := range names {
		if low[n] == high[n] {
			parts = append(parts, fmt.Sprintf("%s %.2f", n, low[n]))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %.2f to %.2f", n, low[n], high[n]))
	}
	return "Where the models are off: of what was measured of real programs they give, as a multiple, " + strings.Join(parts, "; ") +
		". Processor time and the longest pauses are held to bounds below; how often a collection comes, how long it marks and its middling pause are not, for gctrace's lowest and highest live bytes do not say what lived in between, and these figures are not to be relied on."
}
