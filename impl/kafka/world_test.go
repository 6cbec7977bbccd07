package kafka

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/impl/memdisk"
	"github.com/brokerlab/brokerlab/model/machine"
)

// world runs brokers: it is their driver, their disks, which do everything at once, and their clients. Nothing takes time but
// waiting.
type world struct {
	t       *testing.T
	now     machine.Mono
	nodes   []*node // by id less one
	queue   []event
	answers map[uint32][]byte // by correlation
	next    uint32
	slow    bool // reads from disks do not end
	cfg     Config
}

type node struct {
	id     machine.NodeID
	lives  int
	m      *Broker
	files  memdisk.Files
	timers map[machine.TimerKey]machine.Mono
	out    machine.ConnBuf
	shut   bool // the client's connection is to be opened
	cut    bool // from the other nodes, not from clients
}

type event struct {
	to *node
	m  *Broker // of this boot
	in machine.Input
}

type draws machine.NodeID

func (d draws) Draw(p machine.Purpose, id uint64) uint64 { return uint64(d)<<20 + uint64(p)<<8 + id }

// newWorld boots three brokers; cfg is changed for each.
func newWorld(t *testing.T, cfg Config) *world {
	w := &world{t: t, now: sec, answers: map[uint32][]byte{}, cfg: cfg}
	w.cfg.Nodes = []machine.NodeID{1, 2, 3}
	for _, id := range w.cfg.Nodes {
		w.nodes = append(w.nodes, &node{id: id, files: memdisk.Files{}})
	}
	for _, n := range w.nodes {
		w.boot(n)
	}
	w.settle()
	w.nodes[0].m.group.Campaign() // before any election timeout, which nobody draws for these tests
	w.run(3 * sec)
	require.True(t, w.nodes[0].m.ctl.active)
	return w
}

func (w *world) boot(n *node) {
	cfg := w.cfg
	cfg.Node = n.id
	n.timers = map[machine.TimerKey]machine.Mono{}
	n.lives++
	var fx machine.Effects
	m, err := Boot(cfg)(w.env(n), n.files, &fx)
	require.NoError(w.t, err)
	n.m = m.(*Broker)
	w.carryOut(n, &fx)
	n.out, n.shut = machine.ConnBuf{ID: 1}, true
	w.link(n, machine.PeerUp)
}

func (w *world) env(n *node) *machine.Env {
	return &machine.Env{Mono: w.now, Choices: draws(int(n.id) + 16*n.lives)}
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

func (w *world) crash(n *node) {
	w.link(n, machine.PeerDown)
	n.m = nil
}

func (w *world) cut(n *node) {
	w.link(n, machine.PeerDown)
	n.cut = true
}

func (w *world) heal(n *node) {
	n.cut = false
	w.link(n, machine.PeerUp)
}

func (w *world) give(n *node, in machine.Input) { w.queue = append(w.queue, event{n, n.m, in}) }

func (w *world) carryOut(n *node, fx *machine.Effects) {
	for i := range fx.Disk {
		op := &fx.Disk[i]
		if op.Kind == machine.Read && w.slow {
			continue
		}
		if read := n.files.Do(op); op.Token != 0 {
			w.give(n, machine.Input{Kind: machine.DiskDone, Token: op.Token, Bytes: read})
		}
	}
	for _, f := range fx.Frames {
		if o := w.nodes[f.Peer.Node-1]; o.m != nil && !n.cut && !o.cut {
			w.give(o, machine.Input{Kind: machine.PeerFrame, Peer: machine.Addr{Node: n.id}, Link: f.Link, Bytes: slices.Clone(f.Bytes)})
		}
	}
	for _, s := range fx.Timers {
		n.timers[s.Timer] = s.At
		if s.Cancel {
			delete(n.timers, s.Timer)
		}
	}
	n.shut = n.shut || len(fx.Closes) > 0
	fx.Reset()
	n.out.Dirty = false
	w.answered(n)
}

// answered takes what n has written to its client.
func (w *world) answered(n *node) {
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
	end := w.now + d
	for {
		w.settle()
		at, who, key := end, (*node)(nil), machine.TimerKey{}
		for _, n := range w.nodes {
			for k, t := range n.timers { // map order: the earliest, by kind
				if n.m != nil && (t < at || t == at && n == who && k.Kind < key.Kind) {
					at, who, key = t, n, k
				}
			}
		}
		w.now = max(w.now, at)
		if who == nil {
			return
		}
		delete(who.timers, key)
		w.give(who, machine.Input{Kind: machine.TimerFired, Timer: key})
	}
}

// ask sends n a client's request.
func (w *world) ask(n *node, api proto.API, m proto.Message) (correlation uint32) {
	w.next++
	if n.shut {
		n.shut = false
		w.give(n, machine.Input{Kind: machine.ConnOpened, Conn: 1, Out: &n.out})
	}
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
