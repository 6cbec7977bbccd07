package drive

import (
	"runtime/debug"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// maxInline is how many rounds of disk operations a goroutine may run for the machine before
// it goes back to its own work: a chain of reads must not capture a connection's reader.
const maxInline = 4

// turn is one goroutine's go at the machine: begin, step any number of inputs, end. Each
// long-lived goroutine has its own.
type turn struct {
	s     *Server
	in    machine.Input
	outs  []*outq // to flush, once the machine is released
	late  []*outq // with a backlog, to be reported and drained
	grown []*outq // with a backlog that has grown, to be reported
	lanes []*lane // of disk operations that this goroutine runs itself
	halt  bool    // a step broke off links: nothing further may be fed from them in this turn
	small bool    // the input was small: its disk operations are worth running here
}

// begin takes the machine and hands it the disk operations finished meanwhile.
func (t *turn) begin() {
	s := t.s
	s.mu.Lock()
	s.now()
	s.feedDone(t)
}

// now sets the moment. Server.mu is held.
func (s *Server) now() {
	now := time.Now()
	s.env.Mono = s.mono(now)
	s.env.Wall = machine.Wall(now.UnixNano())
}

func (s *Server) mono(now time.Time) machine.Mono {
	return machine.Mono(now.Sub(s.started) + time.Second)
}

// feedDone steps the machine with finished disk operations, in the order of their finish.
func (s *Server) feedDone(t *turn) {
	if !s.disk.hasDone.Load() {
		return
	}
	s.done = s.disk.takeDone(s.done[:0])
	for i := range s.done {
		d := &s.done[i]
		if d.fatal != nil {
			s.fail(d.fatal)
		}
		t.in = machine.Input{Kind: machine.DiskDone, Token: d.token, N: d.n, Bytes: d.bytes, Err: d.err}
		t.step()
	}
	clear(s.done)
}

// step hands t.in to the machine. Server.mu is held. Timers are set at once, so that a later
// input of the same turn finds them as the machine left them; the rest is collected by end.
func (t *turn) step() {
	s := t.s
	if s.broken {
		return
	}
	defer s.crashed()
	s.m.Step(&s.env, &t.in, &s.fx)
	if len(s.fx.Timers) > 0 {
		s.setTimers()
	}
	if len(s.fx.Resets) > 0 {
		t.halt = true
	}
}

// crashed turns a panic of the machine into the end of the server: a broker must not run on
// with a broken invariant.
func (s *Server) crashed() {
	r := recover()
	if r == nil {
		return
	}
	s.broken = true
	for _, b := range s.fx.Dirty {
		b.B, b.Dirty = nil, false
	}
	s.fx.Reset()
	err := &PanicError{Value: r, Stack: debug.Stack()}
	s.log.Error("the machine broke an invariant", "panic", r, "stack", string(err.Stack))
	s.fail(err)
}

// end collects the effects, releases the machine, and carries out what may wait or take time,
// until nothing of it leads to another step.
func (t *turn) end() {
	s := t.s
	for round := 0; ; round++ {
		s.collect(t, round < maxInline)
		s.mu.Unlock()
		t.flush()
		ran := t.runLanes()
		if len(t.late) == 0 && len(t.grown) == 0 && !ran {
			t.halt, t.small = false, false
			return
		}
		t.begin()
		t.reportLate()
	}
}

func (t *turn) flush() {
	for i, q := range t.outs {
		if q.flush() {
			t.late = append(t.late, q)
		}
		t.outs[i] = nil
	}
	t.outs = t.outs[:0]
}

func (t *turn) runLanes() bool {
	ran := len(t.lanes) > 0
	for i, l := range t.lanes {
		t.s.disk.run(l)
		t.lanes[i] = nil
	}
	t.lanes = t.lanes[:0]
	return ran
}

// reportLate tells the machine of backlogs that have grown or begun, and has the latter drained.
func (t *turn) reportLate() {
	s := t.s
	for i, q := range t.grown {
		q.mu.Lock()
		n, sent, draining := q.n, q.sent, q.mark > 0 && !q.dead
		q.mu.Unlock()
		if draining { // else the last report was of 0 and stays the last
			q.report(t, n, sent)
		}
		t.grown[i] = nil
	}
	t.grown = t.grown[:0]
	for i, q := range t.late {
		q.mu.Lock()
		n, sent, dead := q.n, q.sent, q.dead
		q.mu.Unlock()
		if !dead {
			q.report(t, n, sent)
		}
		s.wg.Go(func() { q.drain(&turn{s: s}) })
		t.late[i] = nil
	}
	t.late = t.late[:0]
}

// collect moves the effects to where they are carried out. Server.mu is held.
func (s *Server) collect(t *turn, inline bool) {
	fx := &s.fx
	if len(fx.Disk) > 0 {
		t.lanes = s.disk.submit(fx.Disk, t.lanes, inline, t.small)
	}
	for i := range fx.Frames {
		s.sendFrame(t, &fx.Frames[i])
	}
	for _, cb := range fx.Dirty {
		s.takeOutput(t, cb)
	}
	for _, d := range fx.Dials {
		s.wg.Go(func() { s.dial(d) })
	}
	for _, p := range fx.Pauses {
		s.pause(p)
	}
	for _, c := range fx.Closes {
		s.close(t, c)
	}
	for _, r := range fx.Resets {
		s.resetLink(r)
	}
	for i := range fx.Observed {
		s.observe(&fx.Observed[i])
	}
	for i := range fx.Work {
		w, sum := &fx.Work[i], &s.work[i]
		sum.Count, sum.Bytes, sum.Allocs = sum.Count+w.Count, sum.Bytes+w.Bytes, sum.Allocs+w.Allocs
	}
	fx.Reset()
	s.arm()
}

// observe passes on what the machine observed, and logs what an operator should know.
func (s *Server) observe(o *machine.Observation) {
	if s.cfg.Observe != nil {
		s.cfg.Observe(s.env.Wall, *o)
	}
	switch o.Kind {
	case machine.Leader:
		s.log.Info("leader", "group", o.Group, "term", o.Term)
	case machine.Follower:
		s.log.Info("follower", "group", o.Group, "term", o.Term)
	case machine.Damaged:
		s.log.Error("damaged", "group", o.Group, "stream", o.Stream, "why", o.Why)
	case machine.Truncated:
		s.log.Warn("log truncated", "group", o.Group, "from", o.Index, "why", o.Why)
	case machine.Dropped:
		s.log.Debug("dropped", "why", o.Why, "n", o.N)
	case machine.Note:
		s.log.Debug("note", "why", o.Why)
	}
}
