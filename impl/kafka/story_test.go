package kafka

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/kafka/metadata"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// The rules of a leader and of a follower, one broker at a time. Lines of a story:
//
//	topic partitions replicas minisr [flush=n]       the controller makes a topic
//	produce 0|1|all values.. [part= timeout= pid= pepoch= seq= pad= corrupt trailing]
//	consume [part= and= at= min= max= wait= epoch=]       a consumer's fetch
//	latest [part=]                                   a client asks for the end
//	n2 at=1 [part= last= epoch= wait= max= full old] another broker fetches
//	fence|unfence|register n2, elect                 what the controller logs
//	isr n1 n2                                        the same, by the wish of another leader
//	granted                                          it logs the ISR that was asked for
//	answer code                                      it answers the oldest such request
//	reply [part= hw= base= epoch= code= diverging=epoch,end] values..   n2's answer to our fetch
//	down|up n2, sleep 5s, hold, release, crash, power failure, watch partition
func TestABrokerDoesAsTheStoriesSay(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			cfg := Config{ELR: d.HasArg("elr"), Unclean: d.HasArg("unclean")}
			if d.HasArg("flush") {
				cfg.FlushInterval = sec
			}
			if d.HasArg("cache") {
				cfg.CacheBytes = 100
			}
			s := newScene(t, cfg)
			for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
				fmt.Fprintln(&s.text, line)
				s.do(line)
				if now := s.state(); now != s.told {
					s.told = now
					s.say("%s", now)
				}
			}
			return s.text.String()
		})
	})
}

// words are a line's: its first, its values, and its settings.
type words struct {
	t      *testing.T
	line   string
	values []string
	set    map[string]string
}

func split(t *testing.T, line string) words {
	w := words{t: t, line: line, set: map[string]string{}}
	for _, f := range strings.Fields(line) {
		if k, v, ok := strings.Cut(f, "="); ok {
			w.set[k] = v
		} else {
			w.values = append(w.values, f)
		}
	}
	return w
}

func (w words) int(key string, otherwise int64) int64 {
	v, ok := w.set[key]
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(v, 10, 64)
	require.NoError(w.t, err, w.line)
	return n
}

func (w words) time(key string, otherwise time.Duration) int64 {
	if v, ok := w.set[key]; ok {
		d, err := time.ParseDuration(v)
		require.NoError(w.t, err, w.line)
		return int64(d)
	}
	return int64(otherwise)
}

// flag takes a word out of the values.
func (w *words) flag(name string) bool {
	for i, v := range w.values {
		if v == name {
			w.values = append(w.values[:i:i], w.values[i+1:]...)
			return true
		}
	}
	return false
}

func (w words) number(i int) uint32 {
	n, err := strconv.ParseUint(strings.TrimPrefix(w.values[i], "n"), 10, 32)
	require.NoError(w.t, err, w.line)
	return uint32(n)
}

func (s *scene) do(line string) {
	w := split(s.t, line)
	switch w.values[0] {
	case "topic":
		s.command(metadata.Command{Create: &proto.CreateTopicRequest{
			Name: fmt.Sprintf("T%d", s.index), Partitions: int(w.number(1)), Replicas: int(w.number(2)), MinISR: int(w.number(3)), FlushMessages: int(w.int("flush", 0)),
		}})
	case "produce":
		s.produce(w)
	case "consume":
		m := &proto.FetchRequest{
			MaxWait: w.time("wait", 500*time.Millisecond), MinBytes: w.int("min", 1), MaxBytes: w.int("max", 1<<20),
			Parts: []proto.FetchPart{{ID: uint32(w.int("part", int64(s.watch))), Epoch: int32(w.int("epoch", -1)), Offset: w.int("at", 0), LastEpoch: -1}},
		}
		if second := w.int("and", 0); second > 0 {
			m.Parts = append(m.Parts, proto.FetchPart{ID: uint32(second), Epoch: -1, LastEpoch: -1})
		}
		s.client(line, proto.Fetch, m)
	case "latest":
		s.client(line, proto.ListOffset, &proto.ListOffsetRequest{ID: uint32(w.int("part", int64(s.watch))), Latest: true})
	case "earliest":
		s.client(line, proto.ListOffset, &proto.ListOffsetRequest{ID: uint32(w.int("part", int64(s.watch)))})
	case "n2", "n3":
		s.fetchOf(w)
	case "fence":
		s.command(metadata.Command{Fence: &metadata.Session{Broker: w.number(1), Epoch: s.b.meta.Broker(w.number(1)).Epoch}})
	case "unfence":
		s.unfence(w.number(1))
	case "register":
		s.command(metadata.Command{Register: &proto.RegisterRequest{Node: w.number(1), Incarnation: s.index + 100}})
	case "elect":
		s.command(metadata.Command{Elect: true})
	case "isr":
		s.isr(w)
	case "granted":
		s.command(metadata.Command{Alter: alterOf(s.t, s.alter)})
	case "answer":
		n, err := strconv.Atoi(w.values[1])
		require.NoError(s.t, err)
		s.reply(s.pending(proto.AlterPartition), &proto.CodeReply{Code: proto.Code(n)})
	case "reply":
		s.replyOf(w)
	case "down", "up":
		kind := machine.PeerUp
		if w.values[0] == "down" {
			kind = machine.PeerDown
		}
		n := machine.NodeID(w.number(1))
		delete(s.session, n)
		s.asked = slices.DeleteFunc(s.asked, func(q question) bool { return q.to == n })
		s.step(machine.Input{Kind: kind, Peer: machine.Addr{Node: n}, Link: machine.RouteLink})
	default:
		s.doToIt(w)
	}
}

