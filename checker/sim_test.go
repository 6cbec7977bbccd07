package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
)

// mix says what kind of histories generate makes.
type mix struct {
	ops, clients     int
	unknown          int // percent of publishes whose outcome stays open
	silent, numbered int // percent of conditional refusals without and with a number, of all refusals
	subjects         int
	flaws            int  // mutations applied to the finished history
	ids, cas         int  // percent of publishes that carry an id (or retry one), and that are conditional on their subject
	inFlight         int  // percent of their refusals that say only that something is under way
	removals         int  // percent of operations that remove something
	maxMsgs          int  // 0: as many as there are
	watched          bool // a node is seen to store and remove
}

// generate runs random clients against a log in memory and records what they saw. Each
// operation takes effect at a moment between its call and return, or after it, or never, if its
// outcome is unknown; so without flaws the history is linearizable.
func generate(r *rand.Rand, m mix) *history.History {
	g := &generator{r: r, m: m, gone: map[int]bool{}, h: &history.History{Header: history.Header{Streams: []history.Stream{{Name: "S", Replicas: 1, MaxMsgs: int64(m.maxMsgs)}}}}}
	clients := make([]pending, m.clients)
	for g.started < m.ops {
		g.step(&clients[r.IntN(m.clients)], r.IntN(m.clients))
		g.late()
	}
	for i := range clients {
		for clients[i].stage > 0 && g.r.IntN(8) > 0 {
			g.step(&clients[i], i)
		}
	}
	for range m.flaws {
		g.flaw()
	}
	return g.h
}

type generator struct {
	r       *rand.Rand
	m       mix
	h       *history.History
	log     []history.Event // the publishes that took effect
	gone    map[int]bool    // those that were removed since
	kept    int
	started int
	zombies []history.Event // open publishes that may still take effect
	named   []history.Event // publishes with an id
}

type pending struct {
	stage int
	call  history.Event
	ret   history.Event
}

func (g *generator) record(e history.Event) {
	e.Index = uint64(len(g.h.Events) + 1)
	e.Time = int64(len(g.h.Events)) * 1_000_000
	g.h.Events = append(g.h.Events, e)
}

func (g *generator) step(p *pending, client int) {
	switch p.stage {
	case 0:
		if g.started == g.m.ops {
			return
		}
		g.started++
		p.call = g.ask()
		p.call.Kind, p.call.Op, p.call.Stream, p.call.Client = history.Invoke, uint64(g.started), "S", fmt.Sprintf("c%d", client)
		g.record(p.call)
		p.stage = 1
	case 1:
		p.ret = g.answer(p.call)
		p.stage = 2
	case 2:
		g.record(p.ret)
		p.stage = 0
	}
}

func (g *generator) ask() history.Event {
	e := history.Event{}
	subject := func() string { return fmt.Sprintf("s.%d", g.r.IntN(g.m.subjects)) }
	if g.r.IntN(100) < g.m.removals {
		if e.Verb = history.Remove; g.r.IntN(3) == 0 {
			e.Verb = history.Purge
			if g.r.IntN(2) == 0 {
				e.Subject = subject()
			}
		}
		e.Seq = uint64(g.r.IntN(len(g.log)+2)) + 1
		return e
	}
	switch k := g.r.IntN(20); {
	case k < 7:
		e.Verb, e.Value, e.Subject = history.Publish, fmt.Sprintf("v%d", g.started), subject()
		g.special(&e)
	case k < 11:
		e.Verb, e.Value, e.Subject = history.Publish, fmt.Sprintf("v%d", g.started), subject()
		e.Expect = uint64(max(0, len(g.log)-g.r.IntN(3)+g.r.IntN(2))) + 1
	case k < 16:
		e.Verb, e.Seq = history.Read, uint64(max(0, len(g.log)-g.r.IntN(4)+g.r.IntN(4)))+1
	case k < 17:
		e.Verb, e.Seq = history.NextOf, uint64(max(0, len(g.log)-g.r.IntN(5)+g.r.IntN(3)))+1
		if g.r.IntN(2) == 0 {
			e.Subject = subject()
		}
	case k < 19 || g.m.subjects == 1:
		e.Verb = history.Last
	default:
		e.Verb, e.Subject = history.Last, subject()
	}
	return e
}

