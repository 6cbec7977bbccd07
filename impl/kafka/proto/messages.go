package proto

import "encoding/binary"

// API says what a request asks.
type API uint8

const (
	Metadata API = iota + 1
	CreateTopic
	InitProducer
	Produce
	Fetch
	ListOffset
	// Between brokers.
	ReplicaFetch
	Heartbeat
	Register
	AlterPartition
	// Of consumers.
	FindCoordinator
	OffsetCommit
	OffsetFetch
	// Versions is a client's first request on a connection (ApiVersions), before which it sends nothing else.
	Versions
	apis
)

// String is the request's name.
func (a API) String() string {
	names := [...]string{
		"?", "metadata", "create-topic", "init-producer", "produce", "fetch", "list-offset",
		"replica-fetch", "heartbeat", "register", "alter-partition",
		"find-coordinator", "offset-commit", "offset-fetch", "versions",
	}
	if int(a) < len(names) {
		return names[a]
	}
	return names[0]
}

// Message is a body: it can be appended and read.
type Message interface {
	Append(dst []byte) []byte
	read(r *reader)
}

// Decode reads a body whole.
func Decode(p []byte, m Message, where string) error {
	r := reader{p: p, where: where}
	m.read(&r)
	return r.end()
}

// Topic is a topic to create, or as metadata shows it.
type Topic struct {
	Name       string
	Partitions []Partition
}

// Partition is a partition as metadata shows it; Leader 0 is nobody.
type Partition struct {
	ID       uint32
	Leader   uint32
	Epoch    int32
	Replicas []uint32
	ISR      []uint32
}

// MetadataReply answers Metadata, which has no body: all topics.
type MetadataReply struct{ Topics []Topic }

func (m *MetadataReply) Append(dst []byte) []byte {
	dst = putUint(dst, uint64(len(m.Topics)))
	for i := range m.Topics {
		t := &m.Topics[i]
		dst = putString(dst, t.Name)
		dst = putUint(dst, uint64(len(t.Partitions)))
		for j := range t.Partitions {
			p := &t.Partitions[j]
			dst = putInt(putUint(putUint(dst, uint64(p.ID)), uint64(p.Leader)), int64(p.Epoch))
			dst = putNodes(putNodes(dst, p.Replicas), p.ISR)
		}
	}
	return dst
}

func (m *MetadataReply) read(r *reader) {
	m.Topics = make([]Topic, r.count())
	for i := range m.Topics {
		t := &m.Topics[i]
		t.Name = r.string()
		t.Partitions = make([]Partition, r.count())
		for j := range t.Partitions {
			p := &t.Partitions[j]
			p.ID, p.Leader, p.Epoch = uint32(r.uint()), uint32(r.uint()), int32(r.int())
			p.Replicas, p.ISR = r.nodes(), r.nodes()
		}
	}
}

func putNodes(dst []byte, nodes []uint32) []byte {
	dst = putUint(dst, uint64(len(nodes)))
	for _, n := range nodes {
		dst = putUint(dst, uint64(n))
	}
	return dst
}

func (r *reader) nodes() []uint32 {
	out := make([]uint32, r.count())
	for i := range out {
		out[i] = uint32(r.uint())
	}
	return out
}

// CreateTopicRequest asks for a topic. FlushMessages is the topic's flush.messages; 0: never.
type CreateTopicRequest struct {
	Name             string
	Partitions       int
	Replicas, MinISR int
	FlushMessages    int
}

func (m *CreateTopicRequest) Append(dst []byte) []byte {
	dst = putString(dst, m.Name)
	for _, n := range [...]int{m.Partitions, m.Replicas, m.MinISR, m.FlushMessages} {
		dst = putUint(dst, uint64(n))
	}
	return dst
}

func (m *CreateTopicRequest) read(r *reader) {
	m.Name = r.string()
	for _, n := range [...]*int{&m.Partitions, &m.Replicas, &m.MinISR, &m.FlushMessages} {
		*n = int(r.uint() & 0x7fffffff)
	}
}

