package broker

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// BenchmarkStep is what Step takes by kind of input, from the input to the last step that follows from it, with the work
// that the steps charge.
func BenchmarkStep(b *testing.B) {
	b.Run("parse", benchmarkParse)
	b.Run("core", benchmarkCore)
	b.Run("route", benchmarkRoute)
	b.Run("stream", benchmarkStream)
	b.Run("consumer", benchmarkConsumer)
	b.Run("tick", benchmarkTick)
	writeStepTable(b)
}

var payloads = []int{16, 128, 1 << 10, 16 << 10}

func pub(subject string, size int) []byte {
	return fmt.Appendf(nil, "PUB %s %d\r\n%s\r\n", subject, size, bytes.Repeat([]byte("x"), size))
}

func ofSizes(b *testing.B, name string, run func(b *testing.B, size int)) {
	for _, size := range payloads {
		b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) { run(b, size) })
	}
}

func benchmarkParse(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("ping x%d", n), func(b *testing.B) {
			r := newRig(b, 1)
			c, text := r.connect(r.nodes[0], ""), bytes.Repeat([]byte("PING\r\n"), n)
			r.measure(nil, func() { r.send(c, text) })
		})
	}
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("sub and unsub x%d", n), func(b *testing.B) {
			r := newRig(b, 2)
			c := r.connect(r.nodes[0], "")
			var subs, unsubs []byte
			for i := range n {
				subs = fmt.Appendf(subs, "SUB a.%d s%d\r\n", i, i)
				unsubs = fmt.Appendf(unsubs, "UNSUB s%d\r\n", i)
			}
			r.measure(r.nodes[0], func() { r.send(c, subs); r.send(c, unsubs) })
		})
	}
}

func benchmarkCore(b *testing.B) {
	for _, subs := range []int{0, 1, 4} {
		ofSizes(b, fmt.Sprintf("pub to %d", subs), func(b *testing.B, size int) {
			r := newRig(b, 1)
			for range subs {
				r.connect(r.nodes[0], "SUB a.b 1\r\n")
			}
			c, text := r.connect(r.nodes[0], ""), pub("a.b", size)
			r.measure(nil, func() { r.send(c, text) })
		})
	}
	b.Run("pub to 1 x100/128", func(b *testing.B) {
		r := newRig(b, 1)
		r.connect(r.nodes[0], "SUB a.b 1\r\n")
		c, text := r.connect(r.nodes[0], ""), bytes.Repeat(pub("a.b", 128), 100)
		r.measure(nil, func() { r.send(c, text) })
	})
	b.Run("queue of 4/128", func(b *testing.B) {
		r := newRig(b, 1)
		for range 4 {
			r.connect(r.nodes[0], "SUB a.b q 1\r\n")
		}
		c, text := r.connect(r.nodes[0], ""), pub("a.b", 128)
		r.measure(nil, func() { r.send(c, text) })
	})
	b.Run("request and reply/128", func(b *testing.B) {
		r := newRig(b, 1)
		service := r.connect(r.nodes[0], "SUB svc 1\r\n")
		c, ask, answer := r.connect(r.nodes[0], "SUB in.1 1\r\n"), pub("svc in.1", 128), pub("in.1", 128)
		r.measure(nil, func() { r.send(c, ask); r.send(service, answer) })
	})
}

func benchmarkRoute(b *testing.B) {
	for i, name := range []string{"to", "from"} {
		ofSizes(b, name, func(b *testing.B, size int) {
			r := newRig(b, 2)
			r.connect(r.nodes[1], "SUB a.b 1\r\n")
			c, text := r.connect(r.nodes[0], ""), pub("a.b", size)
			r.measure(r.nodes[i], func() { r.send(c, text) })
		})
	}
}

// streaming is a stream S of nodes replicas, and a client of its leader.
func streaming(b testing.TB, nodes int) (r *rig, leader, follower *rigNode, c *rigConn) {
	r = newRig(b, nodes)
	leader = r.stream("S")
	for _, n := range r.nodes {
		if n != leader {
			follower = n
		}
	}
	return r, leader, follower, r.connect(leader, "SUB in 1\r\n")
}

func benchmarkStream(b *testing.B) {
	ofSizes(b, "R1", func(b *testing.B, size int) {
		r, _, _, c := streaming(b, 1)
		text := pub("S.a in", size)
		r.measure(nil, func() { r.send(c, text) })
	})
	ofSizes(b, "R3 leader", func(b *testing.B, size int) {
		r, leader, _, c := streaming(b, 3)
		text := pub("S.a in", size)
		r.measure(leader, func() { r.send(c, text) })
	})
	ofSizes(b, "R3 follower", func(b *testing.B, size int) {
		r, _, follower, c := streaming(b, 3)
		text := pub("S.a in", size)
		r.measure(follower, func() { r.send(c, text) })
	})
	b.Run("R1 x100/128", func(b *testing.B) {
		r, _, _, c := streaming(b, 1)
		text := bytes.Repeat(pub("S.a in", 128), 100)
		r.measure(nil, func() { r.send(c, text) })
	})
	b.Run("R3 leader x100/128", func(b *testing.B) {
		r, leader, _, c := streaming(b, 3)
		text := bytes.Repeat(pub("S.a in", 128), 100)
		r.measure(leader, func() { r.send(c, text) })
	})
	b.Run("R3 follower x100/128", func(b *testing.B) {
		r, _, follower, c := streaming(b, 3)
		text := bytes.Repeat(pub("S.a in", 128), 100)
		r.measure(follower, func() { r.send(c, text) })
	})
	b.Run("R1 with an id/128", func(b *testing.B) {
		r, _, _, c := streaming(b, 1)
		id := 0
		r.measure(nil, func() {
			id++
			header := wire.AppendHeader(nil, "Nats-Msg-Id", fmt.Sprintf("%09d", id))
			r.send(c, fmt.Appendf(nil, "HPUB S.a in %d %d\r\n%s%0128d\r\n", len(header), len(header)+128, header, 0))
		})
	})
	ofSizes(b, "get", func(b *testing.B, size int) {
		r, _, _, c := streaming(b, 1)
		r.send(c, pub("S.a in", size))
		r.measure(nil, func() { r.request(c, apiMsgGet+"S", `{"seq":1}`) })
	})
}

