// Package failover has two studies of time without acknowledgements: after one fault (Study), and with a leader that crashes
// again and again (Availability).
//
// What a design's own timers say is computed beside what was measured (budget.go), and the checks compare the two.
// Invariant: every system is struck at the same time of a seed. experiments/studies imports it.
package failover
