package sim

import "github.com/brokerlab/brokerlab/model/machine"

// timer is one keyed timer of a process. queued is the time of the one event in the heap
// that will look at it, 0 if none. Setting a timer later than queued moves only due; the event
// then finds itself early and goes back. So pushing a deadline further, which machines do all
// the time, costs nothing.
type timer struct {
	key    machine.TimerKey
	at     machine.Mono
	due    Time
	queued Time
	gen    uint32
	set    bool
	next   int32 // free list, index plus one
}

// timers finds the timers of one boot of one process by key: open addressing over slots.
type timers struct {
	slots []timer
	table []int32 // slot plus one; 0 is empty
	free  int32   // first free slot, plus one
	used  int
}

// clear forgets all timers of a boot. Generations go on, so that events of the former boot
// find nothing.
func (ts *timers) clear() { *ts = timers{} }

func hashKey(k machine.TimerKey) uint64 {
	h := (k.ID ^ uint64(k.Kind)<<56) * 0x9e3779b97f4a7c15
	h ^= uint64(k.Kind)
	return h ^ h>>32
}

// find returns the slot of key, or -1.
func (ts *timers) find(key machine.TimerKey) int32 {
	if ts.used == 0 {
		return -1
	}
	mask := uint64(len(ts.table) - 1)
	for i := hashKey(key) & mask; ts.table[i] != 0; i = (i + 1) & mask {
		if slot := ts.table[i] - 1; ts.slots[slot].key == key {
			return slot
		}
	}
	return -1
}

// add makes a slot for key, which has none.
func (ts *timers) add(key machine.TimerKey) int32 {
	if 2*(ts.used+1) > len(ts.table) {
		ts.grow()
	}
	slot := ts.free - 1
	if slot >= 0 {
		ts.free = ts.slots[slot].next
	} else {
		ts.slots = append(ts.slots, timer{})
		slot = int32(len(ts.slots) - 1)
	}
	ts.slots[slot] = timer{key: key, gen: ts.slots[slot].gen + 1}
	ts.used++
	ts.insert(slot)
	return slot
}

func (ts *timers) insert(slot int32) {
	mask := uint64(len(ts.table) - 1)
	i := hashKey(ts.slots[slot].key) & mask
	for ts.table[i] != 0 {
		i = (i + 1) & mask
	}
	ts.table[i] = slot + 1
}

func (ts *timers) grow() {
	old := ts.table
	ts.table = make([]int32, max(8, 2*len(old)))
	for _, s := range old {
		if s != 0 {
			ts.insert(s - 1)
		}
	}
}

// remove frees the slot of a timer that is neither set nor queued. What follows it in the
// table moves up, so that no search stops at the hole.
func (ts *timers) remove(slot int32) {
	mask := uint64(len(ts.table) - 1)
	i := hashKey(ts.slots[slot].key) & mask
	for ts.table[i] != slot+1 {
		i = (i + 1) & mask
	}
	ts.table[i] = 0
	for j := (i + 1) & mask; ts.table[j] != 0; j = (j + 1) & mask {
		home := hashKey(ts.slots[ts.table[j]-1].key) & mask
		if (j-home)&mask >= (j-i)&mask {
			ts.table[i], ts.table[j] = ts.table[j], 0
			i = j
		}
	}
	ts.slots[slot].next, ts.free = ts.free, slot+1
	ts.used--
}

// setTimer carries out one TimerSet of p.
func (w *World) setTimer(p *process, s *machine.TimerSet, from Time) {
	ts := &p.timers
	slot := ts.find(s.Timer)
	if s.Cancel {
		if slot < 0 {
			return
		}
		t := &ts.slots[slot]
		t.set = false
		if t.queued == 0 && p.firing != slot {
			ts.remove(slot)
		}
		return
	}
	if slot < 0 {
		slot = ts.add(s.Timer)
	}
	t := &ts.slots[slot]
	t.set, t.at, t.due = true, s.At, max(p.clock.mono.when(int64(s.At)), from)
	w.queueTimer(p, slot)
}

// queueTimer makes sure that an event looks at a set timer no later than it is due.
func (w *World) queueTimer(p *process, slot int32) {
	t := &p.timers.slots[slot]
	if t.queued != 0 && t.queued <= t.due {
		return
	}
	t.gen++
	t.queued = t.due
	w.push(t.due, event{kind: evTimer, node: p.index, epoch: p.epoch, ref: uint64(t.gen)<<32 | uint64(uint32(slot))})
}

// onTimer looks at a timer whose time may have come.
func (w *World) onTimer(p *process, e *event) {
	ts, slot := &p.timers, int32(uint32(e.ref))
	t := &ts.slots[slot]
	if t.gen != uint32(e.ref>>32) {
		return // moved forward meanwhile, or another timer by now
	}
	t.queued = 0
	switch {
	case !t.set:
		ts.remove(slot)
	case t.due > w.now:
		w.queueTimer(p, slot)
	default:
		t.set, p.firing = false, slot
		in := &w.in
		*in = machine.Input{Kind: machine.TimerFired, Timer: t.key}
		w.step(p, in)
		if p.firing = -1; e.epoch != p.epoch || !p.running() {
			return
		}
		if t = &p.timers.slots[slot]; !t.set && t.queued == 0 {
			p.timers.remove(slot)
		}
	}
}

// retime gives every timer of p its new time, after its clock has changed its rate.
func (w *World) retime(p *process) {
	for i := range p.timers.slots {
		t := &p.timers.slots[i]
		if !t.set {
			continue
		}
		t.due = max(p.clock.mono.when(int64(t.at)), w.now)
		w.queueTimer(p, int32(i))
	}
}
