package scale

import (
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func checks(c *study.Conclusion, r *study.Rows) {
	busy, wire, live := &costs[0], &costs[1], &costs[3]
	ref := systems.Reference.Name
	of := func(name string, k *cost) law { return lawOf(r, findFactor(name), k, ref) }

	subjects, subs := of("subjects", busy), of("subscriptions", busy)
	c.Expect("subjects-are-free", "Processor time an operation grows by less than a fifth with the subjects of a stream, or of an index of subscriptions, from one to all",
		subjects.grown() < 1.2 && subs.grown() < 1.2, "By %.2f and %.2f over a factor of %.0f and %.0f", subjects.grown(), subs.grown(), last(subjects.points).X, last(subs.points).X)
	idle := of("streams", busy)
	c.Expect("idle-streams-are-linear", "The processor time of idle streams is a line (R² above 0.9), and one of a hundred costs less than a tenth of what the cluster costs with one",
		idle.line.R2 > 0.9 && idle.line.Slope < idle.points[0].Y/10, "%s a second for the cluster and %s for each stream, R² %.3f", words.Nanos(idle.line.Base), words.Nanos(idle.line.Slope), idle.line.R2)
	consumers := of("consumers", busy)
	c.Expect("idle-consumers-are-free", "A publish costs no more than a fifth more, however many idle consumers there are", consumers.grown() < 1.2, "%.2f times as much with %.0f as with one", consumers.grown(), last(consumers.points).X)
	out := of("subscribers", busy)
	c.Expect("subscribers-are-linear", "A message's processor time is a line in its subscribers (R² above 0.99)", out.line.R2 > 0.99, "%s and %s for each, R² %.4f", words.Nanos(out.line.Base), words.Nanos(out.line.Slope), out.line.R2)
	replicas := of("replicas", wire)
	c.Expect("replicas-are-linear", "Bytes on the wire of a publish grow with the replicas as a line (R² above 0.99)", replicas.line.R2 > 0.99, "%s and %s for each, R² %.4f", words.Bytes(replicas.line.Base), words.Bytes(replicas.line.Slope), replicas.line.R2)
	nodes := lawOf(r, findFactor("nodes"), busy, ref)
	from3 := last(nodes.points).Y / nodes.points[1].Y
	c.Expect("nodes-are-cheap", "From three nodes on a publish to streams of three replicas costs all brokers together no more than a fifth more", from3 < 1.2, "%.2f times as much with %.0f nodes as with 3", from3, last(nodes.points).X)
	rate := of("rate", busy)
	c.Expect("batches-form", "A publish costs less the more there are: at 100 k/s at most a third of what it costs at 100/s", rate.grown() < 1.0/3, "%.2f of it, with an exponent of %.2f", rate.grown(), rate.exponent)
	memory := of("subscriptions", live)
	c.Expect("memory-is-linear", "Live bytes are a line in the subscriptions and in the consumers (R² above 0.9): nothing grows faster than what there is",
		memory.line.R2 > 0.9 && of("consumers", live).line.R2 > 0.9, "%s a subscription on the cluster (R² %.3f), %s a consumer (R² %.3f)",
		words.Bytes(memory.line.Slope), memory.line.R2, words.Bytes(of("consumers", live).line.Slope), of("consumers", live).line.R2)
	open := int64(0)
	for i := range r.Len() {
		open += r.Int(i, "open")
	}
	c.Expect("nothing-overloaded", "Every operation of every point is answered or delivered", open == 0, "%d were open at the end", open)
}
