package durability

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func checks(rows *study.Rows) []study.Check {
	var checks []study.Check
	for _, s := range [...]struct{ name, id string }{{systems.Reference.Name, "reference-loses-nothing"}, {systems.Redpanda.Name, "redpanda-loses-nothing"}} {
		lost, acked, _ := lostBy(rows, "system", s.name, "sync_interval_ms", "0")
		checks = append(checks, study.Check{Name: s.id, Expected: s.name + " loses nothing that it acknowledged, whoever loses power", Holds: lost == 0, Found: fmt.Sprintf("%d of %d lost", lost, acked)})
	}
	lost, acked, _ := lostBy(rows, "policy", systems.Synced, "settings", "acks=all elr=on flush=each")
	checks = append(checks, study.Check{Name: "kafka-flush-each-loses-nothing", Expected: "Kafka with acks=all and flush.messages=1 loses nothing that it acknowledged", Holds: lost == 0, Found: fmt.Sprintf("%d of %d lost", lost, acked)})
	lost, acked, s := lostBy(rows, "system", "NATS", "sync_interval_ms", "120000", "nodes_down", "3")
	checks = append(checks, study.Check{Name: "nats-default-loses", Expected: "NATS's default of a sync every two minutes loses when all three lose power", Holds: lost > 0, Found: fmt.Sprintf("%s of %d lost, %.1f s of traffic in the middle seed", words.Share(lost, acked), acked, s)})
	lost, acked, s = lostBy(rows, "settings", "acks=all elr=on flush=none", "nodes_down", "3")
	checks = append(checks, study.Check{Name: "kafka-default-loses", Expected: "Kafka's default, acks=all and no flush, loses when all three lose power", Holds: lost > 0, Found: fmt.Sprintf("%s of %d lost, %.1f s of traffic in the middle seed", words.Share(lost, acked), acked, s)})
	lost, acked, _ = lostBy(rows, "settings", "acks=all elr=on flush=none", "nodes_down", "1")
	checks = append(checks, study.Check{Name: "kafka-replicas-cover-one", Expected: "Kafka's default loses nothing when one node loses power: the others in sync have it", Holds: lost == 0, Found: fmt.Sprintf("%d of %d lost", lost, acked)})
	return append(checks, intervalCheck(rows))
}

// intervalCheck: what all nodes' power takes of an interval is about what came since the last sync, on average half an interval for
// the newest of three logs that are synced at their own times less than that; never more than a whole one.
func intervalCheck(rows *study.Rows) study.Check {
	c := study.Check{Name: "loss-within-the-interval", Expected: "What is lost never spans more than the sync interval, and a second for messages under way", Holds: true}
	worst := 0.0
	for _, mine := range settingsOf(rows) {
		interval := mine.Int(0, "sync_interval_ms")
		if interval <= 0 || interval > systems.TapeFrom/ms {
			continue
		}
		for _, lost := range mine.Ints("lost_ms") {
			worst = max(worst, float64(lost)/float64(interval+1000))
			c.Holds = c.Holds && lost <= interval+1000
		}
	}
	c.Found = fmt.Sprintf("The most was %.2f of that", worst)
	return c
}
