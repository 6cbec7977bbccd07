// Package throughput measures what a durable publish costs in time as rate, payload, streams, batching and the model's
// assumptions vary, and sets beside each system what its acknowledgement is worth when all nodes lose power.
//
// Invariant: loads are open, so that latency counts from when a publish was due; only the comparison with the real broker is a
// closed loop, as that was. experiments/studies imports it.
package throughput
