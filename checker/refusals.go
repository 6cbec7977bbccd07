package checker

import (
	"cmp"
	"slices"
)

// refusals holds the disjunctions by the number above, those that return first in front; what is above all numbers stands
// at the one after the last.
type refusals struct {
	d    []disjunction
	next map[int]int // number above to its first disjunction not yet forced
}

func newRefusals(d []disjunction, n int) *refusals {
	r := &refusals{next: map[int]int{}}
	for _, x := range d {
		if x.e <= uint64(n) { // a number beyond all never was the last one, and never was there
			x.then = min(x.then, uint64(n)+1)
			r.d = append(r.d, x)
		}
	}
	slices.SortFunc(r.d, func(a, b disjunction) int {
		return cmp.Or(cmp.Compare(a.then, b.then), cmp.Compare(a.ret, b.ret))
	})
	for i := len(r.d) - 1; i >= 0; i-- {
		r.next[int(r.d[i].then)] = i
	}
	return r
}

// force goes through the disjunctions with s above. If s enters only after the return, the number below must enter after
// the call, and so must all between. The call is before s's moment, so nothing above moves; but what is between may be
// forced in turn. Each disjunction is forced at most once. Moments up to top are assigned.
func (r *refusals) force(s, top int, at, from []int32) *clash {
	if _, ok := r.next[s]; !ok {
		return nil
	}
	for raised := []int{s}; len(raised) > 0; raised = raised[1:] {
		s := raised[0]
		i, ok := r.next[s]
		if !ok {
			continue
		}
		for ; i < len(r.d) && int(r.d[i].then) == s && r.d[i].ret < at[s]; i++ {
			d := &r.d[i]
			if d.e == 0 {
				return &clash{kind: refusedEmpty, i: 1, j: 1, lo: d.call, hi: d.ret, pubI: none, pubJ: none}
			}
			for k := int(d.e); k <= top && k < s && at[k] < d.call; k++ {
				at[k], from[k] = d.call, int32(d.e)
				raised = append(raised, k)
			}
		}
		r.next[s] = i
	}
	return nil
}
