package load

import "github.com/brokerlab/brokerlab/model/history"

// Subscribe is a client that listens.
type Subscribe struct {
	Filters []string `json:"filters"`
	Queue   string   `json:"queue,omitempty"` // group that its subscriptions belong to
	// Every ChurnEveryMS on average a subscription is ended and, after ChurnOffMS, begun again; 0: never.
	ChurnEveryMS int `json:"churn_every_ms,omitempty"`
	ChurnOffMS   int `json:"churn_off_ms,omitempty"`
	// Every StallEveryMS on average the client stops reading for StallMS; 0: never.
	StallEveryMS int `json:"stall_every_ms,omitempty"`
	StallMS      int `json:"stall_ms,omitempty"`
	// FlushEveryMS is how often it asks for a sign that all it was sent has arrived; 0 means every 1000.
	FlushEveryMS int `json:"flush_every_ms,omitempty"`
}

// listening is where one subscription stands.
type listening uint8

const (
	unsubscribed listening = iota
	subscribing
	subscribed
	unsubscribing
)

// tagged is one subscription of a load's, in the making or not.
type tagged struct {
	op    Op // the Subscribe
	state listening
	at    int64 // not before this time
}

// next is what is to be done to have the subscription, or to have it no more.
func (s *tagged) next(now int64, want bool) (Op, bool) {
	switch {
	case now < s.at:
	case want && s.state == unsubscribed:
		s.state = subscribing
		return s.op, true
	case !want && s.state == subscribed:
		s.state = unsubscribing
		return Op{Verb: history.Unsubscribe, Tag: s.op.Tag, Timeout: s.op.Timeout}, true
	}
	return Op{}, false
}

// wake is when to ask again, if want is not yet so.
func (s *tagged) wake(want bool) int64 {
	if want && s.state == unsubscribed {
		return max(s.at, 1)
	}
	return 0
}

// done takes the end of what next asked for. A subscription that was not refused is there, or will be by the
// adapter's doing; one that is to end has ended.
func (s *tagged) done(now int64, op *Op, out *Outcome) {
	switch {
	case op.Verb == history.Unsubscribe:
		s.state = unsubscribed
	case out.Status == Failed:
		s.state, s.at = unsubscribed, now+retryEvery
	default:
		s.state = subscribed
	}
}

// subscriber is one client of a Subscribe.
type subscriber struct {
	subs  []tagged
	off   []int64    // until when each is to be off; 0: it is on
	churn []arrivals // when each is to go off
	stall arrivals
	flush flushes
	until int64

	churnOff, stallFor int64
	stalled            int64 // until when; 0: it reads
	open               int
	resting            bool
}

func newSubscriber(g *Group, key Key) *subscriber {
	c := g.Subscribe
	s := &subscriber{
		until: g.Until, churnOff: int64(orElse(c.ChurnOffMS, 500)) * millisecond, stallFor: int64(c.StallMS) * millisecond,
		stall: newArrivals(key.Sub("stall"), int64(c.StallEveryMS)*millisecond, g.From),
		flush: newFlushes(c.FlushEveryMS, g),
	}
	for i, filter := range c.Filters {
		tag := uint64(i + 1)
		s.subs = append(s.subs, tagged{op: Op{Verb: history.Subscribe, Tag: tag, Subject: filter, Queue: c.Queue, Timeout: g.Timeout}})
		s.churn = append(s.churn, newArrivals(key.Sub("churn "+filter), int64(c.ChurnEveryMS)*millisecond, g.From))
	}
	s.off = make([]int64, len(s.subs))
	return s
}

// Next keeps up the subscriptions.
func (s *subscriber) Next(now int64) (Op, bool, int64) {
	if op, ok := s.read(now); ok {
		return op, true, 0
	}
	var wake int64
	for i := range s.subs {
		sub := &s.subs[i]
		s.turn(now, i)
		want := s.off[i] == 0 && !s.resting
		if op, ok := sub.next(now, want); ok {
			s.open++
			return op, true, 0
		}
		wake = sooner(wake, sub.wake(want))
		switch {
		case s.off[i] > 0:
			wake = sooner(wake, s.off[i])
		case sub.state == subscribed:
			wake = sooner(wake, s.churn[i].next(s.until))
		}
	}
	if s.resting {
		return Op{}, false, 0
	}
	if op, ok := s.flush.next(now); ok {
		s.open++
		return op, true, 0
	}
	wake = sooner(sooner(wake, s.flush.at), s.stalled)
	if s.stalled == 0 {
		wake = sooner(wake, s.stall.next(s.until))
	}
	return Op{}, false, wake
}

// read stops and goes on reading.
func (s *subscriber) read(now int64) (Op, bool) {
	switch {
	case s.stalled > 0 && (now >= s.stalled || s.resting):
		s.stalled = 0
		s.open++
		return Op{Verb: Resume}, true
	case s.stalled == 0 && !s.resting && s.stall.due(now, s.until):
		s.stall.skip(now)
		s.stalled = now + s.stallFor
		s.open++
		return Op{Verb: Stall}, true
	}
	return Op{}, false
}

// turn has a subscription go off, or on again.
func (s *subscriber) turn(now int64, i int) {
	switch {
	case s.off[i] > 0 && now >= s.off[i]:
		s.off[i] = 0
	case s.off[i] == 0 && s.subs[i].state == subscribed && s.churn[i].due(now, s.until):
		s.churn[i].skip(now)
		s.off[i] = now + s.churnOff
	}
}

// Done takes the end of a subscription's beginning or end.
func (s *subscriber) Done(now int64, op Op, out Outcome) {
	s.open--
	if op.Tag > 0 {
		s.subs[op.Tag-1].done(now, &op, &out)
	}
	s.flush.done(now, &op)
}

// Deliver has nothing to do: what came is recorded.
func (s *subscriber) Deliver(int64, *Delivery) {}

func (s *subscriber) rest() { s.resting = true }

func (s *subscriber) busy() bool { return s.open > 0 || listens(s.subs) }

func (s *subscriber) restart(now int64) {
	s.open, s.stalled, s.resting = 0, 0, false
	for i := range s.subs {
		s.subs[i].state, s.subs[i].at, s.off[i] = unsubscribed, 0, 0
		s.churn[i].skip(now)
	}
	s.stall.skip(now)
	s.flush.restart(now)
}

func listens(subs []tagged) bool {
	for i := range subs {
		if subs[i].state != unsubscribed {
			return true
		}
	}
	return false
}

// flushes are a client's regular questions whether all that it was sent has arrived.
type flushes struct {
	every   int64
	at      int64 // of the next; 0 while one is under way
	timeout int64
}

func newFlushes(everyMS int, g *Group) flushes {
	every := int64(orElse(everyMS, 1000)) * millisecond
	return flushes{every: every, at: g.From + every, timeout: g.Timeout}
}

func (f *flushes) next(now int64) (Op, bool) {
	if f.at == 0 || now < f.at {
		return Op{}, false
	}
	f.at = 0
	return Op{Verb: history.Flush, Timeout: f.timeout}, true
}

func (f *flushes) done(now int64, op *Op) {
	if op.Verb == history.Flush {
		f.at = now + f.every
	}
}

func (f *flushes) restart(now int64) { f.at = now + f.every }
