package client

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
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
	sent   map[uint64]bool // operations seen on the wire
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
	w := &world{timers: map[machine.TimerKey]machine.Mono{}, ended: map[uint64]load.Outcome{}, opened: map[uint64]load.Op{}, sent: map[uint64]bool{}}
	cfg.Load, cfg.Record = w, w
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
	w.carryOut()
}

func (w *world) carryOut() {
	for _, o := range w.fx.Observed {
		w.say("note: %s", o.Why)
	}
	for _, c := range w.fx.Dirty {
		for _, line := range strings.SplitAfter(string(c.B), "\r\n") {
			if _, reply, ok := strings.Cut(line, " _INBOX.c1."); ok && !strings.HasPrefix(line, "SUB") {
				num, _ := strconv.ParseUint(strings.Fields(reply)[0], 10, 64)
				w.sent[num] = true
			}
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
		return first.op, true, 0
	}
	return load.Op{}, false, w.ops[0].at
}

func (w *world) Done(int64, load.Op, load.Outcome) {}

// The recorder.

func (w *world) Invoke(op load.Op) uint64 {
	w.begun++
	w.opened[w.begun] = op
	w.say("[%d] invoke %s", w.begun, op.Verb)
	return w.begun
}

func (w *world) Complete(id uint64, op load.Op, out load.Outcome) {
	if _, open := w.opened[id]; !open {
		panic(fmt.Sprintf("operation %d completes without being open", id))
	}
	delete(w.opened, id)
	w.ended[id] = out
	status := [...]string{"?", "ok", "failed", "unknown"}[out.Status]
	var fields []string
	v := reflect.ValueOf(out)
	for i := 1; i < v.NumField(); i++ {
		if !v.Field(i).IsZero() {
			fields = append(fields, fmt.Sprintf("%s=%v", v.Type().Field(i).Name, v.Field(i)))
		}
	}
	w.say("[%d] %s %s: %s", id, op.Verb, status, strings.Join(fields, " "))
}

var verbs = map[string]history.Verb{
	"publish": history.Publish, "read": history.Read, "last": history.Last,
	"create": history.Create, "delete": history.Delete,
}
