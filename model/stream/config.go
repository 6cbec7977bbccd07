package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Config is a stream's configuration, with the field names of the NATS JetStream API
// (nats-server server/stream.go StreamConfig; ADR-37 for the strictness of its JSON).
type Config struct {
	Name         string   `json:"name"`
	Description  string   `json:"description,omitempty"`
	Subjects     []string `json:"subjects,omitempty"`
	Retention    string   `json:"retention"`
	MaxConsumers int      `json:"max_consumers"`
	MaxMsgs      int64    `json:"max_msgs"`
	MaxBytes     int64    `json:"max_bytes"`
	MaxAge       int64    `json:"max_age"` // nanoseconds
	MaxMsgsPer   int64    `json:"max_msgs_per_subject"`
	MaxMsgSize   int32    `json:"max_msg_size"`
	Discard      string   `json:"discard"`
	// DiscardNewPer refuses, with discard new, also what a subject has no room for.
	DiscardNewPer bool   `json:"discard_new_per_subject,omitempty"`
	Storage       string `json:"storage"`
	Replicas      int    `json:"num_replicas"`
	NoAck         bool   `json:"no_ack,omitempty"`
	// Duplicates is the deduplication window in nanoseconds.
	Duplicates  int64             `json:"duplicate_window,omitempty"`
	AllowDirect bool              `json:"allow_direct"`
	MirrorDir   bool              `json:"mirror_direct"`
	Sealed      bool              `json:"sealed"`
	DenyDelete  bool              `json:"deny_delete"`
	DenyPurge   bool              `json:"deny_purge"`
	AllowRollup bool              `json:"allow_rollup_hdrs"`
	Compression string            `json:"compression,omitempty"`
	FirstSeq    uint64            `json:"first_seq,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	allowances
	extras
}

// allowances permit what a publish may then ask for. Clients turn them on unasked (nats-py the first for every key-value
// bucket, the nats command line's bench the others), so a stream may have them; a publish that makes use of one is
// refused by name.
type allowances struct {
	AllowMsgTTL  bool `json:"allow_msg_ttl,omitempty"`
	AllowAtomic  bool `json:"allow_atomic,omitempty"`
	AllowBatched bool `json:"allow_batched,omitempty"`
}

// Values of Retention, Discard, Storage and Compression.
const (
	Limits    = "limits"
	Interest  = "interest"
	WorkQueue = "workqueue"

	DiscardOld = "old"
	DiscardNew = "new"

	File   = "file"
	Memory = "memory"

	NoCompression = "none"
	S2            = "s2"
)

// extras are settings that this broker knows of but does not serve. Clients send some of them always, with
// their zero values, which ask for nothing.
type extras struct {
	ConsumerLimits    json.RawMessage `json:"consumer_limits,omitempty"`
	Mirror            json.RawMessage `json:"mirror,omitempty"`
	Sources           json.RawMessage `json:"sources,omitempty"`
	Placement         json.RawMessage `json:"placement,omitempty"`
	Republish         json.RawMessage `json:"republish,omitempty"`
	SubjectTransform  json.RawMessage `json:"subject_transform,omitempty"`
	TemplateOwner     json.RawMessage `json:"template_owner,omitempty"`
	DeleteMarkerTTL   json.RawMessage `json:"subject_delete_marker_ttl,omitempty"`
	AllowMsgCounter   json.RawMessage `json:"allow_msg_counter,omitempty"`
	AllowMsgSchedules json.RawMessage `json:"allow_msg_schedules,omitempty"`
	PersistMode       json.RawMessage `json:"persist_mode,omitempty"`
	Pedantic          json.RawMessage `json:"pedantic,omitempty"`
}

// each visits the settings by name.
func (e *extras) each(visit func(name string, value *json.RawMessage)) {
	visit("consumer_limits", &e.ConsumerLimits)
	visit("mirror", &e.Mirror)
	visit("sources", &e.Sources)
	visit("placement", &e.Placement)
	visit("republish", &e.Republish)
	visit("subject_transform", &e.SubjectTransform)
	visit("template_owner", &e.TemplateOwner)
	visit("subject_delete_marker_ttl", &e.DeleteMarkerTTL)
	visit("allow_msg_counter", &e.AllowMsgCounter)
	visit("allow_msg_schedules", &e.AllowMsgSchedules)
	visit("persist_mode", &e.PersistMode)
	visit("pedantic", &e.Pedantic)
}

// AsksNothing says whether the value of a setting is its type's zero. An object is when all of its fields are: the nats
// command line, for one, sends a placement with an empty cluster for every object store.
func AsksNothing(value json.RawMessage) bool {
	switch string(value) {
	case "", "null", "false", "0", `""`, "{}", "[]":
		return true
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil {
		return false
	}
	for _, v := range fields { // map order: all are asked
		if !AsksNothing(v) {
			return false
		}
	}
	return true
}

// Parse decodes the JSON of an API request. Unknown fields are errors, as in nats-server since
// 2.12: a setting that would be ignored must be heard of.
func Parse(text []byte) (Config, error) {
	var c Config
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("stream configuration: %w", err)
	}
	return c, nil
}

const (
	ms             = 1_000_000
	defaultWindow  = 120_000 * ms
	shortestWindow = 100 * ms
)

// Defaults fills in what NATS fills in (checkStreamCfg), so that two configurations can be compared.
func (c Config) Defaults() Config {
	for _, word := range []struct {
		field    *string
		fallback string
	}{{&c.Retention, Limits}, {&c.Discard, DiscardOld}, {&c.Storage, File}, {&c.Compression, NoCompression}} {
		if *word.field == "" {
			*word.field = word.fallback
		}
	}
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if len(c.Subjects) == 0 {
		c.Subjects = []string{c.Name}
	}
	for _, limit := range []*int64{&c.MaxMsgs, &c.MaxBytes, &c.MaxMsgsPer} {
		if *limit <= 0 {
			*limit = -1
		}
	}
	if c.MaxMsgSize <= 0 {
		c.MaxMsgSize = -1
	}
	if c.MaxConsumers <= 0 {
		c.MaxConsumers = -1
	}
	if c.Duplicates == 0 {
		c.Duplicates = defaultWindow
		if c.MaxAge > 0 {
			c.Duplicates = min(c.MaxAge, defaultWindow)
		}
	}
	c.each(func(_ string, value *json.RawMessage) {
		if AsksNothing(*value) {
			*value = nil
		}
	})
	return c
}

// Equal says whether two configurations, defaults filled in, ask for the same stream.
func (c Config) Equal(d Config) bool {
	a, _ := json.Marshal(c)
	b, _ := json.Marshal(d)
	return bytes.Equal(a, b)
}
