package sim

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
	"github.com/brokerlab/brokerlab/sim/disk"
)

// World is one run. It is not safe for concurrent use, and only one World of a program may be in
// RunUntil at a time (see entropy.go).
type World struct {
	cfg  Config
	net  NetworkConfig
	seed choice.Seed

	now    Time
	seq    uint64 // of the event being handled
	pushed uint64 // sequence of the last event made
	events heap

	processes []*process // brokers by id, then clients as configured
	brokers   int32
	byID      []int32 // index plus one

	paths     []path
	nowhere   path
	conns     []*conn
	freeConns []uint32
	sessions  []*session
	links     []*session // by pair and link
	segments  segments
	buffers   buffers
	scratch   []byte

	uses     []machine.Use
	env      machine.Env
	in       machine.Input
	fx       machine.Effects
	spare    []*machine.Effects // of boots that are over
	stepping *process
	joined   bool // the step's input came with the read before

	plan     []active
	unbegun  int // faults still to come
	ongoing  int
	healed   bool
	executed faults.Plan
	groups   groups

	trace trace
	stats Stats
}

// New makes a world in which every process boots at time 0. It lists everything wrong with
// the configuration.
func New(cfg Config) (*World, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.WallStart == 0 {
		cfg.WallStart = defaultWallStart
	}
	if cfg.RestartDelay == 0 {
		cfg.RestartDelay = defaultRestartDelay
	}
	w := &World{cfg: cfg, net: cfg.Network.withDefaults(), seed: choice.Seed(cfg.Seed)}
	w.trace.init(cfg.Trace)
	w.makeProcesses()
	w.makePaths()
	w.makeSessions()
	w.groups.init(int(w.brokers))
	for _, p := range w.processes {
		w.push(0, event{kind: evBoot, node: p.index, epoch: p.epoch})
	}
	w.makePlan()
	return w, nil
}

// makeProcesses puts the brokers first, by id: n1 has index 0.
func (w *World) makeProcesses() {
	ordered := slices.Clone(w.cfg.Processes)
	slices.SortStableFunc(ordered, func(a, b Process) int {
		switch {
		case a.Broker && b.Broker:
			return int(a.ID) - int(b.ID)
		case a.Broker:
			return -1
		case b.Broker:
			return 1
		}
		return 0
	})
	for i := range ordered {
		c := &ordered[i]
		p := &process{
			index: int32(i), id: c.ID, name: c.Name, boot: c.Boot, broker: c.Broker, firing: -1,
			image: noDisk{}, hostCfg: c.Host,
		}
		if p.name == "" {
			p.name = fmt.Sprintf("%s%d", map[bool]string{true: "n", false: "c"}[c.Broker], c.ID)
		}
		if c.Broker {
			w.brokers++
			p.disk = disk.New(w.cfg.Disk, w.seed, c.ID)
		}
		p.clock.own = c.DriftPPM
		p.clock.wall = rate{shown: w.cfg.WallStart + c.ClockOffset, ppm: c.DriftPPM}
		w.processes = append(w.processes, p)
		if int(c.ID) >= len(w.byID) {
			w.byID = append(w.byID, make([]int32, int(c.ID)+1-len(w.byID))...)
		}
		w.byID[c.ID] = p.index + 1
	}
}

// processOf finds a process by id; nil if there is none.
func (w *World) processOf(id machine.NodeID) *process {
	if uint64(id) >= uint64(len(w.byID)) || w.byID[id] == 0 {
		return nil
	}
	return w.processes[w.byID[id]-1]
}

// push schedules an event; times past are now.
func (w *World) push(at Time, e event) {
	w.pushed++
	e.at, e.seq = max(at, w.now), w.pushed
	w.events.push(e)
}

// RunUntil handles every event up to and including time t. Time then stands at t.
func (w *World) RunUntil(t Time) {
	defer w.borrowEntropy()()
	for len(w.events.events) > 0 && w.events.events[0].at <= t {
		e := w.events.pop()
		w.now, w.seq = e.at, e.seq
		w.stats.Events++
		w.handle(&e)
	}
	w.now = max(w.now, t)
	w.trace.flush()
}

