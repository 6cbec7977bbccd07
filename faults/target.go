package faults

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Who is how a term of a target names nodes.
type Who uint8

const (
	OneNode   Who = iota + 1 // Node
	All                      // every broker node
	Clients                  // every client; no node
	Others                   // every node not named by the other targets of the fault
	Leader                   // the leader of Stream
	Follower                 // the Nth member of Stream, by id, that does not lead it
	Followers                // every member of Stream that does not lead it
	Members                  // every member of Stream
	Majority                 // the fewest members of Stream that are a majority, without the leader if that leaves enough
	Minority                 // the most members of Stream that are no majority, without the leader
)

// Term is one part of a target. Roles (Others and everything after it) are resolved when the
// fault strikes: Resolved is set then, and Nodes are what it came to, possibly none.
type Term struct {
	Who      Who
	Node     machine.NodeID
	N        int
	Stream   string
	Resolved bool
	Nodes    []machine.NodeID
}

// Target is what a fault strikes: the union of its terms.
type Target []Term

// Node is the target of one node.
func Node(id machine.NodeID) Target { return Target{{Who: OneNode, Node: id}} }

// Nodes is the target of several nodes.
func Nodes(ids ...machine.NodeID) Target {
	t := make(Target, len(ids))
	for i, id := range ids {
		t[i] = Term{Who: OneNode, Node: id}
	}
	return t
}

// Everyone is the target of all broker nodes; EveryClient of all clients; TheOthers of the
// nodes its fault does not name otherwise.
func Everyone() Target    { return Target{{Who: All}} }
func EveryClient() Target { return Target{{Who: Clients}} }
func TheOthers() Target   { return Target{{Who: Others}} }

// LeaderOf is the target of whoever leads stream when the fault strikes.
func LeaderOf(stream string) Target { return Target{{Who: Leader, Stream: stream}} }

// FollowersOf is everyone who holds stream and does not lead it.
func FollowersOf(stream string) Target { return Target{{Who: Followers, Stream: stream}} }

// FollowerOf is the target of the n-th (from 1, by id) member that does not lead stream.
func FollowerOf(stream string, n int) Target {
	return Target{{Who: Follower, Stream: stream, N: n}}
}

// Role says that w is resolved when its fault strikes.
func (w Who) Role() bool { return w >= Others }

// HasClients says that the target includes the clients.
func (t Target) HasClients() bool {
	return slices.ContainsFunc(t, func(x Term) bool { return x.Who == Clients })
}

// Expand returns the broker nodes of a target, sorted, each once, in a cluster of size nodes. Roles
// that are not resolved contribute none: Resolve first.
func (t Target) Expand(size int) []machine.NodeID {
	var out []machine.NodeID
	for _, x := range t {
		switch {
		case x.Who == OneNode:
			out = append(out, x.Node)
		case x.Who == All:
			for id := 1; id <= size; id++ {
				out = append(out, machine.NodeID(id))
			}
		case x.Resolved:
			out = append(out, x.Nodes...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Resolve returns f with every role that is not yet resolved given its nodes, as of now. A
// role that nobody fills (no leader at the moment) resolves to no node.
func (f Fault) Resolve(c Cluster) Fault {
	f.Targets = cloneTargets(f.Targets)
	for i := range f.Targets {
		for j := range f.Targets[i] {
			x := &f.Targets[i][j]
			if x.Who.Role() && x.Who != Others && !x.Resolved {
				x.Nodes, x.Resolved = without(x.resolve(c)), true
			}
		}
	}
	var named []machine.NodeID
	for _, t := range f.Targets {
		named = append(named, t.Expand(c.Size())...)
	}
	for i := range f.Targets {
		for j := range f.Targets[i] {
			if x := &f.Targets[i][j]; x.Who == Others && !x.Resolved {
				x.Nodes, x.Resolved = without(Everyone().Expand(c.Size()), named...), true
			}
		}
	}
	return f
}

// resolve answers a role from the state of the cluster.
func (x *Term) resolve(c Cluster) []machine.NodeID {
	leader, members := c.Leader(x.Stream), c.Members(x.Stream)
	followers := without(members, leader)
	quorum := len(members)/2 + 1
	switch x.Who {
	case Leader:
		if leader != 0 {
			return []machine.NodeID{leader}
		}
	case Follower:
		if x.N >= 1 && x.N <= len(followers) {
			return followers[x.N-1 : x.N]
		}
	case Followers:
		return followers
	case Members:
		return slices.Clone(members)
	case Majority:
		if len(followers) >= quorum {
			return followers[:quorum]
		}
		return slices.Clone(members[:min(quorum, len(members))])
	case Minority:
		return followers[:min(len(members)-min(quorum, len(members)), len(followers))]
	}
	return nil
}

// without returns ids less those excluded, in a slice of its own.
func without(ids []machine.NodeID, excluded ...machine.NodeID) []machine.NodeID {
	var out []machine.NodeID
	for _, id := range ids {
		if !slices.Contains(excluded, id) {
			out = append(out, id)
		}
	}
	return out
}
