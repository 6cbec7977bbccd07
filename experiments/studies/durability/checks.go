package durability

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
)

func checks(rows *study.Rows) []study.Check {
	nats := lostBy(rows, "system", "NATS", "sync_interval_ms", "120000", "nodes_down", "3")
	kafka := lostBy(rows, "settings", kafkaDefaults, "nodes_down", "3")
	found := func(o outcome) string {
		return fmt.Sprintf("%s, %s, %.1f s of traffic in the middle seed", o.count(), o.share(), o.seconds())
	}
	return []study.Check{
		keeps("reference-loses-nothing", systems.Reference.Name, lostBy(rows, "system", systems.Reference.Name, "sync_interval_ms", "0")),
		keeps("redpanda-loses-nothing", systems.Redpanda.Name, lostBy(rows, "system", systems.Redpanda.Name, "sync_interval_ms", "0")),
		keeps("kafka-flush-each-loses-nothing", "Kafka with acks=all and flush.messages=1", lostBy(rows, "policy", systems.Synced, "settings", "acks=all elr=on flush=each")),
		{Name: "nats-default-loses", Expected: "NATS's default of a sync every two minutes loses when all three lose power", Holds: nats.lost() > 0, Found: found(nats)},
		{Name: "kafka-default-loses", Expected: "Kafka's default, acks=all and no flush, loses when all three lose power", Holds: kafka.lost() > 0, Found: found(kafka)},
		coversOne(rows),
		intervalCheck(rows),
		readBackCheck(rows),
	}
}

// kafkaDefaults are the settings of Kafka 4.1 that matter here.
const kafkaDefaults = "acks=all elr=on flush=none"

func keeps(id, name string, o outcome) study.Check {
	return study.Check{Name: id, Expected: name + " loses nothing that it acknowledged, whoever loses power", Holds: o.lost() == 0 && o.Len() > 0, Found: o.count()}
}

func coversOne(rows *study.Rows) study.Check {
	o := lostBy(rows, "settings", kafkaDefaults, "nodes_down", "1")
	return study.Check{
		Name: "kafka-replicas-cover-one", Expected: "Kafka's default loses nothing when one node loses power: the others in sync have it",
		Holds: o.lost() == 0 && o.Len() > 0, Found: o.count(),
	}
}

// readBackCheck: a log that nobody can read at the end would count as one that lost nothing.
func readBackCheck(rows *study.Rows) study.Check {
	unread := rows.Where("read_back", "false").Len()
	return study.Check{Name: "all-read-back", Expected: "Every log can be read to its end after the last fault", Holds: unread == 0, Found: fmt.Sprintf("%d of %d could not", unread, rows.Len())}
}

// intervalCheck: what all nodes' power takes of an interval is about what came since the last sync, on average half an interval for
// the newest of three logs that are synced at their own times less than that; never more than a whole one.
func intervalCheck(rows *study.Rows) study.Check {
	c := study.Check{Name: "loss-within-the-interval", Expected: "What is lost never spans more than the sync interval, and a second for messages under way", Holds: true}
	worst, held := 0.0, false
	for _, mine := range settingsOf(rows) {
		interval := mine.Int(0, "sync_interval_ms")
		if interval <= 0 || interval > systems.TapeFrom/ms {
			continue
		}
		held = true
		for _, lost := range mine.Ints("lost_ms") {
			worst = max(worst, float64(lost)/float64(interval+1000))
			c.Holds = c.Holds && lost <= interval+1000
		}
	}
	c.Holds = c.Holds && held
	c.Found = fmt.Sprintf("The most was %.2f of that", worst)
	return c
}
