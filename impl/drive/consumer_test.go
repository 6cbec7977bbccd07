package drive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// orders is a broker with the stream ORDERS and n messages in it.
func orders(t *testing.T, n int) (jetstream.JetStream, jetstream.Stream, *nats.Conn) {
	t.Helper()
	nc := connect(t, testBroker(t, Options{}).Addr().String())
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s := makeStream(t, limited(t), js, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}})
	fill(t, js, 1, n)
	return js, s, nc
}

func fill(t *testing.T, js jetstream.JetStream, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		if _, err := js.Publish(limited(t), "orders."+[]string{"eu", "us"}[i%2], fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// took is what a batch brought.
func took(t testing.TB, b jetstream.MessageBatch) (msgs []jetstream.Msg) {
	t.Helper()
	for m := range b.Messages() {
		msgs = append(msgs, m)
	}
	check(t, b.Error())
	return msgs
}

func meta(t testing.TB, m jetstream.Msg) *jetstream.MsgMetadata {
	t.Helper()
	return must(m.Metadata())(t)
}

func TestAPullConsumerFetchesAcksAndTellsWhereItIs(t *testing.T) {
	_, s, _ := orders(t, 10)
	ctx := limited(t)
	c := must(s.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "D", AckPolicy: jetstream.AckExplicitPolicy}))(t)
	msgs := took(t, must(c.Fetch(4, jetstream.FetchMaxWait(deadline)))(t))
	if len(msgs) != 4 {
		t.Fatalf("%d messages", len(msgs))
	}
	for i, m := range msgs {
		md := meta(t, m)
		if string(m.Data()) != fmt.Sprint(i+1) || md.Sequence.Stream != uint64(i+1) || md.Sequence.Consumer != uint64(i+1) ||
			md.NumDelivered != 1 || md.NumPending != uint64(9-i) || md.Stream != "ORDERS" || md.Consumer != "D" {
			t.Fatalf("message %d: %s %+v", i, m.Data(), md)
		}
	}
	check(t, msgs[0].DoubleAck(ctx))
	check(t, msgs[2].DoubleAck(ctx))
	info := must(c.Info(ctx))(t)
	if info.AckFloor.Stream != 1 || info.NumAckPending != 2 || info.Delivered.Stream != 4 || info.NumPending != 6 || info.NumRedelivered != 0 {
		t.Fatalf("%+v", info)
	}
	check(t, msgs[1].DoubleAck(ctx))
	if info = must(c.Info(ctx))(t); info.AckFloor.Stream != 3 || info.AckFloor.Consumer != 3 {
		t.Fatalf("%+v", info)
	}
	none := must(c.FetchNoWait(100))(t)
	if got := took(t, none); len(got) != 6 {
		t.Fatalf("%d messages without waiting", len(got))
	}
	if got := took(t, must(c.FetchNoWait(100))(t)); len(got) != 0 {
		t.Fatalf("%d messages where there are none", len(got))
	}
	if names := drain(s.ConsumerNames(ctx).Name()); !slices.Equal(names, []string{"D"}) {
		t.Fatal(names)
	}
	for info := range s.ListConsumers(ctx).Info() {
		if info.Name != "D" || info.NumPending != 0 {
			t.Fatalf("%+v", info)
		}
	}
	check(t, s.DeleteConsumer(ctx, "D"))
	if _, err := s.Consumer(ctx, "D"); !errors.Is(err, jetstream.ErrConsumerNotFound) {
		t.Fatal(err)
	}
	if err := s.DeleteConsumer(ctx, "D"); !errors.Is(err, jetstream.ErrConsumerNotFound) {
		t.Fatal(err)
	}
}

func drain[T any](ch <-chan T) (all []T) {
	for v := range ch {
		all = append(all, v)
	}
	return all
}

