package sim

import (
	"errors"
	"fmt"
	"io"

	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
	"github.com/brokerlab/brokerlab/sim/disk"
	"github.com/brokerlab/brokerlab/sim/host"
)

// Time is virtual nanoseconds since the run began.
type Time = int64

const (
	microsecond Time = 1_000
	millisecond      = 1000 * microsecond
	second           = 1000 * millisecond
)

// Process is one program of the world, for the whole run: it may boot many times.
type Process struct {
	// ID is 1 … k for the k brokers, and FirstClient or more for clients.
	ID   machine.NodeID
	Name string // for traces; n1 for node 1, c1000 for client 1000 if empty
	Boot machine.Boot
	// Broker processes have a disk, links to all other brokers, and accept connections;
	// clients have an empty image, and dial.
	Broker bool
	// ClockOffset is what the wall clock shows beyond the true time, in nanoseconds; DriftPPM
	// how much too fast both clocks run.
	ClockOffset, DriftPPM int64
	// Host is what running it costs; the zero value makes its steps free.
	Host host.Config
}

// FirstClient is the least id of a client; lastID the greatest of all.
const (
	FirstClient machine.NodeID = 1000
	lastID      machine.NodeID = 1<<20 - 1
)

// Config is everything that a run is a function of.
type Config struct {
	Seed      uint64
	Processes []Process
	Plan      faults.Plan
	Network   NetworkConfig
	Disk      disk.Config
	// WallStart is the true wall time at the start, Unix nanoseconds; 0 is 2026-01-01.
	WallStart int64
	// RestartDelay is how long a process stays down after a crash that no fault of the plan
	// ends (a panic, an exhausted buffer); 0 is a second. After crashLimit such crashes in a row, none of
	// them longer than crashWindow after the boot before, it stays down.
	RestartDelay Time
	Hooks        Hooks
	// Trace gets the run as text while it happens; nil: none. The hash is taken always.
	Trace io.Writer
}

const (
	defaultWallStart    = 1_767_225_600_000_000_000
	defaultRestartDelay = second
	crashLimit          = 10
	crashWindow         = 10 * second
)

// Hooks tell the runner what happens, as it happens. They must not call back into the World's
// RunUntil; what they are pointed to is valid during the call only. Any may be nil.
type Hooks struct {
	// Observe gets every observation of a machine.
	Observe func(t Time, n machine.NodeID, o *machine.Observation)
	// Fault gets every fault, resolved, as it begins and as it ends. A fault that strikes
	// once, or whose roles nobody filled, begins and ends at one time.
	Fault func(t Time, f *faults.Fault, on bool)
	// Healed is called once, when the last fault of the plan is over and what it left
	// down has been told to start; progress is owed from here on.
	Healed func(t Time)
	// Collector gets what the collector of a process's host does; the event's time may lie a little beside t.
	Collector func(t Time, n machine.NodeID, e *host.Event)
	// Down tells that a process ended, and why: "crash", "power", "wipe", "panic: …", "boot: …", "out of memory: …".
	Down func(t Time, n machine.NodeID, why string)
	// Harmed tells that a disk lost or changed what had been synced on it, and what.
	Harmed func(t Time, n machine.NodeID, what string)
	// Up tells that a process has booted and takes inputs.
	Up func(t Time, n machine.NodeID)
}

// NetworkConfig is what the network is like when nothing is wrong. Zero values are the
// defaults of a LAN.
type NetworkConfig struct {
	// Latency is one way, drawn for every segment and frame; default choice.LAN.
	Latency *choice.Quantiles
	// PicosPerByte is the time a byte takes on the wire of its flow: default 800 (10 Gbit/s).
	PicosPerByte int64
	// Window bounds the bytes of one direction of a connection, and PeerWindow those of
	// a peer link, that are sent and not yet read: default 256 KiB and 1 MiB.
	Window, PeerWindow int64
	// RaftQueue and RouteQueue bound the bytes of frames that wait beyond the window. The
	// Raft link then drops the newest frame; the route link breaks. Default 8 and 64 MiB.
	RaftQueue, RouteQueue int64
	// MaxBacklog bounds the connection output of one process that waits beyond windows;
	// the process is killed when it grows past: default 256 MiB.
	MaxBacklog int64
	// ReadMax is the most bytes of one read, default 64 KiB. CutPermille of a thousand reads
	// are cut at a drawn point, default 60; negative: none.
	ReadMax     int
	CutPermille int64
	// DialTimeout ends an attempt to connect, default 2 s; Keepalive breaks a peer link from which
	// nothing is heard, default 3 s and up to a fifth more, drawn; Reconnect is the pause
	// between attempts to connect a peer link, default 250 ms and up to as much more, drawn.
	DialTimeout, Keepalive, Reconnect Time
	// Datagrams makes the Raft links hostile: no session, so a one-way cut lets one side go on
	// hearing the other for ever.
	Datagrams bool
}

