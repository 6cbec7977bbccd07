package faults

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Kind is what goes wrong.
type Kind uint8

const (
	Crash Kind = iota + 1
	Power
	Pause
	Partition
	Cut
	Clog
	SlowLink
	Reset
	Drop
	Duplicate
	Reorder
	SlowDisk
	StallDisk
	FullDisk
	FailWrite
	FailSync
	Clock
	Drift
	Wipe
	Lose
	Rot
	Heal
	kinds
)

// Keep says which unsynced operations survive a power failure. Names are those of
// sim/disk's policies.
type Keep uint8

const (
	KeepUnset    Keep = iota
	KeepNone          // nothing
	KeepAll           // everything
	KeepPrefix        // the first so many, in order
	KeepSubset        // any that could have
	KeepLast          // of each file only the last write: most reordering
	KeepMetadata      // names and sizes, not the bytes
	KeepData          // bytes in place, not names and sizes
	KeepAny           // one of the above, drawn for each file
)

// SyncFailure says what a failed sync leaves behind (Rebello et al., ATC'20).
type SyncFailure uint8

const (
	SyncDrawn  SyncFailure = iota // SyncKeep or SyncRevert, drawn
	SyncKeep                      // the cache still shows the new bytes (ext4 ordered, XFS)
	SyncRevert                    // the cache shows the old bytes (Btrfs)
	// SyncLate: this sync reports success, the next one fails (ext4 data=journal). No quorum
	// survives a member that lied about a sync, so it is only ever asked for by name.
	SyncLate
)

// Fault is one thing that goes wrong. Fields that its kind does not use are zero.
type Fault struct {
	At   int64 // nanoseconds since the run began
	Kind Kind
	// Targets are the groups of a partition, the two ends of a link fault (from, to), or the
	// one target of anything else.
	Targets []Target
	For     int64 // nanoseconds
	// Amount is nanoseconds of added latency (SlowLink) or of a clock's step, parts per
	// million of frames (Drop, Duplicate, Reorder) or of a clock's rate (Drift), or the
	// factor of SlowDisk.
	Amount int64
	Keep   Keep
	Tear   bool
	Sync   SyncFailure
	// In begins the names of the files that Lose and Rot strike. Unless Last, they spare what nobody
	// could tell from a torn write: the newest file of a directory, or the newest synced bytes of a file.
	In   string
	Last bool
}

// Plan is everything that goes wrong in a run. Faults need not be in order of time.
type Plan struct {
	Faults []Fault
}

// Ends is the time at which f is over if nothing heals it before. Kinds that strike once, and
// clock steps (which last), end when they begin.
func (f *Fault) Ends() int64 { return f.At + f.For }

// InOrder returns the indices of the faults in order of time, ties in order of the plan.
func (p Plan) InOrder() []int {
	order := make([]int, len(p.Faults))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := p.Faults[a].At, p.Faults[b].At; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return order
}

// Healed is the time when the last fault is over: ended by itself or by a Heal. It is 0 for
// an empty plan.
func (p Plan) Healed() int64 {
	var heals []int64
	for i := range p.Faults {
		if p.Faults[i].Kind == Heal {
			heals = append(heals, p.Faults[i].At)
		}
	}
	slices.Sort(heals)
	var last int64
	for i := range p.Faults {
		f := &p.Faults[i]
		end := f.Ends()
		// A heal at the very time of a fault strikes after it only if it comes later in the
		// plan; taking the next later one errs to the safe side.
		if h, _ := slices.BinarySearch(heals, f.At+1); h < len(heals) {
			end = min(end, heals[h])
		}
		last = max(last, end)
	}
	return last
}

// Clone returns a plan that shares nothing with p.
func (p Plan) Clone() Plan {
	out := Plan{Faults: slices.Clone(p.Faults)}
	for i := range out.Faults {
		out.Faults[i].Targets = cloneTargets(out.Faults[i].Targets)
	}
	return out
}

// Without returns the plan less its i-th fault: the step of a reduction.
func (p Plan) Without(i int) Plan {
	out := p.Clone()
	out.Faults = slices.Delete(out.Faults, i, i+1)
	return out
}

func cloneTargets(ts []Target) []Target {
	out := slices.Clone(ts)
	for i := range out {
		out[i] = slices.Clone(out[i])
		for j := range out[i] {
			out[i][j].Nodes = slices.Clone(out[i][j].Nodes)
		}
	}
	return out
}

// Cluster is what resolving a role needs to know of the moment.
type Cluster interface {
	// Size is the number of broker nodes; they are 1 … Size.
	Size() int
	// Leader is the node leading stream ("meta" is the group of the cluster itself), or 0.
	Leader(stream string) machine.NodeID
	// Members are the nodes that hold stream, sorted; nil if there is no such stream.
	Members(stream string) []machine.NodeID
}
