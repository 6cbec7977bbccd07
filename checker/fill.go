package checker

import "slices"

// filler gives the gaps of a problem publishes with an open outcome.
//
// Deadlines only grow with the number, so whoever fits a gap fits every later one, and any choice is as good; but one that
// is conditional on the last message fits one gap only and goes first. Where subjects matter too (answers about the last of
// one, publishes conditional on it) the choice is only a good guess: what nodes were seen to store there, else what
// contradicts nothing known. Whoever decides makes up for a bad guess.
type filler struct {
	p         *problem // a copy, being filled
	deadlines []int32
	waiting   []candidate // unconditional, called, not placed, in call order
	next      int         // unconditional publishes not yet waiting
	placed    map[int32]bool
	byValue   map[int32]candidate // open publishes by what they publish
	bounds    *subjectBounds
	need      map[int]int32     // by number: the subject that it must have
	newest    map[int32]int     // by subject: its newest number so far
	numbers   map[int32][]int32 // by subject: its known numbers
}

func newFiller(p *problem) *filler {
	f := &filler{p: p.clone(), deadlines: p.deadlines(), placed: map[int32]bool{}, byValue: map[int32]candidate{}, bounds: newSubjectBounds(p)}
	for _, c := range p.unconditional {
		f.byValue[p.rec.ops[c.op].value] = c
	}
	for _, list := range p.conditional { // map order: a publish is in one list, under its own value
		for _, c := range list {
			f.byValue[p.rec.ops[c.op].value] = c
		}
	}
	if len(p.newest) == 0 && !p.subjects {
		return f
	}
	f.need, f.newest, f.numbers = map[int]int32{}, map[int32]int{}, p.bySubject()
	for _, x := range p.newest {
		if !x.above && x.seq <= uint64(p.n) {
			f.need[int(x.seq)] = x.subject
		}
	}
	for s := 1; s <= p.n; s++ {
		if p.who[s] != none {
			if e := p.rec.ops[p.who[s]].ofSubject; e > 1 && e-1 <= uint64(p.n) {
				f.need[int(e-1)] = p.subject[s]
			}
		}
	}
	return f
}

// fill fills all gaps, or says which cannot be.
func (p *problem) fill() (*problem, *clash) {
	if !slices.Contains(p.who[1:p.n+1], none) {
		return p, nil
	}
	f := newFiller(p)
	for s := 1; s <= p.n; s++ {
		if f.p.who[s] == none {
			c, ok := f.pick(s)
			if !ok && s >= p.void {
				return nil, p.gapAt(s, f.deadlines[s])
			}
			if ok {
				f.put(s, c)
				p.placed++
			}
		}
		f.pass(s)
	}
	return f.p, nil
}

// extended adds to p, filled, what nodes were seen to store beyond its end.
func (p *problem) extended() *problem {
	f := newFiller(p)
	for s := 1; s <= p.n; s++ {
		if p.who[s] != none {
			f.placed[p.who[s]] = true
		}
	}
	for f.p.n+1 < len(p.lo) {
		c, ok := f.hinted(f.p.n+1, never)
		if !ok {
			break
		}
		f.p.n++
		f.put(f.p.n, c)
	}
	return f.p
}

func (f *filler) put(s int, c candidate) {
	f.p.put(s, c)
	f.placed[c.op] = true
}

// pass goes on to the number after s.
func (f *filler) pass(s int) {
	f.bounds.pass(f.p.subject[s])
	if f.newest != nil && f.p.who[s] != none {
		f.newest[f.p.subject[s]] = s
	}
}

// maxGuesses limits how many publishes are looked at for one gap, for the sake of subjects.
const maxGuesses = 64

// pick chooses who fills gap s.
func (f *filler) pick(s int) (candidate, bool) {
	deadline := f.deadlines[s]
	for f.next < len(f.p.unconditional) && f.p.unconditional[f.next].call < deadline {
		f.waiting = append(f.waiting, f.p.unconditional[f.next])
		f.next++
	}
	if c, ok := f.hinted(s, deadline); ok {
		return c, true
	}
	for _, c := range f.p.conditional[uint64(s-1)] {
		if c.call < deadline && f.fits(c, s, deadline) && !f.placed[c.op] {
			return c, true
		}
	}
	guess := -1
	for k, looked := 0, 0; k < len(f.waiting) && looked < maxGuesses; k++ {
		switch c := f.waiting[k]; {
		case f.placed[c.op]:
			if k == 0 { // those placed by what was seen leave when they come to the front
				f.waiting = f.waiting[1:]
				k--
			}
			continue
		case f.fits(c, s, deadline):
			f.waiting = slices.Delete(f.waiting, k, k+1)
			return c, true
		case guess < 0:
			guess = k
		}
		looked++
	}
	for _, c := range f.p.conditional[uint64(s-1)] {
		if c.call < deadline && !f.placed[c.op] {
			return c, true
		}
	}
	if guess < 0 {
		return candidate{}, false
	}
	c := f.waiting[guess]
	f.waiting = slices.Delete(f.waiting, guess, guess+1)
	return c, true
}

// hinted returns the open publish that nodes were seen to store as s, if it may have been by deadline.
func (f *filler) hinted(s int, deadline int32) (candidate, bool) {
	h := f.p.log.hints.value(uint64(s))
	if h == 0 {
		return candidate{}, false
	}
	c, ok := f.byValue[h-1]
	ok = ok && !f.placed[c.op] && c.call < deadline
	if o := f.p.rec.ops[c.op]; ok && o.expect > 0 && o.expect != uint64(s) {
		ok = false
	}
	return c, ok
}

// fits tells whether c as number s contradicts nothing that is known about subjects.
func (f *filler) fits(c candidate, s int, deadline int32) bool {
	if f.need == nil {
		return true
	}
	if x, ok := f.need[s]; ok && x != c.subject || !f.bounds.allow(c.subject, s, deadline) {
		return false
	}
	if e := f.p.rec.ops[c.op].ofSubject; e > 0 && e-1 != uint64(f.newest[c.subject]) {
		return false
	}
	known := f.numbers[c.subject]
	i, _ := slices.BinarySearch(known, int32(s))
	if i == len(known) {
		return true
	}
	e := f.p.rec.ops[f.p.who[known[i]]].ofSubject
	return e == 0 || e-1 >= uint64(s)
}