// CodeReply is an answer that is a code alone.
type CodeReply struct{ Code Code }

func (m *CodeReply) Append(dst []byte) []byte { return putInt(dst, int64(m.Code)) }
func (m *CodeReply) read(r *reader)           { m.Code = Code(r.int()) }

// InitProducerReply gives a producer its id.
type InitProducerReply struct {
	Code Code
	PID  int64
}

func (m *InitProducerReply) Append(dst []byte) []byte {
	return putInt(putInt(dst, int64(m.Code)), m.PID)
}
func (m *InitProducerReply) read(r *reader) { m.Code, m.PID = Code(r.int()), r.int() }

// ProduceRequest carries one batch a partition. Acks is 0, 1 or -1 (all of the ISR); Timeout nanoseconds.
type ProduceRequest struct {
	Acks    int8
	Timeout int64
	Parts   []ProducePart
}

// ProducePart is an encoded batch for a partition; Epoch is the leader epoch that the producer knows, -1 if none.
type ProducePart struct {
	ID    uint32
	Batch []byte
}

func (m *ProduceRequest) Append(dst []byte) []byte {
	dst = putUint(putInt(putInt(dst, int64(m.Acks)), m.Timeout), uint64(len(m.Parts)))
	for i := range m.Parts {
		dst = putBytes(putUint(dst, uint64(m.Parts[i].ID)), m.Parts[i].Batch)
	}
	return dst
}

func (m *ProduceRequest) read(r *reader) {
	m.Acks, m.Timeout = int8(r.int()), r.int()
	m.Parts = make([]ProducePart, r.count())
	for i := range m.Parts {
		m.Parts[i] = ProducePart{ID: uint32(r.uint()), Batch: r.bytes()}
	}
}

// ProduceReply answers, in the order of the request.
type ProduceReply struct{ Parts []ProduceResult }

// ProduceResult is the offset of the first record, or why there is none.
type ProduceResult struct {
	ID   uint32
	Code Code
	Base int64
}

func (m *ProduceReply) Append(dst []byte) []byte {
	dst = putUint(dst, uint64(len(m.Parts)))
	for _, p := range m.Parts {
		dst = putInt(putInt(putUint(dst, uint64(p.ID)), int64(p.Code)), p.Base)
	}
	return dst
}

func (m *ProduceReply) read(r *reader) {
	m.Parts = make([]ProduceResult, r.count())
	for i := range m.Parts {
		m.Parts[i] = ProduceResult{uint32(r.uint()), Code(r.int()), r.int()}
	}
}

// FetchRequest asks for records from offsets on, by a consumer or (ReplicaFetch) a follower. MaxWait is nanoseconds.
type FetchRequest struct {
	MaxWait  int64
	MinBytes int64
	MaxBytes int64
	// BrokerEpoch is the follower's, 0 of a consumer. Full begins a session: its partitions replace all of the session before.
	BrokerEpoch uint64
	Full        bool
	Parts       []FetchPart
}

// FetchPart is one partition of a fetch: the leader epoch that the asker knows (-1: none), where it is, and, of a
// follower, the epoch of its last record (-1: none). Forget takes the partition out of the session.
type FetchPart struct {
	ID        uint32
	Epoch     int32
	Offset    int64
	LastEpoch int32
	Forget    bool
}

func (m *FetchRequest) Append(dst []byte) []byte {
	dst = putInt(putInt(putInt(dst, m.MaxWait), m.MinBytes), m.MaxBytes)
	dst = putBool(putUint(dst, m.BrokerEpoch), m.Full)
	dst = putUint(dst, uint64(len(m.Parts)))
	for i := range m.Parts {
		p := &m.Parts[i]
		dst = putInt(putInt(putInt(putUint(dst, uint64(p.ID)), int64(p.Epoch)), p.Offset), int64(p.LastEpoch))
		dst = putBool(dst, p.Forget)
	}
	return dst
}

