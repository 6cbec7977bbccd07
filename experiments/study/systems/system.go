package systems

import (
	"slices"

	"github.com/brokerlab/brokerlab/experiments/figures"
)

// What has happened to a message when it is acknowledged.
const (
	Synced     = "synced"     // on the disks of a quorum, or of all in-sync replicas
	Replicated = "replicated" // in the page caches of a quorum, or of all in-sync replicas
	Memory     = "memory"     // in one node's page cache
	OneSynced  = "one-synced" // on one node's disk
)

// System is a design with settings, as comparisons name it.
type System struct {
	Name   string // in tables and legends
	Design string // whose colour it has
	Policy string // what an acknowledgement says
	// Profile and settings of experiments/designs.
	Profile string
	set     []string
	// syncMS is the interval of sync=interval and flush=interval.
	syncMS int64
}

// Systems that are compared. NATS's own default is to sync every two minutes; Kafka's is never to sync itself.
var (
	Reference   = System{Name: "reference", Design: "reference", Policy: Synced, Profile: "reference"}
	NATSDefault = System{Name: "NATS, sync every 2 min", Design: "nats", Policy: Replicated, Profile: "nats"}
	NATSAlways  = System{Name: "NATS, sync always", Design: "nats", Policy: Synced, Profile: "nats", set: []string{"sync=group"}}
	KafkaAll    = System{Name: "Kafka acks=all", Design: "kafka", Policy: Replicated, Profile: "kafka"}
	KafkaFlush  = System{Name: "Kafka acks=all, flush each", Design: "kafka", Policy: Synced, Profile: "kafka", set: []string{"flush=each"}}
	KafkaOne    = System{Name: "Kafka acks=1", Design: "kafka", Policy: Memory, Profile: "kafka", set: []string{"acks=1"}}
	Redpanda    = System{Name: "Redpanda acks=all", Design: "redpanda", Policy: Synced, Profile: "redpanda"}
)

// With is the system with more settings, under another name.
func (s System) With(name string, set ...string) System {
	s.Name = name
	s.set = append(append([]string(nil), s.set...), set...)
	return s
}

// Every is the system with a sync every so many milliseconds, whatever is acknowledged meanwhile.
func (s System) Every(intervalMS int64, set string) System {
	s = s.With(s.Name, set)
	s.syncMS = intervalMS
	return s
}

// unacknowledged says that producers are told nothing.
func (s *System) unacknowledged() bool { return slices.Contains(s.set, "acks=0") }

// Style is how figures draw it.
func (s *System) Style() figures.Style { return figures.StyleOf(s.Design, s.Policy) }
