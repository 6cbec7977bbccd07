// Package figures draws a run: when faults struck, throughput and latency over time, every
// message by its fate, and what core messaging lost, by cause. Grid draws what studies compare: charts of two axes, in rows, with
// one legend. Each figure is made as SVG for reports and as PNG for everything else.
//
// Invariant: a figure is a function of the measured run, the fates, the losses and the charts alone; the same give
// the same bytes.
//
// It measures and judges nothing. It imports experiments/metrics and gonum's plot; experiments may
// import it.
package figures
