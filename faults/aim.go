package faults

import "github.com/brokerlab/brokerlab/model/machine"

// one draws the target of a fault that strikes nodes.
func (g *generator) one(i int, k Kind) Target {
	if k.Loses() {
		return Node(g.victims[0])
	}
	if k.Media() {
		return Node(g.victims[below(g.draw(i, forNode, 0), uint64(len(g.victims)))])
	}
	pick := below(g.draw(i, forTarget, 0), 100)
	everyone := uint64(5)
	if k == Power {
		everyone = 30 // honest power loss of all nodes at once must be survivable
	}
	switch {
	case pick < everyone:
		return Everyone()
	case pick < 45:
		return g.node(i, forNode)
	case pick < 75:
		return g.role(i, Leader)
	case pick < 85:
		return g.role(i, Follower)
	case pick < 93:
		return g.role(i, Majority)
	}
	return g.role(i, Minority)
}

// node draws any one node.
func (g *generator) node(i int, purpose uint64) Target {
	return Node(machine.NodeID(1 + below(g.draw(i, purpose, 0), uint64(g.opt.Nodes))))
}

// role draws a stream and speaks of its leader or followers.
func (g *generator) role(i int, who Who) Target {
	x := Term{Who: who, Stream: Meta}
	if n := len(g.opt.Streams); n > 0 && below(g.draw(i, forStream, 0), 10) > 0 {
		x.Stream = g.opt.Streams[below(g.draw(i, forStream, 1), uint64(n))]
	}
	if who == Follower {
		x.N = 1 + int(below(g.draw(i, forOther, 0), uint64(max((g.opt.Nodes-1)/2, 1))))
	}
	return Target{x}
}

// single draws one node, by id or by role.
func (g *generator) single(i int) Target {
	switch below(g.draw(i, forTarget, 0), 4) {
	case 0, 1:
		return g.role(i, Leader)
	case 2:
		return g.role(i, Follower)
	}
	return g.node(i, forNode)
}

// ends draws the two ends of a link fault.
func (g *generator) ends(i int, form *form) []Target {
	one, other := g.single(i), TheOthers()
	pick := below(g.draw(i, forShape, 0), 10)
	clients := form.clients && !g.opt.NoClients
	switch {
	case clients && (pick < 3 || g.opt.Nodes < 2):
		other = EveryClient()
	case pick < 5:
		// A pair of nodes: one missing link.
		a := below(g.draw(i, forNode, 1), uint64(g.opt.Nodes))
		b := (a + 1 + below(g.draw(i, forOther, 1), uint64(g.opt.Nodes-1))) % uint64(g.opt.Nodes)
		one, other = Node(machine.NodeID(a+1)), Node(machine.NodeID(b+1))
	}
	if g.draw(i, forSign, 1)&1 == 1 {
		one, other = other, one
	}
	return []Target{one, other}
}

// split draws a partition.
func (g *generator) split(i int) []Target {
	pick := below(g.draw(i, forShape, 0), 20)
	clients := !g.opt.NoClients
	switch {
	case clients && (pick < 3 || g.opt.Nodes < 2):
		return []Target{EveryClient(), g.single(i)}
	case g.opt.Nodes < 3 || pick < 10:
		return []Target{g.single(i), TheOthers()}
	case pick < 12:
		// A leader shut in with its clients, apart from every other node.
		if clients {
			return []Target{append(g.role(i, Leader), EveryClient()...), TheOthers()}
		}
		return []Target{g.role(i, Leader), TheOthers()}
	case pick < 14:
		return g.bridge(i)
	case pick < 15 && g.opt.Nodes >= 5:
		return g.ring()
	}
	return g.halves(i)
}

// halves draws a group for each node, two or (one time in four) three.
func (g *generator) halves(i int) []Target {
	n := uint64(2)
	if below(g.draw(i, forSplit, 0), 4) == 0 {
		n = 3
	}
	out := make([]Target, n)
	for id := 1; id <= g.opt.Nodes; id++ {
		k := below(g.draw(i, forSplit, uint64(id)), n)
		// The first n nodes are dealt out, so that no group is empty.
		if id <= int(n) {
			k = (below(g.draw(i, forSplit, 1<<32), n) + uint64(id)) % n
		}
		out[k] = append(out[k], Node(machine.NodeID(id))...)
	}
	return out
}

// bridge draws two halves with one node in both.
func (g *generator) bridge(i int) []Target {
	out := make([]Target, 2)
	mid := below(g.draw(i, forNode, 2), uint64(g.opt.Nodes))
	for k := range g.opt.Nodes {
		id := machine.NodeID((mid+uint64(k))%uint64(g.opt.Nodes) + 1)
		switch {
		case k == 0:
			out[0], out[1] = append(out[0], Node(id)...), append(out[1], Node(id)...)
		case k <= (g.opt.Nodes-1)/2:
			out[0] = append(out[0], Node(id)...)
		default:
			out[1] = append(out[1], Node(id)...)
		}
	}
	return out
}

// ring lets each node see the two beside it: of five a majority, for each a different one.
func (g *generator) ring() []Target {
	out := make([]Target, g.opt.Nodes)
	for k := range out {
		out[k] = Nodes(machine.NodeID(k+1), machine.NodeID((k+1)%g.opt.Nodes+1))
	}
	return out
}
