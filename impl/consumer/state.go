package consumer

import (
	"slices"
	"sort"

	config "github.com/brokerlab/brokerlab/model/consumer"
)

// Position is a place in the stream and in the consumer's own count of deliveries.
type Position struct{ Stream, Consumer uint64 }

// Delivery is one delivery of a message: number CSeq of the consumer's own, and the Count-th of the message.
type Delivery struct{ Seq, CSeq, Count uint64 }

// Settled is a message that the consumer is done with, and the delivery count that settled it (0 if none did).
type Settled struct {
	Seq, Count uint64
	Why        string
}

// Reasons of a Settled.
const (
	WhyAck        = "ack"
	WhyTerm       = "term"
	WhyMaxDeliver = "max-deliver"
	WhyRemoved    = "removed"
)

// State is the replicated state of one consumer.
type State struct {
	// Delivered is the newest first delivery (Stream) and the number of deliveries of any kind (Consumer).
	Delivered Position
	// Floor is the highest position below which nothing is pending.
	Floor Position

	policy  string // ack policy
	pending pendingList
	// starts are the messages to be delivered before those above resume: the last of each subject when the
	// consumer was made (deliver policy last_per_subject).
	starts []uint64
	resume uint64
	// spent are messages that ran out of deliveries, by sequence, where the stream keeps them for that.
	spent []Settled
	late  lateList
	bugs  Bugs
}

// Bugs are those that can be planted on purpose, in a State and in its Leader.
type Bugs struct {
	FloorJumps    bool // the floor does not mind what is pending
	AckNeighbour  bool // an ack settles the message behind it, too
	CountStays    bool // every other redelivery is not counted
	HalfWait      bool // ack waits end at half their time
	MaxDeliver    bool // one delivery too many
	MaxPending    bool // one pending message too many
	NakForgotten  bool // naks are ignored
	FetchTwice    bool // a message goes to two requests
	ForgetPending bool // a new leader does not know what is pending
}

// Plant plants bugs.
func (s *State) Plant(b Bugs) { s.bugs = b }

// ForgetAcks is a bug itself: what was settled above the floor is forgotten.
func (s *State) ForgetAcks() { s.Delivered, s.pending = s.Floor, pendingList{} }

// pending is a message that is delivered and not settled.
type pending struct {
	seq   uint64
	first uint64 // consumer sequence of its first delivery
	count uint64 // deliveries; 0 marks one that was settled
}

// Begin says where a new consumer starts.
type Begin struct {
	// After is the newest message that it will not deliver, but for Starts.
	After  uint64
	Starts []uint64 // ascending, none above After
}

// NewState is the state of a new consumer.
func NewState(ackPolicy string, b Begin) *State {
	s := &State{policy: ackPolicy, resume: b.After, starts: b.Starts}
	s.Delivered.Stream = b.After
	if len(b.Starts) > 0 {
		s.Delivered.Stream = b.Starts[0] - 1
	}
	s.Floor = s.Delivered
	return s
}

// Clone is a copy that shares nothing that changes.
func (s *State) Clone() *State {
	c := *s
	c.pending.list = slices.Clone(s.pending.list)
	c.spent, c.late.list = slices.Clone(s.spent), slices.Clone(s.late.list)
	c.starts = slices.Clone(s.starts)
	return &c
}

// Deliver records a delivery of message seq: its first, or (again) another one of a message that is pending. It is
// none, and ok is false, if a first one would not be in order or there is nothing pending to deliver again.
func (s *State) Deliver(seq uint64, again bool) (d Delivery, ok bool) {
	if again {
		p := s.pending.find(seq)
		if p == nil {
			return d, false
		}
		s.Delivered.Consumer++
		if !s.bugs.CountStays || s.Delivered.Consumer%2 == 0 {
			p.count++
		}
		return Delivery{seq, s.Delivered.Consumer, p.count}, true
	}
	if !s.Expects(seq) {
		return d, false
	}
	s.Delivered.Consumer++
	d = Delivery{seq, s.Delivered.Consumer, 1}
	s.passed(d)
	return d, true
}

