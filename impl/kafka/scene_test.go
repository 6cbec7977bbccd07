package kafka

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/kafka/metadata"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/impl/memdisk"
	"github.com/brokerlab/brokerlab/model/machine"
)

// scene is one broker, n1, on a stage: the story is its controller, n2, the other brokers, its clients, its disk and its clock.
// Nothing happens but what the story says; what the broker says is written down.
type scene struct {
	t      *testing.T
	cfg    Config
	now    machine.Mono
	lives  int
	b      *Broker
	timers map[machine.TimerKey]machine.Mono
	out    machine.ConnBuf
	shut   bool // the broker has closed the connection

	files  memdisk.Files
	synced map[string]int       // what of each file survives a power failure
	hold   bool                 // ends of disk operations wait
	ends   []func()             // those that wait
	calls  map[string]string    // clients' requests by their correlation: what to call the answer
	apis   map[string]proto.API // and what they were

	index   uint64
	alter   question   // the last AlterPartition
	asked   []question // AlterPartition requests, and fetches, that are not answered
	next    uint32
	watch   uint32 // partition whose state is told
	told    string
	session map[machine.NodeID]bool // a peer has begun its session of fetches
	text    strings.Builder
}

// question is a request of the broker to a peer.
type question struct {
	api         proto.API
	to          machine.NodeID
	correlation uint32
	body        []byte
}

func newScene(t *testing.T, cfg Config) *scene {
	s := &scene{t: t, cfg: cfg, now: sec, files: memdisk.Files{}, synced: map[string]int{}, watch: 1, calls: map[string]string{}, apis: map[string]proto.API{}}
	s.cfg.Node, s.cfg.Nodes = 1, []machine.NodeID{1, 2, 3}
	s.boot()
	for _, id := range []uint32{2, 3} {
		s.command(metadata.Command{Register: &proto.RegisterRequest{Node: id, Incarnation: uint64(id)}})
		s.unfence(id)
	}
	s.sleep(tickEvery)
	s.text.Reset()
	return s
}

// boot boots n1 from its disk; it registers and is unfenced as it should be.
func (s *scene) boot() {
	s.timers, s.session, s.asked, s.told = map[machine.TimerKey]machine.Mono{}, map[machine.NodeID]bool{}, nil, ""
	s.lives++
	var fx machine.Effects
	m, err := Boot(s.cfg)(s.env(), s.files, &fx)
	require.NoError(s.t, err)
	s.b = m.(*Broker)
	s.carryOut(&fx)
	s.shut = true
	leader, term := uint64(2), uint64(1)
	s.within(func() {
		to, kind := uint64(1), pb.MsgHeartbeat
		s.b.group.Receive(&pb.Message{From: &leader, To: &to, Term: &term, Type: &kind})
	})
	for n := machine.NodeID(2); n <= 3; n++ {
		s.step(machine.Input{Kind: machine.PeerUp, Peer: machine.Addr{Node: n}, Link: machine.RouteLink})
	}
}

func (s *scene) open() {
	s.shut, s.out = false, machine.ConnBuf{ID: s.out.ID + 1}
	s.step(machine.Input{Kind: machine.ConnOpened, Conn: s.out.ID, Out: &s.out})
}

func (s *scene) env() *machine.Env { return &machine.Env{Mono: s.now, Choices: draws(16*s.lives + 1)} }

func (s *scene) step(in machine.Input) {
	var fx machine.Effects
	s.b.Step(s.env(), &in, &fx)
	s.carryOut(&fx)
}

// within has the broker do something as if an input had.
func (s *scene) within(f func()) {
	var fx machine.Effects
	s.b.env, s.b.fx = s.env(), &fx
	f()
	s.b.settle()
	s.carryOut(&fx)
}

// command has n1 apply an entry of the controller's log.
func (s *scene) command(c metadata.Command) {
	s.index++
	entry := binary.LittleEndian.AppendUint64(binary.AppendUvarint(nil, 2), 7)
	body := c.Append(nil)
	entry = append(binary.AppendUvarint(binary.AppendUvarint(entry, s.index), uint64(len(body))), body...)
	s.within(func() { s.b.applyMetadata(s.index, 1, entry) })
}

func (s *scene) unfence(id uint32) {
	s.command(metadata.Command{Unfence: &metadata.Session{Broker: id, Epoch: s.b.meta.Broker(id).Epoch}})
}

