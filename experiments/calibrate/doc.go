// Package calibrate measures, on the machine at hand, what the simulator's costs are made of: Step of each design by kind of
// input, syncs and writes of a disk, a connection over loopback. It makes a hardware profile of that.
//
// A rig is nodes of one design whose inputs are handed in as fast as they come up: disks finish at once and keep nothing, frames
// arrive in their order, time passes when a scenario says so. What is timed is Step alone. The work that the steps charge
// (machine.Work) and the times they took make rows, and the rows' least squares the constants.
//
// Invariants:
//   - Nothing but loopback is spoken to, every run is bounded, and files are removed again.
//   - A constant that was not measured here keeps the mark and the source that it had.
//
// What it leaves out: collectors, whose constants come from elsewhere, and a network card.
//
// It imports impl's designs, experiments/hardware and model; commands import it.
package calibrate
