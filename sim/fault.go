package sim

import (
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/sim/disk"
)

// active is one fault of the plan at work: what it was resolved to when it struck.
type active struct {
	fault  faults.Fault
	on     bool
	nodes  []*process
	epochs []uint32 // of the nodes, when it struck: a pause ends with the life it stopped
	paths  []*path
}

func (w *World) makePlan() {
	w.executed = w.cfg.Plan.Clone()
	w.plan = make([]active, len(w.executed.Faults))
	w.unbegun = len(w.plan)
	for _, i := range w.executed.InOrder() {
		w.push(w.executed.Faults[i].At, event{kind: evFault, ref: uint64(i)})
	}
	if w.unbegun == 0 {
		w.push(0, event{kind: evHealed})
	}
}

// beginFault resolves a fault and sets it to work.
func (w *World) beginFault(i int) {
	w.unbegun--
	f := w.executed.Faults[i].Resolve(w)
	w.executed.Faults[i] = f
	a := &w.plan[i]
	a.fault = f
	w.tellFault(i, true)
	switch {
	case f.Kind == faults.Heal:
		w.endAll()
		w.tellFault(i, false)
	case f.Kind.OnLinks():
		a.paths = w.struckPaths(&f)
	default:
		a.nodes = w.struckNodes(&f)
	}
	if f.Kind != faults.Heal {
		if w.strike(a); f.Kind.Lasting() && len(a.nodes)+len(a.paths) > 0 {
			a.on = true
			w.ongoing++
			w.push(f.Ends(), event{kind: evFaultOver, ref: uint64(i)})
		} else {
			w.tellFault(i, false)
		}
	}
	w.healIfOver()
}

// endFault ends a fault whose time is over, or that is healed.
func (w *World) endFault(i int) {
	if a := &w.plan[i]; a.on {
		a.on = false
		w.ongoing--
		w.tellFault(i, false)
		w.lift(a)
		w.healIfOver()
	}
}

// endAll ends whatever is going on, wakes the disks, and starts what is down.
func (w *World) endAll() {
	for i := range w.plan {
		if a := &w.plan[i]; a.on {
			a.on = false
			w.ongoing--
			w.tellFault(i, false)
			w.lift(a)
		}
	}
	for _, p := range w.processes[:w.brokers] {
		p.disk.Heal(w.now, func(id disk.OpID, due int64) { w.moved(p, id, due) })
	}
	w.startAll()
}

// moved is the news that an operation in flight is due earlier than it was.
func (w *World) moved(p *process, id disk.OpID, due Time) {
	for slot := range p.ops {
		if p.ops[slot].id == id {
			w.pushDisk(p, uint32(slot), due)
		}
	}
}

// startAll starts every process that is down and has not refused to start.
func (w *World) startAll() {
	for _, p := range w.processes {
		if p.state == down && p.holds == 0 && !p.refused {
			p.stuck, p.crashes = false, 0
			w.restart(p)
		}
	}
}

func (w *World) healIfOver() {
	if w.unbegun == 0 && w.ongoing == 0 && !w.healed {
		w.heal()
	}
}

// heal marks the end of the last fault. What is armed to happen once stays armed.
func (w *World) heal() {
	w.healed = true
	w.startAll()
	w.trace.event(w.now, w.seq, 0, recHealed, 0, 0, nil)
	if w.trace.text != nil {
		w.trace.linef(w.now, nil, "healed", "")
	}
	if w.cfg.Hooks.Healed != nil {
		w.cfg.Hooks.Healed(w.now)
	}
}

// tellFault records a fault's beginning or end.
func (w *World) tellFault(i int, on bool) {
	f := &w.plan[i].fault
	var bit uint64
	if on {
		bit = 1
	}
	w.trace.event(w.now, w.seq, 0, recFault, uint64(f.Kind), bit, []byte(f.String()))
	if w.trace.text != nil {
		w.trace.linef(w.now, nil, map[bool]string{true: "fault", false: "over"}[on], "%s", f)
	}
	if w.cfg.Hooks.Fault != nil {
		shown := w.executed.Faults[i]
		w.cfg.Hooks.Fault(w.now, &shown, on)
	}
}

// struckNodes are the processes that a fault strikes.
func (w *World) struckNodes(f *faults.Fault) (out []*process) {
	for _, t := range f.Targets {
		for _, id := range t.Expand(w.Size()) {
			out = append(out, w.processOf(id))
		}
		if t.HasClients() {
			out = append(out, w.processes[w.brokers:]...)
		}
	}
	return out
}

// struckPaths are the paths that a fault strikes. All clients are struck alike.
func (w *World) struckPaths(f *faults.Fault) (out []*path) {
	end := func(p *process) faults.End {
		if p.broker {
			return faults.End{Node: p.id}
		}
		return faults.End{Client: true}
	}
	for _, a := range w.processes[:w.brokers] {
		var there, back bool
		for i, b := range w.processes {
			// Clients are alike: what holds for the first does for the others.
			if a != b && int32(i) <= w.brokers {
				there = f.Strikes(end(a), end(b), w.Size())
				back = !b.broker && f.Strikes(end(b), end(a), w.Size())
			}
			if a != b && there {
				out = append(out, w.pathOf(a, b))
			}
			if a != b && back {
				out = append(out, w.pathOf(b, a))
			}
		}
	}
	return out
}
