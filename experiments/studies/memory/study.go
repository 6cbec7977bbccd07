package memory

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

var Study = study.Study{
	Name:     "memory",
	Question: "Does memory grow abnormally: with what does it grow, and which bound holds it?",
	Vary:     "messages, subjects, consumers, slow subscribers, partitions; one at a time",
	Small:    1, Full: 5,
	Tables: []study.Table{
		{Name: "points", Columns: []string{"axis", "system", "design", "n", "seed", "live_bytes", "heap_bytes", "ok", "failed", "events"}},
		{Name: "uses", Columns: []string{"axis", "system", "n", "seed", "kind", "count", "bytes"}},
	},
	Grid:     grid,
	Conclude: conclude,
}

// concludeMemory says with what memory grows, and holds every queue to the bound in its configuration.
func conclude(t *study.Tables) (*study.Conclusion, error) {
	c := &study.Conclusion{Answers: map[string]string{}}
	p, u := t.Of("points"), t.Of("uses")
	if err := c.Draw(t, liveFigure); err != nil {
		return nil, err
	}
	c.Tables = append(c.Tables, liveTable(p, u))
	c.Checks = []study.Check{
		boundCheck(u, "raft-tail-bounded", "the uncompacted log in memory is at most TailBytes (4 MiB) and one batch (256 KiB) a group, streams and the cluster's own", "raft tail",
			[]string{"messages", "subjects", "partitions"}, &systems.Reference, func(axis string, n, _ int64) int64 { return (groups(axis, n) + 1) * (tailBound + keepSlack) }),
		boundCheck(u, "cache-bounded", "beyond 24 bytes a message of index, 72 a subject, both doubled at most by growing, a stream keeps its newest messages up to CacheBytes (4 MiB), a cached one taking 104 bytes more than itself: at most three times CacheBytes", "stores",
			[]string{"messages", "subjects", "partitions"}, &systems.Reference, storeBound),
		boundCheck(u, "slow-subscribers-bounded", "what waits for subscribers that do not read is at most PendingBytes (1 MiB here) each", "connections",
			[]string{"slow subscribers"}, &systems.Reference, func(_ string, n, _ int64) int64 { return n*pendingBound + 8*keepSlack }),
		boundCheck(u, "partition-cache-bounded", "Kafka's design keeps at most CacheBytes (4 MiB) of each partition's log, and one batch", "partition logs",
			[]string{"messages", "partitions"}, &systems.KafkaAll, func(axis string, n, _ int64) int64 { return groups(axis, n) * (cacheBound + keepSlack) }),
	}
	c.Paragraphs = []string{
		"Live bytes are what the machines themselves account for (Footprint), the most of any sample of the node that holds most; the heap is the collector model's, with Go at GOGC 100 for the reference broker, which lets it grow to twice what lives.",
		fmt.Sprintf("Messages are on disk. In memory the reference broker keeps an index of 24 bytes a message, its newest messages and the uncompacted Raft log: %s live at %s messages. What grows without a bound is the index, and with it subjects; a subscription takes some 400 bytes (measured). Kafka's partition log here is a cache of the page cache's kind, and no index of it is kept in memory.",
			words.BytesText(liveAtMost(p, "messages", &systems.Reference)), lastSize(p, "messages", &systems.Reference)),
		fmt.Sprintf("Slow subscribers: %s of them, with 8 MB/s for each, hold %s. From half of the bound on their producers are not read from, so that little more than half waits.", lastSize(p, "slow subscribers", &systems.Reference), words.BytesText(liveAtMost(p, "slow subscribers", &systems.Reference))),
		"Not accounted for in bytes: a consumer's own state. That the consumers' axis is level says nothing of it, then.",
	}
	c.Answers["memory-grows"] = fmt.Sprintf("It grows with what is asked of it, and every queue has a bound that held: %s live at %s messages (24 bytes each of index; the rest is caches), %s with %s subscribers that do not read (at most 1 MiB each as configured; 64 MiB by default, which is how a NATS server's memory grows). With 64 MiB a connection the bound is there, and far away.",
		words.BytesText(liveAtMost(p, "messages", &systems.Reference)), lastSize(p, "messages", &systems.Reference), words.BytesText(liveAtMost(p, "slow subscribers", &systems.Reference)), lastSize(p, "slow subscribers", &systems.Reference))
	return c, nil
}
