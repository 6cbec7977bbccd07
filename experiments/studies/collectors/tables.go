package collectors

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// caseTable is one row a case, medians over the seeds.
func caseTable(p *study.Rows) study.TextTable {
	out := study.TextTable{
		Title: fmt.Sprintf("%d publishes a second of %d bytes, three nodes; the busiest node's collector, medians over seeds", gcRate, gcBytes),
		Head:  []string{"system, collector, cores", "p50", "p99", "p99.9", "pauses/s", "pause p50", "pause max", "collector, of cores", "heap max"},
	}
	for _, k := range gcCases() {
		r := gcRows(p, &k.System, k.gc, k.cores)
		window := r.Median("ok") / r.Median("achieved_per_s")
		out.Rows = append(out.Rows, []string{
			fmt.Sprintf("%s, %s, %d", k.Name, k.gc, k.cores), words.Nanos(r.Median("p50_ns")), words.Nanos(r.Median("p99_ns")), words.Nanos(r.Median("p99.9_ns")),
			fmt.Sprintf("%.1f", r.Median("pauses")/window), words.Nanos(r.Median("pause_p50_ns")), words.Nanos(float64(r.Most("pause_max_ns"))),
			words.PPM(r.Median("collector_ppm_of_cores")), fmt.Sprintf("%.0f MiB", r.Median("heap_max_bytes")/(1<<20)),
		})
	}
	return out
}

// calibrationTable has the models beside what was measured: a row for each figure that is known.
func calibrationTable(r *study.Rows) study.TextTable {
	out := study.TextTable{
		Title: "Collectors' models, fed with a program's rate of allocation and live bytes, against what was measured of that program",
		Head:  []string{"case", "figure", "measured", "model", "model/measured"},
	}
	for _, c := range calibrations() {
		for _, f := range c.figures(r) {
			out.Rows = append(out.Rows, []string{c.name, f.name, f.text(f.real), f.text(f.model), fmt.Sprintf("%.2f", f.model/f.real)})
		}
	}
	return out
}
