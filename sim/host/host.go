package host

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Cost is what a unit of one kind of work takes.
type Cost struct {
	Nanos int64 `json:"ns"`                // processor time a unit
	Picos int64 `json:"ps_per_byte"`       // and a byte
	Alloc int64 `json:"alloc_bytes"`       // bytes allocated a unit
	PerKB int64 `json:"alloc_per_kb_byte"` // and for every 1024 bytes of payload
}

// Program is what a machine costs to run.
type Program struct {
	// Lanes is how many inputs are handled at once: 1 for a core that one goroutine drives at a time.
	Lanes int
	// Step is the processor time that any input takes beside the work it charges, Wake what one of a program
	// that was asleep takes to wake up: both nanoseconds.
	Step, Wake int64
	// Input is the part of Step that is the kernel's: a read, and the first write.
	Input int64
	// Write is what a step takes for each connection or link that it writes to beyond the first, which is part of Step.
	Write int64
	Work  [machine.WorkKinds]Cost
	// Base is live bytes that no Footprint shows: the runtime, stacks, tables.
	Base int64
}

// Config is one host with its program. The zero value costs nothing.
type Config struct {
	// Cores of the machine; 0: everything is free.
	Cores int
	// NICPicosPerByte is the time a byte takes on the way out, shared by all connections; 0: none.
	NICPicosPerByte int64
	Program         Program
	Collector       CollectorConfig
}

// Validate lists every fault of the configuration.
func (c *Config) Validate() (faults []error) {
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("host: "+format, args...))
		}
	}
	bad(c.Cores < 0 || c.Cores > 1024, "cores %d must be between 0 and 1024", c.Cores)
	bad(c.NICPicosPerByte < 0, "ps per byte of the interface %d is negative", c.NICPicosPerByte)
	bad(c.Program.Lanes < 0 || c.Program.Lanes > 1024, "lanes %d must be between 0 and 1024", c.Program.Lanes)
	bad(c.Program.Step < 0 || c.Program.Wake < 0 || c.Program.Write < 0 || c.Program.Input < 0 || c.Program.Base < 0, "costs must not be negative")
	bad(c.Program.Input > c.Program.Step, "the kernel's part of a step, %d ns, is more than the step's %d", c.Program.Input, c.Program.Step)
	for k, w := range c.Program.Work {
		bad(w.Nanos < 0 || w.Picos < 0 || w.Alloc < 0 || w.PerKB < 0, "costs of %s must not be negative", machine.WorkKind(k))
	}
	return append(faults, c.Collector.Validate()...)
}

// Host is one process's share of a machine. It is not safe for concurrent use.
type Host struct {
	cfg   Config
	lanes []int64 // when each is free again
	out   int64   // when the latest step's effects leave
	nic   int64   // when the interface is free
	gc    collector
	log   func(Event)
	live  func() int64
	busy  int64 // processor time used so far, all lanes
	// waited is what steps have waited within their lanes: for a core that the collector had, or for memory.
	waited int64
	// collected is the collector's: on threads of its own, and in the program's steps by assists and barriers.
	collected int64
	allocated int64
}

// New returns a host for one life of a process. draw gives the n-th random number of the life; live the bytes that the
// program holds; log, if not nil, hears of every pause and cycle.
func New(cfg Config, draw func(n uint64) uint64, live func() int64, log func(Event)) *Host {
	if log == nil {
		log = func(Event) {}
	}
	h := &Host{cfg: cfg, lanes: make([]int64, max(cfg.Program.Lanes, 1)), log: log}
	h.live = func() int64 { return cfg.Program.Base + live() }
	h.gc = newCollector(cfg.Collector, h, draw)
	return h
}

// Free is when the next input can begin: now, or when a lane is free.
func (h *Host) Free(now int64) int64 {
	return max(now, h.lanes[h.next()])
}

// next is the lane that is free first.
func (h *Host) next() int {
	best := 0
	for i, at := range h.lanes {
		if at < h.lanes[best] {
			best = i
		}
	}
	return best
}

