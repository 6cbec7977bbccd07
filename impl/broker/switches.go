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

	// Expect says where a publish's expectations (of a last sequence, of a subject's, of a last id) are decided:
	// "apply", in log order; "leader" checks what the leader has applied and what it knows to be in flight, and
	// not again (nats-server#4320, #8469).
	Expect string
	// Dedup says where duplicates are found: "apply", in log order; "leader" remembers an id when it is proposed, and
	// calls a retry a duplicate of what may never be stored (nats-server#6415).
	Dedup string
	// AckFence: "count" lets only an ack of the newest delivery settle a message; "none" takes any (nats-server#4786).
	AckFence string
	// Delivered says when a delivery is logged: "before" it is sent, so that its count survives a leader; "after", as
	// nats-server, so that a new leader may repeat a count.
	Delivered string

	// Address says whom a message for a leader is meant for: the leader of one "term"; or the "node", which may take a copy
	// that was long under way although another leader has taken one meanwhile, as nats-server may.
	Address string

	// Bugs planted on purpose.
	Bugs Bugs
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
	{"expect", []string{"apply", "leader"}, func(s *Switches) *string { return &s.Expect }, "where a publish's expectations are decided"},
	{"dedup", []string{"apply", "leader"}, func(s *Switches) *string { return &s.Dedup }, "where duplicates are found"},
	{"ack-fence", []string{"count", "none"}, func(s *Switches) *string { return &s.AckFence }, "does an ack of an earlier delivery settle a message"},
	{"delivered", []string{"before", "after"}, func(s *Switches) *string { return &s.Delivered }, "is a delivery logged before or after it is sent"},
	{"address", []string{"term", "node"}, func(s *Switches) *string { return &s.Address }, "is a message meant for a leader of one term, or for its node"},
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
		s.Expect, s.Dedup, s.AckFence, s.Delivered, s.Address = "leader", "leader", "none", "after", "node"
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
	for _, b := range bugTable {
		names = append(names, b.switchName()+"=off|on")
	}
	return names
}

// Set turns the switch name to value. Errors name the switches, or the ends, there are.
func (s *Switches) Set(name, value string) error {
	if b, ok := bugNamed(name); ok {
		return s.Bugs.set(b, name, value)
	}
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
	m := make(map[string]string, len(switchTable)+len(bugTable))
	for _, row := range switchTable {
		m[row.name] = *row.field(&s)
	}
	for b, row := range bugTable {
		m[row.switchName()] = offOn[s.Bugs[b]]
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
	for b, row := range bugTable {
		if s.Bugs[b] {
			names = append(names, row.switchName()+"=on")
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
