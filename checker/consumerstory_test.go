package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// consumerStory makes the history of a sound consumer with acks, worked on by clients that ack in time or late, with and
// without a confirmation, give back, end, and forget.
type consumerStory struct {
	r         *rand.Rand
	h         *history.History
	ops, cseq uint64
	reign     uint64
	log       []history.Event // publishes, by sequence
	next      uint64          // first sequence never delivered
	pending   map[uint64]*lentOut
	counts    map[uint64]int64 // deliveries of each message
	done      map[uint64]bool
	floor     uint64
	workers   []*storyWorker
	unwatched bool // nodes are not seen
}

// lentOut is a message that is handed out.
type lentOut struct {
	n   int64
	due int64 // it may be handed out again
}

// storyWorker is a client: its open fetch, with how much room it has, and what it holds.
type storyWorker struct {
	name        string
	fetch       uint64
	room, asked int64
	ends        int64
	held        []history.Event
}

const (
	storyWait    = 400_000_000
	storyDeliver = 6
	storyPending = 5
	storyTick    = 10_000_000
)

func consumerHistory(r *rand.Rand, unwatched bool) *history.History {
	s := &consumerStory{r: r, next: 1, pending: map[uint64]*lentOut{}, counts: map[uint64]int64{}, done: map[uint64]bool{}, unwatched: unwatched}
	s.h = &history.History{Header: history.Header{Streams: []history.Stream{{
		Name: "S", Replicas: 1, Consumers: []history.Consumer{{Name: "W", Filters: []string{"s.>"}, AckWait: storyWait, MaxDeliver: storyDeliver, MaxPending: storyPending}},
	}}}}
	for i := range 3 {
		s.workers = append(s.workers, &storyWorker{name: fmt.Sprintf("w%d", i)})
	}
	const steps = 1200
	for i := range steps {
		if i == steps/20 {
			s.put(history.Event{Kind: history.Obs, Verb: history.Healed})
		}
		s.step(i < steps*3/4)
	}
	for range 3000 {
		if int(s.next) > len(s.log) && len(s.pending) == 0 {
			break
		}
		s.step(false)
	}
	s.state(true)
	for seq := range len(s.log) + 1 {
		s.read(uint64(seq + 1))
	}
	s.put(history.Event{Kind: history.Obs, Verb: history.Drained})
	return s.h
}

func (s *consumerStory) now() int64 { return int64(len(s.h.Events)) * storyTick }

func (s *consumerStory) put(e history.Event) {
	e.Index, e.Time = uint64(len(s.h.Events)+1), s.now()
	s.h.Events = append(s.h.Events, e)
}

func (s *consumerStory) obs(e history.Event) {
	if !s.unwatched {
		e.Kind, e.Node, e.Stream, e.Group = history.Obs, 1, "S", 1
		s.put(e)
	}
}

func (s *consumerStory) ask(e history.Event) uint64 {
	s.ops++
	e.Kind, e.Op, e.Stream = history.Invoke, s.ops, "S"
	s.put(e)
	return s.ops
}

func (s *consumerStory) step(busy bool) {
	if busy && s.r.IntN(6) == 0 {
		s.publish()
	}
	if s.r.IntN(60) == 0 {
		s.state(false)
	}
	if busy && s.r.IntN(150) == 0 {
		s.succeed()
	}
	switch w := s.workers[s.r.IntN(len(s.workers))]; {
	case w.fetch == 0:
		w.asked = 1 + int64(s.r.IntN(3))
		w.fetch = s.ask(history.Event{Verb: history.Fetch, Client: w.name, Consumer: "W", N: w.asked})
		w.room, w.ends = w.asked, s.now()+60*storyTick
	case len(w.held) > 0 && s.r.IntN(3) > 0:
		s.settle(w, busy)
	case s.r.IntN(2) == 0:
		s.put(history.Event{Kind: history.Obs, Verb: "note"}) // time passes
	}
	s.serve()
	for _, w := range s.workers {
		if w.fetch > 0 && (w.room == 0 || s.now() > w.ends) {
			s.put(history.Event{Kind: history.OK, Verb: history.Fetch, Op: w.fetch, Client: w.name, N: w.asked - w.room})
			w.fetch = 0
		}
	}
}

func (s *consumerStory) publish() {
	e := history.Event{Verb: history.Publish, Client: "p", Value: fmt.Sprintf("v%d", len(s.log)+1), Subject: "s.x"}
	op := s.ask(e)
	s.log = append(s.log, e)
	seq := uint64(len(s.log))
	s.obs(history.Event{Verb: "stored", Seq: seq, Value: e.Value, Hash: hashOf(e.Value)})
	s.put(history.Event{Kind: history.OK, Verb: history.Publish, Op: op, Client: "p", Seq: seq})
}

func (s *consumerStory) read(seq uint64) {
	op := s.ask(history.Event{Verb: history.Read, Client: "r", Seq: seq, Final: true})
	a := history.Event{Kind: history.OK, Verb: history.Read, Op: op, Client: "r", Final: true, NotFound: seq > uint64(len(s.log))}
	if !a.NotFound {
		a.Value = s.log[seq-1].Value
	}
	s.put(a)
}

