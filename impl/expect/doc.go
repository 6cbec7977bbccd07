// Package expect reads what the headers of a publish ask of the stream that is to store it, and holds a publisher's
// expectations against what the stream holds.
//
// Invariant: whether an expectation holds is a function of the publish and of the Log that it is held against; who
// asks at apply, in log order, gets the same answer on every replica.
//
// It decides nothing else: not whether a message is a duplicate, has room, or may roll up. It knows the
// header block's form by impl/wire; impl/broker uses it.
package expect
