// Package report writes report.html: one self-contained page from which a person understands a
// run in a minute. It needs no network, no script and no file beside it; the picture of a search for a
// linearization, when there is one, is a file of its own that the page links to.
//
// Invariant: the page says what the verdicts say, in their words; it concludes nothing itself.
//
// It imports model, checker and the packages of experiments that hold runs and figures; experiments
// may import it.
package report
