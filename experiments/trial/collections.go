package trial

import (
	"slices"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/host"
)

// Collections are what one node's collector did within the window.
type Collections struct {
	Events        []host.Event
	Pauses, Marks []int64 // how long each was; sorted after Sort
	Stalls        int
	Heap          int64 // the most that it held
}

// Collections of a node, which counts from 0; sorted.
func (m *Measured) Collections(node int) *Collections {
	c := &Collections{}
	for _, e := range m.GC {
		if e.Node == machine.NodeID(node+1) && e.At >= m.From && e.At < m.From+m.Window {
			c.Add(e.Event)
		}
	}
	c.Sort()
	return c
}

// Add counts an event.
func (c *Collections) Add(e host.Event) {
	c.Events = append(c.Events, e)
	switch e.Kind {
	case host.Pause:
		c.Pauses = append(c.Pauses, e.Nanos)
	case host.Mark:
		c.Marks = append(c.Marks, e.Nanos)
	case host.Stall:
		c.Stalls++
	case host.Heap:
		c.Heap = max(c.Heap, e.Heap)
	}
}

// Sort puts events in order of time: a model tells of a pause when somebody next asks for something.
func (c *Collections) Sort() {
	slices.SortStableFunc(c.Events, func(a, b host.Event) int { return int(min(max(a.At-b.At, -1), 1)) })
	slices.Sort(c.Pauses)
	slices.Sort(c.Marks)
}

// Pause is the length that so many thousandths of the pauses did not pass.
func (c *Collections) Pause(permille int64) int64 { return stats.Permille(c.Pauses, permille) }
