package load

import (
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/stream"
)

// StreamSpec is a stream to be created, with its consumers. Zero values are the API's defaults.
type StreamSpec struct {
	Name     string `json:"name"`
	Replicas int    `json:"replicas"`
	// Subjects; none means everything below the stream's name. Clients publish below the first of them.
	Subjects []string `json:"subjects,omitempty"`
	// Retention is limits, interest or workqueue; Discard is old or new.
	Retention string `json:"retention,omitempty"`
	Discard   string `json:"discard,omitempty"`
	// Limits; 0 is none.
	MaxMsgs           int64 `json:"max_msgs,omitempty"`
	MaxBytes          int64 `json:"max_bytes,omitempty"`
	MaxAgeMS          int64 `json:"max_age_ms,omitempty"`
	MaxMsgSize        int32 `json:"max_msg_size,omitempty"`
	MaxMsgsPerSubject int64 `json:"max_msgs_per_subject,omitempty"`
	DuplicateWindowMS int64 `json:"duplicate_window_ms,omitempty"`
	// DiscardNewPerSubject has a full subject refuse what comes, as discard new has a full stream.
	DiscardNewPerSubject bool `json:"discard_new_per_subject,omitempty"`
	AllowDirect          bool `json:"allow_direct,omitempty"`
	AllowRollup          bool `json:"allow_rollup,omitempty"`

	Consumers []ConsumerSpec `json:"consumers,omitempty"`
}

// ConsumerSpec is a consumer of a stream. Zero values are the API's defaults, but that acks are explicit.
type ConsumerSpec struct {
	Name    string   `json:"name"`
	Filters []string `json:"filters,omitempty"` // none: every subject
	// Deliver policy: all, last, new, by_start_sequence (with StartSeq) or last_per_subject.
	Deliver  string `json:"deliver,omitempty"`
	StartSeq uint64 `json:"start_seq,omitempty"`
	// Ack policy: explicit, all or none.
	Ack        string  `json:"ack,omitempty"`
	AckWaitMS  int64   `json:"ack_wait_ms,omitempty"`
	MaxDeliver int     `json:"max_deliver,omitempty"`
	BackOffMS  []int64 `json:"backoff_ms,omitempty"`
	// MaxPending bounds the deliveries that are not settled, MaxWaiting the fetches that wait.
	MaxPending int `json:"max_ack_pending,omitempty"`
	MaxWaiting int `json:"max_waiting,omitempty"`
	// Push to the subject deliver.STREAM.NAME, shared by the members of Group if there is one.
	Push        bool   `json:"push,omitempty"`
	Group       string `json:"group,omitempty"`
	HeartbeatMS int64  `json:"heartbeat_ms,omitempty"`
	FlowControl bool   `json:"flow_control,omitempty"`
	// Ephemeral consumers go when nobody has used them for InactiveMS.
	Ephemeral  bool  `json:"ephemeral,omitempty"`
	InactiveMS int64 `json:"inactive_ms,omitempty"`
	Replicas   int   `json:"replicas,omitempty"`
	Memory     bool  `json:"memory,omitempty"`
}

const millisecond = int64(1_000_000)

func (s *StreamSpec) subjects() []string {
	if len(s.Subjects) == 0 {
		return []string{s.Name + ".>"}
	}
	return s.Subjects
}

// subject is where a client publishes what it calls token: below the first of the stream's subjects, or right
// there if that is a literal one.
func (s *StreamSpec) subject(token string) string {
	first := s.subjects()[0]
	if i := strings.LastIndexByte(first, '.'); i >= 0 && (first[i+1:] == ">" || first[i+1:] == "*") {
		return first[:i+1] + token
	}
	if first == ">" || first == "*" {
		return token
	}
	return first
}

// Config is the stream's configuration as the API has it, defaults filled in.
func (s *StreamSpec) Config() stream.Config {
	c := stream.Config{
		Name: s.Name, Subjects: slices.Clone(s.subjects()), Retention: s.Retention, Discard: s.Discard, Replicas: s.Replicas,
		MaxMsgs: s.MaxMsgs, MaxBytes: s.MaxBytes, MaxAge: s.MaxAgeMS * millisecond, MaxMsgSize: s.MaxMsgSize,
		MaxMsgsPer: s.MaxMsgsPerSubject, Duplicates: s.DuplicateWindowMS * millisecond,
		DiscardNewPer: s.DiscardNewPerSubject, AllowDirect: s.AllowDirect, AllowRollup: s.AllowRollup,
	}
	return c.Defaults()
}

