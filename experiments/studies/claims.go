package studies

// Claim is something that the practitioner's essay says of NATS, which studies put to the test.
type Claim struct {
	ID   string
	Said string
	// Measured is what is measured here to answer it.
	Measured string
	// Judged are experiments whose verdicts answer it.
	Judged []string
}

// Claims of the essay, in the order of its text.
var Claims = []Claim{
	{"core-light-and-fast", "Core NATS is light and very fast", "latency, throughput and cost a message of core beside the durable designs on equal hardware", nil},
	{"core-at-most-once", "Core NATS is at-most-once: messages get lost", "loss by cause and by how much goes wrong; duplicates and order", []string{"core-at-most-once", "queue-groups"}},
	{"jetstream-delivery", "JetStream gives at-least-once and exactly-once", "which guarantee holds under which fault, with which settings; known failures reproduced", []string{"consumer-redelivery", "exactly-once", "kafka-consumers"}},
	{"jetstream-durable", "JetStream's acknowledgement means that a message is stored", "share of acknowledged messages lost when power fails, against the sync interval", []string{"power-loss", "pause-then-power-loss", "bit-rot"}},
	{"why-not-kafka", "If I need persistence, why not Kafka?", "the same load, hardware, faults and judges for NATS-, Kafka- and Redpanda-style logs: loss, latency, throughput", []string{"kafka-power-loss", "kafka-acks-one", "kafka-last-replica", "kafka-unclean-election"}},
	{"jetstream-trails", "JetStream came late and trails Kafka in throughput", "achieved rate and latency by sync policy, payload, streams and batching", nil},
	{"failover", "A cluster heals by itself", "time without acknowledgements after crash, partition, pause, disk stall and restart", nil},
	{"go-gc-ceiling", "Go's garbage collector is a ceiling", "pauses, processor time and heap of Go, G1, ZGC and no collector, and what they do to tails and elections", nil},
	{"memory-grows", "Memory grows abnormally", "live bytes against messages, consumers, subjects and slow subscribers; bounds shown to hold", nil},
	{"elegance", "Subject addressing, location transparency and one binary are worth keeping", "services that move under partition with no client reconfigured; durability by default under the same protocol", []string{"location-transparency"}},
}
