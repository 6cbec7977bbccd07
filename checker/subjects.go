package checker

import (
	"cmp"
	"slices"
)

// boundSubjects turns each "last of subject was s" into a bound on the next of that subject.
func (p *problem) boundSubjects() {
	if len(p.newest) == 0 {
		return
	}
	bySubject := map[int32][]int32{}
	for s := 1; s <= p.n; s++ {
		if p.who[s] != none {
			bySubject[p.subject[s]] = append(bySubject[p.subject[s]], int32(s))
		}
	}
	p.lo = slices.Clone(p.lo)
	for _, l := range p.newest {
		of := bySubject[l.subject]
		i, _ := slices.BinarySearch(of, int32(min(l.seq, uint64(p.n)))+1)
		if i < len(of) && l.seq < uint64(p.n) {
			p.lo[of[i]] = max(p.lo[of[i]], l.call)
		}
	}
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
