package scale

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/experiments/trial"
)

func grid(o *study.Options) (points []study.Point) {
	for _, f := range factors() {
		values := f.small
		if o.Size == study.Full {
			values = append(append([]int(nil), values...), f.more...)
		}
		for _, s := range f.systems {
			for _, v := range values {
				points = append(points, func(seed rundir.Seed, out *study.Output) error { return f.point(s, o, seed, v, out) })
			}
		}
	}
	return points
}

// point measures a factor at a value.
func (f *factor) point(s systems.System, o *study.Options, seed rundir.Seed, value int, out *study.Output) error {
	t := f.trial(&s, o, seed, value)
	m, err := trial.Run(t)
	if err != nil {
		return fmt.Errorf("%s %d: %w", f.name, value, err)
	}
	busy, live := int64(0), int64(0)
	for i := range m.Nodes {
		busy += m.Nodes[i].Busy
		live += m.Nodes[i].Live
	}
	h, open := m.Latency, m.Open
	if t.Receivers > 0 {
		h, open = m.Arrival, m.Missing
	}
	out.Events += m.Events
	out.Add("costs", f.name, s.Name, value, seed, m.Offered, m.Window, trial.Quantile(h, 500_000), trial.Quantile(h, 990_000), open,
		m.World.Events, m.World.Bytes, m.World.Syncs(), busy, live, m.Events)
	return nil
}
