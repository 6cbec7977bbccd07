package drive

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/brokerlab/brokerlab/impl/broker"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Core messaging over real sockets, with nats.go.

// seen passes on observations of the kinds wanted.
func seen(kinds ...machine.ObsKind) (func(machine.Wall, machine.Observation), chan machine.Observation) {
	ch := make(chan machine.Observation, 1<<16)
	return func(_ machine.Wall, o machine.Observation) {
		if slices.Contains(kinds, o.Kind) {
			ch <- o
		}
	}, ch
}

// await takes from ch until one is as wanted.
func await[T any](t *testing.T, ch chan T, what string, ok func(T) bool) T {
	t.Helper()
	for timeout := time.After(deadline); ; {
		select {
		case v := <-ch:
			if ok(v) {
				return v
			}
		case <-timeout:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func any1[T any](T) bool { return true }

// brokerNode starts node i+1 of the cluster of routes, which are sorted.
func brokerNode(t *testing.T, routes []string, i int, o Options) *Server {
	t.Helper()
	o.Cluster, o.Routes = routes[i], routes
	return testBroker(t, o)
}

func sortedPorts(t *testing.T, n int) []string {
	routes := freePorts(t, n)
	slices.Sort(routes)
	return routes
}

func TestAClientLearnsOfNodesThatComeAndMovesToOneWhenItsOwnStops(t *testing.T) {
	routes := sortedPorts(t, 3)
	first := brokerNode(t, routes, 0, Options{})
	discovered, lame, back := make(chan []string, 16), make(chan bool, 16), make(chan string, 16)
	nc, err := nats.Connect(first.Addr().String(), nats.ReconnectWait(time.Millisecond),
		nats.DiscoveredServersHandler(func(nc *nats.Conn) { discovered <- nc.DiscoveredServers() }),
		nats.LameDuckModeHandler(func(*nats.Conn) { lame <- true }),
		nats.ReconnectHandler(func(nc *nats.Conn) { back <- nc.ConnectedAddr() }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if got := nc.DiscoveredServers(); len(got) != 0 {
		t.Fatalf("nobody else is up, and the client was told of %v", got)
	}
	var addrs []string
	for i := 1; i < 3; i++ {
		addrs = append(addrs, brokerNode(t, routes, i, Options{}).Addr().String())
		got := await(t, discovered, "a node", func(urls []string) bool { return len(urls) == i })
		for _, a := range addrs {
			if !slices.Contains(got, "nats://"+a) {
				t.Fatalf("the client knows %v, without %s", got, a)
			}
		}
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	await(t, lame, "word that the node stops", any1)
	if at := await(t, back, "the next connection", any1); !slices.Contains(addrs, at) {
		t.Fatalf("the client went to %s, not to one of %v", at, addrs)
	}
	if m := nc.Statistics.Reconnects; m != 1 {
		t.Fatalf("%d reconnects", m)
	}
}

func TestAQueueGroupOverThreeNodesGetsEachMessageOnce(t *testing.T) {
	routes := sortedPorts(t, 3)
	observe, interests := seen(machine.Interest)
	first := brokerNode(t, routes, 0, Options{Observe: observe})
	servers := []*Server{first, brokerNode(t, routes, 1, Options{}), brokerNode(t, routes, 2, Options{})}
	const members, n = 6, 3000
	var arrived [members]chan *nats.Msg // of one member everything, in the order of its arrival
	for i := range members {
		nc := connect(t, servers[i%3].Addr().String())
		arrived[i] = make(chan *nats.Msg, n+1)
		_, err := nc.ChanQueueSubscribe("work.*", "g", arrived[i])
		_, err2 := nc.ChanSubscribe(fmt.Sprint("end.", i), arrived[i])
		if err := errors.Join(err, err2, nc.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	for range members { // known at the publisher's node behind the interest of the same client in the group
		await(t, interests, "interest", func(o machine.Observation) bool { return strings.HasPrefix(o.Subject, "end.") })
	}
	pub := connect(t, first.Addr().String())
	for i := range n {
		pub.Publish("work.x", fmt.Append(nil, i))
	}
	for i := range members { // to each by the way that its messages went
		pub.Publish(fmt.Sprint("end.", i), nil)
	}
	if err := pub.Flush(); err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for i, ch := range arrived {
		got := 0
		await(t, ch, "the end", func(m *nats.Msg) bool {
			if m.Subject == "work.x" {
				got++
				times[string(m.Data)]++
			}
			return strings.HasPrefix(m.Subject, "end.")
		})
		if got < n/members/2 {
			t.Errorf("member %d got %d of %d", i, got, n)
		}
	}
	for i := range n {
		if got := times[itoa(i)]; got != 1 {
			t.Fatalf("message %d arrived %d times", i, got)
		}
	}
}

// tap is a client's connection that can be made deaf, or dumb as far as PONGs go.
type tap struct {
	net.Conn
	deaf *atomic.Pointer[chan struct{}] // reads wait for it
	dumb bool
}

func (c *tap) Read(p []byte) (int, error) {
	if ch := c.deaf.Load(); ch != nil {
		<-*ch
	}
	return c.Conn.Read(p)
}

func (c *tap) Write(p []byte) (int, error) {
	if c.dumb && bytes.Contains(p, []byte("PONG")) {
		_, err := c.Conn.Write(bytes.ReplaceAll(p, []byte("PONG\r\n"), nil))
		return len(p), err
	}
	return c.Conn.Write(p)
}

type tapDialer struct {
	deaf  atomic.Pointer[chan struct{}]
	dials atomic.Int32
	dumb  bool // the first connection
}

func (d *tapDialer) Dial(network, addr string) (net.Conn, error) {
	nc, err := net.Dial(network, addr)
	return &tap{nc, &d.deaf, d.dumb && d.dials.Add(1) == 1}, err
}

func TestAClientThatDoesNotAnswerPingsIsStaleAndComesBack(t *testing.T) {
	s := testBroker(t, Options{Broker: func(c *broker.Config) { c.PingInterval = int64(20 * time.Millisecond) }})
	lost, back := make(chan error, 16), make(chan bool, 16)
	nc, err := nats.Connect(s.Addr().String(), nats.SetCustomDialer(&tapDialer{dumb: true}), nats.ReconnectWait(time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { lost <- err }),
		nats.ReconnectHandler(func(*nats.Conn) { back <- true }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := await(t, lost, "the end of a stale connection", any1); !errors.Is(err, nats.ErrStaleConnection) {
		t.Fatalf("it ended with %v", err)
	}
	await(t, back, "the next connection", any1)
	for range 5 { // this one answers
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAClientThatStopsReadingIsCutAndComesBack(t *testing.T) {
	for why, tune := range map[string]func(*broker.Config){
		"connection: Slow Consumer":                  func(c *broker.Config) { c.MaxPending, c.WriteDeadline = 1<<20, 1e18 },
		"connection: Slow Consumer (write deadline)": func(c *broker.Config) { c.WriteDeadline = int64(50 * time.Millisecond) },
	} {
		t.Run(why, func(t *testing.T) {
			observe, cuts := seen(machine.Dropped)
			s := testBroker(t, Options{Observe: observe, Broker: tune})
			d := &tapDialer{}
			lost, back := make(chan error, 16), make(chan bool, 16)
			slow, err := nats.Connect(s.Addr().String(), nats.SetCustomDialer(d), nats.Name("slow"), nats.ReconnectWait(time.Millisecond),
				nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { lost <- err }),
				nats.ReconnectHandler(func(*nats.Conn) { back <- true }))
			if err != nil {
				t.Fatal(err)
			}
			defer slow.Close()
			got := make(chan *nats.Msg, 1<<16)
			if _, err := slow.ChanSubscribe("blast", got); err != nil {
				t.Fatal(err)
			}
			if err := slow.Flush(); err != nil {
				t.Fatal(err)
			}
			hear := make(chan struct{})
			d.deaf.Store(&hear)
			pub := connect(t, s.Addr().String())
			payload := make([]byte, 64<<10)
			stop := make(chan struct{})
			var done sync.WaitGroup
			done.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						pub.Publish("blast", payload)
					}
				}
			})
			o := await(t, cuts, "the cut", func(o machine.Observation) bool { return strings.HasPrefix(o.Why, "connection: Slow") })
			close(stop)
			done.Wait()
			if o.Why != why || o.Client != "slow" {
				t.Fatalf("%q was cut for %q", o.Client, o.Why)
			}
			d.deaf.Store(nil)
			close(hear)
			await(t, lost, "the end of the connection", any1)
			await(t, back, "the next one", any1)
			if err := pub.Flush(); err != nil { // nothing became of the producer
				t.Fatal(err)
			}
		})
	}
}

// watched is a broker of which a test sees what it does to its clients.
type watched struct {
	machine.Machine
	paused  chan machine.ConnID
	pauses  atomic.Int64
	waiting atomic.Int64 // the most that waited for a connection
}

func (w *watched) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	if in.Kind == machine.ConnDrained && in.N > w.waiting.Load() {
		w.waiting.Store(in.N)
	}
	before := len(fx.Pauses)
	w.Machine.Step(env, in, fx)
	for _, p := range fx.Pauses[before:] {
		if p.On {
			w.pauses.Add(1)
			select {
			case w.paused <- p.Conn:
			default:
			}
		}
	}
}

func watchedBroker(t *testing.T, tune func(*broker.Config)) (*Server, *watched) {
	t.Helper()
	w := &watched{paused: make(chan machine.ConnID, 1)}
	c := broker.Config{Node: 1, Nodes: []machine.NodeID{1}}
	tune(&c)
	return testServer(t, Config{Boot: func(env *machine.Env, image machine.Image, fx *machine.Effects) (machine.Machine, error) {
		var err error
		w.Machine, err = broker.Boot(c)(env, image, fx)
		return w, err
	}}), w
}

// rawClient says lines and reads messages without any library that would buffer for it.
type rawClient struct {
	net.Conn
	r *bufio.Reader
}

func dialRaw(t *testing.T, addr, hello string) *rawClient {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(timeIn(deadline))
	c := &rawClient{nc, bufio.NewReaderSize(nc, 64<<10)}
	fmt.Fprintf(c, "CONNECT {\"verbose\":false}\r\n%sPING\r\n", hello)
	for line := ""; line != "PONG\r\n"; {
		if line, err = c.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// A blast at a reader that is slow but reads: its producer is slowed to its pace, memory stays within the limit, and nothing
// is lost.
func TestAProducerIsSlowedToThePaceOfWhoReadsAndMemoryStaysBounded(t *testing.T) {
	const limit, size, n = 8 << 20, 32 << 10, 3000
	s, w := watchedBroker(t, func(c *broker.Config) { c.MaxPending = limit })
	slow := dialRaw(t, s.Addr().String(), "SUB a 1\r\n")
	pub := dialRaw(t, s.Addr().String(), "")
	sent := make(chan error, 1)
	go func() {
		pad := strings.Repeat("x", size-8)
		for i := range n {
			if _, err := fmt.Fprintf(pub, "PUB a %d\r\n%08d%s\r\n", size, i, pad); err != nil {
				sent <- err
				return
			}
		}
		_, err := io.WriteString(pub, "PING\r\n")
		sent <- err
	}()
	await(t, w.paused, "the producer to be held", any1) // until then nothing is read
	for i := range n {
		line, err := slow.r.ReadString('\n')
		if want := fmt.Sprintf("MSG a 1 %d\r\n", size); err != nil || line != want {
			t.Fatalf("message %d: %q, %v", i, line, err)
		}
		body := make([]byte, size+2)
		if _, err := io.ReadFull(slow.r, body); err != nil || number(strings.TrimLeft(string(body[:8]), "0")+"0") != i*10 {
			t.Fatalf("message %d begins with %q: %v", i, body[:8], err)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if line, err := pub.r.ReadString('\n'); line != "PONG\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if most := w.waiting.Load(); most > limit || most < limit/2 {
		t.Fatalf("%d bytes waited, the limit is %d", most, limit)
	}
	t.Logf("held %d times, at most %d bytes waited", w.pauses.Load(), w.waiting.Load())
}

// A client that writes without reading, to itself, is read from all the same until it is cut: it does not hang.
func TestAClientThatFeedsItselfAndDoesNotReadIsCutRatherThanHeldForEver(t *testing.T) {
	s, w := watchedBroker(t, func(c *broker.Config) {
		c.MaxPending, c.WriteDeadline, c.MaxPause = 4<<20, int64(200*time.Millisecond), int64(10*time.Millisecond)
	})
	c := dialRaw(t, s.Addr().String(), "SUB a 1\r\n")
	pad := strings.Repeat("x", 32<<10)
	for {
		if _, err := fmt.Fprintf(c, "PUB a %d\r\n%s\r\n", len(pad), pad); errors.Is(err, errDeadline) {
			t.Fatal("it hangs")
		} else if err != nil {
			break
		}
	}
	if w.pauses.Load() == 0 {
		t.Fatal("it was never held back")
	}
}
