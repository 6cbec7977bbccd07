package consumer

import "github.com/brokerlab/brokerlab/model/machine"

// where a pending message is, on the leader.
type place uint8

const (
	waiting  place = iota // for its ack, until at
	due                   // for its next delivery, since at
	taken                 // its next delivery is being logged
	parked                // delivered, but nobody was there to send it to
	spending              // that it ran out of deliveries is being logged
	sending               // on its way out: its ack wait begins when it leaves
)

// wait is a pending message as its leader sees it.
type wait struct {
	seq   uint64
	at    machine.Mono
	place place
	pos   int // in the heap of its place
}

// waits are the pending messages. Those that wait and those that are due are in heaps, so that any number of ack
// waits needs one wake-up, and what is settled leaves at once.
type waits struct {
	bySeq  map[uint64]*wait
	clock  waitHeap // waiting
	ripe   waitHeap // due
	parked int
}

func (w *waits) heap(p place) *waitHeap {
	switch p {
	case waiting:
		return &w.clock
	case due:
		return &w.ripe
	}
	return nil
}

// put brings message seq to a place.
func (w *waits) put(seq uint64, p place, at machine.Mono) {
	x := w.bySeq[seq]
	if x == nil {
		x = &wait{seq: seq}
		w.bySeq[seq] = x
	} else {
		w.leave(x)
	}
	x.place, x.at = p, at
	if h := w.heap(p); h != nil {
		h.push(x)
	}
	if p == parked {
		w.parked++
	}
}

// leave takes a message out of its heap.
func (w *waits) leave(x *wait) {
	if h := w.heap(x.place); h != nil {
		h.remove(x.pos)
	}
	if x.place == parked {
		w.parked--
	}
}

func (w *waits) drop(seq uint64) {
	if x := w.bySeq[seq]; x != nil {
		w.leave(x)
		delete(w.bySeq, seq)
	}
}

// waitHeap is a heap by (at, seq).
type waitHeap []*wait

func (h waitHeap) less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}

func (h waitHeap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].pos, h[j].pos = i, j
}

func (h *waitHeap) push(x *wait) {
	x.pos = len(*h)
	*h = append(*h, x)
	h.up(x.pos)
}

func (h *waitHeap) remove(i int) {
	last := len(*h) - 1
	h.swap(i, last)
	(*h)[last] = nil
	*h = (*h)[:last]
	if i < last {
		h.down(i)
		h.up(i)
	}
}

func (h waitHeap) up(i int) {
	for i > 0 && h.less(i, (i-1)/2) {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (h waitHeap) down(i int) {
	for {
		c := 2*i + 1
		if c+1 < len(h) && h.less(c+1, c) {
			c++
		}
		if c >= len(h) || !h.less(c, i) {
			return
		}
		h.swap(i, c)
		i = c
	}
}
