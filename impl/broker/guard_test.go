package broker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// lab is a cluster of brokers without a world: frames arrive at once and in order, disks finish at
// once, time is ticks. What is not synced is lost when a node loses power.
type lab struct {
	t     *testing.T
	sw    Switches
	tune  func(*Config)
	nodes map[machine.NodeID]*labNode
	ids   []machine.NodeID
	queue []labFrame
	watch func(labFrame) // sees what is delivered
}

type labNode struct {
	id      machine.NodeID
	m       machine.Machine
	env     machine.Env
	fx      machine.Effects
	disk    *story // its files
	paused  bool
	out     *machine.ConnBuf
	got     string // what the client attached here was sent
	stored  map[string]map[uint64]uint64
	leads   map[string]bool
	damaged string
	removed map[uint64]string // from ORDERS, and why
	dropped string            // what was, a line each
	boots   uint64
	alarms  alarms
	// hold says which operations do not finish yet; held are those.
	hold func(*machine.DiskOp) bool
	held []machine.DiskOp
}

type labFrame struct {
	from, to machine.NodeID
	link     machine.Link
	bytes    []byte
}

func newLab(t *testing.T, n int, sw Switches) *lab { return newLabOf(t, n, sw, func(*Config) {}) }

func newLabOf(t *testing.T, n int, sw Switches, tune func(*Config)) *lab {
	l := darkLab(t, n, sw, tune)
	for _, id := range l.ids {
		l.boot(id)
	}
	return l
}

// darkLab is a cluster of which no node has been booted.
func darkLab(t *testing.T, n int, sw Switches, tune func(*Config)) *lab {
	l := &lab{t: t, sw: sw, tune: tune, nodes: map[machine.NodeID]*labNode{}}
	cryptotest.SetGlobalRandom(t, 7) // raft's election timeouts
	for i := 1; i <= n; i++ {
		l.ids = append(l.ids, machine.NodeID(i))
	}
	for _, id := range l.ids {
		l.nodes[id] = &labNode{id: id, disk: &story{files: map[string][]byte{}, synced: map[string]int{}}}
	}
	return l
}

func (l *lab) boot(id machine.NodeID) {
	n := l.nodes[id]
	n.boots++
	n.stored, n.leads, n.damaged = map[string]map[uint64]uint64{}, map[string]bool{}, ""
	n.removed, n.dropped, n.alarms = map[uint64]string{}, "", alarms{}
	n.env = machine.Env{Wall: 1, Choices: bootChoices{uint64(id)<<32 | n.boots}}
	cfg := Config{Node: id, Nodes: l.ids, Switches: l.sw, Observe: true, ElectionTicks: 16}
	l.tune(&cfg)
	m, err := Boot(cfg)(&n.env, image{n.disk.files}, &n.fx)
	require.NoError(l.t, err)
	n.m = m
	l.effects(n)
	for _, other := range l.ids {
		if o := l.nodes[other]; other != id && o != nil && o.m != nil {
			l.link(n, o)
		}
	}
	n.out = &machine.ConnBuf{ID: 1}
	l.step(n, &machine.Input{Kind: machine.ConnOpened, Conn: 1, Out: n.out})
	l.send(id, "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB _INBOX.1.* 1\r\n")
}

type bootChoices struct{ key uint64 }

func (c bootChoices) Draw(p machine.Purpose, id uint64) uint64 {
	return (c.key*31+uint64(p))*1_000_003 + id
}

func (l *lab) link(a, b *labNode) {
	for link := machine.Link(0); link < machine.Links; link++ {
		l.step(a, &machine.Input{Kind: machine.PeerUp, Link: link, Peer: machine.Addr{Node: b.id}})
		l.step(b, &machine.Input{Kind: machine.PeerUp, Link: link, Peer: machine.Addr{Node: a.id}})
	}
}

func (l *lab) step(n *labNode, in *machine.Input) {
	if n.m == nil {
		return
	}
	n.m.Step(&n.env, in, &n.fx)
	l.effects(n)
}

