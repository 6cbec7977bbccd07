package designs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/impl/broker"
	"github.com/brokerlab/brokerlab/impl/client"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Design is a broker's design that runs in the world: the profiles that are its own, the switches that they set, and how its
// brokers and clients are booted.
type Design struct {
	Name     string
	Profiles []string
	// Bound is within which time of healing publishes have to be answered again, in nanoseconds; 0 is the judges' own.
	Bound int64
	// Profile gives every switch its value.
	Profile func(name string) (map[string]string, error)
	// Set turns a switch; errors name the switches, or the ends, there are.
	Set func(switches map[string]string, name, value string) error
	// Check lists what a run asks for and this design has not.
	Check func(c *rundir.Config) []error
	// Describe changes what judges must know of a stream where this design means something else by it; nil: it does not.
	Describe func(s *history.Stream)
	Broker   func(c *rundir.Config, id machine.NodeID, nodes []machine.NodeID) (machine.Boot, error)
	Client   func(c *rundir.Config, who Seat) machine.Boot
}

// Seat is one client of a run.
type Seat struct {
	Name   string
	Nodes  []machine.NodeID
	First  machine.NodeID
	Load   load.Load
	Record client.Recorder
}

// All are those of this laboratory, the reference broker's first.
func All() []*Design { return []*Design{natsDesign(), kafkaDesign(), redpandaDesign()} }

// Profiles names every profile of every design, the reference first.
func Profiles() (names []string) {
	for _, d := range All() {
		names = append(names, d.Profiles...)
	}
	return names
}

// Of finds the design that a profile belongs to; "" is the reference.
func Of(profile string) (*Design, string, error) {
	all := All()
	if profile == "" {
		return all[0], all[0].Profiles[0], nil
	}
	for _, d := range all {
		if slices.Contains(d.Profiles, profile) {
			return d, profile, nil
		}
	}
	return nil, "", fmt.Errorf("unknown profile %q: want one of %s", profile, strings.Join(Profiles(), ", "))
}

// natsDesign is the reference broker, and the same with NATS's decisions.
func natsDesign() *Design {
	return &Design{
		Name: "nats", Profiles: broker.Profiles(),
		Profile: func(name string) (map[string]string, error) {
			s, err := broker.Profile(name)
			return s.Map(), err
		},
		Set: func(m map[string]string, name, value string) error {
			var s broker.Switches
			if err := s.Set(name, value); err != nil {
				return err
			}
			m[name] = value
			return nil
		},
		Check: func(*rundir.Config) []error { return nil },
		Broker: func(c *rundir.Config, id machine.NodeID, nodes []machine.NodeID) (machine.Boot, error) {
			s, err := SwitchesOf(c.Switches)
			if err != nil {
				return nil, err
			}
			return broker.Boot(BrokerConfig(&c.Cluster, id, nodes, s)), nil
		},
		Client: func(_ *rundir.Config, who Seat) machine.Boot {
			return client.Boot(client.Config{Name: who.Name, Nodes: who.Nodes, First: who.First, Load: who.Load, Record: who.Record})
		},
	}
}

// SwitchesOf makes the broker's switches of their names and values.
func SwitchesOf(m map[string]string) (s broker.Switches, err error) {
	for _, row := range broker.SwitchNames() {
		name, _, _ := strings.Cut(row, "=")
		if err := s.Set(name, m[name]); err != nil {
			return s, err
		}
	}
	return s, nil
}

// BrokerConfig is the reference broker's configuration for a node of a cluster.
func BrokerConfig(c *rundir.Cluster, id machine.NodeID, nodes []machine.NodeID, switches broker.Switches) broker.Config {
	return broker.Config{
		Node: id, Nodes: nodes, Switches: switches, Observe: true,
		TickEvery: c.TickMS * int64(time.Millisecond), ElectionTicks: c.ElectionTicks,
		SyncInterval: c.SyncIntervalMS * int64(time.Millisecond),
		SegmentBytes: c.Limits.SegmentBytes, MaxSegments: c.Limits.MaxSegments,
		BlockBytes: c.Limits.BlockBytes, CacheBytes: c.Limits.CacheBytes,
		TailBytes: c.Limits.TailBytes, KeepBytes: c.Limits.KeepBytes,
		MaxBatch: c.Limits.BatchBytes, MaxQueue: c.Limits.QueueBytes,
		MaxPending: c.Limits.PendingBytes, WriteDeadline: c.Limits.WriteDeadlineMS * int64(time.Millisecond),
	}
}
