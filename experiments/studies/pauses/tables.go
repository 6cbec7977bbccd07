package pauses

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func tailTable(rows []tailCase) study.TextTable {
	out := study.TextTable{Title: "Percentiles with pauses, measured and by the closed formula", Head: []string{"pause, every, load", "gamma*G/(1-rho)", "p99", "formula", "p99.9", "formula"}}
	for i := range rows {
		c := &rows[i]
		if c.pause < 5e6 {
			continue
		}
		out.Rows = append(out.Rows, []string{
			fmt.Sprintf("%s, %s, %.1f", words.Nanos(c.pause), words.Nanos(c.every), c.rho), fmt.Sprintf("%.3f", c.busyWith()),
			words.Nanos(c.p99), words.Nanos(c.closed(0.99)), words.Nanos(c.p999), words.Nanos(c.closed(0.999)),
		})
	}
	return out
}

func pathTable(r *study.Rows) study.TextTable {
	out := study.TextTable{
		Title: "Every node stopped for 20 ms, once a second on average: publishes late by more than 10 ms",
		Head:  []string{"system", "nodes waited for", "late", "formula", "p99", "p99.9"},
	}
	for _, s := range paths() {
		got, want := pathShares(r, &s)
		of := r.Where("system", s.Name)
		out.Rows = append(out.Rows, []string{s.Name, fmt.Sprintf("%.2f", pathNodes(s.Design)), words.PPM(got.Value), words.PPM(want), words.Nanos(of.Median("p99_ns")), words.Nanos(of.Median("p99.9_ns"))})
	}
	return out
}

func shortest(rows *study.Rows) (least int64) {
	for i := range rows.Len() {
		if length := rows.Int(i, "pause_ms"); rows.Int(i, "election") == 1 && (least == 0 || length < least) {
			least = length
		}
	}
	return least
}

func longestWithout(rows *study.Rows) (most int64) {
	for i := range rows.Len() {
		if rows.Int(i, "election") == 0 {
			most = max(most, rows.Int(i, "pause_ms"))
		}
	}
	return most
}

func electionTable(p *study.Rows) study.TextTable {
	table := study.TextTable{
		Title: "Pauses of the leader that start an election or a fencing, with default timers",
		Head:  []string{"system", "by the formula possible above", "half of them at", "all at", "shortest that did here", "longest that did not"},
	}
	for _, s := range patience() {
		rows := p.Where("system", s.Name)
		controller := controllerShare(rows)
		table.Rows = append(table.Rows, []string{
			s.Name, s.reach(0.0005, controller), s.reach(0.5, controller), s.reach(0.9995, controller),
			fmt.Sprintf("%d ms", shortest(rows)), fmt.Sprintf("%d ms", longestWithout(rows)),
		})
	}
	return table
}
