package checker

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/spec"
)

// streamStory makes the history of a sound stream with limits, ids, expectations and removals, watched on two nodes
// of which the second lags and restarts.
type streamStory struct {
	r      *rand.Rand
	h      *history.History
	ops    uint64
	stored []history.Event // what the log did, for the node that lags
	behind int             // how much of it the second node has shown
	held   []kept
	last   uint64
	ids    map[string]uint64
	retry  []history.Event // invocations with an id
}

type kept struct {
	seq            uint64
	value, subject string
	at             int64
}

const (
	storyMaxMsgs = 8
	storyPer     = 3
	storyMaxAge  = 60_000_000
)

func streams(r *rand.Rand) *history.History {
	s := &streamStory{r: r, ids: map[string]uint64{}, h: &history.History{Header: history.Header{Streams: []history.Stream{{
		Name: "S", Replicas: 2, MaxMsgs: storyMaxMsgs, MaxMsgsPer: storyPer, MaxAge: storyMaxAge, MaxBytes: 1000, Duplicates: 100_000_000,
	}}}}}
	for range 200 {
		switch k := r.IntN(60); {
		case k < 2:
			s.remove()
		case k < 3:
			s.purge()
		case k < 20:
			s.read()
		default:
			s.publish()
		}
		s.expire()
		s.follow(r.IntN(4))
	}
	s.put(history.Event{Kind: history.Obs, Verb: history.Healed})
	s.follow(len(s.stored))
	for seq := uint64(1); seq <= s.last+1; seq++ {
		s.ask(history.Event{Verb: history.Read, Seq: seq, Final: true, Client: "r"}, s.get(seq, seq, ""))
	}
	s.put(history.Event{Kind: history.Obs, Verb: history.Drained})
	return s.h
}

// base is when the nodes' clocks began.
const base = 1_700_000_000_000_000_000

func (s *streamStory) now() int64 { return int64(len(s.h.Events)) * 1_000_000 }

func (s *streamStory) put(e history.Event) {
	e.Index, e.Time = uint64(len(s.h.Events)+1), s.now()
	s.h.Events = append(s.h.Events, e)
}

// ask records an operation with its answer.
func (s *streamStory) ask(e, answer history.Event) {
	s.ops++
	e.Kind, e.Op, e.Stream = history.Invoke, s.ops, "S"
	s.put(e)
	answer.Verb, answer.Op, answer.Client, answer.Final, answer.Direct = e.Verb, e.Op, e.Client, e.Final, e.Direct
	if answer.Kind == "" {
		answer.Kind = history.OK
	}
	s.put(answer)
}

// log records what the first node does, and keeps it for the second.
func (s *streamStory) log(e history.Event) {
	e.Kind, e.Stream, e.Group, e.Node = history.Obs, "S", 1, 1
	s.put(e)
	e.Node = 2
	s.stored = append(s.stored, e)
}

// follow lets the second node catch up by n changes; now and then it restarts and shows the last of them again.
func (s *streamStory) follow(n int) {
	for ; n > 0 && s.behind < len(s.stored); n-- {
		s.put(s.stored[s.behind])
		s.behind++
	}
	if s.r.IntN(40) == 0 && s.behind > 3 {
		s.put(history.Event{Kind: history.Obs, Verb: history.Down, Node: 2, Why: history.DownCrash})
		s.put(history.Event{Kind: history.Obs, Verb: "recovered", Stream: "S", Group: 1, Node: 2, First: 1, Seq: s.last})
		s.put(history.Event{Kind: history.Obs, Verb: history.Up, Node: 2})
		s.behind -= s.r.IntN(3)
	}
}

func (s *streamStory) newest(subject string) uint64 {
	for i := len(s.held) - 1; i >= 0; i-- {
		if s.held[i].subject == subject {
			return s.held[i].seq
		}
	}
	return 0
}

