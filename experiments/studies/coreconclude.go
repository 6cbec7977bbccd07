package studies

import (
	"fmt"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
)

func coreConclude(t *Tables) (*Conclusion, error) {
	c := &Conclusion{Answers: map[string]string{}}
	c.coreRates(t.Of("rates"))
	c.coreFanout(t.Of("fanout"))
	c.coreRequests(t.Of("requests"))
	c.coreLosses(t.Of("losses"), t.Of("verdicts"))
	return c, c.coreFigures(t)
}

func (c *Conclusion) say(format string, args ...any) {
	c.Paragraphs = append(c.Paragraphs, fmt.Sprintf(format, args...))
}

func (c *Conclusion) check(name, expected string, holds bool, found string, args ...any) {
	c.Checks = append(c.Checks, Check{name, expected, holds, fmt.Sprintf(found, args...)})
}

// coreRates compares core with streams: latency, and processor time a message.
func (c *Conclusion) coreRates(r *Rows) {
	table := TextTable{
		Title: "From when a message was due until it was acknowledged or delivered, and processor time of all brokers a message",
		Head:  []string{"way", "p50 at 10 k/s", "p99", "p99.9", "CPU a message", "p50 at 100 k/s", "p99", "CPU a message"},
	}
	for _, name := range r.Values("way") {
		low, high := r.Where("way", name, "offered_per_s", strconv.Itoa(niceRate)), r.Where("way", name, "offered_per_s", "100000")
		d := func(r *Rows, column string) string { return duration(median(r, column)) }
		table.Rows = append(table.Rows, []string{
			name, d(low, "p50_ns"), d(low, "p99_ns"), d(low, "p99.9_ns"), d(low, "busy_ns_per_message"), d(high, "p50_ns"), d(high, "p99_ns"), d(high, "busy_ns_per_message"),
		})
	}
	c.Tables = append(c.Tables, table)

	at := func(name, column string) float64 {
		return median(r.Where("way", name, "offered_per_s", strconv.Itoa(niceRate)), column)
	}
	own, other := at("core, same node", "p50_ns"), at("core, other node", "p50_ns")
	ack, ordered, acking := at("reference, ack", "p50_ns"), at("reference, to ordered consumer", "p50_ns"), at("reference, to acking consumer", "p50_ns")
	c.say("At %d messages a second core delivers on the publisher's own node in %s (median, from when a message was due), on another node in %s. "+
		"The same message, stored on two of three disks before anybody hears of it, is acknowledged in %s, reaches an ordered consumer in %s and one that acks, "+
		"and whose deliveries are logged, in %s: durability costs %.1f to %.1f times core's time on the same node. The brokers' processor time a message is %s for core on one node "+
		"and %s for the stream's three replicas, %.1f times as much.",
		niceRate, duration(own), duration(other), duration(ack), duration(ordered), duration(acking), min(ack, ordered)/own, acking/own,
		duration(at("core, same node", "busy_ns_per_message")), duration(at("reference, ack", "busy_ns_per_message")),
		at("reference, ack", "busy_ns_per_message")/at("core, same node", "busy_ns_per_message"))
	holds, found := true, ""
	for _, rate := range r.Values("offered_per_s") {
		at := r.Where("offered_per_s", rate)
		slowest, fastest := median(at.Where("way", "core, other node"), "p50_ns"), 0.0
		for _, name := range []string{"reference, ack", "NATS (2 min), ack", "Kafka acks=all, ack", "Redpanda acks=all, ack"} {
			if v := median(at.Where("way", name), "p50_ns"); fastest == 0 || v < fastest {
				fastest = v
			}
		}
		if n, _ := strconv.Atoi(rate); n <= 100_000 { // beyond, some are overloaded
			holds = holds && slowest < fastest
			found += fmt.Sprintf(" %s/s: %s against %s.", rate, duration(slowest), duration(fastest))
		}
	}
	c.check("core-is-faster", "Up to 100 k/s core, by way of another node, delivers sooner at the median than the fastest of the replicated logs acknowledges", holds, "Medians:%s", found)
	rest := fmt.Sprintf("core's median is %s to the same node and %s to another at %d/s, against %s for a synced acknowledgement on the same hardware", duration(own), duration(other), niceRate, duration(ack))
	c.Answers["core-light-and-fast"] = "Yes, beside streams: " + rest + "."
}

// Server processor time a message of nats-server 2.15.2 on the two-core machine (2 vCPU AMD EPYC, Linux 6.18, Go 1.26),
// November 2026, in nanoseconds: without subscribers, with one, and for each delivery to four.
var natsFanout = []struct {
	bytes                int
	in, oneToOne, ofFour float64
}{{16, 140, 560, 200}, {128, 210, 790, 490}, {1024, 560, 2000, 1300}, {16384, 12500, 15400, 9600}}

