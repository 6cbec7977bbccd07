package checker

import (
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
	rec      *record
	log      *logFold
	n        int     // numbers 1..n exist; what follows are bounds for a longer tail
	lo, hi   []int32 // by number; before = no bound, never = no bound
	who      []int32 // the publish of each number, or none for a gap
	subject  []int32 // of each number, or none
	refusals []disjunction
	newest   []subjectLast
	nexts    []int32 // answered next-ofs
	// unconditional and conditional are the publishes with an open outcome that were
	// never seen, in the order of their calls; conditional by expected last sequence.
	unconditional []candidate
	conditional   map[uint64][]candidate
	// subjects tells that some publish depends on the newest message of its subject.
	subjects bool
	// void is the number below which a gap may be one that was never given.
	void int
	// rest is the least hi above n: numbers beyond those that can be filled.
	rest int32

	// unseen is how many more may follow the last number.
	unseen int

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
	storedTwice                     // two publishes (returns lo and hi) were told that they had stored j
	onlyDuplicates                  // the value of j (shown at hi) was acknowledged as a duplicate only
	wrongPrev                       // pubJ, conditional on its subject's newest message, was stored as j (shown at hi) after i
	undead                          // j was read (return hi) after it had been removed (at lo)
	skippedOne                      // asked (call lo) for the next from i, told (return hi) of j, though i was there
	wrongCondition                  // a conditional publish (call lo, return hi) stored as j
	wrongRefusal                    // refused, naming the number that it expected
	neverPublished                  // the value of j (shown at hi) was published by nobody
	wasRefused                      // the value of j (shown at hi) had failed (return lo)
	wrongSubject                    // asked (call lo) for the last of a subject, told (return hi) one of another
	refusedEmpty                    // refused as not empty (call lo, return hi), and nothing was there
)

