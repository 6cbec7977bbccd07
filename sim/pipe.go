package sim

import (
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

// segmentKind says what travels.
type segmentKind uint8

const (
	segBytes segmentKind = iota + 1 // of a connection
	segFrame                        // of a link
	segFin                          // the sender closed
	segReset                        // the sender knows nothing of the connection, or broke it
	segAck                          // n bytes of the opposite pipe were read
)

// segment is something on its way, or stuck on it.
type segment struct {
	pipe  *pipe
	data  []byte
	n     int64 // what it takes of the window
	gen   uint32
	kind  segmentKind
	loose bool // may overtake, and be overtaken
	there bool // it has reached the far host, and waits for its program
}

// pipe is one direction of a connection or a link: bytes or frames that wait for room in
// the window (queue), and what is on its way.
//
// Invariant: inflight is what was sent and has not been read, by the sender's knowledge; it
// exceeds window only by a single frame.
type pipe struct {
	from, to *process
	path     *path
	opposite *pipe
	conn     *conn    // one of these two
	session  *session //
	side     uint8    // of the sender: 0 the dialler or the lower id
	drops    bool     // what meets a cut is lost for good
	fin      bool     // close once the queue is empty
	gen      uint32   // of the connection or session; what travels under another is stale

	window, inflight int64
	queue            [][]byte
	head             int // first of queue; before it is spent room
	backlog          int64
	gone             int64 // bytes that have left the backlog for the network
	reported         int64 // backlog as the machine knows it
	reportedAt       Time
	free             Time // when the wire is done with what was sent
	last             Time // latest arrival: nothing in order arrives before
	sent             uint64
	identity         [2]uint64 // of its draws
	stalled          []uint32  // segments stuck at a blockage, in order
	// Frames that had come by read were read together, as long as they had room.
	read     Time
	readRoom int
}

// Purposes of network draws; the second word of their identity says of which pipe.
const (
	forLatency uint64 = iota
	forDrop
	forDuplicate
	forDuplicateDelay
	forReorder
	forReorderDelay
	forCut
	forCutAt
	forCutDelay
	forKeepalive
	forReconnect
	forHandshake
	forSyn
	forAnswer
)

// draw is a draw about the num-th thing of a pipe.
func (w *World) drawPipe(p *pipe, num, purpose uint64) uint64 {
	return w.seed.Draw(choice.Network, p.identity[0], p.identity[1], num, purpose)
}

// enqueue hands bytes or a frame to a pipe.
func (w *World) enqueue(p *pipe, data []byte, from Time) {
	p.backlog += int64(len(data))
	p.from.backlog += int64(len(data))
	p.queue = append(p.queue, data)
	w.pump(p, from)
}

// pump sends what the window admits.
func (w *World) pump(p *pipe, from Time) {
	for p.head < len(p.queue) {
		data := p.queue[p.head]
		room := p.window - p.inflight
		if p.session != nil {
			if int64(len(data)) > room && p.inflight > 0 {
				break
			}
			p.take(1, len(data))
			w.send(p, segFrame, data, from)
			continue
		}
		if room <= 0 {
			break
		}
		if int64(len(data)) > room || p.head+1 < len(p.queue) {
			data = w.gather(p, int(min(room, maxSegment)))
		} else {
			p.take(1, len(data))
		}
		w.send(p, segBytes, data, from)
	}
	if p.head == len(p.queue) {
		p.queue, p.head = p.queue[:0], 0
		if p.fin {
			p.fin = false
			w.send(p, segFin, nil, from)
		}
	} else if p.head > 64 && 2*p.head > len(p.queue) {
		left := copy(p.queue, p.queue[p.head:])
		clear(p.queue[left:])
		p.queue, p.head = p.queue[:left], 0
	}
}

const maxSegment = 64 << 10

// take removes whole pieces of n bytes in all from the queue.
func (p *pipe) take(pieces, n int) {
	clear(p.queue[p.head : p.head+pieces])
	p.head += pieces
	p.leave(n)
}

// leave counts n bytes that the network has taken from the queue.
func (p *pipe) leave(n int) {
	p.backlog -= int64(n)
	p.from.backlog -= int64(n)
	p.gone += int64(n)
}

// gather cuts up to limit bytes from the front of the queue into one buffer, as TCP
// would: it knows nothing of the pieces that the machine wrote.
func (w *World) gather(p *pipe, limit int) []byte {
	out := w.buffers.get()
	for len(out) < limit && p.head < len(p.queue) {
		piece := p.queue[p.head]
		n := min(limit-len(out), len(piece))
		out = append(out, piece[:n]...)
		if n < len(piece) {
			p.queue[p.head] = piece[n:]
			p.leave(n)
			break
		}
		p.take(1, n)
		w.buffers.put(piece)
	}
	return out
}

// send puts a segment on the wire.
func (w *World) send(p *pipe, kind segmentKind, data []byte, from Time) {
	p.sent++
	n := int64(len(data))
	w.stats.Segments++
	w.stats.Bytes += n
	p.inflight += n
	if p.from.host != nil {
		from = p.from.host.Transmit(from, n)
	}
	p.free = max(p.free, from) + n*w.net.PicosPerByte/1000
	at := p.free + w.net.Latency.Sample(w.drawPipe(p, p.sent, forLatency)) + p.path.slow
	loose := false
	if kind == segFrame && p.drops {
		if at, loose = w.spoil(p, data, at); at < 0 {
			p.inflight -= n
			return
		}
	}
	if !loose {
		at = max(at, p.last)
		p.last = at
	}
	w.launch(p, segment{kind: kind, data: data, n: n, loose: loose}, at)
}

// spoil does to a Raft frame what the faults of its path say: it may be lost (at < 0), come
// late and out of order, or twice.
func (w *World) spoil(p *pipe, data []byte, at Time) (Time, bool) {
	pt := p.path
	if pt.drop|pt.duplicate|pt.reorder == 0 {
		return at, false
	}
	if pt.drop > 0 && choice.PPM(w.drawPipe(p, p.sent, forDrop), uint64(pt.drop)) {
		w.lose(p, int64(len(data)), "dropped")
		return -1, false
	}
	if pt.duplicate > 0 && choice.PPM(w.drawPipe(p, p.sent, forDuplicate), uint64(pt.duplicate)) {
		// Data is shared: frames are read only. The copy takes nothing of the window.
		late := at + 1 + int64(choice.Below(w.drawPipe(p, p.sent, forDuplicateDelay), uint64(maxDuplicateDelay)))
		w.launch(p, segment{kind: segFrame, data: data, loose: true}, late)
	}
	if pt.reorder > 0 && choice.PPM(w.drawPipe(p, p.sent, forReorder), uint64(pt.reorder)) {
		return at + 1 + int64(choice.Below(w.drawPipe(p, p.sent, forReorderDelay), uint64(maxReorderDelay))), true
	}
	return at, false
}

const (
	maxDuplicateDelay = 200 * millisecond
	maxReorderDelay   = 20 * millisecond
)

// launch schedules a segment's arrival.
func (w *World) launch(p *pipe, s segment, at Time) {
	s.pipe, s.gen = p, p.gen
	i := w.segments.add(s)
	w.push(at, event{kind: evSegment, node: p.to.index, ref: uint64(i)})
}

// arrive is a segment's arrival at the far host: it may find the way blocked, the process
// paused, or nobody who knows the connection. What has reached a host with power is blocked no more: it would fall
// behind what was sent after it.
func (w *World) arrive(e event) {
	i := uint32(e.ref)
	s := &w.segments.all[i]
	p := s.pipe
	if s.gen != p.gen {
		w.discard(i)
		return
	}
	if (!s.there || p.to.off > 0) && (p.path.blocked() || len(p.stalled) > 0 && !s.loose) {
		// A lost acknowledgement is made good by the next, so it only comes late.
		if p.path.lossy() && (s.kind == segReset || s.kind == segFrame && p.drops) {
			w.lose(p, s.n, "lost")
			p.inflight -= s.n
			w.discard(i)
			return
		}
		w.stall(p.path, p, i)
		return
	}
	if w.waits(p.to) && s.kind != segAck {
		w.await(p, s, e)
		return
	}
	seg := *s
	w.segments.remove(i)
	switch {
	case seg.kind == segAck:
		w.acked(p.opposite, seg.n)
	case p.session != nil:
		w.arriveFrame(p, &seg, e.at)
	default:
		w.arriveBytes(p, &seg)
	}
}

// await keeps what arrives for a process that is paused or busy. Bytes for one that is busy gather in its kernel, so
// that one read takes them all.
func (w *World) await(p *pipe, s *segment, e event) {
	if p.to.paused == 0 && p.conn != nil && s.kind == segBytes {
		c, side := p.conn, 1-int(p.side)
		if end := &c.ends[side]; end.state == endOpen && end.epoch == p.to.epoch {
			end.rx = append(end.rx, s.data...)
			w.buffers.put(s.data)
			w.segments.remove(uint32(e.ref))
			if !end.paused && !end.reading {
				end.reading = true
				w.hold(p.to, event{kind: evRead, node: p.to.index, epoch: c.gen, ref: c.ref(side)})
			}
			return
		}
	}
	s.there = true
	w.hold(p.to, e)
}

// consumed tells the sender's end of a pipe that n bytes were read. The news travels as
// an event only when it matters: when the sender waits for it or the way back is blocked.
func (w *World) consumed(p *pipe, n int64) {
	if n == 0 {
		return
	}
	back := p.opposite
	if p.backlog == 0 && !back.path.blocked() {
		p.inflight -= n
		return
	}
	if p.session != nil && w.datagrams(p.session) {
		w.acked(p, n) // no window that the other side would have to open
		return
	}
	w.stats.Acks++
	at := w.now + w.net.Latency.At(500_000) + back.path.slow
	w.launch(back, segment{kind: segAck, n: n, loose: true}, at)
}

// acked opens the window of a pipe.
func (w *World) acked(p *pipe, n int64) {
	p.inflight -= n
	w.pump(p, w.now)
	w.watchBacklog(p, w.now-p.reportedAt)
}

// watchBacklog tells the machine of a backlog that it has to hear of: age is how old the last report is if
// bytes have left, 0 if they came. What a report says is read when it is handed in.
func (w *World) watchBacklog(p *pipe, age int64) {
	if !machine.BacklogNews(p.reported, p.backlog, age) {
		return
	}
	p.reported, p.reportedAt = p.backlog, w.now
	ref := uint64(p.side)
	if p.conn != nil {
		ref |= uint64(p.conn.slot)<<1 | 1<<63
	} else {
		ref |= uint64(p.session.index) << 1
	}
	w.push(w.now, event{kind: evDrained, node: p.from.index, epoch: p.gen, ref: ref})
}

// reset empties a pipe for its next life; what travels becomes stale.
func (w *World) resetPipe(p *pipe) {
	p.gen++
	for _, s := range p.stalled {
		w.discard(s)
	}
	w.dropQueue(p)
	p.stalled = nil
	p.inflight, p.gone, p.free, p.last, p.read = 0, 0, 0, 0, 0
}

// dropQueue forgets what waits to be sent.
func (w *World) dropQueue(p *pipe) {
	p.from.backlog -= p.backlog
	if p.conn != nil {
		for _, b := range p.queue[p.head:] {
			w.buffers.put(b)
		}
	}
	clear(p.queue)
	p.queue, p.head, p.backlog, p.reported, p.fin = p.queue[:0], 0, 0, 0, false
}

// discard ends a segment that reached nobody.
func (w *World) discard(i uint32) {
	s := &w.segments.all[i]
	if s.kind == segBytes {
		w.buffers.put(s.data)
	}
	w.segments.remove(i)
}

// lose records a frame or reset that a fault swallowed.
func (w *World) lose(p *pipe, n int64, why string) {
	w.stats.FramesLost++
	w.trace.event(w.now, w.seq, p.to.id, recLost, uint64(p.from.id), uint64(n), nil)
	if w.trace.text != nil {
		w.trace.linef(w.now, p.to, "lost", "%s from %s: %d bytes %s", p.label(), p.from.name, n, why)
	}
}

func (p *pipe) label() string {
	if p.session != nil {
		return p.session.link.String()
	}
	return "conn"
}

// segments is a slab of segments with a free list.
type segments struct {
	all  []segment
	free []uint32
}

func (s *segments) add(seg segment) uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		s.all[i] = seg
		return i
	}
	s.all = append(s.all, seg)
	return uint32(len(s.all) - 1)
}

func (s *segments) remove(i uint32) {
	s.all[i] = segment{}
	s.free = append(s.free, i)
}

// buffers pools those of connections. What comes back is wiped: a machine that kept
// bytes of an input beyond its step would otherwise work here and fail for real.
type buffers struct{ free [][]byte }

const (
	bufferSize  = 2 << 10
	maxPooled   = 64 << 10
	maxBuffers  = 1024
	minPoolable = 64
)

func (b *buffers) get() []byte {
	if n := len(b.free); n > 0 {
		p := b.free[n-1]
		b.free = b.free[:n-1]
		return p
	}
	return make([]byte, 0, bufferSize)
}

func (b *buffers) put(p []byte) {
	wipe(p)
	if cap(p) >= minPoolable && cap(p) <= maxPooled && len(b.free) < maxBuffers {
		b.free = append(b.free, p[:0])
	}
}

func wipe(p []byte) {
	clear(p)
}
