package load

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/history"
)

// client makes the first client of a group.
func client(t testing.TB, g Group, streams ...StreamSpec) Load {
	t.Helper()
	g.Name, g.Count = "c", max(g.Count, 1)
	s := Spec{Groups: []Group{g}}
	require.NoError(t, s.Validate(streams, 3))
	return s.Clients(Key(4), streams, second, 31*second, second)[0].Load
}

var jobs = StreamSpec{Name: "JOBS", Replicas: 3, Consumers: []ConsumerSpec{
	{Name: "W", AckWaitMS: 2000}, {Name: "P", Push: true, Group: "g", AckWaitMS: 2000}, {Name: "N", Ack: "none"},
}}

// verbs counts what a load asked for.
type verbs map[history.Verb]int

func (v verbs) count(op Op) {
	v[op.Verb]++
	if op.Confirm {
		v[op.Verb+" confirmed"]++
	}
}

func ok(Op) Outcome { return Outcome{Status: OK} }

func TestAPublishWithAnIDIsTriedAgainAsItWasUntilItsOutcomeIsKnown(t *testing.T) {
	times := map[string][]Op{}
	all := 0
	l := client(t, Group{PublishPerSecond: 20, IDPercent: 50, Retries: 3, KeyConditionalPercent: 20}, orders...)
	play(t, l, 60*second, 1000, func(op Op) Outcome {
		all++
		if op.ID == "" {
			return Outcome{Status: Unknown}
		}
		require.Equal(t, op.Value, op.ID)
		n := len(times[op.ID])
		if n > 0 {
			require.Equal(t, times[op.ID][0], op)
		}
		times[op.ID] = append(times[op.ID], op)
		switch op.number() % 3 {
		case 0:
			return Outcome{Status: Unknown}
		case 1:
			return Outcome{Status: [...]Status{Unknown, OK}[min(n, 1)], Seq: 1}
		}
		return Outcome{Status: Failed}
	})
	require.Greater(t, len(times), 200)
	given := map[int]int{}
	for id, ops := range times {
		op := ops[0]
		want := [...]int{4, 2, 1}[op.number()%3]
		require.LessOrEqual(t, len(ops), want, id)
		if len(ops) < want {
			given[want]++ // the load was over before
		}
	}
	require.Less(t, given[4]+given[2], 5)
	require.Zero(t, given[1])
	require.Empty(t, l.(*Traffic).tries)
}

func TestSomePublishesAreRepeatedThoughAllWentWell(t *testing.T) {
	seen := map[string]int{}
	l := client(t, Group{PublishPerSecond: 50, IDPercent: 100, RepeatPercent: 20}, orders...)
	play(t, l, 60*second, 1000, func(op Op) Outcome { seen[op.ID]++; return Outcome{Status: OK, Seq: 1} })
	twice := 0
	for _, n := range seen {
		require.LessOrEqual(t, n, 2)
		if n == 2 {
			twice++
		}
	}
	require.InDelta(t, len(seen)/5, twice, 60)
}

func TestAKeyIsExpectedToBeAsTheClientLastKnewIt(t *testing.T) {
	newest := map[string]uint64{} // of the stream
	var last uint64
	refused, stored := 0, 0
	answer := func(op Op) Outcome {
		switch op.Verb {
		case history.Publish:
			if op.ExpectSubject > 0 && op.ExpectSubject != newest[op.Subject]+1 {
				refused++
				return Outcome{Status: Failed, WrongLast: true, Actual: newest[op.Subject] + 1, Code: 10071}
			}
			stored++
			last++
			newest[op.Subject] = last
			return Outcome{Status: OK, Seq: last}
		case history.Last:
			if op.Subject == "" {
				return Outcome{Status: OK, Seq: last, NotFound: last == 0}
			}
			return Outcome{Status: OK, Seq: newest[op.Subject], NotFound: newest[op.Subject] == 0, Subject: op.Subject}
		}
		return ok(op)
	}
	g := Group{Count: 2, PublishPerSecond: 40, ReadPerSecond: 20, Keys: 3, SharedKeys: true, KeyConditionalPercent: 80, KeyPercent: 50}
	play(t, client(t, g, orders...), 40*second, 1000, answer)
	require.Len(t, newest, 3)
	require.Contains(t, newest, "ORDERS.k2")
	require.Greater(t, stored, 300)
	require.Zero(t, refused, "alone it is never wrong")
	// Somebody else writes the keys too.
	for k := range newest {
		last++
		newest[k] = last
	}
	g.ReadPerSecond, g.KeyPercent = 0, 0
	play(t, client(t, g, orders...), 40*second, 1000, answer)
	require.Positive(t, refused)
	require.Less(t, refused, 10, "a refusal that names a number teaches it")
}

