package kafka

import (
	"slices"

	"github.com/brokerlab/brokerlab/impl/kafka/conns"
	"github.com/brokerlab/brokerlab/impl/kafka/offsets"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// coordinator is this node's replica of the offsets topic, as leader: the group coordinator.
//
// A new one replays its log to where it ended when it was elected, and refuses everything until it has
// (COORDINATOR_LOAD_IN_PROGRESS). What it appends itself it replays once the high watermark has passed it, and only then answers.
type coordinator struct {
	p       *partition
	table   offsets.Table
	next    int64 // next offset to be replayed
	loading int64 // what lies below belongs to leaders before
	reading bool  // a batch is on its way from the disk
	waiting []*commit
}

// commit is one that waits for the high watermark, in the order of the log.
type commit struct {
	c           *conns.Conn
	correlation uint32
	required    int64
	deadline    machine.Mono
}

// maxCommits bounds the commits that wait.
const maxCommits = 10_000

// elected begins anew: what this replica knew as an earlier leader may have been cut.
func (o *coordinator) elected() {
	o.refuse(proto.NotCoordinator)
	*o = coordinator{p: o.p, table: offsets.Table{}, loading: o.p.log.Appended()}
}

// loaded says whether this node may answer for groups.
func (o *coordinator) loaded() bool { return o.p.leading && o.next >= o.loading }

// replay takes in what is committed, and before that everything that was there at the election.
func (o *coordinator) replay() {
	p := o.p
	for p.leading && !o.reading {
		limit := max(o.loading, p.hw)
		if o.next >= limit {
			break
		}
		data, token := p.log.Read(p.b.fx, o.next, limit, 1<<20)
		if token != 0 {
			o.readFromDisk(token)
			break
		}
		if len(data) == 0 {
			break // an append still waits for its flush
		}
		o.take(data)
	}
	o.answer()
}

func (o *coordinator) take(data []byte) {
	proto.EachBatch(data, func(h proto.Head, batch []byte) bool {
		if h.Base != o.next {
			return h.Base < o.next
		}
		o.p.b.fx.Charge(machine.WorkApply, 1, int64(h.Size), 0)
		o.table.Apply(batch, func(k offsets.Key, offset int64) {
			if h.Base >= o.loading {
				o.observe(k, offset)
			}
		})
		o.next = h.Next()
		return true
	})
}

// observe tells of a commit that counts, as a consumer's ack floor.
func (o *coordinator) observe(k offsets.Key, offset int64) {
	if m := o.p.b.meta.Partition(k.Partition); m != nil {
		o.p.b.observe(machine.Observation{Kind: machine.Floor, Stream: streamName(m), Consumer: k.Group, Seq: uint64(max(offset, 0))})
	}
}

// readFromDisk goes on when a batch has come that has left memory.
func (o *coordinator) readFromDisk(token machine.Token) {
	b, epoch := o.p.b, o.p.epoch
	o.reading = true
	b.owners[token] = o.p
	b.reads[token] = func(data []byte) {
		if !o.p.leading || o.p.epoch != epoch {
			return
		}
		o.reading = false
		if data != nil {
			o.take(append([]byte(nil), data...))
		}
		o.p.wakeLater() // or again, from the same place
	}
}

// answer confirms the commits that are replayed. One whose ISR has become too small is in the log nevertheless.
func (o *coordinator) answer() {
	n := 0
	for n < len(o.waiting) && o.waiting[n].required <= o.next {
		code := proto.OK
		if o.p.maximalSize() < o.p.minISR() {
			code = offsets.Refusal(proto.NotEnoughAfterAppend)
		}
		o.reply(o.waiting[n], code)
		n++
	}
	o.waiting = slices.Delete(o.waiting, 0, n)
}

func (o *coordinator) reply(k *commit, code proto.Code) {
	o.p.b.answer(k.c, k.correlation, &proto.CodeReply{Code: code})
}

// refuse answers everyone who waits, at the end of a leadership: nobody knows what becomes of their commits.
func (o *coordinator) refuse(code proto.Code) {
	waiting := o.waiting
	o.waiting = nil
	for _, k := range waiting {
		o.reply(k, code)
	}
}

// expire answers whose time is over: the commit stays in the log.
func (o *coordinator) expire(now machine.Mono) {
	o.waiting = slices.DeleteFunc(o.waiting, func(k *commit) bool {
		if now < k.deadline {
			return false
		}
		o.reply(k, offsets.Refusal(proto.TimedOut))
		return true
	})
}

// coordinator returns what keeps the groups' offsets, or why this node does not.
func (b *Broker) coordinator() (*coordinator, proto.Code) {
	t := b.meta.Topic(offsets.Topic)
	if t == nil {
		return nil, proto.NotCoordinator
	}
	p := b.partition(t.First)
	switch {
	case p == nil || !p.leading:
		return nil, proto.NotCoordinator
	case !p.offsets.loaded():
		return nil, proto.CoordinatorLoading
	}
	return p.offsets, proto.OK
}

// commitOffset appends a commit with acks=all; the answer comes when the high watermark has passed it.
func (b *Broker) commitOffset(c *conns.Conn, correlation uint32, m *proto.OffsetCommitRequest) {
	o, code := b.coordinator()
	if code == proto.OK {
		code = offsets.Check(m)
	}
	if code == proto.OK && len(o.waiting) >= maxCommits {
		code = proto.CoordinatorNotThere
	}
	next := int64(0)
	if code == proto.OK {
		code, _, next = b.append(o.p, -1, offsets.Batch(offsets.Key{Group: m.Group, Partition: m.ID}, m.Offset))
	}
	if code != proto.OK || b.cfg.BugCommitEarly {
		b.answer(c, correlation, &proto.CodeReply{Code: offsets.Refusal(code)})
		return
	}
	o.waiting = append(o.waiting, &commit{c: c, correlation: correlation, required: next, deadline: b.env.Mono + offsets.CommitTimeout})
}

func (b *Broker) fetchOffset(m *proto.OffsetFetchRequest) *proto.OffsetReply {
	o, code := b.coordinator()
	if code != proto.OK {
		return &proto.OffsetReply{Code: code, Offset: -1}
	}
	return &proto.OffsetReply{Offset: o.table.Of(offsets.Key{Group: m.Group, Partition: m.ID})}
}

// findCoordinator names the leader of the offsets topic, as this node knows it, and has the topic made when it is first asked.
func (b *Broker) findCoordinator(answer func(proto.Message)) {
	missing := &proto.FindCoordinatorReply{Code: proto.CoordinatorNotThere}
	t := b.meta.Topic(offsets.Topic)
	if t == nil {
		n := min(offsets.Replicas, len(b.cfg.Nodes))
		m := &proto.CreateTopicRequest{Name: offsets.Topic, Partitions: 1, Replicas: n, MinISR: min(b.cfg.OffsetsMinISR, n), FlushMessages: b.cfg.OffsetsFlush}
		b.askController(proto.CreateTopic, m, func(proto.Code, []byte) { answer(missing) })
		return
	}
	if p := b.meta.Partition(t.First); p.Leader != 0 {
		answer(&proto.FindCoordinatorReply{Node: p.Leader})
		return
	}
	answer(missing)
}

// groupRequest handles a request of a consumer about its group.
func (b *Broker) groupRequest(c *conns.Conn, api proto.API, correlation uint32, body []byte) error {
	answer := func(m proto.Message) { b.answer(c, correlation, m) }
	return offsets.Requests{
		Find:   func() { b.findCoordinator(answer) },
		Commit: func(m *proto.OffsetCommitRequest) { b.commitOffset(c, correlation, m) },
		Fetch:  func(m *proto.OffsetFetchRequest) { answer(b.fetchOffset(m)) },
	}.Handle(api, body)
}
