package spec

import "slices"

// ID names a guarantee in verdicts, claims and reports.
type ID string

// The guarantees of a replicated log and its nodes.
const (
	NoPhantom          ID = "no-phantom"
	NoAbortedRead      ID = "no-aborted-read"
	OffsetConsistency  ID = "offset-consistency"
	NoAckedLoss        ID = "no-acked-loss"
	LinearizableLog    ID = "linearizable-log"
	LinearizableWrites ID = "linearizable-writes"
	ReplicaAgreement   ID = "replica-agreement"
	OneLeaderPerTerm   ID = "raft-one-leader-per-term"
	OneVotePerTerm     ID = "raft-one-vote-per-term"
	LogMatching        ID = "raft-log-matching"
	AppliedAgreement   ID = "raft-applied-agreement"
	LeaderCompleteness ID = "raft-leader-completeness"
	PublishProgress    ID = "publish-progress"
	NoCrash            ID = "no-crash"
	ReplicaReturns     ID = "replica-returns"
)

// Area groups guarantees in reports.
type Area string

const (
	Stream   Area = "stream"
	Raft     Area = "raft"
	Process  Area = "process"
	Consumer Area = "consumer"
	Core     Area = "core"
)

// Guarantee is one entry of the catalogue.
type Guarantee struct {
	ID    ID
	Area  Area
	Title string
	// Statement is the formal statement. "<" is the order of event indexes; P(m) is the
	// publish of message m with its call and its return, R a read, S(n, s) what node n's
	// store holds at sequence s.
	Statement string
	// Needs says what a history must record for the verdict to be other than "not
	// exercised" or "unknown".
	Needs string
}

// catalogue is every guarantee, in the order in which reports list them.
var catalogue = slices.Concat(logGuarantees, streamGuarantees, consumerGuarantees, coreGuarantees)

// logGuarantees are those of a replicated log and its nodes.
var logGuarantees = []Guarantee{
	{
		NoPhantom, Stream, "No message out of nothing",
		"Every value read, acknowledged or stored was published by a call that came before: P(m).call < it.",
		"publishes; reads or stored observations that carry values",
	},
	{
		NoAbortedRead, Stream, "No message that was refused",
		"No value is read or stored whose publish failed.",
		"a failed publish, or values read",
	},
	{
		OffsetConsistency, Stream, "One message a sequence number",
		"Over all acknowledgements, reads and replicas, at all times, (stream, sequence) names one value, and a value has one sequence in a stream.",
		"acknowledged publishes, reads or stored observations",
	},
	{
		NoAckedLoss, Stream, "No acknowledged message lost",
		"P(m) = ok(s) implies that the final drain reads m, and that every replica which is up at the end holds m at s, unless a declared rule removed it.",
		"acknowledged publishes, final reads up to a not-found, and the mark drained",
	},
	{
		LinearizableLog, Stream, "Linearizable log",
		"There are moments p1 < p2 < ..., one for each sequence number, each inside its publish, such that every read, refusal and acknowledgement agrees with the log as of some moment between its own call and return.",
		"publishes and reads of one stream",
	},
	{
		LinearizableWrites, Stream, "Linearizable writes",
		"As linearizable-log, for publishes alone: reads say which message a number holds, but not when.",
		"publishes of one stream",
	},
	{
		ReplicaAgreement, Stream, "Replicas agree",
		"Always: no two nodes hold different content at one sequence. After the drain: all replicas that are up hold the same messages.",
		"stored observations of two nodes, and the mark drained",
	},
	{
		OneLeaderPerTerm, Raft, "One leader a term",
		"leader(n, g, t) and leader(m, g, t) imply n = m (election safety, Raft section 5.2).",
		"leader observations",
	},
	{
		OneVotePerTerm, Raft, "One vote a term",
		"voted(n, g, t, p) and voted(n, g, t, q) imply p = q, over restarts; leader(n, g, t) counts as n's vote for itself (Raft section 5.2).",
		"voted observations",
	},
	{
		LogMatching, Raft, "Logs match",
		"Entries with the same group, index and term have the same content and a predecessor of the same term, on all nodes at all times (Raft section 5.3).",
		"appended observations",
	},
	{
		AppliedAgreement, Raft, "What is committed never changes",
		"applied(g, i) has one term and one content over all nodes and all times (state machine safety, Raft section 5.4.3).",
		"applied observations",
	},
	{
		LeaderCompleteness, Raft, "A leader has all that was committed",
		"If an entry was applied anywhere while every leader so far had a term below t, the leader of t never appends an entry of t at or below its index (Raft section 5.4).",
		"leader, applied and appended observations",
	},
	{
		PublishProgress, Stream, "Publishing resumes after healing",
		"With H the time of the mark healed and bound B: for a publish called at t > H some publish to its stream is acknowledged within (t, t+B], and one called after H+B is itself acknowledged within B.",
		"the mark healed, and publishes after it that the history follows for B",
	},
	{
		NoCrash, Process, "No node fails by itself",
		"No node goes down by a panic of its own, or takes itself for damaged although its disk kept what was synced.",
		"nodes seen going up or down",
	},
	{
		ReplicaReturns, Process, "A lost replica comes back",
		"With H the time of the mark healed and bound B: a node that lost its part of a group (it took itself for damaged, or its disk was replaced) at t, while more than half of the group's replicas kept theirs, counts in the group again by max(H, t)+B.",
		"a node seen to be damaged or wiped, and the mark healed",
	},
}

// Catalogue returns all guarantees, in the order in which reports list them.
func Catalogue() []Guarantee { return append([]Guarantee(nil), catalogue...) }

// Lookup returns the entry of id.
func Lookup(id ID) (Guarantee, bool) {
	for _, g := range catalogue {
		if g.ID == id {
			return g, true
		}
	}
	return Guarantee{}, false
}
