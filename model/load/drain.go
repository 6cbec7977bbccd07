package load

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
)

// Drain brings a run to its end. First it waits until the consumers that are being worked on have nothing left, or
// until Until: eventual delivery can then be judged. Then it reads every message of every stream back, so that a judge
// knows what survived: sequences 1 up to the highest that anybody was promised, and on until one beyond the end is
// answered "no such message"; where many are removed, it asks for the next that there is. What fails or stays unknown is
// asked again.
//
// Invariant: when Finished is called, every sequence up to the end was answered after From, or lies in a gap that was
// asked about.
type Drain struct {
	// From is when to begin, Until how long to wait for consumers, in nanoseconds since the run began.
	From, Until int64
	// Consumers to wait for.
	Consumers []ConsumerName
	// Streams to read. One whose newest message is refused is created again, which changes
	// nothing if it exists: a stream that is gone altogether answers no read, and nobody
	// could say what it lost.
	Streams []StreamSpec
	// Floor gives the highest sequence of a stream that any client was ever told of; the
	// drain goes at least so far. May be nil.
	Floor func(stream string) uint64
	// Finished is called once, when all has been answered. May be nil.
	Finished func(now int64)

	waiting waiting
	state   []drainState
	open    int
	done    bool
}

// ConsumerName is a consumer of a stream.
type ConsumerName struct{ Stream, Consumer string }

// waiting is the wait for consumers, one after the other: what one has settled stays settled.
type waiting struct {
	n     int // of Consumers, that have nothing left
	asked bool
	again int64
}

// pollEvery is how often a consumer is asked whether it has anything left.
const pollEvery = 500 * millisecond

// drainState is one stream's progress.
type drainState struct {
	absent bool   // it refused; try to create it
	top    uint64 // highest sequence known to be worth asking for
	next   uint64 // next sequence never asked yet; 0 until the newest is known
	asked  bool   // its creation, or the newest, is being asked for
	retry  []uint64
	after  int64 // not before this time, after a failure
	open   int
	gap    bool // a sequence was answered "no such message": find out where the next message is
	beyond bool // top+1 was answered "no such message"
}

// drainWindow bounds the reads under way.
const drainWindow = 32

// Next returns the next read.
func (d *Drain) Next(now int64) (Op, bool, int64) {
	if now < d.From {
		return Op{}, false, d.From
	}
	if op, ok, wake := d.poll(now); ok || wake >= 0 {
		return op, ok, wake
	}
	if d.state == nil {
		d.state = make([]drainState, len(d.Streams))
		d.finish(now) // there may be no streams
	}
	if d.open >= drainWindow {
		return Op{}, false, 0
	}
	var wake int64
	for i := range d.state {
		s := &d.state[i]
		if now < s.after {
			if s.wants() && (wake == 0 || s.after < wake) {
				wake = s.after
			}
			continue
		}
		if op, ok := s.ask(&d.Streams[i], d.floor(i)); ok {
			d.open++
			return op, true, 0
		}
	}
	return Op{}, false, wake
}

// poll asks the consumer that is next. A wake of -1 says that there is nothing to wait for.
func (d *Drain) poll(now int64) (Op, bool, int64) {
	w := &d.waiting
	switch {
	case w.asked:
		return Op{}, false, 0
	case w.n == len(d.Consumers) || now >= d.Until:
		w.n = len(d.Consumers)
		return Op{}, false, -1
	case now < w.again:
		return Op{}, false, w.again
	}
	w.asked = true
	c := d.Consumers[w.n]
	return Op{Verb: history.ConsumerInfo, Stream: c.Stream, Consumer: c.Consumer, Final: true}, true, 0
}

// Error codes of the API that say what there is nothing to wait for.
const (
	codeNoConsumer = 10014
	codeNoStream   = 10059
)

func (w *waiting) answer(now int64, out *Outcome) {
	w.asked = false
	switch {
	case out.Status == OK && out.N == 0 && out.First == 0, out.Code == codeNoConsumer, out.Code == codeNoStream:
		w.n++
	default:
		w.again = now + pollEvery
	}
}

func (d *Drain) floor(i int) uint64 {
	if d.Floor == nil {
		return 0
	}
	return d.Floor(d.Streams[i].Name)
}

// wants says whether there is something to ask for when the time has come.
func (s *drainState) wants() bool {
	if s.next == 0 || s.gap {
		return !s.asked
	}
	return len(s.retry) > 0 || s.next <= s.top+1
}

// ask takes the next read of one stream.
func (s *drainState) ask(stream *StreamSpec, floor uint64) (Op, bool) {
	if !s.wants() {
		return Op{}, false
	}
	s.open++
	switch {
	case s.absent:
		s.asked = true
		op := stream.create()
		op.Final = true
		return op, true
	case s.next == 0:
		s.asked = true
		return Op{Verb: history.Last, Stream: stream.Name, Final: true}, true
	case s.gap:
		s.asked = true
		return Op{Verb: history.NextOf, Stream: stream.Name, Seq: s.next, Final: true}, true
	}
	s.top = max(s.top, floor)
	seq := s.next
	if n := len(s.retry); n > 0 {
		seq, s.retry = s.retry[n-1], s.retry[:n-1]
	} else {
		s.next++
	}
	return Op{Verb: history.Read, Stream: stream.Name, Seq: seq, Final: true}, true
}

// Done takes an answer in, and calls Finished when it was the last one.
func (d *Drain) Done(now int64, op Op, out Outcome) {
	if op.Verb == history.ConsumerInfo {
		d.waiting.answer(now, &out)
		return
	}
	d.open--
	i := slices.IndexFunc(d.Streams, func(s StreamSpec) bool { return s.Name == op.Stream })
	d.state[i].answer(now, op, out, d.floor(i))
	d.finish(now)
}

// finish tells once that everything has been answered.
func (d *Drain) finish(now int64) {
	for i := range d.state {
		if s := &d.state[i]; !s.beyond || s.wants() || s.open > 0 {
			return
		}
	}
	if !d.done && d.Finished != nil {
		d.Finished(now)
	}
	d.done = true
}

func (s *drainState) answer(now int64, op Op, out Outcome, floor uint64) {
	s.open--
	switch {
	case out.Status != OK:
		s.after = now + retryEvery
		if op.Verb == history.Read {
			s.retry = append(s.retry, op.Seq)
		} else {
			s.asked = false
			s.absent = op.Verb == history.Last && out.Status == Failed
		}
	case op.Verb == history.Create:
		s.absent, s.asked = false, false
	case op.Verb == history.Last:
		s.asked, s.next, s.top = false, 1, floor
		if !out.NotFound {
			s.top = max(s.top, out.Seq)
		}
	case op.Verb == history.NextOf:
		s.asked, s.gap = false, false
		if out.NotFound {
			s.next = max(s.next, s.top+1)
		} else {
			s.next = max(s.next, min(out.Seq, s.top+1))
		}
	case out.NotFound && op.Seq > s.top:
		s.beyond = true
	case out.NotFound:
		s.gap = s.next+drainWindow <= s.top // else it is as well to ask for each
	case op.Seq > s.top:
		// Something landed late: the end is further on.
		s.top, s.beyond = op.Seq, false
	}
}
