package load

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/history"
)

const second = int64(1_000_000_000)

var orders = []StreamSpec{{Name: "ORDERS", Replicas: 3}}

func group() Group {
	return Group{Name: "c", Count: 4, PublishPerSecond: 80, ReadPerSecond: 20, LastPercent: 25, ConditionalPercent: 10}
}

// play runs a load to the end, answering after delay, and returns each operation with its time.
func play(t failer, l Load, until, delay int64, answer func(Op) Outcome) []string {
	var out []string
	s := &stage{t: t, load: l, delay: delay}
	s.answer = func(op Op) Outcome {
		out = append(out, fmt.Sprintf("%d %+v", s.now, op))
		return answer(op)
	}
	s.run(until)
	return out
}

type failer interface {
	Fatalf(format string, args ...any)
}

// stage plays the adapter of a load: it takes its operations, answers them after a delay, and has deliveries come.
type stage struct {
	t     failer
	load  Load
	delay int64
	// answer is called when an operation is taken.
	answer func(Op) Outcome
	now    int64
	events timed[func()]
}

func (s *stage) run(until int64) {
	for s.now < until {
		op, ok, wake := s.load.Next(s.now)
		if ok {
			out := s.answer(op)
			s.events.add(s.now+s.delay, func() { s.load.Done(s.now, op, out) })
			continue
		}
		if wake != 0 && wake <= s.now {
			s.t.Fatalf("at %d the load wants to be asked again at %d", s.now, wake)
		}
		next := sooner(wake, s.events.next())
		if next == 0 || next > until {
			return
		}
		s.now = max(s.now, next)
		if f, ok := s.events.due(s.now); ok {
			f()
		}
	}
}

// deliver has a message come at a time.
func (s *stage) deliver(at int64, d *Delivery) {
	s.events.add(at, func() { s.load.(Receiver).Deliver(s.now, d) })
}

// log is a stream that never fails.
type log struct {
	values []string
	first  int // what is below is removed
}

func (l *log) answer(op Op) Outcome {
	switch {
	case op.Verb == history.Publish:
		l.values = append(l.values, op.Value)
		return Outcome{Status: OK, Seq: uint64(len(l.values))}
	case op.Seq < uint64(l.first) && op.Verb == history.Read:
		return Outcome{Status: OK, NotFound: true}
	case op.Verb == history.NextOf && max(op.Seq, uint64(l.first)) <= uint64(len(l.values)):
		return Outcome{Status: OK, Seq: max(op.Seq, uint64(l.first))}
	case op.Verb == history.Last && len(l.values) > 0 && len(l.values) >= l.first:
		return Outcome{Status: OK, Seq: uint64(len(l.values)), Value: l.values[len(l.values)-1]}
	case op.Verb == history.Read && op.Seq <= uint64(len(l.values)):
		return Outcome{Status: OK, Seq: op.Seq, Value: l.values[op.Seq-1]}
	}
	return Outcome{Status: OK, NotFound: true}
}

func TestTheSameSeedAndAnswersGiveTheSameLoad(t *testing.T) {
	run := func(seed uint64) []string {
		var all []string
		for _, c := range (Spec{Groups: []Group{group()}}).Clients(Key(seed), orders, 0, 20*second, second) {
			all = append(all, play(t, c.Load, 30*second, 1_000_000, new(log).answer)...)
		}
		return all
	}
	require.Equal(t, run(7), run(7))
	require.NotEqual(t, run(7), run(8))
}

func TestArrivalsKeepTheirRateAndDoNotWaitForAnswers(t *testing.T) {
	count := func(delay int64) (publishes, reads, conditional int) {
		for _, c := range (Spec{Groups: []Group{group()}}).Clients(Key(1), orders, 2*second, 62*second, second) {
			play(t, c.Load, 70*second, delay, func(op Op) Outcome {
				switch {
				case op.Verb != history.Publish:
					reads++
				case op.Expect > 0:
					conditional++
					fallthrough
				default:
					publishes++
				}
				return Outcome{Status: Unknown}
			})
		}
		return
	}
	publishes, reads, conditional := count(1)
	require.InDelta(t, 80*60, publishes, 400)
	require.InDelta(t, 20*60, reads, 200)
	require.InDelta(t, 80*60/10, conditional, 120)
	slow, _, _ := count(3 * second)
	require.Equal(t, publishes, slow, "slow answers must not slow arrivals")
}

func TestAValueIsPublishedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range (Spec{Groups: []Group{group(), {Name: "d", Count: 11, PublishPerSecond: 50}}}).Clients(Key(3), orders, 0, 10*second, second) {
		play(t, c.Load, 20*second, 1000, func(op Op) Outcome {
			if op.Verb == history.Publish {
				require.False(t, seen[op.Value], op.Value)
				seen[op.Value] = true
				require.Equal(t, "ORDERS."+c.Name, op.Subject)
			}
			return Outcome{Status: OK, Seq: 1}
		})
	}
	require.Greater(t, len(seen), 1000)
}

