package experiments

import "github.com/brokerlab/brokerlab/model/spec"

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
	return []Mutant{
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
}
