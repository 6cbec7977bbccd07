package throughput

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// capacity is the highest offered rate of which 95 % was acknowledged within the window, and the row of medians there.
func capacity(rows *study.Rows, name, bytes string) (rate int64, p50, p99, busy float64) {
	mine := rows.Where("axis", "rate", "system", name, "payload_bytes", bytes)
	for _, offered := range mine.Values("offered_per_s") {
		here := mine.Where("offered_per_s", offered)
		want := here.Int(0, "offered_per_s")
		if stats.Median(here.Ints("achieved_per_s")).Value < 0.95*float64(want) {
			break
		}
		rate = want
		p50, p99 = stats.Median(here.Ints("p50_ns")).Value, stats.Median(here.Ints("p99_ns")).Value
		busy = stats.Median(here.Ints("busiest_node_busy_permille")).Value
	}
	return rate, p50, p99, busy
}

// rateText is a rate of payloads kept up with, and says so where nothing higher was offered.
func rateText(rows *study.Rows, rate int64, bytes string) string {
	if rate == rows.Where("axis", "rate", "payload_bytes", bytes).Most("offered_per_s") {
		return fmt.Sprintf("%d/s (the most offered)", rate)
	}
	return fmt.Sprintf("%d/s", rate)
}

func lossText(losses *study.Rows, name string) string {
	mine := losses.Where("system", name, "read_back", "true")
	if mine.Len() == 0 {
		return "not readable"
	}
	return words.Share(mine.Ints("lost"), mine.Ints("acked"))
}

func capacityTable(t *study.Tables) study.TextTable {
	out := study.TextTable{
		Title: "The highest offered rate that was kept up with (95 % acknowledged within the window), and what an acknowledgement is worth",
		Head:  []string{"system", "acknowledged when", "rate kept up with", "p50 there", "p99 there", "busiest core", "of 1 KiB", "acknowledged, lost when all lose power"},
	}
	says := map[string]string{systems.Synced: "synced on a quorum", systems.Replicated: "replicated in memory", systems.Memory: "in one node's memory"}
	rows := t.Of("points")
	for _, name := range rows.Where("axis", "rate").Values("system") {
		rate, p50, p99, busy := capacity(rows, name, "128")
		large, _, _, _ := capacity(rows, name, "1024")
		out.Rows = append(out.Rows, []string{
			name, says[rows.Where("system", name).Text(0, "policy")], rateText(rows, rate, "128"), words.Nanos(p50), words.Nanos(p99), fmt.Sprintf("%.0f %%", busy/10), rateText(rows, large, "1024"), lossText(t.Of("losses"), name),
		})
	}
	return out
}

// ratioTable compares with the reference, seed by seed.
func ratioTable(tables *study.Tables) study.TextTable {
	base := tables.Of("points").Where("axis", "base")
	ref := base.Where("system", systems.Reference.Name)
	t := study.TextTable{
		Title: fmt.Sprintf("Latency at %d publishes a second as a multiple of the reference broker's, paired by seed (95 %% interval, or the range of fewer than five seeds)", baseRate),
		Head:  []string{"system", "p50", "p99", "p99.9", "acknowledged, lost when all lose power"},
	}
	for _, name := range base.Values("system") {
		row := []string{name}
		for _, q := range []string{"p50_ns", "p99_ns", "p99.9_ns"} {
			e := stats.PairedRatio(ref.Ints(q), base.Where("system", name).Ints(q))
			row = append(row, fmt.Sprintf("%.2f (%.2f to %.2f)", e.Value, e.Low, e.High))
		}
		t.Rows = append(t.Rows, append(row, lossText(tables.Of("losses"), name)))
	}
	return t
}

// Measured on the real broker by impl/drive/bench: one node, publishes of 128 B that are synced before they are acknowledged, two
// cores shared with the clients, machine quiet, November 2026.
var measuredClosed = map[string]int64{"1": 2074, "16": 14_544, "64": 22_577}

func closedTable(rows *study.Rows) study.TextTable {
	t := study.TextTable{
		Title: "The model beside the real broker: one node on the two-core machine, clients that publish again when answered",
		Head:  []string{"clients", "model", "measured (impl/drive/bench)", "model / measured"},
	}
	for _, n := range rows.Values("clients") {
		got, want := stats.Median(rows.Where("clients", n).Ints("done_per_s")).Value, measuredClosed[n]
		t.Rows = append(t.Rows, []string{n, fmt.Sprintf("%.0f/s", got), fmt.Sprintf("%d/s", want), fmt.Sprintf("%.2f", got/float64(want))})
	}
	return t
}
