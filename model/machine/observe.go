package machine

import "encoding/binary"

// ObsKind says what was observed, and which fields of an Observation are set.
type ObsKind uint8

const (
	// Booted: the machine is up; N counts the boots of this disk that it knows of.
	Booted ObsKind = iota + 1
	// Leader: this node became leader of Group in Term.
	Leader
	// Follower: this node stopped leading Group; Term is the one it is in now.
	Follower
	// Voted: this node granted its vote to Peer in Term of Group, durably.
	Voted
	// Appended: the entry Index of Term, with content Hash, is durable in this node's log of Group.
	Appended
	// Truncated: this node's log of Group lost its entries from Index on (Why says why).
	Truncated
	// Applied: the entry Index of Term, with content Hash, was applied to Group's state here.
	Applied
	// Stored: message Seq of Stream, content Hash, is in this node's store (applied entry Index), stamped Stamp; N is
	// how many bytes of max_bytes it takes (0: not said).
	Stored
	// Removed: message Seq of Stream left this node's store by a rule (Why: one of the Rule constants). Stamp is the time
	// that the removal was decided by, if it was one (of max_age).
	Removed
	// Recovered: after a boot or an installed snapshot this node's store of Stream
	// holds First to Seq (none if Seq < First); what it held above is gone from it. For a
	// snapshot Why is "snapshot", and the log begins after its entry Index of Term.
	Recovered
	// Acked: this node told a client that message Seq of Stream is stored (content Hash).
	Acked
	// Dropped: something was discarded here: Why says what and why, N how many.
	Dropped
	// Damaged: the node found damage in Group and no longer votes or acknowledges there.
	Damaged
	// StreamCreated and StreamDeleted: Stream exists, or no more, on this node.
	StreamCreated
	StreamDeleted
	// ConsumerCreated and ConsumerDeleted: Consumer of Stream exists, or no more, in this node's state.
	ConsumerCreated
	ConsumerDeleted
	// Delivered: this node, as leader, handed message Seq of Stream out for Consumer, as its N-th delivery and
	// number CSeq of the consumer's own count; Client is whom to, if known.
	Delivered
	// Settled: in this node's state Consumer is done with message Seq, Why: "ack", "term", "max-deliver" or
	// "removed"; N is the delivery count that settled it (0 if none did).
	Settled
	// Floor: the ack floor of Consumer in this node's state is Seq, CSeq in its own count.
	Floor
	// Interest: this node began (N 1) or ceased (N 0) to pass on what matches Subject, for queue group Queue ("": none),
	// to Client of its own, by its subscription with sid Seq, or to node Peer.
	Interest
	// Rejoined: this node, as Member, counts again in Group's majorities, with everything to its entry Index.
	Rejoined
	// Note: anything else worth a line in a trace (Why); judges ignore it.
	Note
)

// The rules by which a message may leave a stream: the Why of Removed. The first four are limits of the configuration.
const (
	RuleMaxMsgs    = "max_msgs"
	RuleMaxBytes   = "max_bytes"
	RuleMaxAge     = "max_age"
	RuleMaxMsgsPer = "max_msgs_per_subject"
	RulePurge      = "purge"
	RuleDelete     = "delete"
	RuleRollup     = "rollup"
	RuleAck        = "ack"         // of a work queue or interest stream: every consumer that wants it is done with it
	RuleNoInterest = "no-interest" // of an interest stream: no consumer wants it
	// RuleSnapshot: a snapshot installed on this node has it no more. Where the snapshot was taken, another rule took it.
	RuleSnapshot = "snapshot"
)

var obsNames = [...]string{
	"?", "booted", "leader", "follower", "voted", "appended", "truncated", "applied",
	"stored", "removed", "recovered", "acked", "dropped", "damaged", "stream-created", "stream-deleted",
	"consumer-created", "consumer-deleted", "delivered", "settled", "floor", "interest", "rejoined", "note",
}

// String is the kind's name in histories and traces.
func (k ObsKind) String() string { return obsNames[k] }

// ParseObsKind is the inverse of String; ok is false for a name that is none.
func ParseObsKind(name string) (k ObsKind, ok bool) {
	for i, n := range obsNames {
		if i > 0 && n == name {
			return ObsKind(i), true
		}
	}
	return 0, false
}

// Observation is what checkers, traces and metrics see of a machine's inside. No
// machine's logic depends on it.
type Observation struct {
	Kind   ObsKind
	Group  uint64 // Raft group; 0 if none
	Member uint64 // Raft id of this node in Group, once it is not the node's own number
	Stream string
	Term   uint64
	Index  uint64
	Seq    uint64
	First  uint64
	Hash   uint64
	N      int64
	Peer   NodeID
	Conn   ConnID
	Why    string
	// Of consumers and core messaging.
	Consumer string
	CSeq     uint64
	Client   string // name by which a client introduced itself
	Subject  string
	Queue    string
	Stamp    int64 // time given to a stored message, nanoseconds since the Unix epoch
}

// ContentHash identifies a message by subject and payload, so that what a node stored can be matched to what a client
// published. It is computed at every replica's every step of every message, so it takes eight bytes at a time.
func ContentHash(subject, payload []byte) uint64 {
	return absorb(absorb(0x9e3779b97f4a7c15, subject), payload)
}

// absorb hashes p into h, and ends with its length: no subject's end is a payload's beginning.
func absorb(h uint64, p []byte) uint64 {
	n := uint64(len(p))
	for ; len(p) >= 8; p = p[8:] {
		h = mix(h ^ binary.LittleEndian.Uint64(p))
	}
	var rest uint64
	for i, b := range p {
		rest |= uint64(b) << (8 * i)
	}
	return mix(mix(h^rest) ^ n)
}

// mix spreads each bit over the word; no two words mix to one.
func mix(h uint64) uint64 {
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>29
}

// WorkKind is a kind of work that costs processor time.
type WorkKind uint8

const (
	WorkParse   WorkKind = iota // operations of the protocol, and all bytes read
	WorkRoute                   // messages matched against interest, and changes of it; parts of requests brought to their partitions
	WorkDeliver                 // messages written to a connection, whole
	WorkRaft                    // Raft's and other replication's messages handled, a node's own among them, and bytes of frames and proposals
	WorkEncode                  // frames, Raft messages, commands, log records and checkpoints encoded
	WorkApply                   // commands applied, and deliveries that they record; bytes of entries
	WorkStore                   // messages, or batches of them, stored
	WorkAPI                     // API requests answered, and bytes of the answers; pull requests
	WorkTimer                   // timers handled, and groups and consumers that they wake
	WorkConsume                 // deliveries of consumers, and what clients say of them; batches read from a log
	WorkKinds
)

// String is the kind's name in profiles.
func (k WorkKind) String() string {
	return [...]string{"parse", "route", "deliver", "raft", "encode", "apply", "store", "api", "timer", "consume"}[k]
}

// Work is how much of one kind a step did.
type Work struct {
	Count  int64
	Bytes  int64
	Allocs int64
}
