// Package spec says what is promised: the catalogue of guarantees, the table of who claims
// which of them under which settings, the four values of a verdict, and the sequential
// specification of a log that other judges of linearizability search with.
//
// Invariant: an anomaly found and a guarantee broken are two things. Judges look for
// anomalies whatever is claimed; only the claims table says whether one breaks a promise.
//
// The package judges nothing and reads no history. It imports the standard library only;
// everyone may import it.
package spec
