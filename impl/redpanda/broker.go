package redpanda

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/kafka/conns"
	"github.com/brokerlab/brokerlab/impl/kafka/metadata"
	"github.com/brokerlab/brokerlab/impl/kafka/offsets"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/impl/quorum"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

const (
	ms  = 1_000_000
	sec = 1000 * ms
)

// Config is what a broker is booted with. Zero values are Redpanda's defaults; times are nanoseconds.
type Config struct {
	Node  machine.NodeID
	Nodes []machine.NodeID
	// Tick is a tick of every group, and its leader's heartbeat (raft_heartbeat_interval_ms, 150 ms); an election timeout is
	// ElectionTicks (8) to twice as many (election_timeout_ms, 1.5 s).
	Tick          int64
	ElectionTicks int
	// MaxPending bytes of output of a connection before it is closed (64 MiB), MaxBytes of a partition's log (1 GiB), MaxParked
	// produces and fetches that wait (100,000).
	MaxPending, MaxBytes int64
	MaxParked            int
	Observe              bool
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		have *int64
		want int64
	}{{&c.Tick, 150 * ms}, {&c.MaxPending, 64 << 20}, {&c.MaxBytes, 1 << 30}} {
		if *d.have == 0 {
			*d.have = d.want
		}
	}
	if c.ElectionTicks == 0 {
		c.ElectionTicks = 8
	}
	if c.MaxParked == 0 {
		c.MaxParked = 100_000
	}
	return c
}

// Check lists the first rule that the configuration breaks.
func (c Config) Check() error {
	c = c.withDefaults()
	switch {
	case c.Node == 0 || !slices.Contains(c.Nodes, c.Node):
		return fmt.Errorf("redpanda broker configuration: node %d is not among the cluster's nodes %v", c.Node, c.Nodes)
	case c.ElectionTicks < 2 || c.ElectionTicks&(c.ElectionTicks-1) != 0:
		return fmt.Errorf("redpanda broker configuration: election ticks must be a power of two of at least 2, got %d", c.ElectionTicks)
	case min(c.Tick, c.MaxPending, c.MaxBytes, int64(c.MaxParked)) < 1:
		return fmt.Errorf("redpanda broker configuration: tick, max pending, max bytes and max parked must be at least 1")
	}
	return nil
}

const (
	purposeBoot machine.Purpose = iota + 1
)

const (
	timerTick uint32 = iota + 1
)

const controllerGroup = 1

// Broker is one node.
type Broker struct {
	cfg  Config
	boot uint64
	env  *machine.Env
	fx   *machine.Effects

	meta  *metadata.State
	ctl   *partition // the controller, as a group without records
	parts []*partition
	held  []*partition          // the controller first
	found map[uint64]*partition // logs that boot found, before the controller says whose they are
	peers []*peer
	conns conns.Table

	lastToken machine.Token
	owners    map[machine.Token]*partition
	ready     []*partition
}

// peer is another node: Raft frames in the making, and requests for the controller on their way.
type peer struct {
	id    machine.NodeID
	raft  []byte
	next  uint32
	calls []call
}

type call struct {
	correlation uint32
	done        func(proto.Code)
}

// Boot returns the function that boots a broker from what its disk holds.
func Boot(cfg Config) machine.Boot {
	return func(env *machine.Env, image machine.Image, fx *machine.Effects) (machine.Machine, error) {
		if err := cfg.Check(); err != nil {
			return nil, err
		}
		b := &Broker{
			cfg: cfg.withDefaults(), env: env, fx: fx, found: map[uint64]*partition{},
			owners: map[machine.Token]*partition{},
		}
		b.boot = env.Choices.Draw(purposeBoot, 0) | 1
		b.conns = conns.Table{Handle: b.request, MaxPending: b.cfg.MaxPending, Observe: b.cfg.Observe}
		b.meta = metadata.New(metadata.Settings{})
		for i, n := range slices.Sorted(slices.Values(cfg.Nodes)) { // members are fixed: known from the start
			r := b.meta.Apply(uint64(i+1), &metadata.Command{Register: &proto.RegisterRequest{Node: uint32(n), Incarnation: 1}})
			b.meta.Apply(uint64(i+1), &metadata.Command{Unfence: &metadata.Session{Broker: uint32(n), Epoch: r.Epoch}})
			if n != cfg.Node {
				b.peers = append(b.peers, &peer{id: n})
			}
		}
		err := b.find(image)
		if err != nil {
			return nil, err
		}
		if b.ctl, err = b.join(controllerGroup, "", b.cfg.Nodes, b.applyController); err != nil {
			return nil, err
		}
		if b.cfg.Node == slices.Min(b.cfg.Nodes) && b.ctl.group.Term() == 0 {
			b.ctl.group.Campaign()
		}
		fx.SetTimer(machine.TimerKey{Kind: timerTick}, env.Mono+machine.Mono(b.cfg.Tick))
		b.observe(machine.Observation{Kind: machine.Booted})
		if err := b.settle(); err != nil {
			return nil, err
		}
		return b, nil
	}
}

