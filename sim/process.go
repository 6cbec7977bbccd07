package sim

import (
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
	"github.com/brokerlab/brokerlab/sim/disk"
	"github.com/brokerlab/brokerlab/sim/host"
)

type processState uint8

const (
	down processState = iota
	booting
	up
)

// process is a program and its host.
type process struct {
	index  int32
	id     machine.NodeID
	name   string
	boot   machine.Boot
	broker bool

	state   processState
	epoch   uint32 // one more at each death; what was meant for an earlier life is void
	holds   int32  // faults that keep it down
	off     int32  // of which: power failures
	paused  int32  // faults that keep it stopped
	stuck   bool   // stays down until the world heals (crash loop) or for ever (refused)
	refused bool   // Boot has refused to start
	held    []event
	taken   int        // how many of held, from the front, are handled
	letting bool       // held is being handled
	waking  bool       // an evFree is on its way
	host    *host.Host // of this life; nil: steps are free
	hostCfg host.Config
	spent   spent // on the hosts of the lives before this one

	died    Time // of the last death: the identity of the life after it
	born    Time
	crashes int // in a row, by itself

	machine machine.Machine
	choices choice.Node
	entropy uint64 // bytes read from crypto/rand in this life
	first   *machine.Effects
	disk    *disk.Disk
	slow    []int64       // factors of the slow-disk faults at work
	full    int32         // full-disk faults at work
	image   machine.Image // without a disk
	ops     []diskOp
	freeOps []uint32
	clock   clocks
	timers  timers
	firing  int32 // slot of the timer that is being handled, or -1

	conns   []uint64 // connection end by ConnID-1, noConn if gone
	dials   uint64
	backlog int64

	work [machine.WorkKinds]machine.Work
}

// spent is what a program has used of its host.
type spent struct{ busy, collected, allocated int64 }

// spending is what the process has used so far, in all its lives.
func (p *process) spending() spent {
	sum := p.spent
	if p.host != nil {
		sum.busy += p.host.Busy()
		sum.collected += p.host.Collected()
		sum.allocated += p.host.Allocated()
	}
	return sum
}

func (p *process) running() bool { return p.state == up }

// waits says whether what comes for a program has to wait: it is stopped, or every lane of its host is taken, or
// something that came before waits already.
func (w *World) waits(p *process) bool {
	return p.paused > 0 || p.host != nil && (len(p.held) > p.taken && !p.letting || p.host.Free(w.now) > w.now)
}

// hold keeps an event until the process is resumed, has a lane free, or dies.
func (w *World) hold(p *process, e event) {
	p.held = append(p.held, e)
	w.wake(p)
}

// wake makes sure that what a busy process holds is handled when it is free.
func (w *World) wake(p *process) {
	if p.paused == 0 && p.host != nil && !p.waking && !p.letting {
		p.waking = true
		w.push(p.host.Free(w.now), event{kind: evFree, node: p.index, epoch: p.epoch})
	}
}

// letGo handles what was held. Here and now, in the order of its coming: what arrives at
// this very time must not overtake it. It stops when the process has to wait again.
func (w *World) letGo(p *process) {
	if p.letting {
		return
	}
	p.letting = true
	for p.taken < len(p.held) && !w.waits(p) {
		e := p.held[p.taken]
		p.taken++
		w.handle(&e)
	}
	p.letting = false
	if p.taken == len(p.held) {
		p.held, p.taken = nil, 0
		return
	}
	if p.taken > 64 && 2*p.taken > len(p.held) {
		p.held = append([]event(nil), p.held[p.taken:]...)
		p.taken = 0
	}
	w.wake(p)
}

// Purposes of draws about processes.
const (
	forMono uint64 = iota
	forEntropy
)

// boot starts a process. What its machine wants done before it serves is released when
// the time that reading the disk takes is over.
func (w *World) boot(p *process) {
	w.stats.Boots++
	p.state, p.born = booting, w.now
	// A life is known by the time of the death before it: if a plan loses an earlier fault, this
	// one still draws the same.
	life := uint64(p.died)
	p.choices = choice.Node{Seed: w.seed, Node: p.id, Boot: life}
	p.entropy = 0
	base := choice.Between(w.seed.Draw(choice.Clock, uint64(p.id), life, 0, forMono), second, 3600*second)
	p.clock.mono = rate{since: w.now, shown: base, ppm: p.clock.wall.ppm}
	image, charged := p.image, func() int64 { return 0 }
	if p.disk != nil {
		im := p.disk.Image(life)
		image, charged = im, im.Charged
	}
	p.first = w.spareEffects()
	m, why, err := w.guardBoot(p, image)
	switch {
	case why != "":
		w.crashed(p, why)
	case err != nil:
		p.stuck, p.refused = true, true
		w.kill(p, "boot: "+err.Error(), true)
	default:
		p.machine = m
		w.giveHost(p, life)
		w.push(w.now+max(charged(), 1), event{kind: evReady, node: p.index, epoch: p.epoch})
	}
}

