package checker

import "slices"

// none marks an absent position, operation, value or other index.
const none int32 = -1

// intern numbers strings in the order in which they are first seen.
type intern struct {
	ids   map[string]int32
	names []string
}

func newIntern(hint int) intern { return intern{ids: make(map[string]int32, hint)} }

// of returns the number of name, giving it one if need be.
func (t *intern) of(name string) int32 {
	if id, ok := t.ids[name]; ok {
		return id
	}
	id := int32(len(t.names))
	t.ids[name] = id
	t.names = append(t.names, name)
	return id
}

// find returns the number of name, or none.
func (t *intern) find(name string) int32 {
	if id, ok := t.ids[name]; ok {
		return id
	}
	return none
}

const (
	pageBits = 6
	pageSize = 1 << pageBits
)

// table maps numbers that are mostly dense (sequences, log indexes) to T, whose zero value
// means absence. A wild number costs one page, not room for all numbers below it.
type table[T any] struct {
	dense  []*[pageSize]T
	sparse map[uint64]*[pageSize]T
	top    uint64 // highest number ever given to at
}

// at returns the cell of n, creating it.
func (t *table[T]) at(n uint64) *T {
	t.top = max(t.top, n)
	p := n >> pageBits
	if p < uint64(len(t.dense)) {
		if page := t.dense[p]; page != nil {
			return &page[n&(pageSize-1)]
		}
		t.dense[p] = new([pageSize]T)
		return &t.dense[p][n&(pageSize-1)]
	}
	if p < 2*uint64(len(t.dense))+1024 {
		t.widen(p)
		return t.at(n)
	}
	if t.sparse == nil {
		t.sparse = map[uint64]*[pageSize]T{}
	}
	page := t.sparse[p]
	if page == nil {
		page = new([pageSize]T)
		t.sparse[p] = page
	}
	return &page[n&(pageSize-1)]
}

// widen makes page p part of the dense range.
func (t *table[T]) widen(p uint64) {
	wide := max(p+1, min(2*uint64(len(t.dense)), p+1024))
	t.dense = append(t.dense, make([]*[pageSize]T, wide-uint64(len(t.dense)))...)
	for q, page := range t.sparse { // map order: each page goes to its own place
		if q < wide {
			t.dense[q] = page
			delete(t.sparse, q)
		}
	}
}

// get returns the cell of n, or nil if its page was never touched.
func (t *table[T]) get(n uint64) *T {
	p := n >> pageBits
	var page *[pageSize]T
	if p < uint64(len(t.dense)) {
		page = t.dense[p]
	} else if t.sparse != nil {
		page = t.sparse[p]
	}
	if page == nil {
		return nil
	}
	return &page[n&(pageSize-1)]
}

// value returns the value at n, zero if there is none.
func (t *table[T]) value(n uint64) (v T) {
	if c := t.get(n); c != nil {
		return *c
	}
	return v
}

// each visits the cells of touched pages in ascending order until visit returns false.
func (t *table[T]) each(visit func(n uint64, cell *T) bool) {
	for p, page := range t.dense {
		if page != nil && !eachIn(uint64(p), page, visit) {
			return
		}
	}
	wild := make([]uint64, 0, len(t.sparse))
	for p := range t.sparse { // map order: sorted below
		wild = append(wild, p)
	}
	slices.Sort(wild)
	for _, p := range wild {
		if !eachIn(p, t.sparse[p], visit) {
			return
		}
	}
}

func eachIn[T any](p uint64, page *[pageSize]T, visit func(n uint64, cell *T) bool) bool {
	for i := range page {
		if !visit(p<<pageBits+uint64(i), &page[i]) {
			return false
		}
	}
	return true
}

// cutAbove zeroes every cell above n.
func (t *table[T]) cutAbove(n uint64) {
	var zero T
	for p := n >> pageBits; p < uint64(len(t.dense)); p++ {
		if t.dense[p] == nil {
			continue
		}
		if p<<pageBits > n {
			t.dense[p] = nil
			continue
		}
		for i := n&(pageSize-1) + 1; i < pageSize; i++ {
			t.dense[p][i] = zero
		}
	}
	for p, page := range t.sparse { // map order: each cell is cleared by its own number
		for i := range page {
			if p<<pageBits+uint64(i) > n {
				page[i] = zero
			}
		}
	}
}
