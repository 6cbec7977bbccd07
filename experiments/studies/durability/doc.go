// Package durability measures what is lost of what was acknowledged when nodes lose power together, against how often a log is
// synced: one tape of load and faults (systems.PowerLoss) for all settings of all designs.
//
// Invariant: what counts as lost is what was acknowledged (with acks=0, what was sent) and cannot be read at the end; a run that
// could not be read says so and is no loss. experiments/studies imports it.
package durability
