package load

import (
	"errors"
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/subject"
)

// Limits of a Spec: enough for any run that ends, and a clear error for a slip of the hand.
const (
	maxClients   = 1000
	maxRate      = 1_000_000
	maxBytes     = 1 << 20
	maxOpen      = 1 << 20
	maxKeys      = 100_000
	maxFilters   = 1000
	maxMS        = 24 * 3600 * 1000
	maxBatch     = 10_000
	maxConsumers = 1000
)

// faults gathers what is wrong, each with its place.
type faults struct{ found []error }

func (f *faults) bad(format string, args ...any) {
	f.found = append(f.found, fmt.Errorf(format, args...))
}

func (f *faults) within(what string, v, low, high int) {
	if v < low || v > high {
		f.bad("%s: %d must be between %d and %d", what, v, low, high)
	}
}

func (f *faults) percent(what string, v int) { f.within(what, v, 0, 100) }

// Validate lists every fault of the spec; streams are those of the cluster, of so many nodes.
func (s Spec) Validate(streams []StreamSpec, nodes int) error {
	f := &faults{}
	if len(s.Groups) == 0 {
		f.bad("clients: there must be at least one group of clients")
	}
	total, names := 0, map[string]bool{}
	for i := range s.Groups {
		g := &s.Groups[i]
		at := fmt.Sprintf("clients[%d]", i)
		if g.Name == "" || names[g.Name] {
			f.bad("%s.name: %q must be given and used once", at, g.Name)
		}
		names[g.Name] = true
		if !plainName(g.Name) {
			f.bad("%s.name: %q must be letters only: it becomes part of subjects and values", at, g.Name)
		}
		f.within(at+".count", g.Count, 1, maxClients)
		for _, n := range g.Nodes {
			f.within(at+".nodes", n, 1, nodes)
		}
		if m := g.Moves; m != nil {
			f.within(at+".moves.every_ms", m.EveryMS, 1, maxMS)
			f.within(at+".moves.down_ms", m.DownMS, 0, maxMS)
			f.percent(at+".moves.crash_percent", m.CrashPercent)
		}
		g.validateRole(f, at, streams)
		total += g.Count
	}
	if total > maxClients {
		f.bad("clients: %d clients in all; the limit is %d", total, maxClients)
	}
	return errors.Join(f.found...)
}

// validateRole sees to it that the group has one role, and nothing of another.
func (g *Group) validateRole(f *faults, at string, streams []StreamSpec) {
	var roles []string
	for _, r := range [...]struct {
		name  string
		given bool
		check func(f *faults, at string, streams []StreamSpec)
	}{
		{"send", g.Send != nil, g.Send.validate},
		{"subscribe", g.Subscribe != nil, g.Subscribe.validate},
		{"request", g.Request != nil, g.Request.validate},
		{"serve", g.Serve != nil, g.Serve.validate},
		{"work", g.Work != nil, g.Work.validate},
		{"follow", g.Follow != nil, g.Follow.validate},
	} {
		if r.given {
			roles = append(roles, r.name)
			r.check(f, at+"."+r.name, streams)
		}
	}
	switch {
	case len(roles) > 1:
		f.bad("%s: a group has one role, not %q", at, roles)
	case len(roles) == 0:
		g.validateTraffic(f, at, streams)
	default:
		if given := g.trafficFields(); len(given) > 0 {
			f.bad("%s: %q belong to traffic on streams, not to a group that has %s", at, given, roles[0])
		}
	}
}

// numbers are the fields of traffic that count something.
func (g *Group) numbers() []struct {
	name      string
	v         int
	low, high int
} {
	return []struct {
		name      string
		v         int
		low, high int
	}{
		{"publish_per_second", g.PublishPerSecond, 0, maxRate},
		{"read_per_second", g.ReadPerSecond, 0, maxRate},
		{"remove_per_second", g.RemovePerSecond, 0, maxRate},
		{"purge_per_minute", g.PurgePerMinute, 0, maxRate},
		{"bytes", g.Bytes, 0, maxBytes},
		{"keys", g.Keys, 0, maxKeys},
		{"conditional_percent", g.ConditionalPercent, 0, 100},
		{"key_conditional_percent", g.KeyConditionalPercent, 0, 100},
		{"id_percent", g.IDPercent, 0, 100},
		{"retries", g.Retries, 0, 1000},
		{"repeat_percent", g.RepeatPercent, 0, 100},
		{"rollup_percent", g.RollupPercent, 0, 100},
		{"rollup_all_percent", g.RollupAllPercent, 0, 100},
		{"key_percent", g.KeyPercent, 0, 100},
		{"last_percent", g.LastPercent, 0, 100},
		{"next_percent", g.NextPercent, 0, 100},
		{"direct_percent", g.DirectPercent, 0, 100},
		{"max_open", g.MaxOpen, 0, maxOpen},
	}
}

