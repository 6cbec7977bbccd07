// Package arch checks a source tree against a policy: which packages import which, what
// the pure ones must not use, how long files and functions are, and that every package
// says what it is.
//
// Every rule is a function from a file, or a package, to findings: sentences that begin
// with the place. Rules read syntax and types only and change nothing.
//
// Invariant: an exception that is not needed any more is a finding, so that lists of
// exceptions can only shrink.
//
// The package deliberately holds no policy: which rooms there are, and which exceptions,
// is said in the architecture test of experiments. It stands outside the rooms because it
// is about them. It imports the standard library only; only that test imports it.
package arch
