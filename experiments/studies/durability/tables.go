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
		Title: "Share of acknowledged messages lost (of those sent, with acks=0), all seeds together with Wilson's 95 % interval, and seeds that lost any",
		Head:  []string{"system", "settings", "synced", "leader's power", "two nodes'", "all three's", "seeds that lost any"},
	}
	for _, mine := range settingsOf(rows) {
		row := []string{mine.Text(0, "system"), mine.Text(0, "settings"), placeName(mine.Int(0, "sync_interval_ms"))}
		seeds := ""
		for _, down := range []string{"1", "2", "3"} {
			here := mine.Where("nodes_down", down)
			row = append(row, words.Share(here.Sum("lost"), here.Sum("acked")))
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

// lostBy is what a system loses at an interval when so many nodes lose power; ok is false if that was not run.
func lostBy(rows *study.Rows, pairs ...string) (lost, acked int64, seconds float64) {
	here := rows.Where(pairs...)
	return here.Sum("lost"), here.Sum("acked"), stats.Median(here.Ints("lost_ms")).Value / 1000
}