func TestArrivalsBeyondTheLimitAreGivenUpAndCounted(t *testing.T) {
	g := group().filled(orders)
	g.Until, g.MaxOpen = 10*second, 3
	l := newTraffic("c1", g, Key(1), orders)
	issued := 0
	for now := int64(0); now < 10*second; now += 1_000_000 {
		if _, ok, _ := l.Next(now); ok {
			issued++
		}
	}
	require.Equal(t, 3, issued)
	require.Greater(t, l.Shed(), int64(100))
}

func TestReadsStayNearTheEndAndSometimesGoBeyondIt(t *testing.T) {
	l := &log{values: make([]string, 1000)}
	near, beyond := 0, 0
	c := (Spec{Groups: []Group{{Name: "r", Count: 1, ReadPerSecond: 100}}}).Clients(Key(5), orders, 0, 20*second, second)[0]
	play(t, c.Load, 30*second, 1000, func(op Op) Outcome {
		if op.Verb == history.Read {
			require.Positive(t, op.Seq)
			if op.Seq > 1000 {
				beyond++
			} else if op.Seq > 750 {
				near++
			}
		}
		return l.answer(op)
	})
	require.Greater(t, near, 1500)
	require.Greater(t, beyond, 50)
}

func TestSetupCreatesEveryStreamInOrderAndRetriesWhatIsNotOK(t *testing.T) {
	s := NewSetup([]StreamSpec{{Name: "A", Replicas: 3, Consumers: []ConsumerSpec{{Name: "C"}}}, {Name: "B", Replicas: 1}})
	n := 0
	got := play(t, s, 10*second, 1000, func(op Op) Outcome {
		n++
		return Outcome{Status: [...]Status{Unknown, Failed, OK, Unknown, OK, Failed, OK}[n-1]}
	})
	require.Len(t, got, 7)
	require.Contains(t, got[3], "create-consumer")
	require.Contains(t, got[6], "Stream:B")
	require.True(t, s.Ready())
}

func TestDrainAnswersEverySequenceWhateverFailsOnTheWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := Key(rapid.Uint64().Draw(t, "seed"))
		size := rapid.IntRange(0, 200).Draw(t, "size")
		floor := rapid.IntRange(0, 250).Draw(t, "floor")
		late := rapid.IntRange(0, 3).Draw(t, "late")
		l := &log{values: make([]string, size), first: rapid.IntRange(1, 220).Draw(t, "first")} // removed by limits
		answered := map[uint64]bool{}
		finished := 0
		d := &Drain{From: 5 * second, Streams: orders, Floor: func(string) uint64 { return uint64(floor) }, Finished: func(int64) { finished++ }}
		n := uint64(0)
		play(t, d, 1000*second, 1_000_000, func(op Op) Outcome {
			require.True(t, op.Final)
			n++
			if n == 20 {
				l.values = append(l.values, make([]string, late)...)
			}
			if seed.Below(n, 3) == 0 {
				return Outcome{Status: [...]Status{Failed, Unknown}[seed.At(n)&1]}
			}
			if op.Verb == history.Create {
				return Outcome{Status: OK}
			}
			require.Zero(t, finished)
			out := l.answer(op)
			switch {
			case op.Verb == history.Read:
				answered[op.Seq] = true
			case op.Verb == history.NextOf:
				for seq := op.Seq; seq < max(out.Seq, 1) || out.NotFound && seq < 1000; seq++ {
					answered[seq] = true
				}
			}
			return out
		})
		require.Equal(t, 1, finished)
		last := floor // what anybody was told, or can be told, of
		if size >= l.first {
			last = max(last, size)
		}
		for s := 1; s <= last+1; s++ {
			require.True(t, answered[uint64(s)], "sequence %d", s)
		}
	})
}

func TestDrainStepsOverWhatIsRemoved(t *testing.T) {
	l := &log{values: make([]string, 100_000), first: 99_990}
	d := &Drain{Streams: orders, Floor: func(string) uint64 { return 100_000 }}
	require.Less(t, len(play(t, d, 100*second, 1_000_000, l.answer)), 100)
	require.True(t, d.done)
}

func TestDrainAsksNothingBeforeItsTime(t *testing.T) {
	d := &Drain{From: 5 * second, Streams: orders}
	_, ok, wake := d.Next(second)
	require.False(t, ok)
	require.Equal(t, 5*second, wake)
}

func TestASpecIsValidatedWholeAndNamesEveryFault(t *testing.T) {
	s := Spec{Groups: []Group{
		{Name: "a1", Count: 0, PublishPerSecond: -1},
		{Name: "b", Count: 1, ReadPerSecond: 1, Streams: []string{"NOPE"}, LastPercent: 101},
	}}
	err := s.Validate(orders, 3)
	for _, want := range []string{"letters only", "clients[0].count", "clients[0].publish_per_second", `no stream "NOPE"`, "clients[1].last_percent: 101"} {
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, Spec{Groups: []Group{group()}}.Validate(orders, 3))
	require.ErrorContains(t, Spec{}.Validate(orders, 3), "at least one group")
}

