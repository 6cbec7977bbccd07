package kafka

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
)

const (
	ms  = 1_000_000
	sec = 1000 * ms
)

// Config is what a broker is booted with. Zero values are Kafka's defaults; times are nanoseconds.
type Config struct {
	Node  machine.NodeID
	Nodes []machine.NodeID

	// ELR is eligible.leader.replicas ("on" from Kafka 4.1 for new clusters), Unclean unclean.leader.election.enable.
	ELR, Unclean bool
	// ReplicaLag is replica.lag.time.max.ms (30 s).
	ReplicaLag int64
	// Heartbeat and Session are broker.heartbeat.interval.ms (2 s) and broker.session.timeout.ms (9 s).
	Heartbeat, Session int64
	// FetchWait is replica.fetch.wait.max.ms (500 ms), FetchBytes replica.fetch.max.bytes for one answer (10 MiB),
	// FetchBackoff replica.fetch.backoff.ms (1 s).
	FetchWait, FetchBytes, FetchBackoff int64
	// Linger is how long the controller gathers commands (append.linger.ms of the quorum, 25 ms).
	Linger int64
	// Checkpoint is replica.high.watermark.checkpoint.interval.ms (5 s).
	Checkpoint int64
	// FlushInterval is log.flush.interval.ms: how old what is not synced may become (0: as old as the kernel lets it).
	FlushInterval int64
	// Rebalance is leader.imbalance.check.interval.seconds (300 s).
	Rebalance int64
	// SegmentBytes is log.segment.bytes (1 GiB); CacheBytes how much of a partition's log stays in memory (4 MiB).
	SegmentBytes, CacheBytes int64
	// QuorumTick is a tick of the controller quorum (250 ms): an election timeout is ElectionTicks (8) to twice as many of
	// them, as controller.quorum.fetch.timeout.ms (2 s) and election.timeout.ms make it.
	QuorumTick    int64
	ElectionTicks int
	// MaxPending bytes of output of a connection before it is closed, MaxParked produces that wait (queued.max.requests stands
	// for neither; brokers bound memory by socket.request.max.bytes and purgatory size): 64 MiB and 100,000.
	MaxPending int64
	MaxParked  int
	Observe    bool

	// OffsetsMinISR and OffsetsFlush are min.insync.replicas (2) and flush.messages (0: never) of the offsets topic, which is
	// made with the brokers' defaults.
	OffsetsMinISR, OffsetsFlush int
	// BugCommitEarly is planted: a commit is answered when it is appended.
	BugCommitEarly bool
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		have *int64
		want int64
	}{
		{&c.ReplicaLag, 30 * sec},
		{&c.Heartbeat, 2 * sec},
		{&c.Session, 9 * sec},
		{&c.FetchWait, 500 * ms},
		{&c.FetchBytes, 10 << 20},
		{&c.FetchBackoff, sec},
		{&c.Linger, 25 * ms},
		{&c.Checkpoint, 5 * sec},
		{&c.Rebalance, 300 * sec},
		{&c.SegmentBytes, 1 << 30},
		{&c.CacheBytes, 4 << 20},
		{&c.QuorumTick, 250 * ms},
		{&c.MaxPending, 64 << 20},
	} {
		if *d.have == 0 {
			*d.have = d.want
		}
	}
	if c.ElectionTicks == 0 {
		c.ElectionTicks = 8
	}
	if c.OffsetsMinISR == 0 {
		c.OffsetsMinISR = 2
	}
	if c.MaxParked == 0 {
		c.MaxParked = 100_000
	}
	return c
}

// Check lists every rule that the configuration breaks, its defaults filled in.
func (c Config) Check() error {
	c = c.withDefaults()
	var rules []string
	bad := func(broken bool, format string, args ...any) {
		if broken {
			rules = append(rules, fmt.Sprintf(format, args...))
		}
	}
	bad(!slices.Contains(c.Nodes, c.Node) || c.Node == 0, "node %d is not among the cluster's nodes %v", c.Node, c.Nodes)
	bad(c.ElectionTicks < 2 || c.ElectionTicks&(c.ElectionTicks-1) != 0, "election ticks must be a power of two of at least 2, got %d", c.ElectionTicks)
	bad(c.FlushInterval < 0, "flush interval must not be negative, got %d", c.FlushInterval)
	bad(c.Session <= c.Heartbeat, "a session of %d ns must be longer than its heartbeat of %d ns", c.Session, c.Heartbeat)
	for _, t := range []struct {
		name string
		n    int64
	}{
		{"replica lag", c.ReplicaLag},
		{"heartbeat", c.Heartbeat},
		{"fetch wait", c.FetchWait},
		{"fetch bytes", c.FetchBytes},
		{"fetch backoff", c.FetchBackoff},
		{"checkpoint interval", c.Checkpoint},
		{"rebalance interval", c.Rebalance},
		{"quorum tick", c.QuorumTick},
		{"segment bytes", c.SegmentBytes},
		{"cache bytes", c.CacheBytes},
		{"max pending", c.MaxPending},
		{"max parked", int64(c.MaxParked)},
	} {
		bad(t.n < 1, "%s must be at least 1, got %d", t.name, t.n)
	}
	if rules == nil {
		return nil
	}
	return fmt.Errorf("kafka broker configuration: %s", strings.Join(rules, "; "))
}
