package scale

import (
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// lawTables has a table for each cost.
func lawTables(c *study.Conclusion, r *study.Rows) {
	for _, k := range costs {
		table := study.TextTable{
			Title: k.name + ": how it grows (exponent of a power law and its R²; base and slope of a line)",
			Head:  []string{"factor", "system", "from", "to", "at first", "at last", "exponent", "R²", "base", "slope", "R²"},
		}
		if k.share {
			table.Title = k.name + " for each operation, of idle streams a second: how it grows (exponent of a power law and its R²; base and slope of a line)"
		}
		for _, f := range factors() {
			for _, s := range f.systems {
				l := lawOf(r, &f, &k, s.Name)
				n := len(l.points)
				if n < 2 {
					continue
				}
				table.Rows = append(table.Rows, append([]string{
					f.name, s.Name, words.Number(l.points[0].X), words.Number(l.points[n-1].X), k.print(l.points[0].Y), k.print(l.points[n-1].Y),
				}, l.words(&k)...))
			}
		}
		c.Tables = append(c.Tables, table)
	}
}