func TestNakTermAndProgressDoWhatTheySay(t *testing.T) {
	_, s, nc := orders(t, 4)
	ctx := limited(t)
	advisories := make(chan *nats.Msg, 16)
	must(nc.ChanSubscribe("$JS.EVENT.ADVISORY.CONSUMER.*.ORDERS.C", advisories))(t)
	c := must(s.CreateConsumer(ctx, jetstream.ConsumerConfig{Name: "C", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Second, MaxDeliver: 2}))(t)
	if m := <-advisories; m.Subject != "$JS.EVENT.ADVISORY.CONSUMER.CREATED.ORDERS.C" {
		t.Fatal(m.Subject)
	}
	msgs := took(t, must(c.Fetch(4))(t))
	begun := time.Now()
	check(t, msgs[0].Nak())
	check(t, msgs[1].NakWithDelay(300*time.Millisecond))
	check(t, msgs[2].TermWithReason("broken"))
	working := make(chan struct{})
	go func() { // keep at it for longer than the ack wait
		defer close(working)
		for range 5 {
			time.Sleep(400 * time.Millisecond)
			msgs[3].InProgress()
		}
	}()
	again := must(c.Next(jetstream.FetchMaxWait(deadline)))(t)
	if md := meta(t, again); md.Sequence.Stream != 1 || md.NumDelivered != 2 || md.Sequence.Consumer != 5 {
		t.Fatalf("%+v", md)
	}
	again = must(c.Next(jetstream.FetchMaxWait(deadline)))(t)
	if md := meta(t, again); md.Sequence.Stream != 2 || time.Since(begun) < 300*time.Millisecond {
		t.Fatalf("%+v after %v", md, time.Since(begun))
	}
	<-working
	check(t, msgs[3].DoubleAck(ctx)) // still the only delivery
	topics := map[string]int{}
	for range 5 { // two naks, a term, and the two that were delivered twice and never acked
		m := <-advisories
		topics[string(bytes.Split([]byte(m.Subject), []byte("."))[4])]++
		if bytes.Contains(m.Data, []byte(`"terminated"`)) && !bytes.Contains(m.Data, []byte(`"reason":"broken"`)) {
			t.Fatal(string(m.Data))
		}
	}
	if topics["MSG_NAKED"] != 2 || topics["MSG_TERMINATED"] != 1 || topics["MAX_DELIVERIES"] != 2 {
		t.Fatal(topics)
	}
	info := must(c.Info(ctx))(t)
	if info.NumAckPending != 0 || info.AckFloor.Stream != 4 {
		t.Fatalf("%+v", info)
	}
}

func TestConsumeAndMessagesTakeWhatComes(t *testing.T) {
	js, s, _ := orders(t, 20)
	ctx := limited(t)
	c := must(s.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "D", FilterSubject: "orders.us"}))(t)
	got := make(chan string, 1000)
	cc := must(c.Consume(func(m jetstream.Msg) {
		m.Ack()
		got <- string(m.Data())
	}, jetstream.PullMaxMessages(7)))(t)
	for i := 1; i <= 19; i += 2 {
		if v := <-got; v != fmt.Sprint(i) {
			t.Fatalf("%s, not %d", v, i)
		}
	}
	fill(t, js, 21, 30)
	for i := 21; i <= 29; i += 2 {
		if v := <-got; v != fmt.Sprint(i) {
			t.Fatalf("%s, not %d", v, i)
		}
	}
	cc.Drain()
	<-cc.Closed()
	e := must(s.CreateConsumer(ctx, jetstream.ConsumerConfig{FilterSubjects: []string{"orders.eu", "orders.us"}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: 25}))(t)
	it := must(e.Messages(jetstream.PullHeartbeat(500*time.Millisecond), jetstream.PullExpiry(2*time.Second)))(t)
	for i := 25; i <= 30; i++ {
		if m := must(it.Next())(t); string(m.Data()) != fmt.Sprint(i) {
			t.Fatalf("%s, not %d", m.Data(), i)
		}
	}
	it.Stop()
}

func TestAnOrderedConsumerSeesEverythingInOrder(t *testing.T) {
	js, s, _ := orders(t, 50)
	ctx := limited(t)
	c := must(s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}))(t)
	it := must(c.Messages())(t)
	for i := 1; i <= 50; i++ {
		if m := must(it.Next())(t); string(m.Data()) != fmt.Sprint(i) {
			t.Fatalf("%s, not %d", m.Data(), i)
		}
	}
	fill(t, js, 51, 60)
	for i := 51; i <= 60; i++ {
		if m := must(it.Next())(t); string(m.Data()) != fmt.Sprint(i) {
			t.Fatalf("%s, not %d", m.Data(), i)
		}
	}
	it.Stop()
}

