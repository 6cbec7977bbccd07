package studies

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/stats"
)

func failoverConclude(t *Tables) (*Conclusion, error) {
	gaps := t.Of("gaps")
	c := &Conclusion{Tables: []TextTable{failoverTable(gaps)}}
	c.Checks = []Check{
		mediansWithinTimers(gaps), shortPauses(gaps), followersDisk(gaps), leadersDisk(gaps), allComeBack(gaps), sessionsAreLonger(gaps), preVote(gaps),
	}
	c.Paragraphs = failoverParagraphs(t, gaps)
	c.Answers = map[string]string{"failover": failoverAnswer(gaps)}
	var err error
	c.Figures, err = failoverFigures(t)
	return c, err
}

// lasting is a time for readers: to a hundredth of a second, or to a millisecond below a tenth.
func lasting(ns float64) string {
	if ns < float64(quiet) {
		return fmt.Sprintf("%.0f ms", ns/float64(ms))
	}
	return fmt.Sprintf("%.2f s", ns/float64(sec))
}

// nearestRank is the nearest-rank quantile of values, at so many percent.
func nearestRank(values []int64, percent int) int64 {
	v := slices.Sorted(slices.Values(values))
	return v[max((len(v)*percent+99)/100, 1)-1]
}

// gapsOf are the rows of a system and a fault.
func gapsOf(gaps *Rows, s *system, fault string) *Rows {
	return gaps.Where("system", s.name, "fault", fault)
}

func medianGap(gaps *Rows, s *system, fault string) float64 {
	return stats.Median(gapsOf(gaps, s, fault).Ints("gap_ns")).Value
}

// expected joins the budgets of the runs in which the leader was the controller, and of those in which it was not.
func expected(rows *Rows, s *system, f *trouble) (out []budget) {
	for _, meta := range rows.Values("leads_meta") {
		if b := budgetOf(s, f, meta == "1"); !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b budget) int { return int(a.low/ms - b.low/ms) })
	return out
}

func (b budget) String() string {
	if b.low == 0 {
		return fmt.Sprintf("up to %s: %s", lasting(float64(b.high)), b.why)
	}
	return fmt.Sprintf("%s to %s: %s", lasting(float64(b.low)), lasting(float64(b.high)), b.why)
}

func failoverTable(gaps *Rows) TextTable {
	table := TextTable{
		Title: "Time without acknowledgements: of all clients together, and the longest of any one; and what the design's timers say",
		Head:  []string{"fault", "system", "median", "95 % interval", "95th percentile", "any client, median", "failed or unknown", "expected"},
	}
	for i := range troubles {
		f := &troubles[i]
		for k := range failoverSystems {
			s := &failoverSystems[k]
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
				f.title, s.name, lasting(m.Value), lasting(m.Low) + " to " + lasting(m.High), lasting(float64(nearestRank(all, 95))),
				lasting(stats.Median(rows.Ints("all_clients_ns")).Value), lostShare(rows), strings.Join(budgets, "; or "),
			})
		}
	}
	return table
}

// lostShare is the share of operations that failed or of which nobody knows.
func lostShare(rows *Rows) string {
	lost := sum(rows.Ints("failed")) + sum(rows.Ints("unknown")) + sum(rows.Ints("open"))
	return fmt.Sprintf("%.1f %%", 100*float64(lost)/math.Max(float64(sum(rows.Ints("offered"))), 1))
}

