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

	// BugHalfWindow forgets deduplication ids after half the window.
	BugHalfWindow
	// BugForgetIDs forgets them when a checkpoint or snapshot is read.
	BugForgetIDs
	// BugRememberRefused remembers the id of a publish that was refused.
	BugRememberRefused
	// BugDuplicateSeq answers a duplicate with the stream's last sequence.
	BugDuplicateSeq
	// BugSubjectOfStream holds an expected sequence of a subject against the stream's last.
	BugSubjectOfStream
	// BugLimitNewest removes the newest message of a subject that has too many.
	BugLimitNewest
	// BugDiscardNewOneMore lets, with discard new, one message too many in.
	BugDiscardNewOneMore
	// BugPurgeOneMore purges one message too many.
	BugPurgeOneMore
	// BugRollupEarly rolls up before it is decided whether the message is stored.
	BugRollupEarly
	// BugLocalClock expires messages by each replica's own clock, at apply.
	BugLocalClock
	// BugNoExpiry leaves expiry to the next publish.
	BugNoExpiry
	// BugFirstAckRemoves removes a message from a work queue or interest stream when the first consumer is done with it.
	BugFirstAckRemoves

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
	BugHalfWindow:          {"half-window", "deduplication ids are forgotten after half the window"},
	BugForgetIDs:           {"forget-ids", "deduplication ids are lost with a restart from a checkpoint"},
	BugRememberRefused:     {"remember-refused", "the id of a refused publish is remembered"},
	BugDuplicateSeq:        {"duplicate-seq", "a duplicate is answered with the stream's last sequence"},
	BugSubjectOfStream:     {"subject-of-stream", "the expected sequence of a subject is compared with the stream's last"},
	BugLimitNewest:         {"limit-newest", "max_msgs_per_subject removes the newest"},
	BugDiscardNewOneMore:   {"discard-new-one-more", "discard new lets one message too many in"},
	BugPurgeOneMore:        {"purge-one-more", "a purge removes one message too many"},
	BugRollupEarly:         {"rollup-early", "a rollup removes before its message is known to be stored"},
	BugLocalClock:          {"local-clock", "max_age is decided by each replica's clock"},
	BugNoExpiry:            {"no-expiry", "nothing expires while nothing is published"},
	BugFirstAckRemoves:     {"first-ack-removes", "the first consumer's ack removes a message that others need"},
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