// IO is what a step has to do with the kernel.
type IO struct {
	Writes int // connections and links that it writes to
	// Joined: its input came with the read of the step before, and what it writes leaves with the writes of that one.
	Joined bool
}

// Step occupies a lane with a step that begins now, at a time when one is free, and returns when its effects
// leave.
func (h *Host) Step(now int64, work *[machine.WorkKinds]machine.Work, io IO) int64 {
	h.gc.advance(now)
	lane := h.next()
	start := max(now, h.lanes[lane])
	cost, alloc := h.price(work)
	if io.Joined {
		cost -= h.cfg.Program.Input
	} else {
		cost += h.cfg.Program.Write * int64(max(io.Writes-1, 0))
	}
	h.allocated += alloc
	if h.cfg.Program.Wake > 0 && h.out < now {
		cost += h.cfg.Program.Wake
	}
	waited := h.waited
	cost = h.gc.charge(start, cost, alloc)
	h.busy += cost - (h.waited - waited)
	h.lanes[lane] = max(h.lanes[lane], start+cost)
	h.out = max(h.out, h.lanes[lane])
	done := h.out
	h.gc.advance(start + cost)
	return done
}

// price is the processor time and the allocations of a step.
func (h *Host) price(work *[machine.WorkKinds]machine.Work) (nanos, alloc int64) {
	p := &h.cfg.Program
	nanos = p.Step
	for k := range work {
		w, c := &work[k], &p.Work[k]
		if w.Count == 0 && w.Bytes == 0 {
			continue
		}
		nanos += w.Count*c.Nanos + w.Bytes*c.Picos/1000
		alloc += w.Count*c.Alloc + w.Bytes*c.PerKB>>10
	}
	return nanos, alloc
}

// Busy is the processor time that steps have used so far, in nanoseconds over all lanes. What a step waits for a core that the
// collector has, or for memory that it gives back, keeps its lane and is no processor time.
func (h *Host) Busy() int64 { return h.busy }

// Collected is the processor time that the collector has taken so far, over all threads: on its own, and by assists and barriers
// within the program's steps.
func (h *Host) Collected() int64 { return h.collected }

// Allocated are the bytes that steps have allocated so far.
func (h *Host) Allocated() int64 { return h.allocated }

// Transmit books n bytes on the interface from a time on, and returns when the last is out.
func (h *Host) Transmit(from, n int64) int64 {
	if h.cfg.NICPicosPerByte == 0 {
		return from
	}
	h.nic = max(h.nic, from) + n*h.cfg.NICPicosPerByte/1000
	return h.nic
}

// stop keeps every lane from beginning anything from at until at+pause.
func (h *Host) stop(at, pause int64) {
	for i := range h.lanes {
		h.lanes[i] = max(h.lanes[i], at) + pause
	}
}

// crowd is the time that work of cost takes while the collector takes so many thousandths of a core before the program does:
// lanes that find no core wait for one. Go's scheduler sees to it that marking gets its quarter, and no more.
func (h *Host) crowd(cost, taken int64) int64 { return h.within(cost, h.thousandths()-taken) }

// share is crowd for a collector with threads of the operating system's, which is as fair to them as to the program's.
func (h *Host) share(cost, taken int64) int64 {
	need := h.need()
	return h.within(cost, max(h.thousandths()-taken, h.thousandths()*need/(need+taken)))
}

func (h *Host) thousandths() int64 { return int64(h.cfg.Cores) * 1000 }

// need is what the lanes take of the cores if all are busy, in thousandths of a core.
func (h *Host) need() int64 { return int64(min(len(h.lanes), h.cfg.Cores)) * 1000 }

func (h *Host) within(cost, room int64) int64 {
	need := h.need()
	if need <= room {
		return cost
	}
	takes := cost * need / max(room, 100)
	h.waited += takes - cost
	return takes
}
