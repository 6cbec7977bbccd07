package studies

import (
	"fmt"
	"math"
	"strconv"
)

// gcTable is one row a case, medians over the seeds.
func gcTable(p *Rows) TextTable {
	out := TextTable{
		Title: fmt.Sprintf("%d publishes a second of %d bytes, three nodes; the busiest node's collector, medians over seeds", gcRate, gcBytes),
		Head:  []string{"system, collector, cores", "p50", "p99", "p99.9", "pauses/s", "pause p50", "pause max", "collector, of cores", "heap max"},
	}
	for _, k := range gcCases() {
		r := gcRows(p, &k.system, k.gc, k.cores)
		window := median(r, "ok") / median(r, "achieved_per_s")
		out.Rows = append(out.Rows, []string{
			fmt.Sprintf("%s, %s, %d", k.name, k.gc, k.cores), nanosText(median(r, "p50_ns")), nanosText(median(r, "p99_ns")), nanosText(median(r, "p99.9_ns")),
			fmt.Sprintf("%.1f", median(r, "pauses")/window), nanosText(median(r, "pause_p50_ns")), nanosText(float64(maxOf(r.Ints("pause_max_ns")))),
			ppmText(median(r, "collector_ppm_of_cores")), fmt.Sprintf("%.0f MiB", median(r, "heap_max_bytes")/(1<<20)),
		})
	}
	return out
}

// calibrationTable has the models beside what was measured: a row for each figure that is known.
func calibrationTable(r *Rows) TextTable {
	out := TextTable{
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

// compared is one figure of a calibration.
type compared struct {
	name        string
	column      string
	real, model float64
	text        func(float64) string
}

// figures are those that are known of the real program, with the model's medians.
func (c *calibration) figures(r *Rows) (out []compared) {
	rows := r.Where("case", c.name)
	add := func(name, column string, is int64, text func(float64) string) {
		if is > 0 {
			out = append(out, compared{name, column, float64(is), median(rows, column), text})
		}
	}
	add("collections a second", "collections_per_1000_s", c.collections, func(v float64) string { return strconv.FormatFloat(v/1000, 'f', 2, 64) })
	add("processor time, of all cores", "collector_ppm_of_cores", c.ppm, ppmText)
	add("pause, median", "pause_p50_ns", c.p50, nanosText)
	add("pause, 90th percentile", "pause_p90_ns", c.p90, nanosText)
	add("pause, 99th percentile", "pause_p99_ns", c.p99, nanosText)
	add("mark, median", "mark_p50_ns", c.mark, nanosText)
	return out
}

// calibrationChecks hold the models to what was measured, for what decides latency and throughput. How often a collection comes is
// shown and not held to anything: gctrace's lowest and highest live bytes do not say what lived in between.
func calibrationChecks(r *Rows) []Check {
	share := Check{Name: "calibrated-processor-time", Holds: true, Expected: "the model's processor time is within a factor of 2 of what was measured"}
	tail := Check{Name: "calibrated-pauses", Holds: true, Expected: "the longest pauses (99th percentile; Kafka's 90th) are within a factor of 2.5 of what was measured"}
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
	return []Check{share, tail}
}
