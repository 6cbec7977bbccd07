package client

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// world runs one client: it plays the driver, the broker, the load and the recorder, and writes
// down what it sees.
type world struct {
	m      machine.Machine
	env    machine.Env
	fx     machine.Effects
	timers map[machine.TimerKey]machine.Mono
	out    *machine.ConnBuf
	conn   machine.ConnID
	token  machine.Token
	seen   strings.Builder

	ops    []scheduled // not yet taken, by time
	begun  uint64
	ended  map[uint64]load.Outcome
	opened map[uint64]load.Op
	sent   map[uint64]bool // operations that were handed to a connection
	done   int             // how often the load was told of an end
	taken  int             // how many wishes the client has taken
	got    []*load.Delivery

	answered map[uint64]bool // operations that the server answered while they were open and sent
}

type scheduled struct {
	at int64
	op load.Op
}

// epoch is where the monotonic clock of the test's node happens to stand.
const epoch = machine.Mono(7_000_000_000)

type fixedChoices struct{}

func (fixedChoices) Draw(purpose machine.Purpose, id uint64) uint64 { return uint64(purpose) + id }

func newWorld(cfg Config) (*world, error) {
	w := &world{timers: map[machine.TimerKey]machine.Mono{}, ended: map[uint64]load.Outcome{}, opened: map[uint64]load.Op{}, sent: map[uint64]bool{}, answered: map[uint64]bool{}}
	cfg.Load, cfg.Record = w, recorder{w}
	w.env = machine.Env{Mono: epoch, Choices: fixedChoices{}}
	m, err := Boot(cfg)(&w.env, nil, &w.fx)
	if err != nil {
		return nil, err
	}
	w.m = m
	w.carryOut()
	w.advance(0)
	return w, nil
}

func (w *world) say(format string, args ...any) { fmt.Fprintf(&w.seen, format+"\n", args...) }

// took returns what was seen since the last time.
func (w *world) took() string {
	defer w.seen.Reset()
	return w.seen.String()
}

func (w *world) step(in machine.Input) {
	w.m.Step(&w.env, &in, &w.fx)
	for _, o := range w.m.(*Client).ops { // map order: a set
		w.sent[o.id] = w.sent[o.id] || o.sent
	}
	w.carryOut()
}

func (w *world) carryOut() {
	for _, o := range w.fx.Observed {
		w.say("note: %s", o.Why)
	}
	for _, c := range w.fx.Dirty {
		for _, line := range strings.SplitAfter(string(c.B), "\r\n") {
			if line != "" {
				w.say("< %s", strings.TrimSuffix(line, "\r\n"))
			}
		}
		c.B, c.Dirty = nil, false
	}
	for _, d := range w.fx.Dials {
		w.token = d.Token
		w.say("dial node %d (%d)", d.To, d.Token)
	}
	for _, p := range w.fx.Pauses {
		w.say("%s %d", map[bool]string{true: "pause", false: "resume"}[p.On], p.Conn)
	}
	for _, c := range w.fx.Closes {
		w.say("close %d", c.Conn)
	}
	for _, t := range w.fx.Timers {
		delete(w.timers, t.Timer)
		if !t.Cancel {
			w.timers[t.Timer] = t.At
		}
	}
	w.fx.Reset()
}

// advance lets time pass and fires the timers that become due, in order.
func (w *world) advance(d time.Duration) {
	until := w.env.Mono + machine.Mono(d)
	for {
		key, at := machine.TimerKey{}, until+1
		for _, k := range slices.SortedFunc(maps.Keys(w.timers), func(a, b machine.TimerKey) int { return int(a.Kind) - int(b.Kind) }) {
			if t := w.timers[k]; t < at {
				key, at = k, t
			}
		}
		if at > until {
			w.env.Mono = until
			return
		}
		delete(w.timers, key)
		w.env.Mono = max(w.env.Mono, at)
		w.step(machine.Input{Kind: machine.TimerFired, Timer: key})
	}
}

func (w *world) open(token machine.Token) {
	w.conn++
	w.out = &machine.ConnBuf{ID: w.conn}
	w.step(machine.Input{Kind: machine.ConnOpened, Conn: w.conn, Token: token, Out: w.out})
}

