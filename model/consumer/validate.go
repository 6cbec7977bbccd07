package consumer

import (
	"encoding/json"
	"strings"

	"github.com/brokerlab/brokerlab/model/stream"
	"github.com/brokerlab/brokerlab/model/subject"
)

const (
	ms  = 1_000_000
	sec = 1000 * ms

	// DefaultAckWait, DefaultMaxAckPending, DefaultMaxWaiting and DefaultInactive (of ephemerals) are
	// nats-server's.
	DefaultAckWait       = 30 * sec
	DefaultMaxAckPending = 1000
	DefaultMaxWaiting    = 512
	DefaultInactive      = 5 * sec

	maxName        = 255
	maxDescription = 4 << 10
	maxMetadata    = 128 << 10
	minHeartbeat   = 100 * ms
)

// Limits that nats-server does not have: a consumer's lists have to end somewhere.
const (
	// MaxWaiting is the most pull requests that may wait, whatever the configuration asks for.
	MaxWaiting = 1 << 16
	// maxBackOff and maxFilters bound the lists of a configuration.
	maxBackOff = 1 << 10
	maxFilters = 1 << 10
)

// Defaults fills in what NATS fills in, so that two configurations can be compared.
func (c *Config) Defaults() {
	if c.MaxDeliver == 0 || c.MaxDeliver < -1 {
		c.MaxDeliver = -1
	}
	c.MaxAckPending = max(c.MaxAckPending, -1)
	for _, n := range []*int{&c.MaxWaiting, &c.MaxBatch, &c.MaxBytes} {
		*n = max(*n, 0)
	}
	for _, n := range []*int64{&c.MaxExpires, &c.Heartbeat, &c.InactiveThreshold} {
		*n = max(*n, 0)
	}
	if !c.Push() && c.MaxWaiting == 0 {
		c.MaxWaiting = DefaultMaxWaiting
	}
	if c.AckWait == 0 && c.AckPolicy != AckNone {
		c.AckWait = DefaultAckWait
	}
	if len(c.BackOff) > 0 {
		c.AckWait = c.BackOff[0]
	}
	if c.MaxAckPending == 0 && c.AckPolicy != AckNone {
		c.MaxAckPending = DefaultMaxAckPending
	}
	if c.Durable == "" && c.InactiveThreshold == 0 {
		c.InactiveThreshold = DefaultInactive
	}
	if len(c.Metadata) == 0 {
		c.Metadata = nil
	}
	c.each(func(_ string, value *json.RawMessage) {
		if asksNothing(*value) {
			*value = nil
		}
	})
}

// rule is a broken law and the refusal it earns.
type rule struct {
	broken bool
	code   int
	text   string
}

func first(rules []rule) *Error {
	for _, r := range rules {
		if r.broken {
			return refuse(r.code, "%s", r.text)
		}
	}
	return nil
}

// Validate returns the first rule of nats-server's (checkConsumerCfg, in its order) that the configuration
// breaks on a stream, or nil. It expects defaults filled in.
func (c *Config) Validate(s *stream.Config) *Error {
	if why := c.unserved(); why != nil {
		return why
	}
	for _, check := range []func(*stream.Config) *Error{c.checkNames, c.checkAcks, c.checkMode, c.checkFilters, c.checkStart, c.checkRest} {
		if why := check(s); why != nil {
			return why
		}
	}
	return nil
}

func (c *Config) checkNames(s *stream.Config) *Error {
	switch {
	case c.Name != "" && !validName(c.Name):
		return &Error{500, 10052, `consumer name can not contain '.', '*', '>', '\', '/'`}
	case c.Durable != "" && !validName(c.Durable):
		return &Error{500, 10052, `consumer durable name can not contain '.', '*', '>', '\', '/'`}
	case len(c.ID()) > maxName:
		return refuse(10102, "consumer name is too long, maximum allowed is %d", maxName)
	}
	return first([]rule{
		{c.Replicas > s.Replicas, 10126, "consumer config replica count exceeds parent stream"},
		{c.Replicas < 0, 10133, "replicas count cannot be negative"},
		{
			s.Retention != "limits" && c.Replicas != 0 && c.Replicas != s.Replicas, 10134,
			"consumer config replicas must match interest retention stream's replicas",
		},
	})
}

