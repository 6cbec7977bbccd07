package checker

import "github.com/brokerlab/brokerlab/model/spec"

// search tries every way in which publishes with an open outcome can fill the gaps and extend
// the tail of a log. It is exponential, so it has a budget of steps, counted, not timed: a
// verdict must not depend on the machine.
type search struct {
	p      *problem
	budget int
	d      []int32
	gaps   []int
	used   map[int32]bool
}

// run says holds if some way agrees with everything, violated if none does, unknown if the
// budget ran out first. It tries the tails of guess first, a filling that failed as it is.
func (s *search) run(guess *problem) spec.Verdict {
	s.d = s.p.deadlines()
	s.used = map[int32]bool{}
	for n := 1; n <= s.p.n; n++ {
		if s.p.who[n] == none {
			s.gaps = append(s.gaps, n)
			s.used[guess.who[n]] = true
		}
	}
	all := s.budget
	s.budget = all / 4
	if s.tail(guess) {
		return spec.Holds
	}
	s.budget += all - all/4
	s.used = map[int32]bool{}
	switch found := s.fill(s.p, 0); {
	case found:
		return spec.Holds
	case s.budget <= 0:
		return spec.Unknown
	}
	return spec.Violated
}

// fill tries all candidates for gap g and the later ones, then the tails.
func (s *search) fill(p *problem, g int) bool {
	if g == len(s.gaps) {
		return s.tail(p)
	}
	n := s.gaps[g]
	return s.each(p, n, s.d[n], func(q *problem) bool { return s.fill(q, g+1) }) || n < s.p.void && s.fill(p, g+1)
}

// tail tries p as it is, and longer by one publish after another.
func (s *search) tail(p *problem) bool {
	if s.budget -= p.n + len(p.refusals) + 1; s.budget <= 0 {
		return false
	}
	if p.sweep() == nil {
		return true
	}
	if p.n+1 == len(p.lo) {
		return false // no publish is left
	}
	longer := p.clone()
	longer.n++
	return s.each(longer, longer.n, never, s.tail)
}

// each puts every unused publish that may be number n there in turn.
func (s *search) each(p *problem, n int, deadline int32, then func(*problem) bool) bool {
	for _, list := range [2][]candidate{p.conditional[uint64(n-1)], p.unconditional} {
		for _, c := range list {
			if s.used[c.op] || c.call > deadline {
				continue
			}
			if s.budget -= p.n + 1; s.budget <= 0 {
				return false
			}
			q := p.clone()
			q.put(n, c)
			s.used[c.op] = true
			found := then(q)
			delete(s.used, c.op)
			if found {
				return true
			}
		}
	}
	return false
}
