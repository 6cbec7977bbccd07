package collectors

import (
	"github.com/brokerlab/brokerlab/experiments/study"
)

// Study is collectors under one load, and their models against measurements.
var Study = study.Study{
	Name:     "collectors",
	Question: "Is Go's garbage collector a ceiling: what does a collector cost a broker in pauses, processor time, heap and tail latency?",
	Vary:     "collector and its settings, cores; the load is the same",
	Small:    1, Full: 30,
	Tables: []study.Table{
		{Name: "points", Columns: []string{
			"system", "design", "collector", "cores", "offered_per_s", "seed", "achieved_per_s", "ok", "open", "failed",
			"p50_ns", "p90_ns", "p99_ns", "p99.9_ns", "p99.99_ns", "max_ns", "busy_permille_of_a_core", "collector_ppm_of_cores",
			"allocated_per_s_bytes", "pauses", "pause_p50_ns", "pause_p99_ns", "pause_max_ns", "marks", "mark_p50_ns", "stalls", "heap_max_bytes",
			"live_max_bytes", "events",
		}},
		{Name: "events", Columns: []string{"system", "collector", "cores", "kind", "why", "at_ns", "nanos", "live_bytes", "heap_bytes", "goal_bytes"}},
		{Name: "calibration", Columns: []string{"case", "seed", "collections_per_1000_s", "collector_ppm_of_cores", "pause_p50_ns", "pause_p90_ns", "pause_p99_ns", "mark_p50_ns", "heap_max_bytes"}},
	},
	Grid:     grid,
	Conclude: conclude,
}

// conclude says what collectors cost, and how far their models are from what was measured.
func conclude(t *study.Tables) (*study.Conclusion, error) {
	c := &study.Conclusion{Answers: map[string]string{}}
	p := t.Of("points")
	if err := c.Draw(t, lanesFigure, ninesFigure); err != nil {
		return nil, err
	}
	c.Tables = []study.TextTable{caseTable(p), calibrationTable(t.Of("calibration"))}
	formula, err := shareCheck(t, p)
	if err != nil {
		return nil, err
	}
	limit, err := limitCheck(t, p)
	if err != nil {
		return nil, err
	}
	c.Checks = append(append(c.Checks, formula, limit, tailCheck(p), goalCheck(p)), calibrationChecks(t.Of("calibration"))...)
	text(t, p, c)
	return c, nil
}
