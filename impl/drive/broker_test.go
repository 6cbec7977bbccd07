package drive

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/brokerlab/brokerlab/impl/broker"
	"github.com/brokerlab/brokerlab/model/machine"
)

func connect(t testing.TB, addrs ...string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("nats://"+strings.Join(addrs, ",nats://"), nats.Timeout(deadline))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func limited(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	t.Cleanup(cancel)
	return ctx
}

func testBroker(t testing.TB, o Options) *Server {
	t.Helper()
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	o.Port = -1
	s, err := o.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestNATSClientsPublishSubscribeAndRequest(t *testing.T) {
	s := testBroker(t, Options{})
	a, b := connect(t, s.Addr().String()), connect(t, s.Addr().String())
	if _, err := a.Subscribe("greet.*", func(m *nats.Msg) {
		m.Respond([]byte("hello " + m.Subject + " " + string(m.Data)))
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	m, err := b.Request("greet.you", []byte("there"), deadline)
	if err != nil || string(m.Data) != "hello greet.you there" {
		t.Fatalf("got %v, %v", m, err)
	}
	if _, err := b.Request("nobody.here", nil, deadline); err != nats.ErrNoResponders {
		t.Fatalf("a request to nobody got %v", err)
	}
}

func TestAStreamIsMadeFilledAndReadWithTheJetStreamPackage(t *testing.T) {
	js, err := jetstream.New(connect(t, testBroker(t, Options{}).Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	ctx := limited(t)
	stream := makeStream(t, ctx, js, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}})
	for i := uint64(1); i <= 50; i++ {
		ack, err := js.Publish(ctx, fmt.Sprintf("orders.%d", i), fmt.Appendf(nil, "order %d", i))
		if err != nil || ack.Sequence != i || ack.Stream != "ORDERS" {
			t.Fatalf("publish %d: %+v, %v", i, ack, err)
		}
	}
	for i := uint64(1); i <= 50; i++ {
		m, err := stream.GetMsg(ctx, i)
		if err != nil || string(m.Data) != fmt.Sprintf("order %d", i) || m.Subject != fmt.Sprintf("orders.%d", i) {
			t.Fatalf("message %d: %+v, %v", i, m, err)
		}
	}
	info, err := stream.Info(ctx)
	if err != nil || info.State.Msgs != 50 || info.State.LastSeq != 50 {
		t.Fatalf("info: %+v, %v", info, err)
	}
}

func TestAStreamIsMadeFilledAndReadWithTheLegacyAPI(t *testing.T) {
	js, err := connect(t, testBroker(t, Options{}).Addr().String()).JetStream(nats.MaxWait(deadline))
	if err != nil {
		t.Fatal(err)
	}
	untilDone(t, limited(t), func() error {
		_, err := js.AddStream(&nats.StreamConfig{Name: "LEGACY", Subjects: []string{"old.>"}})
		return err
	})
	ack, err := js.Publish("old.style", []byte("works"))
	if err != nil || ack.Sequence != 1 {
		t.Fatalf("publish: %+v, %v", ack, err)
	}
	futures := make([]nats.PubAckFuture, 0, 200)
	for i := range 200 {
		f, err := js.PublishAsync("old.async", fmt.Appendf(nil, "%d", i))
		if err != nil {
			t.Fatal(err)
		}
		futures = append(futures, f)
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(deadline):
		t.Fatal("not all asynchronous publishes were acknowledged")
	}
	for i, f := range futures {
		ack := <-f.Ok()
		if ack.Sequence != uint64(i)+2 {
			t.Fatalf("publish %d was acknowledged as %d", i, ack.Sequence)
		}
	}
	m, err := js.GetMsg("LEGACY", 1)
	if err != nil || string(m.Data) != "works" {
		t.Fatalf("read: %+v, %v", m, err)
	}
}

// brokerEnv makes the test binary a broker: "dir|port|cluster|routes".
const brokerEnv = "DRIVE_TEST_BROKER"

func brokerChild(spec string) int {
	f := strings.Split(spec, "|")
	o := Options{StoreDir: f[0], Port: number(f[1]), Cluster: f[2], Broker: quick}
	if f[3] != "" {
		o.Routes = strings.Split(f[3], ",")
	}
	return runChild(o.Start())
}

// quick shortens elections, for tests that wait for them.
func quick(c *broker.Config) { c.TickEvery = 20 * 1e6 }

func TestAcknowledgedMessagesSurviveAKill(t *testing.T) {
	dir := t.TempDir()
	ctx := limited(t)
	acked := uint64(0)
	for boot := range 4 {
		cmd, addr := spawn(t, brokerEnv+"="+dir+"|-1||")
		js, err := jetstream.New(connect(t, addr))
		if err != nil {
			t.Fatal(err)
		}
		var stream jetstream.Stream
		if boot == 0 {
			stream = makeStream(t, ctx, js, jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept"}})
		}
		untilDone(t, ctx, func() error {
			short, cancel := context.WithTimeout(ctx, 500*time.Millisecond) // a stream without a leader does not answer
			defer cancel()
			stream, err = js.Stream(short, "KEPT")
			return err
		})
		for seq := uint64(1); seq <= acked; seq++ {
			if m, err := stream.GetMsg(ctx, seq); err != nil || string(m.Data) != fmt.Sprint(seq) {
				t.Fatalf("boot %d: message %d of %d acknowledged: %+v, %v", boot, seq, acked, m, err)
			}
		}
		for range 60 {
			ack, err := js.Publish(ctx, "kept", fmt.Append(nil, acked+1))
			if err != nil || ack.Sequence != acked+1 {
				t.Fatalf("boot %d: publish %d: %+v, %v", boot, acked+1, ack, err)
			}
			acked++
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
	}
}

// freePorts reserves n loopback addresses for as short a while as possible.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs
}

// spawned is a cluster of three processes, each with its directory below dir.
type spawned struct {
	dir   string
	start func(i int, port string) (kill func(), addr string)
	kills [3]func()
	addrs [3]string
}

func spawnCluster(t *testing.T) *spawned {
	routes := freePorts(t, 3)
	slices.Sort(routes) // so that the i-th is node i+1
	s := &spawned{dir: t.TempDir()}
	s.start = func(i int, port string) (kill func(), addr string) {
		cmd, addr := spawn(t, fmt.Sprintf("%s=%s|%s|%s|%s", brokerEnv, filepath.Join(s.dir, fmt.Sprint(i)), port, routes[i], strings.Join(routes, ",")))
		return func() {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
		}, addr
	}
	for i := range 3 {
		s.kills[i], s.addrs[i] = s.start(i, "-1")
	}
	return s
}

// again starts a node that was killed where clients look for it.
func (s *spawned) again(i int) {
	_, port, _ := net.SplitHostPort(s.addrs[i])
	s.kills[i], s.addrs[i] = s.start(i, port)
}

func TestANodeWhoseDirectoryIsGoneComesBackToItsCluster(t *testing.T) {
	s := spawnCluster(t)
	ctx := limited(t)
	nc := connect(t, s.addrs[:]...)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream := makeStream(t, ctx, js, jetstream.StreamConfig{Name: "R3", Subjects: []string{"r3"}, Replicas: 3})
	for n := range 60 {
		untilDone(t, ctx, func() error {
			_, err := js.Publish(ctx, "r3", []byte(fmt.Sprint("message ", n)), jetstream.WithMsgID(fmt.Sprint(n)))
			return err
		})
	}
	for i := range 3 {
		s.kills[i]()
		if err := os.RemoveAll(filepath.Join(s.dir, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		s.again(i)
		untilDone(t, ctx, func() error {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			answer, err := nc.RequestWithContext(short, "$JS.API.STREAM.INFO.R3", nil)
			if err != nil {
				return err
			}
			// The leader is none of its replicas.
			if !strings.Contains(string(answer.Data), fmt.Sprintf(`"name":"n%d","current":true,"active":0,"peer":"n%d.1"`, i+1, i+1)) {
				return fmt.Errorf("n%d is not back", i+1)
			}
			return nil
		})
	}
	for seq := uint64(1); seq <= 60; seq++ {
		untilDone(t, ctx, func() error {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			m, err := stream.GetMsg(short, seq)
			if err == nil && string(m.Data) != fmt.Sprint("message ", seq-1) {
				t.Fatalf("message %d is %q", seq, m.Data)
			}
			return err
		})
	}
}

func TestAClusterKeepsWhatItAcknowledgedWhenItsLeaderIsKilled(t *testing.T) {
	s := spawnCluster(t)
	ctx := limited(t)
	js, err := jetstream.New(connect(t, s.addrs[:]...))
	if err != nil {
		t.Fatal(err)
	}
	stream := makeStream(t, ctx, js, jetstream.StreamConfig{Name: "R3", Subjects: []string{"r3"}, Replicas: 3})
	acked := map[uint64]string{}
	publish := func(n int) {
		for range n {
			text := fmt.Sprint("message ", len(acked))
			untilDone(t, ctx, func() error {
				short, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				ack, err := js.Publish(short, "r3", []byte(text))
				if err == nil {
					acked[ack.Sequence] = text
				}
				return err
			})
		}
	}
	for round := range 3 {
		publish(40)
		info, err := stream.Info(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if info.Cluster == nil {
			t.Fatalf("the stream's leader is unknown: %+v", info)
		}
		leader := number(strings.TrimPrefix(info.Cluster.Leader, "n")) - 1
		s.kills[leader]()
		publish(20)
		for seq, text := range acked {
			untilDone(t, ctx, func() error {
				short, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				m, err := stream.GetMsg(short, seq)
				if err == nil && string(m.Data) != text {
					t.Fatalf("round %d: message %d is %q, acknowledged was %q", round, seq, m.Data, text)
				}
				return err
			})
		}
		s.again(leader)
	}
	if len(acked) < 180 {
		t.Fatalf("%d messages have sequence numbers of their own, 180 were acknowledged", len(acked))
	}
}

// makeStream makes a stream as soon as the cluster has a leader that can.
func makeStream(t testing.TB, ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig) (stream jetstream.Stream) {
	t.Helper()
	untilDone(t, ctx, func() (err error) {
		stream, err = js.CreateStream(ctx, cfg)
		return err
	})
	return stream
}

// untilDone tries until it is done or the context ends; each try waits for the broker itself.
func untilDone(t testing.TB, ctx context.Context, try func() error) {
	t.Helper()
	t.Helper()
	for last := ""; ; {
		err := try()
		if err == nil {
			return
		}
		if s := err.Error(); s != last {
			last = s
			t.Logf("not yet: %v", err)
		}
		if ctx.Err() != nil {
			t.Fatalf("never done: %v", err)
		}
	}
}

func TestOptionsNumberTheNodesByTheirPlaceAmongTheRoutes(t *testing.T) {
	o := Options{Cluster: "nats://b.example:6222", Routes: []string{"nats://c.example:6222", "nats://u:p@a.example:6222", "nats://b.example:6222"}}
	cfg, bc, err := o.configs()
	if err != nil || cfg.Node != 2 || len(cfg.Peers) != 3 || cfg.Peers[1] != "a.example:6222" || cfg.PeerListen != "b.example:6222" {
		t.Fatalf("%+v, %v", cfg, err)
	}
	if bc.Node != 2 || fmt.Sprint(bc.Nodes) != "[1 2 3]" || bc.Name != "n2" || bc.Cluster != "brokerlab" {
		t.Fatalf("%+v", bc)
	}
	alone, bc, err := Options{}.configs()
	if err != nil || alone.Node != 1 || alone.ClientListen != "127.0.0.1:4222" || alone.PeerListen != "" || fmt.Sprint(bc.Nodes) != "[1]" {
		t.Fatalf("%+v, %v", alone, err)
	}
}

func TestOptionsRefuseWhatCannotWork(t *testing.T) {
	nats, err := broker.Profile("nats")
	if err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]Options{
		"routes need a cluster address": {Routes: []string{"a:1"}},
		"port \"99999\"":                {Cluster: "nats://a:99999"},
		"missing port":                  {Cluster: "nats://a"},
		"node 3 was asked for":          {Cluster: "a:1", Routes: []string{"b:1"}, Node: 3},
		"refusing unsafe switches":      {Switches: nats},
	} {
		if _, err := o.Start(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error about %q", err, want)
		}
	}
	s := testBroker(t, Options{Switches: nats, Unsafe: true})
	connect(t, s.Addr().String())
}

func TestObservationsReachTheConfiguredObserver(t *testing.T) {
	seen := make(chan machine.Observation, 1<<16)
	s := testBroker(t, Options{Observe: func(_ machine.Wall, o machine.Observation) { seen <- o }})
	js, err := jetstream.New(connect(t, s.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	ctx := limited(t)
	makeStream(t, ctx, js, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	if _, err := js.Publish(ctx, "s", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for {
		select {
		case o := <-seen:
			if o.Kind == machine.Acked && o.Stream == "S" && o.Seq == 1 {
				return
			}
		case <-ctx.Done():
			t.Fatal("the acknowledgement was not observed")
		}
	}
}

func TestTheDataDirectoryHoldsNothingButTheBrokersFilesAndTheLock(t *testing.T) {
	dir := t.TempDir()
	s := testBroker(t, Options{StoreDir: dir})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, lockName)); err != nil {
		t.Fatal(err)
	}
}
