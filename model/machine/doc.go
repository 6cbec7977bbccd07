// Package machine is the contract between a broker and whatever runs it.
//
// A broker is a Machine: a pure state machine, stepped with one Input at a
// time, answering with Effects. Two drivers run the same machines: sim, an event
// heap under virtual time and injected faults, and impl/drive, the operating
// system. Clients and other programs of the simulated world are machines too:
// they are the ones that Dial.
//
// Invariants:
//   - A machine starts no goroutine, reads no clock, file or socket, and lets no
//     map order, float or address reach an effect. What it may know of the moment
//     is in Env; everything else came in by Boot or Step.
//   - Step does not panic on bad input. A panic is a broken invariant of the
//     machine; a driver treats it as a crash of that node.
//   - Disk operations on one file complete in the order they were issued, in
//     both worlds.
//   - Nothing but bytes passes between two machines.
//
// The package deliberately holds no network, disk or clock semantics: those are
// the driver's. It imports the standard library only; everyone may import it.
package machine
