package consumer

import "sort"

// pendingList is the pending messages in the stream's order. First deliveries come in that order, so it only grows at
// its end; what is settled is marked, and swept when it is half of the list.
type pendingList struct {
	list []pending
	dead int
}

func (l *pendingList) len() int { return len(l.list) - l.dead }

// at is the index of the first entry at or above seq.
func (l *pendingList) at(seq uint64) int {
	return sort.Search(len(l.list), func(i int) bool { return l.list[i].seq >= seq })
}

func (l *pendingList) find(seq uint64) *pending {
	if i := l.at(seq); i < len(l.list) && l.list[i].seq == seq && l.list[i].count > 0 {
		return &l.list[i]
	}
	return nil
}

// lowest is the first pending message; nil if there is none.
func (l *pendingList) lowest() *pending {
	for len(l.list) > 0 && l.list[0].count == 0 {
		l.list = l.list[1:]
		l.dead--
	}
	if len(l.list) == 0 {
		l.list = nil
		return nil
	}
	return &l.list[0]
}

// add sweeps here and not in remove, so that entries stay where they are while several are settled.
func (l *pendingList) add(p pending) {
	if l.dead > l.len()+16 {
		live := make([]pending, 0, l.len()+1)
		for _, q := range l.list {
			if q.count > 0 {
				live = append(live, q)
			}
		}
		l.list, l.dead = live, 0
	}
	l.list = append(l.list, p)
}

func (l *pendingList) remove(p *pending) {
	p.count = 0
	l.dead++
}

// lateList remembers which delivery settled messages that were delivered more than once, so that an ack that comes
// late, or is tried again, is confirmed to the client whose delivery it was and to no other.
type lateList struct {
	list []Settled // oldest first
	// cut is the highest message that was forgotten: of those up to it nothing is known.
	cut uint64
}

const maxLate = 1 << 10

func (l *lateList) add(s Settled) {
	if len(l.list) == maxLate {
		l.cut = max(l.cut, l.list[0].Seq)
		l.list = l.list[1:]
	}
	l.list = append(l.list, Settled{Seq: s.Seq, Count: s.Count})
}

// settledBy is the delivery count that settled seq: 1 if nothing else is known; 0 if it may have been any.
func (l *lateList) settledBy(seq uint64) uint64 {
	for i := len(l.list) - 1; i >= 0; i-- {
		if l.list[i].Seq == seq {
			return l.list[i].Count
		}
	}
	if seq <= l.cut {
		return 0
	}
	return 1
}
