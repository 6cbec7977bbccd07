package overview

import "slices"

// section is one question of the page, and the studies that answer it, in the order in which they are shown.
type section struct {
	id, title, question string
	studies             []string
}

// sections in order. A study that none of them names stands in the last.
var sections = []section{
	{"loss", "Loss", "When is a message lost that was acknowledged, and what does it cost to keep it?", []string{"durability-frontier"}},
	{"throughput", "Throughput and latency", "What does a durable publish cost, and what does its acknowledgement say?", []string{"throughput-latency"}},
	{"collectors", "Garbage collectors", "What do collectors do to the tail of latencies and to elections?", []string{"collectors", "pause-tail", "pause-elections"}},
	{"failover", "Failover", "How long does nobody get an acknowledgement after a fault?", []string{"failover", "availability"}},
	{"core", "Core messaging", "How light is at-most-once, and what does it lose?", []string{"core"}},
	{"scale", "Scale and memory", "What grows with streams, consumers, subjects and messages?", []string{"scale", "memory"}},
	{"other", "Other studies", "", nil},
}

// sectionOf is the index of the section in which a study stands, and its place there.
func sectionOf(name string) (at, place int) {
	for i := range sections {
		if k := slices.Index(sections[i].studies, name); k >= 0 {
			return i, k
		}
	}
	return len(sections) - 1, 0
}

// gap is something that the model leaves out, and where ARCHITECTURE.md says more.
type gap struct{ Text, Where string }

var gaps = []gap{
	{"Brokers, clients, disks and networks run in virtual time. No figure here is a measurement of nats-server, Kafka or Redpanda.", "Bird's eye"},
	{"Each design is a broker of this project on that design's rules. What of NATS is modelled, simplified or absent is listed row by row.", "Fidelity"},
	{"Kafka- and Redpanda-style logs have consumers with committed offsets, and no rebalancing of groups, transactions, retention, quotas or changes of membership, and of Kafka's protocol the meaning only (impl/kafka, impl/redpanda).", "Code map"},
	{"What work costs was measured on this project's code, in Go, for all designs alike; a design's own language enters as its collector only (experiments/hardware).", "Code map"},
	{"Processor caches, memory bandwidth and clock frequency, processes that share a machine, TCP's congestion control and accept queues are left out (sim, sim/host).", "Code map"},
	{"Clients cost nothing and are never the bottleneck (experiments/trial).", "Code map"},
	{"Disks lose, tear and rot what was not synced, by stated rules; rot inside the last synced batch cannot be told from a torn write, and is cut.", "Damage, and coming back from it"},
	{"A published constant is somebody's measurement on another machine. An assumed one has a band; unless a study sweeps the band, its figures hold for the value alone.", "Known gaps"},
}
