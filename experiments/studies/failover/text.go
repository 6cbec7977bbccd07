package failover

import (
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// paragraphs say what decides how long it takes.
func paragraphs(t *study.Tables, gaps *study.Rows) []string {
	m := func(s systems.System, fault string) string { return words.Nanos(medianGap(gaps, &s, fault)) }
	any1 := func(s systems.System, fault string) string {
		return words.Nanos(stats.Median(gapsOf(gaps, &s, fault).Ints("all_clients_ns")).Value)
	}
	lost := func(s systems.System, fault string) string { return lostShare(gapsOf(gaps, &s, fault)) }
	seeds := len(gaps.Values("seed"))
	p := []string{
		fmt.Sprintf("A crashed leader is replaced after a median of %s by the reference broker, %s by the NATS profile, %s by Redpanda and %s by Kafka acks=all (%d seeds each, one fault a run, the same times for all). Kafka's is its session timeout, counted from a heartbeat up to 2 s old; where the leader was the active controller too, a new controller has to be elected first and grants every session anew. The NATS profile has the ticks of this laboratory, not nats-server's own election timeout of 4 to 9 s.",
			m(systems.Reference, "crash"), m(systems.NATSDefault, "crash"), m(systems.Redpanda, "crash"), m(systems.KafkaAll, "crash"), seeds),
		fmt.Sprintf("A leader that is silent and keeps its connections is the worse case, and there the client decides. Paused for 40 s, it cost everybody %s with the reference broker, whose clients speak to any node, and %s with Redpanda, whose group had another leader as soon but whose clients waited for their request timeout, as Kafka's did (%s). But a NATS client that sits at the node itself is served only when it has noticed: after %s in that case (its pings, every 2 s here; nats.go's own, every 2 min, would have noticed nothing in 40 s), and after %s where the node was cut off from its peers alone and answers pings.",
			m(systems.Reference, "pause-long"), m(systems.Redpanda, "pause-long"), m(systems.KafkaAll, "pause-long"), any1(systems.Reference, "pause-long"), any1(systems.Reference, "partition")),
		fmt.Sprintf("A pause shorter than every timeout costs itself: %s to %s at the median for 0.5 s, without an election.", m(systems.Redpanda, "pause-short"), m(systems.Reference, "pause-short")),
		fmt.Sprintf("A stalled disk of the leader goes unnoticed by every design here: heartbeats need no disk, nobody else is elected, and acknowledgements that need a sync come when the disk does (%s, %s, %s at the median for a stall of 10 s: reference, Kafka with flush each, Redpanda). A follower's costs designs with majorities nothing (at most %s without an acknowledgement) and Kafka with flush each %s, until the follower has left the in-sync replicas. With acknowledgements from the page cache the model compares assumptions: its disk holds up plain writes too, for which its NATS profile waits and its Kafka does not.",
			m(systems.Reference, "disk-leader"), m(systems.KafkaFlush, "disk-leader"), m(systems.Redpanda, "disk-leader"), words.Nanos(float64(slices.Max(gapsOf(gaps, &systems.Reference, "disk-follower").Ints("gap_ns")))), m(systems.KafkaFlush, "disk-follower")),
		fmt.Sprintf("When all nodes are down for 1 s, acknowledgements are back after %s (reference), %s (Redpanda) and %s (Kafka: the sessions of the processes before have to end, and a registration that was refused until then is tried again at growing intervals, after 12.7 s); after a power failure of all, %s, %s and %s.",
			m(systems.Reference, "restart"), m(systems.Redpanda, "restart"), m(systems.KafkaAll, "restart"), m(systems.Reference, "power"), m(systems.Redpanda, "power"), m(systems.KafkaAll, "power")) + youngCluster(gaps),
		fmt.Sprintf("What clients make of it differs: Kafka's producer keeps what it has and sends it again (nothing failed in a crash: %s), a NATS publish is refused at once while nobody leads or is unknown after 5 s (%s of what was published around a crash, %s around a pause of 40 s), and whoever publishes has to try again.",
			lost(systems.KafkaAll, "crash"), lost(systems.Reference, "crash"), lost(systems.Reference, "pause-long")),
	}
	if t.Options.Size != study.Full {
		p = append(p, fmt.Sprintf("%d seeds show the order of things; distributions are claimed at full size (30).", seeds))
	}
	return p
}

// youngCluster explains a restart that is faster than an election timeout.
func youngCluster(gaps *study.Rows) string {
	if medianGap(gaps, &systems.Reference, "restart") >= float64(sec+700*ms) {
		return ""
	}
	return " The reference broker owes its quickest restarts to the age of the cluster: while the log of the meta group still holds the creation of a stream, the first replica that applies it at boot stands for election at once, and does not wait for a timeout."
}

func answer(gaps *study.Rows) string {
	m := func(s systems.System, fault string) string { return words.Nanos(medianGap(gaps, &s, fault)) }
	return fmt.Sprintf("A cluster heals by itself, in the time of its timers: with ticks of 100 ms the NATS design acknowledges again %s after its leader crashed (median; Kafka's defaults %s, Redpanda's %s; nats-server's own timers, 4 to 9 s, are not these), and to clients at other nodes a leader that hangs costs no more (%s; Kafka's client waits %s, which is its request timeout). It does not heal what it does not notice: a stalled disk of the leader stops acknowledgements for as long as it lasts, a client at a node that lost its peers is not moved, and publishes meanwhile fail or are unknown and are the client's to repeat.",
		m(systems.NATSDefault, "crash"), m(systems.KafkaAll, "crash"), m(systems.Redpanda, "crash"), m(systems.NATSDefault, "pause-long"), m(systems.KafkaAll, "pause-long"))
}

func availabilityText(churn *study.Rows) string {
	share := func(s systems.System, every int64) string {
		return words.PPM(stats.Median(churned(churn, &s, every).Ints("available_ppm")).Value)
	}
	return fmt.Sprintf(
		"With a leader that crashes every minute, and is back after 1 s, something is acknowledged in %s of the time by the reference broker, %s by the NATS profile (with ticks of 100 ms, not nats-server's timers), %s by Redpanda and %s by Kafka acks=all; with a crash every 10 s in %s, %s, %s and %s (medians of %d seeds). What a crash costs is the time of a failover, until crashes come as fast as that: then nobody leads whom one could strike. The NATS profile elects %s times a crash where they come every 10 s, the reference broker %s times: its leader starts over when the crashed node is back with another boot, which is this laboratory's way to bring etcd's Raft to terms with logs that may have shrunk (impl/broker/guard.go), not nats-server's.",
		share(systems.Reference, 60), share(systems.NATSDefault, 60), share(systems.Redpanda, 60), share(systems.KafkaAll, 60),
		share(systems.Reference, 10), share(systems.NATSDefault, 10), share(systems.Redpanda, 10), share(systems.KafkaAll, 10), len(churn.Values("seed")), electionsPerCrash(churned(churn, &systems.NATSDefault, 10)), electionsPerCrash(churned(churn, &systems.Reference, 10)))
}