func TestMaxBytesMaxWaitingAndBatchLimitsAreKept(t *testing.T) {
	_, s, nc := orders(t, 10)
	ctx := limited(t)
	c := must(s.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "D", MaxRequestBatch: 5, AckPolicy: jetstream.AckExplicitPolicy}))(t)
	if b, err := c.Fetch(6); err == nil {
		if len(drain(b.Messages())) > 0 || b.Error() == nil {
			t.Fatal("a batch above the limit is served")
		}
	}
	c = must(s.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "E", MaxAckPending: 3, AckPolicy: jetstream.AckExplicitPolicy}))(t)
	msgs := took(t, must(c.FetchBytes(150, jetstream.FetchMaxWait(deadline)))(t))
	if len(msgs) != 2 { // about 60 bytes each, with their reply subjects
		t.Fatalf("%d messages in 150 bytes", len(msgs))
	}
	// Acks that are out hold a request without waiting open, as nats-server does; the client gives up after a second.
	more := took(t, must(c.FetchNoWait(5))(t))
	if len(more) != 1 {
		t.Fatalf("%d messages are out, 3 may be", 2+len(more))
	}
	for _, m := range append(msgs, more...) {
		check(t, m.Ack())
	}
	if more = took(t, must(c.Fetch(3, jetstream.FetchMaxWait(deadline)))(t)); len(more) != 3 {
		t.Fatalf("%d messages after acks", len(more))
	}
	c = must(s.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "F", FilterSubject: "orders.none", MaxWaiting: 1, AckPolicy: jetstream.AckExplicitPolicy}))(t)
	first := must(c.Fetch(1, jetstream.FetchMaxWait(deadline)))(t)
	second := must(c.Fetch(1, jetstream.FetchMaxWait(deadline/4)))(t) // too short for heartbeats: such a one is told
	if got := drain(second.Messages()); len(got) > 0 || second.Error() == nil || !strings.Contains(second.Error().Error(), "MaxWaiting") {
		t.Fatalf("%d messages and %v: two wait where one may", len(got), second.Error())
	}
	must(nc.Request("orders.none", nil, deadline))(t)
	if msgs = took(t, first); len(msgs) != 1 {
		t.Fatalf("%d messages for the one that waits", len(msgs))
	}
}

func TestAWorkQueueLosesWhatIsAckedAndAnInterestStreamWhatAllHaveAcked(t *testing.T) {
	js, _, _ := orders(t, 0)
	ctx := limited(t)
	wq := must(js.CreateStream(ctx, jetstream.StreamConfig{Name: "WQ", Subjects: []string{"wq.>"}, Retention: jetstream.WorkQueuePolicy}))(t)
	for i := range 6 {
		must(js.Publish(ctx, fmt.Sprint("wq.", i%2), fmt.Append(nil, i)))(t)
	}
	a := must(wq.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "A", FilterSubject: "wq.0", AckPolicy: jetstream.AckExplicitPolicy}))(t)
	if _, err := wq.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "B", FilterSubject: "wq.>", AckPolicy: jetstream.AckExplicitPolicy}); err == nil {
		t.Fatal("two consumers share a message of a work queue")
	}
	for _, m := range took(t, must(a.Fetch(3))(t)) {
		check(t, m.DoubleAck(ctx))
	}
	if info := must(wq.Info(ctx))(t); info.State.Msgs != 3 {
		t.Fatalf("%+v", info.State)
	}
	in := must(js.CreateStream(ctx, jetstream.StreamConfig{Name: "IN", Subjects: []string{"in.>"}, Retention: jetstream.InterestPolicy}))(t)
	must(js.Publish(ctx, "in.nobody", nil))(t)
	var both []jetstream.Consumer
	for _, name := range []string{"A", "B"} {
		both = append(both, must(in.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: name, AckPolicy: jetstream.AckExplicitPolicy}))(t))
	}
	for i := range 3 {
		must(js.Publish(ctx, "in.x", fmt.Append(nil, i)))(t)
	}
	for i, c := range both {
		if info := must(in.Info(ctx))(t); info.State.Msgs != 3 || info.State.LastSeq != 4 {
			t.Fatalf("after %d consumers: %+v", i, info.State)
		}
		for _, m := range took(t, must(c.Fetch(3))(t)) {
			check(t, m.DoubleAck(ctx))
		}
	}
	if info := must(in.Info(ctx))(t); info.State.Msgs != 0 {
		t.Fatalf("%+v", info.State)
	}
}

