package broker

import (
	"fmt"

	track "github.com/brokerlab/brokerlab/impl/consumer"
)

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
	// BugKeepDeadInterest goes on routing to a node whose route is broken, and later for what ended there meanwhile: messages
	// vanish, queue groups are served by members that are gone, and nobody hears that there are no responders.
	BugKeepDeadInterest
	// BugForgetResync does not tell a peer this node's interest again after their route broke: what is published there from
	// then on is missed here.
	BugForgetResync
	// BugStaleAnswers keeps answers of the subject index that name subscriptions which have ended: messages come
	// after an unsubscribe, and queue groups give theirs to members that are gone.
	BugStaleAnswers
	// BugQueueEachNode serves a member of a queue group on every node that has one.
	BugQueueEachNode
	// BugQueuePair serves two members of a queue group at the node that a route leads to.
	BugQueuePair
	// BugOverlapTwice serves the first of several matching subscriptions twice.
	BugOverlapTwice
	// BugReorderRoute lets a message overtake the one before it on the same route.
	BugReorderRoute
	// BugUnsubLate ends a subscription one message after the maximum that its UNSUB named.
	BugUnsubLate
	// BugFalseNoResponders says that there are no responders when all of them are at other nodes: a request is refused and
	// answered as well.
	BugFalseNoResponders
	// BugEchoAnyway sends a client what it published itself although it wanted no echo.
	BugEchoAnyway
	// BugFanoutSkipsLast leaves out the last of three or more plain subscribers.
	BugFanoutSkipsLast

	// BugFloorJumps moves the ack floor up to what was delivered, over what is pending.
	BugFloorJumps
	// BugAckNeighbour settles the message behind the one that was acked, too.
	BugAckNeighbour
	// BugHalfAckWait ends ack waits at half their time.
	BugHalfAckWait
	// BugMaxDeliverOneMore delivers once more than max deliver allows.
	BugMaxDeliverOneMore
	// BugMaxPendingOneMore lets one message more be pending than max ack pending allows.
	BugMaxPendingOneMore
	// BugNakForgotten ignores naks.
	BugNakForgotten
	// BugTermAsNak delivers again what was termed.
	BugTermAsNak
	// BugAckBeforeApply confirms an ack before its entry is applied.
	BugAckBeforeApply
	// BugCountStays does not count every other redelivery.
	BugCountStays
	// BugForgetPending forgets, when the leader changes, what is pending.
	BugForgetPending
	// BugForgetAcks forgets with a restart from a checkpoint what was acked above the floor.
	BugForgetAcks
	// BugFetchTwice delivers a message to two requests that wait.
	BugFetchTwice
	// BugQueueRemovesEarly removes a message from a work queue when it is delivered.
	BugQueueRemovesEarly

	// BugKeepMember lets a node whose log or store lost part of what it had promised go on as the same member.
	BugKeepMember
	// BugWipedVotes lets a node with an empty disk take part at once, as the member that it is by its number.
	BugWipedVotes
	// BugReuseMember lets a node in again as the member it was, whatever disk it asks from.
	BugReuseMember

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

	BugKeepDeadInterest:  {"keep-dead-interest", "messages are routed to a node whose route is broken"},
	BugForgetResync:      {"forget-resync", "interest is not told again after a route broke"},
	BugStaleAnswers:      {"stale-answers", "answers of the subject index outlive the subscriptions in them"},
	BugQueueEachNode:     {"queue-each-node", "a queue group's message goes to a member on every node"},
	BugQueuePair:         {"queue-pair", "a queue group's message goes to two members of the node it is routed to"},
	BugOverlapTwice:      {"overlap-twice", "the first of several matching subscriptions is served twice"},
	BugReorderRoute:      {"reorder-route", "a message overtakes the one before it on a route"},
	BugUnsubLate:         {"unsub-late", "a subscription ends one message after its maximum"},
	BugFalseNoResponders: {"false-no-responders", "no responders, says a node, when all are elsewhere"},
	BugEchoAnyway:        {"echo-anyway", "a client that wants no echo gets its own messages"},
	BugFanoutSkipsLast:   {"fanout-skips-last", "the last of three or more subscribers is left out"},

	BugFloorJumps:        {"floor-jumps", "the ack floor jumps over what is pending"},
	BugAckNeighbour:      {"ack-neighbour", "an ack settles the message behind it, too"},
	BugHalfAckWait:       {"half-ack-wait", "redelivery comes at half the ack wait"},
	BugMaxDeliverOneMore: {"max-deliver-one-more", "one delivery more than max deliver"},
	BugMaxPendingOneMore: {"max-pending-one-more", "one message more pending than max ack pending"},
	BugNakForgotten:      {"nak-forgotten", "naks are ignored"},
	BugTermAsNak:         {"term-as-nak", "a term is taken for a nak"},
	BugAckBeforeApply:    {"ack-before-apply", "an ack is confirmed before its entry is applied"},
	BugCountStays:        {"count-stays", "every other redelivery is not counted"},
	BugForgetPending:     {"forget-pending", "what is pending is lost when the leader changes"},
	BugForgetAcks:        {"forget-acks", "acks above the floor are lost with a restart from a checkpoint"},
	BugFetchTwice:        {"fetch-twice", "a message is delivered to two requests"},
	BugQueueRemovesEarly: {"queue-removes-early", "a work queue removes at delivery, not at ack"},

	BugKeepMember:  {"keep-member", "a damaged node goes on under its Raft id"},
	BugWipedVotes:  {"wiped-votes", "a node with an empty disk takes part at once"},
	BugReuseMember: {"reuse-member", "a node is let in again under a Raft id that its earlier disk had"},
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

// consumerBugs are those that are planted in consumers.
func (b *Broker) consumerBugs() track.Bugs {
	return track.Bugs{
		FloorJumps: b.bug(BugFloorJumps), AckNeighbour: b.bug(BugAckNeighbour), CountStays: b.bug(BugCountStays),
		HalfWait: b.bug(BugHalfAckWait), MaxDeliver: b.bug(BugMaxDeliverOneMore), MaxPending: b.bug(BugMaxPendingOneMore),
		NakForgotten: b.bug(BugNakForgotten), FetchTwice: b.bug(BugFetchTwice), ForgetPending: b.bug(BugForgetPending),
	}
}

// bug says whether b is planted.
func (b *Broker) bug(which Bug) bool { return b.cfg.Switches.Bugs[which] }
