package spec

// Names of the baselines whose claims are known.
const (
	// Kafka is the Kafka-style broker, held to what Kafka's documents promise.
	Kafka = "kafka"
	// Redpanda is the Redpanda-style broker, held to what Redpanda's documents promise.
	Redpanda = "redpanda"
)

const (
	kafkaDocs = "Kafka documentation, design, replication: a message is committed when all in-sync replicas have it, and committed messages are not lost while at least one in-sync replica is alive; acks=1 and 0 promise less"
	pandaDocs = "Redpanda documentation: with acks=all an acknowledged record is replicated to a majority and synced there"
)

// laxProducers are the settings under which an acknowledgement says less than that the in-sync replicas have a record.
var laxProducers = []Setting{{Name: "acks", Values: []string{"1", "0"}}}

// uncleanKafka are those under which Kafka's documents do not promise that what is committed stays.
var uncleanKafka = append([]Setting{{Name: "unclean", Values: []string{"on"}}, {Name: "min-isr", Values: []string{"1"}}}, laxProducers...)

// Reads of a Kafka leader may lag behind what it acknowledged before an election: its high watermark is rebuilt. Linearizable
// reads are not claimed.
var kafkaClaims = []Claim{
	{Kafka, NoPhantom, nil, kafkaDocs},
	{Kafka, NoAbortedRead, laxProducers, kafkaDocs},
	{Kafka, OffsetConsistency, uncleanKafka, kafkaDocs},
	{Kafka, NoAckedLoss, uncleanKafka, kafkaDocs},
	{Kafka, LinearizableWrites, uncleanKafka, kafkaDocs},
	{Kafka, ReplicaAgreement, uncleanKafka, kafkaDocs},
	{Kafka, OneLeaderPerTerm, nil, kafkaDocs},
	{Kafka, PublishProgress, laxProducers, kafkaDocs},
	{Kafka, NoCrash, nil, kafkaDocs},

	{Redpanda, NoPhantom, nil, pandaDocs},
	{Redpanda, NoAbortedRead, laxProducers, pandaDocs},
	{Redpanda, OffsetConsistency, laxProducers, pandaDocs},
	{Redpanda, NoAckedLoss, laxProducers, pandaDocs},
	{Redpanda, LinearizableWrites, laxProducers, pandaDocs},
	{Redpanda, ReplicaAgreement, laxProducers, pandaDocs},
	{Redpanda, OneLeaderPerTerm, nil, raftPaper},
	{Redpanda, OneVotePerTerm, nil, raftPaper},
	{Redpanda, LogMatching, nil, raftPaper},
	{Redpanda, AppliedAgreement, nil, raftPaper},
	{Redpanda, LeaderCompleteness, nil, raftPaper},
	{Redpanda, PublishProgress, laxProducers, pandaDocs},
	{Redpanda, NoCrash, nil, pandaDocs},
}
