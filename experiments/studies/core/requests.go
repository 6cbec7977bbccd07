package core

import (
	"fmt"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// Requests of nats-server on the two-core machine, 128 B, closed loop, client and server sharing the cores: a second, and
// percentiles in microseconds.
var natsRequests = []struct{ clients, rate, p50, p99 int }{{1, 4300, 221, 448}, {16, 23_700, 583, 2185}, {64, 29_100, 2000, 5800}}

func requests(c *study.Conclusion, r *study.Rows) {
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
	c.Tables = append(c.Tables, table)
	one := r.Where("clients", "1").Median("p50_ns")
	alone := r.Where("clients", "1")
	c.Say("One requester gets its answer in %s (median); with nats-server on that machine it was 221 µs. Four hops of a TCP ping-pong take 34 µs there; "+
		"what the measurement has beyond is client and responder, which cost nothing here, and goroutines that wait for one of two cores that all share. A request costs the broker %s of processor time; "+
		"measured were 127 µs of nats-server and 44 µs of a driver of this design, whose wake-ups from an idle core cost more on a virtual machine than the %s that the profile charges.",
		words.Nanos(one), words.Nanos(alone.Median("busy_ns")/alone.Median("answered")), "2.7 µs")
	c.Expect("request-floor", "A request takes no less than four hops of a TCP ping-pong on that machine (34 µs)", one >= 34_000, "It takes %s", words.Nanos(one))
}
