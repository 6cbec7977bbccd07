package client

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// Recorder writes the history. What it is given is its own only during the call. Complete and Deliver are called before
// the load is told.
type Recorder interface {
	// Invoke is called when an operation becomes due, and numbers it, from 1.
	Invoke(op *load.Op) (id uint64)
	Complete(id uint64, op *load.Op, out *load.Outcome)
	Deliver(d *load.Delivery)
	// Mark says that the client is connected to node, or finds itself so no more.
	Mark(verb history.Verb, node machine.NodeID)
}

// Nanoseconds.
const (
	millisecond = 1_000_000
	second      = 1000 * millisecond
)

// Config is one client. Durations are nanoseconds; 0 means the default.
type Config struct {
	// Name is the client's name: one subject token, different for each client and each of its
	// boots, since replies to operations of an earlier boot must not be taken for its own.
	Name string
	// Nodes are the brokers, tried in an order of the client's own choices, beginning with First, if it is one of them.
	Nodes  []machine.NodeID
	First  machine.NodeID
	Load   load.Load
	Record Recorder

	// RequestTimeout holds for operations that name none; default 5 s.
	RequestTimeout int64
	// ReconnectWait is the mean wait before another node is tried; it doubles, up to 16-fold, each
	// time all nodes have been tried. Default 250 ms.
	ReconnectWait int64
	// ConnectTimeout bounds the way from dialing to the first PONG; default 2 s.
	ConnectTimeout int64
	// PingInterval is the time between PINGs. A connection with MaxPings unanswered is
	// given up: only so is a half-open one noticed. Defaults 2 s and 2.
	PingInterval int64
	MaxPings     int
	// MaxOutstanding operations may wait or be under way; more fail at once. Default 65536.
	MaxOutstanding int
	// MaxSubscriptions may be open at a time; more fail at once. Default 1024.
	MaxSubscriptions int
	// Start is the time of the run at which the client boots.
	Start int64
}

func (c Config) withDefaults() Config {
	set := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.RequestTimeout, 5*second)
	set(&c.ReconnectWait, 250*millisecond)
	set(&c.ConnectTimeout, 2*second)
	set(&c.PingInterval, 2*second)
	if c.MaxPings == 0 {
		c.MaxPings = 2
	}
	if c.MaxOutstanding == 0 {
		c.MaxOutstanding = 1 << 16
	}
	if c.MaxSubscriptions == 0 {
		c.MaxSubscriptions = 1 << 10
	}
	return c
}

func (c Config) validate() error {
	switch {
	case !subject.ValidName(c.Name):
		return fmt.Errorf("client name %q is not one subject token", c.Name)
	case len(c.Nodes) == 0:
		return fmt.Errorf("client %s has no node to connect to", c.Name)
	case c.Load == nil || c.Record == nil:
		return fmt.Errorf("client %s lacks a load or a recorder", c.Name)
	case min(c.RequestTimeout, c.ReconnectWait, c.ConnectTimeout, c.PingInterval) < 0 || min(c.MaxPings, c.MaxOutstanding, c.MaxSubscriptions) < 0:
		return fmt.Errorf("client %s: a duration or a limit is negative", c.Name)
	}
	return nil
}

// Purposes of a client's choices.
const (
	purposeOrder machine.Purpose = 0xc11e<<8 + iota
	purposeWait
)

// Boot makes the machine of one client. It returns an error if cfg is not valid.
func Boot(cfg Config) machine.Boot {
	return func(env *machine.Env, _ machine.Image, fx *machine.Effects) (machine.Machine, error) {
		if err := cfg.validate(); err != nil {
			return nil, err
		}
		c := newClient(cfg.withDefaults(), env)
		fx.SetTimer(timerConnect, env.Mono)
		fx.SetTimer(timerLoad, env.Mono)
		return c, nil
	}
}

// shuffled returns the nodes in an order of this client's choosing.
func shuffled(nodes []machine.NodeID, choices machine.Choices) []machine.NodeID {
	order := append([]machine.NodeID(nil), nodes...)
	for i := len(order) - 1; i > 0; i-- {
		j := choices.Draw(purposeOrder, uint64(i)) % uint64(i+1)
		order[i], order[j] = order[j], order[i]
	}
	return order
}