// special makes a publish one that is conditional on its subject, or has an id, or tries an earlier one again.
func (g *generator) special(e *history.Event) {
	if g.r.IntN(100) < g.m.cas {
		e.SubjectExpect = g.newest(e.Subject) + 1
		if g.r.IntN(3) == 0 {
			e.SubjectExpect = uint64(g.r.IntN(len(g.log)+2)) + 1
		}
	}
	if g.r.IntN(100) >= g.m.ids {
		return
	}
	if len(g.named) > 0 && g.r.IntN(2) == 0 {
		*e = g.named[g.r.IntN(len(g.named))]
		return
	}
	e.ID = "id-" + e.Value
	g.named = append(g.named, *e)
}

// newest is the number of the newest message of subject that is there.
func (g *generator) newest(subject string) uint64 {
	for i := len(g.log) - 1; i >= 0; i-- {
		if !g.gone[i] && (subject == "" || g.log[i].Subject == subject) {
			return uint64(i + 1)
		}
	}
	return 0
}

// answer lets e take effect now.
func (g *generator) answer(e history.Event) history.Event {
	a := history.Event{Kind: history.OK, Verb: e.Verb, Op: e.Op, Client: e.Client}
	switch e.Verb {
	case history.Publish:
		if g.r.IntN(100) < g.m.unknown {
			g.zombies = append(g.zombies, e)
			a.Kind = history.Info
			return a
		}
		if at := g.stored(e.ID); at > 0 {
			a.Seq, a.Dup = at, true
			return a
		}
		if !g.fits(e) {
			return g.refuse(e, a)
		}
		g.store(e)
		a.Seq = uint64(len(g.log))
	case history.Read:
		g.found(&a, e.Seq, e.Seq, "")
		a.Seq = 0
	case history.NextOf:
		g.found(&a, e.Seq, uint64(len(g.log)), e.Subject)
	case history.Last:
		if n := g.newest(e.Subject); n > 0 {
			a.Seq, a.Value = n, g.log[n-1].Value
		} else {
			a.NotFound = true
		}
	case history.Remove, history.Purge:
		if g.r.IntN(100) < g.m.unknown {
			g.zombies = append(g.zombies, e)
			a.Kind = history.Info
			return a
		}
		g.remove(e)
	}
	return a
}

// found answers with the first message of subject in from to to.
func (g *generator) found(a *history.Event, from, to uint64, subject string) {
	for n := from; n <= min(to, uint64(len(g.log))); n++ {
		if !g.gone[int(n-1)] && (subject == "" || g.log[n-1].Subject == subject) {
			a.Seq, a.Value = n, g.log[n-1].Value
			return
		}
	}
	a.NotFound = true
}

func (g *generator) remove(e history.Event) {
	for i := range g.log {
		n := uint64(i + 1)
		if e.Verb == history.Remove && n == e.Seq || e.Verb == history.Purge && n < e.Seq && (e.Subject == "" || g.log[i].Subject == e.Subject) {
			g.drop(i)
		}
	}
}

func (g *generator) drop(i int) {
	if !g.gone[i] {
		g.gone[i] = true
		g.kept--
		if g.m.watched {
			g.record(history.Event{Kind: history.Obs, Verb: "removed", Node: 1, Stream: "S", Seq: uint64(i + 1), Why: "rule"})
		}
	}
}

func (g *generator) store(e history.Event) {
	g.log = append(g.log, e)
	g.kept++
	if g.m.watched {
		g.record(history.Event{Kind: history.Obs, Verb: "stored", Node: 1, Stream: "S", Seq: uint64(len(g.log)), Value: e.Value, Hash: hashOf(e.Value)})
	}
	for i := 0; g.m.maxMsgs > 0 && g.kept > g.m.maxMsgs; i++ {
		g.drop(i)
	}
}

// stored is the number of the message with id, 0 if none has it.
func (g *generator) stored(id string) uint64 {
	if id == "" {
		return 0
	}
	return uint64(1 + slices.IndexFunc(g.log, func(e history.Event) bool { return e.ID == id }))
}

