package load

import "github.com/brokerlab/brokerlab/model/history"

// Work is a client of a consumer: it fetches, or if the consumer pushes, listens, and settles what comes after having
// worked on it. What it does with a delivery is drawn from these, in this order; the rest is acked without waiting for
// a confirmation. Once the load is over everything is acked with confirmation, so that the consumer can be drained.
type Work struct {
	Stream   string `json:"stream"`
	Consumer string `json:"consumer"`
	// Percentages of the deliveries.
	ConfirmPercent  int `json:"confirm_percent,omitempty"`  // acked, and the confirmation waited for
	NakPercent      int `json:"nak_percent,omitempty"`      // to be delivered again, half of them after NakDelayMS
	TermPercent     int `json:"term_percent,omitempty"`     // never again, and the confirmation waited for
	ProgressPercent int `json:"progress_percent,omitempty"` // worked on for longer than the ack wait, saying so and hearing that it was heard
	ForgetPercent   int `json:"forget_percent,omitempty"`   // never settled, as by a worker that died
	LatePercent     int `json:"late_percent,omitempty"`     // acked after the ack wait is over, in half of the cases with confirmation, or naked, in a quarter
	NakDelayMS      int `json:"nak_delay_ms,omitempty"`

	WorkMS int `json:"work_ms,omitempty"` // mean time that a delivery takes; 0: none
	// Of a fetch: how many messages (0 means 10), how long it may wait (0 means 1000), percentage of those that do not
	// wait at all, bytes it may bring, and interval of its heartbeats.
	Batch         int `json:"batch,omitempty"`
	ExpiresMS     int `json:"expires_ms,omitempty"`
	NoWaitPercent int `json:"no_wait_percent,omitempty"`
	MaxBytes      int `json:"max_bytes,omitempty"`
	HeartbeatMS   int `json:"heartbeat_ms,omitempty"`
	// MaxOpen bounds the deliveries that one client works on. A fetch waits for room; what a push consumer sends
	// beyond it is never settled. 0 means 256.
	MaxOpen int `json:"max_open,omitempty"`
}

// fate is what a worker does with a delivery.
type fate uint8

const (
	fateAck fate = iota
	fateConfirm
	fateNak
	fateTerm
	fateProgress
	fateForget
	fateLate
)

// worker is one client of a Work.
type worker struct {
	w       Work
	g       *Group
	acks    bool // the consumer wants any
	ackWait int64
	maxOpen int
	sub     [1]tagged // of a push consumer
	push    bool
	flush   flushes
	fate    Key
	took    Key
	delay   Key
	tardy   Key
	noWait  Key

	due      timed[task]
	held     int    // deliveries that are being worked on
	fetches  uint64 // begun so far
	fetching bool   // one is under way
	asked    int64  // when it was begun
	again    int64  // no fetch before this time
	open     int
	resting  bool
}

// task is something to be said of a delivery.
type task struct {
	d    *Delivery
	fate fate
	left int // of a progress: how often it is still to be said
}

func newWorker(g *Group, key Key, c *ConsumerSpec) *worker {
	cfg := c.Config(g.Work.Stream)
	w := &worker{
		w: *g.Work, g: g, acks: c.Ack != "none", ackWait: cfg.AckWait, maxOpen: orElse(g.Work.MaxOpen, 256), push: c.Push,
		flush: newFlushes(0, g),
		fate:  key.Sub("fate"), took: key.Sub("took"), delay: key.Sub("delay"), tardy: key.Sub("tardy"), noWait: key.Sub("no wait"),
	}
	if c.Push {
		w.sub[0].op = Op{
			Verb: history.Subscribe, Tag: 1, Subject: cfg.DeliverSubject, Queue: cfg.DeliverGroup,
			Stream: g.Work.Stream, Consumer: g.Work.Consumer, Timeout: g.Timeout,
		}
	}
	return w
}

// Next returns what is to be said of a delivery, or asks for more.
func (w *worker) Next(now int64) (Op, bool, int64) {
	if t, ok := w.due.due(now); ok {
		w.open++
		return w.settle(now, t), true, 0
	}
	op, ok, wake := w.listen(now)
	if ok {
		w.open++
	}
	return op, ok, sooner(wake, w.due.next())
}

