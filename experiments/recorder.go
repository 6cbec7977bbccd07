package experiments

import (
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/impl/broker"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// recorder writes down what happens, in the order in which it happens.
//
// Invariant: every event has the next index, so that two events at one virtual time are in order.
type recorder struct {
	now     func() int64
	history history.History // without its events until it is whole
	chunks  [][]history.Event
	events  uint64
	ops     uint64
	// values names contents by what publishes put into them: observations carry hashes.
	values  map[uint64]string
	scratch []byte
	// told is the highest sequence of each stream that a client was told of.
	told map[string]uint64
	// faults numbers the faults as they strike; going holds the numbers of those not over, by text.
	faults   uint64
	going    map[string]uint64
	returned map[member]bool
	// covered counts what is of use to know of a run, and of no use to its judges.
	covered rundir.Coverage
}

func newRecorder(h history.Header) *recorder {
	return &recorder{
		history: history.History{Header: h}, values: map[uint64]string{}, told: map[string]uint64{},
		going: map[string]uint64{}, returned: map[member]bool{},
	}
}

// chunk is how many events are kept together: a slice that grows to a run's many would copy them several times.
const chunk = 1 << 12

// member is a member of a Raft group, by its id.
type member struct{ group, id uint64 }

// next is the next event of the history, to be filled in: events are most of what a run writes to memory, and are
// written once.
func (r *recorder) next(kind history.Kind, verb history.Verb) *history.Event {
	if r.events%chunk == 0 {
		r.chunks = append(r.chunks, make([]history.Event, chunk))
	}
	e := &r.chunks[len(r.chunks)-1][r.events%chunk]
	r.events++
	e.Index, e.Time, e.Kind, e.Verb = r.events, r.now(), kind, verb
	return e
}

// whole is the history of a run that is over.
func (r *recorder) whole() *history.History {
	if uint64(len(r.history.Events)) < r.events {
		r.history.Events = slices.Concat(r.chunks...)[:r.events]
	}
	return &r.history
}

// clientRecorder records for one client.
type clientRecorder struct {
	*recorder
	name string
}

// Invoke records that the client starts op, and numbers it.
func (c clientRecorder) Invoke(op *load.Op) uint64 {
	r := c.recorder
	r.ops++
	e := r.next(history.Invoke, op.Verb)
	e.Op, e.Client, e.Stream, e.Subject, e.Value, e.Seq = r.ops, c.name, op.Stream, op.Subject, op.Value, op.Seq
	e.Expect, e.SubjectExpect, e.ID, e.Final, e.Direct = op.Expect, op.ExpectSubject, op.ID, op.Final, op.Direct
	e.Sub, e.Queue, e.Consumer = op.Sub, op.Queue, op.Consumer
	switch op.Verb {
	case history.CreateConsumer:
		r.describe(op)
	case history.Publish:
		e.Why = op.Rollup
		r.name(op.Subject, op)
	case history.Send, history.Request:
		r.name(op.Subject, op)
	case history.Answer:
		if op.Delivery != nil {
			e.Subject = op.Delivery.Reply
		}
		r.name(e.Subject, op)
	case history.Purge:
		e.N = int64(op.Keep)
	case history.Fetch:
		e.N = int64(op.Batch)
	case history.Unsubscribe:
		e.Why = lost(op)
	case history.Ack, history.Nak, history.Term, history.Progress:
		if d := op.Delivery; d != nil {
			e.Stream, e.Consumer, e.Seq, e.CSeq, e.N, e.First = d.Stream, d.Consumer, d.Seq, d.CSeq, int64(d.Count), uint64(op.Delay)
		}
	}
	return e.Op
}

// describe adds a consumer that a client makes for itself to what a judge must know of its stream.
func (r *recorder) describe(op *load.Op) {
	for i := range r.history.Header.Streams {
		s := &r.history.Header.Streams[i]
		if s.Name != op.Stream || op.ConsumerConfig == nil {
			continue
		}
		if !slices.ContainsFunc(s.Consumers, func(c history.Consumer) bool { return c.Name == op.Consumer }) {
			s.Consumers = append(s.Consumers, load.DescribeConsumer(op.ConsumerConfig))
		}
	}
}

func lost(op *load.Op) string {
	if op.Lost {
		return history.ConnLost
	}
	return ""
}

// name remembers whose content a hash is.
func (r *recorder) name(subject string, op *load.Op) {
	r.scratch = append(r.scratch[:0], op.Value...)
	for len(r.scratch) < op.Size { // an adapter pads the value with spaces
		r.scratch = append(r.scratch, ' ')
	}
	r.values[machine.ContentHash([]byte(subject), r.scratch)] = op.Value
}

// Complete records how operation id ended.
func (c clientRecorder) Complete(id uint64, op *load.Op, out *load.Outcome) {
	r := c.recorder
	e := r.next(history.Info, op.Verb)
	e.Op, e.Client, e.Stream, e.Subject, e.Value, e.Seq = id, c.name, op.Stream, out.Subject, out.Value, out.Seq
	e.NotFound, e.Dup, e.Actual, e.Err, e.Code, e.Stamp = out.NotFound, out.Dup, out.Actual, out.Err, out.Code, out.Stamp
	e.Consumer, e.N, e.First, e.CSeq, e.Sub, e.Final, e.Direct = op.Consumer, out.N, out.First, out.CSeq, op.Sub, op.Final, op.Direct
	switch out.Status {
	case load.OK:
		e.Kind = history.OK
		if op.Verb != history.ConsumerInfo && out.Seq > r.told[op.Stream] {
			r.told[op.Stream] = out.Seq
		}
	case load.Failed:
		e.Kind = history.Fail
		if out.WrongLast {
			e.Why = history.WrongLast
		}
	}
	switch op.Verb {
	case history.Fetch: // its last status is no error
		if out.Status == load.OK {
			e.Why, e.Err = out.Err, ""
		}
	case history.Request:
		if out.Status == load.Failed && out.Err == history.NoResponders {
			e.Why = history.NoResponders
		}
	case history.Unsubscribe:
		e.Why = lost(op)
	}
}

// Deliver records what a client received.
func (c clientRecorder) Deliver(d *load.Delivery) {
	verb := history.Core
	if d.Consumer != "" {
		verb = history.Consume
	}
	e := c.next(history.Deliver, verb)
	e.Op, e.Sub, e.Client, e.Subject, e.Value, e.Stream = d.Fetch, d.Sub, c.name, d.Subject, d.Value, d.Stream
	e.Consumer, e.Seq, e.CSeq, e.N, e.Stamp = d.Consumer, d.Seq, d.CSeq, int64(d.Count), d.Stamp
}

// Mark records that the client is connected to a node, or no more.
func (c clientRecorder) Mark(verb history.Verb, node machine.NodeID) {
	e := c.next(history.Obs, verb)
	e.Client, e.Node = c.name, uint32(node)
}

// observe records what a node was seen to do.
func (r *recorder) observe(node machine.NodeID, o *machine.Observation) {
	r.cover(o)
	if o.Kind == machine.Note {
		return
	}
	e := r.next(history.Obs, history.Verb(o.Kind.String()))
	e.Node, e.Peer, e.Group, e.Member, e.Term, e.Idx = uint32(node), uint32(o.Peer), o.Group, o.Member, o.Term, o.Index
	e.Stream, e.Seq, e.First, e.Hash, e.Value, e.N, e.Why = o.Stream, o.Seq, o.First, o.Hash, r.values[o.Hash], o.N, o.Why
	e.Consumer, e.CSeq, e.Client, e.Subject, e.Queue, e.Stamp = o.Consumer, o.CSeq, o.Client, o.Subject, o.Queue, o.Stamp
}

// cover counts what is observed.
func (r *recorder) cover(o *machine.Observation) {
	c := &r.covered
	switch o.Kind {
	case machine.Leader:
		c.Elections++
	case machine.Rejoined:
		// A node says so again at each start.
		if m := (member{o.Group, o.Member}); !r.returned[m] {
			r.returned[m] = true
			c.Rejoined++
		}
	case machine.Recovered:
		if o.Why == broker.WhySnapshot {
			c.Snapshots++
		}
	case machine.Note:
		switch o.Why {
		case broker.NoteOverwritten:
			c.Overwritten++
		case broker.NoteCheckpoint:
			c.Checkpoints++
		case broker.NoteFreed:
			c.SegmentsFreed += int(o.N)
		case broker.NoteDiskRead:
			c.DiskReads++
		}
	}
}

// fault records that a fault strikes (on) or ends.
func (r *recorder) fault(f *faults.Fault, on bool) {
	text := f.String()
	if on {
		r.faults++
		r.going[text] = r.faults
	}
	e := r.next(history.Fault, history.Verb(f.Kind.String()))
	e.Op, e.On, e.Why = r.going[text], on, text
}

// node records that a node's process began, or ended and why.
func (r *recorder) node(node machine.NodeID, verb history.Verb, why string) {
	if rest, failed := strings.CutPrefix(why, "boot: "); failed {
		why = history.DownBootFailed + ": " + rest
	}
	if verb == history.Down {
		r.coverDown(why)
	}
	r.of(node, verb, why)
}

func (r *recorder) coverDown(why string) {
	switch {
	case strings.HasPrefix(why, history.DownPower):
		r.covered.PowerFailures++
	case strings.HasPrefix(why, history.DownPanic):
		r.covered.Panics++
	default:
		r.covered.Crashes++
	}
}

// harmed records that a node's disk did what no honest one does.
func (r *recorder) harmed(node machine.NodeID, what string) {
	r.covered.Harmed++
	r.of(node, history.Harmed, what)
}

// of records what befell a node.
func (r *recorder) of(node machine.NodeID, verb history.Verb, why string) {
	e := r.next(history.Obs, verb)
	e.Node, e.Why = uint32(node), why
}

// mark records a mark of the run itself.
func (r *recorder) mark(verb history.Verb) { r.next(history.Obs, verb) }
