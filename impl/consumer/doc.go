// Package consumer is what a consumer of a stream is: which messages it has delivered, which of them are settled,
// and what the leader of its stream does with pull requests, ack waits, heartbeats and flow control.
//
// State is the replicated part: a function of the commands applied to it. Leader is the volatile part, one for each
// consumer of a stream that this node leads: it chooses what to deliver to whom and answers with decisions (Out)
// that its owner carries out.
//
// Invariants:
//   - A message is pending from its first delivery until it is settled, and is settled once.
//   - The ack floor never falls, and no pending message is at or below it.
//   - What is delivered first is delivered in the stream's order; what is settled is not delivered again.
//   - Never are more messages pending, taken and unsent than max ack pending allows, when it does.
//   - A pull request gets what it asked for or one status that says why not, and nothing after that.
//   - Every list is bounded, by the configuration or by a constant here.
//   - No map order, clock or float decides anything.
//
// It knows no Raft, store, subscription or connection: it asks the small interface Messages. It imports model only
// and is imported by impl/broker.
package consumer