func (g *Group) trafficFields() []string {
	var given []string
	for _, n := range g.numbers() {
		if n.v != 0 {
			given = append(given, n.name)
		}
	}
	if len(g.Streams) > 0 {
		given = append(given, "streams")
	}
	if g.SharedKeys {
		given = append(given, "shared_keys")
	}
	return given
}

func (g *Group) validateTraffic(f *faults, at string, streams []StreamSpec) {
	for _, n := range g.numbers() {
		f.within(at+"."+n.name, n.v, n.low, n.high)
	}
	if g.PublishPerSecond|g.ReadPerSecond|g.RemovePerSecond|g.PurgePerMinute == 0 {
		f.bad("%s: it does nothing: it needs a role, or publish_per_second, read_per_second, remove_per_second or purge_per_minute above 0", at)
	}
	if len(streams) == 0 {
		f.bad("%s: the cluster has no stream", at)
	}
	if g.SharedKeys && g.Keys == 0 {
		f.bad("%s.shared_keys: needs keys above 0", at)
	}
	if (g.Retries > 0 || g.RepeatPercent > 0) && g.IDPercent == 0 {
		f.bad("%s: retries and repeat_percent need id_percent above 0: without an id, again is another message", at)
	}
	for _, name := range g.Streams {
		if !slices.ContainsFunc(streams, func(s StreamSpec) bool { return s.Name == name }) {
			f.bad("%s.streams: the cluster has no stream %q", at, name)
		}
	}
	for i := range streams {
		if s := &streams[i]; len(g.Streams) == 0 || slices.Contains(g.Streams, s.Name) {
			g.fits(f, at, s)
		}
	}
}

// fits says what a stream does not allow that the group wants of it.
func (g *Group) fits(f *faults, at string, s *StreamSpec) {
	if g.RollupPercent+g.RollupAllPercent > 0 && !s.AllowRollup {
		f.bad("%s: rollup_percent needs allow_rollup of stream %s", at, s.Name)
	}
	if g.DirectPercent > 0 && !s.AllowDirect {
		f.bad("%s: direct_percent needs allow_direct of stream %s", at, s.Name)
	}
	if g.Keys > 1 && s.subject("a") == s.subject("b") {
		f.bad("%s: keys need room below a subject of stream %s, and %q has none", at, s.Name, s.subjects()[0])
	}
}

// plainName holds names to letters, so that "c1" is never both a group and a client of group "c".
func plainName(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return true
}

// literal says what keeps text from being a subject of core messaging: one that no stream listens to, for what a stream
// stores without having been asked is nobody's publish.
func (f *faults) literal(at, text string, streams []StreamSpec) {
	if !subject.Valid(text) {
		f.bad("%s: %q is no subject without wildcards", at, text)
		return
	}
	for i := range streams {
		for _, filter := range streams[i].subjects() {
			if subject.Match(filter, text) {
				f.bad("%s: %q belongs to stream %s", at, text, streams[i].Name)
			}
		}
	}
}

func (s *Send) validate(f *faults, at string, streams []StreamSpec) {
	f.within(at+".per_second", s.PerSecond, 1, maxRate)
	f.within(at+".bytes", s.Bytes, 0, maxBytes)
	f.within(at+".max_open", s.MaxOpen, 0, maxOpen)
	f.within(at+".subjects: their number", len(s.Subjects), 1, maxFilters)
	for i, text := range s.Subjects {
		f.literal(fmt.Sprintf("%s.subjects[%d]", at, i), text, streams)
	}
}

func (r *Request) validate(f *faults, at string, streams []StreamSpec) {
	f.within(at+".per_second", r.PerSecond, 1, maxRate)
	f.within(at+".bytes", r.Bytes, 0, maxBytes)
	f.within(at+".timeout_ms", r.TimeoutMS, 0, maxMS)
	f.within(at+".max_open", r.MaxOpen, 0, maxOpen)
	f.literal(at+".subject", r.Subject, streams)
}

