// Package alike makes the same calls to this broker and to nats-server, and compares what they answer: codes and
// texts of errors, sequences, states, headers, statuses.
//
// Invariant: what differs is either a fault or listed in the tests with the reason.
//
// It is tests only; nothing imports it.
package alike
