package sim

import (
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/machine"
)

// group is what observations tell of one Raft group.
type group struct {
	stream  string
	member  []bool // by index of broker
	leading []bool
	term    []uint64
}

// groups is who holds and who leads what, as roles of faults need it. It knows no more than
// machines have said: a deposed leader that has not noticed counts, until one of a higher term is.
type groups struct {
	brokers int
	byID    map[uint64]*group // never ranged over
	inOrder []*group
	last    *group
	lastID  uint64
}

func (g *groups) init(brokers int) { g.brokers, g.byID = brokers, make(map[uint64]*group) }

func (g *groups) find(id uint64) *group {
	if g.last != nil && g.lastID == id {
		return g.last
	}
	x := g.byID[id]
	if x == nil {
		x = &group{member: make([]bool, g.brokers), leading: make([]bool, g.brokers), term: make([]uint64, g.brokers)}
		g.byID[id] = x
		g.inOrder = append(g.inOrder, x)
	}
	g.last, g.lastID = x, id
	return x
}

func (g *groups) observe(node int32, o *machine.Observation) {
	x := g.find(o.Group)
	if o.Stream != "" {
		x.stream = o.Stream
	}
	switch o.Kind {
	case machine.Leader:
		x.member[node], x.leading[node], x.term[node] = true, true, o.Term
	case machine.Follower:
		x.member[node], x.leading[node], x.term[node] = true, false, o.Term
	case machine.Voted, machine.Appended, machine.Truncated, machine.Applied, machine.Stored, machine.Recovered:
		x.member[node] = true
	case machine.StreamDeleted:
		x.member[node], x.leading[node] = false, false
	}
}

// died ends what a process led. It stays a member: its disk does.
func (g *groups) died(node int32) {
	if int(node) >= g.brokers {
		return
	}
	for _, x := range g.inOrder {
		x.leading[node] = false
	}
}

// named is the youngest group of a stream that anybody holds; nil if there is none. The group of
// the cluster itself belongs to no stream.
func (g *groups) named(stream string) *group {
	if stream == faults.Meta {
		stream = ""
	}
	for i := len(g.inOrder) - 1; i >= 0; i-- {
		x := g.inOrder[i]
		if x.stream != stream {
			continue
		}
		for _, m := range x.member {
			if m {
				return x
			}
		}
	}
	return nil
}

// Size, Leader and Members make a World a faults.Cluster.

// Size is the number of brokers.
func (w *World) Size() int { return int(w.brokers) }

// Leader is the running broker that leads stream in the highest term, 0 if none does.
func (w *World) Leader(stream string) machine.NodeID {
	x := w.groups.named(stream)
	if x == nil {
		return 0
	}
	var best *process
	for i, leads := range x.leading {
		if p := w.processes[i]; leads && p.running() && (best == nil || x.term[i] > x.term[best.index]) {
			best = p
		}
	}
	if best == nil {
		return 0
	}
	return best.id
}

// Members are the brokers that hold stream, by id.
func (w *World) Members(stream string) []machine.NodeID {
	var out []machine.NodeID
	if x := w.groups.named(stream); x != nil {
		for i, m := range x.member {
			if m {
				out = append(out, w.processes[i].id)
			}
		}
	}
	return out
}