// passed records a first delivery.
func (s *State) passed(d Delivery) {
	s.Delivered.Stream = d.Seq
	for len(s.starts) > 0 && s.starts[0] <= d.Seq {
		s.starts = s.starts[1:]
	}
	if s.policy == config.AckNone {
		s.Floor = s.Delivered
		return
	}
	s.pending.add(pending{seq: d.Seq, first: d.CSeq, count: d.Count})
}

// Record notes a delivery that was made before it was logged, as it was made. If its message has left the stream
// meanwhile (there is false) it is settled at once.
func (s *State) Record(dst []Settled, d Delivery, there bool) []Settled {
	s.Delivered.Consumer = max(s.Delivered.Consumer, d.CSeq)
	if p := s.pending.find(d.Seq); p != nil {
		p.count = max(p.count, d.Count)
	} else if s.Expects(d.Seq) {
		s.passed(d)
		if !there {
			return s.Remove(dst, d.Seq)
		}
	}
	if s.pending.len() == 0 {
		s.raise(0) // it was settled before it was logged
	}
	return dst
}

// Expects says whether seq, if the consumer's filters name it, is still to be delivered for the first time.
func (s *State) Expects(seq uint64) bool {
	if seq <= s.resume {
		_, found := slices.BinarySearch(s.starts, seq)
		return found
	}
	return seq > s.Delivered.Stream
}

// Needs says whether the consumer is not done with seq, if its filters name it.
func (s *State) Needs(seq uint64) bool {
	if s.Expects(seq) || s.pending.find(seq) != nil {
		return true
	}
	_, found := s.spentAt(seq)
	return found
}

// Pending is the number of messages that are delivered and not settled.
func (s *State) Pending() int { return s.pending.len() }

// Count is how often seq was delivered; 0 if it is not pending.
func (s *State) Count(seq uint64) uint64 {
	if p := s.pending.find(seq); p != nil {
		return p.count
	}
	return 0
}

// Redelivered is the number of messages that were delivered more than once and are not settled, with
// those that ran out of deliveries as far as they are remembered.
func (s *State) Redelivered() int {
	n := len(s.spent)
	s.EachPending(func(_, count uint64) {
		if count > 1 {
			n++
		}
	})
	return n
}

// EachPending visits the pending messages in the stream's order.
func (s *State) EachPending(visit func(seq, count uint64)) {
	for i := range s.pending.list {
		if p := &s.pending.list[i]; p.count > 0 {
			visit(p.seq, p.count)
		}
	}
}

// Verdict is what became of an ack.
type Verdict uint8

const (
	// Stale: it was of an earlier delivery than the newest, or of none known, and settled nothing. It must
	// not be confirmed: whoever sent it cannot claim the message.
	Stale Verdict = iota
	// Repeated: the very delivery had settled the message before.
	Repeated
	// Accepted: it settled the message.
	Accepted
)

// Ack settles message seq by an ack or term (why) of its count-th delivery, and with ack policy all every pending
// one below, appending them to dst. With fence only an ack of the newest delivery settles; without one any
// does (nats-server#4786: a late ack settles what another client is working on).
func (s *State) Ack(dst []Settled, seq, count uint64, why string, fence bool) ([]Settled, Verdict) {
	p := s.pending.find(seq)
	switch {
	case seq == 0 || seq > s.Delivered.Stream:
		return dst, Stale
	case p != nil && fence && p.count != count:
		return dst, Stale
	case p == nil && s.policy == config.AckAll && seq > s.Floor.Stream:
		// The message itself is settled, those below may not be.
	case p == nil:
		return s.ackAgain(dst, seq, count, why, fence)
	}
	from := seq
	if s.policy == config.AckAll {
		from = 0
	}
	to := seq
	if s.bugs.AckNeighbour {
		to++
	}
	for i := s.pending.at(from); i < len(s.pending.list) && s.pending.list[i].seq <= to; i++ {
		if q := &s.pending.list[i]; q.count > 0 {
			dst = append(dst, s.settle(q, why))
		}
	}
	if s.policy == config.AckAll {
		s.raiseTo(seq)
	} else {
		s.raise(seq)
	}
	return dst, Accepted
}

