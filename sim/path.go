package sim

// path is the network from one process to another at the moment. Every counter counts the
// faults that are active, so overlapping faults undo themselves in any order.
type path struct {
	from, to *process
	cut      int32 // packets are lost
	clog     int32 // packets wait
	slow     Time  // added to every latency
	// Parts per million of Raft frames that are lost, doubled, and overtaken.
	drop, duplicate, reorder int64
	// silence counts the times nothing could be heard from the other end any more, or
	// could again: a keepalive armed under one value is void under another.
	silence uint32
	silent  bool
	since   Time // of the last cut, for retransmission
	index   uint32
	waiting []*pipe // with segments stuck on the way
	armed   bool    // an evUnstall is under way
}

// blocked says that nothing arrives over the path at the moment. Power is the far host's: a
// process that is down on a host that is up has a kernel that answers.
func (pt *path) blocked() bool { return pt.cut > 0 || pt.clog > 0 || pt.to.off > 0 }

// lossy says that what does not arrive is lost, and not only late.
func (pt *path) lossy() bool { return pt.cut > 0 || pt.to.off > 0 }

// hushed says that the far end's program hears nothing from the near end's.
func (pt *path) hushed() bool {
	return pt.cut > 0 || pt.clog > 0 || pt.from.off > 0 || pt.from.paused > 0
}

// pathOf is the path between two processes. Two clients have none that anything travels.
func (w *World) pathOf(from, to *process) *path {
	n := int32(len(w.processes))
	if !from.broker && !to.broker {
		return &w.nowhere
	}
	if from.broker {
		return &w.paths[from.index*n+to.index]
	}
	return &w.paths[(w.brokers+to.index)*n+from.index]
}

// makePaths fills the table: broker to any, then any to broker.
func (w *World) makePaths() {
	n := int32(len(w.processes))
	w.paths = make([]path, 2*w.brokers*n)
	w.nowhere = path{from: &process{}, to: &process{}}
	for i := range w.paths {
		a, b := int32(i)/n, int32(i)%n
		pt := &w.paths[i]
		pt.index = uint32(i)
		if a < w.brokers {
			pt.from, pt.to = w.processes[a], w.processes[b]
		} else {
			pt.from, pt.to = w.processes[b], w.processes[a-w.brokers]
		}
	}
}

// eachPath visits the paths of one process, out and in.
func (w *World) eachPath(p *process, visit func(*path)) {
	for _, o := range w.processes {
		if o != p && (o.broker || p.broker) {
			visit(w.pathOf(p, o))
			visit(w.pathOf(o, p))
		}
	}
}

// pathChanged does what follows from a change of a path, or of the hosts at its ends:
// what waited moves, and silence begins or ends.
func (w *World) pathChanged(pt *path) {
	if !pt.blocked() && len(pt.waiting) > 0 && !pt.armed {
		pt.armed = true
		w.push(w.retransmission(pt), event{kind: evUnstall, node: pt.to.index, ref: uint64(pt.index)})
	}
	if hushed := pt.hushed(); hushed != pt.silent {
		pt.silent = hushed
		pt.silence++
		if hushed && pt.from.broker && pt.to.broker {
			w.armKeepalives(pt)
		}
	}
}

const (
	firstRetry Time = 200 * millisecond
	// maxRetry bounds a retransmission timer. Linux goes to two minutes; a run is not that
	// patient, and neither are the clients that it stands for.
	maxRetry = 2 * second
)

// retransmission is when packets lost since the path was cut are sent again: TCP's timer,
// doubled at each loss, goes on from the time of the loss. What a clog held is not lost.
func (w *World) retransmission(pt *path) Time {
	if pt.since == 0 {
		return w.now
	}
	at, wait := pt.since, firstRetry
	for at < w.now {
		at += wait
		wait = min(2*wait, maxRetry)
	}
	return at
}

// stall keeps a segment that cannot arrive.
func (w *World) stall(pt *path, p *pipe, seg uint32) {
	if len(p.stalled) == 0 {
		pt.waiting = append(pt.waiting, p)
	}
	if pt.lossy() && pt.since == 0 {
		pt.since = w.now
	}
	p.stalled = append(p.stalled, seg)
}

// onUnstall lets what waits on a path arrive, unless it is blocked again: then the end of
// that blockage comes back here.
func (w *World) onUnstall(e *event) {
	pt := &w.paths[e.ref]
	pt.armed = false
	if pt.blocked() {
		return
	}
	pt.since = 0
	waiting := pt.waiting
	pt.waiting = nil
	for _, p := range waiting {
		stalled := p.stalled
		p.stalled = nil
		// Here and now, not as events: a segment that arrives at this very time must not
		// overtake them.
		for _, seg := range stalled {
			w.arrive(event{at: w.now, kind: evSegment, node: p.to.index, ref: uint64(seg)})
		}
	}
}
