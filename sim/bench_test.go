package sim

import (
	"testing"

	"github.com/brokerlab/brokerlab/model/machine"
)

// bouncer costs next to nothing, so that its benchmark is the cost of the world: it sends a
// frame back to whoever sent it, answers every read, and syncs a record every hundredth frame.
type bouncer struct {
	id     machine.NodeID
	frames int
	out    []*machine.ConnBuf
}

var ball = make([]byte, 128)

func bootBouncer(id machine.NodeID) machine.Boot {
	return func(env *machine.Env, _ machine.Image, fx *machine.Effects) (machine.Machine, error) {
		fx.SetTimer(machine.TimerKey{}, env.Mono+1e6)
		return &bouncer{id: id}, nil
	}
}

func (b *bouncer) Footprint(dst []machine.Use) []machine.Use { return dst }

func (b *bouncer) Step(env *machine.Env, in *machine.Input, fx *machine.Effects) {
	switch in.Kind {
	case machine.TimerFired:
		fx.SetTimer(machine.TimerKey{}, env.Mono+1e6)
	case machine.PeerUp:
		if b.id < in.Peer.Node {
			for range 4 {
				fx.Send(in.Peer, in.Link, ball)
			}
		}
	case machine.PeerFrame:
		fx.Send(in.Peer, in.Link, ball)
		if b.frames++; b.frames%100 == 0 {
			fx.Do(machine.DiskOp{Kind: machine.WriteAt, File: "log", Data: ball, AndSync: true, Token: 1})
		}
	case machine.ConnOpened:
		b.out = append(b.out, in.Out)
		if in.Token != 0 {
			fx.Write(in.Out, ball)
		}
	case machine.ConnBytes:
		fx.Write(b.out[in.Conn-1], in.Bytes)
	}
}

// BenchmarkWorld is what the world itself costs an event: three bouncers and eight clients.
func BenchmarkWorld(b *testing.B) {
	cfg := Config{Seed: 1}
	for id := machine.NodeID(1); id <= 3; id++ {
		cfg.Processes = append(cfg.Processes, Process{ID: id, Broker: true, Boot: bootBouncer(id)})
	}
	for c := range machine.NodeID(8) {
		cfg.Processes = append(cfg.Processes, Process{ID: FirstClient + c, Boot: func(_ *machine.Env, _ machine.Image, fx *machine.Effects) (machine.Machine, error) {
			fx.Dials = append(fx.Dials, machine.Dial{Token: 1, To: 1 + c%3})
			return &bouncer{}, nil
		}})
	}
	w := mustWorld(b, cfg)
	w.RunUntil(second)
	b.ReportAllocs()
	b.ResetTimer()
	before, at := w.Stats().Events, w.Now()
	for w.Stats().Events-before < uint64(b.N) {
		at += millisecond
		w.RunUntil(at)
	}
	b.ReportMetric(float64(w.Stats().Events-before)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkHeap pushes and pops with a thousand events waiting.
func BenchmarkHeap(b *testing.B) {
	var h heap
	x := uint64(1)
	for i := range 1000 {
		x = x*6364136223846793005 + 1442695040888963407
		h.push(event{at: Time(x >> 44), seq: uint64(i)})
	}
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		e := h.pop()
		x = x*6364136223846793005 + 1442695040888963407
		h.push(event{at: e.at + Time(x>>44), seq: uint64(i)})
	}
}
