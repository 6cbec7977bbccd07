package sim

// eventKind says which handler an event goes to (World.handle).
type eventKind uint8

const (
	evBoot      eventKind = iota + 1 // start process node; epoch its incarnation
	evReady                          // its boot has been read: carry out repairs, hand in inputs
	evTimer                          // ref: slot and generation of a timer
	evDisk                           // ref: disk.OpID
	evSegment                        // ref: index of a segment
	evRead                           // ref: connection end with bytes left to read
	evSyn                            // ref: connection being dialled arrives at its target
	evOpened                         // ref: connection end; its machine learns that it is open
	evRefused                        // ref: connection; the dialler learns that nobody listens
	evDialOver                       // ref: connection; the dialler's patience ends
	evDrained                        // ref: connection end or link side with a backlog to report
	evLinkDial                       // ref: session; one attempt to connect
	evLinkUp                         // ref: session side
	evLinkDown                       // ref: session side
	evKeepalive                      // ref: session side that hears nothing; epoch of the blockage
	evUnstall                        // ref: path; retransmission of what waits since it was cut
	evFault                          // ref: number in the plan
	evFaultOver                      // ref: number in the plan
	evHealed                         // the last fault is over
	evFree                           // a process that was busy takes what waits
)

// event is a value in the heap. What its fields mean depends on its kind; epoch guards
// against what became of ref meanwhile.
type event struct {
	at    Time
	seq   uint64
	ref   uint64
	epoch uint32
	node  int32 // index of a process
	kind  eventKind
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

// heap is a 4-ary heap of events by (time, sequence): two levels of a binary heap share a
// cache line's worth of comparisons.
type heap struct{ events []event }

func (h *heap) push(e event) {
	h.events = append(h.events, e)
	ev, i := h.events, len(h.events)-1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&ev[parent]) {
			break
		}
		ev[i] = ev[parent]
		i = parent
	}
	ev[i] = e
}

// pop removes the first event; the heap is not empty.
func (h *heap) pop() event {
	ev := h.events
	first, last := ev[0], ev[len(ev)-1]
	ev = ev[:len(ev)-1]
	h.events = ev
	if len(ev) == 0 {
		return first
	}
	i := 0
	for {
		child := 4*i + 1
		if child >= len(ev) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(ev)); c++ {
			if ev[c].before(&ev[least]) {
				least = c
			}
		}
		if !ev[least].before(&last) {
			break
		}
		ev[i] = ev[least]
		i = least
	}
	ev[i] = last
	return first
}
