package trial

import (
	"math/bits"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim"
	"github.com/brokerlab/brokerlab/sim/host"
)

// Measured is what came of a trial. Counts are of operations asked within the window.
type Measured struct {
	Trace  string
	Events uint64 // of the world, the whole run
	// Window is how long was measured, and From when that began, in nanoseconds of the run.
	From, Window int64
	// Offered were asked; OK, Failed and Unknown is how they ended; Open had not by the end of the grace. Shed were not even
	// asked: too many of their client's were open.
	Offered, OK, Failed, Unknown, Open, Shed int64
	// Done counts what ended well within the window, whenever it was asked: the achieved rate is Done over Window.
	Done int64
	// Latency of operations that ended well, from when they were due, in nanoseconds; those still open count with the time that
	// they have waited. Arrival is that of messages at receivers, from when they were published.
	Latency, Arrival *hdrhistogram.Histogram
	Arrived          int64
	// Delivered came to receivers within the window, whenever it was published. Missing had not by the end of the grace, of the
	// deliveries that Trial.Receivers lets expect; they count in Arrival with the time that they have waited.
	Delivered, Missing int64
	// World is what happened in the world within the window.
	World   sim.Stats
	Nodes   []Node
	Samples []Sample
	GC      []Collected
	Leaders []Leadership
	// Completions are the ends of the window's operations in the order of their coming, if they were kept.
	Completions []Completion
}

// Node is what one broker used in the window.
type Node struct {
	Busy int64 // processor time, in nanoseconds over all lanes
	// Collector is the processor time of the collector: on threads of its own, and by assists and barriers within Busy.
	Collector int64
	// Allocated are the bytes that its steps allocated in the window.
	Allocated int64
	// Uses are the live bytes by kind, and how many things they are: the most of each kind in any sample.
	Uses []machine.Use
	// Peak of live bytes, as sampled, and Live at the window's end.
	Peak, Live int64
	Work       [machine.WorkKinds]machine.Work
}

// Sample is one step of the timeline, which ends At.
type Sample struct {
	At           int64
	Done, Failed int64
	Max          int64   // the longest latency of what ended well in it
	Busy, Live   []int64 // of each node: processor time used in it, live bytes at its end
}

// Collected is something that a node's collector did.
type Collected struct {
	Node machine.NodeID
	host.Event
}

// Leadership is a node that became leader of a group, or of a stream's partition.
type Leadership struct {
	At     int64
	Node   machine.NodeID
	Group  uint64
	Stream string
}

// Completion is the end of an operation; clients are numbered from 0 in the order of the load.
type Completion struct {
	Client    int
	Asked, At int64
	OK        bool
}

// Latencies run from a microsecond to an hour, to three digits.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1000, int64(3600e9), 3) }

// Rate is a count of the window a second, rounded; a count of bytes times a billion may be wider than 64 bits.
func (m *Measured) Rate(count int64) int64 {
	hi, lo := bits.Mul64(uint64(count), 1e9)
	lo, carry := bits.Add64(lo, uint64(m.Window)/2, 0)
	quo, _ := bits.Div64(hi+carry, lo, uint64(m.Window))
	return int64(quo)
}

// Quantile is the latency below which a share of ppm parts per million lies, in nanoseconds.
func Quantile(h *hdrhistogram.Histogram, ppm int64) int64 {
	return h.ValueAtQuantile(float64(ppm) / 10_000)
}

// Leader is the node that was the last to lead a stream before a time, or "", the cluster's own group; 0 if none has.
func (m *Measured) Leader(stream string, at int64) (node machine.NodeID) {
	for _, l := range m.Leaders {
		if l.At < at && l.Stream == stream {
			node = l.Node
		}
	}
	return node
}
