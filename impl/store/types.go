package store

import "fmt"

// Entry is one entry of a group's Raft log.
type Entry struct {
	Index, Term uint64
	Type        uint8
	Data        []byte
}

// HardState is what a group must not forget: its term, its vote, and how far it knows
// its log to be committed. Self is the id under which the node has voted and
// acknowledged, for the owner to say; 0 costs nothing.
type HardState struct {
	Term, Vote, Commit uint64
	Self               uint64
}

// SyncMode says when a batch of the log counts as durable.
type SyncMode uint8

const (
	// SyncGroup: a batch is durable when it is synced; what arrives during a sync
	// forms the next batch.
	SyncGroup SyncMode = iota
	// SyncInterval: a batch completes when it is written; the caller's timer calls
	// SyncNow.
	SyncInterval
	// SyncNone: a batch completes when it is written, and nothing but ForceSync syncs.
	SyncNone
)

// LogConfig configures a node's log.
type LogConfig struct {
	// Node is part of every record's checksum: the log of another node is refused.
	Node uint32
	// Dir holds the segments; "wal" if empty.
	Dir string
	// SegmentBytes is the size at which a new segment is begun; 8 MiB if zero. A batch
	// is never divided, so a segment may be longer by one batch.
	SegmentBytes int64
	Sync         SyncMode
	// AcceptAfterHole is a planted bug: recovery skips a hole and accepts the valid
	// records behind it.
	AcceptAfterHole bool
	// RetrySync is a planted bug: a failed sync is tried again, and its answer believed.
	RetrySync bool
}

// Ticket numbers a batch. Batches complete in order.
type Ticket uint64

// GroupLog is what was recovered of one group.
type GroupLog struct {
	Group uint64
	Hard  HardState
	// Base is the last index that is not in the log (a checkpoint or snapshot has it).
	Base, BaseTerm uint64
	// Entries are Base+1 and up, contiguous, with overwritten ones gone.
	Entries []Entry
}

// Recovered is what OpenLog found.
type Recovered struct {
	Groups []GroupLog // sorted by Group
	// Owner is what SetOwner kept last, nil if nothing.
	Owner  []byte
	Torn   int64   // bytes not accepted
	Damage *Damage // loss below a proof; nil if none
}

// Damage says that synced bytes are gone.
type Damage struct {
	Segment string
	Offset  int64
	// Group is the only group concerned, or 0 if any may be.
	Group uint64
	// Proof says in words how it is known that the bytes had been synced.
	Proof string
}

// String is the damage in one line.
func (d *Damage) String() string {
	return fmt.Sprintf("%s at %d: %s", d.Segment, d.Offset, d.Proof)
}

// Checkpoint is a group's state up to Index: what need not be replayed from the log.
type Checkpoint struct {
	Index, Term uint64
	State       []byte // the caller's own
}

// Message is one stored message.
type Message struct {
	Seq          uint64
	Index        uint64 // of the Raft entry that stored it
	Time         int64  // nanoseconds since the Unix epoch, as stamped
	Subject      string
	Header, Data []byte
}

// StreamConfig configures one stream's store.
type StreamConfig struct {
	// Dir holds its files and is part of every record's checksum. It must not be
	// given to another stream later: put the group's number into it.
	Dir string
	// BlockBytes is the size at which a new block is begun; 4 MiB if zero.
	BlockBytes int64
	// CacheBytes is how much of the newest messages stays in memory; 0 for none.
	CacheBytes int64
}

// DamageError says that a stream's file does not hold what its checkpoint promised.
type DamageError struct {
	File   string
	Offset int64
	Reason string
	Err    error // the disk's error, if there was one
}

func (e *DamageError) Error() string {
	s := fmt.Sprintf("stream store damaged: %s at %d: %s", e.File, e.Offset, e.Reason)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap is the disk's error, if there was one.
func (e *DamageError) Unwrap() error { return e.Err }
