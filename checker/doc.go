// Package checker judges histories: for every guarantee of the catalogue (model/spec) it says
// holds, violated, not exercised or unknown, and for a violation it shows a certificate of a
// few events and a sentence that a person understands.
//
// Judges are folds over events in index order, so judging a run while it goes on and judging
// its file afterwards are the same code: a Panel is fed by Event and asked by Finish; Run does
// both for a whole history. What they hold grows with operations and messages, never with their
// square, and every verdict, sentence and certificate is a function of the history alone.
//
// Invariants:
//   - A violation is never reported on what a history merely leaves open: unknown outcomes,
//     reads that were not answered and nodes whose state nobody saw count for the system.
//   - Judges find anomalies; whether one breaks a promise is for spec.Claims and
//     Report.Overall to say.
//
// A message that is missing may have left its stream by a declared rule (rules.go). Where nodes were seen storing, what left was
// seen to leave, and nothing else may be missing; elsewhere a message may be gone as soon as some call or limit may have covered
// it. What a stream holds is followed by its committed log, as the first node made each change (ledger.go). A publish that
// is tried again under its id is stored once and, when the window is over, perhaps again.
//
// Of core messaging, which stores nothing, what should have arrived is certain only by what came behind it: over one connection, and
// over one session between two nodes, things arrive in order (core.go). CoreLosses says why each lost message was lost.
//
// Porcupine is the oracle in tests and the painter of pictures; no verdict depends on it.
//
// The package knows no broker, simulator or fault. It imports model and porcupine; experiments
// and commands import it.
package checker
