package faults

import (
	"errors"
	"fmt"
	"slices"
)

// Meta is the name by which targets call the group of the cluster itself.
const Meta = "meta"

// Validate lists everything wrong with a plan at once, nil if nothing is. With nodes above 0
// node ids are checked against a cluster of 1 … nodes; with streams not nil, streams too.
func (p Plan) Validate(nodes int, streams []string) error {
	var errs []error
	for i := range p.Faults {
		f := &p.Faults[i]
		for _, rule := range f.rules(nodes, streams) {
			errs = append(errs, fmt.Errorf("fault %d (%s): %s", i+1, f.String(), rule))
		}
	}
	return errors.Join(errs...)
}

// rules returns the rules that a fault breaks.
func (f *Fault) rules(nodes int, streams []string) (broken []string) {
	say := func(is bool, format string, args ...any) {
		if is {
			broken = append(broken, fmt.Sprintf(format, args...))
		}
	}
	if f.Kind == 0 || f.Kind >= kinds {
		return []string{fmt.Sprintf("unknown kind %d", f.Kind)}
	}
	g := &forms[f.Kind]
	say(f.At < 0 || f.At > MaxTime, "a fault strikes between 0 and %s, not at %s", FormatDuration(MaxTime), FormatDuration(f.At))
	say(f.For < 0 || f.For > MaxTime, "a duration is between 0 and %s, not %s", FormatDuration(MaxTime), FormatDuration(f.For))
	say(!g.lasts && f.For != 0, "%s has no duration", g.verb)
	say(!g.power && (f.Keep != KeepUnset || f.Tear), "%s keeps no policy and tears nothing", g.verb)
	say(g.power && (f.Keep == KeepUnset || f.Keep > KeepAny), "%s wants a policy of what is kept", g.verb)
	say(!g.sync && f.Sync != SyncDrawn || f.Sync > SyncLate, "%s has no such variant of a failed sync", g.verb)
	say(!g.files && (f.In != "" || f.Last), "%s names no files", g.verb)
	say(g.files && !fileName(f.In), "%s wants the beginning of its files' names, not %q", g.verb, f.In)
	if rule := f.amountRule(g.amount); rule != "" {
		say(true, "%s %s", g.verb, rule)
	}
	if want, ok := g.targets(len(f.Targets)); !ok {
		say(true, "%s has %s, not %d", g.verb, want, len(f.Targets))
	}
	for _, t := range f.Targets {
		say(len(t) == 0, "a target is empty")
		say(t.HasClients() && !g.clients, "%s cannot strike clients", g.verb)
		for i := range t {
			broken = append(broken, t[i].rules(nodes, streams)...)
		}
	}
	return broken
}

// targets says whether a kind may have n targets, and how many it has.
func (g *form) targets(n int) (want string, ok bool) {
	switch g.shape {
	case noTarget:
		return "no target", n == 0
	case oneTarget:
		return "one target", n == 1
	case groups:
		return "at least two groups", n >= 2
	}
	return "two targets", n == 2
}

// amountRule says what is wrong with the amount.
func (f *Fault) amountRule(a amount) string {
	lo, hi := int64(0), int64(0)
	switch a {
	case latency:
		hi = MaxTime
	case percent:
		lo, hi = 1, 1_000_000
	case factor:
		lo, hi = 1, maxFactor
	case step:
		lo, hi = -MaxTime, MaxTime
	case rate:
		lo, hi = -maxRate, maxRate
	}
	if f.Amount < lo || f.Amount > hi {
		return fmt.Sprintf("has an amount from %d to %d, not %d", lo, hi, f.Amount)
	}
	return ""
}

// rules returns the rules that a term breaks.
func (x *Term) rules(nodes int, streams []string) (broken []string) {
	say := func(is bool, format string, args ...any) {
		if is {
			broken = append(broken, fmt.Sprintf(format, args...))
		}
	}
	known := func(id uint64) {
		say(id == 0, "nodes count from n1")
		say(nodes > 0 && id > uint64(nodes), "there is no node n%d among %d", id, nodes)
	}
	if x.Who == 0 || x.Who > Minority {
		return []string{fmt.Sprintf("unknown kind of target %d", x.Who)}
	}
	if x.Who == OneNode {
		known(uint64(x.Node))
	}
	say(x.Who != OneNode && x.Node != 0, "a role names no node")
	say(x.Who == Follower && x.N < 1, "followers count from 1, not %d", x.N)
	say(x.Who != Follower && x.N != 0, "only a follower has a number")
	say(x.Resolved && !x.Who.Role() || !x.Resolved && x.Nodes != nil, "only a role resolves to nodes")
	if x.Who > Others {
		say(!streamName(x.Stream), "%q cannot name a stream", x.Stream)
		say(streams != nil && x.Stream != Meta && !slices.Contains(streams, x.Stream), "there is no stream %q", x.Stream)
	} else {
		say(x.Stream != "", "only a role names a stream")
	}
	for i, id := range x.Nodes {
		known(uint64(id))
		say(i > 0 && id <= x.Nodes[i-1], "the nodes of a role are in rising order")
	}
	return broken
}
