// Package systems is the vocabulary of comparisons: which designs with which settings, what an acknowledgement of each says,
// and the loads and the power failure that all of them get alike.
//
// A system is data: a profile of experiments/designs with settings, a name for legends and a style for figures.
// Invariant: what is drawn at random (arrivals, the moment of a power failure) is a function of the seed and never of the
// system, so that systems are compared pair by pair. Studies import it.
package systems
