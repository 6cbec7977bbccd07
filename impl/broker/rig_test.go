package broker

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// rig is nodes whose inputs are handed in as fast as they come up: disks finish at once and keep nothing, frames arrive in
// their order, and no time passes. What is measured is Step alone, of one node or of all.
type rig struct {
	b     testing.TB
	nodes []*rigNode
	todo  []rigInput
	meter meter
}

type rigNode struct {
	id    machine.NodeID
	m     *Broker
	env   machine.Env
	fx    machine.Effects
	conns []*rigConn
}

type rigConn struct {
	node *rigNode
	out  machine.ConnBuf
	hear func([]byte) // nil: nobody listens
}

type rigInput struct {
	to *rigNode
	in machine.Input
}

// meter sums up the steps of a benchmark.
type meter struct {
	on     bool
	only   *rigNode // nil: every node
	memory bool     // it counts allocations instead of time, which disturbs times
	ns     int64
	steps  int64
	bytes  uint64
	allocs uint64
	work   [machine.WorkKinds]machine.Work
}

func newRig(b testing.TB, nodes int) *rig {
	b.Helper()
	r := &rig{b: b}
	var ids []machine.NodeID
	for i := range nodes {
		ids = append(ids, machine.NodeID(i+1))
	}
	sw, err := Profile("reference")
	if err != nil {
		b.Fatal(err)
	}
	for _, id := range ids {
		n := &rigNode{id: id, env: machine.Env{Wall: 1, Choices: bootChoices{uint64(id)}}}
		m, err := Boot(Config{Node: id, Nodes: ids, Switches: sw})(&n.env, image{}, &n.fx)
		if err != nil {
			b.Fatal(err)
		}
		n.m = m.(*Broker)
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

// hand is one step and its effects; what they lead to waits for settle.
func (r *rig) hand(n *rigNode, in machine.Input) {
	m := &r.meter
	switch {
	case !m.on || m.only != nil && m.only != n:
		n.m.Step(&n.env, &in, &n.fx)
	case m.memory:
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n.m.Step(&n.env, &in, &n.fx)
		runtime.ReadMemStats(&after)
		m.bytes += after.TotalAlloc - before.TotalAlloc
		m.allocs += after.Mallocs - before.Mallocs
	default:
		start := time.Now()
		n.m.Step(&n.env, &in, &n.fx)
		m.ns += int64(time.Since(start))
		m.steps++
		for k := range n.fx.Work {
			w, add := &m.work[k], &n.fx.Work[k]
			w.Count, w.Bytes, w.Allocs = w.Count+add.Count, w.Bytes+add.Bytes, w.Allocs+add.Allocs
		}
	}
	r.effects(n)
}

func (r *rig) effects(n *rigNode) {
	for i := range n.fx.Disk {
		switch op := &n.fx.Disk[i]; {
		case op.Kind == machine.Read:
			r.b.Fatalf("%s is read, and the rig keeps nothing", op.File)
		case op.Token != 0:
			r.todo = append(r.todo, rigInput{n, machine.Input{Kind: machine.DiskDone, Token: op.Token}})
		}
	}
	for _, f := range n.fx.Frames {
		in := machine.Input{Kind: machine.PeerFrame, Link: f.Link, Peer: machine.Addr{Node: n.id}, Bytes: f.Bytes}
		r.todo = append(r.todo, rigInput{r.nodes[f.Peer.Node-1], in})
	}
	for _, out := range n.fx.Dirty {
		if c := n.conns[out.ID-1]; c.hear != nil {
			c.hear(out.B)
		}
		out.B, out.Dirty = out.B[:0], false
	}
	if len(n.fx.Closes)+len(n.fx.Resets)+len(n.fx.Pauses) > 0 {
		r.b.Fatalf("node %d ends or holds up connections: %v %v %v", n.id, n.fx.Closes, n.fx.Resets, n.fx.Pauses)
	}
	n.fx.Reset()
}

func (r *rig) settle() {
	for i := 0; i < len(r.todo); i++ {
		r.hand(r.todo[i].to, r.todo[i].in)
	}
	clear(r.todo)
	r.todo = r.todo[:0]
}

// off does what is not measured.
func (r *rig) off(do func()) {
	was := r.meter.on
	r.meter.on = false
	do()
	r.meter.on = was
}

func (r *rig) connect(n *rigNode, text string) *rigConn {
	c := &rigConn{node: n, out: machine.ConnBuf{ID: machine.ConnID(len(n.conns) + 1)}}
	n.conns = append(n.conns, c)
	r.hand(n, machine.Input{Kind: machine.ConnOpened, Conn: c.out.ID, Out: &c.out, Remote: "10.0.0.9:1"})
	r.send(c, []byte(`CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}`+"\r\n"+text))
	return c
}

// send is one read from a connection and all that follows from it.
func (r *rig) send(c *rigConn, text []byte) {
	c.node.env.Wall += 100_000
	r.hand(c.node, machine.Input{Kind: machine.ConnBytes, Conn: c.out.ID, Bytes: text})
	r.settle()
}

func (r *rig) request(c *rigConn, subject, body string) {
	r.send(c, fmt.Appendf(nil, "PUB %s in %d\r\n%s\r\n", subject, len(body), body))
}

func tickInput() machine.Input {
	return machine.Input{Kind: machine.TimerFired, Timer: machine.TimerKey{Kind: timerTick}}
}

func (r *rig) tick() {
	for _, n := range r.nodes {
		n.env.Mono += 100 * ms
		r.hand(n, tickInput())
		r.settle()
	}
}

// stream makes a stream of as many replicas as there are nodes, and returns its leader.
func (r *rig) stream(name string) *rigNode {
	c := r.connect(r.nodes[0], "")
	for i := 0; i < 1000; i++ {
		if i%50 == 10 { // meta has a leader; an answer that comes late is one to a stream that exists
			cfg := fmt.Sprintf(`{"name":%q,"subjects":["%s.>"],"num_replicas":%d}`, name, name, len(r.nodes))
			r.request(c, apiStreamCreate+name, cfg)
		}
		for _, n := range r.nodes {
			for _, g := range n.m.groups {
				if g.state.name() == name && g.leading && g.ready {
					return n
				}
			}
		}
		r.tick()
	}
	r.b.Fatalf("no leader of %s", name)
	return nil
}

// measure runs op over and over, and reports what a run of it took: of node only, unless it is nil. The time is the median
// of the runs: what other programs and the collector take, which a model of costs has elsewhere, is not in it.
func (r *rig) measure(only *rigNode, op func()) {
	b := r.b.(*testing.B)
	run := func() {
		r.meter.on = true
		op()
		r.meter.on = false
	}
	r.meter = meter{only: only}
	for range 100 {
		run()
	}
	r.meter = meter{only: only}
	var times []int64
	b.ReportAllocs()
	for b.Loop() {
		before := r.meter.ns
		run()
		times = append(times, r.meter.ns-before)
	}
	slices.Sort(times)
	m := r.meter
	r.meter = meter{only: only, memory: true}
	counts := min(max(2048*len(times)/int(m.steps), 16), 512)
	for range counts {
		run()
	}
	n := float64(len(times))
	row := stepRow{steps: float64(m.steps) / n, bytes: float64(r.meter.bytes) / float64(counts), allocs: float64(r.meter.allocs) / float64(counts)}
	row.ns = float64(times[len(times)/2]) - row.steps*float64(clockNanos())
	for k, w := range m.work {
		row.count[k], row.size[k] = float64(w.Count)/n, float64(w.Bytes)/n
	}
	row.report(b)
}

// clockNanos is what reading the clock twice adds to a step.
func clockNanos() int64 {
	best := int64(1 << 62)
	for range 1000 {
		start := time.Now()
		best = min(best, int64(time.Since(start)))
	}
	return best
}
