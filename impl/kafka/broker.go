package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/impl/kafka/conns"
	"github.com/brokerlab/brokerlab/impl/kafka/idempotence"
	"github.com/brokerlab/brokerlab/impl/kafka/metadata"
	"github.com/brokerlab/brokerlab/impl/kafka/plog"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/impl/quorum"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Purposes of this broker's draws.
const (
	purposeIncarnation machine.Purpose = iota + 1
)

// Kinds of timers.
const (
	timerTick   uint32 = iota + 1 // what is looked at ten times a second
	timerQuorum                   // a tick of the controller quorum
	timerLinger                   // the controller's commands have gathered long enough
)

const tickEvery = 100 * ms

// Broker is one node: broker and controller.
type Broker struct {
	cfg Config
	env *machine.Env
	fx  *machine.Effects

	// Of this process: its name, its broker epoch once it is registered.
	incarnation uint64
	epoch       uint64
	life        lifecycle
	acting      bool // this process's registration is applied here

	meta  *metadata.State
	index uint64 // of metadata, applied
	log   *quorum.Log
	group *quorum.Group
	ctl   controller

	parts      []*partition // by number less one; nil where this node holds no replica
	held       []*partition // those that are not nil
	found      map[uint32]*foundLog
	watermarks map[uint32]int64
	peers      []*peer // by id, without this node
	conns      conns.Table

	lastToken machine.Token
	owners    map[machine.Token]*partition
	reads     map[machine.Token]func(data []byte)
	hwFile    hwFile
	isrDue    machine.Mono // isr-expiration runs every half of replica.lag.time.max.ms
	flushDue  machine.Mono

	ready  []*quorum.Group
	queued bool
	woken  []*partition // whose logs or watermarks moved in this step
	parked int
}

// foundLog is a partition's log as boot found it, before the metadata says whose it is.
type foundLog struct {
	log       *plog.Log
	producers idempotence.Producers
	torn      int64
}

// Boot returns the function that boots a broker from what its disk holds.
func Boot(cfg Config) machine.Boot {
	return func(env *machine.Env, image machine.Image, fx *machine.Effects) (machine.Machine, error) {
		if err := cfg.Check(); err != nil {
			return nil, err
		}
		b := &Broker{
			cfg: cfg.withDefaults(), env: env, fx: fx,
			owners: map[machine.Token]*partition{}, reads: map[machine.Token]func([]byte){}, found: map[uint32]*foundLog{},
		}
		b.conns = conns.Table{Handle: b.request, MaxPending: b.cfg.MaxPending, Observe: b.cfg.Observe}
		b.meta = metadata.New(metadata.Settings{ELR: cfg.ELR, Unclean: cfg.Unclean})
		b.incarnation = env.Choices.Draw(purposeIncarnation, 0) | 1
		for _, n := range slices.Sorted(slices.Values(cfg.Nodes)) {
			if n != cfg.Node {
				b.peers = append(b.peers, newPeer(b, n))
			}
		}
		if err := b.recover(image); err != nil {
			return nil, err
		}
		b.observe(machine.Observation{Kind: machine.Booted, N: b.torn()})
		b.fx.SetTimer(machine.TimerKey{Kind: timerTick}, env.Mono+tickEvery)
		b.fx.SetTimer(machine.TimerKey{Kind: timerQuorum}, env.Mono+machine.Mono(b.cfg.QuorumTick))
		if b.cfg.Node == slices.Min(b.cfg.Nodes) && b.group.Term() == 0 {
			b.group.Campaign() // somebody has to be first in a new cluster
		}
		b.settle()
		return b, nil
	}
}

const (
	quorumDir     = "quorum"
	quorumGroup   = 1
	partitionsDir = "partitions"
)

func partitionDir(id uint32) string { return fmt.Sprintf("%s/%08d", partitionsDir, id) }

// recover reads the controller's log, the partitions' logs and the high watermarks.
func (b *Broker) recover(image machine.Image) error {
	names, err := image.List(partitionsDir)
	if err != nil && !errors.Is(err, machine.ErrNotExist) {
		return fmt.Errorf("partitions: %w", err)
	}
	for _, name := range names {
		rest := strings.TrimPrefix(name, partitionsDir+"/")
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			rest = rest[:i]
		}
		id, err := strconv.ParseUint(rest, 10, 32)
		if err != nil || b.found[uint32(id)] != nil {
			continue
		}
		if err := b.open(uint32(id), image, 0); err != nil {
			return err
		}
	}
	b.watermarks = readWatermarks(image)
	b.log, err = quorum.OpenLog(b.cfg.Node, quorumDir, image, b.fx, func() machine.Token { return b.token(nil) })
	if err != nil {
		return fmt.Errorf("controller: %w", err)
	}
	b.group = b.log.Open(quorum.Config{
		ID: quorumGroup, Node: b.cfg.Node, Peers: b.cfg.Nodes, ElectionTicks: b.cfg.ElectionTicks,
		Apply: b.applyMetadata, Lead: b.ctlLead, Follow: b.ctlFollow, Send: b.sendRaft,
		Ready: func(g *quorum.Group) {
			if !b.queued {
				b.queued = true
				b.ready = append(b.ready, g)
			}
		},
		Observe: b.observer(),
		Charge:  func(kind machine.WorkKind, count, bytes int64) { b.fx.Charge(kind, count, bytes, 0) },
	})
	return nil
}

func (b *Broker) observer() func(machine.Observation) {
	if !b.cfg.Observe {
		return nil
	}
	return func(o machine.Observation) { b.fx.Observe(o) }
}

