package broker

import "fmt"

// Bug is a bug that can be planted in the broker on purpose, so that the judges are known to bite. It is
// the switch bug-NAME=off|on.
type Bug uint8

const (
	// BugAckBeforeSync answers the leader and acknowledges before the log is synced.
	BugAckBeforeSync Bug = iota
	// BugForgetVote forgets at restart whom this node voted for.
	BugForgetVote
	// BugAcceptAfterHole takes a valid log record after a hole for part of the log.
	BugAcceptAfterHole
	// BugRetrySync tries a failed sync again and believes the answer (ATC'20, fsyncgate).
	BugRetrySync
	// BugCommitBeforeDurable counts the leader's own copy before it is durable.
	BugCommitBeforeDurable

	bugs // how many
)

// Bugs says which are planted.
type Bugs [bugs]bool

type bugRow struct{ name, help string }

var bugTable = [bugs]bugRow{
	BugAckBeforeSync:       {"ack-before-sync", "storage answers before the sync"},
	BugForgetVote:          {"forget-vote", "the vote is forgotten at restart"},
	BugAcceptAfterHole:     {"accept-after-hole", "a valid record after a hole is accepted"},
	BugRetrySync:           {"retry-sync", "a failed sync is tried again"},
	BugCommitBeforeDurable: {"commit-before-durable", "the leader counts its own copy before it is durable"},
}

func (r bugRow) switchName() string { return "bug-" + r.name }

func bugNamed(name string) (Bug, bool) {
	for b, row := range bugTable {
		if row.switchName() == name {
			return Bug(b), true
		}
	}
	return 0, false
}

var offOn = map[bool]string{false: "off", true: "on"}

func (s *Bugs) set(b Bug, name, value string) error {
	if value != "on" && value != "off" {
		return fmt.Errorf("switch %s: %q is not one of off, on", name, value)
	}
	s[b] = value == "on"
	return nil
}

// bug says whether b is planted.
func (b *Broker) bug(which Bug) bool { return b.cfg.Switches.Bugs[which] }
