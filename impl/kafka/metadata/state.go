package metadata

import (
	"slices"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
)

// Settings are the cluster's, the same on every node.
type Settings struct {
	// ELR: eligible leader replicas (KIP-966; on by default for new clusters from Kafka 4.1).
	ELR bool
	// Unclean lets a replica lead that is not in sync, when nobody else is left (unclean.leader.election.enable).
	Unclean bool
}

// Broker is a registered broker.
type Broker struct {
	ID          uint32
	Epoch       uint64 // index of its registration
	Incarnation uint64
	Fenced      bool
}

// Topic is a topic; its partitions have consecutive numbers from First on.
type Topic struct {
	Name          string
	First         uint32
	Partitions    int
	MinISR        int
	FlushMessages int
}

// NoLeader is the leader of a partition without one.
const NoLeader uint32 = 0

// Partition is the controller's state of a partition.
type Partition struct {
	ID       uint32
	Topic    *Topic
	Replicas []uint32 // the first is preferred
	ISR      []uint32 // sorted
	ELR      []uint32 // sorted
	// LastKnown is the last leader of a partition that has neither ISR nor ELR left.
	LastKnown  []uint32
	Leader     uint32
	Epoch      int32 // leader epoch
	Version    int32 // partition epoch: one more with every change
	Recovering bool  // the leader was elected uncleanly and has not said that it is done
}

// State is everything.
type State struct {
	set        Settings
	brokers    []*Broker // by id
	topics     []*Topic
	partitions []*Partition // by number, from 1
	nextPID    int64
}

// New is the state of a cluster in which nothing has happened.
func New(set Settings) *State { return &State{set: set} }

// Broker returns a broker, or nil.
func (s *State) Broker(id uint32) *Broker {
	i, ok := slices.BinarySearchFunc(s.brokers, id, func(b *Broker, id uint32) int { return int(b.ID) - int(id) })
	if !ok {
		return nil
	}
	return s.brokers[i]
}

// Brokers, Topics and Partitions are all there are, in a fixed order. They are the state's own.
func (s *State) Brokers() []*Broker       { return s.brokers }
func (s *State) Topics() []*Topic         { return s.topics }
func (s *State) Partitions() []*Partition { return s.partitions }

// Partition returns a partition, or nil.
func (s *State) Partition(id uint32) *Partition {
	if id == 0 || int(id) > len(s.partitions) {
		return nil
	}
	return s.partitions[id-1]
}

