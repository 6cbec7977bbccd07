package checker

import (
	"math/rand/v2"
	"testing"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// ofMessage tells whether e is about message seq of the consumer: handed out, received or settled.
func ofMessage(e *history.Event, seq uint64) bool {
	return e.Consumer == "W" && e.Seq == seq && e.Kind != history.OK && e.Verb != "floor"
}

var consumerMutants = []mutant{
	{"another message is delivered", one(is(history.Deliver, history.Consume), func(e *history.Event) { e.Value = "ghost" }), []spec.ID{spec.ConsumerNoPhantom, spec.NoPhantom}},
	{"a message of a subject that it does not take", func(_ *rand.Rand, h *history.History) bool {
		h.Header.Streams[0].Consumers[0].Filters = []string{"t.>"}
		return true
	}, []spec.ID{spec.ConsumerNoPhantom}},
	{"a delivery is counted as the one before", func(r *rand.Rand, h *history.History) bool {
		handed := map[[2]uint64]bool{}
		for _, e := range h.Events {
			handed[[2]uint64{e.Seq, uint64(e.N)}] = handed[[2]uint64{e.Seq, uint64(e.N)}] || e.Verb == "delivered"
		}
		return one(func(e *history.Event) bool { return e.Verb == "delivered" && handed[[2]uint64{e.Seq, uint64(e.N - 1)}] }, func(e *history.Event) { e.N-- })(r, h)
	}, []spec.ID{spec.DeliveryCounts}},
	{"a delivery beyond the maximum", one(is(history.Deliver, history.Consume), func(e *history.Event) { e.N = storyDeliver + 1 }), []spec.ID{spec.MaxDeliver}},
	{"ack waits are three times too short", func(_ *rand.Rand, h *history.History) bool {
		h.Header.Streams[0].Consumers[0].AckWait *= 3
		return true
	}, []spec.ID{spec.NotEarly}},
	{"one more is pending than may be", func(_ *rand.Rand, h *history.History) bool {
		h.Header.Streams[0].Consumers[0].MaxPending--
		return true
	}, []spec.ID{spec.MaxAckPending}},
	{"a floor that falls", one(func(e *history.Event) bool { return e.Verb == "floor" && e.Seq > 5 }, func(e *history.Event) { e.Seq, e.CSeq = 0, 0 }), []spec.ID{spec.FloorMonotone}},
	{"settled though nobody asked", one(func(e *history.Event) bool { return e.Verb == "settled" && e.Why == "ack" }, func(e *history.Event) { e.Seq += 10_000 }), []spec.ID{spec.SettledAsAsked}},
	{"handed out again after a confirmed ack", handedOutAgain, []spec.ID{spec.AckIsFinal}},
	{"a stale ack is confirmed", func(_ *rand.Rand, h *history.History) bool {
		n, stale := map[uint64]int64{}, map[uint64]bool{}
		for i := range h.Events {
			switch e := &h.Events[i]; {
			case e.Kind == history.Deliver:
				n[e.Seq] = max(n[e.Seq], e.N)
			case e.Kind == history.Invoke && (e.Verb == history.Ack || e.Verb == history.Term):
				stale[e.Op] = n[e.Seq] > e.N
			case e.Kind == history.Info && stale[e.Op]:
				e.Kind = history.OK
				return true
			}
		}
		return false
	}, []spec.ID{spec.AckFenced}},
	{"one message is never delivered", func(r *rand.Rand, h *history.History) bool {
		victim := uint64(5 + r.IntN(10))
		for i := range h.Events {
			if ofMessage(&h.Events[i], victim) {
				erase(&h.Events[i])
			}
		}
		return true
	}, []spec.ID{spec.AtLeastOnce}},
	{"one message is never acked", func(_ *rand.Rand, h *history.History) bool {
		tries := map[uint64]int64{}
		for i := range h.Events {
			if e := &h.Events[i]; e.Verb == "delivered" {
				tries[e.Seq] = max(tries[e.Seq], e.N)
			}
		}
		for i := range h.Events {
			e := &h.Events[i]
			if e.Verb == "settled" && e.Why == "ack" && tries[e.Seq] < storyDeliver {
				unack(h, e.Seq)
				return true
			}
		}
		return false
	}, []spec.ID{spec.NothingSkipped}},
	{"first deliveries out of order", func(_ *rand.Rand, h *history.History) bool {
		var last *history.Event
		for i := range h.Events {
			e := &h.Events[i]
			if e.Verb != "delivered" {
				continue
			}
			if last != nil && e.N == 1 && last.N == 1 && e.Seq > 20 {
				last.Seq, e.Seq = e.Seq, last.Seq
				return true
			}
			last = e
		}
		return false
	}, []spec.ID{spec.FirstOrder}},
	{"two clients hold one message", func(_ *rand.Rand, h *history.History) bool {
		h.Header.Streams[0].Consumers[0].AckWait = storyWait * 20
		client, back := map[uint64]string{}, map[uint64]bool{}
		for i := range h.Events {
			switch e := &h.Events[i]; {
			case e.Kind == history.Invoke && e.Consumer == "W" && e.Seq > 0:
				back[e.Seq] = true
			case e.Kind == history.Deliver:
				if c := client[e.Seq]; c != "" && c != e.Client && !back[e.Seq] {
					return true
				}
				client[e.Seq] = e.Client
			}
		}
		return false
	}, []spec.ID{spec.ExclusiveDelivery}},
	{"what was forgotten does not come again", forgotten, []spec.ID{spec.RedeliveryInTime}},
}

// unack has nobody ack or term a message.
func unack(h *history.History, seq uint64) {
	gone := map[uint64]bool{}
	for i := range h.Events {
		e := &h.Events[i]
		if e.Kind == history.Invoke && (e.Verb == history.Ack || e.Verb == history.Term) && e.Seq == seq {
			gone[e.Op] = true
		}
		if gone[e.Op] {
			erase(e)
		}
	}
}

// handedOutAgain turns some later delivery into one of a message whose ack had been confirmed.
func handedOutAgain(_ *rand.Rand, h *history.History) bool {
	asked := map[uint64]history.Event{}
	for i := range h.Events {
		e := &h.Events[i]
		if e.Kind == history.Invoke && e.Verb == history.Ack {
			asked[e.Op] = *e
		}
		if e.Kind != history.OK || e.Verb != history.Ack || i < len(h.Events)/2 {
			continue
		}
		for k := i + 1; k < len(h.Events); k++ {
			if x := &h.Events[k]; x.Verb == "delivered" {
				x.Seq, x.N = asked[e.Op].Seq, asked[e.Op].N+1
				return true
			}
		}
	}
	return false
}

// forgotten erases all that is about a message from its second delivery on, and what clients asked for it.
func forgotten(_ *rand.Rand, h *history.History) bool {
	seq, since := uint64(0), 0
	for i := range h.Events {
		e := &h.Events[i]
		if seq == 0 && e.Verb == "delivered" && e.N == 2 && e.Time > 7_000_000_000 && e.Time < 9_000_000_000 {
			seq, since = e.Seq, i
		}
	}
	for i := range h.Events {
		if e := &h.Events[i]; seq > 0 && ofMessage(e, seq) && (i >= since || e.Kind == history.Invoke) {
			erase(e)
		}
	}
	return seq > 0
}

func TestEveryMutantOfAConsumerIsCaughtByTheJudgesThatShould(t *testing.T) {
	catchEvery(t, consumerMutants, 33, func(r *rand.Rand) *history.History { return consumerHistory(r, false) })
}
