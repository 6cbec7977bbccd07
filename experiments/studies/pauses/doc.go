// Package pauses has two studies of a program that stops: what pauses do to tail latency (Tail), and how long a leader must be
// stopped before another takes its place (Elections).
//
// Each holds the model to a closed formula, which is in a file of its own and says where it does not hold.
// experiments/studies imports it.
package pauses
