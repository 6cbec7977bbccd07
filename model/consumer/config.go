package consumer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/brokerlab/brokerlab/model/stream"
)

// Config is a consumer's configuration, with the field names of the NATS JetStream API (nats-server
// server/consumer.go ConsumerConfig). Durations are nanoseconds.
type Config struct {
	Durable           string            `json:"durable_name,omitempty"`
	Name              string            `json:"name,omitempty"`
	Description       string            `json:"description,omitempty"`
	DeliverPolicy     string            `json:"deliver_policy"`
	OptStartSeq       uint64            `json:"opt_start_seq,omitempty"`
	OptStartTime      string            `json:"opt_start_time,omitempty"`
	AckPolicy         string            `json:"ack_policy"`
	AckWait           int64             `json:"ack_wait,omitempty"`
	MaxDeliver        int               `json:"max_deliver,omitempty"`
	BackOff           []int64           `json:"backoff,omitempty"`
	FilterSubject     string            `json:"filter_subject,omitempty"`
	FilterSubjects    []string          `json:"filter_subjects,omitempty"`
	ReplayPolicy      string            `json:"replay_policy"`
	RateLimit         uint64            `json:"rate_limit_bps,omitempty"` // bits a second
	SampleFrequency   string            `json:"sample_freq,omitempty"`
	MaxWaiting        int               `json:"max_waiting,omitempty"`
	MaxAckPending     int               `json:"max_ack_pending,omitempty"`
	FlowControl       bool              `json:"flow_control,omitempty"`
	HeadersOnly       bool              `json:"headers_only,omitempty"`
	MaxBatch          int               `json:"max_batch,omitempty"`
	MaxExpires        int64             `json:"max_expires,omitempty"`
	MaxBytes          int               `json:"max_bytes,omitempty"`
	DeliverSubject    string            `json:"deliver_subject,omitempty"`
	DeliverGroup      string            `json:"deliver_group,omitempty"`
	Heartbeat         int64             `json:"idle_heartbeat,omitempty"`
	InactiveThreshold int64             `json:"inactive_threshold,omitempty"`
	Replicas          int               `json:"num_replicas"`
	MemoryStorage     bool              `json:"mem_storage,omitempty"`
	Direct            bool              `json:"direct,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
	extras
}

// Deliver policies: where in the stream a consumer begins.
const (
	DeliverAll            = "all"
	DeliverLast           = "last"
	DeliverNew            = "new"
	DeliverBySeq          = "by_start_sequence"
	DeliverByTime         = "by_start_time"
	DeliverLastPerSubject = "last_per_subject"
)

// Ack policies: what settles a message.
const (
	AckNone     = "none"
	AckAll      = "all"
	AckExplicit = "explicit"
)

// Replay policies: how fast what the stream already holds is delivered.
const (
	ReplayInstant  = "instant"
	ReplayOriginal = "original"
)

// extras are settings that this broker knows of but does not serve. Clients send some of them always, with
// their zero values, which ask for nothing.
type extras struct {
	Sourcing        json.RawMessage `json:"sourcing,omitempty"`
	PauseUntil      json.RawMessage `json:"pause_until,omitempty"`
	PriorityGroups  json.RawMessage `json:"priority_groups,omitempty"`
	PriorityPolicy  json.RawMessage `json:"priority_policy,omitempty"`
	PriorityTimeout json.RawMessage `json:"priority_timeout,omitempty"`
}

// each visits the settings by name.
func (e *extras) each(visit func(name string, value *json.RawMessage)) {
	visit("sourcing", &e.Sourcing)
	visit("pause_until", &e.PauseUntil)
	visit("priority_groups", &e.PriorityGroups)
	visit("priority_policy", &e.PriorityPolicy)
	visit("priority_timeout", &e.PriorityTimeout)
}

// asksNothing says whether a value is its type's zero: priority_policy and pause_until have zeros of their own.
func asksNothing(value json.RawMessage) bool {
	s := string(value)
	return stream.AsksNothing(value) || s == `"none"` || s == `"0001-01-01T00:00:00Z"`
}

// Push says whether messages go to a subject of the consumer's own, unasked.
func (c *Config) Push() bool { return c.DeliverSubject != "" }

// ID is the name that the configuration asks for; "" leaves the choice to the broker.
func (c *Config) ID() string {
	if c.Durable != "" {
		return c.Durable
	}
	return c.Name
}

// Filters is the subjects that the consumer takes in; nil for all.
func (c *Config) Filters() []string {
	if c.FilterSubject != "" {
		return []string{c.FilterSubject}
	}
	return c.FilterSubjects
}

// StartTime is OptStartTime in nanoseconds since the Unix epoch; ok is false if it is not set, or no time.
func (c *Config) StartTime() (ns int64, ok bool) {
	if c.OptStartTime == "" {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, c.OptStartTime)
	return t.UnixNano(), err == nil
}

// Equal says whether two configurations, defaults filled in, ask for the same consumer.
func (c *Config) Equal(d *Config) bool {
	a, _ := json.Marshal(c)
	b, _ := json.Marshal(d)
	return bytes.Equal(a, b)
}

// Clone is a copy that shares nothing.
func (c *Config) Clone() *Config {
	d := *c
	d.BackOff, d.FilterSubjects = slices.Clone(c.BackOff), slices.Clone(c.FilterSubjects)
	if c.Metadata != nil {
		d.Metadata = make(map[string]string, len(c.Metadata))
		for k, v := range c.Metadata { // map order: the copy is a map too
			d.Metadata[k] = v
		}
	}
	return &d
}

// Error is a refusal of the API: HTTP-like code, NATS error code and text (nats-server server/errors.json).
type Error struct {
	Code        int
	ErrCode     int
	Description string
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.ErrCode) }

func refuse(code int, format string, args ...any) *Error {
	return &Error{400, code, fmt.Sprintf(format, args...)}
}
