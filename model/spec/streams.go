package spec

// The guarantees of a stream beyond being a log.
const (
	NoDoubleStore    ID = "no-double-store"
	NoFalseDuplicate ID = "no-false-duplicate"
	ExpectedSequence ID = "expected-sequence"
	RemovalByRule    ID = "removal-by-rule"
	RetentionLimits  ID = "retention-limits"
	AckedRemoval     ID = "acked-removal"
	DirectRead       ID = "direct-read"
	MonotonicReads   ID = "monotonic-reads"
)

// streamGuarantees are what a stream promises beyond being a log: deduplication, expectations, limits and retention. P(m, k) is
// a publish of m under the deduplication id k; W the stream's window.
var streamGuarantees = []Guarantee{
	{
		NoDoubleStore, Stream, "Nothing stored twice under one id",
		"What is published under one id k is stored at s and at t, s < t, only if stamp(t) - stamp(s) >= W, whether or not s is still there. Where no stamps are known: never if both stores certainly fell within W.",
		"publishes with ids; acknowledgements, or stored observations with stamps",
	},
	{
		NoFalseDuplicate, Stream, "A duplicate has an original",
		"P(m, k) = ok(s, duplicate) implies that s holds m. P(m, k) = fail(10158, under way) implies that an earlier P(m, k) has not been answered or given up, or that m is stored, then or at last, by one called before.",
		"publishes answered as duplicates; what their sequences hold, by acknowledgements, reads or stored observations; for refusals the mark drained",
	},
	{
		ExpectedSequence, Stream, "Expected sequences hold",
		"A publish that expects last sequence e is stored as e+1 or not at all; one that expects e of its subject x is stored only when e is the newest message of x that is there (0: none is). So of two with one expectation at most one is stored, unless a rule removed the first. A refusal (10071) names another sequence than e, and one of x; a refusal that names none for the reason that another publish is under way (10164) says nothing.",
		"publishes with expectations",
	},
	{
		RemovalByRule, Stream, "Nothing removed but by a rule",
		"removed(s, rule) implies that the rule covers s: max_msgs, max_bytes and max_age take the oldest message, max_msgs_per_subject the oldest of its subject, and only when there is too much, or it is too old, and the first two, of a stream that discards what is new, none; a purge what its call names, and leaves what it is to keep; a delete the message asked for; a rollup what is older than the message that rolls up, when that has been stored. And of what was there when a purge, delete or rollup was called nothing that it names, but what it is to keep, is there when it is answered.",
		"stored and removed observations",
	},
	{
		RetentionLimits, Stream, "Limits are kept",
		"Whenever a message comes, and at the end, the stream holds no more messages, bytes, or messages of one subject than configured. A message older than max_age is not read by a call later than its age, or the mark healed, by more than the bound; nor, five seconds after healing and later, by one later than its age by more than two seconds.",
		"stored and removed observations, or reads; streams with limits in the header",
	},
	{
		AckedRemoval, Stream, "Work queues and interest streams remove what is done with",
		"removed(s, ack) implies that a client acked or termed s for each consumer that takes its subject and existed when s was stored, unless the consumer was deleted; s is left out for the reason no-interest only if there was none. After the drain nothing is there that every consumer which takes it confirmed to be settled.",
		"a stream with retention interest or workqueue, its consumers in the header, and stored and removed observations",
	},
	{
		DirectRead, Stream, "Direct reads are of a true past",
		"A read that any replica may answer agrees with the log as of some moment before its return: what it finds was published and stands at that number, and it passes over nothing that was not removed. How old that moment is counts, but breaks nothing.",
		"direct reads",
	},
	{
		MonotonicReads, Stream, "A client's reads do not go back",
		"R1 < R2 of one client: what R1 found, and all before it, R2 does not miss, unless a rule removed it, be they answered by whatever replica.",
		"reads of one client",
	},
}

var (
	dedupByLeader  = append([]Setting{{Name: "dedup", Values: []string{"leader"}}}, forgetful...)
	expectByLeader = append([]Setting{{Name: "expect", Values: []string{"leader"}}}, forgetful...)
)

const (
	ourStreams = "DESIGN: decided in log order"
	natsDedup  = "nats.docs, JetStream model deep dive, message deduplication: a message with an id seen within the window is not stored again, and its acknowledgement says that it is a duplicate"
	natsExpect = "nats.docs, JetStream headers: a publish with Nats-Expected-Last-Sequence or -Last-Subject-Sequence is stored only if the sequence is as expected"
	natsLimits = "nats.docs, nats-concepts/jetstream: limits and retention policies; the oldest message makes room, or the new one is refused"
	natsReads  = "nats.docs, nats-concepts/jetstream: monotonic reads are guaranteed, read-your-writes is not, as direct gets may be answered by followers"
)

var streamClaims = []Claim{
	{Reference, NoDoubleStore, dedupByLeader, ourStreams},
	{Reference, NoFalseDuplicate, dedupByLeader, ourStreams},
	{Reference, ExpectedSequence, expectByLeader, ourStreams},
	{Reference, RemovalByRule, forgetful, ourStreams},
	{Reference, RetentionLimits, forgetful, ourStreams},
	{Reference, AckedRemoval, forgetful, ourStreams},
	{Reference, DirectRead, forgetful, "DESIGN: direct get from any replica with its weaker claim"},

	{NATS, NoDoubleStore, nil, natsDedup},
	{NATS, NoFalseDuplicate, nil, natsDedup},
	{NATS, ExpectedSequence, nil, natsExpect},
	{NATS, RemovalByRule, nil, natsLimits},
	{NATS, RetentionLimits, nil, natsLimits},
	{NATS, AckedRemoval, nil, natsLimits},
	{NATS, DirectRead, nil, natsReads},
	// The reference promises of direct reads no more than direct-read says.
	{NATS, MonotonicReads, nil, natsReads},
}
