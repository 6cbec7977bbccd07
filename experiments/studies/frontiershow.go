package studies

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
)

// concludeFrontier draws loss against the sync interval for each number of nodes that lose power.
func concludeFrontier(t *Tables) (*Conclusion, error) {
	rows := t.Of("losses")
	var charts []figures.Chart
	for _, down := range rows.Values("nodes_down") {
		charts = append(charts, frontierChart(rows.Where("nodes_down", down), down))
	}
	f, err := figures.Grid("frontier", "What is lost of what was acknowledged, by how often the log is synced (synced and unsynced systems)",
		"Seconds of acknowledged traffic that are gone after one, two or all three nodes of a stream lost power together, nothing unsynced surviving. "+
			"Marks are medians over seeds, bars 95 % intervals. A mark's shape says what an acknowledgement means: disc, synced on a quorum; ring, replicated in memory; "+
			"cross, in one node's memory; square, synced on one node. \"before ack\" is a sync before each acknowledgement; \"kernel\" is none but the kernel's own writeback (35 s).",
		t.Command, 1, charts)
	if err != nil {
		return nil, err
	}
	c := &Conclusion{Figures: []figures.Figure{f}, Tables: []TextTable{frontierTable(rows)}, Checks: frontierChecks(rows)}
	c.Paragraphs = frontierText(rows)
	c.Answers = map[string]string{
		"jetstream-durable": answerDurable(rows),
		"why-not-kafka":     answerKafka(rows),
	}
	return c, nil
}

// kafkaColors tell its settings apart.
var kafkaColors = map[string]figures.Color{
	"Kafka acks=all, ELR on": figures.Green, "Kafka acks=1, ELR on": figures.Brown, "Kafka acks=0, ELR on": figures.Red,
	"Kafka acks=all, ELR off": figures.Sky, "Kafka acks=1, ELR off": figures.Pink, "Kafka acks=0, ELR off": figures.Grey,
}

// places of intervals on the axis, from before each acknowledgement to never.
var frontierPlaces = []int64{before, 100, 1000, 10_000, 30_000, 120_000, never}

func placeName(interval int64) string {
	switch interval {
	case before:
		return "before ack"
	case never:
		return "kernel"
	}
	if interval < 1000 {
		return fmt.Sprintf("%d ms", interval)
	}
	return fmt.Sprintf("%d s", interval/1000)
}

