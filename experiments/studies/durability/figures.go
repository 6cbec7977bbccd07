package durability

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// kafkaColors tell its settings apart.
var kafkaColors = map[string]figures.Color{
	"Kafka acks=all, ELR on": figures.Green, "Kafka acks=1, ELR on": figures.Brown, "Kafka acks=0, ELR on": figures.Red,
	"Kafka acks=all, ELR off": figures.Sky, "Kafka acks=1, ELR off": figures.Pink, "Kafka acks=0, ELR off": figures.Grey,
}

// places of intervals on the axis, from before each acknowledgement to never.
var places = []int64{before, 100, 1000, 10_000, 30_000, 120_000, never}

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

// lossFigure has a panel for each number of nodes that lose power.
func lossFigure(t *study.Tables) (figures.Figure, error) {
	rows := t.Of("losses")
	var charts []figures.Chart
	for _, down := range rows.Values("nodes_down") {
		charts = append(charts, lossChart(rows.Where("nodes_down", down), down))
	}
	return figures.Grid("frontier", "What is lost of what was acknowledged, by how often the log is synced (synced and unsynced systems)",
		"Seconds of acknowledged traffic that are gone after one, two or all three nodes of a stream lost power together, nothing unsynced surviving. "+
			"Marks are medians over seeds, bars 95 % intervals, or ranges of fewer than five. A mark's shape says what an acknowledgement means: disc, synced on a quorum; ring, replicated in memory; "+
			"cross, in one node's memory, or, with acks=0, not even said to be there; square, synced on one node. \"before ack\" is a sync before each acknowledgement; \"kernel\" is none but the kernel's own writeback (35 s).",
		t.Command, 1, charts)
}

func lossChart(rows *study.Rows, down string) figures.Chart {
	c := figures.Chart{
		Title: map[string]string{"1": "The leader loses power", "2": "The leader and a follower lose power", "3": "All three nodes lose power"}[down],
		Y:     figures.Axis{Label: "acknowledged traffic lost", Scale: figures.Log, Unit: figures.Nanos, Min: 1e7, Max: 3e11},
	}
	places := slices.DeleteFunc(slices.Clone(places), func(p int64) bool { return !slices.Contains(rows.Ints("sync_interval_ms"), p) })
	for _, p := range places {
		c.X.Names = append(c.X.Names, placeName(p))
	}
	names := rows.Values("system")
	for k, name := range names {
		mine := rows.Where("system", name)
		aside := (float64(k) - float64(len(names)-1)/2) * 0.055 // or one would hide the other
		for i, policy := range mine.Values("policy") {
			line := lossLine(mine.Where("policy", policy), places, aside)
			if i == 0 {
				line.Name = name
			}
			c.Lines = append(c.Lines, line)
		}
	}
	return c
}

// lossLine is what a system loses whose acknowledgements all say the same: another mark is another line.
func lossLine(mine *study.Rows, places []int64, aside float64) figures.Line {
	line := figures.Line{Style: figures.StyleOf(mine.Text(0, "design"), mine.Text(0, "policy"))}
	if len(mine.Values("sync_interval_ms")) < 3 {
		line.Kind = figures.Marks
	}
	if mine.Text(0, "design") == "kafka" { // its lines differ in two settings, and mostly coincide
		line.Style.Color = kafkaColors[mine.Text(0, "system")]
	}
	for place, interval := range places {
		here := mine.Where("sync_interval_ms", strconv.FormatInt(interval, 10))
		if here.Len() == 0 {
			continue
		}
		e := stats.Median(here.Ints("lost_ms"))
		line.Points = append(line.Points, figures.XY{X: float64(place) + aside, Y: e.Value * 1e6, Low: e.Low * 1e6, High: e.High * 1e6})
	}
	return line
}