func (s *scene) carryOut(fx *machine.Effects) {
	var after []func()
	for i := range fx.Disk {
		op := fx.Disk[i]
		read := s.files.Do(&op)
		end := func() {
			switch {
			case op.Kind == machine.Sync || op.AndSync:
				s.synced[op.File] = len(s.files[op.File])
			case op.Kind == machine.Rename:
				s.synced[op.To] = s.synced[op.File]
			case op.Kind == machine.Truncate:
				s.synced[op.File] = min(s.synced[op.File], int(op.Off))
			}
			if op.Token != 0 {
				s.step(machine.Input{Kind: machine.DiskDone, Token: op.Token, Bytes: read})
			}
		}
		if s.hold && strings.HasPrefix(op.File, partitionsDir) {
			s.ends = append(s.ends, end)
		} else {
			after = append(after, end)
		}
	}
	for _, f := range fx.Frames {
		if f.Link == machine.RouteLink {
			s.frame(f.Peer.Node, slices.Clone(f.Bytes))
		}
	}
	for _, t := range fx.Timers {
		s.timers[t.Timer] = t.At
	}
	for _, c := range fx.Closes {
		require.Equal(s.t, s.out.ID, c.Conn)
		s.shut = true
		s.say("the connection is closed")
	}
	s.answers()
	for _, end := range after {
		end()
	}
}

// frame is what n1 says to another broker. What keeps its session alive is answered at once.
func (s *scene) frame(to machine.NodeID, frame []byte) {
	correlation, body := binary.LittleEndian.Uint32(frame[1:]), frame[5:]
	if frame[0] == frameReply {
		var r proto.FetchReply
		require.NoError(s.t, proto.Decode(body, &r, "reply"))
		s.say("to n%d: %s", to, fetched(r.Parts))
		return
	}
	q := question{proto.API(body[0]), to, correlation, body[1:]}
	switch q.api {
	case proto.Register:
		var m proto.RegisterRequest
		require.NoError(s.t, proto.Decode(q.body, &m, "register"))
		s.command(metadata.Command{Register: &m})
		s.reply(q, &proto.RegisterReply{Epoch: s.b.meta.Broker(1).Epoch})
		s.unfence(1)
	case proto.Heartbeat:
		s.reply(q, &proto.CodeReply{})
	case proto.AlterPartition:
		m := alterOf(s.t, q)
		s.say("asks the controller: isr %v of version %d%s", m.ISR, m.PartitionEpoch, s.outdated(m))
		s.alter, s.asked = q, append(s.asked, q)
	case proto.ReplicaFetch:
		var m proto.FetchRequest
		require.NoError(s.t, proto.Decode(q.body, &m, "fetch"))
		s.say("asks n%d: %s", to, fetching(&m))
		s.asked = append(s.asked, q)
	default:
		s.t.Fatalf("a question of %s", q.api)
	}
}

// outdated says which members are named by a process that is no longer registered.
func (s *scene) outdated(m *proto.AlterPartitionRequest) (out string) {
	for i, id := range m.ISR {
		if m.Epochs[i] != s.b.meta.Broker(id).Epoch {
			out += fmt.Sprintf(", n%d's process of before", id)
		}
	}
	return out
}

func alterOf(t require.TestingT, q question) *proto.AlterPartitionRequest {
	m := &proto.AlterPartitionRequest{}
	require.NoError(t, proto.Decode(q.body, m, "alter"))
	return m
}

func (s *scene) reply(q question, m proto.Message) {
	frame := m.Append(binary.LittleEndian.AppendUint32([]byte{frameReply}, q.correlation))
	s.step(machine.Input{Kind: machine.PeerFrame, Peer: machine.Addr{Node: q.to}, Link: machine.RouteLink, Bytes: frame})
}

// pending takes the oldest question of a kind.
func (s *scene) pending(api proto.API) question {
	i := slices.IndexFunc(s.asked, func(q question) bool { return q.api == api })
	require.GreaterOrEqual(s.t, i, 0, "nothing was asked")
	q := s.asked[i]
	s.asked = slices.Delete(s.asked, i, i+1)
	return q
}

