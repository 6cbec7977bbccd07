// Package plog is one replica's log of one partition, as Kafka keeps it: segments of batches, appended to the page
// cache, and where each leader epoch begins.
//
// Nothing is synced but what is asked for: with FlushMessages n (flush.messages) an append that makes n messages
// unsynced waits for a sync; a segment is synced when it is sealed; Flush syncs at once. What is not synced is the kernel's to
// write back, and a power failure's to take.
//
// Recovery reads the segments in order, checks every batch, and cuts the log at the first that is torn: a log comes back as
// a prefix of what it was.
//
// Invariants:
//   - Offsets are dense: a batch begins where the one before it ends.
//   - End (the log end offset) counts what an append does not have to wait for any more.
//   - A failed write or sync ends the process, as a failed log directory ends a broker (KIP-112 would only take the directory
//     offline).
//
// It leaves out: retention, compaction of keys, transactions, and index files: where batches lie is in memory, rebuilt at boot.
// It sees impl/kafka/proto and model.
package plog
