// Package client is a small pure client of the Kafka-style broker: it does what a load wants (model/load) by way of
// impl/kafka/proto, and keeps unknown outcomes unknown.
//
// Its producer is that of Kafka 4's defaults: records gather for linger or until a batch is full, at most five requests are on
// their way to a broker, what fails in a retriable way is sent again in order until the delivery timeout, and an idempotent
// producer's batches keep their sequence numbers, so that the broker knows them again. Its reader fetches single offsets from the
// leader, below the high watermark.
//
// Its consumer is a group's one member, and owns the stream's one partition. A fetch of the load is a poll: it hands out what was
// fetched before, or waits for the leader's long-poll. With Commit Manual an offset is committed once the load has acked everything
// below it, and an ack is confirmed when the commit is answered; with Auto polls commit, every 5 s, what the polls before them
// returned. A program that starts anew begins at the committed offset, or at the first if there is none
// (auto.offset.reset=earliest). A consumer of the load without acks belongs to no group.
//
// A stream of the load is a topic with one partition, or "TOPIC/2" for one of several. Sequence numbers are offsets plus one. A
// record's key is the subject, its value the payload.
//
// Invariant: an outcome is OK or Failed only if that is certain. A record that was ever sent and not acknowledged is unknown;
// with acks=0 every one that was sent is.
//
// What it leaves out: membership of consumer groups and rebalancing, naks and the like, which Kafka's consumers have not, transactions, compression, several topics a request.
package client
