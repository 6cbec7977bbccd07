package client

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// scene is one client; the story is its load, its brokers and its clock. Connections open at once, and metadata, producer ids and the
// coordinator are answered at once, unless the story says that a broker is down or mute.
type scene struct {
	t      *testing.T
	now    machine.Mono
	c      *Client
	timers map[machine.TimerKey]machine.Mono
	queue  []load.Op
	number uint64
	has    map[uint64]*load.Delivery

	conns  map[machine.ConnID]*wire
	next   machine.ConnID
	down   map[machine.NodeID]bool
	mute   bool
	deaf   bool   // connections are accepted, and nothing on them is answered
	leader uint32 // of partition 1
	pid    int64
	asked  []question
	text   strings.Builder
}

type wire struct {
	node machine.NodeID
	out  *machine.ConnBuf
	in   proto.Splitter
}

type question struct {
	conn        machine.ConnID
	api         proto.API
	correlation uint32
}

// Next, Done and Deliver are load.Load and load.Receiver; Invoke and Complete the recorder.
func (s *scene) Next(int64) (op load.Op, ok bool, wake int64) {
	if len(s.queue) == 0 {
		return op, false, 0
	}
	op = s.queue[0]
	s.queue = s.queue[1:]
	return op, true, 0
}

func (s *scene) Done(_ int64, op load.Op, out load.Outcome) {
	what := op.Value
	if what == "" {
		what = string(op.Verb)
	}
	s.say("%s: %s", what, outcome(&out))
}

