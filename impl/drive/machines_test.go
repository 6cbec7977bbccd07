package drive

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// deadline bounds every wait of these tests; it is never reached when they pass.
const deadline = 20 * time.Second

// toy is a machine that does what lines on its connections say, for tests of the driver:
//
//	echo TEXT         writes TEXT back
//	all TEXT          writes TEXT to every connection
//	blast N           writes N bytes
//	close             closes this connection
//	pause ID / go ID  stops or resumes reading a connection
//	store FILE TEXT   appends TEXT and a newline to FILE, synced, then writes "stored TEXT"
//	op ...            one disk operation; writes its outcome
//	after MS TEXT     writes TEXT when a timer fires
//	peer NODE LINK TEXT, reset NODE LINK
//	dial NODE, boom
type toy struct {
	node   machine.NodeID
	conns  map[machine.ConnID]*toyConn
	order  []machine.ConnID
	token  machine.Token
	waits  map[machine.Token]func(*machine.Input, *machine.Effects)
	timers map[machine.TimerKey]func(*machine.Effects)
	events []string // drains, closes, peer ups and downs, as "events" reports them
}

type toyConn struct {
	out  *machine.ConnBuf
	tail []byte
}

func bootToy(node machine.NodeID) machine.Boot {
	return func(env *machine.Env, image machine.Image, fx *machine.Effects) (machine.Machine, error) {
		return newToy(node), nil
	}
}

func newToy(node machine.NodeID) *toy {
	return &toy{
		node: node, conns: map[machine.ConnID]*toyConn{},
		waits:  map[machine.Token]func(*machine.Input, *machine.Effects){},
		timers: map[machine.TimerKey]func(*machine.Effects){},
	}
}

func (m *toy) Footprint(dst []machine.Use) []machine.Use {
	return append(dst, machine.Use{Kind: "conns", Count: int64(len(m.conns))})
}

func (m *toy) note(format string, args ...any) {
	m.events = append(m.events, fmt.Sprintf(format, args...))
}

func (m *toy) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	switch in.Kind {
	case machine.ConnOpened:
		m.conns[in.Conn] = &toyConn{out: in.Out}
		m.order = append(m.order, in.Conn)
		if in.Token != 0 {
			m.waits[in.Token](in, fx)
		} else {
			fx.Write(in.Out, fmt.Appendf(nil, "hello %d\n", in.Conn))
		}
	case machine.ConnBytes:
		m.bytes(env, in, fx)
	case machine.ConnClosed:
		if in.Conn == 0 {
			m.waits[in.Token](in, fx)
			return
		}
		delete(m.conns, in.Conn)
		m.note("closed %d %v", in.Conn, in.Err)
	case machine.ConnDrained:
		m.note("drained %d %d", in.Conn, in.N)
	case machine.PeerDrained:
		m.note("%v %d %v %d", in.Kind, in.Peer.Node, in.Link, in.N)
	case machine.PeerUp, machine.PeerDown:
		m.note("%v %d %v", in.Kind, in.Peer.Node, in.Link)
	case machine.PeerFrame:
		m.frame(in, fx)
	case machine.DiskDone:
		if f := m.waits[in.Token]; f != nil {
			delete(m.waits, in.Token)
			f(in, fx)
		}
	case machine.TimerFired:
		m.timers[in.Timer](fx)
	case machine.Stopping:
		m.do(fx, machine.DiskOp{Kind: machine.Append, File: "stopped", Data: []byte("yes"), AndSync: true}, nil)
	}
}

// frame answers "ping X" with "pong X", breaks the link if told to, and writes everything else to all connections.
func (m *toy) frame(in *machine.Input, fx *machine.Effects) {
	if x, ok := bytes.CutPrefix(in.Bytes, []byte("ping ")); ok {
		fx.Send(in.Peer, in.Link, append([]byte("pong "), x...))
		return
	}
	if string(in.Bytes) == "break this link" {
		fx.Resets = append(fx.Resets, machine.PeerReset{Peer: in.Peer, Link: in.Link})
	}
	m.all(fx, fmt.Sprintf("from %d on %v: %s\n", in.Peer.Node, in.Link, in.Bytes))
}

func (m *toy) all(fx *machine.Effects, text string) {
	for _, id := range m.order {
		if c := m.conns[id]; c != nil {
			fx.Write(c.out, []byte(text))
		}
	}
}

