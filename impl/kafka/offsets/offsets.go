package offsets

import (
	"encoding/binary"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
)

// Topic is the internal topic's name; it has one partition, and Replicas replicas where there are so many nodes
// (offsets.topic.replication.factor).
const (
	Topic    = "__consumer_offsets"
	Replicas = 3
)

// CommitTimeout is offsets.commit.timeout.ms (5 s), in nanoseconds.
const CommitTimeout = 5_000_000_000

// MaxGroup is the most bytes of a group's name.
const MaxGroup = 249

// Key is what an offset is committed for.
type Key struct {
	Group     string
	Partition uint32
}

// Table is what has been committed.
type Table map[Key]int64

// Of is the committed offset, or -1.
func (t Table) Of(k Key) int64 {
	if at, ok := t[k]; ok {
		return at
	}
	return -1
}

// Apply takes a batch of the topic in; each hears of every record that is a commit.
func (t Table) Apply(batch []byte, each func(k Key, offset int64)) {
	b, _, err := proto.ParseBatch(batch)
	if err != nil {
		return
	}
	for _, r := range b.Records {
		key, value := proto.SplitRecord(r)
		offset, n := binary.Varint(value)
		if len(key) < 4 || n <= 0 {
			continue // nobody's commit
		}
		k := Key{Group: string(key[4:]), Partition: binary.LittleEndian.Uint32(key)}
		t[k] = offset
		each(k, offset)
	}
}

// Batch is the batch of one commit.
func Batch(k Key, offset int64) []byte {
	key := append(binary.LittleEndian.AppendUint32(nil, k.Partition), k.Group...)
	record := proto.AppendRecord(nil, key, binary.AppendVarint(nil, offset))
	return proto.AppendBatch(nil, &proto.Batch{PID: proto.NoProducer, Seq: -1, Records: [][]byte{record}})
}

// Check says what is wrong with a commit by itself.
func Check(m *proto.OffsetCommitRequest) proto.Code {
	switch {
	case m.Group == "" || len(m.Group) > MaxGroup:
		return proto.InvalidGroup
	case m.Generation != 0: // groups have no members yet
		return proto.IllegalGeneration
	case m.ID == 0 || m.Offset < 0:
		return proto.InvalidRequest
	}
	return proto.OK
}

// Refusal is what a client hears when a commit could not be logged, or not in time (CommitPartitionValidator's mapping of
// append errors).
func Refusal(code proto.Code) proto.Code {
	switch code {
	case proto.NotLeader:
		return proto.NotCoordinator
	case proto.UnknownPartition, proto.NotEnoughReplicas, proto.NotEnoughAfterAppend, proto.TimedOut:
		return proto.CoordinatorNotThere
	}
	return code
}
