package sim

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
)

// relay is the broker of the stories: it obeys lines that come in on connections, and notes
// what happens to it. It greets whoever connects, and panics if the world breaks the contract.
//
//	echo X            answers X
//	put X             appends X to its log and syncs; then answers
//	post X            appends X without syncing; answers when it is written
//	send nK LINK X    sends a frame
//	flood nK LINK N   sends a frame of N bytes
//	blast N           answers with N bytes
//	stop / go         stops reading from the connection; resumes all those stopped
//	timer MS          notes when a timer of so many milliseconds fires
//	break nK LINK     resets a link
//	lead TERM         claims to lead stream S
//	close | cut (at once) | panic | crash (a nil pointer) | follow TERM
type relay struct {
	id      machine.NodeID
	conns   map[machine.ConnID]*relayConn
	waiting map[machine.Token]relayWait
	stopped []machine.ConnID
	token   machine.Token
	timer   uint64
	now     machine.Mono
	up      map[relayLink]bool
}

type relayLink struct {
	peer machine.Addr
	link machine.Link
}

type relayConn struct {
	out *machine.ConnBuf
	in  []byte
}

type relayWait struct {
	conn machine.ConnID
	text string
}

func note(fx *machine.Effects, format string, args ...any) {
	fx.Observe(machine.Observation{Kind: machine.Note, Why: fmt.Sprintf(format, args...)})
}

func bootRelay(id machine.NodeID) machine.Boot {
	return func(_ *machine.Env, image machine.Image, fx *machine.Effects) (machine.Machine, error) {
		r := &relay{id: id, conns: map[machine.ConnID]*relayConn{}, waiting: map[machine.Token]relayWait{}, up: map[relayLink]bool{}}
		size, err := image.Size("log")
		if err != nil {
			note(fx, "boots with no log")
			return r, nil
		}
		log := make([]byte, size)
		if n, err := image.ReadAt("log", log, 0); err != nil && err != io.EOF || n < len(log) {
			return nil, fmt.Errorf("log cannot be read: %w", err)
		}
		if bytes.Contains(log, []byte("poison")) {
			return nil, fmt.Errorf("log of %d bytes is poisoned", size)
		}
		note(fx, "boots with log %q", log)
		return r, nil
	}
}

func (r *relay) Footprint(dst []machine.Use) []machine.Use {
	return append(dst, machine.Use{Kind: "conns", Count: int64(len(r.conns))})
}

func (r *relay) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	r.now = env.Mono
	switch in.Kind {
	case machine.ConnOpened:
		r.conns[in.Conn] = &relayConn{out: in.Out}
		fx.Write(in.Out, []byte("hi\n"))
		note(fx, "accepts %s", in.Remote)
	case machine.ConnClosed:
		delete(r.conns, in.Conn)
		note(fx, "loses conn %d: %v", in.Conn, in.Err)
	case machine.ConnDrained:
		note(fx, "conn %d: %d bytes wait", in.Conn, in.N)
	case machine.ConnBytes:
		fx.Charge(machine.WorkParse, 1, int64(len(in.Bytes)), 0)
		c := r.conns[in.Conn]
		c.in = append(c.in, in.Bytes...)
		for {
			line, rest, ok := bytes.Cut(c.in, []byte("\n"))
			if !ok {
				return
			}
			c.in = rest
			r.obey(in.Conn, c, string(line), fx)
		}
	case machine.DiskDone:
		w := r.waiting[in.Token]
		delete(r.waiting, in.Token)
		if in.Err != nil {
			note(fx, "%s: %v after %d bytes", w.text, in.Err, in.N)
			return
		}
		if c := r.conns[w.conn]; c != nil {
			fx.Write(c.out, []byte(w.text+"\n"))
		}
	case machine.PeerUp, machine.PeerDown:
		link, up := relayLink{in.Peer, in.Link}, in.Kind == machine.PeerUp
		if r.up[link] == up {
			machine.Broken("%s of %v twice", in.Kind, link)
		}
		r.up[link] = up
		if up {
			fx.Send(in.Peer, in.Link, []byte("hi"))
		}
		note(fx, "%s %s n%d", in.Kind, in.Link, in.Peer.Node)
	case machine.PeerFrame:
		if !r.up[relayLink{in.Peer, in.Link}] {
			machine.Broken("frame on the %s link to n%d, which is down", in.Link, in.Peer.Node)
		}
		if string(in.Bytes) == "hi" {
			fx.Charge(machine.WorkRoute, 1, 0, 0)
			return
		}
		if len(in.Bytes) > 64 {
			note(fx, "%s from n%d: %d bytes", in.Link, in.Peer.Node, len(in.Bytes))
			return
		}
		note(fx, "%s from n%d: %s", in.Link, in.Peer.Node, in.Bytes)
	case machine.PeerDrained:
		note(fx, "%s n%d: %d bytes wait", in.Link, in.Peer.Node, in.N)
	case machine.TimerFired:
		note(fx, "timer %d fires", in.Timer.ID)
	}
}

