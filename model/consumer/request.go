package consumer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Request is the body of CONSUMER.CREATE (nats-server CreateConsumerRequest).
type Request struct {
	Stream string `json:"stream_name"`
	Config Config `json:"config"`
	// Action is "create" (refuse if there is another), "update" (refuse if there is none) or "" (either).
	Action   string `json:"action"`
	Pedantic bool   `json:"pedantic,omitempty"`
}

// Actions of a Request.
const (
	ActionEither = ""
	ActionCreate = "create"
	ActionUpdate = "update"
)

// Parse decodes the JSON of a request. Unknown fields and policies are errors, as in nats-server since 2.12.
func Parse(text []byte) (Request, *Error) {
	var r Request
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, refuse(10025, "invalid JSON: %v", err)
	}
	return r, r.policies()
}

// policies refuses words that name no policy, and fills in those left out: JSON that lacks a policy has its
// zero, which for acks is none.
func (r *Request) policies() *Error {
	for _, p := range []struct {
		word    *string
		unset   string
		allowed []string
	}{
		{&r.Action, ActionEither, []string{ActionEither, ActionCreate, ActionUpdate}},
		{&r.Config.DeliverPolicy, DeliverAll, []string{DeliverAll, DeliverLast, DeliverNew, DeliverBySeq, DeliverByTime, DeliverLastPerSubject}},
		{&r.Config.AckPolicy, AckNone, []string{AckNone, AckAll, AckExplicit}},
		{&r.Config.ReplayPolicy, ReplayInstant, []string{ReplayInstant, ReplayOriginal}},
	} {
		if *p.word == "" {
			*p.word = p.unset
		}
		if *p.word == "undefined" && p.word == &r.Config.DeliverPolicy {
			*p.word = DeliverAll // as nats-server reads it
		}
		if !slices.Contains(p.allowed, *p.word) {
			return refuse(10025, "invalid JSON: can not unmarshal %q", *p.word)
		}
	}
	if r.Config.OptStartTime != "" {
		if _, ok := r.Config.StartTime(); !ok {
			return refuse(10025, "invalid JSON: %q is no time", r.Config.OptStartTime)
		}
	}
	return nil
}

// Place says what the tokens of a CREATE request's subject ask for, beside its body.
type Place struct {
	Stream string
	Name   string // "" for the old way to make an ephemeral
	Filter string // "" if there is none in the subject
	// Durable: the request came by CONSUMER.DURABLE.CREATE.
	Durable bool
}

// Agree refuses a request whose body contradicts its subject, and puts the name of the subject into it
// (nats-server jsConsumerCreateRequest).
func (r *Request) Agree(p Place) *Error {
	c := &r.Config
	switch {
	case p.Stream != r.Stream:
		return refuse(10056, "stream name in subject does not match request")
	case bytes.ContainsAny([]byte(p.Name), `\/`):
		return refuse(10127, "Consumer name can not contain path separators")
	case p.Durable && c.Durable == "":
		return refuse(10018, "consumer expected to be durable but a durable name was not set")
	case p.Name != "" && c.Durable != "" && p.Name != c.Durable:
		return refuse(10017, "consumer name in subject does not match durable name in request")
	case p.Name == "" && c.Durable != "":
		return refuse(10020, "consumer expected to be ephemeral but a durable name was set in request")
	case p.Filter != "" && len(c.FilterSubjects) > 0:
		return refuse(10137, "consumer with multiple subject filters cannot use subject based API")
	case p.Filter != "" && p.Filter != c.FilterSubject:
		return refuse(10131, "Consumer create request did not match filtered subject from create subject")
	}
	if p.Name != "" {
		c.Name = p.Name
	}
	return nil
}

// unserved is the first setting that this broker knows and does not serve.
func (c *Config) unserved() *Error {
	var why *Error
	c.each(func(name string, value *json.RawMessage) {
		if why == nil && !asksNothing(*value) {
			why = &Error{500, 10012, name + " is not served by this broker yet"}
		}
	})
	if why == nil && c.SampleFrequency != "" {
		why = &Error{500, 10012, "sample_freq is not served by this broker yet"}
	}
	return why
}

// createError is what nats-server wraps a refusal without a code of its own into.
func createError(format string, args ...any) *Error {
	return &Error{500, 10012, fmt.Sprintf(format, args...)}
}