// failoverParagraphs say what decides how long it takes.
func failoverParagraphs(t *Tables, gaps *Rows) []string {
	m := func(s system, fault string) string { return lasting(medianGap(gaps, &s, fault)) }
	any1 := func(s system, fault string) string {
		return lasting(stats.Median(gapsOf(gaps, &s, fault).Ints("all_clients_ns")).Value)
	}
	lost := func(s system, fault string) string { return lostShare(gapsOf(gaps, &s, fault)) }
	seeds := len(gaps.Values("seed"))
	p := []string{
		fmt.Sprintf("A crashed leader is replaced after a median of %s by the reference broker, %s by the NATS profile, %s by Redpanda and %s by Kafka acks=all (%d seeds each, one fault a run, the same times for all). Kafka's is its session timeout, counted from a heartbeat up to 2 s old; where the leader was the active controller too, a new controller has to be elected first and grants every session anew. The NATS profile has the ticks of this laboratory, not nats-server's own election timeout of 4 to 9 s.",
			m(reference, "crash"), m(natsDefault, "crash"), m(redpanda, "crash"), m(kafkaAll, "crash"), seeds),
		fmt.Sprintf("A leader that is silent and keeps its connections is the worse case, and there the client decides. Paused for 40 s, it cost everybody %s with the reference broker, whose clients speak to any node, and %s with Redpanda, whose group had another leader as soon but whose clients waited for their request timeout, as Kafka's did (%s). But a NATS client that sits at the node itself is served only when it has noticed: after %s in that case (pings), and after %s where the node was cut off from its peers alone and answers pings.",
			m(reference, "pause-long"), m(redpanda, "pause-long"), m(kafkaAll, "pause-long"), any1(reference, "pause-long"), any1(reference, "partition")),
		fmt.Sprintf("A pause shorter than every timeout costs itself: %s to %s at the median for 0.5 s, without an election.", m(redpanda, "pause-short"), m(reference, "pause-short")),
		fmt.Sprintf("A stalled disk of the leader goes unnoticed by every design here: heartbeats need no disk, nobody else is elected, and acknowledgements that need a sync come when the disk does (%s, %s, %s at the median for a stall of 10 s: reference, Kafka with flush each, Redpanda). A follower's costs designs with majorities nothing (at most %s without an acknowledgement) and Kafka with flush each %s, until the follower has left the in-sync replicas. With acknowledgements from the page cache the model compares assumptions: its disk holds up plain writes too, for which its NATS profile waits and its Kafka does not.",
			m(reference, "disk-leader"), m(kafkaFlush, "disk-leader"), m(redpanda, "disk-leader"), lasting(float64(slices.Max(gapsOf(gaps, &reference, "disk-follower").Ints("gap_ns")))), m(kafkaFlush, "disk-follower")),
		fmt.Sprintf("When all nodes are down for 1 s, acknowledgements are back after %s (reference), %s (Redpanda) and %s (Kafka: sessions of the processes before are waited for); after a power failure of all, %s, %s and %s.",
			m(reference, "restart"), m(redpanda, "restart"), m(kafkaAll, "restart"), m(reference, "power"), m(redpanda, "power"), m(kafkaAll, "power")) + youngCluster(gaps),
		fmt.Sprintf("What clients make of it differs: Kafka's producer keeps what it has and sends it again (nothing failed in a crash: %s), a NATS publish is refused at once while nobody leads or is unknown after 5 s (%s of what was published around a crash, %s around a pause of 40 s), and whoever publishes has to try again.",
			lost(kafkaAll, "crash"), lost(reference, "crash"), lost(reference, "pause-long")),
	}
	if t.Options.Size != Full {
		p = append(p, fmt.Sprintf("%d seeds show the order of things; distributions are claimed at full size (30).", seeds))
	}
	return p
}

// youngCluster explains a restart that is faster than an election timeout.
func youngCluster(gaps *Rows) string {
	if medianGap(gaps, &reference, "restart") >= float64(sec+700*ms) {
		return ""
	}
	return " The reference broker owes its quickest restarts to the age of the cluster: while the log of the meta group still holds the creation of a stream, the first replica that applies it at boot stands for election at once, and does not wait for a timeout."
}

func failoverAnswer(gaps *Rows) string {
	m := func(s system, fault string) string { return lasting(medianGap(gaps, &s, fault)) }
	return fmt.Sprintf("A cluster heals by itself, in the time of its timers: with ticks of 100 ms the NATS design acknowledges again %s after its leader crashed (median; Kafka's defaults %s, Redpanda's %s), and loses no more to a leader that hangs (%s; Kafka's client waits %s). It does not heal what it does not notice: a stalled disk of the leader stops acknowledgements for as long as it lasts, a client at a node that lost its peers is not moved, and publishes meanwhile fail or are unknown and are the client's to repeat.",
		m(natsDefault, "crash"), m(kafkaAll, "crash"), m(redpanda, "crash"), m(natsDefault, "pause-long"), m(kafkaAll, "pause-long"))
}
