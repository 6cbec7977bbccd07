package durability

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// settingsOf lists the lines of the table: a system with its settings and interval.
func settingsOf(rows *study.Rows) (out []*study.Rows) {
	for _, name := range rows.Values("system") {
		mine := rows.Where("system", name)
		for _, settings := range mine.Values("settings") {
			for _, interval := range mine.Where("settings", settings).Values("sync_interval_ms") {
				out = append(out, mine.Where("settings", settings, "sync_interval_ms", interval))
			}
		}
	}
	return out
}

func lossTable(rows *study.Rows) study.TextTable {
	t := study.TextTable{
		Title: "Share of acknowledged messages lost (of those sent, with acks=0), all seeds together, with the 95 % interval over seeds (the range of fewer than five), and how many seeds lost any",
		Head:  []string{"system", "settings", "synced", "leader's power", "two nodes'", "all three's", "seeds that lost any"},
	}
	for _, mine := range settingsOf(rows) {
		row := []string{mine.Text(0, "system"), mine.Text(0, "settings"), placeName(mine.Int(0, "sync_interval_ms"))}
		seeds := ""
		for _, down := range []string{"1", "2", "3"} {
			here := mine.Where("nodes_down", down)
			row = append(row, words.Share(here.Ints("lost"), here.Ints("acked")))
			any := 0
			for _, n := range here.Ints("lost") {
				if n > 0 {
					any++
				}
			}
			seeds += fmt.Sprintf(" %d/%d", any, here.Len())
		}
		t.Rows = append(t.Rows, append(row, seeds[1:]))
	}
	return t
}

// outcome is what was lost in some runs.
type outcome struct{ *study.Rows }

// lostBy are the runs of a system at an interval when so many nodes lose power.
func lostBy(rows *study.Rows, pairs ...string) outcome { return outcome{rows.Where(pairs...)} }

func (o outcome) lost() int64 { return o.Sum("lost") }

// share is the share of acknowledged messages that was lost, in words.
func (o outcome) share() string { return words.Share(o.Ints("lost"), o.Ints("acked")) }

// count is how many of how many were lost, in words.
func (o outcome) count() string { return fmt.Sprintf("%d of %d lost", o.lost(), o.Sum("acked")) }

// seconds of traffic that the middle seed lost.
func (o outcome) seconds() float64 { return stats.Median(o.Ints("lost_ms")).Value / 1000 }
