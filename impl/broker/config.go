package broker

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

// Config is what a broker is booted with. Zero values are replaced by the defaults named.
type Config struct {
	// Node is this node; Nodes are all nodes of the cluster, itself included, the same list
	// everywhere.
	Node  machine.NodeID
	Nodes []machine.NodeID
	// Name is the server's name, Cluster the cluster's ("brokerlab").
	Name    string
	Cluster string
	// Host and Port are announced to clients. ClientURLs are where clients reach this node (host:port); in a cluster
	// they are announced by every node whose route with this one is up.
	Host       string
	Port       int
	ClientURLs []string
	Switches   Switches
	// NewCluster is the operator's word that no cluster has been before: a majority of nodes with empty
	// disks may found one. Without it all nodes have to be there once.
	NewCluster bool

	// TickEvery is the length of a Raft tick (100 ms). ElectionTicks (8) must be a power of two, so
	// that one timeout takes one byte of entropy; the leader's heartbeat goes out every tick.
	TickEvery     int64
	ElectionTicks int
	// SyncInterval of sync=interval (nats-server's default is two minutes).
	SyncInterval int64
	// SegmentBytes of the log (8 MiB), and MaxSegments (4) beyond which the group that pins
	// the oldest one is made to checkpoint.
	SegmentBytes int64
	MaxSegments  int
	// BlockBytes of a stream's files (8 MiB) and CacheBytes of its newest messages in memory (4 MiB).
	BlockBytes int64
	CacheBytes int64
	// TailBytes of Raft entries a group keeps in memory before it checkpoints (4 MiB), and
	// KeepBytes (1 MiB) of them that stay afterwards for peers a little behind.
	TailBytes int64
	KeepBytes int64
	// MaxPayload a client may send (1 MiB), and MaxBatch bytes of publishes in one entry (256 KiB).
	MaxPayload int
	MaxBatch   int
	// MaxPending output of a connection before it is closed as a slow consumer (64 MiB), MaxRoutePending of a
	// route before its session is broken (32 MiB): less than the driver's own limit. From half of these, or of
	// MaxQueue, on, who feeds them is read from once in MaxPause (100 ms) only. WriteDeadline (10 s) is how long
	// output may wait without any of it leaving.
	MaxPending      int64
	MaxRoutePending int64
	MaxPause        int64
	WriteDeadline   int64
	// PingInterval (2 min) of silence after which a client is sent a PING, and MaxPingsOut (2) of them unanswered
	// when the next is due: it is stale.
	PingInterval int64
	MaxPingsOut  int
	// MaxQueue bytes of publishes waiting for a group's leader; beyond it they are refused (16 MiB).
	MaxQueue int
	// Observe reports what happens inside. It costs a hash of every message.
	Observe bool
}

func (c Config) withDefaults() Config {
	setInt64 := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	setInt := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	setInt64(&c.TickEvery, 100*ms)
	setInt64(&c.SyncInterval, 120*sec)
	setInt64(&c.SegmentBytes, 8<<20)
	setInt64(&c.BlockBytes, 8<<20)
	setInt64(&c.CacheBytes, 4<<20)
	setInt64(&c.TailBytes, 4<<20)
	setInt64(&c.KeepBytes, 1<<20)
	setInt64(&c.MaxPending, 64<<20)
	setInt64(&c.MaxRoutePending, 32<<20)
	setInt64(&c.MaxPause, 100*ms)
	setInt64(&c.WriteDeadline, 10*sec)
	setInt64(&c.PingInterval, 120*sec)
	setInt(&c.MaxPingsOut, 2)
	setInt(&c.ElectionTicks, 8)
	setInt(&c.MaxSegments, 4)
	setInt(&c.MaxPayload, 1<<20)
	setInt(&c.MaxBatch, 256<<10)
	setInt(&c.MaxQueue, 16<<20)
	if c.Cluster == "" {
		c.Cluster = "brokerlab"
	}
	if c.Name == "" {
		c.Name = fmt.Sprintf("n%d", c.Node)
	}
	if c.Host == "" {
		c.Host = "127.0.0.1"
	}
	return c
}

// Check lists every rule that the configuration breaks, its defaults filled in.
func (c Config) Check() error {
	c = c.withDefaults()
	return c.validate()
}

// validate lists every rule the configuration breaks.
func (c *Config) validate() error {
	var rules []string
	bad := func(broken bool, format string, args ...any) {
		if broken {
			rules = append(rules, fmt.Sprintf(format, args...))
		}
	}
	member := false
	for i, n := range c.Nodes {
		member = member || n == c.Node
		bad(slices.Contains(c.Nodes[:i], n), "node %d is listed twice", n)
	}
	bad(c.Node == 0, "node 0 is never a node")
	bad(!member, "node %d is not among the cluster's nodes %v", c.Node, c.Nodes)
	bad(c.ElectionTicks < 2 || c.ElectionTicks&(c.ElectionTicks-1) != 0, "election ticks must be a power of two of at least 2, got %d", c.ElectionTicks)
	bad(c.TickEvery < ms, "a tick must be at least 1 ms, got %d ns", c.TickEvery)
	bad(c.MaxPause < ms, "max pause must be at least 1 ms, got %d ns", c.MaxPause)
	bad(c.WriteDeadline < ms, "write deadline must be at least 1 ms, got %d ns", c.WriteDeadline)
	bad(c.PingInterval < ms, "ping interval must be at least 1 ms, got %d ns", c.PingInterval)
	bad(c.MaxPingsOut < 1, "max pings out must be at least 1, got %d", c.MaxPingsOut)
	bad(c.KeepBytes > c.TailBytes, "keep bytes %d must not exceed tail bytes %d", c.KeepBytes, c.TailBytes)
	for _, size := range []struct {
		name string
		n    int64
	}{
		{"segment bytes", c.SegmentBytes},
		{"max segments", int64(c.MaxSegments)},
		{"block bytes", c.BlockBytes},
		{"cache bytes", c.CacheBytes},
		{"tail bytes", c.TailBytes},
		{"keep bytes", c.KeepBytes},
		{"max batch", int64(c.MaxBatch)},
		{"max queue", int64(c.MaxQueue)},
		{"max payload", int64(c.MaxPayload)},
		{"max pending", c.MaxPending},
		{"max route pending", c.MaxRoutePending},
	} {
		bad(size.n < 1 || size.n > 1<<30, "%s must be between 1 and %d, got %d", size.name, 1<<30, size.n)
	}
	if err := c.Switches.validate(); err != nil {
		rules = append(rules, err.Error())
	}
	if rules != nil {
		return fmt.Errorf("broker configuration: %s", strings.Join(rules, "; "))
	}
	return nil
}
