// Package hardware is what running a broker costs, as data: machines (cores, disk, network, collectors) and programs
// (processor time and allocations by kind of work), each constant with its unit, its source, and whether it was measured,
// published or assumed.
//
// A profile is a JSON file: two-core and server are part of the binary, and a user's own is read from a path. What a program's
// work costs was measured on this project's Step of each design (brokerlab calibrate), in Go, for all three alike: a study
// compares designs on equal footing, and a design's own language enters as its collector alone. What published figures of the
// real Kafka and Redpanda say stands in the sources, for comparison.
//
// Invariants:
//   - Everything is a whole number of nanoseconds, picoseconds, bytes or millionths; the same file and the same changes give
//     the same configuration.
//   - A constant that is assumed carries the band in which it is believed to lie, so that a study can sweep it.
//   - A file's faults are listed all at once.
//
// What it leaves out: where the numbers come from is experiments/calibrate's; what they mean is sim/host's and sim/disk's.
//
// It imports sim, sim/host, sim/disk and sim/choice; experiments, its packages and commands may import it.
package hardware
