package broker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
)

const pressLimit = 4000

// press is a broker whose clients all publish and subscribe, and the driver of their connections: what the broker wrote waits
// until a client reads, and is reported by the rule of both drivers.
type press struct {
	m     *mesh
	conns []*pressConn
}

type pressConn struct {
	*meshConn
	gone   int64 // bytes that the client has read
	told   int64 // backlog as reported
	toldAt machine.Mono
}

func (c *pressConn) waits() int64 { return c.sent - c.gone }

func newPress() *press {
	p := &press{m: makeMesh(1, func(c *Config) { c.MaxPending = pressLimit })}
	p.m.quiet = true
	return p
}

func (p *press) connect() {
	c := &pressConn{meshConn: p.m.connect(fmt.Sprint("c", len(p.conns)), "n1", "")}
	p.conns = append(p.conns, c)
	p.m.bytes(c.meshConn, "SUB a first\r\n")
}

func (p *press) alive() (cs []*pressConn) {
	for _, c := range p.conns {
		if !c.ended {
			cs = append(cs, c)
		}
	}
	return cs
}

// report tells the broker what it has to hear; left says that bytes have left just now.
func (p *press) report(c *pressConn, left bool) {
	age := int64(0)
	if left {
		age = int64(p.m.now - c.toldAt)
	}
	if !c.ended && machine.BacklogNews(c.told, c.waits(), age) {
		c.told, c.toldAt = c.waits(), p.m.now
		p.m.step(c.node, &machine.Input{Kind: machine.ConnDrained, Conn: c.buf.ID, N: c.waits(), Sent: c.gone})
	}
}

func (p *press) reportAll() {
	for _, c := range p.conns {
		p.report(c, false)
	}
}

// say is one read from a client, unless it is not read from.
func (p *press) say(c *pressConn, text string) {
	if !c.paused && !c.ended {
		p.m.bytes(c.meshConn, text)
		p.reportAll()
	}
}

func (p *press) read(c *pressConn, n int64) {
	if n = min(n, c.waits()); n > 0 {
		c.gone += n
		p.report(c, true)
	}
}

// check holds what is true at any time: what waits for a client is bounded, though the broker hears of it late, and
// nobody is kept waiting for long.
func (p *press) check(fatal func(string, ...any)) {
	b := p.m.nodes[0].m.(*Broker)
	for _, c := range p.alive() {
		if c.waits() > 2*pressLimit+6000 {
			fatal("%d bytes wait for %s", c.waits(), c.name)
		}
		own := b.conns[c.buf.ID]
		if own.paused != c.paused {
			fatal("%s is paused: %v, and the broker thinks %v", c.name, c.paused, own.paused)
		}
		if at, ok := c.node.timers[own.timer(timerPause)]; c.paused && (!ok || at > p.m.now+100*ms) {
			fatal("%s is paused at %d, until %d", c.name, p.m.now, at)
		}
		for _, g := range own.behind {
			held := 0
			for _, h := range g.held {
				if h == own {
					held++
				}
			}
			if held != 1 {
				fatal("%s is %d times behind a gate", c.name, held)
			}
		}
		for _, h := range own.flow.held {
			if h.closed || b.conns[h.id] != h {
				fatal("a closed client is behind %s's gate", c.name)
			}
		}
	}
}

