package broker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
)

// A replica that lost its part of a stream tells every node of it until it is back: the stream's leader lists it as
// offline, and of a stream that lost more than a minority, and has no leader, the leader of meta says so.

// lostReplica is a node that lost its part of a stream's group.
type lostReplica struct {
	node  machine.NodeID
	ticks int // since it was last heard to say so
}

// lostTicks is how long a node that says nothing more is thought to be still lost.
const lostTicks = 4 * askTicks

// hearLost notes that a node has lost its part of a group, or is on its way back.
func (s *metaState) hearLost(group uint64, n machine.NodeID) {
	a := byGroup(s.streams, group)
	if a == nil || !slices.Contains(a.Peers, n) {
		return
	}
	for i := range a.lost {
		if a.lost[i].node == n {
			a.lost[i].ticks = 0
			return
		}
	}
	a.lost = append(a.lost, lostReplica{node: n})
}

// forgetLost forgets those who say nothing more.
func (s *metaState) forgetLost() {
	for _, a := range s.streams {
		keep := a.lost[:0]
		for _, l := range a.lost {
			if l.ticks++; l.ticks < lostTicks {
				keep = append(keep, l)
			}
		}
		a.lost = keep
	}
}

// hearFound notes that a node is back.
func (s *metaState) hearFound(group uint64, n machine.NodeID) {
	if a := byGroup(s.streams, group); a != nil {
		a.lost = slices.DeleteFunc(a.lost, func(l lostReplica) bool { return l.node == n })
	}
}

func (a *assignment) isLost(n machine.NodeID) bool {
	for _, l := range a.lost {
		if l.node == n {
			return true
		}
	}
	return false
}

// offline is the error of a stream that lost more than a minority of its replicas; nil for any other (nats-server
// server/errors.json, 10194).
func (a *assignment) offline() *apiError {
	if 2*len(a.lost) < len(a.Peers) {
		return nil
	}
	names := make([]string, len(a.lost))
	for i, l := range a.lost {
		names[i] = nodeName(l.node)
	}
	return &apiError{500, 10194, fmt.Sprintf("stream is offline: of its %d replicas those on %s are lost", len(a.Peers), strings.Join(names, " and "))}
}

// infoElsewhere answers a request about a stream that does not exist, or that cannot answer by itself.
func (s *metaState) infoElsewhere(m *message) {
	name := lastToken(m.subject)
	if _, a := s.find(name); a == nil || a.offline() == nil {
		s.ifMissing(typeStreamInfo)(m)
		return
	}
	s.g.readWhenLeading(string(m.reply), func(reply string) {
		if _, a := s.find(name); a != nil {
			if why := a.offline(); why != nil {
				s.g.b.reply(reply, why.typed(typeStreamInfo))
			}
		}
	})
}
