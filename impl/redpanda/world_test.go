package redpanda

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/impl/memdisk"
	"github.com/brokerlab/brokerlab/model/machine"
)

// world runs three brokers: it is their driver, their disks and their clients. Nothing takes time but waiting; a node that is held
// hears of no end of a disk operation until it is released.
type world struct {
	t       *testing.T
	now     machine.Mono
	nodes   []*node // by id less one
	queue   []event
	answers map[uint32][]byte // by correlation
	next    uint32
	cfg     Config
}

type node struct {
	id     machine.NodeID
	lives  int
	m      *Broker
	files  memdisk.Files
	synced map[string]int
	held   bool
	ends   []func()
	timer  machine.Mono
	out    machine.ConnBuf
	cut    bool // from the other nodes, not from clients
	shut   bool // the connection was closed by the broker
}

type event struct {
	to *node
	m  *Broker // of this boot
	in machine.Input
}

type draws uint64

func (d draws) Draw(p machine.Purpose, id uint64) uint64 { return uint64(d)<<20 + uint64(p)<<8 + id }

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: sec, answers: map[uint32][]byte{}}
	w.cfg.Nodes = []machine.NodeID{1, 2, 3}
	for _, id := range w.cfg.Nodes {
		w.nodes = append(w.nodes, &node{id: id, files: memdisk.Files{}, synced: map[string]int{}})
	}
	for _, n := range w.nodes {
		w.boot(n)
	}
	w.settle()
	w.nodes[0].m.ctl.group.Campaign() // before any election timeout, which nobody draws for these tests
	w.run(sec)
	require.True(t, w.nodes[0].m.ctl.group.Leading())
	return w
}

func (w *world) env(n *node) *machine.Env {
	return &machine.Env{Mono: w.now, Choices: draws(int(n.id) + 16*n.lives)}
}

func (w *world) boot(n *node) {
	cfg := w.cfg
	cfg.Node = n.id
	n.lives++
	n.shut, n.held, n.ends = false, false, nil
	var fx machine.Effects
	m, err := Boot(cfg)(w.env(n), n.files, &fx)
	require.NoError(w.t, err)
	n.m = m.(*Broker)
	w.carryOut(n, &fx)
	n.out = machine.ConnBuf{ID: 1}
	w.give(n, machine.Input{Kind: machine.ConnOpened, Conn: 1, Out: &n.out})
	w.link(n, machine.PeerUp)
}

// link tells n and the others that are up of both links between them.
func (w *world) link(n *node, kind machine.InputKind) {
	for _, o := range w.nodes {
		if o == n || o.m == nil || n.m == nil || o.cut || n.cut && kind == machine.PeerUp {
			continue
		}
		for _, l := range []machine.Link{machine.RaftLink, machine.RouteLink} {
			w.give(n, machine.Input{Kind: kind, Peer: machine.Addr{Node: o.id}, Link: l})
			w.give(o, machine.Input{Kind: kind, Peer: machine.Addr{Node: n.id}, Link: l})
		}
	}
}

func (w *world) cut(n *node) {
	w.link(n, machine.PeerDown)
	n.cut = true
	w.settle()
}

func (w *world) heal(n *node) {
	n.cut = false
	w.link(n, machine.PeerUp)
	w.settle()
}

// power takes a node down, and from its disk what was not synced.
func (w *world) power(n *node) {
	w.link(n, machine.PeerDown)
	n.m = nil
	for name := range n.files { // map order: each for itself
		n.files[name] = n.files[name][:min(n.synced[name], len(n.files[name]))]
	}
	w.settle()
}

// release lets the disk operations of a held node end.
func (w *world) release(n *node) {
	ends := n.ends
	n.held, n.ends = false, nil
	for _, end := range ends {
		end()
	}
	w.settle()
}

func (w *world) give(n *node, in machine.Input) { w.queue = append(w.queue, event{n, n.m, in}) }

func (w *world) carryOut(n *node, fx *machine.Effects) {
	for i := range fx.Disk {
		op := fx.Disk[i]
		n.files.Do(&op)
		m := n.m
		end := func() {
			if op.Kind == machine.Sync || op.AndSync {
				n.synced[op.File] = len(n.files[op.File])
			}
			if op.Token != 0 {
				w.queue = append(w.queue, event{n, m, machine.Input{Kind: machine.DiskDone, Token: op.Token, N: int64(len(op.Data))}})
			}
		}
		if n.held {
			n.ends = append(n.ends, end)
		} else {
			end()
		}
	}
	for _, f := range fx.Frames {
		if o := w.nodes[f.Peer.Node-1]; o.m != nil && !n.cut && !o.cut {
			w.give(o, machine.Input{Kind: machine.PeerFrame, Peer: machine.Addr{Node: n.id}, Link: f.Link, Bytes: slices.Clone(f.Bytes)})
		}
	}
	for _, s := range fx.Timers {
		n.timer = s.At
	}
	n.shut = n.shut || len(fx.Closes) > 0
	fx.Reset()
	n.out.Dirty = false
	var in proto.Splitter
	require.NoError(w.t, in.Feed(n.out.B, func(frame []byte) error {
		correlation, body, err := proto.SplitReply(frame)
		w.answers[correlation] = slices.Clone(body)
		return err
	}))
	n.out.B = n.out.B[:0]
}

