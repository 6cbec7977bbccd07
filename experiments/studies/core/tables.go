package core

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// rateTable compares core with streams: latency, and processor time a message.
func rateTable(r *study.Rows) study.TextTable {
	table := study.TextTable{
		Title: "From when a message was due until it was acknowledged or delivered, and processor time of all brokers a message",
		Head:  []string{"way", "p50 at 10 k/s", "p99", "p99.9", "CPU a message", "p50 at 100 k/s", "p99", "CPU a message"},
	}
	for _, name := range r.Values("way") {
		low, high := r.Where("way", name, "offered_per_s", strconv.Itoa(niceRate)), r.Where("way", name, "offered_per_s", "100000")
		d := func(r *study.Rows, column string) string { return words.Nanos(r.Median(column)) }
		table.Rows = append(table.Rows, []string{
			name, d(low, "p50_ns"), d(low, "p99_ns"), d(low, "p99.9_ns"), d(low, "busy_ns_per_message"), d(high, "p50_ns"), d(high, "p99_ns"), d(high, "busy_ns_per_message"),
		})
	}
	return table
}

// fitTable fits what a message costs on its way in and on each way out.
func fitTable(r *study.Rows) study.TextTable {
	table := study.TextTable{
		Title: "Processor time of a broker on the two-core machine: c_in + n·c_out for n subscribers, fitted",
		Head:  []string{"payload (B)", "c_in, blast", "c_out", "R²", "c_in, 1000/s", "c_out", "R²"},
	}
	for _, m := range natsFanout {
		row := []string{strconv.Itoa(m.bytes)}
		for _, mode := range []string{blast, light} {
			f := fanoutLine(r, m.bytes, mode)
			row = append(row, words.Nanos(f.Base), words.Nanos(f.Slope), fmt.Sprintf("%.4f", f.R2))
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// besideTable compares these costs with what was measured elsewhere.
func besideTable(r *study.Rows) study.TextTable {
	table := study.TextTable{
		Title: "Processor time under a blast: here; nats-server 2.15.2's, measured on the two-core machine, and here's ratio to it; this project's driver's, measured there, and the ratio",
		Head:  []string{"payload (B)", "", "here", "nats-server", "ratio", "driver", "ratio"},
	}
	for _, m := range natsFanout {
		for _, v := range m.besides(r) {
			row := []string{strconv.Itoa(m.bytes), v.what, words.Nanos(v.here), words.Nanos(v.there), fmt.Sprintf("%.2f", v.here/v.there), "–", "–"}
			if v.drive > 0 {
				row[5], row[6] = words.Nanos(v.drive), fmt.Sprintf("%.2f", v.here/v.drive)
			}
			table.Rows = append(table.Rows, row)
		}
	}
	return table
}

func requestTable(r *study.Rows) study.TextTable {
	table := study.TextTable{
		Title: "Requests of 128 B, one after another, on the two-core machine, against nats-server 2.15.2's (here / there = ratio)",
		Head:  []string{"clients", "answered a second", "p50", "p99"},
	}
	for _, m := range natsRequests {
		at := r.Where("clients", strconv.Itoa(m.clients))
		rate := at.Median("answered") * 1e9 / at.Median("window_ns")
		row := []string{strconv.Itoa(m.clients), fmt.Sprintf("%.0f / %d = %.1f", rate, m.rate, rate/float64(m.rate))}
		for _, q := range []struct {
			column string
			there  int
		}{{"p50_ns", m.p50}, {"p99_ns", m.p99}} {
			v, there := at.Median(q.column), float64(q.there)*1000
			row = append(row, fmt.Sprintf("%s / %s = %.2f", words.Nanos(v), words.Nanos(there), v/there))
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// lossTables say what was lost, by cause and level.
func lossTables(losses *study.Rows) (tables []study.TextTable) {
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
		tables = append(tables, table)
	}
	return tables
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

// answeredShare is the share of requests, in percent, whose outcome at a level begins with a word.
func answeredShare(losses *study.Rows) func(level, outcome string) float64 {
	q := losses.Where("experiment", transparency)
	return func(level, prefix string) float64 {
		return share(q.Where("level", level), "requests", func(o string) bool { return strings.HasPrefix(o, prefix) }).Value / 1e4
	}
}