// ackAgain judges an ack of a message that is not pending any more.
func (s *State) ackAgain(dst []Settled, seq, count uint64, why string, fence bool) ([]Settled, Verdict) {
	if i, found := s.spentAt(seq); found {
		if fence && s.spent[i].Count != count {
			return dst, Stale
		}
		dst = append(dst, Settled{seq, s.spent[i].Count, why})
		s.spent = slices.Delete(s.spent, i, i+1)
		return dst, Accepted
	}
	if !fence || s.late.settledBy(seq) == count {
		return dst, Repeated
	}
	return dst, Stale
}

// Spend settles a message that has been delivered as often as it may be; count is how often that was. With keep it
// is still needed, until it is acked after all or removed: a stream that removes what is acked keeps it.
func (s *State) Spend(dst []Settled, seq, count uint64, keep bool) []Settled {
	p := s.pending.find(seq)
	if p == nil || p.count != count {
		return dst
	}
	done := s.settle(p, WhyMaxDeliver)
	if keep {
		i, _ := s.spentAt(seq)
		s.spent = slices.Insert(s.spent, i, done)
	}
	s.raise(seq)
	return append(dst, done)
}

// Remove lets go of a message that has left the stream.
func (s *State) Remove(dst []Settled, seq uint64) []Settled {
	if i, found := slices.BinarySearch(s.starts, seq); found {
		s.starts = slices.Delete(s.starts, i, i+1)
	}
	if i, found := s.spentAt(seq); found {
		s.spent = slices.Delete(s.spent, i, i+1)
	}
	if p := s.pending.find(seq); p != nil {
		dst = append(dst, s.settle(p, WhyRemoved))
		s.raise(seq)
	}
	return dst
}

// follow settles what another state of the same consumer has settled.
func (s *State) follow(done Settled) {
	if p := s.pending.find(done.Seq); p != nil {
		s.settle(p, done.Why)
		s.raise(done.Seq)
	} else if i, found := s.spentAt(done.Seq); found {
		s.spent = slices.Delete(s.spent, i, i+1)
	}
}

// settle takes one message out of the pending ones.
func (s *State) settle(p *pending, why string) Settled {
	done := Settled{p.seq, p.count, why}
	if p.count > 1 {
		s.late.add(done)
	}
	s.pending.remove(p)
	if why == WhyRemoved {
		done.Count = 0
	}
	return done
}

// raise moves the floor up to just below what is pending, now that message seq is not any more: if that was the
// lowest one, as in nats-server (moveAckFloor). Deliveries with a consumer sequence below that of the
// lowest pending message's first one were first deliveries of lower messages, or repetitions of those: all settled.
func (s *State) raise(seq uint64) {
	floor := s.Delivered
	if p := s.pending.lowest(); p != nil && !s.bugs.FloorJumps {
		if p.seq < seq {
			return
		}
		floor = Position{p.seq - 1, p.first - 1}
	}
	s.setFloor(floor)
}

// raiseTo moves the floor of a consumer with ack policy all up to an ack.
func (s *State) raiseTo(seq uint64) {
	floor := s.Delivered
	if p := s.pending.lowest(); p != nil {
		floor = Position{seq, p.first - 1}
	}
	s.setFloor(floor)
}

func (s *State) setFloor(floor Position) {
	s.Floor = Position{max(floor.Stream, s.Floor.Stream), max(floor.Consumer, s.Floor.Consumer)}
}

func (s *State) spentAt(seq uint64) (int, bool) {
	i := sort.Search(len(s.spent), func(i int) bool { return s.spent[i].Seq >= seq })
	return i, i < len(s.spent) && s.spent[i].Seq == seq
}
