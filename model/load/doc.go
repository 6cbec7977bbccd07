// Package load says what clients want to do, in abstract verbs, and when. A simulated NATS
// client, a simulated Kafka client and real clients are adapters of the same loads.
//
// A Spec is a whole load as plain data, and the JSON form that users write: groups of clients, each of one role.
//
//	{"clients": [
//	  {"name": "shop",   "count": 4, "publish_per_second": 60, "read_per_second": 20, "keys": 10, "id_percent": 50, "retries": 3},
//	  {"name": "ticker", "count": 2, "send": {"per_second": 200, "subjects": ["tick.a", "tick.b"]}},
//	  {"name": "screen", "count": 3, "subscribe": {"filters": ["tick.>"], "churn_every_ms": 5000}},
//	  {"name": "asker",  "count": 2, "request": {"per_second": 50, "subject": "svc.price"}},
//	  {"name": "price",  "count": 3, "nodes": [1, 2, 3], "serve": {"subject": "svc.price", "queue": "price", "work_ms": 2},
//	                                 "moves": {"every_ms": 8000, "down_ms": 300, "crash_percent": 50}},
//	  {"name": "worker", "count": 3, "work": {"stream": "JOBS", "consumer": "W", "confirm_percent": 50, "nak_percent": 5, "late_percent": 2}},
//	  {"name": "reader", "count": 1, "follow": {"stream": "JOBS"}}
//	]}
//
// Group has the fields of traffic on streams (publishes with ids and expectations, reads, removals, purges), with what
// each means; Send, Request, Subscribe, Serve, Work and Follow those of the other roles; Moves has clients stop and
// start elsewhere. Rates are those of the whole group. A StreamSpec is a stream to be created with its consumers. Validate
// and ValidateStreams list every fault at once.
//
// Clients turns a Spec into one Load a client. Setup creates the streams and consumers; Drain waits at the end until
// the consumers that are worked on have nothing left, and reads everything back.
//
// Invariants:
//   - A load is a deterministic function of its seed and of the answers and deliveries it was given; outcomes stay one of
//     ok, failed and unknown, and unknown is never folded into failed.
//   - A draw is a function of its place and number (an arrival's, a message's): deleting one client or one
//     operation moves no other.
//   - A load that has nothing to ask for wants to be asked again later, never at once.
//   - Values are unique over a run, but for publishes that are tried again under their id.
//
// It knows no protocol and no clock of its own. It imports the standard library and model.
package load
