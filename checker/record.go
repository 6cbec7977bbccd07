package checker

import "github.com/brokerlab/brokerlab/model/history"

// status is how an operation ended; open means not yet, and at the end unknown.
type status uint8

const (
	open status = iota
	done
	failed
	unknown
)

// op is what judges remember of an operation. Positions count events fed to the panel, from 0.
type op struct {
	num         uint64
	seq         uint64 // asked for (read) or answered (publish, last)
	expect      uint64
	actual      uint64
	call, ret   int32 // positions; ret is none while open
	stream      int32
	value       int32 // published or read
	subject     int32
	client      int32
	verb        verb
	status      status
	notFound    bool
	refused     bool // a conditional publish failed because the last sequence was another
	final       bool
	callT, retT int64
}

type verb uint8

const (
	otherVerb verb = iota
	publish
	read
	last
	create
	remove
)

func verbOf(v history.Verb) verb {
	switch v {
	case history.Publish:
		return publish
	case history.Read:
		return read
	case history.Last:
		return last
	case history.Create:
		return create
	case history.Delete:
		return remove
	}
	return otherVerb
}

// value is what judges remember of a published or seen value.
type value struct {
	pub   int32 // the operation that published it, or none
	final bool  // read by the final drain
}

// record is what all judges of a panel share: the operations so far, and numbers for names.
type record struct {
	ops      []op
	byNum    []int32 // dense operation numbers to operations
	wildNum  map[uint64]int32
	names    intern // values
	values   []value
	streams  intern
	subjects intern
	clients  intern
	// only is the one stream of the header, assumed where an event names none.
	only  string
	fed   int32
	nowT  int64
	marks struct{ healed, drained int32 } // positions, or none
	// healedT is the time of the mark healed.
	healedT int64
}

func newRecord(h *history.Header, hint int) *record {
	r := &record{wildNum: map[uint64]int32{}, names: newIntern(hint), streams: newIntern(4), subjects: newIntern(16), clients: newIntern(16)}
	r.ops = make([]op, 0, hint)
	r.values = make([]value, 0, hint)
	r.marks.healed, r.marks.drained = none, none
	if len(h.Streams) == 1 {
		r.only = h.Streams[0].Name
	}
	for _, s := range h.Streams {
		r.streams.of(s.Name)
	}
	return r
}

// seen is one event as judges get it.
type seen struct {
	e      *history.Event
	pos    int32
	op     int32 // operation concerned, or none
	stream int32 // or none
	value  int32 // or none
}

// take records e and says what judges need of it.
func (r *record) take(e *history.Event) seen {
	s := seen{e: e, pos: r.fed, op: none, stream: none, value: none}
	r.fed++
	r.nowT = e.Time
	switch e.Kind {
	case history.Invoke:
		r.invoke(e, &s)
	case history.OK, history.Fail, history.Info:
		r.complete(e, &s)
	case history.Obs:
		r.observe(e, &s)
	}
	return s
}

func (r *record) valueOf(name string) int32 {
	if name == "" {
		return none
	}
	id := r.names.of(name)
	if int(id) == len(r.values) {
		r.values = append(r.values, value{pub: none})
	}
	return id
}

// nameOf returns a value's text.
func (r *record) nameOf(id int32) string {
	if id == none {
		return "(unnamed)"
	}
	return r.names.names[id]
}

func (r *record) streamOf(name string) int32 {
	if name == "" {
		name = r.only
	}
	if name == "" {
		return none
	}
	return r.streams.of(name)
}

func (r *record) invoke(e *history.Event, s *seen) {
	s.op = int32(len(r.ops))
	s.stream, s.value = r.streamOf(e.Stream), r.valueOf(e.Value)
	o := op{
		num: e.Op, seq: e.Seq, expect: e.Expect, call: s.pos, ret: none, stream: s.stream, value: s.value,
		subject: none, client: r.clients.of(e.Client), verb: verbOf(e.Verb), final: e.Final, callT: e.Time,
	}
	if e.Subject != "" {
		o.subject = r.subjects.of(e.Subject)
	}
	r.ops = append(r.ops, o)
	r.number(e.Op, s.op)
	if o.verb == publish && s.value != none && r.values[s.value].pub == none {
		r.values[s.value].pub = s.op
	}
}

// number remembers which operation has number num.
func (r *record) number(num uint64, id int32) {
	if num >= uint64(2*len(r.byNum)+1024) {
		r.wildNum[num] = id
		return
	}
	for uint64(len(r.byNum)) <= num {
		r.byNum = append(r.byNum, none)
	}
	r.byNum[num] = id
}

func (r *record) numbered(num uint64) int32 {
	if num < uint64(len(r.byNum)) && r.byNum[num] != none {
		return r.byNum[num]
	}
	if id, ok := r.wildNum[num]; ok {
		return id
	}
	return none
}

func (r *record) complete(e *history.Event, s *seen) {
	s.op = r.numbered(e.Op)
	if s.op == none {
		return
	}
	o := &r.ops[s.op]
	o.ret, o.retT = s.pos, e.Time
	if o.stream == none {
		o.stream = r.streamOf(e.Stream)
	}
	s.stream = o.stream
	switch e.Kind {
	case history.OK:
		o.status, o.notFound = done, e.NotFound
		r.answer(o, e)
	case history.Fail:
		o.status = failed
		o.actual, o.refused = e.Actual, e.Actual > 0 || e.Why == history.WrongLast
	default:
		o.status = unknown
	}
	s.value = o.value
}

// answer takes the results of an operation that went well.
func (r *record) answer(o *op, e *history.Event) {
	if e.Seq > 0 || o.verb == publish {
		o.seq = e.Seq
	}
	if o.verb == publish || e.NotFound {
		return
	}
	o.value = r.valueOf(e.Value)
	if o.final && o.verb == read && o.value != none {
		r.values[o.value].final = true
	}
}

func (r *record) observe(e *history.Event, s *seen) {
	switch e.Verb {
	case history.Healed:
		r.marks.healed, r.healedT = s.pos, e.Time
	case history.Drained:
		r.marks.drained = s.pos
	}
	if e.Stream != "" {
		s.stream = r.streams.of(e.Stream)
	}
	s.value = r.valueOf(e.Value)
}
