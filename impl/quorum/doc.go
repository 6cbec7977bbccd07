// Package quorum is Raft groups over a write-ahead log, for baselines that need one and keep their whole
// log: the controller of the Kafka-style broker, the partitions of the Redpanda-style one.
//
// It is etcd raft as a RawNode with asynchronous storage writes, on the log format and recovery of
// the reference broker (impl/store), with its safe decisions only: synced before anything is said on the
// strength of it, pre-vote, check-quorum. One log may hold many groups, which then share its syncs (group commit),
// or each group may have a log of its own, which is how Redpanda does it.
//
// Invariants:
//   - An answer that raft gives "after the append" leaves only when a sync that covers the append has completed.
//   - Apply is called once for every committed index of a boot, in order, from the first.
//   - A failed write or sync ends the process (machine.GiveUp).
//
// What it leaves out: snapshots, compaction and changes of membership. The log of a group lives in memory whole, so a
// run has to fit; Config.MaxBytes refuses proposals beyond. Damage below a proof keeps the node down.
//
// It sees impl/store, impl/wire and model. Brokers under impl use it; the reference broker, whose groups are its own
// (impl/broker/group.go), shares raft.go.
package quorum
