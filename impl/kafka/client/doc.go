// Package client is a small pure client of the Kafka-style broker: it does what a load wants (model/load) by way of
// impl/kafka/proto, and keeps unknown outcomes unknown.
//
// Its producer is that of Kafka 4's defaults: records gather for linger or until a batch is full, at most five requests are on
// their way to a broker, what fails in a retriable way is sent again in order until the delivery timeout, and an idempotent
// producer's batches keep their sequence numbers, so that the broker knows them again. Its reader fetches single offsets from the
// leader, below the high watermark.
//
// A stream of the load is a topic with one partition, or "TOPIC/2" for one of several. Sequence numbers are offsets plus one. A
// record's key is the subject, its value the payload.
//
// Invariant: an outcome is OK or Failed only if that is certain. A record that was ever sent and not acknowledged is unknown;
// with acks=0 every one that was sent is.
//
// What it leaves out: consumer groups, transactions, compression, several topics a request.
package client