func validName(name string) bool { return name != "" && !strings.ContainsAny(name, " \t\r\n\f.*>\\/") }

func (c *Config) checkAcks(*stream.Config) *Error {
	negative := false
	for _, wait := range c.BackOff {
		negative = negative || wait < 0
	}
	if len(c.BackOff) > maxBackOff {
		return createError("backoff may have at most %d values, got %d", maxBackOff, len(c.BackOff))
	}
	if len(c.Description) > maxDescription {
		return refuse(10107, "consumer description is too long, maximum allowed is %d", maxDescription)
	}
	return first([]rule{
		{negative, 10184, "consumer backoff needs to be positive"},
		{c.AckWait < 0, 10183, "consumer ack wait needs to be positive"},
		{c.backOffTooLong(), 10116, "max deliver is required to be > length of backoff values"},
	})
}

func (c *Config) backOffTooLong() bool {
	return len(c.BackOff) > 0 && c.MaxDeliver != -1 && len(c.BackOff) > c.MaxDeliver
}

func (c *Config) checkMode(s *stream.Config) *Error {
	if !c.Push() {
		if c.MaxWaiting > MaxWaiting {
			return createError("max_waiting may be at most %d, got %d", MaxWaiting, c.MaxWaiting)
		}
		return first([]rule{
			{c.AckPolicy == AckNone && s.Retention == "workqueue", 10084, "consumer in pull mode requires explicit ack policy on workqueue stream"},
			{c.RateLimit > 0, 10086, "consumer in pull mode can not have rate limit set"},
			{c.Heartbeat > 0, 10088, "consumer idle heartbeat requires a push based consumer"},
			{c.FlowControl, 10089, "consumer flow control requires a push based consumer"},
			{c.MaxExpires != 0 && c.MaxExpires < ms, 10115, "consumer max request expires needs to be >= 1ms"},
			{c.Direct, 10090, "consumer direct requires a push based consumer"},
		})
	}
	cycle := false
	for _, own := range s.Subjects {
		cycle = cycle || subject.Match(own, c.DeliverSubject)
	}
	return first([]rule{
		{!subject.IsLiteral(c.DeliverSubject), 10079, "consumer deliver subject has wildcards"},
		{!subject.Valid(c.DeliverSubject), 10112, "invalid push consumer deliver subject"},
		{cycle, 10081, "consumer deliver subject forms a cycle"},
		{c.MaxWaiting != 0, 10080, "consumer in push mode can not set max waiting"},
		{c.MaxAckPending > 0 && c.AckPolicy == AckNone, 10082, "consumer requires ack policy for max ack pending"},
		{c.Heartbeat > 0 && c.Heartbeat < minHeartbeat, 10083, "consumer idle heartbeat needs to be >= 100ms"},
		{c.Direct && c.Durable != "", 10091, "consumer direct requires an ephemeral consumer"},
	})
}

func (c *Config) checkFilters(*stream.Config) *Error {
	badSubject := &Error{500, 10052, "invalid subject"}
	switch {
	case c.FilterSubject != "" && len(c.FilterSubjects) > 0:
		return refuse(10136, "consumer cannot have both FilterSubject and FilterSubjects specified")
	case c.FilterSubject != "" && !subject.ValidFilter(c.FilterSubject):
		return badSubject
	case len(c.FilterSubjects) > maxFilters:
		return createError("filter_subjects may have at most %d values, got %d", maxFilters, len(c.FilterSubjects))
	}
	for _, f := range c.FilterSubjects {
		if f == "" {
			return refuse(10139, "consumer filter in FilterSubjects cannot be empty")
		}
	}
	for i, f := range c.FilterSubjects {
		if !subject.ValidFilter(f) {
			return badSubject
		}
		for _, g := range c.FilterSubjects[:i] {
			if subject.Subset(f, g) || subject.Subset(g, f) {
				return refuse(10138, "consumer subject filters cannot overlap")
			}
		}
	}
	return nil
}