func (l *lab) effects(n *labNode) {
	for _, o := range n.fx.Observed {
		switch o.Kind {
		case machine.Stored:
			if n.stored[o.Stream] == nil {
				n.stored[o.Stream] = map[uint64]uint64{}
			}
			n.stored[o.Stream][o.Seq] = o.Hash
		case machine.Leader, machine.Follower:
			n.leads[o.Stream] = o.Kind == machine.Leader
		case machine.Removed:
			n.removed[o.Seq] = o.Why
		case machine.Dropped:
			n.dropped += o.Why + "\n"
		case machine.Damaged:
			n.damaged = o.Why
		}
	}
	for _, f := range n.fx.Frames {
		l.queue = append(l.queue, labFrame{n.id, f.Peer.Node, f.Link, append([]byte(nil), f.Bytes...)})
	}
	for _, c := range n.fx.Dirty {
		n.got += string(c.B)
		c.B, c.Dirty = nil, false
	}
	disk := append([]machine.DiskOp(nil), n.fx.Disk...)
	n.alarms.take(&n.fx)
	n.fx.Reset()
	for i := range disk {
		if n.hold != nil && n.hold(&disk[i]) {
			n.held = append(n.held, disk[i])
			continue
		}
		in := &machine.Input{Kind: machine.DiskDone, Token: disk[i].Token}
		n.disk.perform(&disk[i], in)
		if in.Token != 0 && n.m != nil {
			l.step(n, in)
		} else if in.Token != 0 {
			l.queue = append(l.queue, labFrame{to: n.id, bytes: nil, from: machine.NodeID(in.Token)})
		}
	}
}

// alarms are the timers of a machine but its tick, which tests give by hand.
type alarms map[machine.TimerKey]machine.Mono

func (a alarms) take(fx *machine.Effects) {
	for _, t := range fx.Timers {
		switch {
		case t.Cancel:
			delete(a, t.Timer)
		case t.Timer.Kind != timerTick:
			a[t.Timer] = t.At
		}
	}
}

// due is the timers that fire until now, in their order.
func (a alarms) due(now machine.Mono) (keys []machine.TimerKey) {
	for key, at := range a {
		if at <= now {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(x, y machine.TimerKey) int {
		return cmp.Or(cmp.Compare(a[x], a[y]), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.ID, y.ID))
	})
	for _, key := range keys {
		delete(a, key)
	}
	return keys
}

// release lets a node's disk finish what it held.
func (l *lab) release(id machine.NodeID) {
	n := l.nodes[id]
	held := n.held
	n.hold, n.held = nil, nil
	for i := range held {
		in := &machine.Input{Kind: machine.DiskDone, Token: held[i].Token}
		n.disk.perform(&held[i], in)
		l.step(n, in)
	}
}

// run delivers frames, and ticks every node that runs, rounds times.
func (l *lab) run(rounds int) {
	for range rounds {
		for len(l.queue) > 0 {
			f := l.queue[0]
			l.queue = l.queue[1:]
			l.deliver(f)
		}
		for _, id := range l.ids {
			if n := l.nodes[id]; n.m != nil && !n.paused {
				n.env.Mono += 100 * ms
				for _, key := range n.alarms.due(n.env.Mono) {
					l.step(n, &machine.Input{Kind: machine.TimerFired, Timer: key})
				}
				l.step(n, &machine.Input{Kind: machine.TimerFired, Timer: machine.TimerKey{Kind: timerTick}})
			}
		}
	}
}

func (l *lab) deliver(f labFrame) {
	n := l.nodes[f.to]
	if l.watch != nil && f.bytes != nil {
		l.watch(f)
	}
	switch {
	case f.bytes == nil: // a repair of boot has finished
		l.step(n, &machine.Input{Kind: machine.DiskDone, Token: machine.Token(f.from)})
	case n.paused:
	default:
		l.step(n, &machine.Input{Kind: machine.PeerFrame, Link: f.link, Peer: machine.Addr{Node: f.from}, Bytes: f.bytes})
	}
}

// resume goes on with a paused node. The connections of a long pause have been given up by their other
// ends, and what waited in them is gone.
func (l *lab) resume(id machine.NodeID) { l.nodes[id].paused = false }

// power fails the node: what it had not synced is gone.
func (l *lab) power(id machine.NodeID) {
	n := l.nodes[id]
	n.m = nil
	for name, b := range n.disk.files {
		n.disk.files[name] = b[:n.disk.synced[name]]
	}
	for _, other := range l.ids {
		if o := l.nodes[other]; other != id && o.m != nil {
			for link := machine.Link(0); link < machine.Links; link++ {
				l.step(o, &machine.Input{Kind: machine.PeerDown, Link: link, Peer: machine.Addr{Node: id}})
			}
		}
	}
}

func (l *lab) send(id machine.NodeID, bytes string) {
	l.step(l.nodes[id], &machine.Input{Kind: machine.ConnBytes, Conn: 1, Bytes: []byte(bytes)})
}

func (l *lab) publish(id machine.NodeID, from, to int) {
	for i := from; i <= to; i++ {
		l.send(id, fmt.Sprintf("PUB orders.x _INBOX.1.p 4\r\n%04d\r\n", i))
		l.run(1)
	}
}