func TestReadsRemovalsAndPurgesAreOfEveryKind(t *testing.T) {
	got := map[string]int{}
	l := &log{values: make([]string, 1000)}
	kv := StreamSpec{Name: "ORDERS", Replicas: 3, AllowDirect: true, AllowRollup: true}
	g := Group{
		PublishPerSecond: 20, ReadPerSecond: 50, RemovePerSecond: 5, PurgePerMinute: 240, Keys: 2, RollupPercent: 10, RollupAllPercent: 5,
		KeyPercent: 20, LastPercent: 20, NextPercent: 30, DirectPercent: 50,
	}
	play(t, client(t, g, kv), 40*second, 1000, func(op Op) Outcome {
		kind := string(op.Verb) + " " + op.Rollup
		if op.Direct {
			kind += " direct"
		}
		if op.Subject != "" && op.Verb != history.Publish {
			kind += " of " + op.Subject
		}
		if op.Verb == history.Purge {
			kind += fmt.Sprintf(" below %v keep %v", op.Seq > 0, op.Keep > 0)
		}
		got[kind]++
		return l.answer(op)
	})
	for _, want := range []string{
		"publish ", "publish sub", "publish all", "read ", "read  direct", "last ", "last  direct", "last  of ORDERS.c1-k1",
		"last  direct of ORDERS.c1-k2", "next-of  of ORDERS.c1-k1", "next-of  direct of ORDERS.c1-k2", "remove ",
		"purge  below false keep false", "purge  of ORDERS.c1-k1 below false keep false", "purge  of ORDERS.c1-k1 below false keep true",
		"purge  below true keep false",
	} {
		require.Positive(t, got[want], "%s in %v", want, got)
	}
}

func TestSendersAndRequestersKeepTheirRateAndTheirValuesToThemselves(t *testing.T) {
	for verb, g := range map[history.Verb]Group{
		history.Send:    {Send: &Send{PerSecond: 100, Subjects: []string{"a.b", "a.c"}, Bytes: 10}},
		history.Request: {Request: &Request{PerSecond: 100, Subject: "a.b", TimeoutMS: 300}},
	} {
		seen, subjects := map[string]bool{}, map[string]int{}
		play(t, client(t, g), 40*second, 1000, func(op Op) Outcome {
			require.Equal(t, verb, op.Verb)
			require.False(t, seen[op.Value])
			seen[op.Value] = true
			subjects[op.Subject]++
			return Outcome{Status: Unknown}
		})
		require.InDelta(t, 3000, len(seen), 200)
		require.InDelta(t, len(seen)/len(subjects), subjects["a.b"], 200)
	}
}

func TestASubscriberIsAlwaysSubscribedOnceUnlessItMeansNotToBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := Group{Subscribe: &Subscribe{
			Filters: []string{"a.>", "b"}, Queue: "q", FlushEveryMS: 700,
			ChurnEveryMS: rapid.IntRange(0, 1).Draw(t, "churn") * 1000, ChurnOffMS: 200,
			StallEveryMS: 1000, StallMS: 100,
		}}
		g.From, g.Until, g.Timeout = second, 31*second, second
		seed := Key(rapid.Uint64().Draw(t, "seed"))
		s := newSubscriber(&g, seed)
		on, asked, stalled := map[uint64]bool{}, map[uint64]bool{}, false
		got := verbs{}
		n := uint64(0)
		play(t, s, 60*second, 20_000_000, func(op Op) Outcome {
			got.count(op)
			n++
			status := [...]Status{OK, OK, Unknown, Failed}[seed.Below(n, 4)]
			switch op.Verb {
			case history.Subscribe:
				require.False(t, on[op.Tag] || asked[op.Tag])
				on[op.Tag] = status != Failed
			case history.Unsubscribe:
				require.True(t, on[op.Tag])
				on[op.Tag] = false
			case Stall:
				require.False(t, stalled)
				stalled = true
			case Resume:
				require.True(t, stalled)
				stalled = false
			}
			return Outcome{Status: status}
		})
		require.True(t, on[1] && on[2] && !stalled)
		require.InDelta(t, 59_000/720, got[history.Flush], 3)
		require.Positive(t, got[Stall])
		require.Equal(t, g.Subscribe.ChurnEveryMS > 0, got[history.Unsubscribe] > 0)
	})
}