// open reads a partition's log from an image.
func (b *Broker) open(id uint32, image machine.Image, flush int64) error {
	f := &foundLog{producers: idempotence.Producers{}}
	cfg := plog.Config{Dir: partitionDir(id), SegmentBytes: b.cfg.SegmentBytes, CacheBytes: b.cfg.CacheBytes, FlushMessages: flush}
	var err error
	f.log, f.torn, err = plog.Open(cfg, image, b.fx, func() machine.Token { return b.token(b.partition(id)) }, func(h proto.Head, _ []byte) { f.producers.Note(&h) })
	if err != nil {
		return fmt.Errorf("partition %d: %w", id, err)
	}
	b.found[id] = f
	return nil
}

func (b *Broker) torn() (sum int64) {
	for _, f := range b.found { // map order: a sum
		sum += f.torn
	}
	return sum
}

// token names a disk operation; owner is nil if it is not a partition's.
func (b *Broker) token(owner *partition) machine.Token {
	b.lastToken++
	if owner != nil {
		b.owners[b.lastToken] = owner
	}
	return b.lastToken
}

func (b *Broker) partition(id uint32) *partition {
	if id == 0 || int(id) > len(b.parts) {
		return nil
	}
	return b.parts[id-1]
}

func (b *Broker) peer(id machine.NodeID) *peer {
	for _, p := range b.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

// self is this node's id as the protocol has it.
func (b *Broker) self() uint32 { return uint32(b.cfg.Node) }

// Step handles one input and then everything that became ready by it.
func (b *Broker) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	b.env, b.fx = env, fx
	switch in.Kind {
	case machine.TimerFired:
		b.timer(in.Timer)
	case machine.ConnOpened, machine.ConnBytes, machine.ConnClosed, machine.ConnDrained:
		if in.Kind == machine.ConnOpened && !b.acting {
			// Nothing listens before the registration is applied (BrokerServer.startup: SocketServer.enableRequestProcessing).
			fx.Closes = append(fx.Closes, machine.Close{Conn: in.Conn})
			break
		}
		b.conns.Step(in, fx)
	case machine.PeerUp:
		b.peerUp(in)
	case machine.PeerDown:
		b.peerDown(in)
	case machine.PeerFrame:
		b.peerFrame(in)
	case machine.DiskDone:
		b.diskDone(in)
	case machine.PeerDrained, machine.Stopping:
	}
	b.settle()
}

func (b *Broker) timer(key machine.TimerKey) {
	b.fx.Charge(machine.WorkTimer, 1, 0, 0)
	switch key.Kind {
	case timerTick:
		b.tick()
		b.fx.SetTimer(key, b.env.Mono+tickEvery)
	case timerQuorum:
		b.group.Tick()
		b.fx.SetTimer(key, b.env.Mono+machine.Mono(b.cfg.QuorumTick))
	case timerLinger:
		b.ctl.lingering = false
		b.proposeCommands()
	}
}

func (b *Broker) tick() {
	b.live()
	b.watchSessions()
	flush := b.cfg.FlushInterval > 0 && b.due(&b.flushDue, b.cfg.FlushInterval)
	expiration := b.due(&b.isrDue, b.cfg.ReplicaLag/2)
	b.fx.Charge(machine.WorkTimer, int64(len(b.held)), 0, 0)
	for _, p := range b.held {
		if flush {
			p.log.Flush(b.fx)
		}
		p.tick(expiration)
	}
	for _, p := range b.peers {
		p.tick()
	}
	b.expireFetches()
	b.checkpoint()
}

// due says whether it is time for what is done every so often, and sets its next time.
func (b *Broker) due(at *machine.Mono, every int64) bool {
	if b.env.Mono < *at {
		return false
	}
	*at = b.env.Mono + machine.Mono(every)
	return true
}

// settle runs what became ready, wakes who waited for logs and watermarks that moved, asks leaders for more, and syncs.
func (b *Broker) settle() {
	for i := 0; i < len(b.ready); i++ {
		g := b.ready[i]
		b.queued = false
		g.Process()
	}
	b.ready = b.ready[:0]
	for i := 0; i < len(b.woken); i++ { // waking may move more
		b.woken[i].woken = false
		b.woken[i].wake()
	}
	b.woken = b.woken[:0]
	for _, p := range b.peers {
		p.answerFollower(false)
		p.fetchMore()
		if len(p.raft) > 0 {
			b.fx.Send(machine.Addr{Node: p.id}, machine.RaftLink, p.raft)
			p.raft = nil
		}
	}
	b.log.Flush(b.fx)
}

func (b *Broker) diskDone(in *machine.Input) {
	if p := b.owners[in.Token]; p != nil {
		delete(b.owners, in.Token)
		_, data, err := p.log.Done(in)
		if read := b.reads[in.Token]; read != nil {
			delete(b.reads, in.Token)
			if err != nil {
				data = nil // the reader hears of a storage error and asks elsewhere
			}
			read(data)
			return
		}
		if err != nil {
			machine.GiveUp("the log of partition %d failed: %v", p.id, err)
		}
		p.flushed()
		return
	}
	if b.hwDone(in) || b.log.Done(in) {
		return
	}
	if in.Err != nil {
		machine.GiveUp("a disk operation failed: %v", in.Err)
	}
}

// Footprint reports what lives in memory, by kind.
func (b *Broker) Footprint(dst []machine.Use) []machine.Use {
	logs := machine.Use{Kind: "partition logs"}
	for _, p := range b.held {
		logs.Count++
		logs.Bytes += p.log.Cached()
	}
	return append(dst, logs, b.conns.Footprint(), machine.Use{Kind: "controller log", Count: 1, Bytes: b.group.Bytes()},
		machine.Use{Kind: "parked produces", Count: int64(b.parked), Bytes: int64(b.parked) * 128})
}

func (b *Broker) observe(o machine.Observation) {
	if b.cfg.Observe {
		b.fx.Observe(o)
	}
}