func TestTheLegacyAPIPushesPullsAndQueues(t *testing.T) {
	newJS, _, nc := orders(t, 10)
	js := must(nc.JetStream(nats.MaxWait(deadline)))(t)
	sub := must(js.SubscribeSync("orders.>", nats.Durable("PUSH"), nats.AckExplicit()))(t)
	for i := 1; i <= 10; i++ {
		m := must(sub.NextMsg(deadline))(t)
		if string(m.Data) != fmt.Sprint(i) {
			t.Fatalf("%s, not %d", m.Data, i)
		}
		check(t, m.AckSync())
	}
	info := must(sub.ConsumerInfo())(t)
	if !info.PushBound || info.AckFloor.Stream != 10 || info.NumAckPending != 0 {
		t.Fatalf("%+v", info)
	}
	pull := must(js.PullSubscribe("orders.us", "PULL"))(t)
	if msgs := must(pull.Fetch(5, nats.MaxWait(deadline)))(t); len(msgs) != 5 {
		t.Fatal(len(msgs))
	}
	if _, err := pull.Fetch(1, nats.MaxWait(200*time.Millisecond)); !errors.Is(err, nats.ErrTimeout) {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]int{}
	done := make(chan struct{}, 100)
	for range 3 {
		must(js.QueueSubscribe("orders.>", "workers", func(m *nats.Msg) {
			mu.Lock()
			seen[string(m.Data)]++
			mu.Unlock()
			m.Ack()
			done <- struct{}{}
		}, nats.ManualAck(), nats.Durable("Q")))(t)
	}
	for range 10 {
		<-done
	}
	mu.Lock()
	defer mu.Unlock()
	for v, n := range seen {
		if n != 1 {
			t.Fatalf("%s came %d times", v, n)
		}
	}
	ordered := must(js.SubscribeSync("orders.>", nats.OrderedConsumer(), nats.IdleHeartbeat(300*time.Millisecond)))(t)
	for i := 1; i <= 10; i++ {
		if m := must(ordered.NextMsg(deadline))(t); string(m.Data) != fmt.Sprint(i) {
			t.Fatalf("%s, not %d", m.Data, i)
		}
	}
	time.Sleep(800 * time.Millisecond) // heartbeats keep it alive
	fill(t, newJS, 11, 12)
	for i := 11; i <= 12; i++ {
		if m := must(ordered.NextMsg(deadline))(t); string(m.Data) != fmt.Sprint(i) {
			t.Fatalf("%s, not %d", m.Data, i)
		}
	}
}

func TestFlowControlCarriesMoreThanItsWindow(t *testing.T) {
	newJS, _, nc := orders(t, 0)
	js := must(nc.JetStream(nats.MaxWait(deadline)))(t)
	const n, size = 200, 64 << 10
	for i := range n {
		must(newJS.Publish(limited(t), "orders.big", append(fmt.Append(nil, i, " "), make([]byte, size)...)))(t)
	}
	sub := must(js.SubscribeSync("orders.>", nats.OrderedConsumer()))(t)
	for i := range n {
		m := must(sub.NextMsg(deadline))(t)
		if v, _, _ := bytes.Cut(m.Data, []byte(" ")); string(v) != fmt.Sprint(i) {
			t.Fatalf("%s, not %d", v, i)
		}
	}
}

