// Package designs are the broker designs that run in the world: the reference broker on NATS's design, and the baselines. A
// design has profiles, settings that a run may turn, and the machines of its brokers and clients.
//
// Invariants:
//   - A run is the same whatever asked for it: brokers and clients are a function of its configuration (rundir.Config).
//   - Settings are known by name and have a few ends; an unknown one is an error that lists those there are.
//
// It imports impl, model and experiments/rundir. Whoever runs a world imports it.
package designs
