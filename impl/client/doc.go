// Package client is a small NATS client as a machine: it carries out a model/load against
// brokers, in the simulated world or outside, and reports how every operation ended.
//
// Invariants:
//   - Every operation taken from the load is invoked once and completed at most once; it is completed by
//     its timeout at the latest, as long as timers fire.
//   - Failed means that the operation certainly has no effect, now or later: it never left the
//     client, or an answer says so. Whatever was handed to a connection and not answered is
//     Unknown, even if the connection broke at once.
//   - Replies that come after that are ignored: inboxes are never used twice.
//
// It retries no operation, keeps no subscription but its inbox, and has no consumers yet; it
// does not follow connect_urls. Simulated runs and impl/drive may boot it; it imports model and impl/wire.
package client
