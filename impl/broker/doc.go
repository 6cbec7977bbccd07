// Package broker is the reference broker: core publish and subscribe, and streams replicated by
// Raft, on the NATS design, as one pure machine.Machine.
//
// A publish travels by interest to the leader of the stream that stores its subject, joins the
// batch of its group, becomes one Raft entry with everything else that arrived meanwhile, is
// applied to the stream once a quorum has it on disk, and is acknowledged only then.
//
// Consumers ride in their stream's group: what they deliver and what is acked are commands of the same entries.
//
// Invariants:
//   - A success reply to a publish exists only as the consequence of applying its entry, and an
//     entry is applied only when a quorum, this node among it, has synced it (sync=group).
//   - What a stream holds is a function of its log alone: sequence numbers, refusals and stamps are
//     decided at apply, in log order.
//   - A confirmed ack is answered only as the consequence of applying it, and with delivered=before a delivery is sent
//     only when it is counted in the log, by a leader that cannot have been deposed.
//   - A node that lost part of what it had promised in a group (votes, entries, messages, its disk) never speaks again under
//     the Raft id that promised it: the group lets it in as another member (members.go, rejoin.go, identity.go).
//   - No goroutine, clock, file or socket; no map is ranged over on a path that makes effects.
//   - Every queue is bounded, and what is discarded is observed. Who fills one is held back before it is full,
//     and never for good (pressure.go).
//   - A message reaches a subscription once at most, and one member of each queue group in the whole cluster;
//     what one client published arrives in its order (law_test.go).
//
// Switches choose the unsafe ends that NATS chose, and planted bugs. The package sees model and
// its sisters under impl, and is seen by drive, experiments and tests.
package broker
