package durability

import (
	"github.com/brokerlab/brokerlab/experiments/study"
)

// Study is loss against the sync interval.
var Study = study.Study{
	Name:     "durability-frontier",
	Question: "How much of what was acknowledged is gone when nodes lose power together, against how often a log is synced?",
	Vary:     "sync interval and how many of three nodes lose power at once, by design and settings; one tape of load and faults for all",
	Small:    3, Full: 30,
	Tables: []study.Table{{Name: "losses", Columns: []string{
		"system", "design", "policy", "settings", "sync_interval_ms", "nodes_down", "seed", "read_back", "acked", "lost", "lost_ppm", "lost_ms",
	}}},
	Grid:     grid,
	Conclude: conclude,
}

// conclude draws loss against the sync interval for each number of nodes that lose power.
func conclude(t *study.Tables) (*study.Conclusion, error) {
	rows := t.Of("losses")
	c := &study.Conclusion{
		Tables: []study.TextTable{lossTable(rows)}, Checks: checks(rows), Paragraphs: paragraphs(rows),
		Answers: map[string]string{"jetstream-durable": answerDurable(rows), "why-not-kafka": answerKafka(rows)},
	}
	return c, c.Draw(t, lossFigure)
}
