package checker

import (
	"cmp"
	"slices"
)

// boundSubjects turns each "last of subject was s" into a bound on the next of that subject that no rule had removed.
func (p *problem) boundSubjects() {
	if len(p.newest) == 0 {
		return
	}
	bySubject := p.bySubject()
	p.lo = slices.Clone(p.lo)
	for _, l := range p.newest {
		of := bySubject[l.subject]
		i, _ := slices.BinarySearch(of, int32(min(l.seq, uint64(p.n)))+1)
		by := moment{l.ret, p.rec.nowT}
		for i < len(of) && p.gone(int(of[i]), by) {
			i++
		}
		if i < len(of) && l.seq < uint64(p.n) {
			p.lo[of[i]] = max(p.lo[of[i]], l.call)
		}
	}
}

// bySubject lists the numbers of each subject, ascending.
func (p *problem) bySubject() map[int32][]int32 {
	of := map[int32][]int32{}
	for s := 1; s <= p.n; s++ {
		if p.who[s] != none {
			of[p.subject[s]] = append(of[p.subject[s]], int32(s))
		}
	}
	return of
}

// gone tells whether a rule may have removed number s before by. Where a limit may push messages out it may have, if
// enough others follow.
func (p *problem) gone(s int, by moment) bool {
	m := message{seq: uint64(s), subject: p.subject[s]}
	if p.who[s] != none {
		m.born = p.rec.ops[p.who[s]].callT
	}
	return p.log.rules.gone(m, by) || p.pushedOut(s, p.n)
}

// pushedOut tells whether number s may be gone for the reason that last is there.
func (p *problem) pushedOut(s, last int) bool {
	k := p.log.rules.pushedOut()
	return k > 0 && k <= uint64(last+p.unseen-s)
}

// wrongPrev finds a publish, conditional on the newest message of its subject, that follows another one of it.
func (p *problem) wrongPrev() *clash {
	if !p.subjects {
		return nil
	}
	newest := make([]int32, len(p.rec.subjects.names)+1)
	below := make([]int32, p.n+1) // the one of the same subject below
	for s := 1; s <= p.n; s++ {
		if p.who[s] == none {
			continue
		}
		prev := newest[p.subject[s]+1]
		below[s], newest[p.subject[s]+1] = prev, int32(s)
		o := &p.rec.ops[p.who[s]]
		if o.ofSubject == 0 {
			continue
		}
		e, by := o.ofSubject-1, moment{never, p.rec.nowT}
		if o.status == done {
			by = o.returned()
		}
		for uint64(prev) > e && (p.log.rules.gone(message{uint64(prev), p.subject[s], 0}, by) || p.pushedOut(int(prev), s-1)) {
			prev = below[prev]
		}
		if uint64(prev) == e || uint64(prev) < e && e < uint64(s) && p.who[e] == none {
			continue
		}
		return &clash{kind: wrongPrev, i: uint64(prev), j: uint64(s), lo: o.call, hi: p.shownAt(s), pubI: p.who[prev], pubJ: p.who[s]}
	}
	return nil
}

// shownAt is the event that first showed what number s holds, or none.
func (p *problem) shownAt(s int) int32 {
	if c := p.log.slots.get(uint64(s)); c != nil {
		return c.shown - 1
	}
	return none
}

// skippedOne finds an answer about the first message at or above a number that passed one over. It held at some moment at
// which all lower numbers were there, so only a rule can have removed them.
func (p *problem) skippedOne() *clash {
	for _, id := range p.nexts {
		o := &p.rec.ops[id]
		if o.seq < o.asked {
			return &clash{kind: skippedOne, i: o.seq, j: o.seq, lo: o.call, hi: o.ret, pubI: none, pubJ: none}
		}
		budget := maxRemoved
		for s := int(max(o.asked, 1)); s < int(min(o.seq, uint64(p.n)+1)) && budget > 0; s++ {
			budget--
			if p.who[s] == none || o.subject != none && !p.rec.matches(o.subject, p.subject[s]) || p.gone(s, o.returned()) {
				continue
			}
			return &clash{kind: skippedOne, i: uint64(s), j: o.seq, lo: o.call, hi: o.ret, pubI: p.who[s], pubJ: none}
		}
	}
	return nil
}

// subjectBounds follows, going up through the numbers, how early the next message of a subject
// may have entered.
type subjectBounds struct {
	of   map[int32]*subjectBound
	here int // number reached
}

// subjectBound is one subject's: what was answered, lowest sequence in front, how many of that
// concern numbers below the one reached, and the latest call among those that still bind.
type subjectBound struct {
	answers []subjectLast
	reached int
	call    int32
}

func newSubjectBounds(p *problem) *subjectBounds {
	b := &subjectBounds{of: map[int32]*subjectBound{}}
	for _, l := range p.newest {
		if b.of[l.subject] == nil {
			b.of[l.subject] = &subjectBound{call: before}
		}
		b.of[l.subject].answers = append(b.of[l.subject].answers, l)
	}
	for _, x := range b.of { // map order: each list is sorted by itself
		slices.SortFunc(x.answers, func(x, y subjectLast) int { return cmp.Compare(x.seq, y.seq) })
	}
	return b
}

// reach takes in what was answered about numbers below s.
func (x *subjectBound) reach(s int) {
	for x.reached < len(x.answers) && x.answers[x.reached].seq < uint64(s) {
		x.call = max(x.call, x.answers[x.reached].call)
		x.reached++
	}
}

// pass goes on to the next number, which has a message of subject: what was answered about
// lower ones binds nobody above.
func (b *subjectBounds) pass(subject int32) {
	b.here++
	if x := b.of[subject]; x != nil {
		x.reach(b.here)
		x.call = before
	}
}

// allow tells whether a message of subject may be number s and have entered before deadline.
func (b *subjectBounds) allow(subject int32, s int, deadline int32) bool {
	x := b.of[subject]
	if x == nil {
		return true
	}
	x.reach(s)
	return x.call < deadline
}
