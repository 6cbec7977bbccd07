package scale

import (
	"github.com/brokerlab/brokerlab/experiments/study"
)

// Study is growth by one factor at a time.
var Study = study.Study{
	Name:     "scale",
	Question: "How do events, bytes on the wire, live memory, processor time and latency grow with nodes, replicas, streams, consumers, subjects, subscribers and rate?",
	Vary:     "one factor at a time, by tens",
	Small:    1, Full: 5,
	Tables: []study.Table{{Name: "costs", Columns: []string{
		"factor", "system", "value", "seed", "operations", "window_ns", "p50_ns", "p99_ns", "open",
		"world_events", "wire_bytes", "syncs", "busy_ns", "live_bytes", "events",
	}}},
	Grid:     grid,
	Conclude: conclude,
}

func conclude(t *study.Tables) (*study.Conclusion, error) {
	r := t.Of("costs")
	c := &study.Conclusion{Answers: map[string]string{}}
	lawTables(c, r)
	checks(c, r)
	text(c, r)
	for _, k := range costs {
		f, err := growthFigure(t, r, &k)
		if err != nil {
			return nil, err
		}
		c.Figures = append(c.Figures, f)
	}
	return c, nil
}
