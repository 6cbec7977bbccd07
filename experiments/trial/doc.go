// Package trial measures one run: a design under an open-loop load on costed hardware, without judging it.
//
// A trial's clients ask when their arrivals are due, whatever was answered before, and latency counts from that time: nothing is
// omitted because something else was slow. Clients cost nothing; brokers have the cores, interface, disk and collector of a
// hardware profile (experiments/hardware), or none with Free.
//
// Invariants:
//   - What is measured is a function of the Trial alone; times are virtual, in nanoseconds.
//   - Only what was asked within the window counts; whatever is still open when the grace after it is over is Open, never
//     dropped.
//
// It judges nothing: experiments.Execute does. experiments/studies run trials.
package trial
