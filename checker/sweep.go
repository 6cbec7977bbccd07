package checker

import (
	"cmp"
	"math"
	"slices"

	"github.com/brokerlab/brokerlab/model/spec"
)

// problem is a stream's log reduced to bounds: number s entered the log at a moment p[s] with
// lo[s] < p[s] < hi[s] and p[1] < p[2] < ... Positions of events are the clock; a bound's
// position is also its evidence, the event that proves it.
//
// It is exact because each operation that was reduced to bounds (a read, a refusal) constrains
// p only through a moment of its own choosing (field notes on checking, section 2a; the pattern
// of taking the order from the system is Jepsen's TigerBeetle analysis).
type problem struct {
	n        int     // numbers 1..n exist; what follows are bounds for a longer tail
	lo, hi   []int32 // by number; before = no bound, never = no bound
	who      []int32 // the publish of each number, or none for a gap
	subject  []int32 // of each number, or none
	refusals []disjunction
	newest   []subjectLast
	// unconditional and conditional are the publishes with an open outcome that were
	// never seen, in the order of their calls; conditional by expected last sequence.
	unconditional []candidate
	conditional   map[uint64][]candidate
	// rest is the least hi above n: numbers beyond those that can be filled.
	rest int32

	open, placed, searches int
}

// candidate is a publish that may fill a gap.
type candidate struct{ op, call, subject int32 }

const (
	before int32 = -1
	never  int32 = math.MaxInt32
)

// clash is a contradiction. lo and hi are positions of the two events that prove it: i was not
// there yet at lo, j was already there at hi, i <= j and hi < lo.
type clash struct {
	kind   clashKind
	i, j   uint64
	lo, hi int32
	// pubI and pubJ are the publishes concerned, or none.
	pubI, pubJ int32
}

type clashKind uint8

const (
	tooLate        clashKind = iota // i enters after lo, j before hi
	gap                             // nothing can be number i, although j was there at hi
	twoValues                       // number j was shown with two values, at lo and hi
	twoNumbers                      // one value was shown at i (lo) and at j (hi)
	wrongCondition                  // a conditional publish (call lo, return hi) stored as j
	wrongRefusal                    // refused, naming the number that it expected
	neverPublished                  // the value of j (shown at hi) was published by nobody
	wasRefused                      // the value of j (shown at hi) had failed (return lo)
	wrongSubject                    // asked (call lo) for the last of a subject, told (return hi) one of another
	refusedEmpty                    // refused as not empty (call lo, return hi), and nothing was there
)

// problem reduces what was folded to bounds. A clash that shows without any order comes back.
func (l *logFold) problem(rec *record, writesOnly bool) (*problem, *clash) {
	p := &problem{conditional: map[uint64][]candidate{}, rest: never}
	p.candidates(rec, l)
	// Above known+open numbers there is a gap that nothing can fill: no need to look further.
	p.n = int(min(l.top, uint64(l.known+p.open+1)))
	p.size(p.n + p.open) // room for what may extend the tail
	var bad *clash
	l.slots.each(func(seq uint64, c *slot) bool {
		if seq == 0 {
			return true
		}
		lo, hi := l.bounds(seq, c, writesOnly)
		if c.value > 0 {
			if bad = owned(rec, c, seq); bad != nil {
				return false
			}
		}
		if seq > uint64(p.n) {
			p.rest = min(p.rest, hi)
			if seq < uint64(len(p.lo)) {
				p.lo[seq] = lo
			}
			return true
		}
		p.lo[seq], p.hi[seq] = max(lo, p.lo[seq]), hi
		if c.value > 0 {
			pub := rec.values[c.value-1].pub
			p.put(int(seq), candidate{pub, rec.ops[pub].call, rec.ops[pub].subject})
		}
		return true
	})
	if bad != nil {
		return nil, bad
	}
	p.refusals = l.refusal
	if !writesOnly {
		p.newest = l.newest
	}
	return p, p.wrongSubject()
}

// wrongSubject finds an answer about the last of a subject that is a message of another.
func (p *problem) wrongSubject() *clash {
	for _, x := range p.newest {
		if x.seq > 0 && x.seq <= uint64(p.n) && p.who[x.seq] != none && p.subject[x.seq] != x.subject {
			return &clash{kind: wrongSubject, j: x.seq, lo: x.call, hi: x.ret, pubJ: p.who[x.seq]}
		}
	}
	return nil
}

func (p *problem) size(n int) {
	p.lo, p.hi = make([]int32, n+1), make([]int32, n+1)
	p.who, p.subject = make([]int32, n+1), make([]int32, n+1)
	for i := range p.lo {
		p.lo[i], p.hi[i], p.who[i], p.subject[i] = before, never, none, none
	}
}