// Describe is what a judge must know of the stream.
func (s *StreamSpec) Describe() history.Stream {
	c := s.Config()
	h := history.Stream{
		Name: c.Name, Replicas: c.Replicas, Subjects: c.Subjects, Retention: c.Retention, Discard: c.Discard, DiscardNewPer: c.DiscardNewPer,
		MaxMsgs: max(c.MaxMsgs, 0), MaxBytes: max(c.MaxBytes, 0), MaxAge: max(c.MaxAge, 0), MaxMsgSize: max(int64(c.MaxMsgSize), 0),
		MaxMsgsPer: max(c.MaxMsgsPer, 0), Duplicates: max(c.Duplicates, 0),
	}
	for i := range s.Consumers {
		h.Consumers = append(h.Consumers, DescribeConsumer(s.Consumers[i].Config(s.Name)))
	}
	return h
}

// Config is the consumer's configuration as the API has it, defaults filled in.
func (c *ConsumerSpec) Config(streamName string) *consumer.Config {
	cfg := &consumer.Config{
		DeliverPolicy: c.Deliver, OptStartSeq: c.StartSeq, AckPolicy: c.Ack, AckWait: c.AckWaitMS * millisecond,
		MaxDeliver: c.MaxDeliver, MaxAckPending: c.MaxPending, MaxWaiting: c.MaxWaiting, ReplayPolicy: "instant",
		Heartbeat: c.HeartbeatMS * millisecond, FlowControl: c.FlowControl, InactiveThreshold: c.InactiveMS * millisecond,
		Replicas: c.Replicas, MemoryStorage: c.Memory, Name: c.Name,
	}
	if !c.Ephemeral {
		cfg.Durable = c.Name
	}
	if cfg.DeliverPolicy == "" {
		cfg.DeliverPolicy = "all"
	}
	if cfg.AckPolicy == "" {
		cfg.AckPolicy = "explicit"
	}
	for _, ms := range c.BackOffMS {
		cfg.BackOff = append(cfg.BackOff, ms*millisecond)
	}
	switch len(c.Filters) {
	case 0:
	case 1:
		cfg.FilterSubject = c.Filters[0]
	default:
		cfg.FilterSubjects = slices.Clone(c.Filters)
	}
	if c.Push {
		cfg.DeliverSubject, cfg.DeliverGroup = "deliver."+streamName+"."+c.Name, c.Group
	}
	cfg.Defaults()
	return cfg
}

// DescribeConsumer is what a judge must know of a consumer of this configuration.
func DescribeConsumer(c *consumer.Config) history.Consumer {
	c = c.Clone()
	c.Defaults()
	return history.Consumer{
		Name: c.ID(), Filters: c.Filters(), Deliver: c.DeliverPolicy, StartSeq: c.OptStartSeq, Ack: c.AckPolicy, AckWait: c.AckWait,
		MaxDeliver: int64(max(c.MaxDeliver, 0)), MaxPending: int64(max(c.MaxAckPending, 0)), BackOff: c.BackOff,
		Push: c.Push(), Ephemeral: c.Durable == "",
	}
}

// create asks for the stream.
func (s *StreamSpec) create() Op {
	c := s.Config()
	return Op{Verb: history.Create, Stream: s.Name, Subject: c.Subjects[0], Replicas: s.Replicas, Config: &c}
}

// create asks for the consumer.
func (c *ConsumerSpec) create(streamName string) Op {
	return Op{Verb: history.CreateConsumer, Stream: streamName, Consumer: c.Name, ConsumerConfig: c.Config(streamName)}
}

// findConsumer is a consumer of a cluster's streams; nil if there is none of that name.
func findConsumer(streams []StreamSpec, streamName, name string) *ConsumerSpec {
	for i := range streams {
		if streams[i].Name != streamName {
			continue
		}
		for j := range streams[i].Consumers {
			if c := &streams[i].Consumers[j]; c.Name == name {
				return c
			}
		}
	}
	return nil
}
