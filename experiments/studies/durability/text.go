package durability

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func paragraphs(rows *study.Rows) []string {
	nats := func(interval string) float64 {
		_, _, s := lostBy(rows, "system", "NATS", "sync_interval_ms", interval, "nodes_down", "3")
		return s
	}
	kl, ka, ks := lostBy(rows, "settings", "acks=all elr=on flush=none", "nodes_down", "3")
	ol, oa, _ := lostBy(rows, "settings", "acks=1 elr=on flush=none", "nodes_down", "1")
	return []string{
		fmt.Sprintf("All systems get the same arrivals and the same power failure, seed by seed; nothing unsynced survives it. A system that syncs on a quorum before it acknowledges "+
			"loses nothing, whoever loses power: the reference broker, NATS's decisions with sync always, the Redpanda-style log, and Kafka's with flush.messages=1. "+
			"Where syncs come at intervals the loss is what was acknowledged since the last one: with NATS %.2f s of traffic at 1 s, %.1f s at 10 s, %.0f s at 30 s and %.0f s at its default of two minutes "+
			"(the run is then shorter than the interval: all of it).", nats("1000"), nats("10000"), nats("30000"), nats("120000")),
		fmt.Sprintf("Kafka's defaults lose %s (%.0f s of traffic) when all three nodes lose power, since nothing but the kernel's writeback syncs; when one or two do, the replica that is left covers for them. "+
			"With acks=1 the leader's power alone takes %s. ELR changes nothing here: it is about replicas that come back one after the other.", words.Share(kl, ka), ks, words.Share(ol, oa)),
	}
}

func answerDurable(rows *study.Rows) string {
	l, a, s := lostBy(rows, "system", "NATS", "sync_interval_ms", "120000", "nodes_down", "3")
	l1, a1, _ := lostBy(rows, "system", "NATS", "sync_interval_ms", "120000", "nodes_down", "1")
	return fmt.Sprintf("With its default of a sync every two minutes, all nodes' power took %s of what was acknowledged (%.0f s of traffic), one node's %s. Synced before it is acknowledged, nothing.",
		words.Share(l, a), s, words.Share(l1, a1))
}

func answerKafka(rows *study.Rows) string {
	l, a, s := lostBy(rows, "settings", "acks=all elr=on flush=none", "nodes_down", "3")
	return fmt.Sprintf("For loss the designs do not differ, their defaults do: neither NATS nor Kafka syncs before it acknowledges. Kafka's defaults lost %s (%.0f s of traffic) when all nodes lost power.", words.Share(l, a), s)
}
