package kafka

import (
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/impl/kafka/idempotence"
	"github.com/brokerlab/brokerlab/impl/kafka/metadata"
	"github.com/brokerlab/brokerlab/impl/kafka/offsets"
	"github.com/brokerlab/brokerlab/impl/kafka/plog"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// partition is this node's replica of one partition.
type partition struct {
	b         *Broker
	id        uint32
	meta      *metadata.Partition // the controller's state, as applied here
	stream    string              // name for observers
	log       *plog.Log
	producers idempotence.Producers

	epoch   int32 // leader epoch that this replica follows or leads in
	leading bool
	hw      int64 // high watermark: what consumers may see
	said    int64 // observed as stored up to here
	woken   bool

	// As leader.
	began     int64 // first offset of its epoch
	followers []*follower
	alter     alteration
	parked    []*parked // acks=all, by required offset
	flushing  []*parked // whoever waits for the log's own flush
	fetches   []*consumerFetch
	offsets   *coordinator // of the offsets topic's partition; else nil

	// As follower.
	leader  machine.NodeID
	retryAt machine.Mono // after an error; 0: none
}

// follower is what a leader knows of another replica (Replica.ReplicaState).
type follower struct {
	node     machine.NodeID
	end      int64  // its log end offset: where it fetches; -1 until it has
	broker   uint64 // broker epoch of the process that fetches; 0 until it has
	caughtUp machine.Mono
	fetched  machine.Mono
	seenEnd  int64 // the leader's end at its last fetch
}

// alteration is an AlterPartition on its way, or decided and not yet applied here.
type alteration struct {
	busy    bool
	version int32    // of the partition when it was asked for
	isr     []uint32 // wanted
	retryAt machine.Mono
}

// never is when a follower that is not in sync was last caught up with a new leader, whose clock may have begun just now.
const never machine.Mono = -1 << 62

// streamName is a topic's name if it has one partition, else the name and the partition's place.
func streamName(p *metadata.Partition) string {
	if p.Topic.Partitions == 1 {
		return p.Topic.Name
	}
	return fmt.Sprintf("%s/%d", p.Topic.Name, p.ID-p.Topic.First)
}

// changed follows the controller's state of a partition, which has just been applied.
func (b *Broker) changed(id uint32) {
	m := b.meta.Partition(id)
	for int(id) > len(b.parts) {
		b.parts = append(b.parts, nil)
	}
	p := b.parts[id-1]
	if p == nil {
		if !slices.Contains(m.Replicas, b.self()) {
			return
		}
		p = b.join(m)
	}
	if b.acting {
		p.follow()
	}
}

// act begins to follow what the controller says: not before this process's own registration is applied, for until then it
// reads what was said to the process before it.
func (b *Broker) act() {
	b.acting = true
	for _, p := range b.held {
		p.follow()
	}
}

// join makes this node's replica of a partition, with what boot found of it.
func (b *Broker) join(m *metadata.Partition) *partition {
	p := &partition{b: b, id: m.ID, meta: m, stream: streamName(m), epoch: -1}
	if m.Topic.Name == offsets.Topic {
		p.offsets = &coordinator{p: p}
	}
	b.parts[m.ID-1] = p
	b.held = append(b.held, p)
	if b.found[m.ID] == nil {
		if err := b.open(m.ID, emptyImage{}, int64(m.Topic.FlushMessages)); err != nil {
			machine.Broken("a new partition: %v", err)
		}
	}
	f := b.found[m.ID]
	delete(b.found, m.ID)
	p.log, p.producers = f.log, f.producers
	p.log.SetFlush(int64(m.Topic.FlushMessages))
	p.hw = min(b.watermarks[m.ID], p.log.End())
	p.said = p.hw
	b.observe(machine.Observation{Kind: machine.StreamCreated, Stream: p.stream, Group: p.group(), N: int64(len(m.Replicas))})
	p.observeRecovered("")
	return p
}

// group is the number by which observers know the partition's replicas.
func (p *partition) group() uint64 { return uint64(p.id) + quorumGroup }

func (p *partition) observeRecovered(why string) {
	p.b.observe(machine.Observation{Kind: machine.Recovered, Stream: p.stream, Group: p.group(), First: 1, Seq: uint64(min(p.said, p.log.End())), Why: why})
}

// follow becomes what the controller says: leader, follower, or a replica that waits for a leader.
func (p *partition) follow() {
	m := p.meta
	if p.alter.busy && m.Version > p.alter.version {
		p.alter = alteration{}
	}
	if m.Epoch == p.epoch {
		if p.leading {
			p.wakeLater() // another ISR may move the high watermark
		}
		return
	}
	p.epoch = m.Epoch
	if m.Leader == p.b.self() {
		p.lead()
		return
	}
	p.stopLeading()
	p.setLeader(machine.NodeID(m.Leader))
}

// lead begins an epoch as leader: it never truncates, and its epoch begins where its log ends (KIP-101).
func (p *partition) lead() {
	b := p.b
	p.setLeader(0)
	p.refuseParked(proto.NotLeader)
	p.leading, p.began, p.alter = true, p.log.Appended(), alteration{}
	p.log.Begin(p.epoch)
	if p.offsets != nil {
		p.offsets.elected()
	}
	p.followers = p.followers[:0]
	for _, r := range p.meta.Replicas {
		if r == b.self() {
			continue
		}
		f := &follower{node: machine.NodeID(r), end: -1, caughtUp: never}
		if slices.Contains(p.meta.ISR, r) {
			f.caughtUp = b.env.Mono
		}
		p.followers = append(p.followers, f)
	}
	b.observe(machine.Observation{Kind: machine.Leader, Stream: p.stream, Group: p.group(), Term: uint64(p.epoch)})
	if p.meta.Recovering {
		p.alterISR(slices.Clone(p.meta.ISR)) // says that recovery is done
	}
	p.wakeLater()
}

func (p *partition) stopLeading() {
	if !p.leading {
		return
	}
	p.leading = false
	p.alter = alteration{}
	p.refuseParked(proto.NotLeader)
	if p.offsets != nil {
		p.offsets.refuse(proto.NotCoordinator)
	}
	for _, peer := range p.b.peers {
		peer.session.touch(p.id)
	}
	p.b.observe(machine.Observation{Kind: machine.Follower, Stream: p.stream, Group: p.group(), Term: uint64(p.epoch)})
	p.wakeLater()
}

// setLeader moves the replica to the fetcher of its leader's node; 0: nobody's.
func (p *partition) setLeader(n machine.NodeID) {
	if old := p.b.peer(p.leader); old != nil {
		old.fetcher.drop(p)
	}
	p.leader, p.retryAt = n, 0
	if peer := p.b.peer(n); peer != nil {
		peer.fetcher.take(p)
	}
}

// tick looks at requests that have to come again, and, if it is time for that (isr-expiration), at members of the ISR that lag.
func (p *partition) tick(expiration bool) {
	now := p.b.env.Mono
	if !p.leading {
		if p.retryAt != 0 && now >= p.retryAt {
			p.retryAt = 0
			if peer := p.b.peer(p.leader); peer != nil {
				peer.fetcher.changed(p)
			}
		}
		return
	}
	p.expireParked(now)
	if p.offsets != nil {
		p.offsets.expire(now)
	}
	if p.alter.busy {
		if p.alter.retryAt != 0 && now >= p.alter.retryAt {
			p.sendAlter()
		}
		return
	}
	if expiration {
		p.shrink()
	}
}

// caught says whether a follower keeps up: it is level, or was within the allowed time.
func (p *partition) caught(f *follower) bool {
	return f.end == p.log.End() || int64(p.b.env.Mono-f.caughtUp) <= p.b.cfg.ReplicaLag
}

// eligible says whether a follower may be in an ISR: its broker is not fenced, and it is the process registered now that has
// fetched (isReplicaIsrEligible).
func (p *partition) eligible(f *follower) bool {
	br := p.b.meta.Broker(uint32(f.node))
	return br != nil && !br.Fenced && f.broker == br.Epoch
}

// maximal says whether a replica counts for the high watermark by the maximal ISR: the committed one, with whoever an
// AlterPartition on its way adds, and with whoever it takes out.
func (p *partition) maximal(n machine.NodeID) bool {
	return slices.Contains(p.meta.ISR, uint32(n)) || p.alter.busy && slices.Contains(p.alter.isr, uint32(n))
}

func (p *partition) minISR() int { return min(p.meta.Topic.MinISR, len(p.meta.Replicas)) }

// advance is maybeIncrementLeaderHW (Kafka 4: never under min ISR).
func (p *partition) advance() {
	if !p.leading || len(p.meta.ISR) < p.minISR() {
		return
	}
	hw := p.log.End()
	for _, f := range p.followers {
		if p.maximal(f.node) || p.caught(f) && p.eligible(f) {
			hw = min(hw, max(f.end, 0))
		}
	}
	p.setHW(hw)
}

// setHW raises the high watermark.
func (p *partition) setHW(hw int64) {
	if hw <= p.hw {
		return
	}
	p.hw = hw
	for ; p.said < hw; p.said++ {
		p.sayStored(p.said)
	}
}

// sayStored observes that the record at an offset is committed here.
func (p *partition) sayStored(offset int64) {
	if !p.b.cfg.Observe {
		return
	}
	o := machine.Observation{Kind: machine.Stored, Stream: p.stream, Group: p.group(), Seq: uint64(offset) + 1, Term: uint64(max(p.epoch, 0))}
	if r := p.log.Record(offset); r != nil {
		o.Hash = machine.ContentHash(proto.SplitRecord(r))
	}
	p.b.observe(o)
}

// shrink drops ISR members that do not keep up.
func (p *partition) shrink() {
	isr := []uint32{p.b.self()}
	for _, f := range p.followers {
		if slices.Contains(p.meta.ISR, uint32(f.node)) && p.caught(f) {
			isr = append(isr, uint32(f.node))
		}
	}
	if len(isr) < len(p.meta.ISR) {
		p.alterISR(isr)
	}
}

// expand takes a follower in that has reached the high watermark and the leader's own epoch.
func (p *partition) expand(f *follower) {
	if p.alter.busy || slices.Contains(p.meta.ISR, uint32(f.node)) || f.end < p.hw || f.end < p.began || !p.eligible(f) {
		return
	}
	p.alterISR(append(slices.Clone(p.meta.ISR), uint32(f.node)))
}

func (p *partition) alterISR(isr []uint32) {
	p.alter = alteration{busy: true, version: p.meta.Version, isr: isr}
	p.sendAlter()
}

// sendAlter asks the controller. Until an answer says that nothing came of it, or a change is applied here, both the old and the
// wanted ISR count. Only IneligibleReplica says so: a request that is refused as stale may be the second copy of one that was
// granted, and what changed comes with the metadata (Partition.handleAlterPartitionError).
func (p *partition) sendAlter() {
	b := p.b
	p.alter.retryAt = 0
	m := &proto.AlterPartitionRequest{
		Node: b.self(), BrokerEpoch: b.epoch, ID: p.id, LeaderEpoch: p.epoch, PartitionEpoch: p.alter.version, ISR: p.alter.isr, Recovered: true,
	}
	for _, id := range p.alter.isr {
		m.Epochs = append(m.Epochs, p.brokerEpoch(id))
	}
	version, epoch := p.alter.version, p.epoch
	b.askController(proto.AlterPartition, m, func(code proto.Code, _ []byte) {
		if !p.alter.busy || p.alter.version != version || p.epoch != epoch {
			return
		}
		switch code {
		case proto.OK:
			if p.meta.Version > version {
				p.alter = alteration{}
			} else {
				p.alter.retryAt = b.env.Mono + sec // applied here soon; else asked again, in vain
			}
		case proto.NotController, proto.StaleBrokerEpoch:
			p.alter.retryAt = b.env.Mono + retry // nobody knows
		case proto.IneligibleReplica:
			p.alter = alteration{}
		default: // nothing may be given up before the metadata says what is
		}
		p.wakeLater()
	})
}

// brokerEpoch is that of the process that a replica is known by: the one that fetched, or, before any has, the registered one.
func (p *partition) brokerEpoch(id uint32) uint64 {
	for _, f := range p.followers {
		if f.node == machine.NodeID(id) && f.broker != 0 {
			return f.broker
		}
	}
	if br := p.b.meta.Broker(id); br != nil {
		return br.Epoch
	}
	return 0
}

// membersChanged has leaders look again: who is fenced does not hold up a high watermark by being nearly in sync.
func (b *Broker) membersChanged() {
	for _, p := range b.held {
		if p.leading {
			p.wakeLater()
		}
	}
}

// wakeLater has the partition looked at when the step ends.
func (p *partition) wakeLater() {
	if !p.woken {
		p.woken = true
		p.b.woken = append(p.b.woken, p)
	}
}

// wake moves the high watermark as far as it goes, and tells who waited for it or for records.
func (p *partition) wake() {
	p.advance()
	p.serveParked()
	if p.offsets != nil {
		p.offsets.replay()
	}
	for _, f := range p.fetches {
		p.b.tryFetch(f, false)
	}
	p.fetches = slices.DeleteFunc(p.fetches, func(f *consumerFetch) bool { return f.done })
}

// flushed follows a sync of the log.
func (p *partition) flushed() {
	if p.leading {
		p.appended()
		return
	}
	if peer := p.b.peer(p.leader); peer != nil {
		peer.fetcher.changed(p)
	}
}

// appended tells followers and the high watermark of a longer log.
func (p *partition) appended() {
	for _, peer := range p.b.peers {
		peer.session.touch(p.id)
	}
	p.wakeLater()
}

// truncate cuts the log: what lay there was not the leader's.
func (p *partition) truncate(offset int64) {
	if offset >= p.log.Appended() {
		p.log.Truncate(p.b.fx, offset) // an epoch without records may go
		return
	}
	end := p.log.Truncate(p.b.fx, max(offset, 0))
	p.producers = idempotence.Producers{}
	p.log.Each(func(h *proto.Head) { p.producers.Note(h) })
	p.b.observe(machine.Observation{Kind: machine.Truncated, Stream: p.stream, Group: p.group(), Index: uint64(end) + 1, Term: uint64(max(p.epoch, 0)), Why: "the leader's log diverges"})
	if end < p.said {
		p.said = end
		p.observeRecovered("truncated")
	}
	p.hw = min(p.hw, end)
}

// emptyImage is the disk as a new partition finds its directory.
type emptyImage struct{}

func (emptyImage) List(string) ([]string, error)             { return nil, nil }
func (emptyImage) Size(string) (int64, error)                { return 0, machine.ErrNotExist }
func (emptyImage) ReadAt(string, []byte, int64) (int, error) { return 0, machine.ErrNotExist }
