// Package limits is the arithmetic of a stream's limits: whether a message may come in, and which have to go
// because one has come in, the configuration has changed or time has passed.
//
// Invariants:
//   - With discard old what goes is the oldest: of the stream, or of the subject that has too many.
//   - After Subject, Total and Expire no limit is exceeded, and nothing went that need not have.
//   - Nothing but what the Store holds and the stamp it is told decides.
//
// A message's size is that of its subject, headers and data, as the store counts it; nats-server counts 30
// bytes of its own record more. The package removes nothing itself and knows no store but by the interface;
// impl/broker uses it.
package limits
