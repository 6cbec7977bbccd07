package core

import (
	"github.com/brokerlab/brokerlab/experiments/study"
)

// Study is core messaging beside streams.
var Study = study.Study{
	Name:     "core",
	Question: "What does at-most-once messaging buy in time, and what does it lose, beside streams on the same hardware?",
	Vary:     "rate, subscribers, payload, requesters; level of faults",
	Small:    1, Full: 5,
	Tables: []study.Table{
		{Name: "rates", Columns: []string{
			"way", "offered_per_s", "seed", "achieved_per_s", "messages", "missing", "p50_ns", "p90_ns", "p99_ns", "p99.9_ns", "max_ns",
			"busy_ns_per_message", "busiest_node_busy_permille", "events",
		}},
		{Name: "fanout", Columns: []string{"payload_bytes", "subscribers", "mode", "seed", "messages", "deliveries", "busy_ns", "busy_permille", "events"}},
		{Name: "requests", Columns: []string{"clients", "seed", "answered", "window_ns", "p50_ns", "p99_ns", "p99.9_ns", "busy_ns", "events"}},
		{Name: "losses", Columns: []string{"experiment", "level", "seed", "of", "all", "outcome", "count"}},
		{Name: "verdicts", Columns: []string{"experiment", "level", "seed", "verdict", "violated", "events"}},
	},
	Grid:     grid,
	Conclude: conclude,
}

func conclude(t *study.Tables) (*study.Conclusion, error) {
	c := &study.Conclusion{Answers: map[string]string{}}
	c.Tables = append([]study.TextTable{rateTable(t.Of("rates")), fitTable(t.Of("fanout")), besideTable(t.Of("fanout")), requestTable(t.Of("requests"))}, lossTables(t.Of("losses"))...)
	checks(c, t)
	if err := text(c, t); err != nil {
		return nil, err
	}
	return c, c.Draw(t, ninesFigure, hockeyFigure, fanoutFigure, lossFigure)
}