func (s *streamStory) publish() {
	e := history.Event{Verb: history.Publish, Client: fmt.Sprintf("c%d", s.r.IntN(3)), Value: fmt.Sprintf("v%d", s.ops), Subject: fmt.Sprintf("s.%d", s.r.IntN(4))}
	switch k := s.r.IntN(10); {
	case k < 2:
		e.SubjectExpect = s.newest(e.Subject) + 1 + uint64(s.r.IntN(2))
	case k < 3:
		e.Expect = s.last + 1 + uint64(s.r.IntN(2))
	case k < 4:
		e.Why = []string{"sub", "sub", "sub", "all"}[s.r.IntN(4)]
	case k < 6:
		e.ID = "k" + e.Value
		s.retry = append(s.retry, e)
	case k < 8 && len(s.retry) > 0:
		e = s.retry[s.r.IntN(len(s.retry))]
	}
	s.ops++
	e.Kind, e.Op, e.Stream = history.Invoke, s.ops, "S"
	s.put(e)
	a := history.Event{Kind: history.OK, Verb: e.Verb, Op: e.Op, Client: e.Client}
	first, known := s.ids[e.ID]
	switch {
	case e.ID != "" && known && s.now()-int64(s.h.Events[first].Time) < 100_000_000:
		a.Dup, a.Seq = true, s.h.Events[first].Seq
	case e.SubjectExpect > 0 && e.SubjectExpect-1 != s.newest(e.Subject):
		a.Kind, a.Why, a.Code, a.Actual = history.Fail, history.WrongLast, 10071, s.newest(e.Subject)+1
	case e.Expect > 0 && e.Expect-1 != s.last:
		a.Kind, a.Why, a.Code, a.Actual = history.Fail, history.WrongLast, 10071, s.last+1
	default:
		s.store(&e)
		if a.Seq = s.last; s.r.IntN(8) == 0 {
			a.Kind, a.Seq = history.Info, 0
		}
	}
	s.put(a)
}

func (s *streamStory) store(e *history.Event) {
	s.last++
	if e.ID != "" {
		s.ids[e.ID] = uint64(len(s.h.Events))
	}
	at := s.now()
	s.log(history.Event{Verb: "stored", Seq: s.last, Value: e.Value, Hash: hashOf(e.Value), Stamp: base + at, N: 50})
	s.held = append(s.held, kept{s.last, e.Value, e.Subject, at})
	of := 0
	for _, m := range s.held {
		if m.subject == e.Subject {
			of++
		}
	}
	if of > storyPer {
		s.drop(func(m kept) bool { return m.subject == e.Subject }, 1, machine.RuleMaxMsgsPer, 0)
	}
	s.drop(func(kept) bool { return true }, len(s.held)-storyMaxMsgs, machine.RuleMaxMsgs, 0)
	if e.Why != "" {
		s.drop(func(m kept) bool { return m.seq < s.last && (e.Why == "all" || m.subject == e.Subject) }, len(s.held), machine.RuleRollup, 0)
	}
}

// drop removes the oldest n messages that fit.
func (s *streamStory) drop(fits func(kept) bool, n int, why string, stamp int64) {
	var rest []kept
	for _, m := range s.held {
		if n > 0 && fits(m) {
			n--
			s.log(history.Event{Verb: "removed", Seq: m.seq, Why: why, Stamp: stamp})
			continue
		}
		rest = append(rest, m)
	}
	s.held = rest
}

func (s *streamStory) expire() {
	now := s.now()
	s.drop(func(m kept) bool { return m.at+storyMaxAge <= now }, len(s.held), machine.RuleMaxAge, base+now)
}

func (s *streamStory) remove() {
	if len(s.held) == 0 {
		return
	}
	victim := s.held[s.r.IntN(len(s.held))].seq
	s.ops++
	s.put(history.Event{Kind: history.Invoke, Verb: history.Remove, Op: s.ops, Client: "j", Stream: "S", Seq: victim})
	s.drop(func(m kept) bool { return m.seq == victim }, 1, machine.RuleDelete, 0)
	s.put(history.Event{Kind: history.OK, Verb: history.Remove, Op: s.ops, Client: "j"})
}

func (s *streamStory) purge() {
	e := history.Event{Kind: history.Invoke, Verb: history.Purge, Client: "j", Stream: "S"}
	n := len(s.held)
	fits := func(kept) bool { return true }
	switch s.r.IntN(3) {
	case 0:
		e.Seq = uint64(max(int(s.last)-s.r.IntN(8), 1))
		fits = func(m kept) bool { return m.seq < e.Seq }
	case 1:
		e.N = int64(1 + s.r.IntN(4))
		n -= int(e.N)
	default:
		e.Subject = fmt.Sprintf("s.%d", s.r.IntN(4))
		fits = func(m kept) bool { return m.subject == e.Subject }
	}
	s.ops++
	e.Op = s.ops
	s.put(e)
	s.drop(fits, n, machine.RulePurge, 0)
	s.put(history.Event{Kind: history.OK, Verb: history.Purge, Op: e.Op, Client: "j"})
}

