//go:build !race

package client

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
)

// script is a load of one operation after the other. A step may look at what came before.
type script struct {
	t     *testing.T
	steps []func(s *script) load.Op
	busy  bool
	got   []*load.Delivery
	said  []string
}

func (s *script) Next(int64) (load.Op, bool, int64) {
	if s.busy || len(s.steps) == 0 {
		return load.Op{}, false, 0
	}
	op := s.steps[0](s)
	s.steps, s.busy = s.steps[1:], true
	return op, true, 0
}

func (s *script) Done(_ int64, op load.Op, out load.Outcome) {
	s.busy = false
	if op.Verb == load.Resume {
		return
	}
	out.Stamp = 0 // nobody's to foresee
	s.said = append(s.said, strings.TrimSpace(fmt.Sprintf("%s %s %s", op.Verb, statuses[out.Status], fieldsOf(out))))
}

func (s *script) Deliver(_ int64, d *load.Delivery) {
	s.got = append(s.got, d)
	seen := *d
	seen.Stamp, seen.Reply, seen.Sub, seen.Fetch = 0, "", 0, 0
	if d.Consumer != "" {
		require.Positive(s.t, d.Stamp)
	}
	s.said = append(s.said, "deliver "+fieldsOf(seen))
}

// play drives the client against a server until the script is over: a driver as small as can be.
func (s *script) play(addr string) {
	start := time.Now()
	env := &machine.Env{Mono: epoch, Choices: fixedChoices{}}
	var fx machine.Effects
	m, err := Boot(Config{Name: "c1", Nodes: []machine.NodeID{1}, Load: s, Record: &noRecord{}})(env, nil, &fx)
	require.NoError(s.t, err)
	var c net.Conn
	out := &machine.ConnBuf{ID: 1}
	timers := map[machine.TimerKey]machine.Mono{}
	buf := make([]byte, 64<<10)
	pending := []machine.Input{{Kind: machine.TimerFired, Timer: timerConnect}, {Kind: machine.TimerFired, Timer: timerLoad}}
	for len(s.steps) > 0 || s.busy {
		if len(pending) == 0 {
			pending = append(pending, read(s.t, c, buf, timers, epoch+machine.Mono(time.Since(start))))
		}
		in := pending[0]
		pending = pending[1:]
		env.Mono = epoch + machine.Mono(time.Since(start))
		fx.Reset()
		m.Step(env, &in, &fx)
		for _, t := range fx.Timers {
			delete(timers, t.Timer)
			if !t.Cancel {
				timers[t.Timer] = t.At
			}
		}
		if len(fx.Dials) > 0 {
			c, err = net.Dial("tcp", addr)
			require.NoError(s.t, err)
			pending = append(pending, machine.Input{Kind: machine.ConnOpened, Conn: 1, Token: fx.Dials[0].Token, Out: out})
		}
		if len(out.B) > 0 {
			_, err = c.Write(out.B)
			require.NoError(s.t, err)
		}
		out.B, out.Dirty = out.B[:0], false
	}
	c.Close()
}

// read waits for bytes, or for the first timer.
func read(t *testing.T, c net.Conn, buf []byte, timers map[machine.TimerKey]machine.Mono, now machine.Mono) machine.Input {
	first, at := machine.TimerKey{}, now+machine.Mono(time.Hour)
	for k, when := range timers {
		if when < at {
			first, at = k, when
		}
	}
	require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Duration(at-now))))
	n, err := c.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		delete(timers, first)
		return machine.Input{Kind: machine.TimerFired, Timer: first}
	}
	require.NoError(t, err)
	return machine.Input{Kind: machine.ConnBytes, Conn: 1, Bytes: buf[:n]}
}

// op is a step that asks for what it is given.
func op(o load.Op) func(*script) load.Op { return func(*script) load.Op { return o } }

// of is a step about the n-th delivery.
func of(n int, o load.Op) func(*script) load.Op {
	return func(s *script) load.Op {
		o.Delivery = s.got[n-1]
		return o
	}
}

