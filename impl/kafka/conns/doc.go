// Package conns is the clients' connections of a broker that speaks impl/kafka/proto: bytes become requests, replies
// become bytes, and who makes no sense or does not read is cut. The Kafka-style and the Redpanda-style broker share it.
//
// Invariant: what waits for a connection is bounded by MaxPending, and a closed connection is sent nothing.
//
// It sees impl/kafka/proto and model.
package conns
