package checker

import (
	"cmp"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
)

// stores follows what each node's store of each stream holds, from what nodes were seen to do,
// and every content ever shown under a sequence number. It gives no verdict; the judges of
// offsets, losses and replicas look at it.
type stores struct {
	rec     *record
	streams []*streamStores
	nodes   map[uint32]*nodeLife
	order   []uint32 // nodes, ascending
	// Of the event just seen:
	last shown
}

// nodeLife is what is known of a node as a process.
type nodeLife struct {
	down    bool
	damaged map[uint64]bool // by group; group 0: unknown which
}

// shown is what the event just seen showed about one sequence.
type shown struct {
	ok      bool
	stream  int32
	seq     uint64
	variant uint16 // 0: the first content of seq; above: a contradiction
	fresh   bool   // this variant was not shown before
	moved   bool   // the value was shown at another sequence before
	movedTo uint64 // which
	copy    *replica
}

// content identifies what a sequence was seen to hold. Absent parts are none and 0.
type content struct {
	value int32
	hash  uint64
	pos   int32 // event that first showed it, plus one; 0: no content
}

// same compares two contents; unknown parts say nothing against it.
func (c content) same(d content) bool {
	if c.hash != 0 && d.hash != 0 {
		return c.hash == d.hash
	}
	if c.value != none && d.value != none {
		return c.value == d.value
	}
	return true
}

type streamStores struct {
	stream   int32
	first    table[content]       // first content shown by sequence
	others   map[uint64][]content // further ones: contradictions
	seqOf    []uint64             // by value: the sequence it was first shown at
	posOf    []int32              // by value: the event that showed it
	rules    *rules
	deleted  bool
	group    uint64 // the Raft group, once seen
	replicas []*replica
	events   int64
}

// replica is what one node's store of one stream holds.
type replica struct {
	node uint32
	// held is by sequence: 0 nothing known, else the content's variant plus one; gone
	// for a sequence removed.
	held table[uint16]
	// kept and to bound what a recovery said is there beyond what was seen stored.
	kept, to uint64
	top      uint64
	floor    uint64 // nothing below is held any more
	snapshot uint64 // highest number of a snapshot installed: it may lack what a rule removed elsewhere
	unsure   bool   // down since the last recovery: nobody knows what it holds
	deleted  bool
	damaged  bool
}

const (
	gone = ^uint16(0)
	// maxVariants bounds the contents told apart at one sequence.
	maxVariants = 1000
)

// what a replica holds at a sequence.
const (
	absent  = -1
	unclear = -2
)

// at returns the variant held at seq, absent or unclear.
func (r *replica) at(seq uint64) int {
	switch h := r.held.value(seq); {
	case h == gone || seq < r.floor:
		return absent
	case h > 0:
		return int(h) - 1
	case seq >= r.kept && seq <= r.to:
		return unclear
	}
	return absent
}

// trusted tells whether at says what the node holds.
func (r *replica) trusted(st *stores) bool {
	n := st.nodes[r.node]
	return !r.unsure && !r.deleted && !r.damaged && !n.down
}

func newStores(rec *record) *stores {
	return &stores{rec: rec, nodes: map[uint32]*nodeLife{}}
}

func (st *stores) wants() class { return returns | obs }

func (st *stores) broken() bool { return false }

func (st *stores) finish(*history.History) []Verdict { return nil }

func (st *stores) of(stream int32) *streamStores {
	for len(st.streams) <= int(stream) {
		id := int32(len(st.streams))
		st.streams = append(st.streams, &streamStores{stream: id, others: map[uint64][]content{}, rules: st.rec.rulesOf(id)})
	}
	return st.streams[stream]
}

func (st *stores) node(n uint32) *nodeLife {
	l := st.nodes[n]
	if l == nil {
		l = &nodeLife{damaged: map[uint64]bool{}}
		st.nodes[n] = l
		i, _ := slices.BinarySearch(st.order, n)
		st.order = slices.Insert(st.order, i, n)
	}
	return l
}

func byNode(r *replica, n uint32) int { return cmp.Compare(r.node, n) }

// known returns the replica on node, or nil.
func (s *streamStores) known(node uint32) *replica {
	if i, found := slices.BinarySearchFunc(s.replicas, node, byNode); found {
		return s.replicas[i]
	}
	return nil
}

// replica returns the replica on node, a new one if need be.
func (s *streamStores) replica(node uint32) *replica {
	i, found := slices.BinarySearchFunc(s.replicas, node, byNode)
	if !found {
		s.replicas = slices.Insert(s.replicas, i, &replica{node: node, kept: 1})
	}
	return s.replicas[i]
}

func (st *stores) see(s *seen) {
	st.last = shown{}
	if s.op != none {
		st.answered(s)
		return
	}
	if s.e.Node == 0 {
		return
	}
	life := st.node(s.e.Node)
	switch s.e.Verb {
	case history.Up:
		life.down = false
	case history.Down, history.Harmed:
		life.down = life.down || s.e.Verb == history.Down
		gone := wiped(s.e)
		if !gone && s.e.Verb == history.Harmed {
			break // what it holds is another than before, and it will say so
		}
		st.eachOn(s.e.Node, func(_ *streamStores, r *replica) {
			if gone {
				*r = replica{node: r.node, kept: 1}
			}
			r.unsure = true
		})
	case obsDamaged:
		st.damage(s)
	case obsRejoined:
		st.repaired(s)
	}
	if s.stream != none {
		st.onStream(s)
	}
}

