package studies

import (
	"fmt"
	"slices"
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
	fast := func(name string) float64 {
		return median(r.Where("way", name, "offered_per_s", "100000"), "busy_ns_per_message")
	}
	c.say("Light is another matter at high rates: at 100 k/s core's brokers spend %s a message on one node, the reference's three %s, Kafka's three %s, since its producers gather for 5 ms and a broker reads many messages at once. "+
		"Here core's clients write each message by itself.", duration(fast("core, same node")), duration(fast("reference, ack")), duration(fast("Kafka acks=all, ack")))
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
	c.Answers["core-light-and-fast"] = fmt.Sprintf("Fast, yes: %s. Light too, but not lighter than what batches: %s of processor time a message at 100 k/s, against %s of the replicated stream's three brokers and %s of Kafka's, whose producers wait 5 ms.",
		rest, duration(fast("core, same node")), duration(fast("reference, ack")), duration(fast("Kafka acks=all, ack")))
}

// Processor time a message on the two-core machine (2 vCPU AMD EPYC, Linux 6.18, Go 1.26), November 2026, in nanoseconds: without
// subscribers, with one, and for each delivery to four. Of nats-server 2.15.2, and of a prototype of this project's driver, one
// machine that whoever has read takes and steps, where it was measured.
var natsFanout = []struct {
	bytes                         int
	in, oneToOne, ofFour          float64
	ownIn, ownOneToOne, ownOfFour float64
}{
	{16, 140, 560, 200, 52, 119, 70},
	{128, 210, 790, 490, 111, 209, 113},
	{1024, 560, 2000, 1300, 480, 1150, 0},
	{16384, 12500, 15400, 9600, 0, 15000, 8700},
}

// coreFanout fits what a message costs on its way in and on each way out, and compares it with nats-server.
func (c *Conclusion) coreFanout(r *Rows) {
	fits := TextTable{
		Title: "Processor time of a broker on the two-core machine: c_in + n·c_out for n subscribers, fitted",
		Head:  []string{"payload (B)", "c_in, blast", "c_out", "R²", "c_in, 1000/s", "c_out", "R²"},
	}
	versus := TextTable{
		Title: "Processor time under a blast: here; nats-server 2.15.2's, measured on the two-core machine, and here's ratio to it; this project's driver's, measured there, and the ratio",
		Head:  []string{"payload (B)", "", "here", "nats-server", "ratio", "driver", "ratio"},
	}
	worst, their, own := 1.0, []float64(nil), []float64(nil)
	for _, m := range natsFanout {
		at := r.Where("payload_bytes", strconv.Itoa(m.bytes))
		row := []string{strconv.Itoa(m.bytes)}
		for _, mode := range []string{blast, light} {
			f := fitLine(perMessage(at.Where("mode", mode)))
			row = append(row, duration(f.Base), duration(f.Slope), fmt.Sprintf("%.4f", f.R2))
			worst = min(worst, f.R2)
		}
		fits.Rows = append(fits.Rows, row)
		b := perMessage(at.Where("mode", blast))
		for _, v := range []struct {
			what               string
			here, there, drive float64
		}{{"in only", b[0].Y, m.in, m.ownIn}, {"one to one", b[1].Y, m.oneToOne, m.ownOneToOne}, {"a delivery to four", b[2].Y / 4, m.ofFour, m.ownOfFour}} {
			row := []string{strconv.Itoa(m.bytes), v.what, duration(v.here), duration(v.there), fmt.Sprintf("%.2f", v.here/v.there), "–", "–"}
			their = append(their, v.here/v.there)
			if v.drive > 0 {
				row[5], row[6] = duration(v.drive), fmt.Sprintf("%.2f", v.here/v.drive)
				own = append(own, v.here/v.drive)
			}
			versus.Rows = append(versus.Rows, row)
		}
	}
	c.Tables = append(c.Tables, fits, versus)
	c.check("fanout-is-linear", "What a message costs grows linearly with its subscribers (R² of c_in + n·c_out above 0.98)", worst > 0.98, "The worst R² is %.4f", worst)
	c.check("fanout-as-driven", "Costs under a blast lie within a factor of two of those measured of a driver of this design", slices.Min(own) > 0.5 && slices.Max(own) < 2, "They are %.2f to %.2f of them", slices.Min(own), slices.Max(own))
	c.check("fanout-below-nats-server", "A blast costs no more than with nats-server, whose connections have goroutines of their own", slices.Max(their) < 1, "It costs %.2f to %.2f of it", slices.Min(their), slices.Max(their))
	c.say("Under a blast a message costs this broker %.2f to %.2f of the processor time that nats-server 2.15.2 needs, least where messages are small. That is a difference of design, not of the model: "+
		"one machine, stepped by whoever has read, whose reads and writes are whole batches, against a goroutine for each connection, a lock for each delivery and wake-ups of flushers; a driver of this design, "+
		"measured on the same machine, agrees with the model to %.2f to %.2f. At 1000 messages a second, when nothing is batched, each further subscriber costs %s: a write of its own.",
		slices.Min(their), slices.Max(their), slices.Min(own), slices.Max(own), duration(fitLine(perMessage(r.Where("mode", light, "payload_bytes", "16"))).Slope))
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
	alone := r.Where("clients", "1")
	c.say("One requester gets its answer in %s (median); with nats-server on that machine it was 221 µs. Four hops of a TCP ping-pong take 34 µs there; "+
		"what the measurement has beyond is client and responder, which cost nothing here, and goroutines that wait for one of two cores that all share. A request costs the broker %s of processor time; "+
		"measured were 127 µs of nats-server and 44 µs of a driver of this design, whose wake-ups from an idle core cost more on a virtual machine than the %s that the profile charges.",
		duration(one), duration(median(alone, "busy_ns")/median(alone, "answered")), "2.7 µs")
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
