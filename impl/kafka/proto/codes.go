package proto

import "fmt"

// Code is an error code of the Kafka protocol (clients/.../protocol/Errors.java).
type Code int16

// The codes that are used here, with Kafka's numbers.
const (
	OK                    Code = 0
	OffsetOutOfRange      Code = 1
	CorruptMessage        Code = 2
	UnknownPartition      Code = 3 // UNKNOWN_TOPIC_OR_PARTITION
	LeaderNotAvailable    Code = 5
	NotLeader             Code = 6 // NOT_LEADER_OR_FOLLOWER
	TimedOut              Code = 7 // REQUEST_TIMED_OUT
	TooLarge              Code = 10
	CoordinatorLoading    Code = 14 // COORDINATOR_LOAD_IN_PROGRESS
	CoordinatorNotThere   Code = 15 // COORDINATOR_NOT_AVAILABLE
	NotCoordinator        Code = 16
	NotEnoughReplicas     Code = 19
	NotEnoughAfterAppend  Code = 20 // NOT_ENOUGH_REPLICAS_AFTER_APPEND: the records are in the log
	InvalidRequiredAcks   Code = 21
	IllegalGeneration     Code = 22
	InvalidGroup          Code = 24 // INVALID_GROUP_ID
	TopicExists           Code = 36
	InvalidReplication    Code = 38
	NotController         Code = 41
	InvalidRequest        Code = 42
	OutOfOrderSequence    Code = 45
	InvalidProducerEpoch  Code = 47
	FencedLeaderEpoch     Code = 74
	UnknownLeaderEpoch    Code = 75
	StaleBrokerEpoch      Code = 77
	OffsetNotAvailable    Code = 78
	InvalidUpdateVersion  Code = 95
	DuplicateRegistration Code = 101
	IneligibleReplica     Code = 107
	BrokerIDNotRegistered Code = 102
	unknownServerError    Code = -1
)

var codeNames = map[Code]string{
	OK: "none", OffsetOutOfRange: "offset out of range", CorruptMessage: "corrupt message", UnknownPartition: "unknown topic or partition",
	LeaderNotAvailable: "leader not available", NotLeader: "not leader or follower", TimedOut: "request timed out", TooLarge: "message too large",
	NotEnoughReplicas: "not enough replicas", NotEnoughAfterAppend: "not enough replicas after append", TopicExists: "topic already exists",
	InvalidReplication: "invalid replication factor", NotController: "not controller", InvalidRequest: "invalid request",
	CoordinatorLoading: "coordinator load in progress", CoordinatorNotThere: "coordinator not available", NotCoordinator: "not coordinator",
	InvalidRequiredAcks: "invalid required acks", IllegalGeneration: "illegal generation", InvalidGroup: "invalid group id", OffsetNotAvailable: "offset not available",
	OutOfOrderSequence: "out of order sequence number", InvalidProducerEpoch: "invalid producer epoch", FencedLeaderEpoch: "fenced leader epoch",
	UnknownLeaderEpoch: "unknown leader epoch", StaleBrokerEpoch: "stale broker epoch", InvalidUpdateVersion: "invalid update version",
	DuplicateRegistration: "duplicate broker registration", IneligibleReplica: "ineligible replica", BrokerIDNotRegistered: "broker id not registered",
	unknownServerError: "unknown server error",
}

// String is the code in words.
func (c Code) String() string {
	if s, ok := codeNames[c]; ok {
		return s
	}
	return fmt.Sprintf("error %d", int16(c))
}

// Retriable says whether the same request may go well later. NotEnoughAfterAppend is: the records may be in the log
// twice then, unless the producer is idempotent.
func (c Code) Retriable() bool {
	switch c {
	case UnknownPartition, LeaderNotAvailable, NotLeader, TimedOut, NotEnoughReplicas, NotEnoughAfterAppend, NotController,
		FencedLeaderEpoch, UnknownLeaderEpoch, CorruptMessage, CoordinatorLoading, CoordinatorNotThere, NotCoordinator, OffsetNotAvailable:
		return true
	}
	return false
}

// Error is input that cannot be decoded.
type Error struct{ Where, Why string }

func (e *Error) Error() string { return e.Where + ": " + e.Why }