func (m *toy) bytes(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	c := m.conns[in.Conn]
	c.tail = append(c.tail, in.Bytes...)
	for {
		line, rest, ok := bytes.Cut(c.tail, []byte("\n"))
		if !ok || m.conns[in.Conn] == nil {
			return
		}
		verb, arg, _ := strings.Cut(string(line), " ")
		c.tail = rest
		m.verb(env, in.Conn, c, verb, arg, fx)
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func (m *toy) verb(env *machine.Env, id machine.ConnID, c *toyConn, verb, arg string, fx *machine.Effects) {
	say := func(fx *machine.Effects, format string, args ...any) {
		fx.Write(c.out, fmt.Appendf(nil, format+"\n", args...))
	}
	head, tail, _ := strings.Cut(arg, " ")
	switch verb {
	case "echo":
		say(fx, "%s", arg)
	case "all":
		m.all(fx, arg+"\n")
	case "blast":
		fx.Write(c.out, bytes.Repeat([]byte("x"), number(arg)))
	case "close", "cut":
		say(fx, "bye")
		fx.Closes = append(fx.Closes, machine.Close{Conn: id, Abrupt: verb == "cut"})
		delete(m.conns, id)
	case "pause", "go":
		fx.Pauses = append(fx.Pauses, machine.Pause{Conn: machine.ConnID(number(arg)), On: verb == "pause"})
		say(fx, "%s done", verb)
	case "store":
		m.do(fx, machine.DiskOp{Kind: machine.Append, File: head, Data: []byte(tail + "\n"), AndSync: true},
			func(in *machine.Input, fx *machine.Effects) { say(fx, "stored %s %v", tail, in.Err) })
	case "op":
		op := parseOp(arg)
		m.do(fx, op, func(in *machine.Input, fx *machine.Effects) {
			say(fx, "%v %s: n=%d %q %v", op.Kind, op.File, in.N, in.Bytes, in.Err)
		})
	case "forget": // an operation that nobody waits for
		fx.Do(parseOp(arg))
	case "after":
		m.token++
		key := machine.TimerKey{Kind: 1, ID: uint64(m.token)}
		m.timers[key] = func(fx *machine.Effects) { say(fx, "%s", tail) }
		fx.SetTimer(key, env.Mono+machine.Mono(number(head))*1e6)
	case "peer", "reset":
		link, text, _ := strings.Cut(tail, " ")
		peer, l := machine.Addr{Node: machine.NodeID(number(head))}, machine.Link(number(link))
		if verb == "reset" {
			fx.Resets = append(fx.Resets, machine.PeerReset{Peer: peer, Link: l})
			return
		}
		fx.Send(peer, l, []byte(text))
	case "dial":
		m.token++
		m.waits[m.token] = func(in *machine.Input, fx *machine.Effects) { say(fx, "dialled %v %v", in.Kind, in.Err) }
		fx.Dials = append(fx.Dials, machine.Dial{Token: m.token, To: machine.NodeID(number(arg))})
	case "events":
		say(fx, "%s", strings.Join(m.events, "; "))
	case "draw":
		say(fx, "%d", env.Choices.Draw(1, uint64(number(arg))))
	case "boom":
		machine.Broken("%d is not %d", 1, 2)
	}
}

func (m *toy) do(fx *machine.Effects, op machine.DiskOp, then func(*machine.Input, *machine.Effects)) {
	m.token++
	op.Token = m.token
	m.waits[m.token] = then
	if then == nil {
		delete(m.waits, m.token)
	}
	fx.Do(op)
}

// parseOp reads KIND FILE [TO=name] [DATA=text] [OFF=n] [LEN=n] [SYNC].
func parseOp(s string) (op machine.DiskOp) {
	words := strings.Fields(s)
	for k := machine.Append; k <= machine.Read; k++ {
		if k.String() == words[0] {
			op.Kind = k
		}
	}
	op.File = words[1]
	for _, w := range words[2:] {
		key, val, _ := strings.Cut(w, "=")
		switch key {
		case "TO":
			op.To = val
		case "DATA":
			op.Data = []byte(val)
		case "OFF":
			op.Off = int64(number(val))
		case "LEN":
			op.Len = int64(number(val))
		case "SYNC":
			op.AndSync = true
		}
	}
	return op
}

// testServer starts a server in dir, stopped with the test.
func testServer(t testing.TB, cfg Config) *Server {
	t.Helper()
	if cfg.Node == 0 {
		cfg.Node = 1
	}
	if cfg.Boot == nil {
		cfg.Boot = bootToy(cfg.Node)
	}
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.ClientListen == "" {
		cfg.ClientListen = "127.0.0.1:0"
	}
	if testing.Verbose() {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	return s
}

// user is a client of a toy.
type user struct {
	t  testing.TB
	nc net.Conn
	in []byte
	id string
}

func dialUser(t testing.TB, addr string) *user {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	u := &user{t: t, nc: nc}
	u.id = strings.TrimPrefix(u.line(), "hello ")
	return u
}

func (u *user) say(format string, args ...any) {
	u.t.Helper()
	u.nc.SetWriteDeadline(time.Now().Add(deadline))
	if _, err := fmt.Fprintf(u.nc, format+"\n", args...); err != nil {
		u.t.Fatal(err)
	}
}

// line waits for one line.
func (u *user) line() string {
	u.t.Helper()
	line, err := u.tryLine()
	if err != nil {
		u.t.Fatal(err)
	}
	return line
}

func (u *user) tryLine() (string, error) {
	u.nc.SetReadDeadline(time.Now().Add(deadline))
	for {
		if i := bytes.IndexByte(u.in, '\n'); i >= 0 {
			line := string(u.in[:i])
			u.in = u.in[i+1:]
			return line, nil
		}
		var p [4096]byte
		n, err := u.nc.Read(p[:])
		if n == 0 && err != nil {
			return string(u.in), err
		}
		u.in = append(u.in, p[:n]...)
	}
}

// ask says a line and returns the answer.
func (u *user) ask(format string, args ...any) string {
	u.t.Helper()
	u.say(format, args...)
	return u.line()
}

func (u *user) want(want string, format string, args ...any) {
	u.t.Helper()
	if got := u.ask(format, args...); got != want {
		u.t.Fatalf("%s: got %q, want %q", fmt.Sprintf(format, args...), got, want)
	}
}

// wantEnd waits for the orderly end of the connection.
func (u *user) wantEnd() {
	u.t.Helper()
	if rest, err := u.tryLine(); err != io.EOF {
		u.t.Fatalf("got %q and %v, want the end of the connection", rest, err)
	}
}
