package consumer

import (
	"slices"

	config "github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Gather chooses what is delivered to whom, as far as somebody waits, something is there and the limits allow.
func (l *Leader) Gather(now machine.Mono, out *Out) {
	l.again = false
	for range maxGather {
		if len(l.taken) >= maxTaken || !l.push.open(l) || !l.cfg.Push() && len(l.queue) == 0 {
			return
		}
		if l.waits.parked > 0 {
			if !l.unpark(now, out) {
				return
			}
			continue
		}
		t, found := l.next(now)
		if !found {
			if !l.full() && l.push.resumes == 0 {
				l.endNoWait(out)
			}
			return
		}
		size := l.size(t)
		if !l.push.affords(l, now, size) {
			return
		}
		var to *request
		if !l.cfg.Push() {
			if to = l.claim(now, size, out); to == nil {
				return
			}
		}
		l.take(now, inFlight{t, to, size}, out)
		if l.bugs.FetchTwice && !t.Again && len(l.queue) > 0 {
			out.Sends = append(out.Sends, Send{To: l.queue[0].reply, Delivery: Delivery{t.Seq, l.view.Delivered.Consumer + 1, 1}, Pending: l.pending})
		}
	}
	l.again = true
}

// next is the delivery to make next: one that is due again, or the next message for the first time.
func (l *Leader) next(now machine.Mono) (t Take, found bool) {
	if len(l.waits.ripe) > 0 {
		return Take{l.waits.ripe[0].seq, true}, true
	}
	if l.full() {
		return t, false
	}
	seq, found := l.nextFirst()
	return Take{seq, false}, found && l.push.reached(l, now, seq)
}

// nextFirst is the next message to be delivered for the first time.
func (l *Leader) nextFirst() (seq uint64, found bool) {
	v := l.view
	if i, _ := slices.BinarySearch(v.starts, l.cursor+1); i < len(v.starts) {
		return v.starts[i], true
	}
	return l.src.Next(max(l.cursor, v.resume)+1, l.cfg.Filters())
}

// full says whether max ack pending keeps new messages back.
func (l *Leader) full() bool {
	if l.cfg.AckPolicy == config.AckNone {
		return false
	}
	limit := maxPending
	if n := l.cfg.MaxAckPending; n > 0 {
		limit = min(limit, n)
	}
	if l.bugs.MaxPending {
		limit++
	}
	return l.view.Pending()+l.firsts >= limit
}

// size is what a delivery counts for against max_bytes: subject, header and data of the message and the reply
// subject, as in nats-server.
func (l *Leader) size(t Take) int {
	d := Delivery{Seq: t.Seq, CSeq: l.view.Delivered.Consumer + uint64(len(l.taken)) + 1, Count: l.view.Count(t.Seq) + 1}
	pending := l.pending - min(l.pending, uint64(l.firsts))
	if !t.Again && pending > 0 {
		pending--
	}
	var room [128]byte
	return l.src.Size(t.Seq) + len(AppendAckSubject(room[:0], l.stream, l.name, d, l.src.Stamp(t.Seq), pending))
}

// take makes a delivery, or has it logged first.
func (l *Leader) take(now machine.Mono, f inFlight, out *Out) {
	if f.Again {
		l.waits.put(f.Seq, taken, now)
	} else {
		l.cursor = f.Seq
	}
	l.push.paced(l, now, f)
	if l.mode == LogBefore {
		if !f.Again {
			l.firsts++
		}
		l.taken = append(l.taken, f)
		out.Takes = append(out.Takes, f.Take)
		return
	}
	d, ok := l.view.Deliver(f.Seq, f.Again)
	if !ok {
		machine.Broken("consumer %s of %s: delivery of %d (again %t) was chosen and cannot be made", l.name, l.stream, f.Seq, f.Again)
	}
	if l.mode == LogAfter {
		out.Logs = append(out.Logs, d)
	}
	l.handOut(now, f, d, out)
}

// Handed tells what became of the oldest delivery in Takes, now that it has been applied to the state: it was made
// (ok), or there was nothing to deliver any more.
func (l *Leader) Handed(now machine.Mono, seq uint64, d Delivery, ok bool, out *Out) {
	if len(l.taken) == 0 || l.taken[0].Seq != seq {
		machine.Broken("consumer %s of %s: delivery of %d was applied, but not the next of %d on their way", l.name, l.stream, seq, len(l.taken))
	}
	f := l.taken[0]
	if l.taken = l.taken[1:]; !f.Again {
		l.firsts--
	}
	if ok {
		l.handOut(now, f, d, out)
	} else if f.to != nil {
		l.release(f.to, f.size, out)
	}
	if l.stale {
		l.recount()
		l.stale = len(l.taken) > 0
	}
}

// handOut sends a delivery that was made. If nobody is there any more it is kept for the next who asks, and so are
// those behind it: messages are sent in the order in which they were delivered.
func (l *Leader) handOut(now machine.Mono, f inFlight, d Delivery, out *Out) {
	if !f.Again && l.pending > 0 {
		l.pending--
	}
	s := Send{Delivery: d, Pending: l.pending}
	if f.to == nil {
		s.To = l.cfg.DeliverSubject
	} else {
		s.To = f.to.reply
	}
	if l.waits.parked > 0 || !l.src.Wanted(s.To, l.cfg.DeliverGroup) {
		if f.to != nil {
			l.release(f.to, f.size, out)
		}
		l.waits.put(d.Seq, parked, now)
		l.parked = append(l.parked, s)
		return
	}
	l.send(now, f.to, s, out)
}

// send hands a message to the owner to be sent.
func (l *Leader) send(now machine.Mono, to *request, s Send, out *Out) {
	out.Sends = append(out.Sends, s)
	if l.cfg.AckPolicy != config.AckNone {
		l.waits.put(s.Seq, sending, now)
		l.busy(now, s.Count)
	} else {
		l.waits.drop(s.Seq) // it may have been parked
	}
	l.active = now
	if to == nil {
		l.push.sent(l, now, l.src.Size(s.Seq), out)
		return
	}
	if to.reserved--; to.beat != 0 {
		to.nextBeat = now + to.beat
	}
	to.sayEnding(out)
}

// Sent tells that a message in Sends has left, or could not be read, and says whether its ack wait has begun with that: it may have
// waited for a disk, or for a quorum's word that this is still the leader.
func (l *Leader) Sent(now machine.Mono, d Delivery) bool {
	x := l.waits.bySeq[d.Seq]
	if x == nil || x.place != sending || l.view.Count(d.Seq) != d.Count {
		return false
	}
	l.await(now, d.Seq, d.Count)
	return true
}

// unpark sends the oldest delivery that found nobody, with the numbers it was made with.
func (l *Leader) unpark(now machine.Mono, out *Out) (more bool) {
	s := l.parked[0]
	x := l.waits.bySeq[s.Seq]
	if x == nil || x.place != parked { // settled meanwhile
		l.parked = l.parked[1:]
		return true
	}
	var to *request
	if s.To = l.cfg.DeliverSubject; !l.cfg.Push() {
		if to = l.claim(now, l.size(Take{s.Seq, true}), out); to == nil {
			return false
		}
		s.To = to.reply
	}
	l.parked = l.parked[1:]
	l.send(now, to, s, out)
	return true
}

// Reconfigure follows an update of the configuration.
func (l *Leader) Reconfigure(now machine.Mono, cfg *config.Config) {
	old := l.cfg
	l.cfg = cfg
	if !slices.Equal(old.Filters(), cfg.Filters()) {
		l.recount()
		l.stale = len(l.taken) > 0
	}
	shorter := cfg.AckWait != old.AckWait || !slices.Equal(old.BackOff, cfg.BackOff)
	moved := cfg.DeliverSubject != old.DeliverSubject
	if !shorter && !moved {
		return
	}
	l.view.EachPending(func(seq, count uint64) {
		x := l.waits.bySeq[seq]
		switch {
		case x == nil || x.place != waiting:
		case moved: // who got it is not there any more
			l.waits.put(seq, waiting, now)
		default:
			l.waits.put(seq, waiting, min(x.at, now+machine.Mono(l.ackWait(count))))
		}
	})
}
