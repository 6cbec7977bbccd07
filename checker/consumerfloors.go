package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
)

// floors is what is known of ack floors: by node, within one life of it, and by answers to clients.
type floors struct {
	nodes map[pair]seenFloor // by consumer and node
	// answers are the highest floors that answers told of, by consumer: what a later question must not fall below.
	answers map[int32]seenFloor
}

type seenFloor struct {
	seq, own uint64
	pos      int32
	life     int
}

func newFloors() floors {
	return floors{nodes: map[pair]seenFloor{}, answers: map[int32]seenFloor{}}
}

// node forgets what a node said in a life that is over: after a restart, or with a snapshot, it begins again where its
// checkpoint was.
func (f *floors) node(s *seen) {
	if s.e.Verb != history.Down && s.e.Verb != obsRecovered {
		return
	}
	for key := range f.nodes { // map order: each is dropped or kept by itself
		if key.b == int32(s.e.Node) {
			delete(f.nodes, key)
		}
	}
}

// floor judges a node's word of a consumer's ack floor.
func (j *consumerJudge) floor(c *consumerSeen, s *seen) {
	key := pair{c.id, int32(s.e.Node)}
	f := &j.found[fFloor]
	before, ok := j.floors.nodes[key]
	if ok && before.life == c.lives {
		f.checked++
		if s.e.Seq < before.seq || s.e.CSeq < before.own {
			f.broken(fmt.Sprintf("The ack floor of consumer %s fell on %s from message %d to %d %s.", c.name, nodeName(s.e.Node), before.seq, s.e.Seq, when(s.e)), before.pos, s.pos)
		}
	}
	j.floors.nodes[key] = seenFloor{s.e.Seq, s.e.CSeq, s.pos, c.lives}
	j.beyond(c, s)
	j.unsettled(c, s)
}

// unsettled judges that nothing at or below the floor is handed out and not settled.
func (j *consumerJudge) unsettled(c *consumerSeen, s *seen) {
	o := j.out[c.id]
	if o == nil || o.life != c.lives || !c.explicit() {
		return
	}
	lowest := uint64(0)
	for seq := range o.open { // map order: the least of them
		if lowest == 0 || seq < lowest {
			lowest = seq
		}
	}
	if lowest == 0 {
		return
	}
	f := &j.found[fFloor]
	f.checked++
	if lowest <= s.e.Seq {
		m := c.msgs[lowest]
		f.broken(fmt.Sprintf("The ack floor of consumer %s is %d on %s %s, but message %d was handed out %s and nobody has settled it.", c.name, s.e.Seq, nodeName(s.e.Node), when(s.e), lowest, j.at(m.handed.pos)), m.handed.pos, s.pos)
	}
}

// beyond judges that a floor lies within the stream (nats-server#6159).
func (j *consumerJudge) beyond(c *consumerSeen, s *seen) {
	if c.stream == none || int(c.stream) >= len(j.log.tail) || j.log.tail[c.stream] == 0 || s.e.Kind != history.Obs {
		return
	}
	f := &j.found[fFloor]
	f.checked++
	if s.e.Seq > j.log.tail[c.stream] {
		f.broken(fmt.Sprintf("The ack floor of consumer %s is %d %s; the stream has come to %d.", c.name, s.e.Seq, when(s.e), j.log.tail[c.stream]), s.pos)
	}
}

// floorAnswer judges an answer about a consumer against those that had returned before it was asked for.
func (j *consumerJudge) floorAnswer(c *consumerSeen, o *op, s *seen) {
	before, ok := j.floors.answers[c.id]
	if ok && before.life == c.lives && before.pos < o.call {
		f := &j.found[fFloor]
		f.checked++
		if s.e.Seq < before.seq {
			f.broken(fmt.Sprintf("The ack floor of consumer %s was %d %s; an answer to a later question says %d %s.", c.name, before.seq, j.at(before.pos), s.e.Seq, when(s.e)), before.pos, o.call, s.pos)
		}
	}
	if !ok || before.life != c.lives || s.e.Seq >= before.seq {
		j.floors.answers[c.id] = seenFloor{s.e.Seq, s.e.CSeq, s.pos, c.lives}
	}
}
