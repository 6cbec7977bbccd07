package sim

import (
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/sim/disk"
)

// strike sets a fault to work on what it was resolved to.
func (w *World) strike(a *active) {
	f := &a.fault
	a.epochs = a.epochs[:0]
	switch f.Kind {
	case faults.Crash:
		for _, p := range a.nodes {
			p.holds++
			w.kill(p, "crash", true)
		}
	case faults.Power:
		w.powerOff(a)
	case faults.Wipe, faults.Lose, faults.Rot:
		w.harm(a)
	case faults.Pause:
		for _, p := range a.nodes {
			a.epochs = append(a.epochs, p.epoch)
			if p.state != down {
				p.paused++
				w.eachPath(p, w.pathChanged)
			}
		}
	case faults.Reset:
		w.resetBetween(a.paths)
	default:
		w.bend(a, 1)
		w.strikeDisks(a)
	}
	if f.Kind == faults.Clock {
		for _, p := range a.nodes {
			p.clock.wall.turn(w.now, p.clock.wall.ppm)
			p.clock.wall.shown += f.Amount
		}
	}
	if f.Kind == faults.Drift {
		a.on = true
		w.redrift(a.nodes)
	}
}

// lift takes back what a lasting fault did.
func (w *World) lift(a *active) {
	switch a.fault.Kind {
	case faults.Crash, faults.Power, faults.Wipe, faults.Lose:
		for _, p := range a.nodes {
			p.holds--
			if a.fault.Kind == faults.Power {
				p.off--
			}
		}
		for _, p := range a.nodes {
			if a.fault.Kind == faults.Power {
				w.eachPath(p, w.pathChanged)
			}
			w.restart(p)
		}
	case faults.Pause:
		for i, p := range a.nodes {
			if p.epoch != a.epochs[i] || p.paused == 0 {
				continue
			}
			if p.paused--; p.paused == 0 {
				w.letGo(p)
				w.eachPath(p, w.pathChanged)
			}
		}
	case faults.Drift:
		w.redrift(a.nodes)
	default:
		w.bend(a, -1)
		w.liftDisks(a)
	}
}

// powerOff fails the power of every node of a fault at the same instant: first no host
// answers, then they die, then their disks find out what survived.
func (w *World) powerOff(a *active) {
	for _, p := range a.nodes {
		p.holds++
		p.off++
	}
	for _, p := range a.nodes {
		w.kill(p, "power", false)
		if p.disk != nil {
			p.disk.PowerFail(w.now, disk.Keep(a.fault.Keep), a.fault.Tear, uint64(w.now))
		}
		p.died = w.now
	}
	for _, p := range a.nodes {
		w.eachPath(p, w.pathChanged)
	}
}

// harm does to disks what honest ones never do, and tells of it.
func (w *World) harm(a *active) {
	f := &a.fault
	for _, p := range a.nodes {
		if f.Kind == faults.Rot {
			w.harmed(p, p.disk.Rot(f.In, f.Last, uint64(w.now)))
			continue
		}
		p.holds++
		if f.Kind == faults.Lose {
			w.kill(p, "crash", true)
			w.harmed(p, p.disk.Lose(f.In, f.Last, uint64(w.now)))
			continue
		}
		w.kill(p, "wipe", true)
		p.disk.Wipe()
		p.died = w.now // who was down already starts another life too
		w.harmed(p, "wipe: the disk is replaced by an empty one")
	}
}

// harmed records what happened to a disk.
func (w *World) harmed(p *process, what string) {
	if what == "" {
		return
	}
	w.trace.event(w.now, w.seq, p.id, recHarmed, 0, 0, []byte(what))
	if w.trace.text != nil {
		w.trace.linef(w.now, p, "harmed", "%s", what)
	}
	if w.cfg.Hooks.Harmed != nil {
		w.cfg.Hooks.Harmed(w.now, p.id, what)
	}
}

// bend changes the paths of a fault by sign times what it does to them.
func (w *World) bend(a *active, sign int32) {
	amount := int64(sign) * a.fault.Amount
	for _, pt := range a.paths {
		switch a.fault.Kind {
		case faults.Partition, faults.Cut:
			pt.cut += sign
		case faults.Clog:
			pt.clog += sign
		case faults.SlowLink:
			pt.slow += amount
		case faults.Drop:
			pt.drop += amount
		case faults.Duplicate:
			pt.duplicate += amount
		case faults.Reorder:
			pt.reorder += amount
		}
	}
	for _, pt := range a.paths {
		w.pathChanged(pt)
	}
}

func (w *World) strikeDisks(a *active) {
	for _, p := range a.nodes {
		if p.disk == nil {
			continue
		}
		switch a.fault.Kind {
		case faults.SlowDisk:
			p.slow = append(p.slow, a.fault.Amount)
			p.disk.SetSlow(slowest(p.slow))
		case faults.StallDisk:
			p.disk.Stall(a.fault.Ends())
		case faults.FullDisk:
			p.full++
			p.disk.SetFull(true)
		case faults.FailWrite:
			p.disk.FailNextWrite()
		case faults.FailSync:
			p.disk.FailNextSync(disk.SyncFailure(a.fault.Sync))
		}
	}
}

func (w *World) liftDisks(a *active) {
	for _, p := range a.nodes {
		if p.disk == nil {
			continue
		}
		switch a.fault.Kind {
		case faults.SlowDisk:
			for i, x := range p.slow {
				if x == a.fault.Amount {
					p.slow = append(p.slow[:i], p.slow[i+1:]...)
					break
				}
			}
			p.disk.SetSlow(slowest(p.slow))
		case faults.FullDisk:
			p.full--
			p.disk.SetFull(p.full > 0)
		}
	}
}

// slowest is the factor of several slow disks at once: the worst of them.
func slowest(factors []int64) int64 {
	worst := int64(1)
	for _, x := range factors {
		worst = max(worst, x)
	}
	return worst
}

// redrift gives clocks the sum of the drifts at work on them, and their timers new times.
func (w *World) redrift(nodes []*process) {
	for _, p := range nodes {
		var extra int64
		for i := range w.plan {
			a := &w.plan[i]
			if !a.on || a.fault.Kind != faults.Drift {
				continue
			}
			for _, q := range a.nodes {
				if q == p {
					extra += a.fault.Amount
				}
			}
		}
		p.clock.drift(w.now, extra)
		w.retime(p)
	}
}

// resetBetween breaks once whatever runs over the struck paths.
func (w *World) resetBetween(paths []*path) {
	struck := make([]bool, len(w.paths))
	for _, pt := range paths {
		struck[pt.index] = true
	}
	for _, c := range w.conns {
		if c.ends[0].process != nil && (struck[c.pipes[0].path.index] || struck[c.pipes[1].path.index]) {
			w.breakConn(c)
		}
	}
	for _, s := range w.sessions {
		if struck[s.pipes[0].path.index] || struck[s.pipes[1].path.index] {
			w.resetLink(s)
		}
	}
}