// checkStart refuses a start position that does not go with the deliver policy.
func (c *Config) checkStart(*stream.Config) *Error {
	words := map[string]string{
		DeliverAll: "all", DeliverLast: "last", DeliverLastPerSubject: "last per subject", DeliverNew: "new",
		DeliverBySeq: "by start sequence", DeliverByTime: "by start time",
	}
	bad := func(start string) *Error {
		return refuse(10094, "consumer delivery policy is deliver %s, but optional start %s is also set", words[c.DeliverPolicy], start)
	}
	notSet := func(what string) *Error {
		return refuse(10094, "consumer delivery policy is deliver %s, but optional %s is not set", words[c.DeliverPolicy], what)
	}
	switch {
	case c.DeliverPolicy == DeliverBySeq && c.OptStartSeq == 0:
		return notSet("start sequence")
	case c.DeliverPolicy == DeliverByTime && c.OptStartTime == "":
		return notSet("start time")
	case c.DeliverPolicy == DeliverByTime && c.OptStartSeq != 0:
		return bad("start sequence")
	case c.DeliverPolicy != DeliverBySeq && c.OptStartSeq > 0:
		return bad("sequence")
	case c.DeliverPolicy != DeliverByTime && c.OptStartTime != "":
		return bad("time")
	case c.DeliverPolicy == DeliverLastPerSubject && len(c.Filters()) == 0:
		return notSet("filter subject")
	}
	return nil
}

func (c *Config) checkRest(*stream.Config) *Error {
	size := 0
	for k, v := range c.Metadata { // map order: a sum
		size += len(k) + len(v)
	}
	return first([]rule{
		{c.FlowControl && c.Heartbeat == 0, 10108, "consumer with flow control also needs heartbeats"},
		{c.Durable != "" && c.Name != "" && c.Name != c.Durable, 10132, "Consumer Durable and Name have to be equal if both are provided"},
		{size > maxMetadata, 10135, "consumer metadata exceeds maximum size of 128KB"},
	})
}

// CanBecome says what forbids an update to d, or nil (nats-server checkNewConsumerConfig). That a push consumer
// must not be in use to get another deliver subject is the caller's to see.
func (c *Config) CanBecome(d *Config) *Error {
	for _, fixed := range []struct {
		changed bool
		what    string
	}{
		{c.DeliverPolicy != d.DeliverPolicy, "deliver policy"},
		{c.MemoryStorage != d.MemoryStorage, "storage type"},
		{c.Direct != d.Direct, "direct"},
		{c.OptStartSeq != d.OptStartSeq, "start sequence"},
		{!sameTime(c, d), "start time"},
		{c.AckPolicy != d.AckPolicy, "ack policy"},
		{c.ReplayPolicy != d.ReplayPolicy, "replay policy"},
		{c.Heartbeat != d.Heartbeat, "heart beats"},
		{c.FlowControl != d.FlowControl, "flow control"},
	} {
		if fixed.changed {
			return createError("%s can not be updated", fixed.what)
		}
	}
	switch {
	case !c.Push() && d.Push():
		return createError("can not update pull consumer to push based")
	case c.Push() && !d.Push():
		return createError("can not update push consumer to pull based")
	case c.MaxWaiting != d.MaxWaiting:
		return createError("max waiting can not be updated")
	case d.backOffTooLong():
		return refuse(10116, "max deliver is required to be > length of backoff values")
	case (c.Durable == "") != (d.Durable == ""):
		// nats-server lets this pass; here it decides whether the consumer is replicated.
		return createError("durable name can not be updated")
	}
	return nil
}

func sameTime(c, d *Config) bool {
	a, aok := c.StartTime()
	b, bok := d.StartTime()
	return aok == bok && (!aok || a == b)
}
