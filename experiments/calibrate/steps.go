package calibrate

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// design is a broker to measure.
type design struct {
	name      string
	boot      func(id machine.NodeID, ids []machine.NodeID) machine.Boot
	scenarios []scenario
}

// scenario is an input, or a few that belong together, to one of a number of nodes. build makes what it needs, and returns
// the node to measure (nil: all) and what to do over and over.
type scenario struct {
	name  string
	nodes int
	build func(r *rig) (only *node, op func())
}

func designs() []design { return []design{natsDesign(), kafkaDesign(), redpandaDesign()} }

// Options bound a measurement. Zero values are a full one's.
type Options struct {
	Quick bool
	// Dir is where files are written: the disk to measure.
	Dir string
	// Progress hears what is being done, how much of it is done, and how much there is.
	Progress func(what string, done, of int)
}

func (o *Options) progress(what string, done, of int) {
	if o.Progress != nil {
		o.Progress(what, done, of)
	}
}

// Steps measures Step of every design. Each row is the fastest of three measurements, which are as far apart in time as
// they can be: what disturbs one of them seldom disturbs all. The end of ctx is its end, with that error.
func Steps(ctx context.Context, o Options) ([]Table, error) {
	rounds, budget := 3, 150*time.Millisecond
	if o.Quick {
		rounds, budget = 1, 15*time.Millisecond
	}
	// One processor: a step runs alone. Collections are few, which is what the ballast is for, and the memory in between is
	// used again and again: what the collector and the kernel's first handing out of a page cost is modelled elsewhere.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ballast := make([]byte, 128<<20) // never touched: it takes no memory but on paper
	defer runtime.KeepAlive(ballast)
	touch(384 << 20)
	all, total := designs(), 0
	best := make([][]Row, len(all))
	for i := range all {
		best[i] = make([]Row, len(all[i].scenarios))
		total += rounds * len(all[i].scenarios)
	}
	done := 0
	for round := range rounds {
		for i := range all {
			for j := range all[i].scenarios {
				s := &all[i].scenarios[j]
				o.progress("step of "+all[i].name+", "+s.name, done, total)
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				row, err := all[i].measure(s, budget)
				if err != nil {
					return nil, fmt.Errorf("step of %s, %s: %w", all[i].name, s.name, err)
				}
				if round == 0 || row.Nanos < best[i][j].Nanos {
					best[i][j] = row
				}
				done++
			}
		}
	}
	var tables []Table
	for i := range all {
		tables = append(tables, newTable(all[i].name, best[i]))
	}
	return tables, nil
}

// touch has the kernel hand out as much memory as the heap will grow to.
func touch(size int) {
	for ; size > 0; size -= 16 << 10 {
		block := make([]byte, 16<<10)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		runtime.KeepAlive(block)
	}
}

func (d *design) measure(s *scenario, budget time.Duration) (Row, error) {
	r := newRig(s.nodes, d.boot)
	if r.err != nil {
		return Row{}, r.err
	}
	only, op := s.build(r)
	if r.err != nil {
		return Row{}, r.err
	}
	return r.measure(s.name, only, op, budget)
}

var payloads = []int{16, 128, 1 << 10, 16 << 10}

// ofSizes is a scenario for each size of payload.
func ofSizes(name string, nodes int, build func(r *rig, size int) (*node, func())) (list []scenario) {
	for _, size := range payloads {
		list = append(list, scenario{fmt.Sprintf("%s/%d", name, size), nodes, func(r *rig) (*node, func()) { return build(r, size) }})
	}
	return list
}
