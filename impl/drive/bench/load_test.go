//go:build !race

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const patience = 20 * time.Second

// measure runs one workload against a fresh stream, from clients on the stream's leader, and
// checks afterwards that the stream holds what was acknowledged.
func (sys *system) measure(w workload, s settings) (r result, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.length+3*patience)
	defer cancel()
	sys.runs++
	name := fmt.Sprintf("B%d", sys.runs)
	stream, addr, err := sys.makeStream(ctx, name, s.nodes)
	if err != nil {
		return r, err
	}
	before, err := sys.cpu()
	if err != nil {
		return r, err
	}
	load := &load{subject: name, payload: bytes.Repeat([]byte("x"), s.payload), window: w.window}
	start := time.Now()
	if err := load.run(ctx, addr, w.clients, s.length); err != nil {
		return r, err
	}
	took := time.Since(start)
	after, err := sys.cpu()
	if err != nil {
		return r, err
	}
	n := load.acked.Load()
	r = result{rate: float64(n) / took.Seconds(), cpu: float64((after - before).Microseconds()) / float64(n)}
	slices.Sort(load.waits)
	r.p50, r.p99 = load.waits[len(load.waits)/2], load.waits[len(load.waits)*99/100]
	return r, check(ctx, stream, n)
}

// makeStream makes a stream on all nodes and finds the address of its leader.
func (sys *system) makeStream(ctx context.Context, name string, replicas int) (jetstream.Stream, string, error) {
	nc, err := nats.Connect("nats://"+sys.procs[0].addr, nats.Timeout(patience))
	if err != nil {
		return nil, "", err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, "", err
	}
	var stream jetstream.Stream
	for {
		short, cancel := context.WithTimeout(ctx, 3*time.Second) // without a leader there is no answer
		stream, err = js.CreateStream(short, jetstream.StreamConfig{Name: name, Subjects: []string{name}, Replicas: replicas})
		cancel()
		if err == nil || ctx.Err() != nil {
			break // the cluster may be without a leader yet
		}
	}
	if err != nil {
		return nil, "", fmt.Errorf("create stream: %w", err)
	}
	for ctx.Err() == nil {
		info, err := infoOf(ctx, stream)
		if err == nil && replicas == 1 {
			return stream, sys.procs[0].addr, nil
		}
		if err == nil && info.Cluster != nil && info.Cluster.Leader != "" {
			i := info.Cluster.Leader[len(info.Cluster.Leader)-1] - '1' // s1… or, by the node's number, n1…
			return stream, sys.procs[i].addr, nil
		}
	}
	return nil, "", fmt.Errorf("stream %s has no leader: %w", name, ctx.Err())
}

func infoOf(ctx context.Context, stream jetstream.Stream) (*jetstream.StreamInfo, error) {
	short, cancel := context.WithTimeout(ctx, time.Second) // a stream without a leader does not answer
	defer cancel()
	return stream.Info(short)
}

// check compares what the stream holds with what was acknowledged.
func check(ctx context.Context, stream jetstream.Stream, acked int64) error {
	info, err := stream.Info(ctx)
	if err != nil {
		return err
	}
	if info.State.Msgs != uint64(acked) {
		return fmt.Errorf("%d publishes were acknowledged, %d are stored", acked, info.State.Msgs)
	}
	return nil
}

// load publishes with acknowledgements, each client with window of them under way.
type load struct {
	subject string
	payload []byte
	window  int
	acked   atomic.Int64

	mu    sync.Mutex
	waits []time.Duration // of a sample of the publishes
	err   error
}

func (l *load) run(ctx context.Context, addr string, clients int, length time.Duration) error {
	var all sync.WaitGroup
	end := time.Now().Add(length)
	for range clients {
		nc, err := nats.Connect("nats://"+addr, nats.Timeout(patience))
		if err != nil {
			return err
		}
		defer nc.Close()
		all.Go(func() {
			client := l.async
			if l.window == 1 {
				client = l.sync
			}
			if err := client(ctx, nc, end); err != nil {
				l.mu.Lock()
				l.err = errors.Join(l.err, err)
				l.mu.Unlock()
			}
		})
	}
	all.Wait()
	return l.err
}

func (l *load) sync(ctx context.Context, nc *nats.Conn, end time.Time) error {
	var waits []time.Duration
	for time.Now().Before(end) {
		start := time.Now()
		m, err := nc.RequestWithContext(ctx, l.subject, l.payload)
		if err != nil {
			return err
		}
		if err := acknowledged(m); err != nil {
			return err
		}
		waits = append(waits, time.Since(start))
		l.acked.Add(1)
	}
	l.keep(waits)
	return nil
}

func (l *load) async(ctx context.Context, nc *nats.Conn, end time.Time) error {
	room := make(chan struct{}, l.window)
	sent := make(chan time.Time, l.window) // of the publishes under way, in order
	var waits []time.Duration
	bad := make(chan error, 1)
	inbox := nats.NewInbox()
	if _, err := nc.Subscribe(inbox+".*", func(m *nats.Msg) {
		if err := acknowledged(m); err != nil {
			select {
			case bad <- err:
			default:
			}
		}
		if wait := time.Since(<-sent); rand.Uint32()%16 == 0 {
			waits = append(waits, wait)
		}
		l.acked.Add(1)
		<-room
	}); err != nil {
		return err
	}
	reply := inbox + ".a"
	for time.Now().Before(end) {
		select {
		case room <- struct{}{}:
		case err := <-bad:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
		sent <- time.Now()
		if err := nc.PublishRequest(l.subject, reply, l.payload); err != nil {
			return err
		}
	}
	for range l.window { // all acknowledged
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("not all acknowledged: %w", ctx.Err())
		}
	}
	l.keep(waits)
	return nil
}

func (l *load) keep(waits []time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waits = append(l.waits, waits...)
}

func acknowledged(m *nats.Msg) error {
	if bytes.Contains(m.Data, []byte(`"error"`)) || !bytes.Contains(m.Data, []byte(`"seq"`)) {
		return fmt.Errorf("refused: %q %v", m.Data, m.Header)
	}
	return nil
}