func (r *relay) obey(id machine.ConnID, c *relayConn, line string, fx *machine.Effects) {
	f := strings.Fields(line)
	switch f[0] {
	case "echo":
		fx.Write(c.out, []byte(f[1]+"\n"))
	case "put", "post":
		r.token++
		r.waiting[r.token] = relayWait{id, f[0] + " " + f[1]}
		fx.Do(machine.DiskOp{Kind: machine.Append, File: "log", Data: []byte(f[1]), AndSync: f[0] == "put", Token: r.token})
		fx.Do(machine.DiskOp{Kind: machine.SyncDir, File: ""})
	case "send":
		fx.Send(peerOf(f[1]), linkOf(f[2]), []byte(f[3]))
	case "flood":
		fx.Send(peerOf(f[1]), linkOf(f[2]), make([]byte, atoi(f[3])))
	case "blast":
		fx.Write(c.out, bytes.Repeat([]byte{'x'}, atoi(f[1])-1), []byte("\n"))
	case "stop":
		r.stopped = append(r.stopped, id)
		fx.Pauses = append(fx.Pauses, machine.Pause{Conn: id, On: true})
	case "go":
		for _, s := range r.stopped {
			fx.Pauses = append(fx.Pauses, machine.Pause{Conn: s})
		}
		r.stopped = nil
	case "timer":
		r.timer++
		fx.SetTimer(machine.TimerKey{ID: r.timer}, r.now+machine.Mono(atoi(f[1]))*1e6)
	case "break":
		fx.Resets = append(fx.Resets, machine.PeerReset{Peer: peerOf(f[1]), Link: linkOf(f[2])})
	case "lead":
		fx.Observe(machine.Observation{Kind: machine.Leader, Group: 7, Stream: "S", Term: uint64(atoi(f[1]))})
	case "follow":
		fx.Observe(machine.Observation{Kind: machine.Follower, Group: 7, Stream: "S", Term: uint64(atoi(f[1]))})
	case "close", "cut":
		delete(r.conns, id)
		fx.Closes = append(fx.Closes, machine.Close{Conn: id, Abrupt: f[0] == "cut"})
	case "panic":
		machine.Broken("told to by conn %d", id)
	case "crash":
		var none *relayConn
		none.in = nil
	}
}

func peerOf(s string) machine.Addr { return machine.Addr{Node: machine.NodeID(atoi(s[1:]))} }

func linkOf(s string) machine.Link {
	if s == "route" {
		return machine.RouteLink
	}
	return machine.RaftLink
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

// talker is the client of the stories: at its times it writes its lines to brokers, to each on
// one connection, which it makes when it needs one and none is open. The line "fill N" stands
// for one of N bytes that mean nothing.
type talker struct {
	script []saying
	start  machine.Mono
	next   int
	conns  []*talk // by broker
}

type saying struct {
	at   Time
	to   machine.NodeID
	line string
}

type talk struct {
	out     *machine.ConnBuf
	dialled bool
	pending []string
	in      []byte
}

func bootTalker(script []saying) machine.Boot {
	return func(env *machine.Env, _ machine.Image, fx *machine.Effects) (machine.Machine, error) {
		t := &talker{script: script, start: env.Mono, conns: make([]*talk, 16)}
		for i := range t.conns {
			t.conns[i] = &talk{}
		}
		t.arm(fx)
		return t, nil
	}
}

func (t *talker) arm(fx *machine.Effects) {
	if t.next < len(t.script) {
		fx.SetTimer(machine.TimerKey{}, t.start+machine.Mono(t.script[t.next].at))
	}
}

func (t *talker) Footprint(dst []machine.Use) []machine.Use { return dst }

func (t *talker) Step(_ *machine.Env, in *machine.Input, fx *machine.Effects) {
	switch in.Kind {
	case machine.TimerFired:
		s := t.script[t.next]
		t.next++
		t.arm(fx)
		c := t.conns[s.to]
		if n, ok := strings.CutPrefix(s.line, "fill "); ok {
			s.line = strings.Repeat("x", atoi(n))
		}
		if c.out != nil {
			fx.Write(c.out, []byte(s.line+"\n"))
			return
		}
		c.pending = append(c.pending, s.line)
		if !c.dialled {
			c.dialled = true
			fx.Dials = append(fx.Dials, machine.Dial{Token: machine.Token(s.to), To: s.to})
		}
	case machine.ConnOpened:
		c := t.conns[in.Token]
		c.out = in.Out
		for _, line := range c.pending {
			fx.Write(c.out, []byte(line+"\n"))
		}
		c.pending = nil
	case machine.ConnBytes:
		for _, c := range t.conns {
			if c.out != nil && c.out.ID == in.Conn {
				t.hear(c, in.Bytes, fx)
				return
			}
		}
		machine.Broken("bytes on conn %d, which is not open", in.Conn)
	case machine.ConnClosed:
		for to, c := range t.conns {
			if in.Conn == 0 && in.Token == machine.Token(to) || c.out != nil && c.out.ID == in.Conn {
				note(fx, "loses n%d: %v", to, in.Err)
				*c = talk{}
			}
		}
	case machine.ConnDrained:
		note(fx, "%d bytes wait", in.N)
	}
}

func (t *talker) hear(c *talk, b []byte, fx *machine.Effects) {
	c.in = append(c.in, b...)
	for {
		line, rest, ok := bytes.Cut(c.in, []byte("\n"))
		if !ok {
			return
		}
		c.in = rest
		if string(line) == "hi" {
			continue
		}
		if len(line) > 64 {
			note(fx, "hears %d bytes", len(line))
		} else {
			note(fx, "hears %s", line)
		}
	}
}
