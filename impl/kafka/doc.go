// Package kafka is a broker on Kafka's design, as a baseline beside the reference broker: partitions
// replicated by fetching followers to an in-sync set that a controller keeps, acknowledged from the page cache.
//
// Every node is broker and controller (KRaft's combined mode). The controller's log is a Raft group, synced (impl/quorum);
// its state machine is impl/kafka/metadata; a partition's log is impl/kafka/plog. The rules are Kafka 4's, each cited beside
// its code: high watermark over the maximal ISR and not under min ISR, AlterPartition fenced by epochs, elections in the
// order of the assignment, ELR and unclean election as settings, truncation by diverging epochs, idempotent producers, fetch
// long-polls of followers and consumers, committed offsets of groups in a topic of their own (impl/kafka/offsets).
//
// Invariants:
//   - The high watermark never falls while a replica leads, and never passes what every member of the maximal ISR holds.
//   - A produce with acks=all, and a commit of an offset, is answered OK only at a high watermark above it.
//   - Nothing is synced on the data path but what FlushMessages asks for: that is the design under test.
//   - No goroutine, clock or map order; every queue is bounded.
//
// What it leaves out: Kafka's wire protocol (impl/kafka/proto has its meanings in a form of its own), membership of consumer
// groups and their rebalancing (generations are in the messages, and 0), transactions, retention, quotas, controlled shutdown, tiered storage, more than one log directory.
//
// It sees model and its sisters under impl, and is seen by experiments and tests.
package kafka