// join makes this node's part of a group, with what its disk kept of it.
func (b *Broker) join(id uint64, stream string, peers []machine.NodeID, apply func(*partition, []byte)) (*partition, error) {
	p := b.found[id]
	if p == nil {
		var err error
		if p, err = b.open(id, emptyImage{}); err != nil {
			return nil, err
		}
	}
	delete(b.found, id)
	p.stream = stream
	b.held = append(b.held, p)
	p.group = p.log.Open(quorum.Config{
		ID: id, Node: b.cfg.Node, Peers: peers, ElectionTicks: b.cfg.ElectionTicks, MaxBytes: b.cfg.MaxBytes,
		Apply:  func(index, _ uint64, data []byte) { p.index = index; apply(p, data) },
		Lead:   func(term uint64) { p.term = term },
		Follow: func() { p.refuse(proto.NotLeader) },
		Send: func(to machine.NodeID, m *pb.Message) {
			if q := b.peer(to); q != nil {
				had := len(q.raft)
				q.raft = wire.AppendRaftFrame(q.raft, id, m)
				b.fx.Charge(machine.WorkEncode, 1, int64(len(q.raft)-had), 0)
			}
		},
		Ready:   func(*quorum.Group) { p.queue() },
		Observe: p.observer(),
		Charge:  func(kind machine.WorkKind, count, bytes int64) { b.fx.Charge(kind, count, bytes, 0) },
	})
	return p, nil
}

const groupsDir = "groups"

// find opens the log of every group that the disk holds.
func (b *Broker) find(image machine.Image) error {
	names, err := image.List(groupsDir)
	if err != nil && !errors.Is(err, machine.ErrNotExist) {
		return fmt.Errorf("groups: %w", err)
	}
	for _, name := range names {
		rest, _, _ := strings.Cut(strings.TrimPrefix(name, groupsDir+"/"), "/")
		id, err := strconv.ParseUint(rest, 10, 64)
		if err != nil || b.found[id] != nil {
			continue
		}
		if b.found[id], err = b.open(id, image); err != nil {
			return err
		}
	}
	return nil
}

func (b *Broker) open(id uint64, image machine.Image) (p *partition, err error) {
	p = newPartition(b, id)
	p.log, err = quorum.OpenLog(b.cfg.Node, fmt.Sprintf("%s/%08d", groupsDir, id), image, b.fx, func() machine.Token {
		b.lastToken++
		b.owners[b.lastToken] = p
		return b.lastToken
	})
	return p, err
}

func (b *Broker) peer(id machine.NodeID) *peer {
	for _, p := range b.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

// partition returns a partition by its number; nil if this node holds no replica.
func (b *Broker) partition(id uint32) *partition {
	if id == 0 || int(id) > len(b.parts) {
		return nil
	}
	return b.parts[id-1]
}

// group returns the part of a Raft group.
func (b *Broker) group(id uint64) *partition {
	if id == controllerGroup {
		return b.ctl
	}
	return b.partition(uint32(id - controllerGroup))
}

// Step handles one input and then everything that became ready by it.
func (b *Broker) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	b.env, b.fx = env, fx
	switch in.Kind {
	case machine.TimerFired:
		b.tick()
		fx.SetTimer(in.Timer, env.Mono+machine.Mono(b.cfg.Tick))
	case machine.ConnOpened, machine.ConnBytes, machine.ConnClosed, machine.ConnDrained:
		b.conns.Step(in, fx)
	case machine.PeerUp, machine.PeerDown:
		if in.Link == machine.RouteLink {
			b.linkChanged(in)
		}
	case machine.PeerFrame:
		b.peerFrame(in)
	case machine.DiskDone:
		b.diskDone(in)
	case machine.PeerDrained, machine.Stopping:
	}
	if err := b.settle(); err != nil {
		machine.Broken("%v", err)
	}
}

