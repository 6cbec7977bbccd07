// Package experiments declares experiments and runs them: it builds the world, records the
// history, heals and drains, has it judged, and writes the run directory.
//
// An Experiment is a value with a question, a cluster, a load, faults and what it expects.
// Config turns it and a seed into a rundir.Config, which holds everything that decides a run;
// Execute runs a Config; Sweep runs a range of seeds in processes of their own, because the
// entropy of elections is one variable a process.
//
// Invariants:
//   - A run is a function of its Config: the same Config gives the same trace hash, history and
//     verdicts in any process.
//   - Executing the plan of a run's plan.txt again repeats the run.
//
// It sees every other room. Only commands and notebooks' tools import it.
package experiments
