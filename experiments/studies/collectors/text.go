package collectors

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// text are the paragraphs and the answer.
func text(t *study.Tables, p *study.Rows, c *study.Conclusion) {
	server, two, none := gcRows(p, &systems.Reference, go100, 8), gcRows(p, &systems.Reference, go100, 2), gcRows(p, &systems.Reference, noGC, 8)
	one, tight := gcRows(p, &systems.Reference, go100, 1), gcRows(p, &systems.Reference, goTight, 8)
	p99 := func(r *study.Rows) stats.Estimate { return stats.PairedRatio(none.Ints("p99_ns"), r.Ints("p99_ns")) }
	seeds := ""
	if t.Options.Size == study.Small {
		seeds = " This is the small size: few seeds, so that tails, which the disk's syncs rule, are not told apart; the full size takes 30."
	}
	c.Paragraphs = append(c.Paragraphs,
		fmt.Sprintf("The reference broker answers %d durable publishes a second of %d bytes and allocates %.0f MB/s for it. On eight cores Go's collector takes %s of them at GOGC 100, %s at 50, %s at 400; on two cores %s, on one %s.%s",
			gcRate, gcBytes, server.Median("allocated_per_s_bytes")/1e6, words.PPM(server.Median("collector_ppm_of_cores")),
			words.PPM(gcRows(p, &systems.Reference, "Go, GOGC 50", 8).Median("collector_ppm_of_cores")), words.PPM(gcRows(p, &systems.Reference, "Go, GOGC 400", 8).Median("collector_ppm_of_cores")),
			words.PPM(two.Median("collector_ppm_of_cores")), words.PPM(one.Median("collector_ppm_of_cores")), seeds),
		fmt.Sprintf("99th percentile against no collector, same seeds: ×%.2f (%.2f to %.2f) on eight cores, ×%.2f (%.2f to %.2f) on two and ×%.2f (%.2f to %.2f) on one, where a pause waits for threads that have no core. The limit of 34 MiB, near what lives, costs %s of the cores and ×%.2f (%.2f to %.2f).",
			p99(server).Value, p99(server).Low, p99(server).High, p99(two).Value, p99(two).Low, p99(two).High, p99(one).Value, p99(one).Low, p99(one).High,
			words.PPM(tight.Median("collector_ppm_of_cores")), p99(tight).Value, p99(tight).Low, p99(tight).High),
		"A broker here is stepped by one goroutine: with two cores or more, marking takes cores that it does not need. A server whose goroutines fill every core loses a quarter of them while marking is under way. Of ZGC's and G1's models no constant was measured here.",
	)
	c.Answers["go-gc-ceiling"] = fmt.Sprintf("Not for throughput: at %.0f MB/s of allocation the collector takes %s of eight cores (formula: rate of allocation times 0.3 ns a byte, over GOGC and cores). Its pauses are %s in the middle and %s at most on eight cores; on two cores that others use too they reach %s, and the 99th percentile grows by ×%.2f.",
		server.Median("allocated_per_s_bytes")/1e6, words.PPM(server.Median("collector_ppm_of_cores")), words.Nanos(server.Median("pause_p50_ns")),
		words.Nanos(float64(server.Most("pause_max_ns"))), words.Nanos(float64(two.Most("pause_max_ns"))), p99(two).Value)
}