// settle steps brokers until nothing is left to do but wait.
func (w *world) settle() {
	for steps := 0; len(w.queue) > 0; steps++ {
		require.Less(w.t, steps, 1_000_000, "the brokers do not come to rest")
		e := w.queue[0]
		w.queue = w.queue[1:]
		if e.to.m == nil || e.to.m != e.m {
			continue
		}
		var fx machine.Effects
		e.m.Step(w.env(e.to), &e.in, &fx)
		w.carryOut(e.to, &fx)
	}
}

// run lets time pass.
func (w *world) run(d machine.Mono) {
	for end := w.now + d; ; {
		w.settle()
		at, who := end+1, (*node)(nil)
		for _, n := range w.nodes {
			if n.m != nil && n.timer < at {
				at, who = n.timer, n
			}
		}
		if who == nil {
			w.now = end
			return
		}
		w.now = max(w.now, at)
		who.timer = end + 1 // until it is set again
		w.give(who, machine.Input{Kind: machine.TimerFired, Timer: machine.TimerKey{Kind: timerTick}})
	}
}

// ask sends n a client's request.
func (w *world) ask(n *node, api proto.API, m proto.Message) (correlation uint32) {
	w.next++
	w.give(n, machine.Input{Kind: machine.ConnBytes, Conn: 1, Bytes: proto.AppendRequest(nil, api, w.next, m)})
	w.settle()
	return w.next
}

// answer is the answer to a request; false if there is none yet.
func (w *world) answer(correlation uint32, m proto.Message) bool {
	body, ok := w.answers[correlation]
	if ok {
		require.NoError(w.t, proto.Decode(body, m, "answer"))
	}
	return ok
}

// topic has a topic made, and returns the leader of its partition 1 and the two others.
func (w *world) topic(partitions int) (leader, second, third *node) {
	var r proto.CodeReply
	made := w.ask(w.nodes[1], proto.CreateTopic, &proto.CreateTopicRequest{Name: "T", Partitions: partitions, Replicas: 3, MinISR: 2})
	w.run(2 * sec)
	require.True(w.t, w.answer(made, &r))
	require.Equal(w.t, proto.OK, r.Code)
	leader = w.leader(1)
	require.Equal(w.t, machine.NodeID(1), leader.id, "the first replica stands first")
	return leader, w.nodes[1], w.nodes[2]
}

// leader runs until somebody leads a partition, of those that the others can reach.
func (w *world) leader(id uint32) *node {
	for began := w.now; w.now < began+30*sec; w.run(100 * ms) {
		for _, n := range w.nodes {
			if n.m != nil && !n.cut && n.m.partition(id) != nil && n.m.partition(id).current() {
				return n
			}
		}
	}
	require.Fail(w.t, "nobody leads")
	return nil
}

func (w *world) produce(n *node, id uint32, acks int8, b proto.Batch, values ...string) uint32 {
	for _, v := range values {
		b.Records = append(b.Records, proto.AppendRecord(nil, []byte("k"), []byte(v)))
	}
	return w.ask(n, proto.Produce, &proto.ProduceRequest{Acks: acks, Timeout: 10 * sec, Parts: []proto.ProducePart{{ID: id, Batch: proto.AppendBatch(nil, &b)}}})
}

// produced is what came of a produce: "" if nothing has yet.
func (w *world) produced(correlation uint32) (code proto.Code, base int64, answered bool) {
	var r proto.ProduceReply
	if !w.answer(correlation, &r) {
		return 0, 0, false
	}
	return r.Parts[0].Code, r.Parts[0].Base, true
}

// fetch asks for records, and does not wait.
func (w *world) fetch(n *node, id uint32, offset int64) (code proto.Code, hw int64, values []string) {
	var r proto.FetchReply
	at := w.ask(n, proto.Fetch, &proto.FetchRequest{MinBytes: 1, MaxBytes: 1 << 20, Parts: []proto.FetchPart{{ID: id, Offset: offset, Epoch: -1}}})
	require.True(w.t, w.answer(at, &r))
	return r.Parts[0].Code, r.Parts[0].HW, valuesOf(r.Parts[0].Batches, offset)
}

func valuesOf(batches []byte, from int64) (values []string) {
	proto.EachBatch(batches, func(h proto.Head, batch []byte) bool {
		b, _, _ := proto.ParseBatch(batch)
		for i, r := range b.Records {
			if h.Base+int64(i) >= from {
				_, v := proto.SplitRecord(r)
				values = append(values, string(v))
			}
		}
		return true
	})
	return values
}
