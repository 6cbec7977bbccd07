package checker

import (
	"math"

	"github.com/anishathalye/porcupine"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// logModel is the sequential log as porcupine wants it, beginning with prefix.
func logModel(prefix *spec.LogState) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return prefix },
		Step: func(state, input, output any) (bool, any) {
			return spec.LogStep(state.(*spec.LogState), input.(spec.LogInput), output.(spec.LogOutput))
		},
		Equal:             func(a, b any) bool { return spec.LogEqual(a.(*spec.LogState), b.(*spec.LogState)) },
		Hash:              func(s any) uint64 { return spec.LogHash(s.(*spec.LogState)) },
		DescribeOperation: func(in, out any) string { return spec.Describe(in.(spec.LogInput), out.(spec.LogOutput)) },
		DescribeState:     func(s any) string { return spec.DescribeState(s.(*spec.LogState)) },
	}
}

// logOp is an operation on a log with its interval in positions; ret is never if it has no
// deadline.
type logOp struct {
	id        int32
	call, ret int32
	client    int32
	in        spec.LogInput
	out       spec.LogOutput
}

// logOps returns the operations on a stream that say anything about its log, in call order.
func logOps(rec *record, stream int32) []logOp {
	var out []logOp
	for id := range rec.ops {
		o := &rec.ops[id]
		if o.stream != stream {
			continue
		}
		x := logOp{id: int32(id), call: o.call, ret: o.ret, client: o.client}
		x.in = spec.LogInput{Seq: o.seq, Expect: o.expect, SubjectExpect: o.ofSubject}
		x.out = spec.LogOutput{Status: spec.LogOK, Seq: o.seq, NotFound: o.notFound, Dup: o.dup, Silent: o.silent}
		if o.id != none {
			x.in.ID = rec.ids.names[o.id]
		}
		if o.subject != none {
			x.in.Subject = rec.subjects.names[o.subject]
		}
		if o.value != none {
			x.in.Value, x.out.Value = rec.names.names[o.value], rec.names.names[o.value]
		}
		if x.classify(o) && !rec.excused(o) {
			out = append(out, x)
		}
	}
	return out
}

// excused tells whether o is an answer that the sequential log would not give: of any replica, or that a message is not
// there which a rule may have removed.
func (r *record) excused(o *op) bool {
	x := r.rules[o.stream]
	return o.direct || o.verb != publish && (o.notFound || o.verb != read) && (x.any || x.pushedOut() > 0 || x.cfg.MaxAge > 0 || x.settles())
}

// classify sets the verb and the status; false means that the operation says nothing.
func (x *logOp) classify(o *op) bool {
	switch {
	case o.verb == publish && o.status == failed:
		x.in.Verb, x.out.Status, x.out.Actual = spec.LogPublish, spec.LogRefused, o.actual
		return o.refused && o.expect+o.ofSubject > 0
	case o.verb == publish:
		x.in.Verb = spec.LogPublish
		if o.mayStore() {
			x.out, x.ret = spec.LogOutput{Status: spec.LogUnknown}, never
		}
		return o.value != none && (o.seq > 0 || o.mayStore())
	case o.verb == read && o.status == done:
		x.in.Verb = spec.LogRead
		return o.seq > 0 && (o.notFound || o.value != none)
	case o.verb == last && o.status == done:
		x.in.Verb, x.in.Seq = spec.LogLast, 0
		return o.notFound || o.value != none && o.seq > 0
	case o.verb == nextOf && o.status == done:
		x.in.Verb, x.in.Seq = spec.LogNext, o.asked
		return o.notFound || o.value != none && o.seq > 0
	}
	return false
}

func (x *logOp) porcupine() porcupine.Operation {
	p := porcupine.Operation{ClientId: int(x.client), Input: x.in, Output: x.out, Call: int64(x.call), Return: int64(x.ret)}
	if x.ret == never {
		p.Return = math.MaxInt64
	}
	return p
}

// recordOf folds a whole history into the shared record alone.
func recordOf(h *history.History) *record {
	rec := newRecord(&h.Header, len(h.Events)/4)
	for i := range h.Events {
		rec.take(&h.Events[i])
	}
	return rec
}
