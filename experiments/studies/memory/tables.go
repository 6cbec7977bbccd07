package memory

import (
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// liveAtMost is the median of live bytes at an axis's largest size.
func liveAtMost(p *study.Rows, axis string, s *systems.System) float64 {
	return p.Where("axis", axis, "system", s.Name, "n", lastSize(p, axis, s)).Median("live_bytes")
}

func lastSize(p *study.Rows, axis string, s *systems.System) string {
	sizes := p.Where("axis", axis, "system", s.Name).Values("n")
	return sizes[len(sizes)-1]
}

func liveTable(p, u *study.Rows) study.TextTable {
	out := study.TextTable{Title: "Live bytes by kind, of the node that holds most; medians over seeds", Head: []string{"axis, system", "n", "live", "heap", "stores or logs", "raft tail", "connections", "interest"}}
	for _, a := range axes() {
		rows := p.Where("axis", a.name, "system", a.system.Name)
		for _, n := range rows.Values("n") {
			of := u.Where("axis", a.name, "system", a.system.Name, "n", n)
			kind := func(names ...string) string {
				total := 0.0
				for _, name := range names {
					total += of.Where("kind", name).Median("bytes")
				}
				return words.Bytes(total)
			}
			at := rows.Where("n", n)
			out.Rows = append(out.Rows, []string{
				a.name + ", " + a.system.Name, n, words.Bytes(at.Median("live_bytes")), words.Bytes(at.Median("heap_bytes")),
				kind("stores", "partition logs"), kind("raft tail"), kind("connections"), kind("interest"),
			})
		}
	}
	return out
}
