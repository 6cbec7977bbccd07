package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/machine"
)

// elector is a broker that runs one etcd raft group and nothing else: every frame of it is
// appended to a log and synced before what depends on it is sent. It forgets everything when it
// dies, so its plans do not kill it.
type elector struct {
	node    *raft.RawNode
	storage *raft.MemoryStorage
	id      machine.NodeID
	peers   int
	writes  [][]*pb.Message // by token, less the first still out
	done    machine.Token
	token   machine.Token
	leading bool
	propose bool
	next    machine.Mono
}

const electorTick = machine.Mono(10 * millisecond)

func bootElector(id machine.NodeID, peers int, propose bool) machine.Boot {
	return func(env *machine.Env, _ machine.Image, fx *machine.Effects) (machine.Machine, error) {
		e := &elector{id: id, peers: peers, propose: propose, storage: raft.NewMemoryStorage(), next: env.Mono + electorTick}
		var conf pb.ConfState
		for p := 1; p <= peers; p++ {
			conf.Voters = append(conf.Voters, uint64(p))
		}
		zero, one := uint64(0), uint64(1)
		if err := e.storage.ApplySnapshot(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: &conf, Index: &one, Term: &one}}); err != nil {
			return nil, err
		}
		_ = e.storage.SetHardState(&pb.HardState{Term: &one, Commit: &one, Vote: &zero})
		node, err := raft.NewRawNode(&raft.Config{
			ID: uint64(id), ElectionTick: 64, HeartbeatTick: 4, Storage: e.storage, Applied: 1,
			AsyncStorageWrites: true, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 64,
			CheckQuorum: true, PreVote: true, Logger: silent{},
		})
		e.node = node
		fx.SetTimer(machine.TimerKey{}, e.next)
		return e, err
	}
}

func (e *elector) Footprint(dst []machine.Use) []machine.Use { return dst }

func (e *elector) Step(_ *machine.Env, in *machine.Input, fx *machine.Effects) {
	switch in.Kind {
	case machine.TimerFired:
		e.node.Tick()
		e.next += electorTick
		fx.SetTimer(machine.TimerKey{}, e.next)
		if e.propose && e.leading {
			_ = e.node.Propose(make([]byte, 128))
		}
	case machine.PeerFrame:
		m := &pb.Message{}
		if err := proto.Unmarshal(in.Bytes, m); err != nil {
			machine.Broken("frame: %v", err)
		}
		_ = e.node.Step(m)
	case machine.DiskDone:
		if in.Err != nil || in.Token != e.done+1 {
			machine.Broken("write %d after %d: %v", in.Token, e.done, in.Err)
		}
		e.done++
		for _, m := range e.writes[0] {
			e.route(m, fx)
		}
		e.writes = e.writes[1:]
	}
	e.process(fx)
}

func (e *elector) process(fx *machine.Effects) {
	for e.node.HasReady() {
		rd := e.node.Ready()
		for _, m := range rd.Messages {
			e.route(m, fx)
		}
		if rd.SoftState != nil {
			if leading := rd.SoftState.RaftState == raft.StateLeader; leading != e.leading {
				e.leading = leading
				kind := machine.Follower
				if leading {
					kind = machine.Leader
				}
				fx.Observe(machine.Observation{Kind: kind, Group: 1, Stream: "S", Term: e.node.BasicStatus().GetTerm()})
			}
		}
	}
}

// route sends a message of raft to a peer, to the log or to nobody's state machine.
func (e *elector) route(m *pb.Message, fx *machine.Effects) {
	switch m.GetTo() {
	case uint64(e.id):
		_ = e.node.Step(m)
	case raft.LocalAppendThread:
		if len(m.Entries) > 0 {
			_ = e.storage.Append(m.Entries)
		}
		if m.GetTerm() != 0 {
			term, vote, commit := m.GetTerm(), m.GetVote(), m.GetCommit()
			_ = e.storage.SetHardState(&pb.HardState{Term: &term, Vote: &vote, Commit: &commit})
		}
		e.token++
		e.writes = append(e.writes, m.Responses)
		record, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		fx.Do(machine.DiskOp{Kind: machine.Append, File: "wal", Data: record, AndSync: true, Token: e.token})
	case raft.LocalApplyThread:
		for _, r := range m.Responses {
			_ = e.node.Step(r)
		}
	default:
		frame, _ := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		fx.Send(machine.Addr{Node: machine.NodeID(m.GetTo())}, machine.RaftLink, frame)
	}
}