// get answers with the first message held in from to to.
func (s *streamStory) get(from, to uint64, subject string) history.Event {
	for _, m := range s.held {
		if m.seq >= from && m.seq <= to && (subject == "" || m.subject == subject) {
			return history.Event{Seq: m.seq, Value: m.value}
		}
	}
	return history.Event{NotFound: true}
}

func (s *streamStory) read() {
	e := history.Event{Client: "r1", Direct: s.r.IntN(2) == 0}
	var a history.Event
	switch s.r.IntN(3) {
	case 0:
		e.Verb, e.Seq = history.Read, uint64(s.r.IntN(int(s.last)+2))+1
		a = s.get(e.Seq, e.Seq, "")
	case 1:
		e.Verb, e.Seq, e.Subject = history.NextOf, uint64(s.r.IntN(int(s.last)+2))+1, fmt.Sprintf("s.%d", s.r.IntN(4))
		a = s.get(e.Seq, s.last, e.Subject)
	default:
		e.Verb, e.Subject = history.Last, fmt.Sprintf("s.%d", s.r.IntN(4))
		a = history.Event{NotFound: true}
		if n := s.newest(e.Subject); n > 0 {
			a = s.get(n, n, "")
		}
	}
	s.ask(e, a)
}

func TestASoundStreamWithRulesIsNeverAccused(t *testing.T) {
	exercised := map[spec.ID]int{}
	for seed := range 300 {
		h := streams(rand.New(rand.NewPCG(uint64(seed), 21)))
		for _, v := range Run(h, Options{}).Verdicts {
			require.NotEqual(t, spec.Violated, v.Value, "seed %d: %s: %s", seed, v.Guarantee, v.Sentence)
			if v.Value == spec.Holds {
				exercised[v.Guarantee]++
			}
		}
	}
	for _, id := range []spec.ID{
		spec.LinearizableLog, spec.NoAckedLoss, spec.ReplicaAgreement, spec.NoDoubleStore, spec.NoFalseDuplicate, spec.ExpectedSequence, spec.RemovalByRule,
		spec.RetentionLimits, spec.DirectRead, spec.MonotonicReads,
	} {
		require.Greater(t, exercised[id], 200, "%s", id)
	}
}

// on tells whether e is what the first node was seen to do.
func on1(verb history.Verb, why string) func(*history.Event) bool {
	return func(e *history.Event) bool {
		return e.Kind == history.Obs && e.Verb == verb && e.Node == 1 && (why == "" || e.Why == why)
	}
}