func frontierChart(rows *Rows, down string) figures.Chart {
	c := figures.Chart{
		Title: map[string]string{"1": "The leader loses power", "2": "The leader and a follower lose power", "3": "All three nodes lose power"}[down],
		Y:     figures.Axis{Label: "acknowledged traffic lost", Scale: figures.Log, Unit: figures.Nanos, Min: 1e7, Max: 3e11},
	}
	places := slices.DeleteFunc(slices.Clone(frontierPlaces), func(p int64) bool { return !slices.Contains(rows.Ints("sync_interval_ms"), p) })
	for _, p := range places {
		c.X.Names = append(c.X.Names, placeName(p))
	}
	names := rows.Values("system")
	for k, name := range names {
		mine := rows.Where("system", name)
		line := figures.Line{Name: name, Style: figures.StyleOf(mine.Text(0, "design"), mine.Text(mine.Len()-1, "policy"))}
		if len(mine.Values("sync_interval_ms")) < 3 {
			line.Kind = figures.Marks
		}
		if mine.Text(0, "design") == "kafka" { // its lines differ in two settings, and mostly coincide
			line.Style.Color = kafkaColors[name]
		}
		aside := (float64(k) - float64(len(names)-1)/2) * 0.055 // or one would hide the other
		for place, interval := range places {
			here := mine.Where("sync_interval_ms", strconv.FormatInt(interval, 10))
			if here.Len() == 0 {
				continue
			}
			e := stats.Median(here.Ints("lost_ms"))
			line.Points = append(line.Points, figures.XY{X: float64(place) + aside, Y: e.Value * 1e6, Low: e.Low * 1e6, High: e.High * 1e6})
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

// settingsOf lists the lines of the table: a system with its settings and interval.
func settingsOf(rows *Rows) (out []*Rows) {
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

func frontierTable(rows *Rows) TextTable {
	t := TextTable{
		Title: "Share of acknowledged messages lost (of those sent, with acks=0), all seeds together with Wilson's 95 % interval, and seeds that lost any",
		Head:  []string{"system", "settings", "synced", "leader's power", "two nodes'", "all three's", "seeds that lost any"},
	}
	for _, mine := range settingsOf(rows) {
		row := []string{mine.Text(0, "system"), mine.Text(0, "settings"), placeName(mine.Int(0, "sync_interval_ms"))}
		seeds := ""
		for _, down := range []string{"1", "2", "3"} {
			here := mine.Where("nodes_down", down)
			row = append(row, shareText(sum(here.Ints("lost")), sum(here.Ints("acked"))))
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

// shareText is a share in percent with its interval.
func shareText(k, n int64) string {
	e := stats.Share(k, n)
	if k == 0 {
		return fmt.Sprintf("0 (below %s)", percent(e.High))
	}
	return fmt.Sprintf("%s (%s to %s)", percent(e.Value), percent(e.Low), percent(e.High))
}

// percent prints a share with two significant digits.
func percent(share float64) string {
	return strconv.FormatFloat(100*share, 'g', 2, 64) + " %"
}

func sum(values []int64) (s int64) {
	for _, v := range values {
		s += v
	}
	return s
}

// lostBy is what a system loses at an interval when so many nodes lose power; ok is false if that was not run.
func lostBy(rows *Rows, pairs ...string) (lost, acked int64, seconds float64) {
	here := rows.Where(pairs...)
	return sum(here.Ints("lost")), sum(here.Ints("acked")), stats.Median(here.Ints("lost_ms")).Value / 1000
}

func frontierChecks(rows *Rows) []Check {
	var checks []Check
	for _, s := range [...]struct{ name, id string }{{reference.name, "reference-loses-nothing"}, {redpanda.name, "redpanda-loses-nothing"}} {
		lost, acked, _ := lostBy(rows, "system", s.name, "sync_interval_ms", "0")
		checks = append(checks, Check{s.id, s.name + " loses nothing that it acknowledged, whoever loses power", lost == 0, fmt.Sprintf("%d of %d lost", lost, acked)})
	}
	lost, acked, _ := lostBy(rows, "policy", synced, "settings", "acks=all elr=on flush=each")
	checks = append(checks, Check{"kafka-flush-each-loses-nothing", "Kafka with acks=all and flush.messages=1 loses nothing that it acknowledged", lost == 0, fmt.Sprintf("%d of %d lost", lost, acked)})
	lost, acked, s := lostBy(rows, "system", "NATS", "sync_interval_ms", "120000", "nodes_down", "3")
	checks = append(checks, Check{"nats-default-loses", "NATS's default of a sync every two minutes loses when all three lose power", lost > 0, fmt.Sprintf("%s of %d lost, %.1f s of traffic in the middle seed", shareText(lost, acked), acked, s)})
	lost, acked, s = lostBy(rows, "settings", "acks=all elr=on flush=none", "nodes_down", "3")
	checks = append(checks, Check{"kafka-default-loses", "Kafka's default, acks=all and no flush, loses when all three lose power", lost > 0, fmt.Sprintf("%s of %d lost, %.1f s of traffic in the middle seed", shareText(lost, acked), acked, s)})
	lost, acked, _ = lostBy(rows, "settings", "acks=all elr=on flush=none", "nodes_down", "1")
	checks = append(checks, Check{"kafka-replicas-cover-one", "Kafka's default loses nothing when one node loses power: the others in sync have it", lost == 0, fmt.Sprintf("%d of %d lost", lost, acked)})
	return append(checks, intervalCheck(rows))
}

// intervalCheck: what all nodes' power takes of an interval is about what came since the last sync, on average half an interval for
// the newest of three logs that are synced at their own times less than that; never more than a whole one.
func intervalCheck(rows *Rows) Check {
	c := Check{Name: "loss-within-the-interval", Expected: "What is lost never spans more than the sync interval, and a second for messages under way", Holds: true}
	worst := 0.0
	for _, mine := range settingsOf(rows) {
		interval := mine.Int(0, "sync_interval_ms")
		if interval <= 0 || interval > tapeFrom/ms {
			continue
		}
		for _, lost := range mine.Ints("lost_ms") {
			worst = max(worst, float64(lost)/float64(interval+1000))
			c.Holds = c.Holds && lost <= interval+1000
		}
	}
	c.Found = fmt.Sprintf("The most was %.2f of that", worst)
	return c
}

func frontierText(rows *Rows) []string {
	nats := func(interval string) float64 {
		_, _, s := lostBy(rows, "system", "NATS", "sync_interval_ms", interval, "nodes_down", "3")
		return s
	}
	kl, ka, ks := lostBy(rows, "settings", "acks=all elr=on flush=none", "nodes_down", "3")
	ol, oa, _ := lostBy(rows, "settings", "acks=1 elr=on flush=none", "nodes_down", "1")
	return []string{
		fmt.Sprintf("All systems get the same arrivals and the same power failure, seed by seed; nothing unsynced survives it. A system that syncs on a quorum before it acknowledges "+
			"loses nothing, whoever loses power: the reference broker, NATS's decisions with sync always, the Redpanda-style log, and Kafka's with flush.messages=1. "+
			"Where syncs come at intervals the loss is what was acknowledged since the last one: with NATS %.2f s of traffic at 1 s, %.1f s at 10 s, %.0f s at 30 s and %.0f s at its default of two minutes "+
			"(the run is then shorter than the interval: all of it).", nats("1000"), nats("10000"), nats("30000"), nats("120000")),
		fmt.Sprintf("Kafka's defaults lose %s (%.0f s of traffic) when all three nodes lose power, since nothing but the kernel's writeback syncs; when one or two do, the replica that is left covers for them. "+
			"With acks=1 the leader's power alone takes %s. ELR changes nothing here: it is about replicas that come back one after the other.", shareText(kl, ka), ks, shareText(ol, oa)),
	}
}

func answerDurable(rows *Rows) string {
	l, a, s := lostBy(rows, "system", "NATS", "sync_interval_ms", "120000", "nodes_down", "3")
	l1, a1, _ := lostBy(rows, "system", "NATS", "sync_interval_ms", "120000", "nodes_down", "1")
	return fmt.Sprintf("With its default of a sync every two minutes, all nodes' power took %s of what was acknowledged (%.0f s of traffic), one node's %s. Synced before it is acknowledged, nothing.",
		shareText(l, a), s, shareText(l1, a1))
}

func answerKafka(rows *Rows) string {
	l, a, s := lostBy(rows, "settings", "acks=all elr=on flush=none", "nodes_down", "3")
	return fmt.Sprintf("For loss the designs do not differ, their defaults do: neither NATS nor Kafka syncs before it acknowledges. Kafka's defaults lost %s (%.0f s of traffic) when all nodes lost power.", shareText(l, a), s)
}
