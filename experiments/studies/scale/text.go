package scale

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func text(c *study.Conclusion, r *study.Rows) {
	busy, live := &costs[0], &costs[3]
	at := func(name string, k *cost, s systems.System) law { return lawOf(r, findFactor(name), k, s.Name) }
	idle, idleKafka, idleRed := at("streams", busy, systems.Reference), at("streams", busy, systems.KafkaAll), at("streams", busy, systems.Redpanda)
	out, subjects := at("subscribers", busy, systems.Reference), at("subjects", live, systems.Reference)
	n := len(idle.points) - 1
	c.Say("An idle stream has a Raft group whose tick costs all three brokers together %s of processor time a second; %.0f streams cost %s a second in all, against %s of Kafka's partitions, "+
		"which have no group of their own and share a fetch, and %s of Redpanda's, which have one. The reference's heartbeats of all groups share a frame, so that frames do not grow; their bytes do.",
		words.Nanos(idle.line.Slope), idle.points[n].X, words.Nanos(idle.points[n].Y), words.Nanos(last(idleKafka.points).Y), words.Nanos(last(idleRed.points).Y))
	c.Say("Fan-out is what core pays for: each further subscriber of the cluster costs %s of processor time a message, a write of its own. Subjects cost memory, not time: "+
		"%s each with its messages, over three replicas. That time does not grow with them is the model's: it charges a look-up the same whatever the size of the table, "+
		"and a real processor's caches would not.", words.Nanos(out.line.Slope), words.Bytes(subjects.line.Slope))
	rate, kafkaRate := at("rate", busy, systems.Reference), at("rate", busy, systems.KafkaAll)
	c.Say("With the rate a publish becomes cheaper, since a batch shares its frames and syncs: from %s at %.0f/s to %s at %.0f/s, by an exponent of %.2f; Kafka's, whose clients gather for 5 ms, from %s to %s (%.2f).",
		words.Nanos(rate.points[0].Y), rate.points[0].X, words.Nanos(last(rate.points).Y), last(rate.points).X, rate.exponent,
		words.Nanos(kafkaRate.points[0].Y), words.Nanos(last(kafkaRate.points).Y), kafkaRate.exponent)
	subs, consumers := at("subscriptions", live, systems.Reference), at("consumers", live, systems.Reference)
	c.Answers["memory-grows"] = fmt.Sprintf("In proportion to what there is, and no faster: %s a subscription, %s a consumer of three replicas, %s a subject with its messages, each summed over three brokers.",
		words.Bytes(subs.line.Slope), words.Bytes(consumers.line.Slope), words.Bytes(subjects.line.Slope))
	c.Answers["core-light-and-fast"] = fmt.Sprintf("A message's cost does not depend on how many subjects there are (%.2f times as much with %.0f subscriptions), and grows by %s for each subscriber.",
		lawOf(r, findFactor("subscriptions"), busy, systems.Reference.Name).grown(), last(subs.points).X, words.Nanos(out.line.Slope))
}