func (b *Broker) tick() {
	b.fx.Charge(machine.WorkTimer, 1, 0, 0)
	for _, p := range b.held {
		p.group.Tick()
	}
	b.expire()
}

func (b *Broker) diskDone(in *machine.Input) {
	if p := b.owners[in.Token]; p != nil {
		delete(b.owners, in.Token)
		p.log.Done(in)
		p.queue() // its log may have more to write
		return
	}
	if in.Err != nil {
		machine.GiveUp("a disk operation failed: %v", in.Err)
	}
}

// settle runs what is ready, makes the partitions that the controller has placed meanwhile, and syncs each log that grew.
func (b *Broker) settle() error {
	for i := 0; i < len(b.ready); i++ {
		p := b.ready[i]
		p.queued = false
		if p.group == nil {
			p.log.Flush(b.fx) // found, and nobody's yet
			continue
		}
		p.group.Process()
		if err := b.place(); err != nil {
			return err
		}
	}
	ready := b.ready
	b.ready = b.ready[:0]
	for _, p := range ready {
		p.log.Flush(b.fx)
	}
	for _, p := range b.peers {
		if len(p.raft) > 0 {
			b.fx.Send(machine.Addr{Node: p.id}, machine.RaftLink, p.raft)
			p.raft = nil
		}
	}
	return nil
}

// place makes this node's replicas of partitions that are new to it.
func (b *Broker) place() error {
	for len(b.parts) < len(b.meta.Partitions()) {
		m := b.meta.Partitions()[len(b.parts)]
		b.parts = append(b.parts, nil)
		if !slices.Contains(m.Replicas, uint32(b.cfg.Node)) {
			continue
		}
		stream, apply := streamName(m), b.applyBatch
		if m.Topic.Name == offsets.Topic {
			apply = b.applyOffset
		}
		var peers []machine.NodeID
		for _, r := range m.Replicas {
			peers = append(peers, machine.NodeID(r))
		}
		p, err := b.join(controllerGroup+uint64(m.ID), stream, peers, apply)
		if err != nil {
			return fmt.Errorf("partition %d: %w", m.ID, err)
		}
		b.parts[m.ID-1] = p
		b.observe(machine.Observation{Kind: machine.StreamCreated, Stream: stream, Group: p.id, N: int64(len(peers))})
		p.observe(machine.Observation{Kind: machine.Recovered, First: 1})
		if m.Replicas[0] == uint32(b.cfg.Node) && p.group.Term() == 0 {
			p.standIn = 1 // the others need a moment to hear of the group
		}
	}
	return nil
}

// streamName is a topic's name if it has one partition, else the name and the partition's place.
func streamName(p *metadata.Partition) string {
	if p.Topic.Partitions == 1 {
		return p.Topic.Name
	}
	return fmt.Sprintf("%s/%d", p.Topic.Name, p.ID-p.Topic.First)
}

// Footprint reports what lives in memory, by kind.
func (b *Broker) Footprint(dst []machine.Use) []machine.Use {
	logs := machine.Use{Kind: "logs"}
	for _, p := range b.held {
		logs.Count++
		logs.Bytes += p.group.Bytes()
	}
	return append(dst, logs, b.conns.Footprint())
}

func (b *Broker) observe(o machine.Observation) {
	if b.cfg.Observe {
		b.fx.Observe(o)
	}
}

// emptyImage is the disk as a new group finds its directory.
type emptyImage struct{}

func (emptyImage) List(string) ([]string, error)             { return nil, nil }
func (emptyImage) Size(string) (int64, error)                { return 0, machine.ErrNotExist }
func (emptyImage) ReadAt(string, []byte, int64) (int, error) { return 0, machine.ErrNotExist }
