package load

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/subject"
)

// ValidateStreams lists every fault of the streams of a cluster of so many nodes.
func ValidateStreams(streams []StreamSpec, nodes int) error {
	f := &faults{}
	for i := range streams {
		s := &streams[i]
		at := fmt.Sprintf("streams[%d]", i)
		if !validName(s.Name) || slices.ContainsFunc(streams[:i], func(t StreamSpec) bool { return t.Name == s.Name }) {
			f.bad("%s.name: %q must be given once, without spaces, dots, stars, greater-thans or slashes", at, s.Name)
		}
		if most := min(5, nodes); s.Replicas < 1 || s.Replicas > most {
			f.bad("%s.replicas: %d must be between 1 and %d, with %d nodes", at, s.Replicas, most, nodes)
		} else if err := s.Config().Validate(); err != nil && validName(s.Name) {
			f.bad("%s: %w", at, err)
		}
		if min(s.MaxMsgs, s.MaxBytes, s.MaxAgeMS, int64(s.MaxMsgSize), s.MaxMsgsPerSubject, s.DuplicateWindowMS) < 0 {
			f.bad("%s: a limit is negative", at)
		}
		for j := range streams[:i] {
			if t := &streams[j]; overlap(s.subjects(), t.subjects()) {
				f.bad("%s.subjects: %q overlap with those of stream %s", at, s.subjects(), t.Name)
			}
		}
		f.within(at+".consumers: their number", len(s.Consumers), 0, maxConsumers)
		for j := range s.Consumers {
			s.validateConsumer(f, fmt.Sprintf("%s.consumers[%d]", at, j), j)
		}
	}
	return errors.Join(f.found...)
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool {
		return slices.ContainsFunc(b, func(y string) bool { return subject.Overlap(x, y) })
	})
}

// validName is what the API takes for the name of a stream or consumer.
func validName(name string) bool {
	return name != "" && len(name) <= 255 && !strings.ContainsAny(name, " .*>/\\\t\r\n\x00")
}

func (s *StreamSpec) validateConsumer(f *faults, at string, j int) {
	c, before := &s.Consumers[j], len(f.found)
	if !validName(c.Name) || slices.ContainsFunc(s.Consumers[:j], func(d ConsumerSpec) bool { return d.Name == c.Name }) {
		f.bad("%s.name: %q must be given once, without spaces, dots, stars, greater-thans or slashes", at, c.Name)
	}
	for i, filter := range c.Filters {
		if !subject.ValidFilter(filter) {
			f.bad("%s.filters[%d]: %q is not valid", at, i, filter)
		}
	}
	f.oneOf(at+".deliver", c.Deliver, "", "all", "last", "new", "by_start_sequence", "last_per_subject")
	f.oneOf(at+".ack", c.Ack, "", "explicit", "all", "none")
	if (c.StartSeq > 0) != (c.Deliver == "by_start_sequence") {
		f.bad("%s: start_seq and deliver by_start_sequence belong together", at)
	}
	f.within(at+".ack_wait_ms", int(c.AckWaitMS), 0, maxMS)
	for i, ms := range c.BackOffMS {
		f.within(fmt.Sprintf("%s.backoff_ms[%d]", at, i), int(ms), 1, maxMS)
	}
	f.within(at+".max_deliver", c.MaxDeliver, 0, maxOpen)
	f.within(at+".max_ack_pending", c.MaxPending, 0, maxOpen)
	f.within(at+".max_waiting", c.MaxWaiting, 0, maxOpen)
	f.within(at+".heartbeat_ms", int(c.HeartbeatMS), 0, maxMS)
	f.within(at+".inactive_ms", int(c.InactiveMS), 0, maxMS)
	f.queue(at+".group", c.Group)
	if !c.Push && (c.Group != "" || c.HeartbeatMS > 0 || c.FlowControl) {
		f.bad("%s: group, heartbeat_ms and flow_control are of a consumer that pushes", at)
	}
	if len(f.found) > before {
		return
	}
	cfg, stream := c.Config(s.Name), s.Config()
	if why := cfg.Validate(&stream); why != nil {
		f.bad("%s: %w", at, why)
	}
	for i := range s.Consumers[:j] {
		if d := s.Consumers[i].Config(s.Name); s.Retention == "workqueue" && overlap(everything(cfg.Filters()), everything(d.Filters())) {
			f.bad("%s: it would take messages of consumer %s, and a work queue gives each to one", at, d.ID())
		}
	}
}

// everything is what filters let through: without any, all.
func everything(filters []string) []string {
	if len(filters) == 0 {
		return []string{">"}
	}
	return filters
}

func (f *faults) oneOf(at, v string, allowed ...string) {
	if !slices.Contains(allowed, v) {
		f.bad("%s: %q is not one of %s", at, v, strings.Join(allowed[1:], ", "))
	}
}