// coreFanout fits what a message costs on its way in and on each way out, and compares it with nats-server.
func (c *Conclusion) coreFanout(r *Rows) {
	fits := TextTable{
		Title: "Processor time of a broker on the two-core machine: c_in + n·c_out for n subscribers, fitted",
		Head:  []string{"payload (B)", "c_in, blast", "c_out", "R²", "c_in, 1000/s", "c_out", "R²"},
	}
	versus := TextTable{
		Title: "Processor time under a blast, against nats-server 2.15.2's, measured on the two-core machine (here / there = ratio)",
		Head:  []string{"payload (B)", "in only", "one to one", "a delivery to four"},
	}
	worst, low, high := 1.0, 1e9, 0.0
	for _, m := range natsFanout {
		at := r.Where("payload_bytes", strconv.Itoa(m.bytes))
		row := []string{strconv.Itoa(m.bytes)}
		for _, mode := range []string{blast, light} {
			f := fitLine(perMessage(at.Where("mode", mode)))
			row = append(row, duration(f.Base), duration(f.Slope), fmt.Sprintf("%.4f", f.R2))
			worst = min(worst, f.R2)
		}
		fits.Rows = append(fits.Rows, row)
		row = []string{strconv.Itoa(m.bytes)}
		b := perMessage(at.Where("mode", blast))
		for i, pair := range [][2]float64{{b[0].Y, m.in}, {b[1].Y, m.oneToOne}, {b[2].Y / 4, m.ofFour}} {
			ratio := pair[0] / pair[1]
			if i < 2 || m.bytes > 0 {
				low, high = min(low, ratio), max(high, ratio)
			}
			row = append(row, fmt.Sprintf("%s / %s = %.2f", duration(pair[0]), duration(pair[1]), ratio))
		}
		versus.Rows = append(versus.Rows, row)
	}
	c.Tables = append(c.Tables, fits, versus)
	c.check("fanout-is-linear", "What a message costs grows linearly with its subscribers (R² of c_in + n·c_out above 0.99)", worst > 0.99, "The worst R² is %.4f", worst)
	c.check("fanout-as-measured", "Costs under a blast lie within a factor of four of those measured of nats-server", low > 0.25 && high < 4, "Here they are %.2f to %.2f of nats-server's", low, high)
	c.say("Under a blast a message costs this broker %.2f to %.2f of the processor time that nats-server 2.15.2 needs. The difference is one of design: one machine that a single goroutine "+
		"steps, whose reads and writes are whole batches, against a goroutine and a lock for each connection, wake-ups of a flusher for each, and a copy into each one's buffers. "+
		"The kernel's share, a copy in and one out, is the same in both.", low, high)
}

// perMessage is the processor time a message against its subscribers, over all seeds.
func perMessage(r *Rows) (out []figures.XY) {
	for _, n := range r.Values("subscribers") {
		at := r.Where("subscribers", n)
		busy, messages := int64(0), int64(0)
		for i := range at.Len() {
			busy += at.Int(i, "busy_ns")
			messages += at.Int(i, "messages")
		}
		x, _ := strconv.ParseFloat(n, 64)
		out = append(out, figures.XY{X: x, Y: float64(busy) / float64(max(messages, 1))})
	}
	return out
}

// Requests of nats-server on the two-core machine, 128 B, closed loop, client and server sharing the cores: a second, and
// percentiles in microseconds.
var natsRequests = []struct{ clients, rate, p50, p99 int }{{1, 4300, 221, 448}, {16, 23_700, 583, 2185}, {64, 29_100, 2000, 5800}}

func (c *Conclusion) coreRequests(r *Rows) {
	table := TextTable{
		Title: "Requests of 128 B, one after another, on the two-core machine, against nats-server 2.15.2's (here / there = ratio)",
		Head:  []string{"clients", "answered a second", "p50", "p99"},
	}
	for _, m := range natsRequests {
		at := r.Where("clients", strconv.Itoa(m.clients))
		rate := median(at, "answered") * 1e9 / median(at, "window_ns")
		row := []string{strconv.Itoa(m.clients), fmt.Sprintf("%.0f / %d = %.1f", rate, m.rate, rate/float64(m.rate))}
		for _, q := range []struct {
			column string
			there  int
		}{{"p50_ns", m.p50}, {"p99_ns", m.p99}} {
			v, there := median(at, q.column), float64(q.there)*1000
			row = append(row, fmt.Sprintf("%s / %s = %.2f", duration(v), duration(there), v/there))
		}
		table.Rows = append(table.Rows, row)
	}
	c.Tables = append(c.Tables, table)
	one := median(r.Where("clients", "1"), "p50_ns")
	c.say("One requester gets its answer in %s (median); with nats-server on that machine it was 221 µs. Four hops of a TCP ping-pong take 34 µs there; "+
		"what the measurement has beyond is client and responder, which cost nothing here, and goroutines that wait for one of two cores that all share.", duration(one))
	c.check("request-floor", "A request takes no less than four hops of a TCP ping-pong on that machine (34 µs)", one >= 34_000, "It takes %s", duration(one))
}

// share is the mean share over seeds of outcomes of an experiment's level, in parts per million, with Student's interval.
func share(r *Rows, of string, chosen func(outcome string) bool) stats.Estimate {
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
