// Package history is the recorded history of a run: what clients asked for and were
// told, what the nodes were seen to do, and which faults struck, in one order.
//
// Its file form is JSON lines: a Header, then one Event a line in index order. It is
// written by the simulator's runner, by recorders of real clusters and by converters,
// and read by checkers, reports and notebooks.
//
// Invariants:
//   - Event.Index is strictly increasing: it is the real-time order, and ties in
//     virtual time never make two operations concurrent.
//   - An operation has one invoke and at most one completion: ok, fail (it certainly had no
//     effect) or info (nobody knows). No completion means info.
//
// It holds no judgement and knows no broker. It imports the standard library only.
package history
