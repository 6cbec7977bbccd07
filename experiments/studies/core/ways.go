package core

import (
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
)

// way is how a message gets from who publishes it to whom the time is taken.
type way struct {
	name  string
	style figures.Style
	// Of core: subscribers, and the node that they are on; publishers are on the first.
	subscribers, node int
	// Of a stream: the system, and by what its messages are received; "" is the publisher's acknowledgement.
	stream *systems.System
	by     string
}

// How a stream's messages are received.
const (
	byWorker   = "worker"   // a durable consumer with explicit acks
	byFollower = "follower" // an ordered consumer without acks, in its leader's memory
)

// ways that are compared.
func ways() []way {
	s := func(design, policy string, dashed bool) figures.Style {
		st := figures.StyleOf(design, policy)
		st.Dashed = dashed
		return st
	}
	return []way{
		{name: "core, same node", style: s("core", systems.Memory, false), subscribers: 1, node: 1},
		{name: "core, other node", style: figures.Style{Color: figures.Sky, Mark: figures.Cross}, subscribers: 1, node: 2},
		{name: "core, 4 on same node", style: figures.Style{Color: figures.Grey, Mark: figures.Cross, Dashed: true}, subscribers: 4, node: 1},
		{name: "core, 4 on other node", style: figures.Style{Color: figures.Sky, Mark: figures.Cross, Dashed: true}, subscribers: 4, node: 2},
		{name: "reference, ack", style: s("reference", systems.Synced, false), stream: &systems.Reference},
		{name: "reference, to ordered consumer", style: s("reference", systems.Synced, true), stream: &systems.Reference, by: byFollower},
		{name: "reference, to acking consumer", style: figures.Style{Color: figures.Brown, Mark: figures.Disc, Dashed: true}, stream: &systems.Reference, by: byWorker},
		{name: "NATS (2 min), ack", style: s("nats", systems.Replicated, false), stream: &systems.NATSDefault},
		{name: "NATS (2 min), to ordered consumer", style: s("nats", systems.Replicated, true), stream: &systems.NATSDefault, by: byFollower},
		{name: "Kafka acks=all, ack", style: s("kafka", systems.Replicated, false), stream: &systems.KafkaAll},
		{name: "Redpanda acks=all, ack", style: s("redpanda", systems.Synced, false), stream: &systems.Redpanda},
	}
}

// receive adds who receives a stream's messages.
func (w *way) receive(t *trial.Trial) {
	name := t.Cluster.Streams[0].Name
	switch w.by {
	case "":
		return
	case byWorker:
		t.Cluster.Streams[0].Consumers = []load.ConsumerSpec{{Name: "C", MaxPending: 1 << 16}}
		t.Load.Groups = append(t.Load.Groups, load.Group{Name: "w", Count: 1, Work: &load.Work{Stream: name, Consumer: "C", Batch: 1000, MaxOpen: 1 << 16}})
	case byFollower:
		t.Load.Groups = append(t.Load.Groups, load.Group{Name: "f", Count: 1, Follow: &load.Follow{Stream: name, Batch: 1000}})
	}
	t.Receivers = 1
}