// problem reduces what was folded to bounds. A clash that shows without any order comes back.
func (l *logFold) problem(writesOnly bool) (*problem, *clash) {
	p := &problem{rec: l.rec, log: l, conditional: map[uint64][]candidate{}, rest: never}
	p.candidates(l)
	// Above known+open numbers there is a gap that nothing can fill: no need to look further.
	skipped := l.rules.skipped()
	p.n = int(min(l.top, uint64(l.known+p.open+1)+min(skipped, l.top)))
	p.void = int(min(skipped, uint64(p.n)+1))
	p.size(p.n + p.open) // room for what may extend the tail
	var bad *clash
	l.slots.each(func(seq uint64, c *slot) bool {
		if seq == 0 {
			return true
		}
		lo, hi := c.bounds(writesOnly)
		if c.value == 0 && seq < skipped {
			lo = c.loAck - 1 // never given, it is never found
		}
		pub := none
		if c.value > 0 {
			if pub, bad = l.storer(c, seq); bad != nil {
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
		if pub != none {
			p.put(int(seq), candidate{pub, l.rec.ops[pub].call, l.rec.ops[pub].subject})
		}
		return true
	})
	if bad != nil {
		return nil, bad
	}
	for _, d := range l.refusal {
		if !writesOnly || !d.read {
			p.refusals = append(p.refusals, d)
		}
	}
	for _, x := range l.newest {
		if !writesOnly || x.refusal {
			p.newest = append(p.newest, x)
		}
	}
	if !writesOnly {
		p.nexts = l.nexts
	}
	return p, nil
}

// wrongSubject finds an answer about the last of a subject that is a message of another.
func (p *problem) wrongSubject() *clash {
	for _, x := range p.newest {
		if !x.above && x.seq > 0 && x.seq <= uint64(p.n) && p.who[x.seq] != none && p.subject[x.seq] != x.subject {
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

func (c *slot) bounds(writesOnly bool) (lo, hi int32) {
	lo, hi = c.loAck-1, never
	if c.hiAck > 0 {
		hi = c.hiAck - 1
	}
	if writesOnly {
		return lo, hi
	}
	lo = max(lo, c.loRead-1)
	if c.hiRead > 0 {
		hi = min(hi, c.hiRead-1)
	}
	return lo, hi
}

// candidates collects the publishes with an open outcome whose value was never seen, of each value the first. Where an id
// may have been forgotten in between, each that is not needed for what was seen may have stored its value again.
func (p *problem) candidates(l *logFold) {
	for _, id := range l.writes {
		o := &p.rec.ops[id]
		p.subjects = p.subjects || o.ofSubject > 0
		if !o.mayStore() {
			continue
		}
		seen := l.seq(o.value) > 0
		if p.rec.values[o.value].tries > 1 {
			before, after := l.openTries(id)
			switch {
			case p.rec.forgettable(o.value, l.rules, p.rec.nowT):
				seen = before >= before+1+after-l.unowned(o.value)
			case before > 0:
				seen = true
			}
		}
		if seen {
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

// openTries counts the publishes with an open outcome of the same value as operation id, before and after it.
func (l *logFold) openTries(id int32) (before, after int) {
	for k := l.rec.values[l.rec.ops[id].value].again; k != none; k = l.rec.ops[k].prev {
		switch {
		case !l.rec.ops[k].mayStore() || k == id:
		case k < id:
			before++
		default:
			after++
		}
	}
	return before, after
}

// unowned counts the sequences at which val was seen, and of which no publish was told that it had stored it there.
func (l *logFold) unowned(val int32) (n int) {
	at := l.seq(val)
	if at == 0 {
		return 0
	}
	for _, seq := range append([]uint64{at}, l.further[val]...) {
		if c := l.slots.get(seq); c.own == 0 {
			n++
		}
	}
	return n
}

// storer returns the publish of the value at seq, the earliest that may have been it, or what is wrong with all of them.
func (l *logFold) storer(c *slot, seq uint64) (int32, *clash) {
	v := &l.rec.values[c.value-1]
	if v.pub == none {
		return none, &clash{kind: neverPublished, j: seq, lo: none, hi: c.shown - 1, pubI: none, pubJ: none}
	}
	if c.own > 0 && l.rec.ops[c.own-1].value == c.value-1 {
		return c.own - 1, nil
	}
	found, bad := none, &clash{kind: onlyDuplicates, j: seq, lo: none, hi: c.shown - 1, pubI: none, pubJ: v.pub}
	for id := v.again; id != none; id = l.rec.ops[id].prev {
		o := &l.rec.ops[id]
		switch {
		case o.status == failed:
			if bad.kind == onlyDuplicates {
				bad.kind, bad.lo, bad.pubJ = wasRefused, o.ret, id
			}
		case !o.mayStore():
		case o.expect > 0 && seq != o.expect:
			bad = &clash{kind: wrongCondition, j: seq, lo: o.call, hi: c.shown - 1, pubJ: id}
		default:
			found = id
		}
	}
	if found != none {
		bad = nil
	}
	return found, bad
}

// decide finds whether moments exist.
func (p *problem) decide(budget int) (spec.Verdict, *clash) {
	filled, bad := p.fill()
	if bad != nil {
		return spec.Violated, bad
	}
	bad = filled.sweep()
	if bad == nil || p.open > 0 && filled.extended().sweep() == nil {
		return spec.Holds, nil
	}
	// With open outcomes and refusals that allow two readings, another filling could do:
	// an unseen publish may also extend the tail. Refute without them, or search.
	if p.open == 0 || len(p.refusals)+len(p.newest)+len(p.nexts) == 0 && !p.subjects {
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
	q.unseen = p.open
	q.refusals = slices.DeleteFunc(slices.Clone(p.refusals), func(d disjunction) bool { return d.then > uint64(p.n) })
	return q
}

// sweep assigns each number its earliest moment and finds the first that comes too late. It
// only raises, so the fixpoint it reaches is the least solution if there is any.
func (p *problem) sweep() *clash {
	for _, find := range [...]func() *clash{p.wrongSubject, p.wrongPrev, p.skippedOne} {
		if bad := find(); bad != nil {
			return bad
		}
	}
	attempt := *p // what bounds it may not bound a longer one
	p = &attempt
	p.boundSubjects()
	at := make([]int32, p.n+2)
	from := make([]int32, p.n+2) // number whose bound made the moment
	at[0] = before
	r := newRefusals(p.refusals, p.n)
	for s := 1; s <= p.n; s++ {
		if at[s], from[s] = at[s-1], from[s-1]; p.lo[s] > at[s] {
			at[s], from[s] = p.lo[s], int32(s)
		}
		if bad := r.force(s, s, at, from); bad != nil {
			return bad
		}
	}
	at[p.n+1] = never
	if bad := r.force(p.n+1, p.n, at, from); bad != nil {
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
