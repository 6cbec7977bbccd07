package core

import (
	"fmt"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// coreRates compares core with streams: latency, and processor time a message.
func rates(c *study.Conclusion, r *study.Rows) {
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
	c.Tables = append(c.Tables, table)

	at := func(name, column string) float64 {
		return r.Where("way", name, "offered_per_s", strconv.Itoa(niceRate)).Median(column)
	}
	own, other := at("core, same node", "p50_ns"), at("core, other node", "p50_ns")
	ack, ordered, acking := at("reference, ack", "p50_ns"), at("reference, to ordered consumer", "p50_ns"), at("reference, to acking consumer", "p50_ns")
	c.Say("At %d messages a second core delivers on the publisher's own node in %s (median, from when a message was due), on another node in %s. "+
		"The same message, stored on two of three disks before anybody hears of it, is acknowledged in %s, reaches an ordered consumer in %s and one that acks, "+
		"and whose deliveries are logged, in %s: durability costs %.1f to %.1f times core's time on the same node. The brokers' processor time a message is %s for core on one node "+
		"and %s for the stream's three replicas, %.1f times as much.",
		niceRate, words.Nanos(own), words.Nanos(other), words.Nanos(ack), words.Nanos(ordered), words.Nanos(acking), min(ack, ordered)/own, acking/own,
		words.Nanos(at("core, same node", "busy_ns_per_message")), words.Nanos(at("reference, ack", "busy_ns_per_message")),
		at("reference, ack", "busy_ns_per_message")/at("core, same node", "busy_ns_per_message"))
	fast := func(name string) float64 {
		return r.Where("way", name, "offered_per_s", "100000").Median("busy_ns_per_message")
	}
	c.Say("Light is another matter at high rates: at 100 k/s core's brokers spend %s a message on one node, the reference's three %s, Kafka's three %s, since its producers gather for 5 ms and a broker reads many messages at once. "+
		"Here core's clients write each message by itself.", words.Nanos(fast("core, same node")), words.Nanos(fast("reference, ack")), words.Nanos(fast("Kafka acks=all, ack")))
	holds, found := true, ""
	for _, rate := range r.Values("offered_per_s") {
		at := r.Where("offered_per_s", rate)
		slowest, fastest := at.Where("way", "core, other node").Median("p50_ns"), 0.0
		for _, name := range []string{"reference, ack", "NATS (2 min), ack", "Kafka acks=all, ack", "Redpanda acks=all, ack"} {
			if v := at.Where("way", name).Median("p50_ns"); fastest == 0 || v < fastest {
				fastest = v
			}
		}
		if n, _ := strconv.Atoi(rate); n <= 100_000 { // beyond, some are overloaded
			holds = holds && slowest < fastest
			found += fmt.Sprintf(" %s/s: %s against %s.", rate, words.Nanos(slowest), words.Nanos(fastest))
		}
	}
	c.Expect("core-is-faster", "Up to 100 k/s core, by way of another node, delivers sooner at the median than the fastest of the replicated logs acknowledges", holds, "Medians:%s", found)
	rest := fmt.Sprintf("core's median is %s to the same node and %s to another at %d/s, against %s for a synced acknowledgement on the same hardware", words.Nanos(own), words.Nanos(other), niceRate, words.Nanos(ack))
	c.Answers["core-light-and-fast"] = fmt.Sprintf("Fast, yes: %s. Light too, but not lighter than what batches: %s of processor time a message at 100 k/s, against %s of the replicated stream's three brokers and %s of Kafka's, whose producers wait 5 ms.",
		rest, words.Nanos(fast("core, same node")), words.Nanos(fast("reference, ack")), words.Nanos(fast("Kafka acks=all, ack")))
}
