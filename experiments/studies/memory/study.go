package memory

import (
	"github.com/brokerlab/brokerlab/experiments/study"
)

// Study is memory along each axis.
var Study = study.Study{
	Name:     "memory",
	Question: "Does memory grow abnormally: with what does it grow, and which bound holds it?",
	Vary:     "messages, subjects, consumers, slow subscribers, partitions; one at a time",
	Small:    1, Full: 5,
	Tables: []study.Table{
		{Name: "points", Columns: []string{"axis", "system", "design", "n", "seed", "live_bytes", "heap_bytes", "ok", "failed", "events"}},
		{Name: "uses", Columns: []string{"axis", "system", "n", "seed", "kind", "count", "bytes"}},
	},
	Grid:     grid,
	Conclude: conclude,
}

// conclude says with what memory grows, and holds every queue to the bound in its configuration.
func conclude(t *study.Tables) (*study.Conclusion, error) {
	p, u := t.Of("points"), t.Of("uses")
	c := &study.Conclusion{
		Tables: []study.TextTable{liveTable(p, u)}, Checks: checks(u), Paragraphs: paragraphs(p),
		Answers: map[string]string{"memory-grows": answer(p)},
	}
	return c, c.Draw(t, liveFigure)
}