func TestEveryRoleNamesItsFaults(t *testing.T) {
	streams := []StreamSpec{jobs}
	s := Spec{Groups: []Group{
		{Name: "a", Count: 1, Nodes: []int{4}, Moves: &Moves{CrashPercent: 101}, Send: &Send{Subjects: []string{"JOBS.x", "a.*"}}},
		{Name: "b", Count: 1, Request: &Request{PerSecond: 1, Subject: ""}, Serve: &Serve{Subject: "JOBS.y", Queue: "a b"}},
		{Name: "c", Count: 1, Subscribe: &Subscribe{Filters: []string{"a", "a"}, StallMS: 1, ChurnOffMS: 1}, Bytes: 5, Streams: []string{"JOBS"}},
		{Name: "d", Count: 1, Work: &Work{Stream: "JOBS", Consumer: "X", NakPercent: 60, TermPercent: 41, HeartbeatMS: 900, Batch: 300}},
		{Name: "e", Count: 1, Work: &Work{Stream: "JOBS", Consumer: "P", Batch: 3}},
		{Name: "f", Count: 1, Work: &Work{Stream: "JOBS", Consumer: "N", NakPercent: 1}},
		{Name: "g", Count: 1, Follow: &Follow{Stream: "S", Filter: "a..b"}},
		{Name: "h", Count: 1, PublishPerSecond: 1, Retries: 1, SharedKeys: true, RollupPercent: 1, DirectPercent: 1},
		{Name: "i", Count: 1},
	}}
	err := s.Validate(streams, 3)
	for _, want := range []string{
		"clients[0].nodes: 4 must be between 1 and 3", "clients[0].moves.every_ms: 0", "clients[0].moves.crash_percent: 101",
		"clients[0].send.per_second: 0", `clients[0].send.subjects[0]: "JOBS.x" belongs to stream JOBS`, `clients[0].send.subjects[1]: "a.*" is no subject`,
		`clients[1]: a group has one role, not ["request" "serve"]`, `clients[1].request.subject: ""`, `clients[1].serve.queue: "a b"`,
		`clients[2].subscribe.filters[1]: "a" must be a valid filter, given once`, "stall_every_ms and stall_ms belong together", "churn_off_ms: needs churn_every_ms",
		`clients[2]: ["bytes" "streams"] belong to traffic on streams, not to a group that has subscribe`,
		`clients[3].work: the cluster has no consumer "X" of stream "JOBS"`, "101 in all", "clients[3].work.heartbeat_ms: 900", "clients[3].work.batch: 300 is more than max_open, 256",
		"clients[4].work: consumer P pushes", "clients[5].work: consumer N wants no acks",
		`clients[6].follow.stream: the cluster has no stream "S"`, `clients[6].follow.filter: "a..b"`,
		"clients[7].shared_keys: needs keys", "clients[7]: retries and repeat_percent need id_percent", "rollup_percent needs allow_rollup of stream JOBS", "direct_percent needs allow_direct",
		"clients[8]: it does nothing",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestStreamsAndConsumersNameTheirFaults(t *testing.T) {
	err := ValidateStreams([]StreamSpec{
		{Name: "A.B", Replicas: 1},
		{Name: "A", Replicas: 4},
		{Name: "B", Replicas: 1, Subjects: []string{"x.>", "x.y"}, MaxMsgs: -1},
		{Name: "C", Replicas: 1, Subjects: []string{"x.*"}, Consumers: []ConsumerSpec{
			{Name: "c", Filters: []string{"a..b"}, Deliver: "some", Ack: "maybe", AckWaitMS: -1, BackOffMS: []int64{0}},
			{Name: "c", StartSeq: 1, Group: "g"},
			{Name: "d", MaxDeliver: 1, BackOffMS: []int64{1, 2}},
			{Name: "e", Replicas: 3},
		}},
		{Name: "D", Replicas: 1, Retention: "workqueue", Consumers: []ConsumerSpec{{Name: "a", Filters: []string{"D.x"}}, {Name: "b"}}},
	}, 3)
	for _, want := range []string{
		`streams[0].name: "A.B"`, "streams[1].replicas: 4 must be between 1 and 3", "streams[2]: a limit is negative", `subject "x.>" overlaps with "x.y"`,
		`streams[3].subjects: ["x.*"] overlap with those of stream B`,
		`streams[3].consumers[0].filters[0]: "a..b"`, `consumers[0].deliver: "some" is not one of all`, `consumers[0].ack: "maybe"`, "consumers[0].ack_wait_ms: -1", "backoff_ms[0]: 0",
		`consumers[1].name: "c" must be given once`, "start_seq and deliver by_start_sequence belong together", "group, heartbeat_ms and flow_control",
		"consumers[2]: max deliver is required", "consumers[3]: consumer config replica count", "streams[4].consumers[1]: it would take messages of consumer a",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, ValidateStreams([]StreamSpec{jobs, orders[0]}, 3))
}

func TestExponentialHasItsMean(t *testing.T) {
	var sum int64
	for n := range uint64(100_000) {
		sum += Key(9).Exponential(n, second)
	}
	require.InDelta(t, second, sum/100_000, float64(second)/100)
}