func TestAServiceAnswersEveryRequestOnceWithItsName(t *testing.T) {
	l := client(t, Group{Serve: &Serve{Subject: "svc", Queue: "q", WorkMS: 30}})
	var answers []string
	s := &stage{t: t, load: l, delay: 1000}
	s.answer = func(op Op) Outcome {
		if op.Verb == history.Answer {
			answers = append(answers, op.Value)
			require.Equal(t, "_INBOX."+op.Delivery.Value, op.Delivery.Reply)
		}
		return Outcome{Status: OK}
	}
	for i := range 100 {
		d := &Delivery{Tag: 1, Value: fmt.Sprintf("r%d", i)}
		d.Reply = "_INBOX." + d.Value
		s.deliver(2*second+int64(i)*1_000_000, d)
	}
	s.deliver(3*second, &Delivery{Tag: 1, Value: "news"})
	s.run(10 * second)
	require.Len(t, answers, 100)
	require.Contains(t, answers, "r7@c1")
	require.NotContains(t, strings.Join(answers, " "), "news")
}

// consume plays a consumer of one stream without faults: it delivers 1 to n, and again what is not settled in time.
type consume struct {
	*stage
	wait    int64
	n       uint64
	counts  map[uint64]uint64
	settled map[uint64]history.Verb
	early   int // settled by a delivery that was not the newest
	got     verbs
}

func newConsume(t failer, l Load, n uint64) *consume {
	c := &consume{stage: &stage{t: t, load: l, delay: 1000}, wait: 2 * second, n: n, counts: map[uint64]uint64{}, settled: map[uint64]history.Verb{}, got: verbs{}}
	c.answer = c.hear
	return c
}

func (c *consume) hear(op Op) Outcome {
	c.got.count(op)
	if c.now > 31*second+3*c.wait && op.Verb != history.Fetch && !op.Confirm {
		c.t.Fatalf("at %d, when the load is long over, a delivery is settled by %s", c.now, op.Verb)
	}
	switch op.Verb {
	case history.Fetch:
		out := Outcome{Status: OK}
		for seq := uint64(1); seq <= c.n && out.N < int64(op.Batch); seq++ {
			if c.counts[seq] == 0 {
				c.hand(seq, c.now+500)
				out.N++
			}
		}
		return out
	case history.Ack, history.Term:
		d := op.Delivery
		if d.Count < c.counts[d.Seq] {
			c.early++
		}
		c.settled[d.Seq] = op.Verb
	case history.Nak:
		c.hand(op.Delivery.Seq, c.now+op.Delay+1000)
	}
	return Outcome{Status: OK}
}

// hand delivers a message, and again after the wait.
func (c *consume) hand(seq uint64, at int64) {
	c.counts[seq]++
	count := c.counts[seq]
	c.deliver(at, &Delivery{Stream: "JOBS", Consumer: "W", Seq: seq, Count: count, Reply: "r"})
	c.events.add(at+c.wait, func() {
		if c.settled[seq] == "" && c.counts[seq] == count {
			c.hand(seq, c.now)
		}
	})
}

func TestAWorkerDoesWithDeliveriesAllThatItIsToldTo(t *testing.T) {
	g := Group{Work: &Work{
		Stream: "JOBS", Consumer: "W", ConfirmPercent: 20, NakPercent: 15, TermPercent: 5, ProgressPercent: 10, ForgetPercent: 10, LatePercent: 10,
		NakDelayMS: 100, WorkMS: 5, Batch: 20,
	}}
	c := newConsume(t, client(t, g, jobs), 1000)
	for seq := range uint64(100) { // and as many again after the load
		c.events.add(40*second, func() { c.hand(2000+seq, c.now) })
	}
	c.run(60 * second)
	require.Len(t, c.settled, 1100, "in the end everything is settled")
	for _, v := range []history.Verb{history.Ack, history.Ack + " confirmed", history.Nak, history.Term, history.Progress} {
		require.Greater(t, c.got[v], 40, v)
	}
	require.Positive(t, c.early, "an ack that comes after the ack wait")
	require.Less(t, c.got[history.Fetch], 60*6, "an empty consumer is not asked without end")
}

