package checker

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// Errors of Picture.
var (
	// ErrNoStream: the history names no such stream.
	ErrNoStream = errors.New("no operation of the history is on this stream")
	// ErrTooLarge: around the certificate there is more than porcupine can draw.
	ErrTooLarge = errors.New("the history is too large to draw, even reduced to what is around the certificate")
)

const (
	// maxDrawn is how many operations a picture may hold.
	maxDrawn = 200
	// maxPrefix is the highest number around which a picture is drawn: the log below it is
	// built as a list.
	maxPrefix = 1 << 21
	// drawLimit is how long porcupine may search for each attempt at a picture. No verdict
	// depends on it, but in an extreme case which reduction is drawn may.
	drawLimit = 2 * time.Second
)

// Picture writes porcupine's HTML picture of a stream's log to w: clients as rows, the longest
// partial orders, and where they fail. A history of more than about 200 operations, or one in
// which porcupine gets lost, is reduced to what is around the certificate of the violation; one
// that holds is drawn only if it is small. ErrTooLarge is returned when nothing can be drawn.
func Picture(h *history.History, stream string, w io.Writer) error {
	rec := recordOf(h)
	id := rec.streams.find(stream)
	if id == none {
		return fmt.Errorf("stream %q: %w", stream, ErrNoStream)
	}
	ops := logOps(rec, id)
	v := Run(h, Options{Only: []spec.ID{spec.LinearizableLog}}).Verdicts[0]
	want := porcupine.Ok
	if v.Value == spec.Violated {
		want = porcupine.Illegal
	}
	if len(ops) <= maxDrawn && draw(h, ops, nil, want, w) == nil {
		return nil
	}
	around, ok := window(rec, id, v.Certificate)
	for _, radius := range [...]uint64{12, 6, 3, 1, 0} {
		if !ok || around.to > maxPrefix {
			break
		}
		kept, prefix := around.reduce(rec, id, ops, radius)
		if len(kept) > maxDrawn {
			continue
		}
		if err := draw(h, kept, prefix, want, w); !errors.Is(err, ErrTooLarge) {
			return err
		}
	}
	return fmt.Errorf("stream %s: %w", stream, ErrTooLarge)
}

// draw paints ops if porcupine finds what is wanted in time; else it returns ErrTooLarge. After a
// search that was given up there is nothing to paint.
func draw(h *history.History, ops []logOp, prefix *spec.LogState, want porcupine.CheckResult, w io.Writer) error {
	drawn := make([]porcupine.Operation, len(ops))
	for i := range ops {
		drawn[i] = ops[i].porcupine()
	}
	model := logModel(prefix)
	if porcupine.CheckOperationsTimeout(model, drawn, drawLimit) != want {
		return ErrTooLarge
	}
	result, info := porcupine.CheckOperationsVerbose(model, drawn, drawLimit)
	if result != want {
		return ErrTooLarge
	}
	// Porcupine hands over partial orders as a map would give them.
	for _, partial := range info.PartialLinearizations() {
		slices.SortFunc(partial, func(a, b []int) int {
			if len(a) != len(b) {
				return len(b) - len(a)
			}
			return slices.Compare(a, b)
		})
	}
	info.AddAnnotations(annotate(h, ops))
	return porcupine.Visualize(model, info, w)
}

// numbers is a range of sequence numbers, and the position up to which events matter.
type numbers struct {
	from, to uint64
	end      int32
}

// window returns the numbers that a certificate is about.
func window(rec *record, stream int32, certificate []history.Event) (numbers, bool) {
	w := numbers{from: ^uint64(0)}
	for i := range certificate {
		if certificate[i].Kind == history.Obs {
			continue
		}
		o := &rec.ops[rec.numbered(certificate[i].Op)]
		if o.stream != stream {
			return w, false
		}
		for _, n := range [2]uint64{o.seq, numberOf(o)} {
			if n > 0 {
				w.from, w.to = min(w.from, n), max(w.to, n)
			}
		}
		w.end = max(w.end, o.ret)
	}
	return w, w.to > 0
}

