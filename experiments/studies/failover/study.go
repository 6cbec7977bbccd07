package failover

import (
	"github.com/brokerlab/brokerlab/experiments/study"
)

// Study is time without acknowledgements after one fault.
var Study = study.Study{
	Name:     "failover",
	Question: "How long does nobody get an acknowledgement after a fault, and what decides it?",
	Vary:     "fault, by design",
	Small:    5, Full: 30,
	Tables:   tables,
	Grid:     grid,
	Conclude: conclude,
}

var tables = []study.Table{
	{Name: "gaps", Columns: []string{
		"system", "design", "policy", "fault", "seed", "leads_meta", "usual_gap_ns", "gap_ns", "all_clients_ns", "silent_ns", "ended",
		"offered", "ok", "failed", "unknown", "open", "elections", "meta_elections", "events",
	}},
	{Name: "timeline", Columns: []string{"system", "fault", "at_ns", "width_ns", "done", "failed", "max_ns"}},
	{Name: "elections", Columns: []string{"system", "fault", "seed", "at_ns", "node", "of"}},
}

func conclude(t *study.Tables) (*study.Conclusion, error) {
	gaps := t.Of("gaps")
	c := &study.Conclusion{Tables: []study.TextTable{gapTable(gaps)}}
	c.Checks = []study.Check{
		mediansWithinTimers(gaps), shortPauses(gaps), followersDisk(gaps), leadersDisk(gaps), allComeBack(gaps), sessionsAreLonger(gaps), preVote(gaps),
	}
	c.Paragraphs = paragraphs(t, gaps)
	c.Answers = map[string]string{"failover": answer(gaps)}
	return c, c.Draw(t, gapsOfAll, clientGaps, timelines, latencyLines)
}

// Availability is the share of the time with acknowledgements, of a leader that crashes again and again.
var Availability = study.Study{
	Name:     "availability",
	Question: "What share of the time is anything acknowledged, if the leader crashes again and again?",
	Vary:     "time between crashes, by design",
	Small:    2, Full: 30,
	Tables: []study.Table{
		{Name: "churn", Columns: []string{
			"system", "design", "policy", "every_s", "seed", "crashes", "window_ns", "available_ppm", "acks_per_s", "offered_per_s", "longest_gap_ns", "elections", "events",
		}},
	},
	Grid:     churnGrid,
	Conclude: concludeAvailability,
}

func concludeAvailability(t *study.Tables) (*study.Conclusion, error) {
	churn := t.Of("churn")
	c := &study.Conclusion{Tables: []study.TextTable{availabilityTable(churn)}, Checks: []study.Check{moreCrashesLess(churn), lossIsFailover(churn)}}
	c.Paragraphs = []string{availabilityText(churn)}
	return c, c.Draw(t, availabilityFigure)
}
