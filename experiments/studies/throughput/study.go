package throughput

import (
	"github.com/brokerlab/brokerlab/experiments/study"
)

// Study is latency against the rate.
var Study = study.Study{
	Name:     "throughput-latency",
	Question: "What does a durable publish cost in time as the rate grows, and what does its acknowledgement say?",
	Vary:     "rate, payload, streams, batching and what the model assumes, by design and sync policy",
	Small:    2, Full: 30,
	Tables: []study.Table{
		{Name: "points", Columns: []string{
			"axis", "system", "design", "policy", "payload_bytes", "streams", "clients", "batching", "constant", "value", "offered_per_s", "seed",
			"achieved_per_s", "ok", "open", "failed", "shed", "p50_ns", "p99_ns", "p99.9_ns", "max_ns", "busiest_node_busy_permille",
		}},
		{Name: "percentiles", Columns: []string{"system", "design", "policy", "offered_per_s", "seed", "share_ppm", "latency_ns"}},
		{Name: "losses", Columns: []string{"system", "seed", "read_back", "acked", "lost"}},
		{Name: "closed", Columns: []string{"clients", "seed", "done_per_s", "p50_ns"}},
	},
	Grid:     grid,
	Conclude: conclude,
}

func conclude(t *study.Tables) (*study.Conclusion, error) {
	c := &study.Conclusion{}
	if err := c.Draw(t, hockeyStick, ninesFigure, axesFigure, assumedFigure); err != nil {
		return nil, err
	}
	c.Tables = []study.TextTable{capacityTable(t), ratioTable(t), closedTable(t.Of("closed"))}
	c.Checks = checks(t)
	c.Paragraphs = paragraphs(t)
	c.Answers = map[string]string{"jetstream-trails": answerTrails(t), "why-not-kafka": answerRates(t)}
	return c, nil
}