// listen asks for deliveries.
func (w *worker) listen(now int64) (Op, bool, int64) {
	if now < w.g.From {
		return Op{}, false, w.g.From
	}
	if w.push {
		if op, ok := w.sub[0].next(now, !w.resting); ok {
			return op, true, 0
		}
	}
	switch {
	case w.resting:
		return Op{}, false, 0
	case w.push:
		op, ok := w.flush.next(now)
		return op, ok, sooner(w.flush.at, w.sub[0].wake(true))
	case w.fetching || w.held+orElse(w.w.Batch, 10) > w.maxOpen:
		return Op{}, false, 0
	case now < w.again:
		return Op{}, false, w.again
	}
	return w.ask(now), true, 0
}

// ask is a fetch.
func (w *worker) ask(now int64) Op {
	w.fetching, w.asked = true, now
	w.fetches++
	op := Op{
		Verb: history.Fetch, Stream: w.w.Stream, Consumer: w.w.Consumer, Batch: orElse(w.w.Batch, 10), MaxBytes: w.w.MaxBytes,
		Timeout: w.g.Timeout,
	}
	if percent(w.noWait, w.fetches) < w.w.NoWaitPercent {
		op.NoWait = true
		return op
	}
	op.Expires, op.Heartbeat = int64(orElse(w.w.ExpiresMS, 1000))*millisecond, int64(w.w.HeartbeatMS)*millisecond
	op.Timeout += op.Expires
	return op
}

// Deliver takes a message in and decides what will become of it.
func (w *worker) Deliver(now int64, d *Delivery) {
	if !w.acks || w.held >= w.maxOpen {
		return
	}
	// Drawn by what the delivery is, not by when it came.
	n := d.Seq<<8 | min(d.Count, 255)
	t := task{d: d, fate: w.draw(now, n)}
	at := now + w.took.Exponential(n, int64(w.w.WorkMS)*millisecond)
	switch t.fate {
	case fateForget:
		return
	case fateLate:
		at = now + w.ackWait + int64(w.delay.Below(n, uint64(w.ackWait/2)+1))
	case fateProgress:
		at, t.left = now+w.ackWait/2, 2
	}
	w.held++
	w.due.add(at, t)
}

func (w *worker) draw(now int64, n uint64) fate {
	if now >= w.g.Until {
		return fateConfirm
	}
	p := percent(w.fate, n)
	for _, f := range [...]struct {
		percent int
		fate    fate
	}{
		{w.w.ConfirmPercent, fateConfirm},
		{w.w.NakPercent, fateNak},
		{w.w.TermPercent, fateTerm},
		{w.w.ProgressPercent, fateProgress},
		{w.w.ForgetPercent, fateForget},
		{w.w.LatePercent, fateLate},
	} {
		if p < f.percent {
			return f.fate
		}
		p -= f.percent
	}
	return fateAck
}

// settle says what is due of a delivery.
func (w *worker) settle(now int64, t task) Op {
	op := Op{Verb: history.Ack, Delivery: t.d, Timeout: w.g.Timeout}
	if t.fate == fateProgress && t.left > 0 {
		t.left--
		w.due.add(now+w.ackWait/2, t)
		op.Verb, op.Confirm = history.Progress, true
		return op
	}
	w.held--
	n := t.d.Seq<<8 | min(t.d.Count, 255)
	switch t.fate {
	case fateLate:
		// Somebody else may hold the message by now: it is theirs, whatever is said of it here.
		switch w.tardy.Below(n, 4) {
		case 0, 1:
			op.Confirm = true
		case 2:
			op.Verb = history.Nak
		}
	case fateConfirm, fateProgress:
		op.Confirm = true
	case fateTerm:
		op.Verb, op.Confirm = history.Term, true
	case fateNak:
		op.Verb = history.Nak
		if w.delay.Below(n, 2) == 0 {
			op.Delay = int64(w.w.NakDelayMS) * millisecond
		}
	}
	return op
}

// Done takes the end of a fetch, a subscription or a confirmation. A confirmation that did not come needs nothing: the
// message will come again if it was not settled.
func (w *worker) Done(now int64, op Op, out Outcome) {
	w.open--
	switch {
	case op.Tag > 0:
		w.sub[0].done(now, &op, &out)
	case op.Verb == history.Fetch:
		w.fetching = false
		if out.N == 0 && now-w.asked < retryEvery {
			w.again = now + retryEvery // what brings nothing at once will not sooner for being asked
		}
	}
	w.flush.done(now, &op)
}

func (w *worker) rest() { w.resting = true }

func (w *worker) busy() bool { return w.open > 0 || w.held > 0 || listens(w.sub[:]) }

func (w *worker) restart(now int64) {
	w.open, w.held, w.fetching, w.again, w.resting = 0, 0, false, 0, false
	w.due.clear()
	w.sub[0].state, w.sub[0].at = unsubscribed, 0
	w.flush.restart(now)
}
