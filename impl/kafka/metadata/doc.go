// Package metadata is what the controller of the Kafka-style broker knows, as a state machine: brokers with their epochs,
// topics, and of every partition its replicas, in-sync replicas, eligible leader replicas, leader and epochs.
//
// Commands are the entries of the controller quorum's log. Every node applies all of them, so that what is decided (is this
// ISR change current? who leads now?) is decided in log order, and brokers learn of it by applying. In Kafka the active controller
// decides and logs the outcome; the outcomes are the same.
//
// The rules are those of Kafka 4 (metadata/.../ReplicationControlManager, PartitionChangeBuilder): fencing, elections in the
// order of the assignment, ELR (KIP-966), unclean election as a setting.
//
// Invariant: State is a function of the commands applied, in their order.
//
// It sees impl/kafka/proto and the standard library.
package metadata
