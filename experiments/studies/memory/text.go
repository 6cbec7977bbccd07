package memory

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func paragraphs(p *study.Rows) []string {
	return []string{
		"Live bytes are what the machines themselves account for (Footprint), the most of any sample of the node that holds most; the heap is the collector model's, with Go at GOGC 100 for the reference broker, which lets it grow to twice what lives.",
		fmt.Sprintf("Messages are on disk. In memory the reference broker keeps an index of 24 bytes a message, its newest messages and the uncompacted Raft log: %s live at %s messages. What grows without a bound is the index, and with it subjects; a subscription takes some 400 bytes (measured). Kafka's partition log here is a cache of the page cache's kind, and no index of it is kept in memory.",
			words.Bytes(liveAtMost(p, "messages", &systems.Reference)), lastSize(p, "messages", &systems.Reference)),
		fmt.Sprintf("Slow subscribers: %s of them, with 8 MB/s for each, hold %s. From half of the bound on their producers are not read from, so that little more than half waits.", lastSize(p, "slow subscribers", &systems.Reference), words.Bytes(liveAtMost(p, "slow subscribers", &systems.Reference))),
		"Not accounted for in bytes: a consumer's own state. That the consumers' axis is level says nothing of it, then.",
	}
}

func answer(p *study.Rows) string {
	return fmt.Sprintf("It grows with what is asked of it, and every queue has a bound that held: %s live at %s messages (24 bytes each of index; the rest is caches), %s with %s subscribers that do not read (at most 1 MiB each as configured; 64 MiB by default, which is how a NATS server's memory grows). With 64 MiB a connection the bound is there, and far away.",
		words.Bytes(liveAtMost(p, "messages", &systems.Reference)), lastSize(p, "messages", &systems.Reference), words.Bytes(liveAtMost(p, "slow subscribers", &systems.Reference)), lastSize(p, "slow subscribers", &systems.Reference))
}
