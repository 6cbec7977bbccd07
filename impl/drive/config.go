package drive

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Config says what to run and where. Boot, Node and Dir are required; zero values of
// the others are replaced by the defaults named.
type Config struct {
	Boot machine.Boot
	Node machine.NodeID
	// Dir is the data directory. It is created if need be, and locked: two servers never share one.
	Dir string
	// ClientListen is where clients connect (127.0.0.1:4222); ClientListener, if set, is
	// used instead, and is the server's to close.
	ClientListen   string
	ClientListener net.Listener
	// ClientTLS, if set, makes every client begin with a TLS handshake.
	ClientTLS *tls.Config
	// PeerListen is where nodes with a lower id connect; PeerListener, if set, is used
	// instead. A node without peers needs neither.
	PeerListen   string
	PeerListener net.Listener
	// Peers are the other nodes' peer addresses (an entry for Node itself is ignored).
	Peers map[machine.NodeID]string
	// Clients are the client addresses that a machine's Dial effects reach.
	Clients map[machine.NodeID]string
	// Cluster must be the same on both ends of a peer connection.
	Cluster string
	// Log receives what an operator should know; nil discards it.
	Log *slog.Logger
	// Observe, if set, sees every observation, in order, under the machine's lock: it must be quick.
	Observe func(machine.Wall, machine.Observation)
	// Seed of the machine's choices, mixed with node and boot number. 0 takes a random one.
	Seed uint64
	Limits
}

// Limits bound what the driver holds. They are a safety net: the machine's own limits, which
// know what is waiting for what, should always be reached first.
type Limits struct {
	// MaxConns clients at a time (65536); further ones are refused.
	MaxConns int
	// MaxConnPending bytes of output wait for one connection (256 MiB); beyond, it is closed.
	MaxConnPending int64
	// MaxRaftPending and MaxRoutePending bytes wait for one peer (16 MiB, 64 MiB). Beyond,
	// a raft frame is dropped, and a route session is broken.
	MaxRaftPending  int64
	MaxRoutePending int64
	// MaxFrame is the longest peer frame (64 MiB).
	MaxFrame int
	// MaxDiskPending bytes of disk writes wait (1 GiB); beyond, the server gives up.
	MaxDiskPending int64
	// StopGrace is how long an orderly stop may take (5 s).
	StopGrace time.Duration
	// CloseLinger is how long a closed connection may take to receive what was written to it (5 s).
	CloseLinger time.Duration
}

func (l Limits) withDefaults() Limits {
	def(&l.MaxConns, 65536)
	def(&l.MaxConnPending, 256<<20)
	def(&l.MaxRaftPending, 16<<20)
	def(&l.MaxRoutePending, 64<<20)
	def(&l.MaxFrame, 64<<20)
	def(&l.MaxDiskPending, 1<<30)
	def(&l.StopGrace, 5*time.Second)
	def(&l.CloseLinger, 5*time.Second)
	return l
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func (c Config) withDefaults() Config {
	def(&c.ClientListen, "127.0.0.1:4222")
	c.Limits = c.Limits.withDefaults()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// closeListeners gives up listeners that no server will serve.
func (c *Config) closeListeners() {
	for _, l := range []net.Listener{c.ClientListener, c.PeerListener} {
		if l != nil {
			_ = l.Close() // twice does no harm
		}
	}
}

// validate lists every rule the configuration breaks.
func (c *Config) validate() error {
	var errs []error
	bad := func(broken bool, format string, args ...any) {
		if broken {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(c.Boot == nil, "Boot is required")
	bad(c.Node == 0, "node 0 is never a node")
	bad(c.Dir == "", "Dir is required")
	others := 0
	for id, addr := range c.Peers {
		bad(id == 0, "node 0 is never a peer (%s)", addr)
		bad(addr == "", "peer %d has no address", id)
		if id != c.Node {
			others++
		}
	}
	bad(others > 0 && c.PeerListen == "" && c.PeerListener == nil, "PeerListen is required with peers")
	bad(c.MaxConns < 0 || c.MaxConnPending < 0 || c.MaxRaftPending < 0 || c.MaxRoutePending < 0 ||
		c.MaxFrame < 0 || c.MaxDiskPending < 0 || c.StopGrace < 0 || c.CloseLinger < 0, "limits must not be negative")
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("drive configuration: %w", err)
	}
	return nil
}
