// Package drive runs a machine.Machine on the operating system: real sockets, files
// and clocks under the same contract that sim keeps in virtual time.
//
// It works by flat combining: the goroutine that has something for the machine (bytes
// it read, a timer, finished disk operations) takes the machine's mutex, steps it, moves the
// outputs into per-connection queues, releases the mutex, and then writes to the sockets,
// and to the disk if that is idle, itself. There is no owner goroutine and no channel
// hop between a socket and the machine.
//
// Invariants:
//   - The machine is stepped by one goroutine at a time, under Server.mu; nothing that can
//     wait (a socket, a disk) is done under it.
//   - One flusher a connection; bytes leave in the order in which the machine wrote them.
//   - Operations on one file are executed, and their completions stepped, in the order of
//     issue. A sync makes durable what was written before it, and once one has failed every
//     later sync of that file fails too: the kernel reports a lost page once only.
//   - A panic in Step ends the server. Nothing of that step is carried out.
//   - Everything is bounded. Slow consumers are the machine's decision, from ConnDrained;
//     Config's hard limits are only a net below it, and say so when they catch something.
//
// While a machine has paused a connection its end is noticed only by writing to it: the
// socket is not read.
//
// It deliberately knows no protocol: what the bytes mean is the machine's. It does not
// authenticate peers; the peer port belongs on a trusted network. TLS for clients is
// handshake first. On systems other than Linux writes go through a goroutine each.
//
// cmd/brokerlab, experiments and tests may import it; no pure package may.
package drive