func (m *FetchRequest) read(r *reader) {
	m.MaxWait, m.MinBytes, m.MaxBytes = r.int(), r.int(), r.int()
	m.BrokerEpoch, m.Full = r.uint(), r.bool()
	m.Parts = make([]FetchPart, r.count())
	for i := range m.Parts {
		m.Parts[i] = FetchPart{uint32(r.uint()), int32(r.int()), r.int(), int32(r.int()), r.bool()}
	}
}

// FetchReply answers a fetch. Partitions with nothing to say are left out.
type FetchReply struct{ Parts []FetchResult }

// FetchResult is what a partition has: batches from Offset on, and its high watermark. With Diverging the follower's last
// epoch ends at DivergingEnd in the leader's log, as epoch DivergingEpoch (KIP-595), and there is no data.
type FetchResult struct {
	ID             uint32
	Code           Code
	HW             int64
	Start          int64 // first offset of the log
	Diverging      bool
	DivergingEpoch int32
	DivergingEnd   int64
	Batches        []byte
}

func (m *FetchReply) Append(dst []byte) []byte {
	dst = putUint(dst, uint64(len(m.Parts)))
	for i := range m.Parts {
		p := &m.Parts[i]
		dst = putInt(putInt(putInt(putUint(dst, uint64(p.ID)), int64(p.Code)), p.HW), p.Start)
		dst = putInt(putInt(putBool(dst, p.Diverging), int64(p.DivergingEpoch)), p.DivergingEnd)
		dst = putBytes(dst, p.Batches)
	}
	return dst
}

func (m *FetchReply) read(r *reader) {
	m.Parts = make([]FetchResult, r.count())
	for i := range m.Parts {
		m.Parts[i] = FetchResult{uint32(r.uint()), Code(r.int()), r.int(), r.int(), r.bool(), int32(r.int()), r.int(), r.bytes()}
	}
}

// ListOffsetRequest asks for the first offset of a partition, or, Latest, for its high watermark.
type ListOffsetRequest struct {
	ID     uint32
	Latest bool
}

func (m *ListOffsetRequest) Append(dst []byte) []byte {
	return putBool(putUint(dst, uint64(m.ID)), m.Latest)
}
func (m *ListOffsetRequest) read(r *reader) { m.ID, m.Latest = uint32(r.uint()), r.bool() }

// OffsetReply answers ListOffset; an Offset of -1 is none.
type OffsetReply struct {
	Code   Code
	Offset int64
}

func (m *OffsetReply) Append(dst []byte) []byte { return putInt(putInt(dst, int64(m.Code)), m.Offset) }
func (m *OffsetReply) read(r *reader)           { m.Code, m.Offset = Code(r.int()), r.int() }

// RegisterRequest makes a broker known to the controller. Incarnation names this process; Clean is the broker epoch of the
// process before, if it ended in good order, else 0.
type RegisterRequest struct {
	Node        uint32
	Incarnation uint64
	Clean       uint64
}

func (m *RegisterRequest) Append(dst []byte) []byte {
	return putUint(putUint(putUint(dst, uint64(m.Node)), m.Incarnation), m.Clean)
}

func (m *RegisterRequest) read(r *reader) {
	m.Node, m.Incarnation, m.Clean = uint32(r.uint()), r.uint(), r.uint()
}

// RegisterReply gives a broker its epoch.
type RegisterReply struct {
	Code  Code
	Epoch uint64
}

func (m *RegisterReply) Append(dst []byte) []byte {
	return putUint(putInt(dst, int64(m.Code)), m.Epoch)
}
func (m *RegisterReply) read(r *reader) { m.Code, m.Epoch = Code(r.int()), r.uint() }