func (s *Subscribe) validate(f *faults, at string, _ []StreamSpec) {
	f.within(at+".filters: their number", len(s.Filters), 1, maxFilters)
	for i, text := range s.Filters {
		if !subject.ValidFilter(text) || slices.Contains(s.Filters[:i], text) {
			f.bad("%s.filters[%d]: %q must be a valid filter, given once", at, i, text)
		}
	}
	f.queue(at+".queue", s.Queue)
	f.within(at+".churn_every_ms", s.ChurnEveryMS, 0, maxMS)
	f.within(at+".churn_off_ms", s.ChurnOffMS, 0, maxMS)
	f.within(at+".stall_every_ms", s.StallEveryMS, 0, maxMS)
	f.within(at+".stall_ms", s.StallMS, 0, maxMS)
	f.within(at+".flush_every_ms", s.FlushEveryMS, 0, maxMS)
	if (s.StallEveryMS > 0) != (s.StallMS > 0) {
		f.bad("%s: stall_every_ms and stall_ms belong together", at)
	}
	if s.ChurnOffMS > 0 && s.ChurnEveryMS == 0 {
		f.bad("%s.churn_off_ms: needs churn_every_ms", at)
	}
}

func (f *faults) queue(at, name string) {
	if name != "" && !subject.ValidName(name) {
		f.bad("%s: %q is not one subject token", at, name)
	}
}

func (s *Serve) validate(f *faults, at string, streams []StreamSpec) {
	f.literal(at+".subject", s.Subject, streams)
	f.queue(at+".queue", s.Queue)
	f.within(at+".work_ms", s.WorkMS, 0, maxMS)
	f.within(at+".bytes", s.Bytes, 0, maxBytes)
	f.within(at+".max_open", s.MaxOpen, 0, maxOpen)
	f.within(at+".flush_every_ms", s.FlushEveryMS, 0, maxMS)
}

func (w *Work) validate(f *faults, at string, streams []StreamSpec) {
	c := findConsumer(streams, w.Stream, w.Consumer)
	if c == nil {
		f.bad("%s: the cluster has no consumer %q of stream %q", at, w.Consumer, w.Stream)
	}
	fates := 0
	for _, p := range [...]struct {
		name string
		v    int
	}{
		{"confirm_percent", w.ConfirmPercent},
		{"nak_percent", w.NakPercent},
		{"term_percent", w.TermPercent},
		{"progress_percent", w.ProgressPercent},
		{"forget_percent", w.ForgetPercent},
		{"late_percent", w.LatePercent},
	} {
		f.percent(at+"."+p.name, p.v)
		fates += p.v
	}
	if fates > 100 {
		f.bad("%s: the percentages of what is done with a delivery are %d in all", at, fates)
	}
	if c != nil && c.Ack == "none" && fates > 0 {
		f.bad("%s: consumer %s wants no acks", at, w.Consumer)
	}
	f.percent(at+".no_wait_percent", w.NoWaitPercent)
	f.within(at+".nak_delay_ms", w.NakDelayMS, 0, maxMS)
	f.within(at+".work_ms", w.WorkMS, 0, maxMS)
	f.within(at+".batch", w.Batch, 0, maxBatch)
	f.within(at+".expires_ms", w.ExpiresMS, 0, maxMS)
	f.within(at+".max_bytes", w.MaxBytes, 0, 1<<30)
	f.within(at+".heartbeat_ms", w.HeartbeatMS, 0, orElse(w.ExpiresMS, 1000)/2)
	f.within(at+".max_open", w.MaxOpen, 0, maxOpen)
	if orElse(w.Batch, 10) > orElse(w.MaxOpen, 256) {
		f.bad("%s.batch: %d is more than max_open, %d", at, orElse(w.Batch, 10), orElse(w.MaxOpen, 256))
	}
	if c != nil && c.Push && w.Batch|w.ExpiresMS|w.NoWaitPercent|w.MaxBytes|w.HeartbeatMS != 0 {
		f.bad("%s: consumer %s pushes: batch, expires_ms, no_wait_percent, max_bytes and heartbeat_ms are of fetches", at, w.Consumer)
	}
}

func (w *Follow) validate(f *faults, at string, streams []StreamSpec) {
	if !slices.ContainsFunc(streams, func(s StreamSpec) bool { return s.Name == w.Stream }) {
		f.bad("%s.stream: the cluster has no stream %q", at, w.Stream)
	}
	if w.Filter != "" && !subject.ValidFilter(w.Filter) {
		f.bad("%s.filter: %q is not valid", at, w.Filter)
	}
	f.within(at+".batch", w.Batch, 0, maxBatch)
	f.within(at+".expires_ms", w.ExpiresMS, 0, maxMS)
}