func (n NetworkConfig) withDefaults() NetworkConfig {
	if n.Latency == nil {
		n.Latency = choice.LAN
	}
	for _, d := range []struct {
		have *int64
		want int64
	}{
		{&n.PicosPerByte, 800},
		{&n.Window, 256 << 10},
		{&n.PeerWindow, 1 << 20},
		{&n.RaftQueue, 8 << 20},
		{&n.RouteQueue, 64 << 20},
		{&n.MaxBacklog, 256 << 20},
		{&n.CutPermille, 60},
		{&n.DialTimeout, 2 * second},
		{&n.Keepalive, 3 * second},
		{&n.Reconnect, 250 * millisecond},
	} {
		if *d.have == 0 {
			*d.have = d.want
		}
	}
	if n.ReadMax == 0 {
		n.ReadMax = 64 << 10
	}
	n.CutPermille = max(n.CutPermille, 0)
	return n
}

// validate lists every fault of the configuration.
func (c *Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("sim: "+format, args...)) }
	seen := make(map[machine.NodeID]bool)
	brokers := 0
	for i := range c.Processes {
		p := &c.Processes[i]
		if p.Broker {
			brokers++
		}
		switch {
		case seen[p.ID]:
			bad("process id %d is used twice", p.ID)
		case p.Broker && (p.ID == 0 || p.ID >= FirstClient):
			bad("broker id %d is not between 1 and %d", p.ID, FirstClient-1)
		case !p.Broker && (p.ID < FirstClient || p.ID > lastID):
			bad("client id %d is not between %d and %d", p.ID, FirstClient, lastID)
		}
		seen[p.ID] = true
		if p.Boot == nil {
			bad("process %d has no Boot", p.ID)
		}
		for _, err := range p.Host.Validate() {
			bad("process %d: %v", p.ID, err)
		}
		if p.DriftPPM < -maxPPM || p.DriftPPM > maxPPM {
			bad("process %d drifts by %d ppm, more than %d", p.ID, p.DriftPPM, maxPPM)
		}
	}
	for id := 1; id <= brokers; id++ {
		if !seen[machine.NodeID(id)] {
			bad("the %d brokers are not numbered 1 to %d: %d is missing", brokers, brokers, id)
		}
	}
	if len(c.Processes) == 0 {
		bad("no processes")
	}
	if c.RestartDelay < 0 {
		bad("restart delay %d ns is negative", c.RestartDelay)
	}
	errs = append(errs, c.Network.validate()...)
	errs = append(errs, c.validatePlan(brokers)...)
	return errors.Join(errs...)
}

func (n *NetworkConfig) validate() (errs []error) {
	for _, v := range []struct {
		name  string
		value int64
	}{
		{"picoseconds per byte", n.PicosPerByte},
		{"window", n.Window},
		{"peer window", n.PeerWindow},
		{"raft queue", n.RaftQueue},
		{"route queue", n.RouteQueue},
		{"backlog limit", n.MaxBacklog},
		{"read limit", int64(n.ReadMax)},
		{"dial timeout", n.DialTimeout},
		{"keepalive", n.Keepalive},
		{"reconnect pause", n.Reconnect},
	} {
		if v.value < 0 {
			errs = append(errs, fmt.Errorf("sim: network: %s %d is negative", v.name, v.value))
		}
	}
	return errs
}