func TestKeyValueAndObjectStoresWork(t *testing.T) {
	js, _, _ := orders(t, 0)
	ctx := limited(t)
	kv := must(js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "B", History: 5}))(t)
	for i := range 3 {
		must(kv.Put(ctx, "a", fmt.Append(nil, i)))(t)
		must(kv.Put(ctx, "b", fmt.Append(nil, i)))(t)
	}
	w := must(kv.WatchAll(ctx))(t)
	defer w.Stop()
	next := func() string {
		select {
		case e := <-w.Updates():
			if e == nil {
				return "up to date"
			}
			return e.Key() + "=" + string(e.Value()) + " " + e.Operation().String()
		case <-ctx.Done():
			return "nothing"
		}
	}
	for _, want := range []string{"a=2 KeyValuePutOp", "b=2 KeyValuePutOp", "up to date"} {
		if got := next(); got != want {
			t.Fatalf("%s, not %s", got, want)
		}
	}
	must(kv.Put(ctx, "c", []byte("new")))(t)
	check(t, kv.Delete(ctx, "a"))
	for _, want := range []string{"c=new KeyValuePutOp", "a= KeyValueDeleteOp"} {
		if got := next(); got != want {
			t.Fatalf("%s, not %s", got, want)
		}
	}
	if keys := must(kv.Keys(ctx))(t); !slices.Equal(keys, []string{"b", "c"}) {
		t.Fatal(keys)
	}
	if h := must(kv.History(ctx, "b"))(t); len(h) != 3 {
		t.Fatal(len(h))
	}
	obs := must(js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: "O"}))(t)
	blob := bytes.Repeat([]byte("0123456789abcdef"), 64<<10) // a megabyte, in eight chunks
	must(obs.PutBytes(ctx, "blob", blob))(t)
	if got := must(obs.GetBytes(ctx, "blob"))(t); !bytes.Equal(got, blob) {
		t.Fatalf("%d bytes came back of %d", len(got), len(blob))
	}
	if list := must(obs.List(ctx))(t); len(list) != 1 || list[0].Size != uint64(len(blob)) {
		t.Fatalf("%+v", list)
	}
}

func TestAnUnusedEphemeralIsGoneAfterItsThreshold(t *testing.T) {
	_, s, _ := orders(t, 3)
	ctx := limited(t)
	for _, cfg := range []jetstream.ConsumerConfig{
		{Name: "LOGGED", InactiveThreshold: 200 * time.Millisecond, AckPolicy: jetstream.AckExplicitPolicy},
		{Name: "MEMORY", InactiveThreshold: 200 * time.Millisecond, MemoryStorage: true},
	} {
		c := must(s.CreateConsumer(ctx, cfg))(t)
		if msgs := took(t, must(c.FetchNoWait(1))(t)); len(msgs) == 1 {
			msgs[0].Ack()
		}
		untilDone(t, ctx, func() error {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			if _, err := s.Consumer(short, cfg.Name); !errors.Is(err, jetstream.ErrConsumerNotFound) {
				return fmt.Errorf("%s is still there (%v)", cfg.Name, err)
			}
			return nil
		})
	}
}

func TestConsumersAreUpdatedAsFarAsNATSLetsThem(t *testing.T) {
	js, s, _ := orders(t, 10)
	ctx := limited(t)
	cfg := jetstream.ConsumerConfig{Durable: "D", AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: "orders.us"}
	must(s.CreateConsumer(ctx, cfg))(t)
	must(s.CreateConsumer(ctx, cfg))(t) // the same again
	cfg.FilterSubject, cfg.MaxDeliver = "orders.eu", 7
	if _, err := s.CreateConsumer(ctx, cfg); !errors.Is(err, jetstream.ErrConsumerExists) {
		t.Fatal(err)
	}
	c := must(s.UpdateConsumer(ctx, cfg))(t)
	if info := c.CachedInfo(); info.NumPending != 5 || info.Config.MaxDeliver != 7 {
		t.Fatalf("%+v", info)
	}
	if m := must(c.Next(jetstream.FetchMaxWait(deadline)))(t); m.Subject() != "orders.eu" {
		t.Fatal(m.Subject())
	}
	cfg.AckPolicy = jetstream.AckNonePolicy
	if _, err := s.UpdateConsumer(ctx, cfg); err == nil {
		t.Fatal("the ack policy was changed")
	}
	if _, err := s.UpdateConsumer(ctx, jetstream.ConsumerConfig{Durable: "NONE"}); !errors.Is(err, jetstream.ErrConsumerDoesNotExist) {
		t.Fatal(err)
	}
	if _, err := js.Consumer(ctx, "NONE", "D"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Fatal(err)
	}
}
