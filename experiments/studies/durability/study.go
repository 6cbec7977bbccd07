package durability

import (
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/study"
)

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

// concludeFrontier draws loss against the sync interval for each number of nodes that lose power.
func conclude(t *study.Tables) (*study.Conclusion, error) {
	rows := t.Of("losses")
	var charts []figures.Chart
	for _, down := range rows.Values("nodes_down") {
		charts = append(charts, lossChart(rows.Where("nodes_down", down), down))
	}
	f, err := figures.Grid("frontier", "What is lost of what was acknowledged, by how often the log is synced (synced and unsynced systems)",
		"Seconds of acknowledged traffic that are gone after one, two or all three nodes of a stream lost power together, nothing unsynced surviving. "+
			"Marks are medians over seeds, bars 95 % intervals. A mark's shape says what an acknowledgement means: disc, synced on a quorum; ring, replicated in memory; "+
			"cross, in one node's memory; square, synced on one node. \"before ack\" is a sync before each acknowledgement; \"kernel\" is none but the kernel's own writeback (35 s).",
		t.Command, 1, charts)
	if err != nil {
		return nil, err
	}
	c := &study.Conclusion{Figures: []figures.Figure{f}, Tables: []study.TextTable{lossTable(rows)}, Checks: checks(rows)}
	c.Paragraphs = paragraphs(rows)
	c.Answers = map[string]string{
		"jetstream-durable": answerDurable(rows),
		"why-not-kafka":     answerKafka(rows),
	}
	return c, nil
}
