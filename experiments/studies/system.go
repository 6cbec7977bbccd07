package studies

import (
	"slices"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
)

// What has happened to a message when it is acknowledged.
const (
	synced     = "synced"     // on the disks of a quorum, or of all in-sync replicas
	replicated = "replicated" // in the page caches of a quorum, or of all in-sync replicas
	memory     = "memory"     // in one node's page cache
	oneSynced  = "one-synced" // on one node's disk
)

// system is a design with settings, as comparisons name it.
type system struct {
	name   string // in tables and legends
	design string // whose colour it has
	policy string // what an acknowledgement says
	// Profile and settings of experiments/designs.
	profile string
	set     []string
	// syncMS is the interval of sync=interval and flush=interval.
	syncMS int64
}

// Systems that are compared. NATS's own default is to sync every two minutes; Kafka's is never to sync itself.
var (
	reference   = system{name: "reference", design: "reference", policy: synced, profile: "reference"}
	natsDefault = system{name: "NATS, sync every 2 min", design: "nats", policy: replicated, profile: "nats"}
	natsAlways  = system{name: "NATS, sync always", design: "nats", policy: synced, profile: "nats", set: []string{"sync=group"}}
	kafkaAll    = system{name: "Kafka acks=all", design: "kafka", policy: replicated, profile: "kafka"}
	kafkaFlush  = system{name: "Kafka acks=all, flush each", design: "kafka", policy: synced, profile: "kafka", set: []string{"flush=each"}}
	kafkaOne    = system{name: "Kafka acks=1", design: "kafka", policy: memory, profile: "kafka", set: []string{"acks=1"}}
	kafkaNone   = system{name: "Kafka acks=0", design: "kafka", policy: memory, profile: "kafka", set: []string{"acks=0"}}
	redpanda    = system{name: "Redpanda acks=all", design: "redpanda", policy: synced, profile: "redpanda"}
)

// with is the system with more settings, under another name.
func (s system) with(name string, set ...string) system {
	s.name = name
	s.set = append(append([]string(nil), s.set...), set...)
	return s
}

func (s *system) style() figures.Style { return figures.StyleOf(s.design, s.policy) }

// trial is the system on three nodes with streams of three replicas, each published to by every client.
func (s *system) trial(seed rundir.Seed, o *Options, streams int) trial.Trial {
	c := rundir.Cluster{Nodes: 3, SyncIntervalMS: s.syncMS}
	for i := range streams {
		c.Streams = append(c.Streams, load.StreamSpec{Name: streamName(i), Replicas: 3})
	}
	return trial.Trial{Seed: seed, Profile: s.profile, Set: s.set, Hardware: o.Hardware, Cluster: c}
}

// streamName is S and three letters: names are words of subjects.
func streamName(i int) string {
	return "S" + string([]byte{byte('A' + i/676%26), byte('A' + i/26%26), byte('A' + i%26)})
}

// publishers are clients that publish at a rate, open loop: however slow the answers, arrivals do not wait.
func publishers(clients, perSecond, bytes int) load.Spec {
	return load.Spec{Groups: []load.Group{{Name: "p", Count: clients, PublishPerSecond: perSecond, Bytes: bytes, MaxOpen: 1 << 20}}}
}

// unacknowledged says that producers are told nothing.
func (s *system) unacknowledged() bool { return slices.Contains(s.set, "acks=0") }

// every is the system with a sync every so many milliseconds, whatever is acknowledged meanwhile.
func (s system) every(intervalMS int64, set string) system {
	s = s.with(s.name, set)
	s.syncMS = intervalMS
	return s
}