// isr has the controller log what another leader asks for.
func (s *scene) isr(w words) {
	p := s.b.meta.Partition(s.watch)
	m := &proto.AlterPartitionRequest{
		Node: p.Leader, BrokerEpoch: s.b.meta.Broker(p.Leader).Epoch, ID: p.ID, LeaderEpoch: p.Epoch, PartitionEpoch: p.Version, Recovered: true,
	}
	for i := range w.values[1:] {
		m.ISR = append(m.ISR, w.number(i+1))
		m.Epochs = append(m.Epochs, s.b.meta.Broker(w.number(i+1)).Epoch)
	}
	s.command(metadata.Command{Alter: m})
}

// doToIt is what the world does to n1.
func (s *scene) doToIt(w words) {
	switch w.values[0] {
	case "sleep":
		d, err := time.ParseDuration(w.values[1])
		require.NoError(s.t, err)
		s.sleep(machine.Mono(d))
	case "hold":
		s.hold = true
	case "release":
		ends := s.ends
		s.hold, s.ends = false, nil
		for _, end := range ends {
			end()
		}
	case "crash":
		s.restart()
	case "power":
		s.power()
		s.restart()
	case "watch":
		s.watch = w.number(1)
	default:
		s.t.Fatalf("what is %q?", w.line)
	}
}

// restart boots n1 again; the controller's log, which is synced, is read to it anew.
func (s *scene) restart() {
	was := s.b.meta
	s.hold, s.ends = false, nil
	s.boot()
	s.b.meta = was
	for _, p := range was.Partitions() {
		s.within(func() { s.b.changed(p.ID) })
	}
	s.sleep(tickEvery)
}

func (s *scene) produce(w words) {
	acks := map[string]int8{"0": 0, "1": 1, "all": -1, "2": 2}[w.values[1]]
	corrupt, trailing := w.flag("corrupt"), w.flag("trailing")
	b := proto.Batch{PID: w.int("pid", proto.NoProducer), PEpoch: int16(w.int("pepoch", 0)), Seq: int32(w.int("seq", -1))}
	for _, v := range w.values[2:] {
		b.Records = append(b.Records, proto.AppendRecord(nil, []byte("k"), []byte(v)))
	}
	if pad := w.int("pad", 0); pad > 0 {
		b.Records = append(b.Records, make([]byte, pad))
	}
	batch := proto.AppendBatch(nil, &b)
	if corrupt {
		batch[len(batch)-1] ^= 1
	}
	if trailing {
		batch = append(batch, 0)
	}
	part := uint32(w.int("part", int64(s.watch)))
	s.client(w.line, proto.Produce, &proto.ProduceRequest{Acks: acks, Timeout: w.time("timeout", 30*time.Second), Parts: []proto.ProducePart{{ID: part, Batch: batch}}})
}

// fetchOf is another broker's fetch.
func (s *scene) fetchOf(w words) {
	from, full, old := machine.NodeID(w.number(0)), w.flag("full"), w.flag("old")
	part := uint32(w.int("part", int64(s.watch)))
	epoch, at := int64(s.b.meta.Partition(part).Epoch), w.int("at", 0)
	last := int64(-1)
	if at > 0 {
		last = epoch
	}
	m := &proto.FetchRequest{MaxWait: w.time("wait", 500*time.Millisecond), MinBytes: 1, MaxBytes: w.int("max", 1<<20), BrokerEpoch: s.b.meta.Broker(uint32(from)).Epoch}
	m.Full = full || !s.session[from]
	s.session[from] = true
	if old {
		m.BrokerEpoch--
	}
	if w.set["at"] != "" {
		m.Parts = []proto.FetchPart{{ID: part, Epoch: int32(w.int("epoch", epoch)), Offset: at, LastEpoch: int32(w.int("last", last))}}
	}
	if w.flag("forget") {
		m.Parts = []proto.FetchPart{{ID: part, Forget: true}}
	}
	s.next++
	frame := append([]byte{frameRequest, byte(s.next), byte(s.next >> 8), 0, 0, byte(proto.ReplicaFetch)}, m.Append(nil)...)
	s.step(machine.Input{Kind: machine.PeerFrame, Peer: machine.Addr{Node: from}, Link: machine.RouteLink, Bytes: frame})
}

// replyOf is the leader's answer to our fetch.
func (s *scene) replyOf(w words) {
	q := s.pending(proto.ReplicaFetch)
	r := proto.FetchResult{ID: uint32(w.int("part", int64(s.watch))), HW: w.int("hw", 0), Code: proto.Code(w.int("code", 0))}
	if v, ok := w.set["diverging"]; ok {
		epoch, end, _ := strings.Cut(v, ",")
		e, err := strconv.Atoi(epoch)
		require.NoError(s.t, err)
		n, err := strconv.Atoi(end)
		require.NoError(s.t, err)
		r.Diverging, r.DivergingEpoch, r.DivergingEnd = true, int32(e), int64(n)
	}
	base := w.int("base", s.b.partition(r.ID).log.Appended())
	for _, v := range w.values[1:] { // a batch each
		batch := proto.AppendBatch(nil, &proto.Batch{PID: w.int("pid", proto.NoProducer), Seq: int32(w.int("seq", -1)), Records: [][]byte{proto.AppendRecord(nil, []byte("k"), []byte(v))}})
		proto.Stamp(batch, base, int32(w.int("epoch", 0)))
		base++
		r.Batches = append(r.Batches, batch...)
	}
	reply := &proto.FetchReply{}
	if len(w.set)+len(w.values) > 1 {
		reply.Parts = []proto.FetchResult{r}
	}
	s.reply(q, reply)
}
