package sim

import (
	"flag"
	"testing"

	"github.com/brokerlab/brokerlab/faults"
)

var soakSeeds = flag.Int("soak", 30, "seeds of the soak test")

// After a wild run has healed and gone quiet, the books balance: nothing is cut, held, stalled
// or in flight, every link is up, and no buffer, segment or connection is lost.
func TestAfterAnyPlanTheBooksBalance(t *testing.T) {
	var seen Stats
	for seed := uint64(1); seed <= uint64(*soakSeeds); seed++ {
		cfg := wild(seed)
		cfg.Network.Datagrams = seed%3 == 0
		if seed%2 == 0 {
			cfg.Network.Window, cfg.Network.PeerWindow = 8<<10, 16<<10
			cfg.Network.RaftQueue, cfg.Network.RouteQueue = 64<<10, 64<<10
		}
		if seed%5 == 0 {
			cfg.Plan = faults.Generate(seed, faults.GenOptions{
				Nodes: 3, Streams: []string{"S"}, Start: second, End: 12 * second, Gap: second / 4,
				Kinds: []faults.Kind{faults.Drop, faults.Duplicate, faults.Reorder, faults.Cut, faults.Clog, faults.Pause, faults.Crash, faults.Power, faults.Reset},
			})
		}
		w := mustWorld(t, cfg)
		w.RunUntil(60 * second)
		for _, p := range w.processes {
			if p.holds != 0 || p.off != 0 || p.paused != 0 || p.held != nil || p.full != 0 || len(p.slow) != 0 || !p.running() {
				t.Errorf("seed %d: %s: holds %d, off %d, paused %d, held %d, full %d, slow %v, state %d", seed, p.name, p.holds, p.off, p.paused, len(p.held), p.full, p.slow, p.state)
			}
			if p.backlog != 0 {
				t.Errorf("seed %d: %s has a backlog of %d bytes", seed, p.name, p.backlog)
			}
			if live := len(p.ops) - len(p.freeOps); live != 0 {
				t.Errorf("seed %d: %s has %d disk operations in flight", seed, p.name, live)
			}
		}
		for i := range w.paths {
			pt := &w.paths[i]
			if pt.cut != 0 || pt.clog != 0 || pt.slow != 0 || pt.drop != 0 || pt.duplicate != 0 || pt.reorder != 0 || pt.silent || pt.waiting != nil || pt.armed {
				t.Errorf("seed %d: path %s-%s: %+v", seed, pt.from.name, pt.to.name, *pt)
			}
		}
		for _, s := range w.sessions {
			if !s.up[0] || !s.up[1] || s.upGen[0] != s.gen || s.upGen[1] != s.gen || s.dialing {
				t.Errorf("seed %d: %s of %s and %s: up %v in %v of %d, dialing %v", seed, s.link, s.sides[0].name, s.sides[1].name, s.up, s.upGen, s.gen, s.dialing)
			}
			checkPipes(t, seed, s.pipes[:])
		}
		for _, c := range w.conns {
			checkPipes(t, seed, c.pipes[:])
			if a, b := c.ends[0].state, c.ends[1].state; a == endOpening || b == endOpening {
				t.Errorf("seed %d: conn %d is still opening", seed, c.slot)
			}
		}
		if n := len(w.segments.all) - len(w.segments.free); n != 0 {
			t.Errorf("seed %d: %d segments are lost", seed, n)
		}
		add(&seen, w.Stats())
	}
	// The runs have done what they are for.
	for name, n := range map[string]uint64{
		"deaths": seen.Deaths, "frames": seen.Frames, "lost frames": seen.FramesLost, "frames to nobody": seen.FramesToNobody,
		"acks": seen.Acks, "broken sessions": seen.SessionsBroken, "overflows": seen.QueueOverflows,
	} {
		if n < 5 {
			t.Errorf("all seeds together had only %d %s", n, name)
		}
	}
	if seen.Panics != 0 {
		t.Errorf("%d panics", seen.Panics)
	}
}

func checkPipes(t *testing.T, seed uint64, pipes []pipe) {
	for i := range pipes {
		if p := &pipes[i]; p.inflight != 0 || p.backlog != 0 || len(p.stalled) != 0 || p.head != len(p.queue) {
			t.Errorf("seed %d: %s %s-%s: %d in flight, %d wait, %d stalled, %d queued", seed, p.label(), p.from.name, p.to.name, p.inflight, p.backlog, len(p.stalled), len(p.queue)-p.head)
		}
	}
}

func add(sum *Stats, s Stats) {
	sum.Deaths += s.Deaths
	sum.Frames += s.Frames
	sum.FramesLost += s.FramesLost
	sum.FramesToNobody += s.FramesToNobody
	sum.Acks += s.Acks
	sum.SessionsBroken += s.SessionsBroken
	sum.QueueOverflows += s.QueueOverflows
	sum.Panics += s.Panics
}