func (l *lab) acked(id machine.NodeID) int {
	return strings.Count(l.nodes[id].got, `{"stream":"ORDERS","seq":`)
}

func (l *lab) leader(stream string) machine.NodeID {
	for _, id := range l.ids {
		if n := l.nodes[id]; n.m != nil && !n.paused && n.leads[stream] {
			return id
		}
	}
	return 0
}

func (l *lab) createOrders() {
	l.run(60)
	require.NotZero(l.t, l.leader(""), "meta has no leader")
	cfg := fmt.Sprintf(`{"name":"ORDERS","subjects":["orders.>"],"num_replicas":%d,"storage":"file"}`, len(l.ids))
	l.send(1, fmt.Sprintf("PUB $JS.API.STREAM.CREATE.ORDERS _INBOX.1.c %d\r\n%s\r\n", len(cfg), cfg))
	l.run(60)
	require.NotZero(l.t, l.leader("ORDERS"), "ORDERS has no leader: %s", l.nodes[1].got)
}

func mustProfile(t *testing.T, name string) Switches {
	sw, err := Profile(name)
	require.NoError(t, err)
	return sw
}

func TestThreeNodesStoreTheSameMessages(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.createOrders()
	l.publish(1, 1, 20)
	l.run(10)
	require.Equal(t, 20, l.acked(1))
	for _, id := range l.ids {
		require.Len(t, l.nodes[id].stored["ORDERS"], 20)
		require.Equal(t, l.nodes[1].stored, l.nodes[id].stored)
	}
}

// nats-server#7567: a minority is paused, a majority acknowledges, one of the majority loses power and
// with it what it had not synced, the rest is paused, and the minority resumes.
func pauseThenPowerLoss(t *testing.T, profile string) (l *lab, acked int, old machine.NodeID) {
	l = newLab(t, 3, mustProfile(t, profile))
	l.createOrders()
	l.publish(1, 1, 5)
	old = l.leader("ORDERS")
	minority, victim := others(l, old)
	l.nodes[minority].paused = true
	l.publish(old, 6, 25)
	acked = l.acked(old)
	if old == 1 {
		acked -= 5
	}
	l.power(victim)
	l.nodes[old].paused = true
	l.boot(victim)
	l.resume(minority)
	l.run(200)
	return l, acked, old
}

func others(l *lab, not machine.NodeID) (a, b machine.NodeID) {
	for _, id := range l.ids {
		switch {
		case id == not:
		case a == 0:
			a = id
		default:
			b = id
		}
	}
	return a, b
}

func TestPauseThenPowerLossSplitsTheBrainUnderNATS(t *testing.T) {
	l, acked, old := pauseThenPowerLoss(t, "nats")
	require.Equal(t, 20, acked)
	leader := l.leader("ORDERS")
	require.NotZero(t, leader, "the minority and the node without the data form a majority")
	l.publish(leader, 101, 110)
	l.resume(old)
	l.run(200)
	a, b := l.nodes[old].stored["ORDERS"], l.nodes[leader].stored["ORDERS"]
	require.NotEqual(t, a[6], b[6], "one sequence number, two messages")
	require.Empty(t, l.nodes[old].damaged)
}

func TestPauseThenPowerLossLosesNothingUnderReference(t *testing.T) {
	l, acked, old := pauseThenPowerLoss(t, "reference")
	require.Equal(t, 20, acked)
	leader := l.leader("ORDERS")
	require.NotZero(t, leader)
	l.publish(leader, 101, 110)
	l.resume(old)
	l.run(200)
	for _, id := range l.ids {
		require.Len(t, l.nodes[id].stored["ORDERS"], 35, "node %d", id)
		require.Equal(t, l.nodes[old].stored["ORDERS"], l.nodes[id].stored["ORDERS"])
	}
}

// nats-server#7564: all nodes lose power before the interval's sync.
func TestPowerLossOfAllLosesAcknowledgedMessagesUnderIntervalSyncOnly(t *testing.T) {
	for profile, want := range map[string]int{"nats": 0, "reference": 20} {
		t.Run(profile, func(t *testing.T) {
			l := newLab(t, 3, mustProfile(t, profile))
			l.createOrders()
			l.publish(1, 1, 20)
			require.Equal(t, 20, l.acked(1))
			for _, id := range l.ids {
				l.power(id)
			}
			for _, id := range l.ids {
				l.boot(id)
			}
			l.run(200)
			require.NotZero(t, l.leader("ORDERS"))
			for _, id := range l.ids {
				require.Len(t, l.nodes[id].stored["ORDERS"], want, "node %d", id)
			}
		})
	}
}
