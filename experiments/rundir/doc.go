// Package rundir is the form in which a run is kept: a directory with files of fixed names, and
// the manifest that says what was run and what came of it.
//
// Invariants:
//   - A manifest holds everything that decides a run, so that running it again needs nothing else
//     but the binary: seed, switches, cluster, load, plan, times.
//   - Nothing in a manifest depends on the wall clock, the machine or the directory.
//   - The manifest is written last: a directory that has one is complete, and one without is
//     refused when opened.
//
// It runs and judges nothing. It imports model; experiments and commands import it.
package rundir
