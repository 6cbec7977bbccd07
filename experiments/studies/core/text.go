package core

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// text adds the paragraphs and the answers.
func text(c *study.Conclusion, t *study.Tables) error {
	rateText(c, t.Of("rates"))
	fanoutText(c, t.Of("fanout"))
	if err := requestText(c, t.Of("requests")); err != nil {
		return err
	}
	onceText(c, t.Of("losses"), t.Of("verdicts"))
	transparencyText(c, t.Of("losses"))
	return nil
}

func rateText(c *study.Conclusion, r *study.Rows) {
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
	rest := fmt.Sprintf("core's median is %s to the same node and %s to another at %d/s, against %s for a synced acknowledgement on the same hardware", words.Nanos(own), words.Nanos(other), niceRate, words.Nanos(ack))
	c.Answers["core-light-and-fast"] = fmt.Sprintf("Fast, yes: %s. Light too, but not lighter than what batches: %s of processor time a message at 100 k/s, against %s of the replicated stream's three brokers and %s of Kafka's, whose producers wait 5 ms.",
		rest, words.Nanos(fast("core, same node")), words.Nanos(fast("reference, ack")), words.Nanos(fast("Kafka acks=all, ack")))
}

func fanoutText(c *study.Conclusion, r *study.Rows) {
	their, own := ratios(r)
	c.Say("Under a blast a message costs this broker %.2f to %.2f of the processor time that nats-server 2.15.2 needs, least where messages are small. That is a difference of design, not of the model: "+
		"one machine, stepped by whoever has read, whose reads and writes are whole batches, against a goroutine for each connection, a lock for each delivery and wake-ups of flushers; a driver of this design, "+
		"measured on the same machine, agrees with the model to %.2f to %.2f. At 1000 messages a second, when nothing is batched, each further subscriber costs %s: a write of its own.",
		slices.Min(their), slices.Max(their), slices.Min(own), slices.Max(own), words.Nanos(study.FitLine(perMessage(r.Where("mode", light, "payload_bytes", "16"))).Slope))
}

func requestText(c *study.Conclusion, r *study.Rows) error {
	hw, err := hardware.Load(measuredOn)
	if err != nil {
		return err
	}
	wake, err := hw.Value("nats.wake_ns")
	if err != nil {
		return err
	}
	alone := r.Where("clients", "1")
	one := alone.Median("p50_ns")
	c.Say("One requester gets its answer in %s (median); with nats-server on that machine it was 221 µs. Four hops of a TCP ping-pong take 34 µs there; "+
		"what the measurement has beyond is client and responder, which cost nothing here, and goroutines that wait for one of two cores that all share. A request costs the broker %s of processor time; "+
		"measured were 127 µs of nats-server and 44 µs of a driver of this design, whose wake-ups from an idle core cost more on a virtual machine than the %s that the profile charges.",
		words.Nanos(one), words.Nanos(alone.Median("busy_ns")/alone.Median("answered")), words.Nanos(float64(wake)))
	return nil
}

// onceText says what is lost at most once.
func onceText(c *study.Conclusion, losses, verdicts *study.Rows) {
	verdict := "No run delivered one twice or out of order, and every loss had a cause."
	if broken := brokenRuns(verdicts); broken > 0 {
		verdict = fmt.Sprintf("But %d runs of %d broke a guarantee.", broken, verdicts.Len())
	}
	m := losses.Where("experiment", atMostOnce)
	got := func(o string) bool { return o == "delivered" }
	d0, d4 := share(m.Where("level", "0"), "messages", got), share(m.Where("level", "4"), "messages", got)
	by := func(level, cause string) float64 {
		return share(m.Where("level", level), "messages", func(o string) bool { return o == cause }).Value / 1e4
	}
	c.Answers["core-at-most-once"] = fmt.Sprintf("Yes. With subscribers that come, go and stall, and no fault, %.2f %% of the deliveries are made: %.2f %% meet subscriptions that have "+
		"just ended or are not yet known, and %.2f %% a slow consumer. With four rounds of crash, partition, reset and pause in 53 s %.2f %% are made (%.2f to %.2f): %.2f %% are lost by crashes, %.2f %% by partitions. "+
		"%s",
		d0.Value/1e4, by("0", "no interest"), by("0", "slow consumer"), d4.Value/1e4, d4.Low/1e4, d4.High/1e4, by("4", "crash"), by("4", "partition"), verdict)
	c.Say("%s", "Is core at-most-once? "+c.Answers["core-at-most-once"])
}

func transparencyText(c *study.Conclusion, losses *study.Rows) {
	of := answeredShare(losses)
	c.Answers["elegance"] = fmt.Sprintf("Services that restart on other nodes every five seconds, two fifths of them by dying, answered %.2f %% of the requests without faults and %.2f %% with four rounds of them, "+
		"with no client reconfigured; at that level %.2f %% timed out and %.2f %% were told that nobody was there.",
		of("0", "answered"), of("4", "answered"), of("4", "timed out"), of("4", "no responders"))
	c.Say("%s", "Does location transparency hold? "+c.Answers["elegance"])
}
