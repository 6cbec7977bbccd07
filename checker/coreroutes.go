package checker

import "slices"

// heard is something that was called, and had come through by a later moment. Positions.
type heard struct{ call, at int32 }

// heardList holds what came through, in order, reduced to what was called later than all before.
type heardList []heard

func (l *heardList) add(call, at int32) {
	if n := len(*l); n == 0 || (*l)[n-1].call < call {
		*l = append(*l, heard{call, at})
	}
}

// after returns the first thing to have come through that was called after pos.
func (l heardList) after(pos int32) (heard, bool) {
	i, _ := slices.BinarySearchFunc(l, pos+1, func(h heard, p int32) int { return int(h.call) - int(p) })
	if i == len(l) {
		return heard{none, none}, false
	}
	return l[i], true
}

// link is the way from one node to another.
type link struct{ from, to uint32 }

// interestKey is what a node says that it passes on, and to whom: another node, or a client of its own.
type interestKey struct {
	node, peer    uint32
	client        int32 // or none
	filter, queue int32 // queue is none for plain subscriptions
	// sid is the client's number of its subscription; 0 of another node's, or if it is not known. Who lost a connection asks
	// anew for the same, and the node ceases to pass on by the old one when it finds out, not before.
	sid uint64
}

// turn is a moment at which a node began or ceased to pass something on.
type turn struct {
	at int32
	on bool
}

// interest is the history of one key.
type interest struct {
	key   interestKey
	turns []turn
}

// routes is what is known of the ways between nodes: what nodes said they pass on, and what was seen to have come through.
type routes struct {
	ids      map[interestKey]int32
	all      []interest
	byNode   map[uint32][]int32
	byFilter map[nodeFilter][]int32
	alike    map[interestKey][]int32 // what differs in nothing but its sid, by key without one
	through  map[link]heardList
}

type nodeFilter struct {
	node   uint32
	filter int32
}

func newRoutes() routes {
	return routes{
		ids: map[interestKey]int32{}, byNode: map[uint32][]int32{}, byFilter: map[nodeFilter][]int32{}, alike: map[interestKey][]int32{}, through: map[link]heardList{},
	}
}

// turn takes that a node began (on) or ceased to pass something on.
func (r *routes) turn(key interestKey, on bool, at int32) {
	id, ok := r.ids[key]
	if !ok {
		id = int32(len(r.all))
		r.ids[key] = id
		r.all = append(r.all, interest{key: key})
		r.byNode[key.node] = append(r.byNode[key.node], id)
		nf := nodeFilter{key.node, key.filter}
		r.byFilter[nf] = append(r.byFilter[nf], id)
		key.sid = 0
		r.alike[key] = append(r.alike[key], id)
	}
	r.all[id].take(turn{at, on})
}

func (i *interest) take(t turn) {
	if n := len(i.turns); n == 0 && t.on || n > 0 && i.turns[n-1].on != t.on {
		i.turns = append(i.turns, t)
	}
}

// down takes that a node went down: it passes on nothing from here on, and will not say so.
func (r *routes) down(node uint32, at int32) {
	for _, id := range r.byNode[node] {
		r.all[id].take(turn{at, false})
	}
}

// find returns the history of a key, or nil if the node never spoke of it.
func (r *routes) find(key interestKey) *interest {
	if id, ok := r.ids[key]; ok {
		return &r.all[id]
	}
	return nil
}

// began returns the only interest like key, which is without a sid, that began after a position and not after another (none: at
// any time); nil if there is none, or another.
func (r *routes) began(key interestKey, from, to int32) (found *interest) {
	for _, id := range r.alike[key] {
		i := &r.all[id]
		if len(i.turns) == 0 || i.turns[0].at <= from || to != none && i.turns[0].at > to {
			continue
		}
		if found != nil || i.key.sid == 0 {
			return nil
		}
		found = i
	}
	return found
}

// last returns the index of the last turn up to pos, or -1.
func (i *interest) last(pos int32) int {
	n, _ := slices.BinarySearchFunc(i.turns, pos+1, func(t turn, p int32) int { return int(t.at) - int(p) })
	return n - 1
}

// since returns the position from which on it was passed on without a break until to, if that was so at from; else none.
func (i *interest) since(from, to int32) int32 {
	if i == nil {
		return none
	}
	n := i.last(from)
	if n < 0 || !i.turns[n].on || n+1 < len(i.turns) && i.turns[n+1].at <= to {
		return none
	}
	return i.turns[n].at
}

// ceased returns the first position after from, up to to, at which it was no longer passed on; or none.
func (i *interest) ceased(from, to int32) int32 {
	if i == nil {
		return none
	}
	for n := i.last(from) + 1; n < len(i.turns) && i.turns[n].at <= to; n++ {
		if !i.turns[n].on {
			return i.turns[n].at
		}
	}
	return none
}

// ever tells whether it was passed on at some moment from from to to.
func (i *interest) ever(from, to int32) bool {
	if i == nil {
		return false
	}
	n := i.last(from)
	return n >= 0 && i.turns[n].on || n+1 < len(i.turns) && i.turns[n+1].at <= to
}

// cross takes that a message called at call had crossed to another node when it was delivered there, at at.
func (r *routes) cross(from, to uint32, call, at int32) {
	if from != to {
		l := r.through[link{from, to}]
		l.add(call, at)
		r.through[link{from, to}] = l
	}
}