func (w *world) bytes(text string, size int) {
	for p := []byte(text); len(p) > 0; {
		n := min(size, len(p))
		piece := append([]byte(nil), p[:n]...)
		w.step(machine.Input{Kind: machine.ConnBytes, Conn: w.conn, Bytes: piece})
		for i := range piece {
			piece[i] = '#'
		}
		p = p[n:]
	}
}

func (w *world) close(why string) {
	in := machine.Input{Kind: machine.ConnClosed, Conn: w.conn}
	if why != "" {
		in.Err = errors.New(why)
	}
	w.step(in)
}

func (w *world) refuse() {
	w.step(machine.Input{Kind: machine.ConnClosed, Token: w.token, Err: machine.ErrRefused})
}

// want adds an operation to the load, due in d, and lets the client know.
func (w *world) want(d time.Duration, op load.Op) {
	w.ops = append(w.ops, scheduled{int64(w.env.Mono-epoch) + int64(d), op})
	w.step(machine.Input{Kind: machine.TimerFired, Timer: timerLoad})
}

// The load.

func (w *world) Next(now int64) (load.Op, bool, int64) {
	if len(w.ops) == 0 {
		return load.Op{}, false, 0
	}
	if first := w.ops[0]; first.at <= now {
		w.ops = w.ops[1:]
		w.taken++
		return first.op, true, 0
	}
	return load.Op{}, false, w.ops[0].at
}

// Done says what the load hears of, if it is not what the recorder has just written: of coming and going, and of the
// end of what has no completion.
func (w *world) Done(_ int64, op load.Op, out load.Outcome) {
	w.done++
	switch op.Verb {
	case load.Leave, load.Die, load.Join, load.Stall, load.Resume:
		w.say("load: %s %s: %s", op.Verb, statuses[out.Status], fieldsOf(out))
	case history.Unsubscribe:
		if op.Sub == 0 {
			w.say("load: %s %s: %s", op.Verb, statuses[out.Status], fieldsOf(out))
		}
	}
}

// Deliver is load.Receiver.
func (w *world) Deliver(_ int64, d *load.Delivery) { w.got = append(w.got, d) }

// The recorder.

func (w *world) Invoke(op *load.Op) uint64 {
	w.begun++
	w.opened[w.begun] = *op
	extra := ""
	if op.Sub != 0 {
		extra = fmt.Sprintf(" of [%d]", op.Sub)
	}
	if op.Lost {
		extra += " (lost)"
	}
	w.say("[%d] invoke %s%s", w.begun, op.Verb, extra)
	return w.begun
}

func (w *world) Complete(id uint64, op *load.Op, out *load.Outcome) {
	if _, open := w.opened[id]; !open {
		panic(fmt.Sprintf("operation %d completes without being open", id))
	}
	if silent(op) {
		panic(fmt.Sprintf("operation %d completes, though nobody asked for a confirmation", id))
	}
	delete(w.opened, id)
	w.ended[id] = *out
	w.say("[%d] %s %s: %s", id, op.Verb, statuses[out.Status], fieldsOf(*out))
}

// recorder has the Deliver of Recorder, beside the load's.
type recorder struct{ *world }

func (r recorder) Deliver(d *load.Delivery) {
	if d.Sub != 0 {
		if op := r.opened[d.Sub]; op.Verb != history.Subscribe && r.ended[d.Sub].Status == 0 {
			panic(fmt.Sprintf("delivery by %d, which is no subscription", d.Sub))
		}
	}
	r.say("deliver %s", fieldsOf(*d))
}

func (r recorder) Mark(verb history.Verb, node machine.NodeID) { r.say("mark: %s n%d", verb, node) }

var statuses = [...]string{"?", "ok", "failed", "unknown"}

// fieldsOf lists the fields that are set, the status apart.
func fieldsOf(x any) string {
	var fields []string
	v := reflect.ValueOf(x)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; name != "Status" && !v.Field(i).IsZero() {
			fields = append(fields, fmt.Sprintf("%s=%v", name, v.Field(i)))
		}
	}
	return strings.Join(fields, " ")
}