func (l *logFold) bounds(seq uint64, c *slot, writesOnly bool) (lo, hi int32) {
	lo, hi = c.loAck-1, never
	if c.hiAck > 0 {
		hi = c.hiAck - 1
	}
	if writesOnly {
		return lo, hi
	}
	// A number that a rule removed may be not-found for that reason.
	if !l.removed[seq] {
		lo = max(lo, c.loRead-1)
	}
	if c.hiRead > 0 {
		hi = min(hi, c.hiRead-1)
	}
	return lo, hi
}

// candidates collects the publishes with an open outcome whose value was never seen.
func (p *problem) candidates(rec *record, l *logFold) {
	for _, id := range l.writes {
		o := &rec.ops[id]
		if o.status == failed || o.status == done && o.seq > 0 || l.seq(o.value) > 0 {
			continue
		}
		p.open++
		c := candidate{id, o.call, o.subject}
		if o.expect > 0 {
			p.conditional[o.expect-1] = append(p.conditional[o.expect-1], c)
		} else {
			p.unconditional = append(p.unconditional, c)
		}
	}
}

// owned finds what is wrong with the publish of the value at seq.
func owned(rec *record, c *slot, seq uint64) *clash {
	pub := rec.values[c.value-1].pub
	if pub == none {
		return &clash{kind: neverPublished, j: seq, lo: none, hi: c.shown - 1, pubI: none, pubJ: none}
	}
	o := &rec.ops[pub]
	switch {
	case o.status == failed:
		return &clash{kind: wasRefused, j: seq, lo: o.ret, hi: c.shown - 1, pubJ: pub}
	case o.expect > 0 && seq != o.expect:
		return &clash{kind: wrongCondition, j: seq, lo: o.call, hi: c.shown - 1, pubJ: pub}
	}
	return nil
}

// decide finds whether moments exist.
func (p *problem) decide(budget int) (spec.Verdict, *clash) {
	filled, bad := p.fill()
	if bad != nil {
		return spec.Violated, bad
	}
	bad = filled.sweep()
	if bad == nil {
		return spec.Holds, nil
	}
	// With open outcomes and refusals that allow two readings, another filling could do:
	// an unseen publish may also extend the tail. Refute without them, or search.
	if p.open == 0 || len(p.refusals)+len(p.newest) == 0 {
		return spec.Violated, bad
	}
	if sure := p.relaxed().sweep(); sure != nil {
		return spec.Violated, sure
	}
	p.searches++
	s := search{p: p, budget: budget}
	switch s.run(filled) {
	case spec.Holds:
		return spec.Holds, nil
	case spec.Unknown:
		return spec.Unknown, nil
	}
	return spec.Violated, bad
}

// deadlines returns for each number the least hi at or above it: whatever fills it had been
// called by then.
func (p *problem) deadlines() []int32 {
	d := make([]int32, p.n+2)
	d[p.n+1] = p.rest
	for s := p.n; s > 0; s-- {
		d[s] = min(d[s+1], p.hi[s])
	}
	return d
}

// fill gives each gap a publish with an open outcome. Deadlines only grow with the number, so
// whoever fits a gap fits every later one, and any choice is as good; but a conditional publish
// fits one gap only and goes first. With answers about the last of a subject, subjects matter
// too, and the choice is then only a good guess: decide makes up for a bad one.
func (p *problem) fill() (*problem, *clash) {
	q, d := p, p.deadlines()
	var waiting []candidate // unconditional, called, not placed, in call order
	next, subjects := 0, newSubjectBounds(p)
	for s := 1; s <= p.n; s++ {
		if p.who[s] != none {
			subjects.pass(p.subject[s])
			continue
		}
		if q == p {
			q = p.clone()
		}
		for next < len(p.unconditional) && p.unconditional[next].call < d[s] {
			waiting = append(waiting, p.unconditional[next])
			next++
		}
		c, ok := p.pick(s, d[s], &waiting, subjects)
		if !ok {
			return nil, p.gapAt(s, d[s])
		}
		q.put(s, c)
		subjects.pass(c.subject)
		p.placed++
	}
	return q, nil
}

// maxGuesses limits how many publishes are looked at for one gap, for the sake of subjects.
const maxGuesses = 64

