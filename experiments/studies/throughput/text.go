package throughput

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func paragraphs(t *study.Tables) []string {
	rows := t.Of("points")
	rRate, r50, r99, _ := capacity(rows, systems.Reference.Name, "128")
	kRate, k50, k99, _ := capacity(rows, systems.KafkaAll.Name, "128")
	fRate, f50, f99, _ := capacity(rows, systems.KafkaFlush.Name, "128")
	closed := closedTable(t.Of("closed"))
	return []string{
		fmt.Sprintf("At %d publishes a second the reference broker, which syncs on a quorum before it acknowledges, answers in %s in the middle and %s at the 99th percentile; it keeps up with %s (%s, %s). "+
			"Kafka's protocol gathers records at the producer and ships them as one opaque batch: it keeps up with %s (%s, %s) and pays for it with its linger of 5 ms; with a flush of each batch %s (%s, %s).",
			baseRate, medianAt(rows, systems.Reference.Name, "p50_ns"), medianAt(rows, systems.Reference.Name, "p99_ns"), rateText(rows, rRate, "128"), words.Nanos(r50), words.Nanos(r99), rateText(rows, kRate, "128"), words.Nanos(k50), words.Nanos(k99), rateText(rows, fRate, "128"), words.Nanos(f50), words.Nanos(f99)),
		"What a system runs out of is not the same: the NATS-style designs keep one core busy that handles every message, the Kafka-style ones little of it, for a batch is one thing to their brokers. " +
			"The rank order flips with batching, payload and the number of streams, so read the figure of axes before any single number, and the figure of assumptions before any ratio.",
		publishedText(rows),
		fmt.Sprintf("The model is checked against the real broker on the two-core machine: with 1, 16 and 64 waiting clients it gives %s, %s and %s times what was measured there. "+
			"There clients and kernel share the two cores with the broker; here clients are free, so the model is expected to be faster the more of them there are.", closed.Rows[0][3], closed.Rows[1][3], closed.Rows[2][3]),
	}
}

// publishedText sets the capacity for larger messages beside a published one.
func publishedText(rows *study.Rows) string {
	rate, _, _, _ := capacity(rows, systems.KafkaAll.Name, "1024")
	return fmt.Sprintf("Of 1 KiB Kafka-style took %s, that is %.0f MB/s, where the leader carries each record twice more to its followers. Published for Kafka without flush: "+
		"605 MB/s, three brokers, three replicas, 1 KB (Confluent, Benchmarking Kafka, Pulsar and RabbitMQ, 2020; a vendor's figure, of many partitions and other hardware): %.1f times the model's one partition. An order of magnitude, no more.",
		rateText(rows, rate, "1024"), float64(rate)*1024/1e6, 605/(float64(rate)*1024/1e6))
}

func medianAt(rows *study.Rows, name, column string) string {
	return words.Nanos(stats.Median(rows.Where("axis", "base", "system", name).Ints(column)).Value)
}

func answerTrails(t *study.Tables) string {
	rows := t.Of("points")
	n, _, _, _ := capacity(rows, systems.NATSDefault.Name, "128")
	r, _, _, rBusy := capacity(rows, systems.Reference.Name, "128")
	k, _, _, kBusy := capacity(rows, systems.KafkaAll.Name, "128")
	f, _, _, _ := capacity(rows, systems.KafkaFlush.Name, "128")
	large := func(s systems.System) string {
		rate, _, _, _ := capacity(rows, s.Name, "1024")
		return rateText(rows, rate, "1024")
	}
	return fmt.Sprintf("Of 1 KiB, one stream or partition, NATS-style kept up with %s and Kafka-style with %s; synced before the acknowledgement the reference with %s, and Kafka-style flushing each batch with %s. Of 128 B %s, with a core of the reference's leader %.0f %% busy and %.0f %% of Kafka's, for a message is one broker's unit of work and a batch the other's. "+
		"In latency at %d/s the order is the other way round as long as producers linger for 5 ms, Kafka's default: %s in the middle for NATS-style and %s for the reference, synced, beside %s; without linger Kafka-style takes %s.",
		large(systems.NATSDefault), large(systems.KafkaAll), large(systems.Reference), large(systems.KafkaFlush),
		sameOrEach(rateText(rows, n, "128"), rateText(rows, k, "128"), rateText(rows, r, "128"), rateText(rows, f, "128")), rBusy/10, kBusy/10,
		baseRate, medianAt(rows, systems.NATSDefault.Name, "p50_ns"), medianAt(rows, systems.Reference.Name, "p50_ns"), medianAt(rows, systems.KafkaAll.Name, "p50_ns"), noLinger(rows, systems.KafkaAll.Name, "p50_ns"))
}

// sameOrEach says what four kept up with, in the order in which they were named before.
func sameOrEach(n, k, r, f string) string {
	if n == k && k == r && r == f {
		return "all four kept up with " + n
	}
	return fmt.Sprintf("they kept up with %s, %s, %s and %s", n, k, r, f)
}

// noLinger is what a publish takes whose producer does not linger.
func noLinger(rows *study.Rows, name, column string) string {
	return words.Nanos(stats.Median(rows.Where("axis", "batching", "batching", "linger=0", "system", name).Ints(column)).Value)
}

func answerRates(t *study.Tables) string {
	rows := t.Of("points")
	r := stats.PairedRatio(rows.Where("axis", "base", "system", systems.Reference.Name).Ints("p99_ns"), rows.Where("axis", "base", "system", systems.KafkaFlush.Name).Ints("p99_ns"))
	flush := systems.KafkaFlush.Name
	return fmt.Sprintf("Equally durable (synced before it is acknowledged) and equally loaded (%d/s), Kafka-style took %.1f times (%.1f to %.1f) as long as the reference at the 99th percentile (%s). The linger of its producers is not all of that: without it the middle falls from %s to %s, and the 99th percentile is %s, for more and smaller batches are flushed one by one. Its brokers need less of a core.",
		baseRate, r.Value, r.Low, r.High, medianAt(rows, flush, "p99_ns"), medianAt(rows, flush, "p50_ns"), noLinger(rows, flush, "p50_ns"), noLinger(rows, flush, "p99_ns"))
}
