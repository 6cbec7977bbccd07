package checker

import (
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/subject"
)

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
	seq         uint64 // asked for (read) or answered (publish, last, next-of)
	asked       uint64 // the sequence asked for
	expect      uint64
	ofSubject   uint64 // as expect, for the newest of the publish's own subject
	actual      uint64
	n           int64 // asked: kept by a purge, wanted by a fetch, the delivery count of an ack
	call, ret   int32 // positions; ret is none while open
	stream      int32
	value       int32 // published or read
	subject     int32
	client      int32
	id          int32 // deduplication id, or none
	prev        int32 // the operation that published the same value before, or none
	consumer    int32
	verb        verb
	status      status
	rollup      rollup
	notFound    bool
	refused     bool // a conditional publish failed because the last sequence was another
	silent      bool // it was refused for what was under way (10164): that says nothing of the log
	answered    bool // the server itself refused it, with a code
	final       bool
	dup         bool // acknowledged as a duplicate
	direct      bool // any replica may have answered
	callT, retT int64
}

// reads tells whether o asks for a message of a stream.
func (o *op) reads() bool { return o.verb == read || o.verb == last || o.verb == nextOf }

// stores tells whether o, an acknowledged publish, put the message there itself.
func (o *op) stores() bool { return o.status == done && o.seq > 0 && !o.dup }

// acked tells whether o is an acknowledged publish. An acknowledgement as a duplicate of no number says nothing.
func (o *op) acked() bool {
	return o.verb == publish && o.status == done && o.stream != none && (o.seq > 0 || !o.dup)
}

// mayStore tells whether o is a publish that nobody knows the outcome of.
func (o *op) mayStore() bool {
	return o.status == open || o.status == unknown || o.status == done && o.seq == 0 && !o.dup
}

// rollup says what a publish removes when it is stored.
type rollup uint8

const (
	noRollup rollup = iota
	rollupSubject
	rollupAll
)

// Codes of the API that judges know.
const (
	codeInFlight   = 10164 // "wrong last sequence" for a publish of the subject that is under way: nothing about the log
	codeInProgress = 10158 // "duplicate message id is in process"
)

type verb uint8

const (
	otherVerb verb = iota
	publish
	read
	last
	nextOf
	create
	destroy   // of a stream
	removeOne // a message
	purge
	update
	send // to a subject, with no acknowledgement asked for
	createConsumer
	deleteConsumer
	fetch
	ack
	nak
	term
	inProgress
	consumerInfo
)

var verbs = map[history.Verb]verb{
	history.Publish: publish, history.Read: read, history.Last: last, history.NextOf: nextOf, history.Create: create, history.Delete: destroy,
	history.Remove: removeOne, history.Purge: purge, history.Update: update, history.Send: send, history.Request: send, history.Answer: send,
	history.CreateConsumer: createConsumer, history.DeleteConsumer: deleteConsumer, history.Fetch: fetch, history.Ack: ack, history.Nak: nak,
	history.Term: term, history.Progress: inProgress, history.ConsumerInfo: consumerInfo,
}

// value is what judges remember of a published or seen value.
type value struct {
	pub    int32 // the operation that published it first, or none
	again  int32 // the one that published it last
	tries  int32 // how often it was published: retries under one deduplication id
	failed int32 // how many of these failed for certain
	final  bool  // read by the final drain
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
	ids      intern // deduplication ids
	// consumers numbers the consumers of streams.
	consumers map[consumerKey]int32
	rules     []*rules // by stream
	// only is the one stream of the header, assumed where an event names none.
	only  string
	fed   int32
	nowT  int64
	marks struct{ healed, drained int32 } // positions, or none
	// healedT is the time of the mark healed.
	healedT int64
	clocks  clocks
	// conditions tells that some publish has one.
	conditions bool
}

func newRecord(h *history.Header, hint int) *record {
	r := &record{wildNum: map[uint64]int32{}, names: newIntern(hint), streams: newIntern(4), subjects: newIntern(16), clients: newIntern(16), ids: newIntern(16), consumers: map[consumerKey]int32{}}
	r.ops = make([]op, 0, hint)
	r.values = make([]value, 0, hint)
	r.marks.healed, r.marks.drained = none, none
	if len(h.Streams) == 1 {
		r.only = h.Streams[0].Name
	}
	for i := range h.Streams {
		r.rulesOf(r.streams.of(h.Streams[i].Name)).declare(&h.Streams[i])
	}
	return r
}

type consumerKey struct {
	stream int32
	name   string
}

// seen is one event as judges get it.
type seen struct {
	e      *history.Event
	pos    int32
	op     int32 // operation concerned, or none
	stream int32 // or none
	value  int32 // or none
	// consumer of a delivery, or of an observation of one; else none.
	consumer int32
}

