package broker

import (
	"cmp"
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// choosePeers takes the nodes with the fewest replicas, the lowest id first among equals and those to avoid last, and
// turns the list so that first leaders spread.
func (s *metaState) choosePeers(replicas int, avoid []machine.NodeID) []machine.NodeID {
	nodes := append([]machine.NodeID(nil), s.g.b.cfg.Nodes...)
	count := func(n machine.NodeID) (c int) {
		if slices.Contains(avoid, n) {
			c = 1 << 30
		}
		for _, a := range s.streams {
			if slices.Contains(a.Peers, n) {
				c++
			}
		}
		return c
	}
	slices.SortFunc(nodes, func(x, y machine.NodeID) int { return cmp.Or(cmp.Compare(count(x), count(y)), cmp.Compare(x, y)) })
	nodes = nodes[:min(replicas, len(nodes))]
	turn := len(s.streams) % max(1, len(nodes)-shared(nodes, avoid)) // never to one that could not lead
	return append(nodes[turn:len(nodes):len(nodes)], nodes[:turn]...)
}

// shared is how many of a are in b.
func shared(a, b []machine.NodeID) (n int) {
	for _, x := range a {
		if slices.Contains(b, x) {
			n++
		}
	}
	return n
}

// absentees are the nodes that could not serve a new stream now: a stream of one replica would have nobody to lead it, and
// who creates it no answer. Only the leader knows, so it says so in the command that all apply.
func (s *metaState) absentees() (absent []machine.NodeID) {
	for _, p := range s.g.b.peers {
		if m := s.g.members.of(p.id); !p.up[machine.RaftLink] || m == nil || !s.g.members.whole(m.id) {
			absent = append(absent, p.id)
		}
	}
	return absent
}
