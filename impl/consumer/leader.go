package consumer

import (
	config "github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Messages is the stream, and who listens, as a consumer needs to see them.
type Messages interface {
	// Next is the first message at or above from that the filters name (none: any).
	Next(from uint64, filters []string) (seq uint64, ok bool)
	// Count is how many messages at or above from the filters name.
	Count(from uint64, filters []string) uint64
	// Size is the bytes of a message's subject, header and data.
	Size(seq uint64) int
	// Stamp is when a message was stored, in nanoseconds since the Unix epoch.
	Stamp(seq uint64) int64
	// Last is the newest sequence there ever was.
	Last() uint64
	// Wanted says whether anybody listens to a subject; as a member of group, unless that is "".
	Wanted(subject, group string) bool
}

// Mode says how deliveries get into the log.
type Mode uint8

const (
	// LogBefore: a delivery is sent once it is logged, so that its count survives its leader.
	LogBefore Mode = iota
	// LogAfter: a delivery is sent at once and logged afterwards; a new leader may repeat it with its count.
	LogAfter
	// NoLog: the consumer lives in its leader's memory alone.
	NoLog
)

// Take is a delivery to be logged: the first of a message, or another one.
type Take struct {
	Seq   uint64
	Again bool
}

// Send is a message to be sent to a subject, or a status if there is one.
type Send struct {
	To string
	Delivery
	Pending uint64 // messages still to come
	Status  *Status
	Reply   string // of a status: where an answer goes
}

// Out is what a leader decided. Its owner carries out the lists; the order within Sends is to be kept.
type Out struct {
	Takes []Take     // to be logged as one command, in this order; Handed follows for each
	Sends []Send     // to be sent; Sent follows for each message
	Logs  []Delivery // made; to be logged
	Spent []Settled  // ran out of deliveries; to be logged
	// Delete: nobody has used the consumer for its inactive threshold.
	Delete bool
}

func (o *Out) say(to string, s *Status) { o.Sends = append(o.Sends, Send{To: to, Status: s}) }

// Limits of one consumer on its leader.
const (
	// maxTaken is how many deliveries may be on their way through the log, maxGather how many one call chooses.
	maxTaken  = 4096
	maxGather = 1024
	// maxPending is the most messages that may be pending, whatever the configuration asks for.
	maxPending = 1 << 20
)

// Leader is the volatile part of a consumer, where its stream is led.
type Leader struct {
	stream, name string
	cfg          *config.Config
	mode         Mode
	view         *State // what is known of deliveries: the replicated state, or a copy that is ahead of it
	src          Messages
	bugs         Bugs

	cursor  uint64 // newest message taken for its first delivery
	pending uint64 // messages that the filters name and that were not sent for a first time yet
	stale   bool   // pending has to be counted again when nothing is taken any more
	taken   []inFlight
	firsts  int // of taken
	waits   waits
	parked  []Send

	queue   []*request
	lookAt  machine.Mono // when requests have to be looked at; 0: never
	sweptAt machine.Mono

	push push

	active    machine.Mono // when the consumer was last used
	busyUntil machine.Mono // ack waits of what was delivered end
	deleting  bool
	again     bool // there may be more to choose at once
}

// inFlight is a delivery on its way through the log, and the request it is for (nil: push).
type inFlight struct {
	Take
	to   *request
	size int
}

// NewLeader begins to lead a consumer whose state is view. For mode LogAfter view must be a copy of the replicated
// state, ahead of which it will run. Ack waits begin anew: when the deliveries were made is not known here.
func NewLeader(now machine.Mono, stream, name string, cfg *config.Config, mode Mode, view *State, src Messages, bugs Bugs) *Leader {
	l := &Leader{stream: stream, name: name, cfg: cfg, mode: mode, view: view, src: src, bugs: bugs, active: now}
	l.waits.bySeq = make(map[uint64]*wait)
	l.cursor = view.Delivered.Stream
	l.recount()
	if !bugs.ForgetPending {
		view.EachPending(func(seq, count uint64) { l.await(now, seq, count) })
	}
	l.push.begin(l, now)
	return l
}

// recount counts what is still to come.
func (l *Leader) recount() {
	v, filters := l.view, l.cfg.Filters()
	l.pending = uint64(len(v.starts)) + l.src.Count(max(v.Delivered.Stream, v.resume)+1, filters)
}

// await begins the ack wait of a delivery that was just made.
func (l *Leader) await(now machine.Mono, seq, count uint64) {
	l.waits.put(seq, waiting, now+machine.Mono(l.ackWait(count)))
	l.busy(now, count)
}

// busy keeps the consumer from being taken for unused while a delivery waits for its ack.
func (l *Leader) busy(now machine.Mono, count uint64) {
	l.busyUntil = max(l.busyUntil, now+machine.Mono(l.ackWait(count)))
}

// ackWait is how long the count-th delivery of a message waits for its ack.
func (l *Leader) ackWait(count uint64) int64 {
	wait := l.cfg.AckWait
	if n := uint64(len(l.cfg.BackOff)); n > 0 {
		wait = l.cfg.BackOff[min(count, n)-1]
	}
	if l.bugs.HalfWait {
		return min(wait, maxDelay) / 2
	}
	return min(wait, maxDelay)
}

// spent says whether a message that was delivered count times may not be delivered again.
func (l *Leader) spent(count uint64) bool {
	limit := l.cfg.MaxDeliver
	if l.bugs.MaxDeliver && limit > 0 {
		limit++
	}
	return limit > 0 && count >= uint64(limit)
}

// NumPending is how many messages the filters name that were not sent yet.
func (l *Leader) NumPending() uint64 { return l.pending }

// NumWaiting is how many pull requests wait whose clients are still there.
func (l *Leader) NumWaiting() (n int) {
	for _, r := range l.queue {
		if l.src.Wanted(r.reply, "") {
			n++
		}
	}
	return n
}

// View is what this leader knows of deliveries: for LogAfter it is ahead of the replicated state.
func (l *Leader) View() *State { return l.view }

// Mode is how its deliveries are logged.
func (l *Leader) Mode() Mode { return l.mode }

// ready is how many messages could be delivered at once.
func (l *Leader) ready() uint64 {
	return l.pending - min(l.pending, uint64(l.firsts)) + uint64(len(l.waits.ripe)) + uint64(l.waits.parked)
}

// Stored tells of a new message that the filters name. It may be below where the consumer is to begin.
func (l *Leader) Stored(seq uint64) {
	if l.view.Expects(seq) {
		l.pending++
	}
}

// Removed tells that message seq leaves the stream, before the state hears of it; named says whether the filters
// name it.
func (l *Leader) Removed(seq uint64, named bool) {
	if named && l.view.Expects(seq) && l.pending > 0 {
		l.pending--
	}
	if l.mode == LogAfter {
		l.view.Remove(nil, seq)
	}
	l.forget(seq) // pending or not: without acks it may wait for somebody to be sent to
}

// Settled tells of a message that was settled in the state.
func (l *Leader) Settled(done Settled) {
	if l.mode == LogAfter {
		l.view.follow(done)
	}
	l.forget(done.Seq)
}

func (l *Leader) forget(seq uint64) {
	l.waits.drop(seq)
	if l.waits.parked == 0 {
		l.parked = nil
	}
	if l.view.Pending() == 0 {
		l.busyUntil = 0
	}
}

// Used tells that a client has dealt with the consumer.
func (l *Leader) Used(now machine.Mono) { l.active = now }

// Nak asks for another delivery of a message, after delay, by whom it was delivered for the count-th time. With
// fence only the newest delivery's counts.
func (l *Leader) Nak(now machine.Mono, seq, count uint64, delay int64, fence bool, out *Out) {
	x := l.theirs(seq, count, fence)
	switch {
	case x == nil || l.bugs.NakForgotten:
	case delay > 0:
		l.waits.put(seq, waiting, now+machine.Mono(delay))
	case x.place == waiting:
		l.ripen(now, x, out)
	}
}

// Progress begins the ack wait of a delivery anew.
func (l *Leader) Progress(now machine.Mono, seq, count uint64, fence bool) {
	if x := l.theirs(seq, count, fence); x != nil {
		l.await(now, seq, l.view.Count(seq))
	}
}

// theirs is the message that a nak or progress is about, if it waits for its ack or its next delivery.
func (l *Leader) theirs(seq, count uint64, fence bool) *wait {
	x := l.waits.bySeq[seq]
	if x == nil || x.place > due || fence && l.view.Count(seq) != count {
		return nil
	}
	return x
}

// ripen makes a message whose ack wait is over due for delivery, or lets go of it.
func (l *Leader) ripen(now machine.Mono, x *wait, out *Out) {
	count := l.view.Count(x.seq)
	if l.spent(count) {
		l.waits.put(x.seq, spending, now)
		out.Spent = append(out.Spent, Settled{Seq: x.seq, Count: count})
		return
	}
	l.waits.put(x.seq, due, min(x.at, now))
}

// Tick lets time pass: ack waits and requests end, heartbeats are due, and nobody may have been here for long.
func (l *Leader) Tick(now machine.Mono, out *Out) {
	l.again = false
	for len(l.waits.clock) > 0 && l.waits.clock[0].at <= now {
		l.ripen(now, l.waits.clock[0], out)
	}
	if l.lookAt != 0 && now >= l.lookAt {
		l.sweep(now, out)
	}
	l.push.tick(l, now, out)
	l.checkIdle(now, out)
}

// idleAt is when nobody will have used the consumer for its inactive threshold; 0 for never.
func (l *Leader) idleAt() machine.Mono {
	threshold := machine.Mono(min(l.cfg.InactiveThreshold, maxDelay))
	switch {
	case threshold == 0 || l.deleting || l.cfg.Push() && l.push.wanted:
		return 0
	case l.cfg.Push():
		return max(l.active, l.push.lostAt) + threshold
	}
	return max(l.active, l.busyUntil) + threshold
}

func (l *Leader) checkIdle(now machine.Mono, out *Out) {
	at := l.idleAt()
	if at == 0 || now < at {
		return
	}
	l.sweep(now, out)
	if len(l.queue) > 0 {
		l.active = now
		return
	}
	if at = l.idleAt(); now >= at { // a request's end counts as use
		l.deleting, out.Delete = true, true
	}
}

// Wake is when Tick and Gather have to be called next; 0 for never.
func (l *Leader) Wake(now machine.Mono) (at machine.Mono) {
	sooner := func(t machine.Mono) {
		if t != 0 && (at == 0 || t < at) {
			at = t
		}
	}
	if len(l.waits.clock) > 0 {
		sooner(max(l.waits.clock[0].at, 1))
	}
	if l.again {
		sooner(max(now, 1))
	}
	sooner(l.lookAt)
	sooner(l.push.wake(l))
	sooner(l.idleAt())
	return at
}

// Close tells everybody who waits why it is in vain.
func (l *Leader) Close(text string, out *Out) {
	why := &Status{Code: 409, Text: text}
	for _, r := range l.queue {
		r.ending = nil
		out.say(r.reply, why)
	}
	for i := range l.taken {
		if r := l.taken[i].to; r != nil && !r.queued && r.reserved > 0 {
			out.say(r.reply, why)
			r.reserved = 0
		}
	}
	l.queue, l.taken = nil, nil
}
