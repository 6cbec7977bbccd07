// Package scale measures how processor time, bytes, events, memory and latency grow with one factor at a time, and fits laws:
// the exponent of a power law, and a line's base and slope.
//
// It claims growth, not levels: what a cost is at a point is a function of the hardware's profile. experiments/studies imports it.
package scale
