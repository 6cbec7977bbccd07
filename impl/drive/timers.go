package drive

import (
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// timers is a binary heap of a machine's timers by due time, then key, with each key's place.
type timers struct {
	heap  []timer
	place map[machine.TimerKey]int
}

type timer struct {
	at  machine.Mono
	key machine.TimerKey
}

func (a timer) before(b timer) bool {
	switch {
	case a.at != b.at:
		return a.at < b.at
	case a.key.Kind != b.key.Kind:
		return a.key.Kind < b.key.Kind
	}
	return a.key.ID < b.key.ID
}

func (h *timers) set(key machine.TimerKey, at machine.Mono) {
	i, ok := h.place[key]
	if !ok {
		i = len(h.heap)
		h.heap = append(h.heap, timer{})
	}
	h.put(i, timer{at, key})
	h.down(h.up(i))
}

func (h *timers) remove(key machine.TimerKey) {
	i, ok := h.place[key]
	if !ok {
		return
	}
	delete(h.place, key)
	last := len(h.heap) - 1
	moved := h.heap[last]
	h.heap = h.heap[:last]
	if i < last {
		h.put(i, moved)
		h.down(h.up(i))
	}
}

// due removes and returns the first timer if its time has come.
func (h *timers) due(now machine.Mono) (machine.TimerKey, bool) {
	if len(h.heap) == 0 || h.heap[0].at > now {
		return machine.TimerKey{}, false
	}
	key := h.heap[0].key
	h.remove(key)
	return key, true
}

func (h *timers) put(i int, t timer) {
	h.heap[i] = t
	h.place[t.key] = i
}

func (h *timers) up(i int) int {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.heap[i].before(h.heap[parent]) {
			break
		}
		h.swap(i, parent)
		i = parent
	}
	return i
}

func (h *timers) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h.heap) {
			return
		}
		if right := child + 1; right < len(h.heap) && h.heap[right].before(h.heap[child]) {
			child = right
		}
		if !h.heap[child].before(h.heap[i]) {
			return
		}
		h.swap(i, child)
		i = child
	}
}

func (h *timers) swap(i, j int) {
	a, b := h.heap[i], h.heap[j]
	h.put(i, b)
	h.put(j, a)
}

// setTimers carries out a step's timers. Server.mu is held.
func (s *Server) setTimers() {
	for _, set := range s.fx.Timers {
		if set.Cancel {
			s.timers.remove(set.Timer)
		} else {
			s.timers.set(set.Timer, set.At)
		}
	}
	s.fx.Timers = s.fx.Timers[:0]
}

// arm makes the one wake-up come no later than the first timer. It may come earlier than
// any: moving it back each time would cost more. Server.mu is held.
func (s *Server) arm() {
	if len(s.timers.heap) == 0 || s.wake == nil {
		return
	}
	at := s.timers.heap[0].at
	if s.armed == 0 || at < s.armed {
		s.armed = at
		s.wake.Reset(max(0, time.Duration(at-s.env.Mono)))
	}
}

// fireMax timers are handed in at a time, so that others get at the machine in between.
const fireMax = 256

// fire hands the machine the timers that are due.
func (s *Server) fire() {
	t := &turn{s: s}
	t.begin()
	if s.broken {
		s.mu.Unlock()
		return
	}
	s.wg.Add(1) // under the lock that Stop takes before it waits
	defer s.wg.Done()
	s.armed = 0
	for range fireMax {
		key, ok := s.timers.due(s.env.Mono)
		if !ok {
			break
		}
		t.in = machine.Input{Kind: machine.TimerFired, Timer: key}
		t.step()
	}
	t.end()
}