func outcome(out *load.Outcome) string {
	words := []string{[]string{"?", "ok", "failed", "unknown"}[out.Status]}
	if out.Seq > 0 {
		words = append(words, fmt.Sprint(out.Seq))
	}
	if out.N > 0 {
		words = append(words, fmt.Sprintf("of %d", out.N))
	}
	if out.NotFound {
		words = append(words, "nothing there")
	}
	for _, w := range []string{out.Value, out.Err} {
		if w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

func (s *scene) Invoke(*load.Op) uint64                   { s.number++; return s.number }
func (s *scene) Complete(uint64, *load.Op, *load.Outcome) {}

// recorder is the scene as the history's writer, whose Deliver is another one.
type recorder struct{ *scene }

func (r recorder) Deliver(d *load.Delivery) {
	r.say("has %d: %s", d.Seq, d.Value)
	r.has[d.Seq] = d
}

func newScene(t *testing.T, cfg Config) *scene {
	s := &scene{t: t, now: sec, timers: map[machine.TimerKey]machine.Mono{}, conns: map[machine.ConnID]*wire{}, down: map[machine.NodeID]bool{}, leader: 1, has: map[uint64]*load.Delivery{}}
	cfg.Name, cfg.Nodes, cfg.Load, cfg.Record = "c", []machine.NodeID{1, 2, 3}, s, recorder{s}
	var fx machine.Effects
	m, err := Boot(cfg)(s.env(), nil, &fx)
	require.NoError(t, err)
	s.c = m.(*Client)
	s.carryOut(&fx)
	s.sleep(0)
	s.text.Reset()
	return s
}

type zero struct{}

func (zero) Draw(machine.Purpose, uint64) uint64 { return 0 }

func (s *scene) env() *machine.Env { return &machine.Env{Mono: s.now, Choices: zero{}} }

func (s *scene) step(in machine.Input) {
	var fx machine.Effects
	s.c.Step(s.env(), &in, &fx)
	s.carryOut(&fx)
}

func (s *scene) carryOut(fx *machine.Effects) {
	for _, t := range fx.Timers {
		s.timers[t.Timer] = t.At
	}
	for _, c := range fx.Closes {
		if w := s.conns[c.Conn]; w != nil {
			s.say("closes n%d", w.node)
			s.forget(c.Conn)
		}
	}
	for _, b := range fx.Dirty {
		s.sent(b)
	}
	for _, d := range fx.Dials {
		if s.down[d.To] {
			s.say("dials n%d in vain", d.To)
			s.step(machine.Input{Kind: machine.ConnClosed, Token: d.Token, Err: machine.ErrNotExist})
			continue
		}
		s.say("dials n%d", d.To)
		s.next++
		w := &wire{node: d.To, out: &machine.ConnBuf{ID: s.next}}
		s.conns[s.next] = w
		s.step(machine.Input{Kind: machine.ConnOpened, Token: d.Token, Conn: s.next, Out: w.out})
	}
}

func (s *scene) forget(id machine.ConnID) {
	delete(s.conns, id)
	s.asked = slices.DeleteFunc(s.asked, func(q question) bool { return q.conn == id })
}

// sent is what the client has written.
func (s *scene) sent(b *machine.ConnBuf) {
	w := s.conns[b.ID]
	if w == nil {
		return
	}
	bytes := slices.Clone(b.B)
	b.B, b.Dirty = b.B[:0], false
	var now []func()
	require.NoError(s.t, w.in.Feed(bytes, func(frame []byte) error {
		api, correlation, body, err := proto.SplitRequest(frame)
		q := question{b.ID, api, correlation}
		if f := s.request(w, q, slices.Clone(body)); f != nil {
			now = append(now, f)
		}
		return err
	}))
	for _, f := range now {
		f()
	}
}

// request writes down what is asked, and returns the answer if there is one at once.
func (s *scene) request(w *wire, q question, body []byte) func() {
	decode := func(m proto.Message) { require.NoError(s.t, proto.Decode(body, m, "request")) }
	switch q.api {
	case proto.Versions:
		if s.deaf {
			return nil
		}
		return func() { s.answer(q, &proto.CodeReply{}) }
	case proto.Metadata:
		if s.mute {
			s.say("asks n%d where", w.node)
			s.asked = append(s.asked, q)
			return nil
		}
		m := &proto.MetadataReply{Topics: []proto.Topic{{Name: "T", Partitions: []proto.Partition{{ID: 1, Leader: s.leader, Epoch: 4}, {ID: 2, Leader: 3}}}}}
		return func() { s.answer(q, m) }
	case proto.InitProducer:
		s.pid++
		return func() { s.answer(q, &proto.InitProducerReply{PID: s.pid}) }
	case proto.FindCoordinator:
		return func() { s.answer(q, &proto.FindCoordinatorReply{Node: 3}) }
	case proto.Produce:
		var m proto.ProduceRequest
		decode(&m)
		s.say("to n%d: produce acks=%d%s", w.node, m.Acks, produced(&m))
		if m.Acks == 0 {
			return nil
		}
	case proto.Fetch:
		var m proto.FetchRequest
		decode(&m)
		s.say("to n%d: fetch p%d at %d, epoch %d, wait %v, min %d, max %d", w.node, m.Parts[0].ID, m.Parts[0].Offset, m.Parts[0].Epoch, time.Duration(m.MaxWait), m.MinBytes, m.MaxBytes)
	case proto.OffsetCommit:
		var m proto.OffsetCommitRequest
		decode(&m)
		s.say("to n%d: commit %s p%d at %d", w.node, m.Group, m.ID, m.Offset)
	case proto.CreateTopic:
		var m proto.CreateTopicRequest
		decode(&m)
		s.say("to n%d: create %+v", w.node, m)
	case proto.ListOffset:
		var m proto.ListOffsetRequest
		decode(&m)
		s.say("to n%d: list p%d, latest %t", w.node, m.ID, m.Latest)
	default:
		s.say("to n%d: %s", w.node, q.api)
	}
	s.asked = append(s.asked, q)
	return nil
}

func produced(m *proto.ProduceRequest) string {
	var out strings.Builder
	for _, p := range m.Parts {
		b, _, _ := proto.ParseBatch(p.Batch)
		fmt.Fprintf(&out, " p%d", p.ID)
		if b.PID != proto.NoProducer {
			fmt.Fprintf(&out, " pid %d seq %d", b.PID, b.Seq)
		}
		for _, r := range b.Records {
			_, v := proto.SplitRecord(r)
			word, _, _ := strings.Cut(string(v), " ")
			fmt.Fprintf(&out, " %s", word)
		}
	}
	return out.String()
}

func (s *scene) answer(q question, m proto.Message) {
	if s.conns[q.conn] != nil {
		s.step(machine.Input{Kind: machine.ConnBytes, Conn: q.conn, Bytes: proto.AppendReply(nil, q.correlation, m)})
	}
}

func (s *scene) sleep(d machine.Mono) {
	for end := s.now + d; ; {
		at, key := end+1, machine.TimerKey{}
		for k, t := range s.timers { // map order: the earliest, by kind
			if t < at || t == at && k.Kind < key.Kind {
				at, key = t, k
			}
		}
		if at > end {
			s.now = end
			return
		}
		delete(s.timers, key)
		s.now = max(s.now, at)
		s.step(machine.Input{Kind: machine.TimerFired, Timer: key})
	}
}

func (s *scene) say(format string, args ...any) { fmt.Fprintf(&s.text, "  "+format+"\n", args...) }

// wants has the load ask for something.
func (s *scene) wants(ops ...load.Op) {
	s.queue = append(s.queue, ops...)
	s.step(machine.Input{Kind: machine.TimerFired, Timer: timerLoad})
}

// Lines of a story:
//
//	publish a b [timeout= size=]       poll|ack 2|read|last|create|lag|leave|die|join
//	sleep 5ms, leader n2, close n2, down|up n2, mute|unmute, deaf|hearing
//	answer [oldest|newest] [code= base= offset=] values..
func TestAClientDoesAsTheStoriesSay(t *testing.T) {
	datadriven.RunTest(t, "testdata/stories", func(t *testing.T, d *datadriven.TestData) string {
		cfg := Config{Acks: -1, Idempotent: d.HasArg("idempotent"), MinISR: 2, Flush: 1}
		for _, a := range d.CmdArgs {
			if len(a.Vals) == 0 {
				continue
			}
			n, err := strconv.Atoi(a.Vals[0])
			require.NoError(t, err)
			switch a.Key {
			case "acks":
				cfg.Acks = int8(n)
			case "linger":
				cfg.Linger = int64(n) * ms
			case "batch":
				cfg.BatchBytes = n
			case "inflight":
				cfg.InFlight = n
			}
		}
		if d.HasArg("auto") {
			cfg.Commit = Auto
		}
		s := newScene(t, cfg)
		for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
			fmt.Fprintln(&s.text, line)
			s.do(line)
		}
		return s.text.String()
	})
}

func (s *scene) do(line string) {
	set, values := map[string]string{}, []string{}
	for _, f := range strings.Fields(line) {
		if k, v, ok := strings.Cut(f, "="); ok {
			set[k] = v
		} else {
			values = append(values, f)
		}
	}
	num := func(key string, otherwise int64) int64 {
		if v, ok := set[key]; ok {
			if d, err := time.ParseDuration(v); err == nil {
				return int64(d)
			}
			n, err := strconv.ParseInt(v, 10, 64)
			require.NoError(s.t, err)
			return n
		}
		return otherwise
	}
	node := func() machine.NodeID { return machine.NodeID(values[1][1] - '0') }
	group := load.Op{Stream: "T", Consumer: "g", Timeout: num("timeout", 0)}
	switch values[0] {
	case "publish":
		var ops []load.Op
		for _, v := range values[1:] {
			ops = append(ops, load.Op{Verb: history.Publish, Stream: "T/" + strconv.Itoa(int(num("part", 1))-1), Subject: "k", Value: v, Size: int(num("size", 0)), Timeout: num("timeout", 0)})
		}
		s.wants(ops...)
	case "poll":
		group.Verb, group.Batch, group.Expires = history.Fetch, int(num("batch", 10)), num("expires", sec)
		s.wants(group)
	case "ack":
		n, err := strconv.ParseUint(values[1], 10, 64)
		require.NoError(s.t, err)
		group.Verb, group.Delivery, group.Confirm = history.Ack, s.has[n], true
		s.wants(group)
	case "read", "last", "create", "lag", "next":
		group.Verb = map[string]history.Verb{"read": history.Read, "last": history.Last, "create": history.Create, "lag": history.ConsumerInfo, "next": history.NextOf}[values[0]]
		group.Seq, group.Replicas, group.Batch = uint64(num("seq", 1)), 3, int(num("partitions", 2))
		s.wants(group)
	case "leave", "die", "join":
		verb := map[string]history.Verb{"leave": load.Leave, "die": load.Die, "join": load.Join}[values[0]]
		s.wants(load.Op{Verb: verb, Timeout: num("timeout", sec)})
	case "sleep":
		d, err := time.ParseDuration(values[1])
		require.NoError(s.t, err)
		s.sleep(machine.Mono(d))
	case "leader":
		s.leader = uint32(node())
	case "down", "up":
		s.down[node()] = values[0] == "down"
	case "mute", "unmute":
		s.mute = values[0] == "mute"
	case "deaf", "hearing":
		s.deaf = values[0] == "deaf"
	case "close":
		for id, w := range s.conns { // map order: there is one
			if w.node == node() {
				s.forget(id)
				s.step(machine.Input{Kind: machine.ConnClosed, Conn: id})
			}
		}
	case "answer":
		s.reply(values[1:], num)
	default:
		s.t.Fatalf("what is %q?", line)
	}
}

// reply answers the oldest question, or the newest.
func (s *scene) reply(values []string, num func(string, int64) int64) {
	if len(s.asked) == 0 {
		s.say("nothing was asked")
		return
	}
	i := 0
	if len(values) > 0 && values[0] == "newest" {
		i, values = len(s.asked)-1, values[1:]
	}
	q := s.asked[i]
	s.asked = slices.Delete(s.asked, i, i+1)
	code := proto.Code(num("code", 0))
	switch q.api {
	case proto.Produce:
		s.answer(q, &proto.ProduceReply{Parts: []proto.ProduceResult{{ID: 1, Code: code, Base: num("base", 0)}}})
	case proto.Fetch:
		r := proto.FetchResult{ID: 1, Code: code}
		if len(values) > 0 {
			b := proto.Batch{PID: proto.NoProducer, Base: num("base", 0)}
			for _, v := range values {
				b.Records = append(b.Records, proto.AppendRecord(nil, []byte("k"), []byte(v)))
			}
			r.Batches = proto.AppendBatch(nil, &b)
		}
		s.answer(q, &proto.FetchReply{Parts: []proto.FetchResult{r}})
	case proto.OffsetFetch, proto.ListOffset:
		s.answer(q, &proto.OffsetReply{Code: code, Offset: num("offset", 0)})
	default:
		s.answer(q, &proto.CodeReply{Code: code})
	}
}