// client sends a client's request; what answers it goes by the name.
func (s *scene) client(name string, api proto.API, m proto.Message) {
	if s.shut {
		s.open()
	}
	s.next++
	key := fmt.Sprint(s.next)
	s.calls[key], s.apis[key] = name, api
	s.step(machine.Input{Kind: machine.ConnBytes, Conn: s.out.ID, Bytes: proto.AppendRequest(nil, api, s.next, m)})
}

func (s *scene) answers() {
	var in proto.Splitter
	bytes := slices.Clone(s.out.B)
	s.out.B, s.out.Dirty = s.out.B[:0], false
	require.NoError(s.t, in.Feed(bytes, func(frame []byte) error {
		correlation, body, err := proto.SplitReply(frame)
		key := fmt.Sprint(correlation)
		switch s.apis[key] {
		case proto.Produce:
			var r proto.ProduceReply
			require.NoError(s.t, proto.Decode(body, &r, "produce"))
			for _, p := range r.Parts {
				s.say("%s: %s, at %d", s.calls[key], p.Code, p.Base)
			}
		case proto.Fetch:
			var r proto.FetchReply
			require.NoError(s.t, proto.Decode(body, &r, "fetch"))
			s.say("%s: %s", s.calls[key], fetched(r.Parts))
		default:
			var r proto.OffsetReply
			require.NoError(s.t, proto.Decode(body, &r, "offset"))
			s.say("%s: %s, %d", s.calls[key], r.Code, r.Offset)
		}
		return err
	}))
}

// sleep lets time pass. The controller's quorum stands still.
func (s *scene) sleep(d machine.Mono) {
	for end := s.now + d; ; {
		at := s.timers[machine.TimerKey{Kind: timerTick}]
		if at > end {
			s.now = end
			return
		}
		s.now = at
		s.step(machine.Input{Kind: machine.TimerFired, Timer: machine.TimerKey{Kind: timerTick}})
	}
}

// power takes from the disk what was not synced.
func (s *scene) power() {
	for name := range s.files { // map order: each for itself
		s.files[name] = s.files[name][:min(s.synced[name], len(s.files[name]))]
	}
}

func (s *scene) say(format string, args ...any) { fmt.Fprintf(&s.text, "  "+format+"\n", args...) }

// state is where the partition stands that the story is about.
func (s *scene) state() string {
	p := s.b.partition(s.watch)
	switch {
	case p == nil:
		return ""
	case !p.leading:
		who := "waits for a leader"
		if p.leader != 0 {
			who = fmt.Sprintf("follows n%d", p.leader)
		}
		return fmt.Sprintf("%s in epoch %d: end %d, hw %d", who, p.epoch, p.log.End(), p.hw)
	}
	out := fmt.Sprintf("leads epoch %d: end %d, hw %d, isr %v", p.epoch, p.log.End(), p.hw, p.meta.ISR)
	if p.alter.busy {
		out += fmt.Sprintf(", asked for %v", p.alter.isr)
	}
	return out
}

func fetched(parts []proto.FetchResult) string {
	var out []string
	for _, r := range parts {
		words := []string{fmt.Sprintf("p%d", r.ID)}
		switch {
		case r.Code != proto.OK:
			words = append(words, r.Code.String())
		case r.Diverging:
			words = append(words, fmt.Sprintf("epoch %d ends at %d", r.DivergingEpoch, r.DivergingEnd))
		default:
			words = append(words, fmt.Sprintf("hw %d", r.HW))
		}
		proto.EachBatch(r.Batches, func(h proto.Head, batch []byte) bool {
			b, _, _ := proto.ParseBatch(batch)
			words = append(words, fmt.Sprintf("%d/%d", h.Base, h.Epoch))
			for _, r := range b.Records {
				_, v := proto.SplitRecord(r)
				words = append(words, string(v))
			}
			return true
		})
		out = append(out, strings.Join(words, " "))
	}
	if out == nil {
		return "nothing"
	}
	return strings.Join(out, "; ")
}

func fetching(m *proto.FetchRequest) string {
	out := []string{fmt.Sprintf("wait %v", time.Duration(m.MaxWait))}
	if m.Full {
		out = append(out, "anew")
	}
	for _, p := range m.Parts {
		if p.Forget {
			out = append(out, fmt.Sprintf("p%d no more", p.ID))
		} else {
			out = append(out, fmt.Sprintf("p%d at %d behind epoch %d in epoch %d", p.ID, p.Offset, p.LastEpoch, p.Epoch))
		}
	}
	return strings.Join(out, ", ")
}
