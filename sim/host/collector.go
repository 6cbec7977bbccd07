package host

import (
	"fmt"
	"strings"
)

// Kinds of collectors.
const (
	NoCollector = "none"
	Go          = "go"
	G1          = "g1"
	ZGC         = "zgc"
	// Stops collects nothing and stops the world now and then: what formulas of queues with pauses are about, and what a
	// machine does to a program that is stalled with it.
	Stops = "stops"
)

// CollectorConfig chooses and tunes a collector. Zero values are its defaults.
type CollectorConfig struct {
	Kind string `json:"kind"`
	// GOGC in percent (100; below 0: off) and GOMEMLIMIT in bytes (none), of Go.
	GOGC     int64 `json:"gogc,omitempty"`
	MemLimit int64 `json:"mem_limit_bytes,omitempty"`
	// MarkPicos is the processor time to mark one live byte: 0.3 ns (measured on nats-server: 0.13 to 0.5).
	MarkPicos int64 `json:"mark_ps_per_byte,omitempty"`
	// Roots are the bytes of the program's base that Go scans: stacks, globals, and what is on the heap of an idle program (4 MiB:
	// nats-server has 2 MB of live heap when idle, and some stacks).
	Roots int64 `json:"roots_bytes,omitempty"`
	// Heap of a JVM in bytes (1 GiB); MaxPause in nanoseconds that G1 aims at (20 ms, Kafka's scripts) and the
	// share of the heap at which it begins a concurrent cycle (IHOP, 35 %).
	Heap     int64 `json:"heap_bytes,omitempty"`
	MaxPause int64 `json:"max_pause_ns,omitempty"`
	IHOP     int64 `json:"ihop_percent,omitempty"`
	// SurvivorPermille of what the young generation holds lives on at a collection (G1: 20).
	SurvivorPermille int64 `json:"survivor_permille,omitempty"`
	// Stop are the times that it takes to stop the world, in nanoseconds: one in ContendedPermille is drawn evenly between
	// StopMin and StopMax, for the scheduler did not run a thread; the others take StopMin.
	StopMin           int64 `json:"stop_min_ns,omitempty"`
	StopMax           int64 `json:"stop_max_ns,omitempty"`
	ContendedPermille int64 `json:"contended_permille,omitempty"`
	// Every is the mean of the exponential time between two pauses of Stops, which take StopMin each, from beginning to beginning.
	Every int64 `json:"every_ns,omitempty"`
}

// Validate lists every fault.
func (c CollectorConfig) Validate() (faults []error) {
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("collector: "+format, args...))
		}
	}
	kinds := []string{"", NoCollector, Go, G1, ZGC, Stops}
	known := false
	for _, k := range kinds {
		known = known || k == c.Kind
	}
	bad(!known, "kind %q is none of %s", c.Kind, strings.Join(kinds[1:], ", "))
	bad(c.Kind != Go && (c.GOGC != 0 || c.MemLimit != 0 || c.Roots != 0), "gogc, mem_limit_bytes and roots_bytes are Go's, not of %q", c.Kind)
	bad(c.Kind != G1 && (c.MaxPause != 0 || c.IHOP != 0 || c.SurvivorPermille != 0), "max_pause_ns, ihop_percent and survivor_permille are G1's, not of %q", c.Kind)
	bad(c.Kind != G1 && c.Kind != ZGC && c.Heap != 0, "heap_bytes is a JVM's, not of %q", c.Kind)
	bad(c.Kind != Stops && c.Every != 0, "every_ns is of %q, not of %q", Stops, c.Kind)
	bad(c.Kind == Stops && (c.Every <= 0 || c.StopMin <= 0), "%s needs every_ns and stop_min_ns above 0", Stops)
	bad(c.MemLimit < 0 || c.Roots < 0 || c.MarkPicos < 0 || c.Heap < 0 || c.MaxPause < 0 || c.StopMin < 0, "sizes and times must not be negative")
	bad(c.IHOP < 0 || c.IHOP > 100, "ihop_percent %d must be between 0 and 100", c.IHOP)
	bad(c.SurvivorPermille < 0 || c.SurvivorPermille > 1000, "survivor_permille %d must be between 0 and 1000", c.SurvivorPermille)
	bad(c.ContendedPermille < 0 || c.ContendedPermille > 1000, "contended_permille %d must be between 0 and 1000", c.ContendedPermille)
	bad(c.StopMax != 0 && c.StopMax < c.StopMin, "stop_max_ns %d is below stop_min_ns %d", c.StopMax, c.StopMin)
	return faults
}

// EventKind says what a collector did.
type EventKind uint8

const (
	Pause EventKind = iota + 1 // the world was stopped from At for Nanos
	Mark                       // the collector worked beside the program from At for Nanos
	Stall                      // somebody who allocated waited from At for Nanos
	Heap                       // the heap held Live bytes of Heap at At, the next cycle being due at Goal
)

// String is the kind's name in files.
func (k EventKind) String() string { return [...]string{"?", "pause", "mark", "stall", "heap"}[k] }

// Event is something that a collector did.
type Event struct {
	Kind      EventKind
	At, Nanos int64
	// Work is the processor time that a pause or a mark took, over all threads.
	Work             int64
	Live, Heap, Goal int64
	Why              string
}

// collector is one model.
type collector interface {
	// advance carries out whatever is due by now.
	advance(now int64)
	// charge accounts for a step that begins at start, would take cost and allocates alloc bytes; it returns what
	// the step takes.
	charge(start, cost, alloc int64) int64
}

func newCollector(cfg CollectorConfig, h *Host, draw func(n uint64) uint64) collector {
	s := stopper{cfg: &cfg, draw: draw}
	switch cfg.Kind {
	case Go:
		return newGo(cfg, h, s)
	case G1:
		return newG1(cfg, h, s)
	case ZGC:
		return newZ(cfg, h, s)
	case Stops:
		return newStops(cfg, h, draw)
	}
	return none{}
}

// none collects nothing: memory is given back as it was taken.
type none struct{}

func (none) advance(int64)                 {}
func (none) charge(_, cost, _ int64) int64 { return cost }

// stopper draws how long it takes to stop the world.
type stopper struct {
	cfg  *CollectorConfig
	draw func(n uint64) uint64
	n    uint64
}

// stop is G = G0 + B*S: field study of nats-server under Go 1.26 (own work of 10 to 50 microseconds; milliseconds
// when more threads can run than there are cores).
func (s *stopper) stop() int64 { return s.stopOf(s.cfg.ContendedPermille) }

// stopOf is stop with another share of pauses that wait, in thousandths.
func (s *stopper) stopOf(contended int64) int64 {
	s.n++
	low, high := s.cfg.StopMin, s.cfg.StopMax
	if high <= low || s.draw(2*s.n)%1000 >= uint64(contended) {
		return low
	}
	return low + int64(s.draw(2*s.n+1)%uint64(high-low))
}

func orDefault(v *int64, def int64) {
	if *v == 0 {
		*v = def
	}
}
