package durability

import (
	"fmt"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func paragraphs(rows *study.Rows) []string {
	kafka := lostBy(rows, "settings", kafkaDefaults, "nodes_down", "3")
	one := lostBy(rows, "settings", "acks=1 elr=on flush=none", "nodes_down", "1")
	return []string{
		"All systems get the same arrivals and the same power failure, seed by seed; nothing unsynced survives it. A system that syncs on a quorum before it acknowledges " +
			"loses nothing, whoever loses power: the reference broker, NATS's decisions with sync always, the Redpanda-style log, and Kafka's with flush.messages=1. " +
			"Where syncs come at intervals the loss is what was acknowledged since the last one: with NATS " + natsLosses(rows) + " (at two minutes, its default, the runs are shorter than the interval, and the kernel's own writeback after 35 s bounds it).",
		fmt.Sprintf("Kafka's defaults lose %s (%.0f s of traffic, of fewer acknowledged than where somebody leads again sooner) when all three nodes lose power, since nothing but the kernel's writeback syncs; when one or two do, the replica that is left in sync leads, and %s and %s are lost, where a majority of NATS's that lost its logs outvotes the one node that kept its own (%s). "+
			"With acks=1 the leader's power alone takes %s: no more than what followers had not fetched yet. With acks=0 a producer sends on into a connection that nobody reads, until it is told: %s of what was sent. "+
			"ELR on and off lost %s and %s: it is about replicas that come back one after the other.",
			kafka.share(), kafka.seconds(), lostBy(rows, "settings", kafkaDefaults, "nodes_down", "1").share(), lostBy(rows, "settings", kafkaDefaults, "nodes_down", "2").share(),
			lostBy(rows, "system", "NATS", "sync_interval_ms", "120000", "nodes_down", "2").share(), one.share(), lostBy(rows, "settings", "acks=0 elr=on flush=none", "nodes_down", "1").share(),
			kafka.share(), lostBy(rows, "settings", "acks=all elr=off flush=none", "nodes_down", "3").share()),
	}
}

// natsLosses lists what the middle seed of each interval lost.
func natsLosses(rows *study.Rows) string {
	var parts []string
	mine := rows.Where("system", "NATS", "nodes_down", "3")
	for _, interval := range mine.Values("sync_interval_ms") {
		o := lostBy(mine, "sync_interval_ms", interval)
		parts = append(parts, fmt.Sprintf("%s s of traffic at %s", words.Number(o.seconds()), placeName(o.Int(0, "sync_interval_ms"))))
	}
	return strings.Join(parts, ", ")
}

func answerDurable(rows *study.Rows) string {
	all := lostBy(rows, "system", "NATS", "sync_interval_ms", "120000", "nodes_down", "3")
	one := lostBy(rows, "system", "NATS", "sync_interval_ms", "120000", "nodes_down", "1")
	return fmt.Sprintf("With its default of a sync every two minutes, all nodes' power took %s of what was acknowledged (%.0f s of traffic), one node's %s. Synced before it is acknowledged, nothing.",
		all.share(), all.seconds(), one.share())
}

func answerKafka(rows *study.Rows) string {
	kafka := func(down string) string { return lostBy(rows, "settings", kafkaDefaults, "nodes_down", down).share() }
	nats := func(down string) string {
		return lostBy(rows, "system", "NATS", "sync_interval_ms", "120000", "nodes_down", down).share()
	}
	return fmt.Sprintf("By default neither NATS nor Kafka syncs before it acknowledges: when all three nodes lost power, NATS's defaults lost %s and Kafka's %s; synced before the acknowledgement, none lost any. When two of three lost power the designs differ: Kafka's acknowledgement says that all in sync have a record, and the one that is left leads (%s lost); of a majority's the one that is left can be outvoted by two that forgot (%s).",
		nats("3"), kafka("3"), kafka("2"), nats("2"))
}
