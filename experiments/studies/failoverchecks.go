package studies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/stats"
)

// mediansWithinTimers compares each median with what timers say.
func mediansWithinTimers(gaps *Rows) Check {
	c := Check{Name: "medians-within-timers", Expected: "the median time without acknowledgements lies within what the design's own timers say, for every system and fault"}
	cells, runs, within := 0, 0, 0
	var misses []string
	for i := range troubles {
		f := &troubles[i]
		for k := range failoverSystems {
			s := &failoverSystems[k]
			for _, meta := range [...]string{"0", "1"} {
				all := gapsOf(gaps, s, f.name).Where("leads_meta", meta).Ints("gap_ns")
				if len(all) == 0 {
					continue
				}
				b := budgetOf(s, f, meta == "1")
				cells++
				for _, g := range all {
					runs++
					within += bit(g >= b.low && g <= b.high)
				}
				if m := stats.Median(all).Value; m < float64(b.low) || m > float64(b.high) {
					misses = append(misses, fmt.Sprintf("%s, %s: %s, not %s", s.name, f.name, lasting(m), b))
				}
			}
		}
	}
	c.Holds = cells > 0 && len(misses) == 0
	c.Found = fmt.Sprintf("%d of %d do; of single runs %d of %d", cells-len(misses), cells, within, runs)
	if len(misses) > 0 {
		c.Found += ": " + strings.Join(misses, "; ")
	}
	return c
}

func shortPauses(gaps *Rows) Check {
	rows := gaps.Where("fault", "pause-short")
	elections := sum(rows.Ints("elections")) + sum(rows.Ints("meta_elections"))
	least := slices.Min(rows.Ints("gap_ns"))
	return Check{
		Name: "short-pause-no-election", Expected: "a pause of 0.5 s, shorter than every timeout, is a gap as long, without an election",
		Holds: elections == 0 && least >= 500*ms-onItsWay && slices.Max(rows.Ints("gap_ns")) <= 500*ms+settle,
		Found: fmt.Sprintf("%d elections in %d runs; %s to %s", elections, rows.Len(), lasting(float64(least)), lasting(float64(slices.Max(rows.Ints("gap_ns"))))),
	}
}

// followersDisk: all in-sync replicas against a majority.
func followersDisk(gaps *Rows) Check {
	all := gapsOf(gaps, &kafkaFlush, "disk-follower").Ints("gap_ns")
	longest := int64(0)
	for _, s := range [...]system{reference, natsDefault, redpanda} {
		longest = max(longest, slices.Max(gapsOf(gaps, &s, "disk-follower").Ints("gap_ns")))
	}
	return Check{
		Name:     "followers-disk",
		Expected: "a follower's stalled disk holds up acks=all, each synced, until the follower leaves the in-sync replicas (30 to 45 s), and no design with majorities (100 ms)",
		Holds:    slices.Min(all) >= kafkaLag && slices.Max(all) <= kafkaLag*3/2+settle && longest < quiet,
		Found:    fmt.Sprintf("Kafka, flush each: %s to %s; others at most %s", lasting(float64(slices.Min(all))), lasting(float64(slices.Max(all))), lasting(float64(longest))),
	}
}

func leadersDisk(gaps *Rows) Check {
	elections, least := int64(0), int64(1<<62)
	for _, s := range [...]system{reference, kafkaFlush, redpanda} {
		rows := gapsOf(gaps, &s, "disk-leader")
		elections += sum(rows.Ints("elections"))
		least = min(least, slices.Min(rows.Ints("gap_ns")))
	}
	return Check{
		Name: "leaders-disk", Expected: "a leader whose disk stalls goes on sending heartbeats: nobody is elected, and who waits for a sync waits for the disk (10 s)",
		Holds: elections == 0 && least >= 10*sec-onItsWay,
		Found: fmt.Sprintf("%d elections; at least %s", elections, lasting(float64(least))),
	}
}

func allComeBack(gaps *Rows) Check {
	back := gaps.Where("ended", "1").Len()
	return Check{
		Name: "all-come-back", Expected: "acknowledgements come again in every run, without anybody's help",
		Holds: back == gaps.Len(), Found: fmt.Sprintf("in %d of %d", back, gaps.Len()),
	}
}

func sessionsAreLonger(gaps *Rows) Check {
	r := stats.PairedRatio(gapsOf(gaps, &reference, "crash").Ints("gap_ns"), gapsOf(gaps, &kafkaAll, "crash").Ints("gap_ns"))
	return Check{
		Name: "session-against-election", Expected: "after a crash of the leader Kafka's session (9 s) takes at least twice as long as Raft's election timeout (0.8 to 1.6 s)",
		Holds: r.Low >= 2,
		Found: fmt.Sprintf("%.1f times, by pairs of equal seeds (95 %% interval %.1f to %.1f)", r.Value, r.Low, r.High),
	}
}

// preVote: a member that was cut off has campaigned, and its term is above the group's when it is back.
func preVote(gaps *Rows) Check {
	again := func(s *system) (runs, n int) {
		rows := gapsOf(gaps, s, "isolation")
		for _, e := range rows.Ints("elections") {
			n += bit(e > 1)
		}
		return rows.Len(), n
	}
	runs, with := again(&reference)
	_, without := again(&natsDefault)
	return Check{
		Name: "pre-vote-spares-an-election", Expected: "a leader that was cut off makes the group elect once more when it is back, without pre-vote (NATS's way), and never with it",
		Holds: with == 0 && without*2 > runs,
		Found: fmt.Sprintf("in %d of %d runs without, in %d with", without, runs, with),
	}
}
