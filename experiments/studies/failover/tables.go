package failover

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// gapsOf are the rows of a system and a fault.
func gapsOf(gaps *study.Rows, s *systems.System, fault string) *study.Rows {
	return gaps.Where("system", s.Name, "fault", fault)
}

func medianGap(gaps *study.Rows, s *systems.System, fault string) float64 {
	return stats.Median(gapsOf(gaps, s, fault).Ints("gap_ns")).Value
}

// nearestRank is the nearest-rank quantile of values, at so many percent.
func nearestRank(values []int64, percent int) int64 {
	v := slices.Sorted(slices.Values(values))
	return v[max((len(v)*percent+99)/100, 1)-1]
}

func gapTable(gaps *study.Rows) study.TextTable {
	table := study.TextTable{
		Title: "Time without acknowledgements: of all clients together, and the longest of any one; and what the design's timers say",
		Head:  []string{"fault", "system", "median", "95 % interval", "95th percentile", "any client, median", "failed or unknown", "expected"},
	}
	for i := range troubles {
		f := &troubles[i]
		for k := range compared {
			s := &compared[k]
			rows := gapsOf(gaps, s, f.name)
			if rows.Len() == 0 {
				continue
			}
			all := rows.Ints("gap_ns")
			m := stats.Median(all)
			var budgets []string
			for _, b := range expected(rows, s, f) {
				budgets = append(budgets, b.String())
			}
			table.Rows = append(table.Rows, []string{
				f.title, s.Name, words.Nanos(m.Value), words.Nanos(m.Low) + " to " + words.Nanos(m.High), words.Nanos(float64(nearestRank(all, 95))),
				words.Nanos(stats.Median(rows.Ints("all_clients_ns")).Value), lostShare(rows), strings.Join(budgets, "; or "),
			})
		}
	}
	return table
}

// lostShare is the share of operations that failed or of which nobody knows.
func lostShare(rows *study.Rows) string {
	lost := rows.Sum("failed") + rows.Sum("unknown") + rows.Sum("open")
	return fmt.Sprintf("%.1f %%", 100*float64(lost)/math.Max(float64(rows.Sum("offered")), 1))
}

func availabilityTable(churn *study.Rows) study.TextTable {
	table := study.TextTable{
		Title: "A leader that crashes every so often, for 1 s",
		Head:  []string{"system", "every", "time with acknowledgements", "95 % interval", "acknowledged of offered", "lost a crash, median", "elections a crash"},
	}
	for k := range compared {
		s := &compared[k]
		for _, every := range churnEvery {
			rows := churned(churn, s, every)
			if rows.Len() == 0 {
				continue
			}
			m := stats.Median(rows.Ints("available_ppm"))
			done := float64(rows.Sum("acks_per_s")) / float64(max(rows.Sum("offered_per_s"), 1))
			table.Rows = append(table.Rows, []string{
				s.Name, fmt.Sprintf("%d s", every), words.PPM(m.Value), words.PPM(m.Low) + " to " + words.PPM(m.High),
				words.PPM(done * 1_000_000), words.Nanos(stats.Median(lostPerCrash(rows)).Value), electionsPerCrash(rows),
			})
		}
	}
	return table
}

func electionsPerCrash(rows *study.Rows) string {
	return fmt.Sprintf("%.2f", float64(rows.Sum("elections"))/float64(max(rows.Sum("crashes"), 1)))
}
