package studies

// Claim is something that the practitioner's essay says of NATS, which studies put to the test.
type Claim struct {
	ID   string
	Said string
	// Measured is what is measured here to answer it.
	Measured string
}

// Claims of the essay, in the order of its text.
var Claims = []Claim{
	{"core-light-and-fast", "Core NATS is light and very fast", "latency, throughput and cost a message of core beside the durable designs on equal hardware"},
	{"core-at-most-once", "Core NATS is at-most-once: messages get lost", "loss by cause and by how much goes wrong; duplicates and order"},
	{"jetstream-delivery", "JetStream gives at-least-once and exactly-once", "which guarantee holds under which fault, with which settings; known failures reproduced"},
	{"jetstream-durable", "JetStream's acknowledgement means that a message is stored", "share of acknowledged messages lost when power fails, against the sync interval"},
	{"why-not-kafka", "If I need persistence, why not Kafka?", "the same load, hardware, faults and judges for NATS-, Kafka- and Redpanda-style logs: loss, latency, throughput"},
	{"jetstream-trails", "JetStream came late and trails Kafka in throughput", "achieved rate and latency by sync policy, payload, streams and batching"},
	{"failover", "A cluster heals by itself", "time without acknowledgements after crash, partition, pause, disk stall and restart"},
	{"go-gc-ceiling", "Go's garbage collector is a ceiling", "pauses, processor time and heap of Go, G1, ZGC and no collector, and what they do to tails and elections"},
	{"memory-grows", "Memory grows abnormally", "live bytes against messages, consumers, subjects and slow subscribers; bounds shown to hold"},
	{"elegance", "Subject addressing, location transparency and one binary are worth keeping", "services that move under partition with no client reconfigured; durability by default under the same protocol"},
}