// handle is one event. Those that need the program, and not only its kernel, wait while it
// is paused.
func (w *World) handle(e *event) {
	p := w.processes[e.node]
	if e.kind.program() && w.waits(p) {
		w.hold(p, *e)
		return
	}
	switch e.kind {
	case evSegment:
		w.arrive(*e)
	case evTimer:
		if e.epoch == p.epoch {
			w.onTimer(p, e)
		}
	case evDisk:
		if e.epoch == p.epoch {
			w.onDisk(p, e)
		}
	case evRead:
		w.onRead(e)
	case evDrained:
		if e.ref>>63 == 1 {
			w.onConnDrained(e)
		} else {
			w.onLinkDrained(e)
		}
	default:
		w.handleRare(p, e)
	}
}

func (w *World) handleRare(p *process, e *event) {
	switch e.kind {
	case evBoot:
		if e.epoch == p.epoch && p.state == down && p.holds == 0 && !p.stuck {
			w.boot(p)
		}
	case evReady:
		if e.epoch == p.epoch {
			w.ready(p)
		}
	case evSyn:
		w.onSyn(e)
	case evOpened:
		w.onOpened(e)
	case evRefused:
		w.onRefused(e)
	case evDialOver:
		w.onDialOver(e)
	case evLinkDial:
		w.onLinkDial(e)
	case evLinkUp:
		w.onLinkUp(e)
	case evLinkDown:
		w.onLinkDown(e)
	case evKeepalive:
		w.onKeepalive(e)
	case evUnstall:
		w.onUnstall(e)
	case evFault:
		w.beginFault(int(e.ref))
	case evFaultOver:
		w.endFault(int(e.ref))
	case evHealed:
		w.heal()
	case evFree:
		if e.epoch == p.epoch {
			p.waking = false
			w.letGo(p)
		}
	}
}

// program says that an event is for the program of its node.
func (k eventKind) program() bool {
	switch k {
	case evReady, evTimer, evRead, evOpened, evRefused, evDialOver, evDrained, evLinkUp, evLinkDown, evKeepalive:
		return true
	}
	return false
}

// Now is the virtual time.
func (w *World) Now() Time { return w.now }

// Hash is the hash over every event so far, in hexadecimal.
func (w *World) Hash() string { return w.trace.sum() }

// Executed is the plan as far as it has struck: roles carry the nodes they came to (none, if
// nobody filled them), so that it replays on the same nodes. Faults still to come are unchanged.
func (w *World) Executed() faults.Plan { return w.executed.Clone() }

// Stats counts what has happened so far.
func (w *World) Stats() Stats { return w.stats }

// Up says that a process runs: booted, and not down. A paused process is up.
func (w *World) Up(n machine.NodeID) bool {
	p := w.processOf(n)
	return p != nil && p.running()
}

// Footprint is the live bytes of a process by kind; nil if it is down.
func (w *World) Footprint(n machine.NodeID) []machine.Use {
	if p := w.processOf(n); p != nil && p.running() {
		return p.machine.Footprint(nil)
	}
	return nil
}

// Busy is the processor time that a process has used in its whole life, over all its boots, in nanoseconds over all lanes; 0
// without a host.
func (w *World) Busy(n machine.NodeID) int64 { return w.spent(n).busy }

// Collected is the processor time that a process's collector has taken, over all boots, in nanoseconds over all threads.
func (w *World) Collected(n machine.NodeID) int64 { return w.spent(n).collected }

// Allocated are the bytes that a process has allocated, over all boots, as its host reckons them.
func (w *World) Allocated(n machine.NodeID) int64 { return w.spent(n).allocated }

func (w *World) spent(n machine.NodeID) spent {
	if p := w.processOf(n); p != nil {
		return p.spending()
	}
	return spent{}
}

// Work is what a process has charged in its whole life, over all its boots.
func (w *World) Work(n machine.NodeID) [machine.WorkKinds]machine.Work {
	if p := w.processOf(n); p != nil {
		return p.work
	}
	return [machine.WorkKinds]machine.Work{}
}

// validatePlan lists what is wrong with the plan.
func (c *Config) validatePlan(brokers int) []error {
	if err := c.Plan.Validate(brokers, nil); err != nil {
		return []error{fmt.Errorf("sim: plan: %w", err)}
	}
	return nil
}

// noDisk is the empty image of a process without a disk.
type noDisk struct{}

func (noDisk) List(string) ([]string, error) { return nil, nil }
func (noDisk) Size(string) (int64, error)    { return 0, machine.ErrNotExist }
func (noDisk) ReadAt(string, []byte, int64) (int, error) {
	return 0, errors.Join(machine.ErrNotExist, io.EOF)
}
