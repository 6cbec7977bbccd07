package checker

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// shelf is a log from which messages are removed: the sequential specification to compare with, as plain as can be.
type shelf struct {
	log  []history.Event // invocations of publishes
	gone []bool
	max  int
	text string // of key, once asked for
}

func (s *shelf) clone() *shelf {
	return &shelf{log: append([]history.Event(nil), s.log...), gone: append([]bool(nil), s.gone...), max: s.max}
}

func (s *shelf) key() string {
	if s.text == "" {
		var b strings.Builder
		for i := range s.log {
			fmt.Fprintf(&b, "%s/%t ", s.log[i].Value, s.gone[i])
		}
		s.text = b.String()
	}
	return s.text
}

// each visits the messages that are there.
func (s *shelf) each(subject string, visit func(seq uint64, m *history.Event)) {
	for i := range s.log {
		if !s.gone[i] && (subject == "" || s.log[i].Subject == subject) {
			visit(uint64(i+1), &s.log[i])
		}
	}
}

func (s *shelf) newest(subject string) (seq uint64, value string) {
	s.each(subject, func(n uint64, m *history.Event) { seq, value = n, m.Value })
	return seq, value
}

// call is an operation with its answer; a nil answer is none.
type call struct{ in, out *history.Event }

func (s *shelf) step(c call) (bool, *shelf) {
	open := c.out == nil || c.out.Kind == history.Info
	switch c.in.Verb {
	case history.Publish:
		return s.publish(c, open)
	case history.Remove, history.Purge:
		t := s.clone()
		s.each(c.in.Subject, func(n uint64, _ *history.Event) {
			if n == c.in.Seq || c.in.Verb == history.Purge && n < c.in.Seq {
				t.gone[n-1] = c.in.Verb == history.Remove || n < c.in.Seq
			}
		})
		return true, t
	}
	if open {
		return true, s
	}
	var seq uint64
	var value string
	switch c.in.Verb {
	case history.Read:
		s.each("", func(n uint64, m *history.Event) {
			if n == c.in.Seq {
				value = m.Value
			}
		})
	case history.Last:
		seq, value = s.newest(c.in.Subject)
	case history.NextOf:
		s.each(c.in.Subject, func(n uint64, m *history.Event) {
			if n >= c.in.Seq && seq == 0 {
				seq, value = n, m.Value
			}
		})
	}
	return c.out.NotFound == (value == "") && c.out.Value == value && (c.out.NotFound || c.out.Seq == seq), s
}

func (s *shelf) publish(c call, open bool) (bool, *shelf) {
	last, _ := s.newest(c.in.Subject)
	fits := (c.in.Expect == 0 || c.in.Expect-1 == uint64(len(s.log))) && (c.in.SubjectExpect == 0 || c.in.SubjectExpect-1 == last)
	if !open && c.out.Kind == history.Fail {
		if c.in.SubjectExpect > 0 {
			return c.out.Code == 10164 || c.out.Actual == 0 || !fits && c.out.Actual-1 == last, s
		}
		return c.out.Why != history.WrongLast || !fits && (c.out.Actual == 0 || c.out.Actual-1 == uint64(len(s.log))), s
	}
	if !fits {
		return open, s
	}
	t := s.clone()
	t.log, t.gone = append(t.log, *c.in), append(t.gone, false)
	kept := 0
	for i := len(t.log) - 1; i >= 0; i-- {
		if !t.gone[i] {
			kept++
		}
		t.gone[i] = t.gone[i] || t.max > 0 && kept > t.max
	}
	return open || c.out.Seq == uint64(len(t.log)), t
}

// consistent asks porcupine whether the history is one of a shelf.
func consistent(h *history.History) porcupine.CheckResult {
	calls := map[uint64]*porcupine.Operation{}
	var order []uint64
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case history.Invoke:
			calls[e.Op] = &porcupine.Operation{Input: call{in: e}, Call: int64(i), Return: int64(never)}
			order = append(order, e.Op)
		case history.OK, history.Fail, history.Info:
			o := calls[e.Op]
			o.Input = call{in: o.Input.(call).in, out: e}
			if e.Kind != history.Info {
				o.Return = int64(i)
			}
		}
	}
	var ops []porcupine.Operation
	for _, id := range order {
		c := calls[id].Input.(call)
		// A refusal for no reason, or of a removal, says nothing.
		if c.out != nil && c.out.Kind == history.Fail && (c.out.Why != history.WrongLast || c.in.Verb != history.Publish) {
			continue
		}
		ops = append(ops, *calls[id])
	}
	return porcupine.CheckOperationsTimeout(porcupine.Model{
		Init:  func() any { return &shelf{max: int(h.Header.Streams[0].MaxMsgs)} },
		Step:  func(s, in, _ any) (bool, any) { ok, t := s.(*shelf).step(in.(call)); return ok, t },
		Equal: func(a, b any) bool { return a.(*shelf).key() == b.(*shelf).key() },
	}, ops, 2*time.Second)
}

// Removals make some violations invisible to the sweep, which asks only whether a rule may have removed what is missing.
// But what it calls a violation is one.
func TestWhatTheSweepRefutesOfRemovalsPorcupineRefutesToo(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 600
	}
	refuted, illegal := 0, 0
	for seed := range n {
		r := rand.New(rand.NewPCG(uint64(seed), 17))
		m := randomMix(r)
		m.ids, m.watched, m.removals, m.flaws = 0, r.IntN(2) == 0, []int{0, 10, 25}[r.IntN(3)], r.IntN(4)
		if r.IntN(2) == 0 {
			m.maxMsgs = 1 + r.IntN(6)
		}
		if m.watched { // when nodes removed what is more than porcupine knows
			m.flaws = 0
		}
		h := generate(r, m)
		v := Run(h, Options{Only: []spec.ID{spec.LinearizableLog}}).Verdicts[0]
		p := consistent(h)
		if p == porcupine.Illegal {
			illegal++
		}
		if v.Value == spec.Violated {
			refuted++
			if p == porcupine.Ok {
				require.Failf(t, "a false alarm", "seed %d: %s\n%s", seed, v.Sentence, render(h))
			}
		}
		if m.flaws == 0 {
			require.NotEqual(t, spec.Violated, v.Value, "seed %d: %s", seed, v.Sentence)
		}
	}
	t.Logf("refuted %d of %d", refuted, illegal)
	require.Greater(t, refuted, illegal*2/3)
}