func TestAWorkerOfAConsumerWithoutAcksOnlyReads(t *testing.T) {
	c := newConsume(t, client(t, Group{Work: &Work{Stream: "JOBS", Consumer: "N"}}, jobs), 100)
	c.run(5 * second)
	require.Equal(t, verbs{history.Fetch: c.got[history.Fetch]}, c.got)
	require.Greater(t, c.got[history.Fetch], 10)
}

func TestAWorkerOfAPushConsumerListensAtItsSubject(t *testing.T) {
	l := client(t, Group{Work: &Work{Stream: "JOBS", Consumer: "P", MaxOpen: 10, WorkMS: 10}}, jobs)
	acked := 0
	s := &stage{t: t, load: l, delay: 1000}
	s.answer = func(op Op) Outcome {
		switch op.Verb {
		case history.Subscribe:
			require.Equal(t, "deliver.JOBS.P g P JOBS", strings.Join([]string{op.Subject, op.Queue, op.Consumer, op.Stream}, " "))
		case history.Ack:
			acked++
		default:
			require.Equal(t, history.Flush, op.Verb)
		}
		return Outcome{Status: OK}
	}
	for i := range 20 {
		s.deliver(2*second, &Delivery{Tag: 1, Seq: uint64(i + 1), Count: 1})
	}
	s.run(5 * second)
	require.Equal(t, 10, acked, "beyond max_open it takes none")
}

func TestAFollowerBeginsAnewWhereADeliveryIsMissing(t *testing.T) {
	l := client(t, Group{Follow: &Follow{Stream: "JOBS", Batch: 10}}, jobs)
	var made []string
	var taken []uint64
	s := &stage{t: t, load: l, delay: 1_000_000}
	next, cseq, lost := uint64(1), uint64(0), 0
	s.answer = func(op Op) Outcome {
		if op.Verb == history.CreateConsumer {
			next, cseq = max(op.ConsumerConfig.OptStartSeq, 1), 0
			made = append(made, fmt.Sprintf("%s %d", op.Consumer, next))
			return Outcome{Status: OK}
		}
		out := Outcome{Status: OK}
		for ; out.N < int64(op.Batch) && next <= 40; next++ {
			cseq++
			out.N++
			if lost++; lost == 13 {
				continue // on its way
			}
			s.deliver(s.now+1000, &Delivery{Consumer: op.Consumer, Seq: next, CSeq: cseq})
			taken = append(taken, next)
		}
		if out.N == 0 && len(made) == 2 {
			return Outcome{Status: OK, Err: "409 Consumer Deleted"}
		}
		return out
	}
	s.run(20 * second)
	require.Equal(t, []string{"c1-1 1", "c1-2 13", "c1-3 41"}, made)
	require.EqualValues(t, 40, l.(*follower).last)
}

