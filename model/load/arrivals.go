package load

// arrivals is one stream of due times.
type arrivals struct {
	key  Key
	mean int64 // 0: none ever
	n    uint64
	at   int64
}

func newArrivals(key Key, mean, from int64) arrivals {
	a := arrivals{key: key, mean: mean, at: from}
	if mean > 0 {
		a.step()
	}
	return a
}

// step moves on to the next arrival. Two arrivals are at least a microsecond apart, which bounds
// what one wake-up can bring.
func (a *arrivals) step() {
	a.at += max(a.key.Exponential(a.n, a.mean), 1000)
	a.n++
}

// due says whether an arrival has come by now and before until.
func (a *arrivals) due(now, until int64) bool { return a.mean > 0 && a.at <= now && a.at < until }

// skip passes over what came by now: nobody was there.
func (a *arrivals) skip(now int64) {
	for a.mean > 0 && a.at <= now {
		a.step()
	}
}

// next is the time of the next arrival, 0 if there will be none before until.
func (a *arrivals) next(until int64) int64 {
	if a.mean == 0 || a.at >= until {
		return 0
	}
	return a.at
}

// sooner is the earlier of two times, of which 0 is never.
func sooner(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// timed is things to be done at their times, the earliest first; of one time, in the order in which they came.
type timed[T any] struct {
	heap []timedItem[T]
	n    uint64
}

type timedItem[T any] struct {
	at   int64
	n    uint64
	what T
}

func (i *timedItem[T]) before(j *timedItem[T]) bool { return i.at < j.at || i.at == j.at && i.n < j.n }

func (t *timed[T]) add(at int64, what T) {
	t.n++
	t.heap = append(t.heap, timedItem[T]{at, t.n, what})
	for i := len(t.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !t.heap[i].before(&t.heap[up]) {
			return
		}
		t.heap[i], t.heap[up] = t.heap[up], t.heap[i]
		i = up
	}
}

// due takes the first whose time has come.
func (t *timed[T]) due(now int64) (what T, ok bool) {
	if len(t.heap) == 0 || t.heap[0].at > now {
		return what, false
	}
	what = t.heap[0].what
	last := len(t.heap) - 1
	t.heap[0] = t.heap[last]
	t.heap[last] = timedItem[T]{}
	t.heap = t.heap[:last]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && t.heap[child].before(&t.heap[least]) {
				least = child
			}
		}
		if least == i {
			return what, true
		}
		t.heap[i], t.heap[least] = t.heap[least], t.heap[i]
		i = least
	}
}

// next is the earliest time; 0 if there is nothing.
func (t *timed[T]) next() int64 {
	if len(t.heap) == 0 {
		return 0
	}
	return t.heap[0].at
}

func (t *timed[T]) size() int { return len(t.heap) }

func (t *timed[T]) clear() { *t = timed[T]{} }
