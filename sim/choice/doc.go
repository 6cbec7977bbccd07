// Package choice draws the random numbers of the simulated world.
//
// Invariant: a draw is a pure function of (seed, component, identity, purpose). It is
// never the next value of a stream, so making one draw less, or one more, moves no other:
// that is what lets a fault be deleted from a plan, or two brokers be compared under the
// same weather. Callers name what a draw is about (node and crash number, node and disk
// operation number, client and attempt) and what it is for.
//
// Distributions are integer quantile tables: no floats, whose results differ between
// processors. The package holds no state and is no source of secrets.
//
// It imports model/machine and the standard library; sim and experiments may import it.
package choice