// take records e and says what judges need of it.
func (r *record) take(e *history.Event) seen {
	s := seen{e: e, pos: r.fed, op: none, stream: none, value: none, consumer: none}
	r.fed++
	r.nowT = e.Time
	switch e.Kind {
	case history.Invoke:
		r.invoke(e, &s)
	case history.OK, history.Fail, history.Info:
		r.complete(e, &s)
	case history.Obs:
		r.observe(e, &s)
	case history.Fault:
		r.clocks.fault(e)
	case history.Deliver:
		if e.Verb == history.Consume {
			s.stream, s.value = r.streamOf(e.Stream), r.valueOf(e.Value)
			s.consumer = r.consumerOf(s.stream, e.Consumer)
		}
	}
	return s
}

func (r *record) valueOf(name string) int32 {
	if name == "" {
		return none
	}
	id := r.names.of(name)
	if int(id) == len(r.values) {
		r.values = append(r.values, value{pub: none, again: none})
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

// consumerOf numbers a consumer of a stream.
func (r *record) consumerOf(stream int32, name string) int32 {
	if name == "" || stream == none {
		return none
	}
	key := consumerKey{stream, name}
	id, ok := r.consumers[key]
	if !ok {
		id = int32(len(r.consumers))
		r.consumers[key] = id
	}
	return id
}

// capturing returns the stream that stores what is sent to subject, or none.
func (r *record) capturing(to string) int32 {
	for id, x := range r.rules {
		for _, filter := range x.cfg.Subjects {
			if subject.Match(filter, to) {
				return int32(id)
			}
		}
	}
	return none
}

// rulesOf returns what is known of the rules of a stream.
func (r *record) rulesOf(stream int32) *rules {
	for len(r.rules) <= int(stream) {
		r.rules = append(r.rules, newRules(r))
	}
	return r.rules[stream]
}

func (r *record) invoke(e *history.Event, s *seen) {
	s.op = int32(len(r.ops))
	s.stream, s.value = r.streamOf(e.Stream), r.valueOf(e.Value)
	o := op{
		num: e.Op, seq: e.Seq, asked: e.Seq, expect: e.Expect, ofSubject: e.SubjectExpect, n: e.N, call: s.pos, ret: none, stream: s.stream,
		value: s.value, subject: none, client: r.clients.of(e.Client), id: none, prev: none, verb: verbs[e.Verb], final: e.Final,
		direct: e.Direct, callT: e.Time, consumer: r.consumerOf(s.stream, e.Consumer),
	}
	if e.Subject != "" {
		o.subject = r.subjects.of(e.Subject)
	} else {
		o.ofSubject = 0 // of which one?
	}
	if e.ID != "" {
		o.id = r.ids.of(e.ID)
	}
	switch {
	case o.verb == publish && e.Why == "sub":
		o.rollup = rollupSubject
	case o.verb == publish && e.Why == "all":
		o.rollup = rollupAll
	case o.verb == send:
		o.stream = r.capturing(e.Subject)
		s.stream = o.stream
	}
	s.consumer = o.consumer
	r.conditions = r.conditions || o.expect+o.ofSubject > 0
	if (o.verb == publish || o.verb == send) && s.value != none {
		v := &r.values[s.value]
		if o.prev = v.again; v.pub == none {
			v.pub = s.op
		}
		v.again = s.op
		v.tries++
	}
	r.ops = append(r.ops, o)
	r.number(e.Op, s.op)
	if o.stream != none {
		r.rulesOf(o.stream).called(s.op)
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
	if o.stream == none && o.verb != send {
		o.stream = r.streamOf(e.Stream)
	}
	s.stream = o.stream
	switch e.Kind {
	case history.OK:
		o.status, o.notFound = done, e.NotFound
		r.answer(o, e)
	case history.Fail:
		o.actual, o.refused, o.silent = e.Actual, e.Actual > 0 || e.Why == history.WrongLast, e.Code == codeInFlight
		o.answered = o.refused || e.Code > 0 && e.Code != codeInProgress
		if again := o.status == failed; !again && (o.verb == publish || o.verb == send) && o.value != none {
			r.values[o.value].failed++
		}
		o.status = failed
	default:
		o.status = unknown
	}
	s.value, s.consumer = o.value, o.consumer
}

// answer takes the results of an operation that went well.
func (r *record) answer(o *op, e *history.Event) {
	if e.Seq > 0 || o.verb == publish {
		o.seq = e.Seq
	}
	o.dup = e.Dup
	if !o.reads() || e.NotFound {
		return
	}
	o.value = r.valueOf(e.Value)
	if o.final && o.verb != last && o.value != none {
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
	if s.stream != none {
		s.consumer = r.consumerOf(s.stream, e.Consumer)
		r.rulesOf(s.stream).observed(s)
	}
}