// Topic returns a topic, or nil.
func (s *State) Topic(name string) *Topic {
	for _, t := range s.topics {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func (s *State) active(id uint32) bool {
	b := s.Broker(id)
	return b != nil && !b.Fenced
}

// Result is what a command came to; Changed lists the partitions that it changed.
type Result struct {
	Code    proto.Code
	Epoch   uint64 // of a registration
	PID     int64  // of a producer
	Changed []uint32
}

// Command is one entry's wish. Exactly one field is set.
type Command struct {
	Register    *proto.RegisterRequest
	Fence       *Session
	Unfence     *Session
	Create      *proto.CreateTopicRequest
	Alter       *proto.AlterPartitionRequest
	NewProducer bool
	// Elect has partitions without a leader, or with another than the preferred one, looked at again.
	Elect bool
}

// Session names a broker's registration.
type Session struct {
	Broker uint32
	Epoch  uint64
}

// Apply carries out the command of entry index.
func (s *State) Apply(index uint64, c *Command) Result {
	switch {
	case c.Register != nil:
		return s.register(index, c.Register)
	case c.Fence != nil:
		return s.fence(c.Fence)
	case c.Unfence != nil:
		return s.unfence(c.Unfence)
	case c.Create != nil:
		return s.create(c.Create)
	case c.Alter != nil:
		return s.alter(c.Alter)
	case c.NewProducer:
		s.nextPID++
		return Result{PID: s.nextPID}
	case c.Elect:
		return s.elect()
	}
	return Result{Code: proto.InvalidRequest}
}

// register gives a broker a new epoch; it is fenced until it has caught up. A process that was not shut down in good order has
// lost what it had not synced, if its machine went down: with ELR it leaves ISR and ELR of every partition (KIP-966), without,
// it is fenced like one whose session ended, which leaves the last member of an ISR in it.
func (s *State) register(index uint64, r *proto.RegisterRequest) Result {
	b := s.Broker(r.Node)
	if b == nil {
		b = &Broker{ID: r.Node}
		i, _ := slices.BinarySearchFunc(s.brokers, r.Node, func(b *Broker, id uint32) int { return int(b.ID) - int(id) })
		s.brokers = slices.Insert(s.brokers, i, b)
	}
	if b.Incarnation == r.Incarnation && b.Epoch != 0 {
		return Result{Epoch: b.Epoch} // a registration whose answer was lost
	}
	clean := b.Epoch != 0 && r.Clean == b.Epoch
	first := b.Epoch == 0
	b.Epoch, b.Incarnation, b.Fenced = index, r.Incarnation, true
	out := Result{Epoch: index}
	if first {
		return out
	}
	for _, p := range s.partitions {
		c := change{s: s, p: p, isr: without(p.ISR, b.ID)}
		if s.set.ELR && !clean {
			c.unclean = b.ID
		}
		if c.apply() {
			out.Changed = append(out.Changed, p.ID)
		}
	}
	return out
}

// fence takes a broker whose session ended out of every ISR, and has what it led led by others.
func (s *State) fence(f *Session) Result {
	b := s.Broker(f.Broker)
	if b == nil || b.Epoch != f.Epoch || b.Fenced {
		return Result{Code: proto.StaleBrokerEpoch}
	}
	b.Fenced = true
	var out Result
	for _, p := range s.partitions {
		if c := (change{s: s, p: p, isr: without(p.ISR, b.ID)}); c.apply() {
			out.Changed = append(out.Changed, p.ID)
		}
	}
	return out
}

// unfence makes a broker one that may lead; partitions without a leader may find one in it.
func (s *State) unfence(f *Session) Result {
	b := s.Broker(f.Broker)
	if b == nil || b.Epoch != f.Epoch {
		return Result{Code: proto.StaleBrokerEpoch}
	}
	if !b.Fenced {
		return Result{}
	}
	b.Fenced = false
	return s.leaderless()
}

func (s *State) leaderless() (out Result) {
	for _, p := range s.partitions {
		if p.Leader != NoLeader {
			continue
		}
		if c := (change{s: s, p: p, isr: p.ISR}); c.apply() {
			out.Changed = append(out.Changed, p.ID)
		}
	}
	return out
}

// elect is the retry of elections and the return to preferred leaders (auto.leader.rebalance).
func (s *State) elect() Result {
	out := s.leaderless()
	for _, p := range s.partitions {
		best := p.Replicas[0]
		if p.Leader != best && p.Leader != NoLeader && slices.Contains(p.ISR, best) && s.active(best) {
			if c := (change{s: s, p: p, isr: p.ISR, prefer: best}); c.apply() {
				out.Changed = append(out.Changed, p.ID)
			}
		}
	}
	return out
}

// create places a topic's partitions: replicas in turn over the brokers that are up, as Kafka's striped placer without racks.
func (s *State) create(r *proto.CreateTopicRequest) Result {
	if t := s.Topic(r.Name); t != nil {
		return Result{Code: proto.TopicExists}
	}
	var up []uint32
	for _, b := range s.brokers {
		if !b.Fenced {
			up = append(up, b.ID)
		}
	}
	switch {
	case r.Partitions < 1 || r.Partitions > 10_000 || r.Name == "":
		return Result{Code: proto.InvalidRequest}
	case r.Replicas < 1 || r.Replicas > len(up):
		return Result{Code: proto.InvalidReplication}
	}
	t := &Topic{
		Name: r.Name, First: uint32(len(s.partitions)) + 1, Partitions: r.Partitions,
		MinISR: min(max(r.MinISR, 1), r.Replicas), FlushMessages: r.FlushMessages,
	}
	s.topics = append(s.topics, t)
	var out Result
	for i := range r.Partitions {
		p := &Partition{ID: t.First + uint32(i), Topic: t}
		for k := range r.Replicas {
			p.Replicas = append(p.Replicas, up[(int(p.ID)-1+k)%len(up)])
		}
		p.ISR = slices.Sorted(slices.Values(p.Replicas))
		p.Leader = p.Replicas[0]
		s.partitions = append(s.partitions, p)
		out.Changed = append(out.Changed, p.ID)
	}
	return out
}

// alter is AlterPartition: a leader's change of its ISR, a compare-and-set on the partition's version, fenced on the leader's
// epoch and on every member's broker epoch.
func (s *State) alter(r *proto.AlterPartitionRequest) Result {
	p, b := s.Partition(r.ID), s.Broker(r.Node)
	switch {
	case b == nil || b.Epoch != r.BrokerEpoch:
		return Result{Code: proto.StaleBrokerEpoch}
	case p == nil:
		return Result{Code: proto.UnknownPartition}
	case r.LeaderEpoch > p.Epoch:
		return Result{Code: proto.NotController}
	case r.LeaderEpoch < p.Epoch || p.Leader != r.Node:
		return Result{Code: proto.FencedLeaderEpoch}
	case r.PartitionEpoch != p.Version:
		return Result{Code: proto.InvalidUpdateVersion}
	case !slices.Contains(r.ISR, r.Node):
		return Result{Code: proto.InvalidRequest}
	}
	for i, id := range r.ISR {
		m := s.Broker(id)
		switch {
		case !slices.Contains(p.Replicas, id):
			return Result{Code: proto.InvalidRequest}
		case m == nil || m.Fenced || m.Epoch != r.Epochs[i]:
			return Result{Code: proto.IneligibleReplica}
		}
	}
	if c := (change{s: s, p: p, isr: slices.Sorted(slices.Values(r.ISR)), keep: true, recovered: r.Recovered}); c.apply() {
		return Result{Changed: []uint32{p.ID}}
	}
	return Result{}
}

// without is a sorted set less one member.
func without(set []uint32, id uint32) []uint32 {
	return slices.DeleteFunc(slices.Clone(set), func(x uint32) bool { return x == id })
}
