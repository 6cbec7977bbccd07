// Package collectors measures what a garbage collector costs a broker in pauses, processor time, heap and tail latency, and holds
// the models of collectors to what was measured or published of real ones (calibration.go).
//
// It compares collectors under one load; what pauses of any length do is studies/pauses. experiments/studies imports it.
package collectors
