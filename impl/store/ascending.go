package store

import "slices"

// ascending is a sorted list that stays fast where a slice would not: values leave from
// anywhere and, rarely, come anywhere, at the cost of moving one chunk. The order is the
// caller's, who passes it to each search.
type ascending[T any] struct {
	chunks [][]T // none is empty
	n      int
}

const listChunk = 256

// place is a position in a list; one behind its last value is valid.
type place struct{ chunk, i int }

// search finds the first value that is not below what is sought. below must hold for a
// prefix of the list.
func (l *ascending[T]) search(below func(T) bool) place {
	lo, hi := 0, len(l.chunks)
	for lo < hi {
		mid := (lo + hi) / 2
		if c := l.chunks[mid]; below(c[len(c)-1]) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(l.chunks) {
		return place{lo, 0}
	}
	c := l.chunks[lo]
	from, to := 0, len(c)-1
	for from < to {
		if mid := (from + to) / 2; below(c[mid]) {
			from = mid + 1
		} else {
			to = mid
		}
	}
	return place{lo, from}
}

func (l *ascending[T]) ended(p place) bool { return p.chunk == len(l.chunks) }
func (l *ascending[T]) at(p place) T       { return l.chunks[p.chunk][p.i] }

func (l *ascending[T]) next(p place) place {
	if p.i++; p.i == len(l.chunks[p.chunk]) {
		p = place{p.chunk + 1, 0}
	}
	return p
}

func (l *ascending[T]) first() T { return l.chunks[0][0] }

func (l *ascending[T]) last() T {
	c := l.chunks[len(l.chunks)-1]
	return c[len(c)-1]
}

// from counts the values at p and behind it.
func (l *ascending[T]) from(p place) (n int) {
	if l.ended(p) {
		return 0
	}
	if p.chunk < len(l.chunks)/2 {
		for _, c := range l.chunks[:p.chunk] {
			n += len(c)
		}
		return l.n - n - p.i
	}
	for _, c := range l.chunks[p.chunk:] {
		n += len(c)
	}
	return n - p.i
}

// push adds a value above all others.
func (l *ascending[T]) push(v T) {
	l.n++
	if k := len(l.chunks) - 1; k >= 0 && len(l.chunks[k]) < listChunk {
		l.chunks[k] = append(l.chunks[k], v)
		return
	}
	var c []T
	if len(l.chunks) > 0 {
		c = make([]T, 0, listChunk)
	}
	l.chunks = append(l.chunks, append(c, v))
}

// insert adds a value before the one at p.
func (l *ascending[T]) insert(p place, v T) {
	if l.ended(p) {
		l.push(v)
		return
	}
	l.n++
	c := l.chunks[p.chunk]
	if len(c) < listChunk {
		l.chunks[p.chunk] = slices.Insert(c, p.i, v)
		return
	}
	upper := slices.Clone(c[listChunk/2:])
	clear(c[listChunk/2:])
	l.chunks[p.chunk] = c[:listChunk/2]
	l.chunks = slices.Insert(l.chunks, p.chunk+1, upper)
	if p.i > listChunk/2 {
		p = place{p.chunk + 1, p.i - listChunk/2}
	}
	l.chunks[p.chunk] = slices.Insert(l.chunks[p.chunk], p.i, v)
}

// remove drops the value at p.
func (l *ascending[T]) remove(p place) {
	l.n--
	c := l.chunks[p.chunk]
	var none T
	switch {
	case len(c) == 1:
		l.drop(p.chunk)
		return
	case p.i == 0: // the usual one: the oldest
		c[0] = none
		l.chunks[p.chunk] = c[1:]
	default:
		l.chunks[p.chunk] = slices.Delete(c, p.i, p.i+1)
	}
	l.merge(p.chunk)
}

func (l *ascending[T]) drop(chunk int) {
	l.chunks[chunk] = nil
	if chunk == 0 {
		l.chunks = l.chunks[1:]
		return
	}
	l.chunks = slices.Delete(l.chunks, chunk, chunk+1)
}

// merge joins chunk k to the one behind it once both have become small, so that values
// which outlive their neighbours do not keep a chunk each.
func (l *ascending[T]) merge(k int) {
	if k+1 == len(l.chunks) || len(l.chunks[k])+len(l.chunks[k+1]) > listChunk/2 {
		return
	}
	l.chunks[k+1] = slices.Concat(l.chunks[k], l.chunks[k+1])
	l.drop(k)
}
