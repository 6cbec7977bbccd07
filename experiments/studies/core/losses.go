package core

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// coreLosses says what was lost, by cause and level.
func losses(c *study.Conclusion, losses, verdicts *study.Rows) {
	for _, k := range []struct{ experiment, of, good string }{{atMostOnce, "messages", "delivered"}, {transparency, "requests", "answered"}} {
		at := losses.Where("experiment", k.experiment)
		levels := at.Values("level")
		table := study.TextTable{Title: fmt.Sprintf("What became of %s, per million, by level of faults (mean over seeds, and its 95 %% interval)", k.of), Head: []string{"outcome"}}
		for _, level := range levels {
			table.Head = append(table.Head, fmt.Sprintf("level %s (%d seeds)", level, len(at.Where("level", level).Values("seed"))))
		}
		for _, outcome := range outcomes(at.Where("of", k.of)) {
			row := []string{outcome}
			for _, level := range levels {
				e := share(at.Where("level", level), k.of, func(o string) bool { return o == outcome })
				row = append(row, fmt.Sprintf("%.0f (%.0f to %.0f)", e.Value, max(e.Low, 0), e.High))
			}
			table.Rows = append(table.Rows, row)
		}
		c.Tables = append(c.Tables, table)
	}
	lossChecks(c, losses, verdicts)
}

// lossChecks are what core messaging promises, and what was found.
func lossChecks(c *study.Conclusion, losses, verdicts *study.Rows) {
	broken := 0
	for i := range verdicts.Len() {
		if verdicts.Text(i, "verdict") == "violated" {
			broken++
		}
	}
	verdict := "No run delivered one twice or out of order, and every loss had a cause."
	if broken > 0 {
		verdict = fmt.Sprintf("But %d runs of %d broke a guarantee.", broken, verdicts.Len())
	}
	c.Expect("nothing-twice", "No run delivers a message twice, out of its publisher's order, or loses one without a cause", broken == 0, "%d of %d runs broke a guarantee", broken, verdicts.Len())
	byFault := func(o string) bool {
		return o == "crash" || o == "partition" || o == "pause" || strings.HasSuffix(o, "connection")
	}
	m := losses.Where("experiment", atMostOnce)
	none, most := share(m.Where("level", "0"), "messages", byFault), share(m.Where("level", "4"), "messages", byFault)
	c.Expect("faults-lose", "Without faults none is lost by them, at level 4 some in every range of seeds", none.Value == 0 && most.Low > 0,
		"By crash, partition, pause and broken connections %.0f per million without faults, %.0f (%.0f to %.0f) at level 4", none.Value, most.Value, most.Low, most.High)
	got := func(o string) bool { return o == "delivered" }
	d0, d4 := share(m.Where("level", "0"), "messages", got), share(m.Where("level", "4"), "messages", got)
	by := func(level, cause string) float64 {
		return share(m.Where("level", level), "messages", func(o string) bool { return o == cause }).Value / 1e4
	}
	c.Answers["core-at-most-once"] = fmt.Sprintf("Yes. With subscribers that come, go and stall, and no fault, %.2f %% of the deliveries are made: %.2f %% meet subscriptions that have "+
		"just ended or are not yet known, and %.2f %% a slow consumer. With four rounds of crash, partition, reset and pause in 53 s %.2f %% are made (%.2f to %.2f): %.2f %% are lost by crashes, %.2f %% by partitions. "+
		"%s",
		d0.Value/1e4, by("0", "no interest"), by("0", "slow consumer"), d4.Value/1e4, d4.Low/1e4, d4.High/1e4, by("4", "crash"), by("4", "partition"), verdict)
	c.Say("%s", "Is core at-most-once? "+c.Answers["core-at-most-once"])

	q := losses.Where("experiment", transparency)
	of := func(level, prefix string) float64 {
		return share(q.Where("level", level), "requests", func(o string) bool { return strings.HasPrefix(o, prefix) }).Value / 1e4
	}
	c.Answers["elegance"] = fmt.Sprintf("Services that restart on other nodes every five seconds, two fifths of them by dying, answered %.2f %% of the requests without faults and %.2f %% with four rounds of them, "+
		"with no client reconfigured; at that level %.2f %% timed out and %.2f %% were told that nobody was there.",
		of("0", "answered"), of("4", "answered"), of("4", "timed out"), of("4", "no responders"))
	c.Say("%s", "Does location transparency hold? "+c.Answers["elegance"])
	c.Expect("services-are-found", "Without faults all but 1 % of the requests are answered though services move, with four rounds of faults all but 10 %", of("0", "answered") > 99 && of("4", "answered") > 90,
		"%.2f %% and %.2f %%", of("0", "answered"), of("4", "answered"))
}

// share is the mean share over seeds of outcomes of an experiment's level, in parts per million, with Student's interval.
func share(r *study.Rows, of string, chosen func(outcome string) bool) stats.Estimate {
	var parts []int64
	at := r.Where("of", of)
	for _, seed := range at.Values("seed") {
		one, n := at.Where("seed", seed), int64(0)
		for i := range one.Len() {
			if chosen(one.Text(i, "outcome")) {
				n += one.Int(i, "count")
			}
		}
		parts = append(parts, n*1_000_000/one.Int(0, "all"))
	}
	return stats.Mean(parts)
}

// outcomes are those that occurred, in the order of the table.
func outcomes(r *study.Rows) (out []string) {
	for i := range r.Len() {
		if o := r.Text(i, "outcome"); r.Int(i, "count") > 0 && !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	slices.Sort(out)
	return out
}
