package faults

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// End is one end of a link or connection: a broker node, or a client (Node 0).
type End struct {
	Node   machine.NodeID
	Client bool
}

// has says that the end belongs to a resolved target, in a cluster of size nodes.
func (t Target) has(e End, size int) bool {
	if e.Client {
		return t.HasClients()
	}
	return slices.Contains(t.Expand(size), e.Node)
}

// Strikes says whether a resolved fault of a link kind strikes what from sends to to. A
// partition strikes what passes between two ends that it names and that share no group: who
// is in two groups is the bridge between them, who is in none notices nothing. Cut, clog and
// datagram faults strike one way, a reset and a slow link both.
func (f *Fault) Strikes(from, to End, size int) bool {
	if !f.Kind.OnLinks() || from == to {
		return false
	}
	if f.Kind != Partition {
		a, b := f.Targets[0], f.Targets[1]
		return a.has(from, size) && b.has(to, size) ||
			forms[f.Kind].shape == bothWays && a.has(to, size) && b.has(from, size)
	}
	named := [2]bool{}
	for _, group := range f.Targets {
		in := [2]bool{group.has(from, size), group.has(to, size)}
		if in[0] && in[1] {
			return false
		}
		named[0], named[1] = named[0] || in[0], named[1] || in[1]
	}
	return named[0] && named[1]
}
