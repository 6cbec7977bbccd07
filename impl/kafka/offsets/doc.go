// Package offsets is how far consumer groups have come in partitions, as brokers of the Kafka protocol keep it: the
// records of the internal topic __consumer_offsets, and the table that they come to.
//
// A record's key names a group and a partition, its value the committed offset: the next one that the group will read. The last
// record of a key counts.
//
// Invariant: a Table is a function of the batches applied, in their order, so any replica of the topic can build it anew.
//
// What it leaves out: 50 partitions (there is one, so one coordinator for all groups), metadata that clients attach to commits,
// expiry of groups without members, tombstones. The topic is compacted in Kafka: of a sealed segment (100 MiB) only the newest
// record of a key has to stay. No run fills a segment, and nothing is compacted here.
//
// It sees impl/kafka/proto and the standard library. Brokers of the Kafka protocol import it.
package offsets