// reduce keeps the operations about the numbers up to radius around w. The log before them
// becomes the state to begin with.
func (w numbers) reduce(rec *record, stream int32, ops []logOp, radius uint64) ([]logOp, *spec.LogState) {
	from := max(w.from, radius+1) - radius
	return around(rec, ops, from, w.to+radius, w.end), prefixOf(rec, stream, from)
}

// numberOf is the last sequence that a refusal named or expected, or 0.
func numberOf(o *op) uint64 {
	if o.actual > 0 {
		return o.actual - 1
	}
	if o.refused && o.expect > 0 {
		return o.expect - 1
	}
	return 0
}

// around keeps operations about numbers from to to, and the open publishes called before end.
func around(rec *record, ops []logOp, from, to uint64, end int32) []logOp {
	shown := map[string]uint64{}
	for i := range ops {
		if ops[i].out.Status == spec.LogOK && ops[i].out.Seq > 0 && !ops[i].out.NotFound {
			shown[ops[i].out.Value] = ops[i].out.Seq
		}
		if ops[i].in.Verb == spec.LogRead && !ops[i].out.NotFound {
			shown[ops[i].out.Value] = ops[i].in.Seq
		}
	}
	var kept []logOp
	for _, x := range ops {
		o := &rec.ops[x.id]
		n := max(o.seq, numberOf(o))
		if x.out.Status == spec.LogUnknown {
			if n = shown[x.in.Value]; n == 0 && x.call < end {
				n = from
			}
		}
		if n >= from && n <= to {
			kept = append(kept, x)
		}
	}
	return kept
}

// prefixOf is the log below from, as far as answers showed it.
func prefixOf(rec *record, stream int32, from uint64) *spec.LogState {
	at := map[uint64]int32{}
	for id := range rec.ops {
		if o := &rec.ops[id]; o.stream == stream && o.status == done && o.value != none && o.seq > 0 && o.seq < from {
			at[o.seq] = o.value
		}
	}
	var s *spec.LogState
	for n := uint64(1); n < from; n++ {
		in := spec.LogInput{Verb: spec.LogPublish, Value: "?"}
		if val, ok := at[n]; ok {
			in.Value = rec.names.names[val]
			if pub := rec.values[val].pub; pub != none && rec.ops[pub].subject != none {
				in.Subject = rec.subjects.names[rec.ops[pub].subject]
			}
		}
		_, s = spec.LogStep(s, in, spec.LogOutput{Status: spec.LogUnknown})
	}
	return s
}

// annotate adds faults and the ends of processes, as far as they fall among the operations.
func annotate(h *history.History, ops []logOp) []porcupine.Annotation {
	if len(ops) == 0 {
		return nil
	}
	first, latest := ops[0].call, int32(0)
	for i := range ops {
		if latest = max(latest, ops[i].call); ops[i].ret != never {
			latest = max(latest, ops[i].ret)
		}
	}
	var out []porcupine.Annotation
	for pos := first; pos <= latest; pos++ {
		e := &h.Events[pos]
		a := porcupine.Annotation{Start: int64(pos), End: int64(pos), Details: when(e)}
		switch {
		case e.Kind == history.Fault && e.On:
			a.Tag, a.Description = "faults", "begins: "+e.Why
		case e.Kind == history.Fault:
			a.Tag, a.Description = "faults", "ends: "+e.Why
		case e.Kind == history.Obs && (e.Verb == history.Up || e.Verb == history.Down):
			a.Tag, a.Description = nodeName(e.Node), string(e.Verb)+" "+e.Why
		case e.Kind == history.Obs && e.Verb == obsLeader:
			a.Tag, a.Description = nodeName(e.Node), fmt.Sprintf("leader of term %d", e.Term)
		default:
			continue
		}
		out = append(out, a)
	}
	return out
}
