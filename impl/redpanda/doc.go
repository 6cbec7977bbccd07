// Package redpanda is a broker on Redpanda's design, as a baseline: Kafka's protocol over one Raft group a partition,
// each with a log of its own that is synced before anything is acknowledged with acks=all.
//
// It shares with the reference broker the format, recovery and group commit of its log (impl/store by impl/quorum), and with the
// Kafka-style broker protocol, placement and idempotence. What differs is what is compared: a majority acknowledges, not an
// in-sync set; nothing is acknowledged from the page cache; syncs are not shared between partitions, so many small partitions
// multiply them.
//
// Invariants:
//   - A produce with acks=all, and a commit of an offset, is answered OK only as the consequence of applying its entry.
//   - What a partition holds is a function of its log: offsets and duplicates are decided at apply.
//   - No goroutine, clock or map order; every queue is bounded.
//
// What it leaves out: threads a core (the cost model gives it lanes), write caching, transactions, membership of consumer groups, leader
// balancing, membership changes, retention: a partition's log lives in memory whole.
//
// It sees model and its sisters under impl, and is seen by experiments and tests.
package redpanda
