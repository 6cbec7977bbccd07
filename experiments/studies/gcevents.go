package studies

import (
	"slices"

	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/host"
)

// collected is what one node's collector did within a window.
type collected struct {
	events        []host.Event
	pauses, marks []int64 // how long each was, sorted
	stalls        int
	heap          int64 // the most that it held
}

func gather(m *trial.Measured, node int) *collected {
	c := &collected{}
	for _, e := range m.GC {
		if e.Node == machine.NodeID(node+1) && e.At >= m.From && e.At < m.From+m.Window {
			c.add(e.Event)
		}
	}
	c.sort()
	return c
}

func (c *collected) add(e host.Event) {
	c.events = append(c.events, e)
	switch e.Kind {
	case host.Pause:
		c.pauses = append(c.pauses, e.Nanos)
	case host.Mark:
		c.marks = append(c.marks, e.Nanos)
	case host.Stall:
		c.stalls++
	case host.Heap:
		c.heap = max(c.heap, e.Heap)
	}
}

// sort puts events in order of time: a model tells of a pause when somebody next asks for something.
func (c *collected) sort() {
	slices.SortStableFunc(c.events, func(a, b host.Event) int { return int(min(max(a.At-b.At, -1), 1)) })
	slices.Sort(c.pauses)
	slices.Sort(c.marks)
}

func (c *collected) pause(permille int64) int64 { return quantileOf(c.pauses, permille) }

// quantileOf is the value below which permille thousandths of sorted values lie; 0 of none.
func quantileOf(sorted []int64, permille int64) int64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int64(len(sorted))*permille/1000, int64(len(sorted)-1))]
}
