package broker

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// TestMeshStories runs the transcripts of several nodes and their clients: what clients say, and what they are told. Routes
// deliver at once unless a story holds them; no clock ticks but by its word, so there are no elections.
func TestMeshStories(t *testing.T) {
	paths, err := filepath.Glob("testdata/mesh_*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no stories", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var m *mesh
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				if d.Cmd == "cluster" {
					m = newMesh(t, d)
				} else {
					m.out.Reset()
					m.run(t, d)
				}
				if m.out.Len() == 0 {
					return "(none)\n"
				}
				return m.out.String()
			})
		})
	}
}

// mesh is nodes, the routes between them and their clients.
type mesh struct {
	out    strings.Builder
	nodes  []*meshNode
	tune   func(*Config)
	conns  map[string]*meshConn
	byID   map[meshKey]*meshConn
	flying []meshFrame
	holds  map[[2]machine.NodeID]bool
	now    machine.Mono
	quiet  bool
}

type meshNode struct {
	id     machine.NodeID
	m      machine.Machine
	fx     machine.Effects
	timers map[machine.TimerKey]machine.Mono
	lastID machine.ConnID
}

type meshConn struct {
	name string
	node *meshNode
	buf  machine.ConnBuf
	got  []string
	sent int64 // bytes it was sent
	// paused: not read from; ended: by the broker.
	paused, ended bool
}

type meshKey struct {
	node machine.NodeID
	conn machine.ConnID
}

type meshFrame struct {
	from, to machine.NodeID
	bytes    []byte
}

