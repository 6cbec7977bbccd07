// Package core measures what messaging at most once buys in time and what it loses, beside streams on the same hardware:
// latency by rate, the cost of fan-out and of requests, and losses by cause and level of faults.
//
// Losses are those of judged experiments, counted; the others are trials. experiments/studies imports it.
package core