func TestBackPressureIsBoundedAndNobodyWaitsForEver(t *testing.T) {
	subjects := []string{"a", "b"}
	rapid.Check(t, func(t *rapid.T) {
		p := newPress()
		for range 4 {
			p.connect()
		}
		pick := func() *pressConn {
			cs := p.alive()
			if len(cs) == 0 {
				t.Skip("everybody is gone")
			}
			return cs[rapid.IntRange(0, len(cs)-1).Draw(t, "who")]
		}
		t.Repeat(map[string]func(*rapid.T){
			"connect": func(t *rapid.T) {
				if len(p.conns) > 12 {
					t.Skip("enough")
				}
				p.connect()
			},
			"subscribe": func(t *rapid.T) {
				c := pick()
				p.say(c, fmt.Sprintf("SUB %s %d\r\n", rapid.SampledFrom(subjects).Draw(t, "filter"), len(c.got)))
			},
			"publish": func(t *rapid.T) {
				size := rapid.IntRange(0, 900).Draw(t, "size")
				msg := fmt.Sprintf("PUB %s %d\r\n%s\r\n", rapid.SampledFrom(subjects).Draw(t, "subject"), size, strings.Repeat("x", size))
				p.say(pick(), strings.Repeat(msg, rapid.IntRange(1, 6).Draw(t, "how many")))
			},
			"ping": func(t *rapid.T) { p.say(pick(), "PING\r\n") },
			"read": func(t *rapid.T) { p.read(pick(), rapid.Int64Range(1, 2*pressLimit).Draw(t, "bytes")) },
			"wait": func(t *rapid.T) { p.m.wait(time.Duration(rapid.Int64Range(1, 3*sec).Draw(t, "wait"))) },
			"leave": func(t *rapid.T) {
				c := pick()
				c.ended = true
				p.m.step(c.node, &machine.Input{Kind: machine.ConnClosed, Conn: c.buf.ID})
			},
			"": func(t *rapid.T) { p.check(t.Fatalf) },
		})
		// Everybody reads everything: nobody is held any more.
		for range 3 {
			for _, c := range p.alive() {
				p.read(c, 1<<40)
			}
		}
		p.m.wait(time.Second)
		b := p.m.nodes[0].m.(*Broker)
		for _, c := range p.alive() {
			own := b.conns[c.buf.ID]
			if c.paused || len(own.behind) > 0 || len(own.flow.held) > 0 {
				t.Fatalf("%s: paused %v, behind %d gates, holds %d", c.name, c.paused, len(own.behind), len(own.flow.held))
			}
		}
	})
}

// What a quick reader is sent leaves at once, and no report says so: its producers must not wait for one.
func TestNobodyIsHeldForOutputThatNeverWaited(t *testing.T) {
	p := newPress()
	p.connect()
	a := p.conns[0]
	size := pressLimit * 3 / 4
	p.m.bytes(a.meshConn, fmt.Sprintf("PUB a %d\r\n%s\r\n", size, strings.Repeat("x", size)))
	require.False(t, a.ended)
	require.False(t, a.paused)
}

// Two clients that feed each other, each reading only when it is not writing, cannot wait for each other for ever.
func TestTwoClientsThatFeedEachOtherAreBothReadFrom(t *testing.T) {
	p := newPress()
	p.connect()
	p.connect()
	a, b := p.conns[0], p.conns[1]
	p.say(a, "SUB a 1\r\n")
	p.say(b, "SUB b 1\r\n")
	size := 100
	held, reads := false, 0
	for range 60 { // neither reads
		if held = held || a.paused; held && !a.paused {
			reads++
		}
		p.say(a, fmt.Sprintf("PUB b %d\r\n%s\r\n", size, strings.Repeat("x", size)))
		p.say(b, fmt.Sprintf("PUB a %d\r\n%s\r\n", size, strings.Repeat("x", size)))
		p.m.wait(50 * time.Millisecond)
		p.reportAll()
	}
	require.Greater(t, reads, 1, "reads since it was first held")
	require.True(t, a.ended || b.ended, "more waits than may, and nobody was cut")
	for _, c := range p.alive() {
		p.say(c, "PING\r\n")
		require.Equal(t, "PONG", c.got[len(c.got)-1])
	}
}

// A client that publishes to a stream faster than its leader proposes is held, and no longer than that lasts.
func TestAProducerIsHeldWhileItsPublishesWaitToBeProposed(t *testing.T) {
	s := single(t, func(c *Config) { c.MaxQueue, c.MaxBatch = 10_000, 1000 })
	s.quiet(5)
	c, other := s.open("in"), s.open("other")
	s.create(c, "S")
	own := s.m.(*Broker).conns[c.ID]
	text := fmt.Sprintf("PUB S in 900\r\n%s\r\n", strings.Repeat("x", 900))
	for range 7 { // two are proposed at once
		s.bytes(c, text)
	}
	require.False(t, own.paused)
	s.bytes(c, text)
	require.True(t, own.paused)
	s.bytes(other, "PING\r\n")
	require.False(t, s.m.(*Broker).conns[other.ID].paused)
	s.quiet(1)
	require.False(t, own.paused)
	require.Empty(t, own.behind)
}
