package experiments

import (
	"slices"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/spec"
)

// Mutant is a bug planted in the broker on purpose: the judges must catch it.
type Mutant struct {
	ID string
	// What is wrong, in a sentence.
	What string
	// Set is the switch that plants it.
	Set string
	// Experiment in which it shows, and the guarantees of which one or more is then violated.
	Experiment string
	Breaks     []spec.ID
}

// Mutants lists the planted bugs.
func Mutants() []Mutant {
	return slices.Concat(logMutants, streamMutants, coreMutants, consumerMutants, kafkaMutants)
}

// logMutants are planted in the log, in Raft, and in how a node comes back from damage.
var logMutants = []Mutant{
	{
		ID: "ack-before-sync", What: "Storage answers the leader before the log is synced.",
		Set: "bug-ack-before-sync=on", Experiment: "stalled-disks", Breaks: []spec.ID{spec.NoAckedLoss},
	},
	{
		ID: "forget-vote", What: "A node forgets at restart whom it voted for.",
		Set: "bug-forget-vote=on", Experiment: "vote-storm", Breaks: []spec.ID{spec.OneVotePerTerm, spec.OneLeaderPerTerm},
	},
	{
		ID: "accept-after-hole", What: "Recovery takes a valid record after a hole in the log for part of it.",
		Set: "bug-accept-after-hole=on", Experiment: "torn-logs", Breaks: fallsWithDurability,
	},
	{
		ID: "retry-sync", What: "A sync that failed is tried again, and its success believed (fsyncgate).",
		Set: "bug-retry-sync=on", Experiment: "failing-syncs", Breaks: fallsWithDurability,
	},
	{
		ID: "commit-before-durable", What: "The leader counts its own copy of an entry before it is durable.",
		Set: "bug-commit-before-durable=on", Experiment: "stalled-disks", Breaks: fallsWithDurability,
	},
	{
		ID: "keep-member", What: "A node whose log lost what it had promised goes on under its Raft id.",
		Set: "bug-keep-member=on", Experiment: "bit-rot", Breaks: fallsWithDurability,
	},
	{
		ID: "wiped-votes", What: "A node with an empty disk takes part at once.",
		Set: "bug-wiped-votes=on", Experiment: "wiped-disk", Breaks: fallsWithDurability,
	},
	{
		ID: "reuse-member", What: "A node is let in again under a Raft id that its earlier disk had.",
		Set: "bug-reuse-member=on", Experiment: "wiped-disk", Breaks: []spec.ID{spec.ReplicaReturns},
	},
}

// streamMutants are planted in streams.
var streamMutants = []Mutant{
	{
		ID: "half-window", What: "Deduplication ids are forgotten after half the window.",
		Set: "bug-half-window=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.NoDoubleStore},
	},
	{
		ID: "forget-ids", What: "Deduplication ids are lost with a restart from a checkpoint.",
		Set: "bug-forget-ids=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.NoDoubleStore, spec.ReplicaAgreement},
	},
	{
		ID: "remember-refused", What: "The id of a refused publish is remembered.",
		Set: "bug-remember-refused=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.NoFalseDuplicate},
	},
	{
		ID: "duplicate-seq", What: "A duplicate is answered with the stream's last sequence.",
		Set: "bug-duplicate-seq=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.NoFalseDuplicate, spec.OffsetConsistency},
	},
	{
		ID: "subject-of-stream", What: "The expected sequence of a subject is compared with the stream's last.",
		Set: "bug-subject-of-stream=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.ExpectedSequence, spec.LinearizableWrites},
	},
	{
		ID: "limit-newest", What: "A limit per subject removes the newest message.",
		Set: "bug-limit-newest=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.RemovalByRule},
	},
	{
		ID: "discard-new-one-more", What: "Discard new lets one message too many in.",
		Set: "bug-discard-new-one-more=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.RetentionLimits},
	},
	{
		ID: "purge-one-more", What: "A purge removes one message too many.",
		Set: "bug-purge-one-more=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.RemovalByRule},
	},
	{
		ID: "rollup-early", What: "A rollup removes before its message is known to be stored.",
		Set: "bug-rollup-early=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.RemovalByRule},
	},
	{
		ID: "local-clock", What: "Age is decided by each replica's own clock.",
		Set: "bug-local-clock=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.RemovalByRule, spec.ReplicaAgreement, spec.RetentionLimits},
	},
	{
		ID: "no-expiry", What: "Nothing expires while nothing is published.",
		Set: "bug-no-expiry=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.RetentionLimits},
	},
	{
		ID: "first-ack-removes", What: "The first consumer's ack removes a message that others need.",
		Set: "bug-first-ack-removes=on", Experiment: "stream-rules", Breaks: []spec.ID{spec.AckedRemoval, spec.AtLeastOnce},
	},
}

