package broker

import (
	"fmt"
	"strings"
)

// Switches are the decisions that NATS took otherwise, and the places where a bug once lived
// or is planted on purpose. A profile is a set of them. The zero value of each
// is its safe end.
//
// Every switch has a row in the table below: name, ends (the first is the safe one), and what the
// other ends cost.
type Switches struct {
	// Sync says when the log is synced: before a batch counts as stored ("group"), every
	// SyncInterval ("interval"), or never ("none").
	Sync string
	// Damage says what a node does with a log that lost what had been synced: "quarantine" neither
	// votes nor acknowledges; "cut" cuts the log and votes on (nats-server#7549).
	Damage string
	// Conflict says what a replica does when a leader contradicts what it had committed, which a
	// durable log never sees: "refuse" stops the group on this node; "truncate" cuts its log and
	// keeps what it stored, as nats-server does (#7567); "rebuild" cuts both.
	Conflict string
	// PreVote: "on" asks before a candidate raises the term; "off" is nats-server's way.
	PreVote string
	// Read says how a leader answers reads: "index" confirms that it still leads; "local" does not,
	// as nats-server (no linearizable reads in 2.15; #7748 was closed).
	Read string

	// Planted bugs; "off" is the safe end of each.

	// BugAckBeforeSync answers the leader and acknowledges before the log is synced.
	BugAckBeforeSync string
	// BugForgetVote forgets at restart whom this node voted for.
	BugForgetVote string
	// BugAcceptAfterHole takes a valid log record after a hole for part of the log.
	BugAcceptAfterHole string
	// BugRetrySync tries a failed sync again and believes the answer (ATC'20, fsyncgate).
	BugRetrySync string
	// BugCommitBeforeDurable counts the leader's own copy before it is durable.
	BugCommitBeforeDurable string
}

type switchRow struct {
	name  string
	ends  []string // the safe end first
	field func(*Switches) *string
	help  string
}

var switchTable = []switchRow{
	{"sync", []string{"group", "interval", "none"}, func(s *Switches) *string { return &s.Sync }, "when the log is synced"},
	{"damage", []string{"quarantine", "cut"}, func(s *Switches) *string { return &s.Damage }, "a log that lost synced bytes"},
	{"conflict", []string{"refuse", "truncate", "rebuild"}, func(s *Switches) *string { return &s.Conflict }, "a leader contradicts what was committed here"},
	{"pre-vote", []string{"on", "off"}, func(s *Switches) *string { return &s.PreVote }, "ask before raising the term"},
	{"read", []string{"index", "local"}, func(s *Switches) *string { return &s.Read }, "does a leader confirm that it leads before it answers a read"},
	{"bug-ack-before-sync", []string{"off", "on"}, func(s *Switches) *string { return &s.BugAckBeforeSync }, "planted: storage answers before the sync"},
	{"bug-forget-vote", []string{"off", "on"}, func(s *Switches) *string { return &s.BugForgetVote }, "planted: the vote is forgotten at restart"},
	{"bug-accept-after-hole", []string{"off", "on"}, func(s *Switches) *string { return &s.BugAcceptAfterHole }, "planted: a valid record after a hole is accepted"},
	{"bug-retry-sync", []string{"off", "on"}, func(s *Switches) *string { return &s.BugRetrySync }, "planted: a failed sync is tried again"},
	{"bug-commit-before-durable", []string{"off", "on"}, func(s *Switches) *string { return &s.BugCommitBeforeDurable }, "planted: the leader counts its own copy before it is durable"},
}

// Profiles names the profiles, the safe one first.
func Profiles() []string { return []string{"reference", "nats"} }

// Profile returns the switches of a profile: "reference" is the safe end of all, "nats" what nats-server
// 2.15 does by default. An unknown name is an error that lists them.
func Profile(name string) (Switches, error) {
	var s Switches
	for _, row := range switchTable {
		*row.field(&s) = row.ends[0]
	}
	switch name {
	case "reference":
	case "nats":
		s.Sync, s.Damage, s.Conflict, s.PreVote, s.Read = "interval", "cut", "truncate", "off", "local"
	default:
		return s, fmt.Errorf("unknown profile %q: want one of %s", name, strings.Join(Profiles(), ", "))
	}
	return s, nil
}

// SwitchNames lists the switches as name=end|end, the safe end first.
func SwitchNames() []string {
	var names []string
	for _, row := range switchTable {
		names = append(names, row.name+"="+strings.Join(row.ends, "|"))
	}
	return names
}

// Set turns the switch name to value. Errors name the switches, or the ends, there are.
func (s *Switches) Set(name, value string) error {
	for _, row := range switchTable {
		if row.name != name {
			continue
		}
		for _, end := range row.ends {
			if end == value {
				*row.field(s) = value
				return nil
			}
		}
		return fmt.Errorf("switch %s: %q is not one of %s", name, value, strings.Join(row.ends, ", "))
	}
	return fmt.Errorf("unknown switch %q: want one of %s", name, strings.Join(SwitchNames(), ", "))
}

// Map returns every switch with its value, for manifests.
func (s Switches) Map() map[string]string {
	m := make(map[string]string, len(switchTable))
	for _, row := range switchTable {
		m[row.name] = *row.field(&s)
	}
	return m
}

// Unsafe lists the switches that are not at their safe end, as name=value.
func (s Switches) Unsafe() []string {
	var names []string
	for _, row := range switchTable {
		if v := *row.field(&s); v != row.ends[0] {
			names = append(names, row.name+"="+v)
		}
	}
	return names
}

// validate fills empty switches with their safe end and refuses unknown ends.
func (s *Switches) validate() error {
	for _, row := range switchTable {
		if f := row.field(s); *f == "" {
			*f = row.ends[0]
		} else if err := s.Set(row.name, *f); err != nil {
			return err
		}
	}
	return nil
}
