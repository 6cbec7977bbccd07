package sim

import (
	"fmt"
	"math/bits"
	slashed "path"
	"runtime"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/disk"
	"github.com/brokerlab/brokerlab/sim/host"
)

// step hands one input to a machine and carries out what it answers. It is called by
// handlers of events, never by what carries out effects: a machine is not stepped within a step.
func (w *World) step(p *process, in *machine.Input) {
	w.stats.Steps[in.Kind]++
	w.trace.input(w.now, w.seq, p, in)
	if why := w.guardStep(p, in); why != "" {
		w.fx.Reset()
		w.stats.Panics++
		w.crashed(p, why)
		return
	}
	w.release(p, &w.fx, w.now+w.cost(p, &w.fx))
	w.fx.Reset()
}

// cost is the time from now until the effects of a step are released: the work it charged, on the process's own
// host. Without a host steps are free.
func (w *World) cost(p *process, fx *machine.Effects) Time {
	if p.host == nil {
		return 0
	}
	return p.host.Step(w.now, &fx.Work, host.IO{Writes: writes(fx), Joined: w.joined}) - w.now
}

// writes is to how many connections and links a step writes: each is a call of the kernel's, whatever it brings. Nodes 64 apart
// would count as one, and there are not that many.
func writes(fx *machine.Effects) int {
	n := len(fx.Dirty)
	var links [machine.Links]uint64 // a bit a node
	for i := range fx.Frames {
		links[fx.Frames[i].Link] |= 1 << (fx.Frames[i].Peer.Node % 64)
	}
	for _, nodes := range links {
		n += bits.OnesCount64(nodes)
	}
	return n
}

// enter sets what a machine may know of the moment.
func (w *World) enter(p *process) {
	w.env = machine.Env{Mono: p.clock.readMono(w.now), Wall: p.clock.readWall(w.now), Choices: &p.choices}
	w.stepping = p
}

func (w *World) guardStep(p *process, in *machine.Input) (why string) {
	w.enter(p)
	defer func() {
		w.stepping = nil
		if r := recover(); r != nil {
			why = panicText(r)
		}
	}()
	p.machine.Step(&w.env, in, &w.fx)
	return ""
}

func (w *World) guardBoot(p *process, image machine.Image) (m machine.Machine, why string, err error) {
	w.enter(p)
	defer func() {
		w.stepping = nil
		if r := recover(); r != nil {
			w.stats.Panics++
			why = panicText(r)
		}
	}()
	m, err = p.boot(&w.env, image, p.first)
	return m, "", err
}

// panicText is what a panic said and where: the first lines of the machine's own code. It is
// called by a deferred function, so that the panicking frames are still there.
func panicText(r any) string {
	var text strings.Builder
	if g, ok := r.(machine.GaveUp); ok {
		return g.Error()
	}
	fmt.Fprintf(&text, "panic: %v", r)
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	panicking := false
	for shown := 0; shown < 3; {
		f, more := frames.Next()
		name := slashed.Base(f.Function)
		switch {
		case strings.HasPrefix(f.Function, "runtime."):
			panicking = panicking || f.Function == "runtime.gopanic"
		case !panicking || name == "machine.Broken":
		case strings.HasPrefix(name, "sim.(*World)"):
			return text.String()
		default:
			fmt.Fprintf(&text, "\n  %s %s:%d", name, slashed.Base(f.File), f.Line)
			shown++
		}
		if !more {
			break
		}
	}
	return text.String()
}

// release carries out effects, as of the time from, in the order of the contract.
func (w *World) release(p *process, fx *machine.Effects, from Time) {
	for i := range fx.Observed {
		w.observe(p, &fx.Observed[i])
	}
	for k := range fx.Work {
		sum, add := &p.work[k], &fx.Work[k]
		sum.Count += add.Count
		sum.Bytes += add.Bytes
		sum.Allocs += add.Allocs
	}
	for i := range fx.Disk {
		w.issue(p, &fx.Disk[i], from)
	}
	for i := range fx.Frames {
		w.sendFrame(p, &fx.Frames[i], from)
	}
	for i := range fx.Resets {
		if s, side := w.sessionOf(p, fx.Resets[i].Peer, fx.Resets[i].Link); s != nil {
			w.breakLink(s, side)
		}
	}
	for _, b := range fx.Dirty {
		w.flush(p, b, from)
	}
	for _, d := range fx.Dials {
		w.dial(p, d, from)
	}
	for _, s := range fx.Pauses {
		w.pauseConn(p, s.Conn, s.On, from)
	}
	for _, c := range fx.Closes {
		w.closeConn(p, c, from)
	}
	for i := range fx.Timers {
		w.setTimer(p, &fx.Timers[i], from)
	}
	if p.backlog > w.net.MaxBacklog {
		w.crashed(p, fmt.Sprintf("out of memory: %d bytes of output wait", p.backlog))
	}
}

// observe tells whoever listens.
func (w *World) observe(p *process, o *machine.Observation) {
	w.stats.Observations++
	w.trace.observation(w.now, w.seq, p, o)
	if p.broker && o.Group != 0 {
		w.groups.observe(p.index, o)
	}
	if w.cfg.Hooks.Observe != nil {
		w.cfg.Hooks.Observe(w.now, p.id, o)
	}
}

// diskOp is an operation of a process on its way to the machine.
type diskOp struct {
	id    disk.OpID
	token machine.Token
	gen   uint32
	kind  machine.DiskKind
	done  bool // completed while the process was paused, as follows
	n     int64
	data  []byte
	err   error
}

// issue hands an operation to the disk.
func (w *World) issue(p *process, op *machine.DiskOp, from Time) {
	if p.disk == nil {
		machine.Broken("process %d has no disk to %s %q on", p.id, op.Kind, op.File)
	}
	w.stats.DiskOps[op.Kind]++
	if op.AndSync {
		w.stats.DiskOps[machine.Sync]++
	}
	id, due := p.disk.Issue(from, *op)
	var slot uint32
	if n := len(p.freeOps); n > 0 {
		slot, p.freeOps = p.freeOps[n-1], p.freeOps[:n-1]
	} else {
		slot = uint32(len(p.ops))
		p.ops = append(p.ops, diskOp{})
	}
	p.ops[slot] = diskOp{id: id, token: op.Token, gen: p.ops[slot].gen + 1, kind: op.Kind}
	w.pushDisk(p, slot, due)
}

func (w *World) pushDisk(p *process, slot uint32, due Time) {
	w.push(due, event{kind: evDisk, node: p.index, epoch: p.epoch, ref: uint64(p.ops[slot].gen)<<32 | uint64(slot)})
}

// onDisk completes an operation that is due. The kernel does so for a paused process too; the news
// waits.
func (w *World) onDisk(p *process, e *event) {
	slot := uint32(e.ref)
	op := &p.ops[slot]
	if op.gen != uint32(e.ref>>32) || op.id == 0 {
		return
	}
	if !op.done {
		due, ok := p.disk.Due(op.id)
		if !ok {
			return
		}
		if due > w.now {
			w.pushDisk(p, slot, due)
			return
		}
		op.n, op.data, op.err = p.disk.Complete(op.id)
		if w.waits(p) {
			op.done, op.data = true, append([]byte(nil), op.data...)
			w.hold(p, *e)
			return
		}
	}
	in := &w.in
	*in = machine.Input{Kind: machine.DiskDone, Token: op.token, N: op.n, Bytes: op.data, Err: op.err}
	*op = diskOp{gen: op.gen}
	p.freeOps = append(p.freeOps, slot)
	if in.Token != 0 || in.Err != nil {
		w.step(p, in)
	}
}
