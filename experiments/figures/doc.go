// Package figures draws a run: when faults struck, throughput and latency over time, every
// message by its fate, and what core messaging lost, by cause. Each figure is made as SVG for reports and as PNG for everything else.
//
// Invariant: a figure is a function of the measured run, the fates and the losses alone; the same run gives
// the same bytes.
//
// It measures and judges nothing. It imports experiments/metrics and gonum's plot; experiments may
// import it.
package figures
