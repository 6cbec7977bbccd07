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

const (
	kafkaConsumers = "Kafka documentation, design, message delivery semantics: a consumer that processes and then commits has at least once; the order within a partition is that of the log"
	kafkaCommitted = "KafkaConsumer javadoc, offsets and consumer position: the committed position is the last offset that has been stored securely, to which the consumer will recover"
)

// autoCommit: polls commit what the polls before them returned, and only who has processed all of it by then has at least once
// (KafkaConsumer javadoc, automatic offset committing).
var autoCommit = Setting{Name: "commit", Values: []string{"auto"}}

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
	{Kafka, ConsumerNoPhantom, uncleanKafka, kafkaConsumers},
	{Kafka, AtLeastOnce, uncleanKafka, kafkaConsumers},
	{Kafka, NothingSkipped, append([]Setting{autoCommit}, uncleanKafka...), kafkaConsumers},
	{Kafka, AckIsFinal, uncleanKafka, kafkaCommitted},
	{Kafka, FirstOrder, uncleanKafka, kafkaConsumers},
	{Kafka, ConsumerProgress, laxProducers, kafkaConsumers},

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
	{Redpanda, ConsumerNoPhantom, laxProducers, kafkaConsumers},
	{Redpanda, AtLeastOnce, laxProducers, kafkaConsumers},
	{Redpanda, NothingSkipped, append([]Setting{autoCommit}, laxProducers...), kafkaConsumers},
	{Redpanda, AckIsFinal, laxProducers, kafkaCommitted},
	{Redpanda, FirstOrder, laxProducers, kafkaConsumers},
	{Redpanda, ConsumerProgress, laxProducers, kafkaConsumers},
}
