package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/brokerlab/brokerlab/model/subject"
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
	Storage      string   `json:"storage"`
	Replicas     int      `json:"num_replicas"`
	NoAck        bool     `json:"no_ack,omitempty"`
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
	extras
}

// extras are settings that this broker knows of but does not serve. Clients send some of them always, with
// their zero values, which ask for nothing.
type extras struct {
	ConsumerLimits    json.RawMessage `json:"consumer_limits,omitempty"`
	Mirror            json.RawMessage `json:"mirror,omitempty"`
	Sources           json.RawMessage `json:"sources,omitempty"`
	Placement         json.RawMessage `json:"placement,omitempty"`
	Republish         json.RawMessage `json:"republish,omitempty"`
	SubjectTransform  json.RawMessage `json:"subject_transform,omitempty"`
	DiscardNewPer     json.RawMessage `json:"discard_new_per_subject,omitempty"`
	TemplateOwner     json.RawMessage `json:"template_owner,omitempty"`
	AllowMsgTTL       json.RawMessage `json:"allow_msg_ttl,omitempty"`
	DeleteMarkerTTL   json.RawMessage `json:"subject_delete_marker_ttl,omitempty"`
	AllowMsgCounter   json.RawMessage `json:"allow_msg_counter,omitempty"`
	AllowAtomic       json.RawMessage `json:"allow_atomic,omitempty"`
	AllowMsgSchedules json.RawMessage `json:"allow_msg_schedules,omitempty"`
	PersistMode       json.RawMessage `json:"persist_mode,omitempty"`
	AllowBatched      json.RawMessage `json:"allow_batched,omitempty"`
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
	visit("discard_new_per_subject", &e.DiscardNewPer)
	visit("template_owner", &e.TemplateOwner)
	visit("allow_msg_ttl", &e.AllowMsgTTL)
	visit("subject_delete_marker_ttl", &e.DeleteMarkerTTL)
	visit("allow_msg_counter", &e.AllowMsgCounter)
	visit("allow_atomic", &e.AllowAtomic)
	visit("allow_msg_schedules", &e.AllowMsgSchedules)
	visit("persist_mode", &e.PersistMode)
	visit("allow_batched", &e.AllowBatched)
	visit("pedantic", &e.Pedantic)
}

// asksNothing says whether a value is its type's zero.
func asksNothing(value json.RawMessage) bool {
	switch string(value) {
	case "", "null", "false", "0", `""`, "{}", "[]":
		return true
	}
	return false
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

// Defaults fills in what NATS fills in, so that two configurations can be compared.
func (c Config) Defaults() Config {
	if c.Retention == "" {
		c.Retention = "limits"
	}
	if c.Discard == "" {
		c.Discard = "old"
	}
	if c.Storage == "" {
		c.Storage = "file"
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
	if c.Compression == "" {
		c.Compression = "none"
	}
	c.each(func(_ string, value *json.RawMessage) {
		if asksNothing(*value) {
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

// InvalidError lists every rule that a configuration breaks.
type InvalidError struct{ Rules []string }

func (e *InvalidError) Error() string { return strings.Join(e.Rules, "; ") }

// Validate returns an *InvalidError listing every broken rule for a cluster of nodes, or nil.
// It expects defaults filled in.
func (c Config) Validate(nodes int) error {
	var rules []string
	bad := func(broken bool, format string, args ...any) {
		if broken {
			rules = append(rules, fmt.Sprintf(format, args...))
		}
	}
	bad(!validName(c.Name), "stream name %q must be non-empty and free of spaces, dots, stars, greater-thans and slashes", c.Name)
	bad(c.Replicas < 1 || c.Replicas > 5, "num_replicas must be between 1 and 5, got %d", c.Replicas)
	bad(c.Replicas > nodes && c.Replicas <= 5, "num_replicas %d is more than the cluster's %d nodes", c.Replicas, nodes)
	for i, s := range c.Subjects {
		bad(!subject.ValidFilter(s), "subject %q is not valid", s)
		bad(subject.Overlap(s, "$JS.API.>"), "subject %q overlaps with the JetStream API", s)
		for _, t := range c.Subjects[:i] {
			bad(subject.Overlap(s, t), "subjects %q and %q overlap", t, s)
		}
	}
	rules = append(rules, c.unserved()...)
	if rules == nil {
		return nil
	}
	return &InvalidError{rules}
}

// unserved lists the settings that this broker does not serve yet.
func (c Config) unserved() (rules []string) {
	for _, s := range []struct {
		used bool
		name string
	}{
		{c.Retention != "limits", "retention " + c.Retention},
		{c.Storage != "file", "storage " + c.Storage},
		{c.Discard != "old", "discard " + c.Discard},
		{c.MaxMsgs >= 0, "max_msgs"},
		{c.MaxBytes >= 0, "max_bytes"},
		{c.MaxAge > 0, "max_age"},
		{c.MaxMsgsPer >= 0, "max_msgs_per_subject"},
		{c.MaxConsumers > 0, "max_consumers"},
		{c.NoAck, "no_ack"},
		{c.Sealed, "sealed"},
		{c.MirrorDir, "mirror_direct"},
		{c.AllowDirect, "allow_direct"},
		{c.AllowRollup, "allow_rollup_hdrs"},
		{c.FirstSeq > 1, "first_seq"},
		{c.Compression != "none", "compression " + c.Compression},
	} {
		if s.used {
			rules = append(rules, s.name+" is not served by this broker yet")
		}
	}
	c.each(func(name string, value *json.RawMessage) {
		if !asksNothing(*value) {
			rules = append(rules, name+" is not served by this broker yet")
		}
	})
	return rules
}

func validName(name string) bool {
	return name != "" && len(name) <= 255 && !strings.ContainsAny(name, " .*>/\\\t\r\n\x00")
}