// damage marks the replicas of the group on the node: they may stop where they are.
func (st *stores) damage(s *seen) {
	st.node(s.e.Node).damaged[s.e.Group] = true
	st.eachOn(s.e.Node, func(ss *streamStores, r *replica) {
		if ss.group == s.e.Group || ss.group == 0 || s.e.Group == 0 || ss.stream == s.stream {
			r.damaged = true
		}
	})
}

// repaired ends the damage of the replicas of the group on the node: it has everything again.
func (st *stores) repaired(s *seen) {
	delete(st.node(s.e.Node).damaged, s.e.Group)
	if s.stream == none {
		return
	}
	if r := st.of(s.stream).known(s.e.Node); r != nil {
		r.damaged = false
	}
}

func (st *stores) eachOn(node uint32, do func(*streamStores, *replica)) {
	for _, ss := range st.streams {
		for _, r := range ss.replicas {
			if r.node == node {
				do(ss, r)
			}
		}
	}
}

func (st *stores) onStream(s *seen) {
	ss := st.of(s.stream)
	if s.e.Group != 0 {
		ss.group = s.e.Group
	}
	switch s.e.Verb {
	case obsStored:
		r := ss.replica(s.e.Node)
		ss.events++
		st.show(ss, s, s.e.Seq, content{s.value, s.e.Hash, s.pos + 1})
		*r.held.at(s.e.Seq) = st.last.variant + 1
		r.top = max(r.top, s.e.Seq)
		st.last.copy = r
	case obsAcked:
		st.show(ss, s, s.e.Seq, content{s.value, s.e.Hash, s.pos + 1})
	case obsRemoved:
		*ss.replica(s.e.Node).held.at(s.e.Seq) = gone
	case obsRecovered:
		r := ss.replica(s.e.Node)
		r.recovered(s.e.First, s.e.Seq)
		if s.e.Why == whySnapshot {
			r.snapshot = max(r.snapshot, s.e.Seq)
		}
		r.damaged = r.damaged || st.node(s.e.Node).damaged[ss.group]
	case obsStreamCreated:
		// Every node of a cluster may hear of a stream; who holds it shows by storing.
		if r := ss.known(s.e.Node); r != nil {
			r.deleted = false
			r.damaged = r.damaged || st.node(s.e.Node).damaged[ss.group]
		}
	case obsStreamDeleted:
		if r := ss.known(s.e.Node); r != nil {
			*r = replica{node: r.node, kept: 1, deleted: true}
		}
	}
}

// recovered takes that the store holds first to seq. A restart brings nothing back that was not
// there: what it says is believed only above the highest message seen stored before. A snapshot
// installed while the node is up may bring anything.
func (r *replica) recovered(first, seq uint64) {
	restart := r.unsure && r.top > 0
	r.unsure = false
	if seq < first || seq == 0 {
		*r = replica{node: r.node, kept: 1, damaged: r.damaged}
		return
	}
	if r.top > seq {
		r.held.cutAbove(seq)
	}
	r.floor = max(r.floor, first)
	switch {
	case !restart:
		r.kept, r.to = first, seq
	case seq <= r.top:
		r.to = min(r.to, seq)
	case r.to == 0:
		r.kept, r.to = r.top+1, seq
	default:
		r.to = seq
	}
	r.kept = max(r.kept, first)
	r.top = seq
}

// answered takes what a client was told.
func (st *stores) answered(s *seen) {
	o := &st.rec.ops[s.op]
	if o.stream == none {
		return
	}
	ss := st.of(o.stream)
	ss.deleted = ss.deleted || o.verb == destroy && o.status != failed
	// What a duplicate was told is for no-false-duplicate to judge.
	if o.status != done || o.value == none || o.seq == 0 || o.notFound || o.dup {
		return
	}
	if o.verb == publish || o.reads() {
		st.show(ss, s, o.seq, content{o.value, 0, s.pos + 1})
	}
}

// show records that seq holds c, and whether that contradicts what was shown before.
func (st *stores) show(ss *streamStores, s *seen, seq uint64, c content) {
	st.last = shown{ok: true, stream: ss.stream, seq: seq}
	if seq == 0 || c.value == none && c.hash == 0 {
		st.last.ok = false
		return
	}
	st.last.variant, st.last.fresh = ss.variant(seq, c)
	if c.value == none {
		return
	}
	for len(ss.seqOf) <= int(c.value) {
		ss.seqOf = append(ss.seqOf, 0)
		ss.posOf = append(ss.posOf, none)
	}
	switch at := ss.seqOf[c.value]; at {
	case 0:
		ss.seqOf[c.value], ss.posOf[c.value] = seq, s.pos
	case seq:
	default:
		st.last.moved, st.last.movedTo = true, at
	}
}

// variant finds c among the contents of seq, or adds it.
func (ss *streamStores) variant(seq uint64, c content) (n uint16, fresh bool) {
	first := ss.first.at(seq)
	if first.pos == 0 {
		*first = c
		return 0, true
	}
	if first.same(c) {
		first.learn(c)
		return 0, false
	}
	list := ss.others[seq]
	if len(list) >= maxVariants {
		return maxVariants, false
	}
	for i := range list {
		if list[i].same(c) {
			list[i].learn(c)
			return uint16(i + 1), false
		}
	}
	ss.others[seq] = append(list, c)
	return uint16(len(list) + 1), true
}

func (c *content) learn(d content) {
	if c.value == none {
		c.value = d.value
	}
	if c.hash == 0 {
		c.hash = d.hash
	}
}

// removed tells whether message seq was seen to leave a node by a rule.
func (ss *streamStores) removed(seq uint64) bool { return ss.rules.removed.value(seq) > 0 }

// content returns variant n of seq.
func (ss *streamStores) content(seq uint64, n int) content {
	if n == 0 {
		return ss.first.value(seq)
	}
	return ss.others[seq][n-1]
}