func newMesh(t *testing.T, d *datadriven.TestData) *mesh {
	nodes := 1
	var c Config
	sw := mustProfile(t, "reference")
	for _, a := range d.CmdArgs {
		value := func() int64 {
			n, err := strconv.ParseInt(a.Vals[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		switch a.Key {
		case "nodes":
			nodes = int(value())
		case "max-pending":
			c.MaxPending = value()
		case "max-route-pending":
			c.MaxRoutePending = value()
		case "max-payload":
			c.MaxPayload = int(value())
		default:
			if err := sw.Set(a.Key, a.Vals[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return makeMesh(nodes, func(cfg *Config) {
		cfg.MaxPending, cfg.MaxRoutePending, cfg.MaxPayload, cfg.Switches = c.MaxPending, c.MaxRoutePending, c.MaxPayload, sw
	})
}

func makeMesh(nodes int, tune func(*Config)) *mesh {
	m := &mesh{conns: map[string]*meshConn{}, byID: map[meshKey]*meshConn{}, holds: map[[2]machine.NodeID]bool{}, tune: tune}
	for i := range nodes {
		m.nodes = append(m.nodes, &meshNode{id: machine.NodeID(i + 1)})
	}
	for _, n := range m.nodes {
		m.boot(n)
	}
	for i, a := range m.nodes {
		for _, b := range m.nodes[:i] {
			m.join(a, b)
		}
	}
	m.settle()
	return m
}

func (m *mesh) boot(n *meshNode) {
	cfg := Config{Node: n.id, ClientURLs: []string{fmt.Sprintf("host%d:4222", n.id)}, Observe: true}
	for _, o := range m.nodes {
		cfg.Nodes = append(cfg.Nodes, o.id)
	}
	m.tune(&cfg)
	n.timers = map[machine.TimerKey]machine.Mono{}
	b, err := Boot(cfg)(m.env(n), image{}, &n.fx)
	if err != nil {
		panic(err)
	}
	n.m = b
	m.effects(n)
}

func (m *mesh) env(n *meshNode) *machine.Env {
	return &machine.Env{Mono: m.now, Choices: bootChoices{uint64(n.id)}}
}

func (m *mesh) node(name string) *meshNode { return m.nodes[name[1]-'1'] }

func (m *mesh) join(a, b *meshNode) {
	m.link(a, b, machine.PeerUp)
	m.link(b, a, machine.PeerUp)
}

// part ends the session of two nodes: what is on its way is lost.
func (m *mesh) part(a, b *meshNode) {
	m.flying = slices.DeleteFunc(m.flying, func(f meshFrame) bool {
		return f.from == a.id && f.to == b.id || f.from == b.id && f.to == a.id
	})
	m.link(a, b, machine.PeerDown)
	m.link(b, a, machine.PeerDown)
}

func (m *mesh) link(a, b *meshNode, kind machine.InputKind) {
	m.step(a, &machine.Input{Kind: kind, Link: machine.RouteLink, Peer: machine.Addr{Node: b.id}})
}

func (m *mesh) step(n *meshNode, in *machine.Input) {
	if n.m != nil {
		n.m.Step(m.env(n), in, &n.fx)
		m.effects(n)
	}
}

func (m *mesh) line(format string, args ...any) {
	if !m.quiet {
		fmt.Fprintf(&m.out, format+"\n", args...)
	}
}

func (m *mesh) effects(n *meshNode) {
	for _, o := range n.fx.Observed {
		m.observed(n, &o)
	}
	for _, f := range n.fx.Frames {
		if f.Link == machine.RouteLink {
			m.flying = append(m.flying, meshFrame{n.id, f.Peer.Node, append([]byte(nil), f.Bytes...)})
		}
	}
	for _, b := range n.fx.Dirty {
		c := m.byID[meshKey{n.id, b.ID}]
		c.sent += int64(len(b.B))
		m.told(c, string(b.B))
		b.B, b.Dirty = nil, false
	}
	for _, p := range n.fx.Pauses {
		c := m.byID[meshKey{n.id, p.Conn}]
		c.paused = p.On
		m.line("n%d %s %s", n.id, map[bool]string{true: "pauses", false: "resumes"}[p.On], c.name)
	}
	for _, c := range n.fx.Closes {
		o := m.byID[meshKey{n.id, c.Conn}]
		o.ended = true
		m.line("n%d %s %s", n.id, map[bool]string{true: "cuts", false: "closes"}[c.Abrupt], o.name)
	}
	for _, r := range n.fx.Resets {
		m.line("n%d resets the route to n%d", n.id, r.Peer.Node)
	}
	for _, s := range n.fx.Timers {
		if delete(n.timers, s.Timer); !s.Cancel {
			n.timers[s.Timer] = s.At
		}
	}
	n.fx.Reset()
}

func (m *mesh) observed(n *meshNode, o *machine.Observation) {
	what := fmt.Sprintf("n%d ! %s", n.id, o.Kind)
	switch o.Kind {
	case machine.Interest:
		what += fmt.Sprintf(" %s %d", o.Subject, o.N)
		if o.Queue != "" {
			what += " of group " + o.Queue
		}
	case machine.Dropped:
		what += fmt.Sprintf(" %s (%s)", o.Subject, o.Why)
	default:
		return
	}
	if o.Client != "" {
		what += " by " + o.Client
	}
	if o.Peer != 0 {
		what += fmt.Sprintf(" by n%d", o.Peer)
	}
	m.line("%s", what)
}

// told splits what a client is sent into lines; a message's payload stands behind its line. Of an INFO only what
// changes is shown, and of the first nothing.
func (m *mesh) told(c *meshConn, bytes string) {
	lines := strings.Split(strings.TrimSuffix(bytes, "\r\n"), "\r\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if text, ok := strings.CutPrefix(line, "INFO "); ok {
			var info wire.Info
			if err := wire.ParseInfo([]byte(text), &info); err != nil {
				panic(err)
			}
			if len(c.got) == 0 {
				c.got = append(c.got, "INFO")
				continue
			}
			line = fmt.Sprintf("INFO %v ldm=%v connect_info=%v", info.ConnectURLs, info.LameDuck, info.ConnectInfo)
		}
		if strings.HasPrefix(line, "MSG ") {
			i++
			line += " " + lines[i]
		}
		if strings.HasPrefix(line, "HMSG ") {
			rest := lines[i+1:]
			end := slices.Index(rest, "")
			line += " " + strings.Join(rest[:end], "/") + " " + rest[end+1]
			i += end + 2
		}
		c.got = append(c.got, line)
		if len(line) > 120 {
			line = fmt.Sprintf("%s… (%d bytes)", line[:40], len(line))
		}
		m.line("%s <- %s", c.name, line)
	}
}

// settle lets every frame arrive that is not held.
func (m *mesh) settle() {
	for i := 0; i < len(m.flying); {
		f := m.flying[i]
		if m.holds[[2]machine.NodeID{f.from, f.to}] {
			i++
			continue
		}
		m.flying = slices.Delete(m.flying, i, i+1)
		m.step(m.nodes[f.to-1], &machine.Input{
			Kind: machine.PeerFrame, Link: machine.RouteLink, Peer: machine.Addr{Node: f.from}, Bytes: f.bytes,
		})
		i = 0
	}
}

func (m *mesh) connect(name, node, options string) *meshConn {
	n := m.node(node)
	n.lastID++
	c := &meshConn{name: name, node: n, buf: machine.ConnBuf{ID: n.lastID}}
	m.conns[name], m.byID[meshKey{n.id, n.lastID}] = c, c
	m.step(n, &machine.Input{Kind: machine.ConnOpened, Conn: c.buf.ID, Out: &c.buf, Remote: "10.0.0.9:1"})
	m.bytes(c, fmt.Sprintf(`CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"name":%q%s}`+"\r\n", name, options))
	return c
}

func (m *mesh) bytes(c *meshConn, bytes string) {
	m.step(c.node, &machine.Input{Kind: machine.ConnBytes, Conn: c.buf.ID, Bytes: []byte(bytes)})
}

// say sends lines as a client; the size of a PUB is filled in from the line that follows it.
func (m *mesh) say(c *meshConn, text string) {
	var b strings.Builder
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		b.WriteString(line)
		if strings.HasPrefix(line, "PUB ") {
			fmt.Fprintf(&b, " %d", len(lines[i+1]))
		}
		b.WriteString("\r\n")
	}
	m.bytes(c, b.String())
}

// wait lets time pass: timers of clients and routes fire, the ticks of elections do not.
func (m *mesh) wait(d time.Duration) {
	until := m.now + machine.Mono(d)
	for {
		var due *meshNode
		var key machine.TimerKey
		at := until + 1
		for _, n := range m.nodes {
			for k, t := range n.timers { // the earliest, and of these the one of the least kind
				if k.Kind > timerSync && (t < at || t == at && due == n && k.Kind < key.Kind) {
					due, key, at = n, k, t
				}
			}
		}
		if due == nil {
			m.now = until
			return
		}
		m.now = max(m.now, at)
		delete(due.timers, key)
		m.step(due, &machine.Input{Kind: machine.TimerFired, Timer: key})
	}
}

func (m *mesh) run(t *testing.T, d *datadriven.TestData) {
	arg := func(i int) string { return d.CmdArgs[i].Key }
	number := func(name string) (n int64) {
		d.MaybeScanArgs(t, name, &n)
		return n
	}
	switch d.Cmd {
	case "connect":
		options := ""
		for _, a := range d.CmdArgs[2:] {
			options += fmt.Sprintf(",%q:%s", a.Key, a.Vals[0])
		}
		m.connect(arg(0), arg(1), options)
	case "send":
		m.say(m.conns[arg(0)], d.Input)
	case "close":
		c := m.conns[arg(0)]
		m.step(c.node, &machine.Input{Kind: machine.ConnClosed, Conn: c.buf.ID})
	case "part":
		m.part(m.node(arg(0)), m.node(arg(1)))
	case "join":
		m.join(m.node(arg(0)), m.node(arg(1)))
	case "hold", "flow":
		m.holds[[2]machine.NodeID{m.node(arg(0)).id, m.node(arg(1)).id}] = d.Cmd == "hold"
	case "kill":
		dead := m.node(arg(0))
		dead.m = nil
		for _, n := range m.nodes {
			if n != dead {
				m.part(dead, n)
			}
		}
	case "boot":
		n := m.node(arg(0))
		m.boot(n)
		for _, o := range m.nodes {
			if o != n {
				m.join(n, o)
			}
		}
	case "stop":
		m.step(m.node(arg(0)), &machine.Input{Kind: machine.Stopping})
	case "wait":
		dur, err := time.ParseDuration(arg(0))
		if err != nil {
			t.Fatal(err)
		}
		m.wait(dur)
	case "drained":
		c := m.conns[arg(0)]
		m.step(c.node, &machine.Input{Kind: machine.ConnDrained, Conn: c.buf.ID, N: number("n"), Sent: number("sent")})
	case "peer-drained":
		m.step(m.node(arg(0)), &machine.Input{
			Kind: machine.PeerDrained, Link: machine.RouteLink, Peer: machine.Addr{Node: m.node(arg(1)).id}, N: number("n"), Sent: number("sent"),
		})
	default:
		t.Fatalf("unknown command %q", d.Cmd)
	}
	m.settle()
}
