// Package load says what clients want to do, in abstract verbs, and when. A simulated NATS
// client, a simulated Kafka client and real clients are adapters of the same loads.
//
// A Spec is a whole load as plain data (it is also the JSON form that users write); Clients
// turns it into one Load a client. Traffic publishes and reads at a rate whatever the answers
// (open-loop arrivals), Setup creates the streams, Drain reads everything back at the end.
//
// Invariant: a load is a deterministic function of its seed and of the answers it was
// given; outcomes stay one of ok, failed and unknown, and unknown is never folded into failed.
//
// It knows no protocol and no clock of its own. It imports the standard library and
// model/history.
package load