func TestTheClientUnderstandsNATSServer(t *testing.T) {
	n, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir()})
	require.NoError(t, err)
	n.Start()
	t.Cleanup(n.Shutdown)
	require.True(t, n.ReadyForConnections(10*time.Second))

	const ms = int64(time.Millisecond)
	jobs := stream.Config{Subjects: []string{"jobs.>"}, AllowDirect: true, AllowRollup: true, Retention: "limits", Discard: "old", Storage: "file", Replicas: 1}
	more := jobs
	more.MaxMsgs = 100
	pull := consumer.Config{Durable: "W", AckPolicy: "explicit", DeliverPolicy: "all", ReplayPolicy: "instant", AckWait: 30_000 * ms}
	push := consumer.Config{Durable: "P", AckPolicy: "explicit", DeliverPolicy: "all", ReplayPolicy: "instant", DeliverSubject: "deliver.P", FlowControl: true, Heartbeat: 100 * ms}
	pub := func(value string, with load.Op) func(*script) load.Op {
		with.Verb, with.Stream, with.Value, with.Size = history.Publish, "JOBS", value, 20
		if with.Subject == "" {
			with.Subject = "jobs.a"
		}
		return op(with)
	}
	get := func(verb history.Verb, with load.Op) func(*script) load.Op {
		with.Verb, with.Stream = verb, "JOBS"
		return op(with)
	}
	fetch := func(batch int, with load.Op) func(*script) load.Op {
		with.Verb, with.Stream, with.Consumer, with.Batch = history.Fetch, "JOBS", "W", batch
		return op(with)
	}
	s := &script{t: t}
	for _, step := range []struct {
		do   func(*script) load.Op
		want []string
	}{
		{get(history.Create, load.Op{Config: &jobs}), []string{"create ok"}},
		{pub("v1", load.Op{ID: "v1"}), []string{"publish ok Seq=1"}},
		{pub("v1", load.Op{ID: "v1"}), []string{"publish ok Seq=1 Dup=true"}},
		{pub("v2", load.Op{Subject: "jobs.b", Expect: 2}), []string{"publish ok Seq=2"}},
		{pub("v3", load.Op{Expect: 2}), []string{"publish failed WrongLast=true Actual=3 Err=wrong last sequence: 2 (10071) Code=10071"}},
		{pub("v3", load.Op{ExpectSubject: 1}), []string{"publish failed WrongLast=true Actual=2 Err=wrong last sequence: 1 (10071) Code=10071"}},
		{pub("v3", load.Op{ExpectSubject: 2}), []string{"publish ok Seq=3"}},
		{pub("v4", load.Op{Subject: "nobody"}), []string{"publish failed Err=no responders"}},
		{get(history.Read, load.Op{Seq: 2}), []string{"read ok Seq=2 Value=v2 Subject=jobs.b"}},
		{get(history.Read, load.Op{Seq: 9}), []string{"read ok NotFound=true"}},
		{get(history.Read, load.Op{Seq: 2, Direct: true}), []string{"read ok Seq=2 Value=v2 Subject=jobs.b"}},
		{get(history.Read, load.Op{Seq: 9, Direct: true}), []string{"read ok NotFound=true"}},
		{get(history.Last, load.Op{}), []string{"last ok Seq=3 Value=v3 Subject=jobs.a"}},
		{get(history.Last, load.Op{Subject: "jobs.b", Direct: true}), []string{"last ok Seq=2 Value=v2 Subject=jobs.b"}},
		{get(history.Last, load.Op{Subject: "jobs.c"}), []string{"last ok NotFound=true"}},
		{get(history.NextOf, load.Op{Subject: "jobs.a", Seq: 2}), []string{"next-of ok Seq=3 Value=v3 Subject=jobs.a"}},
		{get(history.NextOf, load.Op{Subject: "jobs.b", Seq: 3, Direct: true}), []string{"next-of ok NotFound=true"}},
		{get(history.NextOf, load.Op{Seq: 1}), []string{"next-of ok Seq=1 Value=v1 Subject=jobs.a"}},
		{get(history.Update, load.Op{Config: &more}), []string{"update ok"}},
		{get(history.Remove, load.Op{Seq: 2}), []string{"remove ok"}},
		{get(history.Remove, load.Op{Seq: 2}), []string{"remove failed Err=sequence 2 not found (10043) Code=10043"}},
		{pub("v5", load.Op{Rollup: "sub"}), []string{"publish ok Seq=4"}},
		{pub("v6", load.Op{Subject: "jobs.c"}), []string{"publish ok Seq=5"}},
		{pub("v7", load.Op{Subject: "jobs.c"}), []string{"publish ok Seq=6"}},
		{get(history.Purge, load.Op{Subject: "jobs.c", Keep: 1}), []string{"purge ok N=1"}},

		{get(history.CreateConsumer, load.Op{Consumer: "W", ConsumerConfig: &pull}), []string{"create-consumer ok"}},
		{get(history.CreateConsumer, load.Op{Consumer: "W", ConsumerConfig: &pull}), []string{"create-consumer ok"}},
		{fetch(2, load.Op{Expires: 5000 * ms}), []string{
			"deliver Subject=jobs.a Value=v5 Stream=JOBS Consumer=W Seq=4 CSeq=1 Count=1 Pending=1",
			"deliver Subject=jobs.c Value=v7 Stream=JOBS Consumer=W Seq=6 CSeq=2 Count=1",
			"fetch ok N=2",
		}},
		{get(history.ConsumerInfo, load.Op{Consumer: "W"}), []string{"consumer-info ok Seq=3 First=2"}},
		{of(1, load.Op{Verb: history.Ack, Confirm: true}), []string{"ack ok"}},
		{of(2, load.Op{Verb: history.Progress}), []string{"progress unknown Err=no confirmation was asked for"}},
		{of(2, load.Op{Verb: history.Nak, Delay: 1 * ms}), []string{"nak unknown Err=no confirmation was asked for"}},
		{fetch(1, load.Op{Expires: 5000 * ms}), []string{
			"deliver Subject=jobs.c Value=v7 Stream=JOBS Consumer=W Seq=6 CSeq=3 Count=2", "fetch ok N=1",
		}},
		{of(3, load.Op{Verb: history.Term, Confirm: true}), []string{"term ok"}},
		{get(history.ConsumerInfo, load.Op{Consumer: "W"}), []string{"consumer-info ok Seq=6 CSeq=3"}},
		{fetch(5, load.Op{NoWait: true}), []string{"fetch ok Err=404 No Messages"}},
		{fetch(5, load.Op{Expires: 50 * ms}), []string{"fetch ok Err=408 Request Timeout"}},
		{fetch(5, load.Op{Expires: 50 * ms, Heartbeat: 40 * ms}), []string{"fetch failed Err=400 Bad Request - heartbeat value too large"}},
		{fetch(5, load.Op{Expires: 200 * ms, Heartbeat: 80 * ms}), []string{"fetch ok Err=408 Request Timeout"}},
		{pub("v8", load.Op{Subject: "jobs.d"}), []string{"publish ok Seq=7"}},
		{fetch(5, load.Op{Expires: 5000 * ms, MaxBytes: 10}), []string{"fetch ok Err=409 Message Size Exceeds MaxBytes"}},
		{get(history.Fetch, load.Op{Consumer: "X"}), []string{"fetch failed Err=no responders"}},
		{get(history.ConsumerInfo, load.Op{Consumer: "X"}), []string{"consumer-info failed Err=consumer not found (10014) Code=10014"}},

		{get(history.Subscribe, load.Op{Tag: 1, Subject: "deliver.P", Consumer: "P"}), []string{"subscribe ok"}},
		{get(history.CreateConsumer, load.Op{Consumer: "P", ConsumerConfig: &push}), []string{"create-consumer ok"}},
		{op(load.Op{Verb: history.Request, Subject: "svc", Value: "r1"}), []string{"request failed Err=no responders"}},
		{get(history.Fetch, load.Op{Consumer: "P", Expires: 1000 * ms}), []string{"fetch ok Err=409 Consumer is push based"}},
		{get(history.DeleteConsumer, load.Op{Consumer: "P"}), []string{"delete-consumer ok"}},

		{op(load.Op{Verb: history.Subscribe, Tag: 2, Subject: "svc", Queue: "q"}), []string{"subscribe ok"}},
		{op(load.Op{Verb: history.Send, Subject: "svc", Value: "news"}), []string{"deliver Tag=2 Subject=svc Value=news", "send ok"}},
		{op(load.Op{Verb: history.Flush}), []string{"flush ok"}},
		{op(load.Op{Verb: history.Unsubscribe, Tag: 2}), []string{"unsubscribe ok"}},
		{get(history.Delete, load.Op{}), []string{"delete ok"}},
		{get(history.Read, load.Op{Seq: 1}), []string{"read failed Err=stream not found (10059) Code=10059"}},
	} {
		want := step.want
		s.steps = append(s.steps, step.do, func(s *script) load.Op {
			// What the push consumer delivers comes when it will.
			var said []string
			for _, line := range s.said {
				if !strings.Contains(line, "Consumer=P") {
					said = append(said, line)
				}
			}
			assert.Equal(t, want, said)
			s.said = nil
			return load.Op{Verb: load.Resume} // something that is over at once
		})
	}
	s.play(n.Addr().String())
	var pushed []string
	for _, d := range s.got {
		if d.Consumer == "P" {
			pushed = append(pushed, fmt.Sprintf("%d %d %d %s", d.Seq, d.CSeq, d.Count, d.Value))
		}
	}
	require.Equal(t, []string{"4 1 1 v5", "6 2 1 v7", "7 3 1 v8"}, pushed)
}
