package experiments

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/impl/broker"
	"github.com/brokerlab/brokerlab/impl/client"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// design is a broker's design that runs in the world: the profiles that are its own, the switches that they set, and how its
// brokers and clients are booted.
type design struct {
	profiles []string
	// bound is within which time of healing publishes have to be answered again, in nanoseconds; 0 is the judges' own.
	bound int64
	// profile gives every switch its value.
	profile func(name string) (map[string]string, error)
	// set turns a switch; errors name the switches, or the ends, there are.
	set func(switches map[string]string, name, value string) error
	// check lists what a cluster asks for and this design has not.
	check  func(c *rundir.Config) []error
	broker func(c *rundir.Config, id machine.NodeID, nodes []machine.NodeID) (machine.Boot, error)
	client func(c *rundir.Config, who seat) machine.Boot
}

// seat is one client of a run.
type seat struct {
	name   string
	nodes  []machine.NodeID
	first  machine.NodeID
	load   load.Load
	record clientRecorder
}

// designs are those of this laboratory, the reference broker's first.
func designs() []*design { return []*design{natsDesign(), kafkaDesign(), redpandaDesign()} }

// Profiles names every profile of every design, the reference first.
func Profiles() (names []string) {
	for _, d := range designs() {
		names = append(names, d.profiles...)
	}
	return names
}

// designOf finds the design that a profile belongs to; "" is the reference.
func designOf(profile string) (*design, string, error) {
	all := designs()
	if profile == "" {
		return all[0], all[0].profiles[0], nil
	}
	for _, d := range all {
		if slices.Contains(d.profiles, profile) {
			return d, profile, nil
		}
	}
	return nil, "", fmt.Errorf("unknown profile %q: want one of %s", profile, strings.Join(Profiles(), ", "))
}

// natsDesign is the reference broker, and the same with NATS's decisions.
func natsDesign() *design {
	return &design{
		profiles: broker.Profiles(),
		profile: func(name string) (map[string]string, error) {
			s, err := broker.Profile(name)
			return s.Map(), err
		},
		set: func(m map[string]string, name, value string) error {
			var s broker.Switches
			if err := s.Set(name, value); err != nil {
				return err
			}
			m[name] = value
			return nil
		},
		check: func(*rundir.Config) []error { return nil },
		broker: func(c *rundir.Config, id machine.NodeID, nodes []machine.NodeID) (machine.Boot, error) {
			s, err := switchesOf(c.Switches)
			if err != nil {
				return nil, err
			}
			return broker.Boot(brokerConfig(&c.Cluster, id, nodes, s)), nil
		},
		client: func(_ *rundir.Config, who seat) machine.Boot {
			return client.Boot(client.Config{Name: who.name, Nodes: who.nodes, First: who.first, Load: who.load, Record: who.record})
		},
	}
}

// switchesOf makes the broker's switches of their names and values.
func switchesOf(m map[string]string) (s broker.Switches, err error) {
	for _, row := range broker.SwitchNames() {
		name, _, _ := strings.Cut(row, "=")
		if err := s.Set(name, m[name]); err != nil {
			return s, err
		}
	}
	return s, nil
}