func (g *generator) refuse(e, a history.Event) history.Event {
	a.Kind = history.Fail
	switch k := g.r.IntN(100); {
	case e.SubjectExpect > 0 && k < g.m.inFlight:
		a.Why, a.Code = history.WrongLast, 10164
	case e.SubjectExpect > 0:
		a.Why, a.Actual, a.Code = history.WrongLast, g.newest(e.Subject)+1, 10071
	case k < g.m.silent:
		a.Why = history.WrongLast
	case k < g.m.silent+g.m.numbered:
		a.Why, a.Actual = history.WrongLast, uint64(len(g.log))+1
	}
	return a
}

func (g *generator) fits(e history.Event) bool {
	return (e.Expect == 0 || e.Expect-1 == uint64(len(g.log))) && (e.SubjectExpect == 0 || e.SubjectExpect-1 == g.newest(e.Subject))
}

// late lets an open publish take effect, or never.
func (g *generator) late() {
	if len(g.zombies) == 0 || g.r.IntN(6) > 0 {
		return
	}
	i := g.r.IntN(len(g.zombies))
	e := g.zombies[i]
	g.zombies = append(g.zombies[:i], g.zombies[i+1:]...)
	switch {
	case g.r.IntN(2) == 0:
	case e.Verb != history.Publish:
		g.remove(e)
	case g.fits(e) && g.stored(e.ID) == 0:
		g.store(e)
	}
}

// flaw changes one thing: an answer, or when it came.
func (g *generator) flaw() {
	ev := g.h.Events
	i := g.r.IntN(len(ev))
	e := &ev[i]
	switch g.r.IntN(6) {
	case 5: // a duplicate that is none, or the other way round
		if e.Kind == history.OK && e.Verb == history.Publish && g.m.ids > 0 {
			e.Dup = !e.Dup
		}
	case 0: // an answer comes earlier or later
		k := g.r.IntN(len(ev))
		if e.Kind == history.Invoke || ev[k].Kind == history.Invoke || e.Kind == history.Obs || ev[k].Kind == history.Obs {
			return
		}
		*e, ev[k] = ev[k], *e
		for _, x := range [2]int{i, k} {
			if !g.invokedBefore(x) {
				*e, ev[k] = ev[k], *e
				break
			}
		}
		e.Index, ev[k].Index = uint64(i+1), uint64(k+1)
		e.Time, ev[k].Time = int64(i)*1_000_000, int64(k)*1_000_000
	case 1: // another number
		if e.Kind == history.OK && e.Seq > 0 {
			e.Seq = uint64(max(1, int(e.Seq)+g.r.IntN(3)-1))
		}
		if e.Kind == history.Fail && e.Actual > 0 {
			e.Actual = uint64(max(1, int(e.Actual)+g.r.IntN(3)-1))
		}
	case 2: // another value, or none
		if e.Kind == history.OK && (e.Verb == history.Read || e.Verb == history.Last) {
			if e.NotFound = g.r.IntN(2) == 0; e.NotFound {
				e.Value, e.Seq = "", 0
			} else {
				e.Value, e.Seq = fmt.Sprintf("v%d", g.r.IntN(g.m.ops)+1), max(e.Seq, 1)
				if e.Verb == history.Read {
					e.Seq = 0
				}
			}
		}
	case 3: // an answer gets lost
		if e.Kind != history.Invoke && e.Kind != history.Obs && e.Verb == history.Publish {
			*e = history.Event{Index: e.Index, Time: e.Time, Kind: history.Info, Verb: e.Verb, Op: e.Op, Client: e.Client}
		}
	case 4: // a refusal of something that happened
		if e.Kind == history.OK && e.Verb == history.Publish {
			e.Kind, e.Seq, e.Why = history.Fail, 0, history.WrongLast
		}
	}
}

// invokedBefore tells whether the operation completed at event i was invoked before it.
func (g *generator) invokedBefore(i int) bool {
	for k := range i {
		if g.h.Events[k].Kind == history.Invoke && g.h.Events[k].Op == g.h.Events[i].Op {
			return true
		}
	}
	return false
}