var streamMutants = []mutant{
	{"another message removed by a limit", func(_ *rand.Rand, h *history.History) bool {
		held := map[uint64]bool{}
		for i := range h.Events {
			e := &h.Events[i]
			switch {
			case on1("stored", "")(e):
				held[e.Seq] = true
			case on1("removed", machine.RuleMaxMsgs)(e):
				for seq := e.Seq + 1; seq < e.Seq+20; seq++ {
					if held[seq] {
						e.Seq = seq
						return true
					}
				}
				return false
			case on1("removed", "")(e):
				delete(held, e.Seq)
			}
		}
		return false
	}, []spec.ID{spec.RemovalByRule}},
	{"removed while there was room", func(r *rand.Rand, h *history.History) bool {
		h.Header.Streams[0].MaxMsgs = storyMaxMsgs + 2
		return one(on1("removed", machine.RuleMaxMsgs), func(*history.Event) {})(r, h)
	}, []spec.ID{spec.RemovalByRule}},
	{"expired early", one(on1("removed", machine.RuleMaxAge), func(e *history.Event) { e.Stamp -= storyMaxAge / 2 }), []spec.ID{spec.RemovalByRule}},
	{"a purge that nobody asked for", func(r *rand.Rand, h *history.History) bool {
		return one(on1("removed", machine.RuleMaxMsgsPer), func(e *history.Event) { e.Why = machine.RuleDelete })(r, h)
	}, []spec.ID{spec.RemovalByRule}},
	{"a limit that was not kept", func(_ *rand.Rand, h *history.History) bool {
		h.Header.Streams[0].MaxMsgs = storyMaxMsgs - 1
		n := 0
		for i := range h.Events {
			if on1("removed", machine.RuleMaxMsgs)(&h.Events[i]) {
				n++
			}
		}
		return n > 3
	}, []spec.ID{spec.RetentionLimits}},
	{"stored again within the window", func(r *rand.Rand, h *history.History) bool {
		first, value := map[string]int64{}, map[uint64]string{} // when a value was published first
		for i := range h.Events {
			if e := &h.Events[i]; e.Kind == history.Invoke && e.Verb == history.Publish {
				if value[e.Op] = e.Value; first[e.Value] == 0 {
					first[e.Value] = e.Time
				}
			}
		}
		return one(func(e *history.Event) bool {
			return e.Kind == history.OK && e.Dup && e.Time-first[value[e.Op]] < 60_000_000
		}, func(e *history.Event) {
			e.Dup = false
			e.Seq += 500
		})(r, h)
	}, []spec.ID{spec.NoDoubleStore}},
	{"a duplicate of another message", one(func(e *history.Event) bool { return e.Kind == history.OK && e.Dup && e.Seq > 1 }, func(e *history.Event) { e.Seq-- }), []spec.ID{spec.NoFalseDuplicate}},
	{"a condition that was not met", func(r *rand.Rand, h *history.History) bool {
		ok := map[uint64]bool{}
		for i := range h.Events {
			if e := &h.Events[i]; e.Kind == history.OK && e.Verb == history.Publish && !e.Dup {
				ok[e.Op] = true
			}
		}
		return one(func(e *history.Event) bool { return e.Kind == history.Invoke && e.SubjectExpect > 0 && ok[e.Op] },
			func(e *history.Event) { e.SubjectExpect++ })(r, h)
	}, []spec.ID{spec.ExpectedSequence}},
	{"a refusal that names what was expected", func(r *rand.Rand, h *history.History) bool {
		asked := map[uint64]uint64{}
		for i := range h.Events {
			if e := &h.Events[i]; e.Kind == history.Invoke {
				asked[e.Op] = max(e.Expect, e.SubjectExpect)
			}
		}
		return one(func(e *history.Event) bool { return e.Kind == history.Fail && e.Actual > 0 }, func(e *history.Event) { e.Actual = asked[e.Op] })(r, h)
	}, []spec.ID{spec.ExpectedSequence}},
	{"a direct read of another message", one(func(e *history.Event) bool {
		return e.Kind == history.OK && e.Direct && e.Verb == history.Read && !e.NotFound
	}, func(e *history.Event) { e.Value = "ghost" }), []spec.ID{spec.DirectRead, spec.NoPhantom}},
	{"a read that found what was removed", func(r *rand.Rand, h *history.History) bool {
		value, gone := map[uint64]string{}, map[uint64]string{}
		asked := map[uint64]uint64{}
		var at []int
		for i := range h.Events {
			e := &h.Events[i]
			switch {
			case on1("stored", "")(e):
				value[e.Seq] = e.Value
			case on1("removed", "")(e):
				gone[e.Seq] = value[e.Seq]
			case e.Kind == history.Invoke && e.Verb == history.Read && !e.Direct && gone[e.Seq] != "":
				asked[e.Op] = e.Seq
			case e.Kind == history.OK && e.NotFound && asked[e.Op] > 0:
				at = append(at, i)
			}
		}
		if len(at) == 0 {
			return false
		}
		e := &h.Events[at[r.IntN(len(at))]]
		e.NotFound, e.Value = false, gone[asked[e.Op]]
		return true
	}, []spec.ID{spec.LinearizableLog}},
	{"a client's last read goes back", func(_ *rand.Rand, h *history.History) bool {
		type key struct{ client, subject string }
		subject, seen := map[uint64]string{}, map[key]*history.Event{}
		there := map[uint64]bool{}
		for i := range h.Events {
			e := &h.Events[i]
			switch {
			case on1("stored", "")(e):
				there[e.Seq] = true
			case on1("removed", "")(e):
				there[e.Seq] = false
			case e.Kind == history.Invoke && e.Verb == history.Last && e.Direct:
				subject[e.Op] = e.Subject
			case e.Kind == history.OK && subject[e.Op] != "" && !e.NotFound:
				k := key{e.Client, subject[e.Op]}
				if was := seen[k]; was != nil && there[was.Seq] {
					e.NotFound, e.Seq, e.Value = true, 0, ""
					return true
				}
				seen[k] = e
			}
		}
		return false
	}, []spec.ID{spec.MonotonicReads}},
}

func TestEveryMutantOfAStreamIsCaughtByTheJudgesThatShould(t *testing.T) {
	catchEvery(t, streamMutants, 23, streams)
}
