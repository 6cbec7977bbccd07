// Package store is how a node keeps things: one write-ahead log shared by all its Raft
// groups (Log), and for each group a directory with its messages and its checkpoint
// (Stream).
//
// The log. Records of all groups go into one file at a time, a segment. What is added
// while a batch is being synced forms the next batch, so one sync commits what every
// group received meanwhile. A record's checksum covers where it belongs (node, segment,
// offset) and the checksum of the record before it, and each record states how far the
// log was synced when it was written. A segment's first batch also states what every
// group has come to, so older segments hold nothing but entries and are removed when
// checkpoints have passed them.
//
// Recovery reads the chain of records to its first hole. What lies behind it is torn if
// nothing proves that it had been synced, and is dropped: nobody was promised it. Below
// a proof it is lost (Damage), and the caller decides what the node may still do. What is
// kept and not proven to be synced is written again, into a new segment; see OpenLog.
//
// The stream store. Messages are appended to blocks when they are applied. A checkpoint
// syncs the blocks and then replaces one file by renaming, so a crash finds the old or
// the new one. What lies above it is cut at boot, and the log brings it back.
//
// Removals write nothing when they happen: the checkpoint says of each block which runs of
// its records are there (see checkpoint.go), and above the checkpoint the log repeats the
// entries that removed. So there are no marks of removal that would have to outlive what
// they remove. A block in which nothing is left is not named by the next checkpoint, and its
// file goes when that is durable. When more is gone than is there, and two blocks more,
// what is left in a few blocks is copied into one (rewrite.go), so a stream's files take at
// most about twice what it holds and a few blocks, and what a checkpoint interval brings.
//
// A View is what a stream held at one moment: it remembers where removed messages lie and
// keeps their files, for as long as somebody fetches a snapshot.
//
// In memory a message costs 24 bytes in its block's index and 8 in its subject's list, and a
// subject, while it has messages, about 100 and its name. Messages that are gone cost at most
// as much again. What does not shrink before the next start is the table of subjects.
//
// Searches by a literal subject, sequence or stamp are by halving. A search by wildcards costs
// no more than a few times the smaller of the way to what it finds and of the number of
// subjects that begin as the filter does. The first such search that is not answered nearby
// sorts the subjects: about a second for a million of them.
//
// What grows: a checkpoint states up to 4 bytes for each run of removed messages, every time,
// so a stream of ten million messages with holes everywhere writes tens of megabytes at each.
//
// Invariants:
//   - What a batch holds is recovered whole or not at all, and what is recovered is a
//     prefix of what was written, in order.
//   - A ticket counts as durable only after a completed sync of its bytes, and of the
//     segment's name (in the modes that sync).
//   - No byte that was synced is ever overwritten or truncated.
//   - A failed write or sync is never tried again: the owner has to stop.
//   - A file goes only when no checkpoint that a crash could bring back names it.
//   - Nothing is assumed of the order of operations on different files: each waits for
//     the one it needs.
//
// It does not know Raft or limits, does no input or output itself, and decides nothing
// about damage.
//
// It imports model/machine, model/subject and parts of the standard library without clock,
// network, files or goroutines. Brokers import it.
package store
