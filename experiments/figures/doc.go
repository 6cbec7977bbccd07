// Package figures draws a run: when faults struck, throughput and latency over time, and every
// message by its fate. Each figure is made as SVG for reports and as PNG for everything else.
//
// Invariant: a figure is a function of the measured run and the fates alone; the same run gives
// the same bytes.
//
// It measures and judges nothing. It imports experiments/metrics and gonum's plot; experiments may
// import it.
package figures
