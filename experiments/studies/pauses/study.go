package pauses

import (
	"github.com/brokerlab/brokerlab/experiments/study"
)

// Tail is what pauses do to tail latency.
var Tail = study.Study{
	Name:     "pause-tail",
	Question: "What do pauses do to tail latency, and where does the closed formula say it?",
	Vary:     "length and rate of pauses, load; one server by itself, and brokers with replicas",
	Small:    1, Full: 30,
	Tables: []study.Table{
		{Name: "server", Columns: []string{"pause_ns", "every_ns", "load_permille", "seed", "arrivals", "pauses", "mean_ns", "p99_ns", "p99.9_ns"}},
		{Name: "queue", Columns: []string{"service", "load_permille", "seed", "arrivals", "mean_service_ns", "second_moment_ns2_per_1000", "mean_ns"}},
		{Name: "brokers", Columns: []string{"system", "design", "pause_ns", "every_ns", "seed", "ok", "late", "p50_ns", "p99_ns", "p99.9_ns", "busy_permille", "events"}},
	},
	Grid:     tailGrid,
	Conclude: concludeTail,
}

// concludeTail compares tails with the closed formula, and brokers with what their acknowledgements wait for.
func concludeTail(t *study.Tables) (*study.Conclusion, error) {
	rows, brokers := tailCases(t.Of("server")), t.Of("brokers")
	c := &study.Conclusion{
		Tables:     []study.TextTable{tailTable(rows), pathTable(brokers)},
		Checks:     []study.Check{tailSeldom(rows), tailOften(rows), queueCheck(t.Of("queue")), pathCheck(brokers)},
		Paragraphs: tailText(rows),
		Answers:    tailAnswers(brokers),
	}
	return c, c.Draw(t, tailFigure)
}

// Elections is how long a pause costs a leader its place.
var Elections = study.Study{
	Name:     "pause-elections",
	Question: "How long must a leader be stopped, by a collector or anything else, before another takes its place?",
	Vary:     "length of one pause of the leader, by design with its default timers",
	Small:    20, Full: 100,
	Tables: []study.Table{
		{Name: "points", Columns: []string{
			"system", "design", "pause_ms", "seed", "paused_node", "paused_controller", "election", "moved", "after_ns", "ok", "failed", "max_ns", "events",
		}},
	},
	Grid:     electionsGrid,
	Conclude: concludeElections,
}

// concludeElections compares the share of pauses that cost a leader its place with the closed formula.
func concludeElections(t *study.Tables) (*study.Conclusion, error) {
	p := t.Of("points")
	c := &study.Conclusion{
		Tables: []study.TextTable{electionTable(p)}, Checks: electionChecks(p), Paragraphs: electionText(p), Answers: electionAnswers(p),
	}
	return c, c.Draw(t, electionFigure)
}
