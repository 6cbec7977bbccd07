package systems

import (
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
)

const ms = int64(time.Millisecond)

// Trial is the system on three nodes with streams of three replicas, each published to by every client.
func (s *System) Trial(seed rundir.Seed, o *study.Options, streams int) trial.Trial {
	c := rundir.Cluster{Nodes: 3, SyncIntervalMS: s.syncMS}
	for i := range streams {
		c.Streams = append(c.Streams, load.StreamSpec{Name: StreamName(i), Replicas: 3})
	}
	return trial.Trial{Seed: seed, Profile: s.Profile, Set: s.set, Hardware: o.Hardware, Cluster: c}
}

// StreamName is S and three letters: names are words of subjects.
func StreamName(i int) string {
	return "S" + string([]byte{byte('A' + i/676%26), byte('A' + i/26%26), byte('A' + i%26)})
}

// Publishers are clients that publish at a rate, open loop: however slow the answers, arrivals do not wait.
func Publishers(clients, perSecond, bytes int) load.Spec {
	return load.Spec{Groups: []load.Group{{Name: "p", Count: clients, PublishPerSecond: perSecond, Bytes: bytes, MaxOpen: 1 << 20}}}
}

// CoreClients publish together: as many as publish to streams.
const CoreClients = 16

// CoreLoad publishes on one subject from node 1, without asking for acknowledgements, to subscribers on a node.
// More than a million a second are several groups of two clients each.
func CoreLoad(rate, bytes, subscribers, node int) (s load.Spec) {
	groups, clients := 1+(rate-1)/1_000_000, CoreClients
	if groups > 1 {
		clients = 2
	}
	for i := range groups {
		send := &load.Send{PerSecond: rate / groups, Bytes: bytes, Subjects: []string{"tick"}, MaxOpen: 1 << 20}
		s.Groups = append(s.Groups, load.Group{Name: "p" + string([]byte{byte('a' + i/26), byte('a' + i%26)}), Count: clients, Nodes: []int{1}, Send: send})
	}
	if subscribers > 0 {
		s.Groups = append(s.Groups, load.Group{Name: "s", Count: subscribers, Nodes: []int{node}, Subscribe: &load.Subscribe{Filters: []string{"tick"}}})
	}
	return s
}