func (s *consumerStory) state(final bool) {
	op := s.ask(history.Event{Verb: history.ConsumerInfo, Client: "i", Consumer: "W", Final: final})
	s.put(history.Event{
		Kind: history.OK, Verb: history.ConsumerInfo, Op: op, Client: "i", Consumer: "W", Final: final, Seq: s.floor, CSeq: s.floor,
		N: int64(uint64(len(s.log)) + 1 - s.next), First: uint64(len(s.pending)),
	})
}

// succeed has another leader: the old one had counted deliveries that it did not come to hand out.
func (s *consumerStory) succeed() {
	s.reign++
	for seq := range s.next { // in order, not as the map has them
		p := s.pending[seq]
		if p == nil {
			continue
		}
		if p.n < storyDeliver && s.r.IntN(3) == 0 {
			p.n++
			s.counts[seq] = p.n
			s.cseq++
		}
		p.due = s.now() + storyWait
	}
	s.obs(history.Event{Verb: "leader", Term: s.reign})
}

// serve hands out what is due to whoever waits.
func (s *consumerStory) serve() {
	var due []uint64
	for seq, p := range s.pending { // map order: sorted below
		if p.due <= s.now() {
			due = append(due, seq)
		}
	}
	slices.Sort(due)
	for _, seq := range due {
		if s.pending[seq].n == storyDeliver {
			s.finish(seq, storyDeliver, "max-deliver")
		} else if w := s.waiting(); w != nil {
			s.deliver(w, seq)
		}
	}
	for int(s.next) <= len(s.log) && len(s.pending) < storyPending {
		w := s.waiting()
		if w == nil {
			return
		}
		s.pending[s.next] = &lentOut{}
		s.deliver(w, s.next)
		s.next++
	}
}

func (s *consumerStory) waiting() *storyWorker {
	for _, i := range s.r.Perm(len(s.workers)) {
		if w := s.workers[i]; w.fetch > 0 && w.room > 0 {
			return w
		}
	}
	return nil
}

func (s *consumerStory) deliver(w *storyWorker, seq uint64) {
	p := s.pending[seq]
	p.n++
	s.counts[seq] = p.n
	s.cseq++
	s.obs(history.Event{Verb: "delivered", Consumer: "W", Seq: seq, N: p.n, CSeq: s.cseq})
	p.due = s.now() + storyWait
	w.room--
	if s.r.IntN(15) == 0 { // it is lost on its way, with the connection
		s.put(history.Event{Kind: history.Obs, Verb: history.Disconnected, Client: w.name, Node: 1})
		s.put(history.Event{Kind: history.Obs, Verb: history.Connected, Client: w.name, Node: 1})
		return
	}
	d := history.Event{
		Kind: history.Deliver, Verb: history.Consume, Client: w.name, Stream: "S", Consumer: "W", Op: w.fetch, Seq: seq, N: p.n, CSeq: s.cseq,
		Value: s.log[seq-1].Value, Subject: "s.x",
	}
	s.put(d)
	w.held = append(w.held, d)
}

// settle does something about the oldest delivery that w holds, or leaves it for later, or for ever.
func (s *consumerStory) settle(w *storyWorker, busy bool) {
	d, k := w.held[0], s.r.IntN(20)
	if !busy {
		k = 20
	}
	if k == 0 {
		return
	}
	w.held = w.held[1:]
	e := history.Event{Verb: history.Ack, Client: w.name, Consumer: "W", Seq: d.Seq, N: d.N, CSeq: d.CSeq}
	confirm := s.r.IntN(2) == 0
	switch {
	case k == 1:
		return
	case k < 5:
		if e.Verb, confirm = history.Nak, false; s.r.IntN(2) == 0 {
			e.First = 5 * storyTick
		}
	case k == 5:
		e.Verb = history.Term
	}
	op := s.ask(e)
	p, kind := s.pending[d.Seq], history.OK
	switch {
	case p == nil || p.n != d.N: // overtaken: the consumer takes no notice
		if kind = history.Info; p == nil && s.counts[d.Seq] == d.N {
			kind = history.OK
		}
	case e.Verb == history.Nak:
		p.due = s.now() + int64(e.First)
	default:
		s.finish(d.Seq, d.N, string(e.Verb))
	}
	if confirm {
		s.put(history.Event{Kind: kind, Verb: e.Verb, Op: op, Client: w.name})
	}
}

func (s *consumerStory) finish(seq uint64, n int64, why string) {
	delete(s.pending, seq)
	s.done[seq] = true
	s.obs(history.Event{Verb: "settled", Consumer: "W", Seq: seq, N: n, Why: why})
	for s.done[s.floor+1] {
		s.floor++
	}
	s.obs(history.Event{Verb: "floor", Consumer: "W", Seq: s.floor, CSeq: s.floor})
}

func TestASoundConsumerIsNeverAccused(t *testing.T) {
	exercised := map[spec.ID]int{}
	for seed := range 120 {
		h := consumerHistory(rand.New(rand.NewPCG(uint64(seed), 31)), seed%3 == 0)
		for _, v := range Run(h, Options{}).Verdicts {
			require.NotEqual(t, spec.Violated, v.Value, "seed %d: %s: %s", seed, v.Guarantee, v.Sentence)
			if v.Value == spec.Holds {
				exercised[v.Guarantee]++
			}
		}
	}
	for _, g := range spec.Catalogue() {
		if g.Area == spec.Consumer {
			require.Greater(t, exercised[g.ID], 40, "%s", g.ID)
		}
	}
}
