// Package metrics measures a recorded history: rates and latencies second by second, the
// spans of faults, the elections. What it returns feeds metrics.csv, figures and reports.
//
// Invariant: everything is a function of the history alone, in whole numbers, so that a history
// measured again gives the same bytes.
//
// It judges nothing. It imports model/history; experiments and its packages may import it.
package metrics