type silent struct{}

func (silent) Debug(...any)              {}
func (silent) Debugf(string, ...any)     {}
func (silent) Error(...any)              {}
func (silent) Errorf(string, ...any)     {}
func (silent) Info(...any)               {}
func (silent) Infof(string, ...any)      {}
func (silent) Warning(...any)            {}
func (silent) Warningf(string, ...any)   {}
func (silent) Fatal(v ...any)            { panic(fmt.Sprint(v...)) }
func (silent) Fatalf(f string, v ...any) { panic(fmt.Sprintf(f, v...)) }
func (silent) Panic(v ...any)            { panic(fmt.Sprint(v...)) }
func (silent) Panicf(f string, v ...any) { panic(fmt.Sprintf(f, v...)) }

// elections runs three electors under a plan and returns their changes of leadership, the hash, and the world.
func elections(t testing.TB, seed uint64, plan string, until Time, propose bool) ([]string, *World) {
	t.Helper()
	p, err := faults.Parse("plan v1\n" + plan)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	cfg := Config{Seed: seed, Plan: p}
	for id := machine.NodeID(1); id <= 3; id++ {
		cfg.Processes = append(cfg.Processes, Process{ID: id, Broker: true, Boot: bootElector(id, 3, propose)})
	}
	cfg.Hooks.Observe = func(at Time, n machine.NodeID, o *machine.Observation) {
		said = append(said, fmt.Sprintf("%d n%d %s %d", at, n, o.Kind, o.Term))
	}
	cfg.Hooks.Down = func(at Time, n machine.NodeID, why string) { t.Errorf("n%d is down at %d: %s", n, at, why) }
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.RunUntil(until)
	return said, w
}

const stormy = `at 2s partition leader of S | others for 2s
at 6s pause leader of S for 2s
at 10s cut leader of S -> others for 1s
at 12s reset leader of S - others
at 14s drop n1 -> n2 30% for 3s
at 14s reorder n2 -> n3 50% for 3s`

func TestElectionsOfEtcdRaftRepeatExactly(t *testing.T) {
	for seed := uint64(1); seed <= 5; seed++ {
		first, w1 := elections(t, seed, stormy, 30*second, true)
		second, w2 := elections(t, seed, stormy, 30*second, true)
		if !slices.Equal(first, second) || w1.Hash() != w2.Hash() {
			t.Fatalf("seed %d: two runs differ:\n%s\n%s", seed, strings.Join(first, "\n"), strings.Join(second, "\n"))
		}
		if len(first) < 5 {
			t.Fatalf("seed %d: a stormy run has only %d changes of leadership: %v", seed, len(first), first)
		}
	}
}

func TestSeedsDiffer(t *testing.T) {
	a, w1 := elections(t, 1, stormy, 10*second, true)
	b, w2 := elections(t, 2, stormy, 10*second, true)
	if slices.Equal(a, b) || w1.Hash() == w2.Hash() {
		t.Fatalf("seeds 1 and 2 elect alike: %v, hash %s", a, w1.Hash())
	}
}

// BenchmarkRaft is the speed of the world with real machines: three electors whose leader
// proposes 100 entries of 128 bytes a second, protobuf frames, every append synced.
func BenchmarkRaft(b *testing.B) {
	_, w := elections(b, 1, "", 3*second, true)
	before := w.Stats().Events
	b.ReportAllocs()
	b.ResetTimer()
	at := w.Now()
	for i := 0; i < b.N; i++ {
		at += 10 * millisecond
		w.RunUntil(at)
	}
	events := w.Stats().Events - before
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(events)/float64(b.N), "events/op")
}
