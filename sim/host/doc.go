// Package host is what running a program costs it: processor cores that its steps occupy, a network
// interface that its output shares, and a collector that takes both from it.
//
// A program is a queue with one server a lane: an input begins when a lane is free, and its effects leave when
// the work that the step charged (machine.Work) is done. What a unit of work costs is data (Program), measured by
// benchmarks of the real Step or taken from a source; nothing here knows what the work is.
//
// Collectors are models of the Go runtime's, of the JVM's G1 and generational ZGC, and of none. They see
// bytes allocated and bytes live, and answer with pauses, with cores taken and with delays of those who allocate. Each
// formula stands beside its source.
//
// Invariants:
//   - Everything is whole nanoseconds, picoseconds and bytes; no float decides anything.
//   - A step's effects never leave before those of the step before it, however many lanes there are: connections
//     are ordered.
//   - Every draw is a function of the node, its life, and the number of the pause.
//
// What it leaves out: caches, memory bandwidth, processor frequency, and interference between the processes of one
// host, for every process has a host of its own; that threads of a JVM's collector are slower themselves where they share cores with
// the program.
//
// sim imports it; it imports model/machine, model/load for its draws, and sim/choice.
package host
