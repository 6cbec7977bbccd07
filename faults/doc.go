// Package faults says what goes wrong in a run, and when: plans as data. It executes
// nothing; the simulator does, and so could a driver of real processes.
//
// A Plan prints as text (one fault a line) and parses back to the same plan:
//
//	plan v1
//	at 2s partition leader of ORDERS (n2) | others (n1 n3) for 1.5s
//	at 12.5s power all for 1s keep=subset tear
//
// A role ("leader of ORDERS") keeps the nodes it resolved to beside it, so that a plan as
// executed replays on the same nodes although the run has changed.
//
// Invariants:
//   - Parse(p.String()) equals p, for every valid plan.
//   - Times are whole nanoseconds since the run began; no float is involved.
//   - A generated fault depends on the seed, the options and its own number alone:
//     deleting one from a plan changes no other.
//
// The text, line by line ("[ ]" optional, DUR as 250ms, 1.5s, 2m30s; a # starts a comment):
//
//	at TIME crash TARGET for DUR                the process dies; the page cache survives; it restarts after DUR
//	at TIME power TARGET for DUR keep=POLICY [tear]
//	                                            power failure: POLICY says which unsynced bytes survive,
//	                                            tear that a write may survive in part, sector by sector
//	at TIME pause TARGET for DUR                SIGSTOP: connections stay open, buffers fill
//	at TIME partition A | B [| C …] for DUR     no byte between groups; within a group all is well
//	at TIME cut A -> B for DUR                  one way
//	at TIME clog A -> B for DUR                 delivers nothing until the end, then all of it, in order
//	at TIME slow-link A - B +LATENCY for DUR    both ways
//	at TIME reset A - B                         every connection and link between them breaks once
//	at TIME drop A -> B P% for DUR              Raft frames are lost, each by its own draw
//	at TIME duplicate A -> B P% for DUR         … arrive twice
//	at TIME reorder A -> B P% for DUR           … overtake one another
//	at TIME slow-disk TARGET xN for DUR         every disk operation takes N times as long
//	at TIME stall-disk TARGET for DUR           no disk operation completes
//	at TIME full-disk TARGET for DUR            writes that need room fail
//	at TIME fail-write TARGET once              the next write fails, a prefix of it accepted
//	at TIME fail-sync TARGET once [as=keep|revert|late]
//	                                            the next sync fails and its pages are clean nevertheless
//	at TIME wipe TARGET for DUR                 the process dies, its disk is replaced by an empty one; it starts after DUR
//	at TIME lose TARGET in=PREFIX [last] for DUR
//	                                            the process dies, the end of a synced file is gone; it starts after DUR
//	at TIME rot TARGET in=PREFIX [last]         a bit of what was synced flips; the process may be running, or not
//	at TIME clock TARGET +DUR|-DUR              the wall clock steps, for good
//	at TIME drift TARGET +PPM|-PPM for DUR      both clocks run fast or slow
//	at TIME heal                                everything still going on ends, what is down comes up
//
// Files are named by how their paths begin (in=wal, in=streams). Without "last", lose spares the newest file of a
// directory and rot the newest synced bytes of a file: what is missing there nobody can tell from a torn write, so no
// system can be blamed for what follows. Wipe, lose and rot take what honest disks keep; they are for a minority
// of a stream's replicas at a time.
//
// A TARGET is a list of: n2 (a node), all (every node), clients (every client), others
// (every node the fault does not name otherwise), leader of S, followers of S, follower K of
// S (K-th by id), members of S, majority of S, minority of S (both without the leader where
// that is possible), with S a stream's name or "meta". Several kinds of network fault at one time make
// bridges, rings and other partial partitions.
//
// It imports model/machine and the standard library; sim, experiments and tests import it.
package faults
