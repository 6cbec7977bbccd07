package failover

import (
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

// budget is within which time acknowledgements should come again by the timers of a design, and why.
type budget struct {
	low, high int64
	why       string
}

func (b budget) String() string {
	if b.low == 0 {
		return fmt.Sprintf("up to %s: %s", words.Nanos(float64(b.high)), b.why)
	}
	return fmt.Sprintf("%s to %s: %s", words.Nanos(float64(b.low)), words.Nanos(float64(b.high)), b.why)
}

// settle is what is allowed beyond timers for votes, metadata (25 ms of linger and a sync), the brokers' own ticks of 100 ms, and
// a client that tries again (Kafka's after 100 ms).
const settle = 500 * ms

// onItsWay is how long after a fault has begun an acknowledgement may still come that was sent before.
const onItsWay = 10 * ms

// raftTimers: a follower that hears nothing waits for 8 to 16 ticks, less the one that may have passed since the last heartbeat.
// nats-server waits for 4 to 9 s (minElectionTimeoutDefault and maxElectionTimeoutDefault of raft.go): the broker here, under
// either profile, has ticks of 100 ms. Redpanda's are 150 ms (raft_heartbeat_interval_ms).
func raftTimers(design string) (low, high int64) {
	tick := 100 * ms
	if design == "redpanda" {
		tick = 150 * ms
	}
	return 7 * tick, 16 * tick
}

// Kafka's timers, in nanoseconds.
const (
	kafkaSession = 9 * sec     // broker.session.timeout.ms, from the last heartbeat
	kafkaBeat    = 2 * sec     // broker.heartbeat.interval.ms: the last may be as old
	kafkaReturn  = 12_700 * ms // the first try of a refused registration that comes after a session: the eighth (impl/kafka/lifecycle.go)
	kafkaRequest = 30 * sec    // request.timeout.ms of clients
	kafkaLag     = 30 * sec    // replica.lag.time.max.ms; looked at every half of it
	quorumLow    = 7 * 250 * ms
	quorumHigh   = 16 * 250 * ms // the controllers' election
)

// kafkaFencing is how long a leader lives on in the controller's books. A new controller knows of no heartbeats and grants every
// broker a whole session.
func kafkaFencing(controller bool) (low, high int64, why string) {
	if controller {
		return quorumLow + kafkaSession, quorumHigh + kafkaSession, "controllers elect (1.75 to 4 s), then a session (9 s)"
	}
	return kafkaSession - kafkaBeat, kafkaSession, "session (9 s) since the last heartbeat (up to 2 s ago)"
}

// budgetOf is what the timers of a system say about a fault. Controller: the node struck leads the cluster's metadata, too.
func budgetOf(s *systems.System, f *trouble, controller bool) budget {
	low, high := raftTimers(s.Design)
	elect := "election timeout (8 to 16 ticks)"
	ends := budget{f.holds - onItsWay, f.holds + settle, "as long as the fault"}
	kafka := s.Design == "kafka"
	if kafka {
		low, high, elect = kafkaFencing(controller)
	}
	switch f.name {
	case "pause-short":
		return ends
	case "crash":
		return budget{low, high + settle, elect}
	case "pause", "pause-long", "partition", "isolation":
		return silentLeader(s, f, budget{low, high + settle, elect})
	case "disk-leader":
		if kafka && s.Policy != systems.Synced {
			return budget{0, quiet, "nobody waits for a write to the page cache"}
		}
		return ends
	case "disk-follower":
		if kafka && s.Policy == systems.Synced {
			return budget{kafkaLag, kafkaLag*3/2 + settle, "replica lag (30 s), looked at every 15 s"}
		}
		if kafka {
			return budget{0, quiet, "nobody waits for a write to the page cache"}
		}
		return budget{0, quiet, "a majority is enough"}
	}
	return allDown(s, f, budget{low, high, elect})
}

// allDown is when every node was.
func allDown(s *systems.System, f *trouble, b budget) budget {
	switch s.Design {
	case "kafka": // whoever was struck, there is a new controller, which refuses new processes while the old ones' sessions last
		b.low, b.high, b.why = quorumLow+kafkaReturn, quorumHigh+kafkaReturn, "controllers elect (1.75 to 4 s), then the first registration after a session (12.7 s)"
	case "redpanda":
		// Its controller's log is applied when that has a leader; only then has a broker partitions, and these elect theirs.
		b.low, b.high, b.why = 2*b.low, 2*b.high, "two elections: the controller's, then the partition's"
	default:
		// A node that applies the creation of a stream at boot, because meta's log has no checkpoint behind it yet, has the
		// stream's first replica stand for election at once (impl/broker/meta.go), as if it were new.
		b.low = 0
	}
	return budget{f.holds + b.low, f.holds + b.high + settle, "down for 1 s, then " + b.why}
}

// silentLeader is a leader that does not answer and whose connections stay. Clients of NATS speak to any node, and those at others
// are served when there is another leader. Kafka's speak to the leader, and doubt it when a request times out or is refused: a Raft
// leader that misses its majority for an election timeout refuses, if clients reach it.
func silentLeader(s *systems.System, f *trouble, elected budget) budget {
	cut := f.name == "partition" || f.name == "isolation"
	switch {
	case s.Design == "nats" && cut:
		// Without pre-vote the node has raised its term meanwhile, which ends the leader's when it is back. Its log is too old to
		// win, and standing again it sets the others' timeouts back once more: the longer of two gaps, and the second of two timeouts.
		elected.high += elected.high - settle
		elected.why += ", and without pre-vote another election on its return, of up to two"
		return elected
	case s.Design != "kafka" && s.Design != "redpanda", s.Design == "redpanda" && f.name == "partition":
		return elected
	case f.holds < kafkaRequest:
		return budget{f.holds - onItsWay, f.holds + settle, "as long as the fault: clients wait for the leader"}
	}
	return budget{kafkaRequest, kafkaRequest + settle, "request timeout of clients (30 s)"}
}

// expected joins the budgets of the runs in which the leader was the controller, and of those in which it was not.
func expected(rows *study.Rows, s *systems.System, f *trouble) (out []budget) {
	for _, meta := range rows.Values("leads_meta") {
		if b := budgetOf(s, f, meta == "1"); !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b budget) int { return int(a.low/ms - b.low/ms) })
	return out
}
