package calibrate

import (
	"bytes"
	"fmt"
	"regexp"

	"github.com/brokerlab/brokerlab/impl/broker"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// natsDesign is the reference broker, every switch at its safe end.
func natsDesign() design {
	boot := func(id machine.NodeID, ids []machine.NodeID) machine.Boot {
		sw, err := broker.Profile("reference")
		if err != nil {
			return func(*machine.Env, machine.Image, *machine.Effects) (machine.Machine, error) { return nil, err }
		}
		return broker.Boot(broker.Config{Node: id, Nodes: ids, Name: natsName(id), Switches: sw})
	}
	var list []scenario
	for _, part := range [][]scenario{natsParse(), natsCore(), natsRoute(), natsPublish(), natsConsumer(), natsTick()} {
		list = append(list, part...)
	}
	return design{"nats", boot, list}
}

func natsName(id machine.NodeID) string { return fmt.Sprintf("n%d", id) }

func pub(subject string, size int) []byte {
	return fmt.Appendf(nil, "PUB %s %d\r\n%s\r\n", subject, size, bytes.Repeat([]byte("x"), size))
}

// natsClient is a client's connection with a few lines already sent. It answers when it is asked whether it is there.
func (r *rig) natsClient(n *node, lines string) *conn {
	ping, pong := []byte("PING\r\n"), []byte("PONG\r\n")
	c := r.connect(n, []byte(`CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}`+"\r\n"+lines))
	c.answer = func(out []byte) []byte {
		if bytes.HasPrefix(out, ping) || bytes.HasSuffix(out, ping) {
			return pong
		}
		return nil
	}
	return c
}

func (r *rig) natsRequest(c *conn, subject, body string) {
	r.send(c, fmt.Appendf(nil, "PUB %s in %d\r\n%s\r\n", subject, len(body), body))
}

var leaderName = regexp.MustCompile(`"leader":"n(\d+)"`)

// natsStream makes a stream of as many replicas as there are nodes, and returns its leader.
func (r *rig) natsStream(name string) *node {
	var heard []byte
	c := r.natsClient(r.nodes[0], "SUB in 1\r\n")
	c.hear = func(out []byte) { heard = append(heard, out...) }
	for i := 0; i < 1000 && r.err == nil; i++ {
		if i%20 == 0 && i > 0 { // the cluster has a leader by now; an answer that comes late is one to a stream that exists
			r.natsRequest(c, "$JS.API.STREAM.CREATE."+name, fmt.Sprintf(`{"name":%q,"subjects":["%s.>"],"num_replicas":%d}`, name, name, len(r.nodes)))
		}
		heard = heard[:0]
		r.natsRequest(c, "$JS.API.STREAM.INFO."+name, "")
		if m := leaderName.FindSubmatch(heard); m != nil && m[1][0] > '0' && int(m[1][0]-'0') <= len(r.nodes) {
			c.hear = nil
			r.send(c, []byte("UNSUB 1\r\n"))
			return r.nodes[m[1][0]-'1']
		}
		r.advance(100 * ms)
	}
	r.fail("no leader of %s: %s", name, heard)
	return r.nodes[0]
}

// natsStreaming is a stream S, its leader, one that follows, and a client of the leader.
func (r *rig) natsStreaming() (leader, follower *node, c *conn) {
	leader = r.natsStream("S")
	for _, n := range r.nodes {
		if n != leader {
			follower = n
		}
	}
	return leader, follower, r.natsClient(leader, "SUB in 1\r\n")
}

func natsParse() (list []scenario) {
	for _, n := range []int{1, 100} {
		list = append(list, scenario{fmt.Sprintf("ping x%d", n), 1, func(r *rig) (*node, func()) {
			c, text := r.natsClient(r.nodes[0], ""), bytes.Repeat([]byte("PING\r\n"), n)
			return nil, func() { r.send(c, text) }
		}})
	}
	for _, n := range []int{1, 100} {
		list = append(list, scenario{fmt.Sprintf("sub and unsub x%d", n), 2, func(r *rig) (*node, func()) {
			c := r.natsClient(r.nodes[0], "")
			var subs, unsubs []byte
			for i := range n {
				subs = fmt.Appendf(subs, "SUB a.%d s%d\r\n", i, i)
				unsubs = fmt.Appendf(unsubs, "UNSUB s%d\r\n", i)
			}
			return r.nodes[0], func() { r.send(c, subs); r.send(c, unsubs) }
		}})
	}
	return list
}

func natsCore() (list []scenario) {
	for _, subs := range []int{0, 1, 4} {
		list = append(list, ofSizes(fmt.Sprintf("pub to %d", subs), 1, func(r *rig, size int) (*node, func()) {
			for range subs {
				r.natsClient(r.nodes[0], "SUB a.b 1\r\n")
			}
			c, text := r.natsClient(r.nodes[0], ""), pub("a.b", size)
			return nil, func() { r.send(c, text) }
		})...)
	}
	return append(list, scenario{"pub to 1 x100/128", 1, func(r *rig) (*node, func()) {
		r.natsClient(r.nodes[0], "SUB a.b 1\r\n")
		c, text := r.natsClient(r.nodes[0], ""), bytes.Repeat(pub("a.b", 128), 100)
		return nil, func() { r.send(c, text) }
	}}, scenario{"queue of 4/128", 1, func(r *rig) (*node, func()) {
		for range 4 {
			r.natsClient(r.nodes[0], "SUB a.b q 1\r\n")
		}
		c, text := r.natsClient(r.nodes[0], ""), pub("a.b", 128)
		return nil, func() { r.send(c, text) }
	}}, scenario{"request and reply/128", 1, func(r *rig) (*node, func()) {
		service := r.natsClient(r.nodes[0], "SUB svc 1\r\n")
		c, ask, answer := r.natsClient(r.nodes[0], "SUB in.1 1\r\n"), pub("svc in.1", 128), pub("in.1", 128)
		return nil, func() { r.send(c, ask); r.send(service, answer) }
	}})
}

func natsRoute() (list []scenario) {
	for i, name := range []string{"route to", "route from"} {
		list = append(list, ofSizes(name, 2, func(r *rig, size int) (*node, func()) {
			r.natsClient(r.nodes[1], "SUB a.b 1\r\n")
			c, text := r.natsClient(r.nodes[0], ""), pub("a.b", size)
			return r.nodes[i], func() { r.send(c, text) }
		})...)
	}
	return list
}

func natsPublish() (list []scenario) {
	// publish is times publishes in one read, to a stream of n replicas; who is what of it to measure.
	publish := func(times int, who func(leader, follower *node) *node) func(r *rig, size int) (*node, func()) {
		return func(r *rig, size int) (*node, func()) {
			leader, follower, c := r.natsStreaming()
			text := bytes.Repeat(pub("S.a in", size), times)
			return who(leader, follower), func() { r.send(c, text) }
		}
	}
	leads := func(leader, _ *node) *node { return leader }
	follows := func(_, follower *node) *node { return follower }
	for _, n := range []int{1, 100} {
		for _, row := range []struct {
			name  string
			nodes int
			who   func(leader, follower *node) *node
		}{{"stream R1", 1, leads}, {"stream R3 leader", 3, leads}, {"stream R3 follower", 3, follows}} {
			build := publish(n, row.who)
			if n == 1 {
				list = append(list, ofSizes(row.name, row.nodes, build)...)
				continue
			}
			list = append(list, scenario{fmt.Sprintf("%s x%d/128", row.name, n), row.nodes, func(r *rig) (*node, func()) { return build(r, 128) }})
		}
	}
	list = append(list, scenario{"stream R1 with an id/128", 1, func(r *rig) (*node, func()) {
		_, _, c := r.natsStreaming()
		id := 0
		return nil, func() {
			id++
			header := wire.AppendHeader(nil, "Nats-Msg-Id", fmt.Sprintf("%09d", id))
			r.send(c, fmt.Appendf(nil, "HPUB S.a in %d %d\r\n%s%0128d\r\n", len(header), len(header)+128, header, 0))
		}
	}})
	return append(list, ofSizes("stream get", 1, func(r *rig, size int) (*node, func()) {
		_, _, c := r.natsStreaming()
		r.send(c, pub("S.a in", size))
		return nil, func() { r.natsRequest(c, "$JS.API.STREAM.MSG.GET.S", `{"seq":1}`) }
	})...)
}

// fetching is a consumer C of a stream S, of which 100 messages are fetched at a time; acks holds the acks of those.
type fetching struct {
	*rig
	c    *conn
	more []byte
	acks [][]byte
}

func newFetching(r *rig) *fetching {
	_, _, c := r.natsStreaming()
	x := &fetching{rig: r, c: c, more: bytes.Repeat(pub("S.a", 128), 100)}
	r.natsRequest(c, "$JS.API.CONSUMER.CREATE.S.C", `{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit","ack_wait":1000000000}}`)
	c.hear = func(out []byte) {
		for _, line := range bytes.Split(out, []byte("\r\n")) {
			if f := bytes.Fields(line); len(f) == 5 && string(f[0]) == "MSG" {
				x.acks = append(x.acks, fmt.Appendf(nil, "PUB %s 4\r\n+ACK\r\n", f[3]))
			}
		}
	}
	return x
}

func (x *fetching) fetch() {
	x.acks = x.acks[:0]
	x.natsRequest(x.c, "$JS.API.CONSUMER.MSG.NEXT.S.C", `{"batch":100}`)
}

func (x *fetching) whole() {
	if len(x.acks) != 100 {
		x.fail("%d deliveries of 100", len(x.acks))
	}
}

func (x *fetching) ack() {
	x.whole()
	for _, text := range x.acks {
		x.send(x.c, text)
	}
}

func natsConsumer() []scenario {
	return []scenario{
		{"fetch of 100/128", 1, func(r *rig) (*node, func()) {
			x := newFetching(r)
			return nil, func() {
				x.off(func() { x.send(x.c, x.more) })
				x.fetch()
				x.off(x.ack)
			}
		}},
		{"100 acks", 1, func(r *rig) (*node, func()) {
			x := newFetching(r)
			return nil, func() {
				x.off(func() { x.send(x.c, x.more); x.fetch() })
				x.ack()
			}
		}},
		{"redelivery of 100/128", 1, func(r *rig) (*node, func()) {
			x := newFetching(r)
			x.send(x.c, x.more)
			x.fetch()
			return nil, func() {
				x.whole()
				x.off(x.fetch) // there is nothing new: it waits
				x.advance(2 * sec)
			}
		}},
	}
}

func natsTick() (list []scenario) {
	for _, groups := range []int{1, 300} {
		list = append(list, scenario{fmt.Sprintf("tick, %d groups", groups), 1, func(r *rig) (*node, func()) {
			for i := range groups - 1 { // and the cluster's own
				r.natsStream(fmt.Sprintf("S%d", i))
			}
			return nil, func() { r.advance(100 * ms) }
		}})
	}
	return append(list, scenario{"tick, leader of 3", 3, func(r *rig) (*node, func()) {
		leader, _, _ := r.natsStreaming()
		return leader, func() { r.advance(100 * ms) }
	}})
}
