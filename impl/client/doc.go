// Package client is a small NATS client as a machine: it carries out a model/load against
// brokers, in the simulated world or outside, and reports how every operation ended and what was delivered.
//
// Invariants:
//   - Every operation taken from the load is invoked once and completed at most once; it is completed by
//     its timeout at the latest, as long as timers fire. Only an ack that asks for no confirmation has no completion.
//   - Failed means that the operation certainly has no effect, now or later: it never left the
//     client, or an answer says so. Whatever was handed to a connection and not answered is
//     Unknown, even if the connection broke at once.
//   - Replies that come after that are ignored: an inbox serves one operation, or one fetch after the other as long as
//     each had its end from the server.
//   - Deliveries are recorded in the order in which they arrived, and only those of a subscription or fetch that
//     has not ended.
//   - Operations, subscriptions and inboxes are bounded.
//
// What a request answers to is its own inbox; what only a PONG can confirm (a send, an answer, a subscription) shares
// PINGs (barrier.go). Subscriptions are the load's by their Tag: after a lost connection the client records that they
// ended and subscribes anew, under new numbers (subscribe.go). The load may have the client leave, die, come back on
// another node, or stop reading (life.go).
//
// It retries no operation and does not follow connect_urls. Simulated runs and impl/drive may boot it; it imports model
// and impl/wire.
package client
