package throughput

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
)

func checks(t *study.Tables) []study.Check {
	rows, losses := t.Of("points"), t.Of("losses")
	var checks []study.Check
	for _, s := range loaded {
		mine := losses.Where("system", s.Name)
		// A log that nobody could read lost nobody knows what.
		known := mine.Len() > 0 && mine.Where("read_back", "true").Len() == mine.Len()
		id := "synced-loses-nothing"
		if s.Policy != systems.Synced {
			id = "unsynced-loses"
		}
		checks = append(checks, study.Check{
			Name: id, Expected: fmt.Sprintf("%s (%s when acknowledged) loses %s when all nodes lose power", s.Name, s.Policy, map[bool]string{true: "nothing", false: "some"}[s.Policy == systems.Synced]),
			Holds: known && (mine.Sum("lost") == 0) == (s.Policy == systems.Synced), Found: lossText(losses, s.Name),
		})
	}
	slow := stats.PairedRatio(rows.Where("axis", "base", "system", systems.Reference.Name).Ints("p50_ns"), rows.Where("axis", "base", "system", systems.KafkaAll.Name).Ints("p50_ns"))
	checks = append(checks, study.Check{
		Name: "linger-is-the-median", Expected: "With linger.ms=5 a Kafka-style publish takes longer in the middle than the reference's synced one", Holds: slow.Low > 1,
		Found: fmt.Sprintf("%.1f times (%.1f to %.1f)", slow.Value, slow.Low, slow.High),
	})
	return append(checks, batchServerCheck(t.Of("closed")))
}

// batchServerCheck: a log that syncs what has gathered meanwhile serves K clients that wait for it at about K/(F+RTT), not 1/F
// (baselines: batch servers). From one client to sixteen the rate must grow by more than half of sixteen, less what the processor
// takes.
func batchServerCheck(rows *study.Rows) study.Check {
	one, many := stats.Median(rows.Where("clients", "1").Ints("done_per_s")).Value, stats.Median(rows.Where("clients", "16").Ints("done_per_s")).Value
	return study.Check{
		Name: "group-commit", Expected: "One sync serves all who wait: 16 clients get at least 5 times what one gets, where a sync each would give 1", Holds: one > 0 && many >= 5*one,
		Found: fmt.Sprintf("%.0f/s and %.0f/s: %.1f times", one, many, many/one),
	}
}