// giveHost gives a life its processor, interface and collector.
func (w *World) giveHost(p *process, life uint64) {
	if p.hostCfg.Cores == 0 {
		return
	}
	draw := func(n uint64) uint64 { return w.seed.Draw(choice.Collector, uint64(p.id), life, n, 0) }
	live := func() (sum int64) {
		w.uses = p.machine.Footprint(w.uses[:0])
		for i := range w.uses {
			sum += w.uses[i].Bytes
		}
		return sum
	}
	var log func(host.Event)
	if w.cfg.Hooks.Collector != nil {
		log = func(e host.Event) { w.cfg.Hooks.Collector(w.now, p.id, &e) }
	}
	p.host = host.New(p.hostCfg, draw, live, log)
}

// spareEffects is where a boot puts its effects. A recovery's are many: their room is used again.
func (w *World) spareEffects() *machine.Effects {
	n := len(w.spare)
	if n == 0 {
		return new(machine.Effects)
	}
	fx := w.spare[n-1]
	w.spare = w.spare[:n-1]
	return fx
}

// ready carries out what the boot wanted done and lets the world in.
func (w *World) ready(p *process) {
	p.state = up
	w.trace.event(w.now, w.seq, p.id, recUp, uint64(p.died), 0, nil)
	if w.trace.text != nil {
		w.trace.linef(w.now, p, "up", "%d bytes of disk in use", p.used())
	}
	if w.cfg.Hooks.Up != nil {
		w.cfg.Hooks.Up(w.now, p.id)
	}
	fx := p.first
	p.first = nil
	w.release(p, fx, w.now)
	fx.Reset()
	w.spare = append(w.spare, fx)
	if p.broker && p.running() {
		w.joinLinks(p)
	}
}

func (p *process) used() int64 {
	if p.disk == nil {
		return 0
	}
	return p.disk.Used()
}

// kill ends a process. tell: its kernel lives on and resets its connections.
func (w *World) kill(p *process, why string, tell bool) {
	if p.state == down {
		return
	}
	w.stats.Deaths++
	said, _, _ := strings.Cut(why, "\n") // line numbers are not the run's
	w.trace.event(w.now, w.seq, p.id, recDown, uint64(p.epoch), 0, []byte(said))
	if w.trace.text != nil {
		w.trace.linef(w.now, p, "down", "%s", why)
	}
	w.dropConns(p, tell)
	if p.broker {
		w.leaveLinks(p, tell)
	}
	if p.disk != nil && tell {
		p.disk.Crash(w.now)
	}
	resumed := p.paused > 0
	p.spent = p.spending()
	p.state, p.machine, p.first, p.paused, p.firing, p.host, p.waking = down, nil, nil, 0, -1, nil, false
	p.epoch++
	p.died = w.now
	p.timers.clear()
	p.ops, p.freeOps = p.ops[:0], p.freeOps[:0]
	w.groups.died(p.index)
	if w.cfg.Hooks.Down != nil {
		w.cfg.Hooks.Down(w.now, p.id, why)
	}
	w.letGo(p)
	if resumed {
		w.eachPath(p, w.pathChanged)
	}
}

// crashed is a death by the process's own doing. It starts again by itself, unless it keeps dying.
func (w *World) crashed(p *process, why string) {
	w.stats.Crashes++
	if w.now-p.born > crashWindow {
		p.crashes = 0
	}
	p.crashes++
	if p.crashes >= crashLimit {
		p.stuck = true
		why += " (the last of too many in a row)"
	}
	w.kill(p, why, true)
	if !p.stuck {
		w.push(w.now+w.cfg.RestartDelay, event{kind: evBoot, node: p.index, epoch: p.epoch})
	}
}

// restart boots a process that is down and that no fault keeps down.
func (w *World) restart(p *process) {
	if p.state == down && p.holds == 0 && !p.stuck {
		w.boot(p)
	}
}
