package failover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// mediansWithinTimers compares each median with what timers say.
func mediansWithinTimers(gaps *study.Rows) study.Check {
	c := study.Check{Name: "medians-within-timers", Expected: "the median time without acknowledgements lies within what the design's own timers say, for every system and fault"}
	cells, runs, within := 0, 0, 0
	var misses []string
	for i := range troubles {
		f := &troubles[i]
		for k := range compared {
			s := &compared[k]
			for _, meta := range [...]string{"0", "1"} {
				all := gapsOf(gaps, s, f.name).Where("leads_meta", meta).Ints("gap_ns")
				if len(all) == 0 {
					continue
				}
				b := budgetOf(s, f, meta == "1")
				cells++
				for _, g := range all {
					runs++
					within += study.Bit(g >= b.low && g <= b.high)
				}
				if m := stats.Median(all).Value; m < float64(b.low) || m > float64(b.high) {
					misses = append(misses, fmt.Sprintf("%s, %s: %s, not %s", s.Name, f.name, words.Nanos(m), b))
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

func shortPauses(gaps *study.Rows) study.Check {
	rows := gaps.Where("fault", "pause-short")
	elections := rows.Sum("elections") + rows.Sum("meta_elections")
	least := slices.Min(rows.Ints("gap_ns"))
	return study.Check{
		Name: "short-pause-no-election", Expected: "a pause of 0.5 s, shorter than every timeout, is a gap as long, without an election",
		Holds: elections == 0 && least >= 500*ms-onItsWay && slices.Max(rows.Ints("gap_ns")) <= 500*ms+settle,
		Found: fmt.Sprintf("%d elections in %d runs; %s to %s", elections, rows.Len(), words.Nanos(float64(least)), words.Nanos(float64(slices.Max(rows.Ints("gap_ns"))))),
	}
}

// followersDisk: all in-sync replicas against a majority.
func followersDisk(gaps *study.Rows) study.Check {
	all := gapsOf(gaps, &systems.KafkaFlush, "disk-follower").Ints("gap_ns")
	longest := int64(0)
	for _, s := range [...]systems.System{systems.Reference, systems.NATSDefault, systems.Redpanda} {
		longest = max(longest, slices.Max(gapsOf(gaps, &s, "disk-follower").Ints("gap_ns")))
	}
	return study.Check{
		Name:     "followers-disk",
		Expected: "a follower's stalled disk holds up acks=all, each synced, until the follower leaves the in-sync replicas (30 to 45 s), and no design with majorities (100 ms)",
		Holds:    slices.Min(all) >= kafkaLag && slices.Max(all) <= kafkaLag*3/2+settle && longest < quiet,
		Found:    fmt.Sprintf("Kafka, flush each: %s to %s; others at most %s", words.Nanos(float64(slices.Min(all))), words.Nanos(float64(slices.Max(all))), words.Nanos(float64(longest))),
	}
}

func leadersDisk(gaps *study.Rows) study.Check {
	elections, least := int64(0), int64(1<<62)
	for _, s := range [...]systems.System{systems.Reference, systems.KafkaFlush, systems.Redpanda} {
		rows := gapsOf(gaps, &s, "disk-leader")
		elections += rows.Sum("elections")
		least = min(least, slices.Min(rows.Ints("gap_ns")))
	}
	return study.Check{
		Name: "leaders-disk", Expected: "a leader whose disk stalls goes on sending heartbeats: nobody is elected, and who waits for a sync waits for the disk (10 s)",
		Holds: elections == 0 && least >= 10*sec-onItsWay,
		Found: fmt.Sprintf("%d elections; at least %s", elections, words.Nanos(float64(least))),
	}
}

func allComeBack(gaps *study.Rows) study.Check {
	back := gaps.Where("ended", "1").Len()
	return study.Check{
		Name: "all-come-back", Expected: "acknowledgements come again in every run, without anybody's help",
		Holds: back == gaps.Len(), Found: fmt.Sprintf("in %d of %d", back, gaps.Len()),
	}
}

func sessionsAreLonger(gaps *study.Rows) study.Check {
	r := stats.PairedRatio(gapsOf(gaps, &systems.Reference, "crash").Ints("gap_ns"), gapsOf(gaps, &systems.KafkaAll, "crash").Ints("gap_ns"))
	return study.Check{
		Name: "session-against-election", Expected: "after a crash of the leader Kafka's session (9 s) takes at least twice as long as Raft's election timeout (0.8 to 1.6 s)",
		Holds: r.Low >= 2,
		Found: fmt.Sprintf("%.1f times, by pairs of equal seeds (95 %% interval %.1f to %.1f)", r.Value, r.Low, r.High),
	}
}

// preVote: a member that was cut off has campaigned, and its term is above the group's when it is back.
func preVote(gaps *study.Rows) study.Check {
	again := func(s *systems.System) (runs, n int) {
		rows := gapsOf(gaps, s, "isolation")
		for _, e := range rows.Ints("elections") {
			n += study.Bit(e > 1)
		}
		return rows.Len(), n
	}
	runs, with := again(&systems.Reference)
	_, without := again(&systems.NATSDefault)
	return study.Check{
		Name: "pre-vote-spares-an-election", Expected: "a leader that was cut off makes the group elect once more when it is back, without pre-vote (NATS's way), and never with it",
		Holds: with == 0 && without*2 > runs,
		Found: fmt.Sprintf("in %d of %d runs without, in %d with", without, runs, with),
	}
}

// moreCrashesLess: the median does not fall as crashes become rarer.
func moreCrashesLess(churn *study.Rows) study.Check {
	c := study.Check{Name: "rarer-crashes-cost-less", Expected: "the rarer the crashes, the larger the share of the time with acknowledgements, for every system", Holds: true}
	for k := range compared {
		last := -1.0
		for _, every := range churnEvery {
			rows := churned(churn, &compared[k], every)
			if rows.Len() == 0 {
				continue
			}
			m := stats.Median(rows.Ints("available_ppm")).Value
			if m < last {
				c.Holds = false
				c.Found += fmt.Sprintf("%s: %s at %d s, less than before; ", compared[k].Name, words.PPM(m), every)
			}
			last = m
		}
	}
	if c.Holds {
		c.Found = fmt.Sprintf("so for all %d systems and %d periods", len(compared), len(churn.Values("every_s")))
	}
	return c
}

// lossIsFailover: a crash a minute costs what one crash costs.
func lossIsFailover(churn *study.Rows) study.Check {
	c := study.Check{Name: "a-crash-costs-a-failover", Expected: "a crash a minute costs the time that one failover takes by the design's timers; Kafka's controller may be struck or not, and one election may end without a leader", Holds: true}
	for _, s := range [...]systems.System{systems.Reference, systems.KafkaAll, systems.Redpanda} {
		plain, controller := budgetOf(&s, &troubles[0], false), budgetOf(&s, &troubles[0], true)
		_, again := raftTimers(s.Design)
		high := float64(controller.high + again)
		m := stats.Median(lostPerCrash(churned(churn, &s, 60))).Value
		c.Holds = c.Holds && m >= float64(plain.low) && m <= high
		c.Found += fmt.Sprintf("%s: %s of %s to %s; ", s.Name, words.Nanos(m), words.Nanos(float64(plain.low)), words.Nanos(high))
	}
	return c
}
