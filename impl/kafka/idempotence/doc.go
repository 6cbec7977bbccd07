// Package idempotence is how a partition knows the batches of an idempotent producer again: of every producer the last five,
// by their sequence numbers.
//
// Invariant: it is a function of the batches in the log, noted in their order, so any leader can build it anew.
//
// What it leaves out: expiry of producers that are silent. Brokers of the Kafka protocol import it.
package idempotence