// consuming100 is a consumer C with 100 messages for each fetch; the acks of what was fetched are in acks.
type consuming100 struct {
	*rig
	c    *rigConn
	more []byte
	acks [][]byte
}

func newConsuming100(b *testing.B) *consuming100 {
	r, _, _, c := streaming(b, 1)
	x := &consuming100{rig: r, c: c, more: bytes.Repeat(pub("S.a", 128), 100)}
	r.request(c, "$JS.API.CONSUMER.CREATE.S.C", `{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit","ack_wait":1000000000}}`)
	c.hear = func(out []byte) {
		for _, line := range bytes.Split(out, []byte("\r\n")) {
			if f := bytes.Fields(line); len(f) == 5 && string(f[0]) == "MSG" {
				x.acks = append(x.acks, fmt.Appendf(nil, "PUB %s 4\r\n+ACK\r\n", f[3]))
			}
		}
	}
	return x
}

func (x *consuming100) fetch() {
	x.acks = x.acks[:0]
	x.request(x.c, "$JS.API.CONSUMER.MSG.NEXT.S.C", `{"batch":100}`)
}

func (x *consuming100) ack() {
	if len(x.acks) != 100 {
		x.b.Fatalf("%d deliveries of 100", len(x.acks))
	}
	for _, text := range x.acks {
		x.send(x.c, text)
	}
}

func benchmarkConsumer(b *testing.B) {
	b.Run("fetch of 100/128", func(b *testing.B) {
		x := newConsuming100(b)
		x.measure(nil, func() {
			x.off(func() { x.send(x.c, x.more) })
			x.fetch()
			x.off(x.ack)
		})
	})
	b.Run("100 acks", func(b *testing.B) {
		x := newConsuming100(b)
		x.measure(nil, func() {
			x.off(func() { x.send(x.c, x.more); x.fetch() })
			x.ack()
		})
	})
	b.Run("redelivery of 100/128", func(b *testing.B) {
		x := newConsuming100(b)
		x.send(x.c, x.more)
		x.fetch()
		x.measure(nil, func() {
			if len(x.acks) != 100 {
				b.Fatalf("%d deliveries of 100", len(x.acks))
			}
			x.off(x.fetch) // there is nothing new: it waits
			n := x.nodes[0]
			n.env.Mono += 2 * machine.Mono(sec)
			x.hand(n, machine.Input{Kind: machine.TimerFired, Timer: machine.TimerKey{Kind: timerConsumers, ID: n.m.groups[1].id}})
			x.settle()
		})
	})
}

func benchmarkTick(b *testing.B) {
	for _, groups := range []int{1, 1000} {
		b.Run(fmt.Sprintf("%d groups", groups), func(b *testing.B) {
			r := newRig(b, 1)
			for i := range groups - 1 { // and meta
				r.stream(fmt.Sprintf("S%d", i))
			}
			r.measure(nil, r.tick)
		})
	}
	b.Run("leader of 3", func(b *testing.B) {
		r, leader, _, _ := streaming(b, 3)
		r.measure(leader, r.tick)
	})
}

func TestAPublishChargesWhatIsDoneForItOnce(t *testing.T) {
	for _, c := range []struct {
		nodes, publishes int
		want             string
	}{
		// One node's four Raft messages are the proposal, the two that follow when the append is durable, and the one that
		// follows its application. Encoded are the command, the entry, the hard state with it, and an append to each follower.
		{1, 1, "parse 1, route 2, deliver 1, raft 4, encode 3, apply 1, store 1"},
		{1, 10, "parse 10, route 20, deliver 10, raft 4, encode 12, apply 10, store 10"},
		{3, 1, "parse 1, route 2, deliver 1, raft 7, encode 6, apply 1, store 1"},
	} {
		r, leader, _, client := streaming(t, c.nodes)
		r.send(client, pub("S.a in", 100))
		r.meter = meter{on: true, only: leader}
		r.send(client, bytes.Repeat(pub("S.a in", 100), c.publishes))
		var got []string
		for k, w := range r.meter.work {
			if w.Count > 0 {
				got = append(got, fmt.Sprintf("%s %d", machine.WorkKind(k), w.Count))
			}
		}
		require.Equal(t, c.want, strings.Join(got, ", "), "%d nodes, %d publishes", c.nodes, c.publishes)
	}
}