func TestAClientThatMovesFinishesOrIsKilledAndBeginsAnewElsewhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := Group{
			Nodes: []int{2, 3}, Serve: &Serve{Subject: "svc", WorkMS: 300},
			Moves: &Moves{EveryMS: 2000, DownMS: 500, CrashPercent: rapid.SampledFrom([]int{0, 50, 100}).Draw(t, "crash")},
			From:  second, Until: 31 * second, Timeout: second, Name: "c", Count: 1,
		}
		key := Key(rapid.Uint64().Draw(t, "seed"))
		m := newMover(newServer("c1", &g, key), &g, key)
		s := &stage{t: t, load: m, delay: 1_000_000}
		up, subscribed, requests, answers := true, false, 0, 0
		got := verbs{}
		s.answer = func(op Op) Outcome {
			got.count(op)
			require.True(t, up || op.Verb == Join, "%s while away", op.Verb)
			switch op.Verb {
			case history.Subscribe:
				require.False(t, subscribed)
				subscribed = true
			case history.Unsubscribe:
				subscribed = false
			case history.Answer:
				answers++
			case Leave:
				require.False(t, subscribed)
				require.Equal(t, requests, answers, "it leaves when it has finished")
				up = false
			case Die:
				up, subscribed = false, false
				requests = answers
			case Join:
				require.Contains(t, []uint32{2, 3}, op.Node)
				up = true
			}
			return Outcome{Status: OK}
		}
		for i := range 300 {
			s.events.add(2*second+int64(i)*90_000_000, func() {
				if subscribed {
					requests++
					m.Deliver(s.now, &Delivery{Tag: 1, Reply: "r", Value: fmt.Sprintf("r%d", i)})
				}
			})
		}
		s.run(60 * second)
		require.True(t, up && subscribed, "in the end it is there")
		require.Positive(t, got[Join])
		require.Equal(t, got[Join], got[Leave]+got[Die])
		require.True(t, g.Moves.CrashPercent > 0 || got[Die] == 0)
		require.True(t, g.Moves.CrashPercent < 100 || got[Leave] == 0)
	})
}

func TestNoLoadAsksToBeAskedForEverAtOneTime(t *testing.T) {
	// stage fails if a load that has nothing wants to be asked again at once. Here every outcome is the worst.
	kv := jobs
	kv.AllowRollup, kv.AllowDirect = true, true
	for name, g := range map[string]Group{
		"traffic":   {PublishPerSecond: 50, ReadPerSecond: 50, RemovePerSecond: 5, PurgePerMinute: 60, IDPercent: 50, Retries: 2, RollupPercent: 10},
		"send":      {Send: &Send{PerSecond: 100, Subjects: []string{"a"}, MaxOpen: 2}},
		"request":   {Request: &Request{PerSecond: 100, Subject: "a"}},
		"subscribe": {Subscribe: &Subscribe{Filters: []string{"a", "b"}, ChurnEveryMS: 100, ChurnOffMS: 10, StallEveryMS: 100, StallMS: 30}},
		"serve":     {Serve: &Serve{Subject: "a"}},
		"work":      {Work: &Work{Stream: "JOBS", Consumer: "W", NoWaitPercent: 50}},
		"push":      {Work: &Work{Stream: "JOBS", Consumer: "P"}},
		"follow":    {Follow: &Follow{Stream: "JOBS"}},
	} {
		for _, moves := range []*Moves{nil, {EveryMS: 500, DownMS: 10, CrashPercent: 50}} {
			for _, status := range []Status{OK, Failed, Unknown} {
				g := g
				g.Moves = moves
				n := len(play(t, client(t, g, kv), 60*second, 700_000, func(Op) Outcome { return Outcome{Status: status} }))
				require.Less(t, n, 20_000, "%s %v", name, status)
			}
		}
	}
}

func TestDrainWaitsForConsumersButNotForEver(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(n int) Outcome
		until  int64 // when the first stream is asked for
	}{
		{"settles", func(n int) Outcome { return Outcome{Status: OK, First: uint64(max(3-n, 0))} }, 8 * second},
		{"pends", func(n int) Outcome { return Outcome{Status: OK, N: 1} }, 20 * second},
		{"fails", func(n int) Outcome { return Outcome{Status: Unknown} }, 20 * second},
		{"is gone", func(n int) Outcome { return Outcome{Status: Failed, Code: 10014} }, 6 * second},
	} {
		n, at := 0, int64(0)
		d := &Drain{From: 5 * second, Until: 20 * second, Consumers: []ConsumerName{{"ORDERS", "A"}, {"ORDERS", "B"}}, Streams: orders}
		s := &stage{t: t, load: d, delay: 1000}
		s.answer = func(op Op) Outcome {
			if op.Verb == history.ConsumerInfo {
				n++
				return c.answer(n)
			}
			if at == 0 {
				at = s.now
			}
			return new(log).answer(op)
		}
		s.run(100 * second)
		require.True(t, d.done, c.name)
		require.InDelta(t, c.until, at, float64(2*second), c.name)
	}
	finished := false
	d := &Drain{From: second, Finished: func(int64) { finished = true }}
	play(t, d, 5*second, 1, ok)
	require.True(t, finished, "without streams there is nothing to read")
}