// coreMutants are planted in core messaging.
var coreMutants = []Mutant{
	{
		ID: "keep-dead-interest", What: "Messages are routed to a node whose route is broken.",
		Set: "bug-keep-dead-interest=on", Experiment: "location-transparency", Breaks: []spec.ID{spec.QueueServed, spec.CoreNoMiss, spec.CoreProgress, spec.RequestAnswered},
	},
	{
		ID: "forget-resync", What: "Interest is not told again after a route broke.",
		Set: "bug-forget-resync=on", Experiment: "core-at-most-once", Breaks: []spec.ID{spec.CoreProgress},
	},
	{
		ID: "stale-answers", What: "Answers of the subject index outlive the subscriptions in them.",
		Set: "bug-stale-answers=on", Experiment: "queue-groups", Breaks: []spec.ID{spec.QueueServed, spec.CoreNoPhantom},
	},
	{
		ID: "queue-each-node", What: "A queue group's message goes to a member on every node.",
		Set: "bug-queue-each-node=on", Experiment: "queue-groups", Breaks: []spec.ID{spec.QueueOne},
	},
	{
		ID: "queue-pair", What: "A queue group's message goes to two members of one node.",
		Set: "bug-queue-pair=on", Experiment: "queue-groups", Breaks: []spec.ID{spec.QueueOne, spec.CoreAtMostOnce},
	},
	{
		ID: "overlap-twice", What: "The first of several matching subscriptions is served twice.",
		Set: "bug-overlap-twice=on", Experiment: "core-at-most-once", Breaks: []spec.ID{spec.CoreAtMostOnce},
	},
	{
		ID: "reorder-route", What: "A message overtakes the one before it on a route.",
		Set: "bug-reorder-route=on", Experiment: "core-at-most-once", Breaks: []spec.ID{spec.CoreOrder},
	},
	{
		ID: "false-no-responders", What: "No responders, says a node, when all are elsewhere.",
		Set: "bug-false-no-responders=on", Experiment: "location-transparency", Breaks: []spec.ID{spec.NoRespondersTrue},
	},
	{
		ID: "fanout-skips-last", What: "The last of three or more subscribers is left out.",
		Set: "bug-fanout-skips-last=on", Experiment: "core-at-most-once", Breaks: []spec.ID{spec.CoreNoGap, spec.CoreNoMiss},
	},
}

// consumerMutants are planted in consumers.
var consumerMutants = []Mutant{
	{
		ID: "floor-jumps", What: "The ack floor jumps over what is pending.",
		Set: "bug-floor-jumps=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.FloorMonotone},
	},
	{
		ID: "ack-neighbour", What: "An ack settles the message behind it, too.",
		Set: "bug-ack-neighbour=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.SettledAsAsked},
	},
	{
		ID: "half-ack-wait", What: "Redelivery comes at half the ack wait.",
		Set: "bug-half-ack-wait=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.NotEarly},
	},
	{
		ID: "max-deliver-one-more", What: "One delivery more than the maximum.",
		Set: "bug-max-deliver-one-more=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.MaxDeliver},
	},
	{
		ID: "max-pending-one-more", What: "One message more pending than the maximum.",
		Set: "bug-max-pending-one-more=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.MaxAckPending},
	},
	{
		ID: "nak-forgotten", What: "Naks are ignored.",
		Set: "bug-nak-forgotten=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.RedeliveryInTime},
	},
	{
		ID: "term-as-nak", What: "A term is taken for a nak.",
		Set: "bug-term-as-nak=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.NotEarly, spec.SettledAsAsked, spec.AckIsFinal},
	},
	{
		ID: "ack-before-apply", What: "An ack is confirmed before its entry is applied.",
		Set: "bug-ack-before-apply=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.AckIsFinal, spec.AckFenced},
	},
	{
		ID: "count-stays", What: "Every other redelivery is not counted.",
		Set: "bug-count-stays=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.DeliveryCounts},
	},
	{
		ID: "forget-pending", What: "What is pending is lost when the leader changes.",
		Set: "bug-forget-pending=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.ConsumerProgress, spec.AtLeastOnce, spec.FloorMonotone},
	},
	{
		ID: "forget-acks", What: "Acks above the floor are lost with a restart from a checkpoint.",
		Set: "bug-forget-acks=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.AckIsFinal, spec.DeliveryCounts, spec.ConsumerProgress},
	},
	{
		ID: "fetch-twice", What: "A message is delivered to two requests.",
		Set: "bug-fetch-twice=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.DeliveryCounts, spec.NotEarly},
	},
	{
		ID: "queue-removes-early", What: "A work queue removes at delivery, not at the ack.",
		Set: "bug-queue-removes-early=on", Experiment: "consumer-redelivery", Breaks: []spec.ID{spec.AckedRemoval},
	},
}

// Caught is what came of looking for one planted bug.
type Caught struct {
	ID         string `json:"id"`
	What       string `json:"what"`
	Set        string `json:"set"`
	Experiment string `json:"experiment"`
	Caught     bool   `json:"caught"`
	// Guarantee is the one that broke, of those that the bug is known to break; Seed the first that showed it.
	Guarantee spec.ID     `json:"guarantee,omitempty"`
	Seed      rundir.Seed `json:"seed,omitempty"`
	// Seeds were tried, Violated of them broke such a guarantee.
	Seeds      int     `json:"seeds"`
	Violated   int     `json:"violated"`
	CPUSeconds float64 `json:"cpu_seconds"`
	Sentence   string  `json:"sentence,omitempty"`
}

// Hunt runs a bug's experiment with it planted over seeds from 1 on, at most limit, until it is caught; all says to run every
// seed and count. CPUSeconds is left to the caller, who has a clock.
func (m *Mutant) Hunt(limit int, all bool) (Caught, error) {
	c := Caught{ID: m.ID, What: m.What, Set: m.Set, Experiment: m.Experiment}
	e, err := Find(m.Experiment)
	if err != nil {
		return c, err
	}
	for seed := rundir.Seed(1); int(seed) <= limit && (all || !c.Caught); seed++ {
		cfg, err := e.Config(seed, Options{Set: []string{m.Set}})
		if err != nil {
			return c, err
		}
		res, err := Execute(cfg, nil)
		if err != nil {
			return c, err
		}
		c.Seeds++
		for _, id := range m.Breaks {
			if v := res.Report.Of(id); v != nil && v.Value == spec.Violated {
				c.Violated++
				if !c.Caught {
					c.Caught, c.Guarantee, c.Seed, c.Sentence = true, id, seed, v.Sentence
				}
				break
			}
		}
	}
	return c, nil
}
