package calibrate

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

const (
	ms  = 1_000_000
	sec = 1000 * ms
)

// rig is the nodes of a cluster. Its first failure ends it: whatever is asked of it then does nothing.
type rig struct {
	nodes []*node
	todo  []event
	meter meter
	err   error
}

type node struct {
	id     machine.NodeID
	m      machine.Machine
	env    machine.Env
	fx     machine.Effects
	conns  []*conn
	timers map[machine.TimerKey]machine.Mono
}

// conn is a client's connection; hear gets what is written to it, and answer returns what the client says to that by itself.
type conn struct {
	node   *node
	out    machine.ConnBuf
	hear   func([]byte)
	answer func([]byte) []byte
}

// event is an input that has come up for a node.
type event struct {
	to *node
	in machine.Input
}

// draws are a node's random numbers.
type draws struct{ key uint64 }

func (d draws) Draw(p machine.Purpose, id uint64) uint64 {
	return (d.key*31+uint64(p))*1_000_003 + id
}

// blank is a disk that holds nothing.
type blank struct{}

func (blank) List(string) ([]string, error)             { return nil, nil }
func (blank) Size(string) (int64, error)                { return 0, machine.ErrNotExist }
func (blank) ReadAt(string, []byte, int64) (int, error) { return 0, machine.ErrNotExist }

// newRig boots a cluster and connects its nodes.
func newRig(nodes int, boot func(id machine.NodeID, ids []machine.NodeID) machine.Boot) *rig {
	r := &rig{}
	var ids []machine.NodeID
	for i := range nodes {
		ids = append(ids, machine.NodeID(i+1))
	}
	for _, id := range ids {
		n := &node{id: id, env: machine.Env{Wall: 1, Choices: draws{uint64(id)}}, timers: map[machine.TimerKey]machine.Mono{}}
		m, err := boot(id, ids)(&n.env, blank{}, &n.fx)
		if err != nil {
			r.err = err
			return r
		}
		n.m = m
		r.nodes = append(r.nodes, n)
	}
	for _, n := range r.nodes {
		r.effects(n)
		for _, o := range r.nodes {
			for link := machine.Link(0); link < machine.Links && o != n; link++ {
				r.hand(n, machine.Input{Kind: machine.PeerUp, Link: link, Peer: machine.Addr{Node: o.id}})
			}
		}
	}
	r.settle()
	return r
}

func (r *rig) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// hand is one step and its effects; what they lead to waits for settle.
func (r *rig) hand(n *node, in machine.Input) {
	if r.err != nil {
		return
	}
	r.meter.step(n, &in)
	r.effects(n)
}

// effects carries out what a step wants: disks are done at once, and have kept nothing that could be read.
func (r *rig) effects(n *node) {
	for i := range n.fx.Disk {
		switch op := &n.fx.Disk[i]; {
		case op.Kind == machine.Read:
			r.fail("%s is read, and the rig keeps nothing", op.File)
		case op.Token != 0:
			r.todo = append(r.todo, event{n, machine.Input{Kind: machine.DiskDone, Token: op.Token}})
		}
	}
	for _, f := range n.fx.Frames {
		in := machine.Input{Kind: machine.PeerFrame, Link: f.Link, Peer: machine.Addr{Node: n.id}, Bytes: f.Bytes}
		r.todo = append(r.todo, event{r.nodes[f.Peer.Node-1], in})
	}
	for _, out := range n.fx.Dirty {
		c := n.conns[out.ID-1]
		if c.hear != nil {
			c.hear(out.B)
		}
		if c.answer != nil {
			if text := c.answer(out.B); text != nil {
				r.todo = append(r.todo, event{n, machine.Input{Kind: machine.ConnBytes, Conn: c.out.ID, Bytes: text}})
			}
		}
		out.B, out.Dirty = out.B[:0], false
	}
	for _, t := range n.fx.Timers {
		if t.Cancel {
			delete(n.timers, t.Timer)
		} else {
			n.timers[t.Timer] = t.At
		}
	}
	if len(n.fx.Closes)+len(n.fx.Resets)+len(n.fx.Pauses) > 0 {
		r.fail("node %d ends or holds up connections: %v %v %v", n.id, n.fx.Closes, n.fx.Resets, n.fx.Pauses)
	}
	n.fx.Reset()
}

// settle hands in everything that has come up, and what comes up by that.
func (r *rig) settle() {
	for i := 0; i < len(r.todo); i++ {
		r.hand(r.todo[i].to, r.todo[i].in)
	}
	clear(r.todo)
	r.todo = r.todo[:0]
}

// advance lets time pass on every node, and fires each timer that is due then, once.
func (r *rig) advance(nanos int64) {
	for _, n := range r.nodes {
		n.env.Mono += machine.Mono(nanos)
		n.env.Wall += machine.Wall(nanos)
	}
	for _, n := range r.nodes {
		for _, key := range n.due() {
			delete(n.timers, key)
			r.hand(n, machine.Input{Kind: machine.TimerFired, Timer: key})
			r.settle()
		}
	}
}

// due is the timers whose time has come, in the order of their times.
func (n *node) due() (keys []machine.TimerKey) {
	for key, at := range n.timers {
		if at <= n.env.Mono {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b machine.TimerKey) int {
		return cmp.Or(cmp.Compare(n.timers[a], n.timers[b]), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	return keys
}

// connect opens a connection and sends text on it.
func (r *rig) connect(n *node, text []byte) *conn {
	c := &conn{node: n, out: machine.ConnBuf{ID: machine.ConnID(len(n.conns) + 1)}}
	n.conns = append(n.conns, c)
	r.hand(n, machine.Input{Kind: machine.ConnOpened, Conn: c.out.ID, Out: &c.out, Remote: "10.0.0.9:1"})
	if len(text) > 0 {
		r.send(c, text)
	}
	return c
}

// send is one read from a connection and all that follows from it.
func (r *rig) send(c *conn, text []byte) {
	c.node.env.Wall += 100_000
	r.hand(c.node, machine.Input{Kind: machine.ConnBytes, Conn: c.out.ID, Bytes: text})
	r.settle()
}

// off does what is not measured.
func (r *rig) off(do func()) {
	was := r.meter.mode
	r.meter.mode = idle
	do()
	r.meter.mode = was
}