// HeartbeatRequest keeps a broker's session alive; Index is how far it has applied metadata.
type HeartbeatRequest struct {
	Node  uint32
	Epoch uint64
	Index uint64
}

func (m *HeartbeatRequest) Append(dst []byte) []byte {
	return putUint(putUint(putUint(dst, uint64(m.Node)), m.Epoch), m.Index)
}

func (m *HeartbeatRequest) read(r *reader) {
	m.Node, m.Epoch, m.Index = uint32(r.uint()), r.uint(), r.uint()
}

// AlterPartitionRequest asks for another ISR of a partition: a compare-and-set on its epoch.
type AlterPartitionRequest struct {
	Node           uint32
	BrokerEpoch    uint64
	ID             uint32
	LeaderEpoch    int32
	PartitionEpoch int32
	ISR            []uint32
	Epochs         []uint64 // broker epochs of ISR, in its order
	Recovered      bool
}

func (m *AlterPartitionRequest) Append(dst []byte) []byte {
	dst = putUint(putUint(putUint(dst, uint64(m.Node)), m.BrokerEpoch), uint64(m.ID))
	dst = putNodes(putInt(putInt(dst, int64(m.LeaderEpoch)), int64(m.PartitionEpoch)), m.ISR)
	for _, e := range m.Epochs {
		dst = putUint(dst, e)
	}
	return putBool(dst, m.Recovered)
}

func (m *AlterPartitionRequest) read(r *reader) {
	m.Node, m.BrokerEpoch, m.ID = uint32(r.uint()), r.uint(), uint32(r.uint())
	m.LeaderEpoch, m.PartitionEpoch, m.ISR = int32(r.int()), int32(r.int()), r.nodes()
	m.Epochs = make([]uint64, len(m.ISR))
	for i := range m.Epochs {
		m.Epochs[i] = r.uint()
	}
	m.Recovered = r.bool()
}

// Frames.

// AppendRequest appends a request as it goes over a connection; body may be nil.
func AppendRequest(dst []byte, api API, correlation uint32, body Message) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0, byte(api))
	dst = binary.LittleEndian.AppendUint32(dst, correlation)
	if body != nil {
		dst = body.Append(dst)
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// AppendReply appends a response as it goes over a connection.
func AppendReply(dst []byte, correlation uint32, body Message) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, correlation)
	dst = body.Append(dst)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// MaxFrame is the most bytes that a request or response may have.
const MaxFrame = 64 << 20

// Splitter cuts a stream of bytes into frames.
type Splitter struct{ buf []byte }

// Feed adds bytes and calls f with each whole frame, its length taken off, valid during the call. It stops at the first error,
// f's or one of its own.
func (s *Splitter) Feed(p []byte, f func(frame []byte) error) error {
	if len(s.buf) > 0 {
		s.buf = append(s.buf, p...)
		p = s.buf
	}
	for len(p) >= 4 {
		n := binary.LittleEndian.Uint32(p)
		if n > MaxFrame {
			return &Error{"frame", "is longer than 64 MiB"}
		}
		if uint32(len(p)-4) < n {
			break
		}
		if err := f(p[4 : 4+n : 4+n]); err != nil {
			return err
		}
		p = p[4+n:]
	}
	s.buf = append(s.buf[:0], p...)
	return nil
}

// SplitRequest takes a request frame apart.
func SplitRequest(frame []byte) (api API, correlation uint32, body []byte, err error) {
	if len(frame) < 5 || frame[0] == 0 || API(frame[0]) >= apis {
		return 0, 0, nil, &Error{"request", "has no known api"}
	}
	return API(frame[0]), binary.LittleEndian.Uint32(frame[1:]), frame[5:], nil
}

// SplitReply takes a response frame apart.
func SplitReply(frame []byte) (correlation uint32, body []byte, err error) {
	if len(frame) < 4 {
		return 0, nil, &Error{"response", "is cut short"}
	}
	return binary.LittleEndian.Uint32(frame), frame[4:], nil
}
