package broker

import (
	"fmt"
	"sort"

	"github.com/brokerlab/brokerlab/impl/interest"
	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Purposes of this broker's draws.
const (
	purposeBootID machine.Purpose = iota + 1
	purposeServerID
	purposeQueuePick
	purposeFirstSync
	purposeDisk
	purposeToken
	purposeConsumerName
	purposeAdvisory
)

// Kinds of this broker's timers.
const (
	timerTick uint32 = iota + 1
	timerSync
	timerPing       // of a client: is it there
	timerWrite      // of a client whose output waits
	timerPause      // of a client that is not read from
	timerRouteWrite // of a peer whose route's output waits
	timerConsumers
)

// Broker is one node: clients, interest, peers, and its part in every group, as one machine.
type Broker struct {
	cfg    Config
	bootID uint64
	info   wire.Info

	// Of the step under way.
	env *machine.Env
	fx  *machine.Effects

	conns    map[machine.ConnID]*conn
	reading  *conn // whose bytes are being handled
	stopping bool
	index    *interest.Index[*subscription]
	local    map[interestKey]int
	pushes   map[string][]pushed // by deliver subject
	pulls    map[string]*pulls   // by stream
	led      []heardLeader
	peers    []*peer // by id, without this node
	picks    uint64

	log     *store.Log
	waiting []waiting
	later   []later
	groups  []*group // by id; meta first
	ready   []*group
	touched []*group

	identity identity
	telling  int      // identities on their way to the disk, before which the other nodes do not hear of them
	self     memberID // this node's member in the meta group
	losses   uint64   // how many this boot has found

	lastToken machine.Token
	owners    map[machine.Token]*owner
	diskReads map[machine.Token]func(*store.Message)

	// What boot found of groups that are yet to be made: a stream's group exists only once the meta
	// group has applied, perhaps again, the entry that made it.
	found     map[string]*foundStore
	recovered map[uint64]store.GroupLog
	damage    string // what the log had lost, if it had

	frame   wire.Frame
	scratch []byte
	matches []*interest.Result[*subscription]
	depth   int
}

// Boot returns the function that boots a broker from what its disk holds. It fails on a configuration
// that breaks a rule, listing all, and on files that cannot be read at all.
func Boot(cfg Config) machine.Boot {
	return func(env *machine.Env, image machine.Image, fx *machine.Effects) (machine.Machine, error) {
		cfg := cfg.withDefaults()
		if err := cfg.validate(); err != nil {
			return nil, err
		}
		b := &Broker{
			cfg: cfg, env: env, fx: fx,
			conns: map[machine.ConnID]*conn{}, index: interest.New[*subscription](), local: map[interestKey]int{}, pushes: map[string][]pushed{}, pulls: map[string]*pulls{},
			owners: map[machine.Token]*owner{}, diskReads: map[machine.Token]func(*store.Message){},
			recovered: map[uint64]store.GroupLog{}, found: map[string]*foundStore{},
		}
		b.index.Stale = b.bug(BugStaleAnswers)
		b.bootID = env.Choices.Draw(purposeBootID, 0) | 1
		for _, n := range cfg.Nodes {
			if n != cfg.Node {
				b.peers = append(b.peers, &peer{id: n, remote: map[interestKey]*subscription{}})
			}
		}
		sort.Slice(b.peers, func(i, j int) bool { return b.peers[i].id < b.peers[j].id })
		b.info = b.makeInfo()
		return b, b.recover(image)
	}
}

// openGroup makes this node's part of a group. What a checkpoint or block lost to damage takes the
// node out of the group, unless the switch Damage says to go on with what is left.
func (b *Broker) openGroup(id uint64, founders []memberID, dir string, makeState func(*group) state) (*group, error) {
	g, err := b.newGroup(id, founders, dir, makeState)
	if err != nil {
		return nil, err
	}
	i := sort.Search(len(b.groups), func(i int) bool { return b.groups[i].id >= id })
	b.groups = append(b.groups[:i], append([]*group{g}, b.groups[i:]...)...)
	g.standAlone()
	return g, nil
}

// closeGroup leaves a group and removes what this node kept of it.
func (b *Broker) closeGroup(g *group) {
	if g.leading {
		g.stopLeading()
	}
	g.state.close()
	g.absent, g.asking = "deleted", false
	g.incarnation++
	for i := range b.groups {
		if b.groups[i] == g {
			b.groups = append(b.groups[:i:i], b.groups[i+1:]...)
			break
		}
	}
	b.log.Forget(g.id)
	// The files go when the log's word of it is durable: a log without its checkpoint would look like a loss.
	b.whenDurable(func() {
		g.store.Remove(b.fx)
		g.store.Flush(b.fx)
	})
}

// standAlone stands for election in a group of one: nobody else can.
func (g *group) standAlone() {
	if len(g.founders) == 1 && g.absent == "" {
		_ = g.node.Campaign()
		g.queue()
	}
}

func (b *Broker) groupByID(id uint64) *group {
	i := sort.Search(len(b.groups), func(i int) bool { return b.groups[i].id >= id })
	if i < len(b.groups) && b.groups[i].id == id {
		return b.groups[i]
	}
	return nil
}

func (b *Broker) meta() *metaState { return b.groups[0].state.(*metaState) }

func (b *Broker) peer(id machine.NodeID) *peer {
	for _, p := range b.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

// Step handles one input and then everything that became ready by it.
func (b *Broker) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	b.env, b.fx = env, fx
	switch in.Kind {
	case machine.TimerFired:
		b.timer(in.Timer)
	case machine.ConnOpened:
		b.connOpened(in)
	case machine.ConnBytes:
		b.connBytes(in)
	case machine.ConnClosed:
		b.connClosed(in.Conn)
	case machine.ConnDrained:
		b.connDrained(in)
	case machine.PeerUp:
		b.peerUp(in)
	case machine.PeerDown:
		b.peerDown(in)
	case machine.PeerFrame:
		b.peerFrame(in)
	case machine.DiskDone:
		b.diskDone(in)
	case machine.PeerDrained:
		b.peerDrained(in)
	case machine.Stopping:
		b.lameDuck()
	}
	b.settle()
}

func (b *Broker) timer(key machine.TimerKey) {
	b.fx.Charge(machine.WorkTimer, 1, 0, 0)
	switch key.Kind {
	case timerTick:
		for _, g := range b.groups {
			g.tick()
		}
		b.renewPulls()
		if b.log.Segments() > b.cfg.MaxSegments {
			b.freeLog()
		}
		b.fx.SetTimer(key, b.env.Mono+machine.Mono(b.cfg.TickEvery))
	case timerConsumers:
		if g := b.groupByID(key.ID); g != nil {
			g.state.(*streamState).consumers.fired()
		}
	case timerSync:
		b.log.SyncNow(b.fx)
		b.fx.SetTimer(key, b.env.Mono+machine.Mono(b.cfg.SyncInterval))
	default:
		b.connTimer(key)
	}
}

func (b *Broker) diskDone(in *machine.Input) {
	if o := b.owners[in.Token]; o != nil {
		delete(b.owners, in.Token)
		b.storeDone(o, in)
		return
	}
	if !b.logDone(in) && in.Err != nil {
		machine.GiveUp("a disk operation failed: %v", in.Err)
	}
}

// settle runs groups until none has anything ready, then sends what they said and writes what
// they want kept.
func (b *Broker) settle() {
	for i := 0; i < len(b.ready); i++ { // process may append
		g := b.ready[i]
		g.queued = false
		g.process()
	}
	clear(b.ready)
	b.ready = b.ready[:0]
	for _, p := range b.peers {
		if len(p.raft) > 0 {
			b.fx.Send(machine.Addr{Node: p.id}, machine.RaftLink, p.raft)
			p.raft = nil
		}
	}
	for _, g := range b.touched {
		g.touched = false
		g.store.Flush(b.fx)
	}
	b.touched = b.touched[:0]
	b.log.Flush(b.fx)
}

func (b *Broker) observe(o machine.Observation) {
	if b.cfg.Observe {
		b.fx.Observe(o)
	}
}

func (b *Broker) takeScratch() *interest.Result[*subscription] {
	if b.depth == len(b.matches) {
		b.matches = append(b.matches, &interest.Result[*subscription]{})
	}
	b.depth++
	return b.matches[b.depth-1]
}

func (b *Broker) giveScratch() { b.depth-- }

func nodeName(n machine.NodeID) string { return fmt.Sprintf("n%d", n) }