// pick chooses who fills gap s.
func (p *problem) pick(s int, deadline int32, waiting *[]candidate, subjects *subjectBounds) (candidate, bool) {
	for _, c := range p.conditional[uint64(s-1)] {
		if c.call < deadline {
			return c, true
		}
	}
	w := *waiting
	if len(w) == 0 {
		return candidate{}, false
	}
	i := 0
	for k := 0; k < min(len(w), maxGuesses); k++ {
		if subjects.allow(w[k].subject, s, deadline) {
			i = k
			break
		}
	}
	c := w[i]
	copy(w[1:i+1], w[:i])
	*waiting = w[1:]
	return c, true
}

// gapAt is the clash of a gap: the earliest proof that something at or above it was there.
func (p *problem) gapAt(s int, deadline int32) *clash {
	c := &clash{kind: gap, i: uint64(s), j: uint64(s), lo: none, hi: deadline, pubI: none, pubJ: none}
	for j := s; j <= p.n; j++ {
		if p.hi[j] == deadline && (deadline != never || p.who[j] != none) {
			c.j, c.pubJ = uint64(j), p.who[j]
			return c
		}
	}
	return c
}

func (p *problem) clone() *problem {
	q := *p
	q.lo, q.hi = slices.Clone(p.lo), slices.Clone(p.hi)
	q.who, q.subject = slices.Clone(p.who), slices.Clone(p.subject)
	return &q
}

// put makes c number s.
func (p *problem) put(s int, c candidate) {
	p.who[s], p.subject[s] = c.op, c.subject
	p.lo[s] = max(p.lo[s], c.call)
}

// relaxed is what must hold whichever publishes fill the gaps: gaps have no publish, and
// nothing is concluded from the end of the log, where an unseen publish may follow.
func (p *problem) relaxed() *problem {
	q := p.clone()
	q.refusals = slices.DeleteFunc(slices.Clone(p.refusals), func(d disjunction) bool { return d.e >= uint64(p.n) })
	return q
}

// sweep assigns each number its earliest moment and finds the first that comes too late. It
// only raises, so the fixpoint it reaches is the least solution if there is any.
func (p *problem) sweep() *clash {
	p.boundSubjects()
	at := make([]int32, p.n+2)
	from := make([]int32, p.n+2) // number whose bound made the moment
	at[0] = before
	r := newRefusals(p.refusals, p.n)
	for s := 1; s <= p.n; s++ {
		if at[s], from[s] = at[s-1], from[s-1]; p.lo[s] > at[s] {
			at[s], from[s] = p.lo[s], int32(s)
		}
		if bad := r.force(s, at, from); bad != nil {
			return bad
		}
	}
	at[p.n+1] = never
	if bad := r.force(p.n+1, at, from); bad != nil {
		return bad
	}
	for s := 1; s <= p.n; s++ {
		if at[s] > p.hi[s] {
			i := from[s]
			return &clash{kind: tooLate, i: uint64(i), j: uint64(s), lo: at[s], hi: p.hi[s], pubI: p.who[i], pubJ: p.who[s]}
		}
	}
	return nil
}

// refusals holds the disjunctions by the number e+1, those that return first in front.
type refusals struct {
	d    []disjunction
	next map[uint64]int // e+1 to its first disjunction not yet forced
}

func newRefusals(d []disjunction, n int) *refusals {
	r := &refusals{next: map[uint64]int{}}
	for _, x := range d {
		if x.e <= uint64(n) { // a number beyond all never was the last one
			r.d = append(r.d, x)
		}
	}
	slices.SortFunc(r.d, func(a, b disjunction) int {
		return cmp.Or(cmp.Compare(a.e, b.e), cmp.Compare(a.ret, b.ret))
	})
	for i := len(r.d) - 1; i >= 0; i-- {
		r.next[r.d[i].e+1] = i
	}
	return r
}

// force goes through the refusals that expected s-1 as the last number. If s enters only after
// the return, s-1 must enter after the call. That call is before s's moment, so nothing above
// moves; but what is below may be forced in turn. Each refusal is forced at most once.
func (r *refusals) force(s int, at, from []int32) *clash {
	for ; s > 0; s-- {
		i, ok := r.next[uint64(s)]
		if !ok {
			return nil
		}
		raised := false
		for ; i < len(r.d) && r.d[i].e+1 == uint64(s) && r.d[i].ret < at[s]; i++ {
			if s == 1 {
				return &clash{kind: refusedEmpty, i: 1, j: 1, lo: r.d[i].call, hi: r.d[i].ret, pubI: none, pubJ: none}
			}
			if r.d[i].call > at[s-1] {
				at[s-1], from[s-1], raised = r.d[i].call, int32(s-1), true
			}
		}
		r.next[uint64(s)] = i
		if !raised {
			return nil
		}
	}
	return nil
}
