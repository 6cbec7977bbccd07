package sim

import (
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

// endState is what a process knows of a connection.
type endState uint8

const (
	endNone    endState = iota // not yet heard of
	endOpening                 // dialled; no answer yet
	endOpen
	endClosed // closed by its machine, told to be gone, or dead with its process
)

// end is one process's end of a connection.
type end struct {
	process *process
	epoch   uint32 // incarnation of the process that has it
	state   endState
	paused  bool // its machine does not want to read
	fin     bool // the other side has closed; to be told after what is in rx
	reading bool // an evRead is under way
	id      machine.ConnID
	token   machine.Token
	out     *machine.ConnBuf
	rx      []byte // arrived and not yet read, from off on
	off     int
	reads   uint64
}

// conn is a client connection. pipes[i] carries what ends[i] writes.
//
// Invariant: gen changes when the slot is given up, so nothing on its way can reach the
// slot's next connection.
type conn struct {
	slot     uint32
	gen      uint32
	attempt  uint64
	deadline Time
	ends     [2]end
	pipes    [2]pipe
}

func (c *conn) ref(side int) uint64 { return uint64(c.slot)<<1 | uint64(side) }

// connOf finds the connection end that an event is about; nil if it is gone.
func (w *World) connOf(e *event) (*conn, int) {
	c := w.conns[e.ref>>1&0xffff_ffff]
	if c.gen != e.epoch {
		return nil, 0
	}
	return c, int(e.ref & 1)
}

// newConn takes a slot for a connection that from dials.
func (w *World) newConn(from, to *process) *conn {
	var c *conn
	if n := len(w.freeConns); n > 0 {
		c, w.freeConns = w.conns[w.freeConns[n-1]], w.freeConns[:n-1]
	} else {
		c = &conn{slot: uint32(len(w.conns))}
		w.conns = append(w.conns, c)
	}
	from.dials++
	c.attempt = from.dials
	c.ends = [2]end{{process: from, epoch: from.epoch, state: endOpening}, {process: to}}
	who := [2]*process{from, to}
	for i := range c.pipes {
		p, far := &c.pipes[i], who[1-i]
		*p = pipe{
			from: who[i], to: far, path: w.pathOf(who[i], far), opposite: &c.pipes[1-i],
			conn: c, side: uint8(i), gen: c.gen, window: w.net.Window,
			queue: p.queue, identity: [2]uint64{uint64(from.id)<<32 | c.attempt, uint64(i)},
		}
	}
	return c
}

// releaseConn gives up the slot once both ends are closed.
func (w *World) releaseConn(c *conn) {
	if c.ends[0].state != endClosed || c.ends[1].state != endClosed && c.ends[1].state != endNone {
		return
	}
	c.gen++
	for i := range c.pipes {
		w.resetPipe(&c.pipes[i])
		c.pipes[i].gen = c.gen
	}
	c.ends = [2]end{}
	w.freeConns = append(w.freeConns, c.slot)
}

// open gives an end its id and buffer and tells its machine.
func (w *World) openEnd(c *conn, side int) {
	e := &c.ends[side]
	p, other := e.process, c.ends[1-side].process
	p.conns = append(p.conns, c.ref(side))
	e.id = machine.ConnID(len(p.conns))
	e.state, e.epoch = endOpen, p.epoch
	e.out = &machine.ConnBuf{ID: e.id, B: w.buffers.get()}
	w.stats.Connections++
	in := &w.in
	*in = machine.Input{
		Kind: machine.ConnOpened, Conn: e.id, Token: e.token, Out: e.out,
		Remote: remoteName(other, c.attempt, side),
	}
	w.step(p, in)
}

// endOf is the open connection end of p with this id, nil if it is not open.
func (w *World) endOf(p *process, id machine.ConnID) (*conn, int) {
	if id == 0 || uint64(id) > uint64(len(p.conns)) || p.conns[id-1] == noConn {
		return nil, 0
	}
	ref := p.conns[id-1]
	return w.conns[ref>>1], int(ref & 1)
}

// noConn marks an id whose connection is gone.
const noConn = ^uint64(0)

// shut takes an end from its machine: nothing more goes in or out for it.
func (w *World) shutEnd(e *end) {
	e.state = endClosed
	if e.id != 0 {
		e.process.conns[e.id-1] = noConn
		w.buffers.put(e.out.B)
		e.out.B = nil
	}
	e.rx, e.off, e.fin = nil, 0, false
}

// flush moves what the machine appended to a connection onto its pipe.
func (w *World) flush(p *process, b *machine.ConnBuf, from Time) {
	b.Dirty = false
	data := b.B
	c, side := w.endOf(p, b.ID)
	if c == nil || c.ends[side].out != b {
		b.B = b.B[:0] // written after its end: to nobody
		return
	}
	if len(data) == 0 {
		return
	}
	b.B = w.buffers.get()
	w.enqueue(&c.pipes[side], data, from)
	w.watchBacklog(&c.pipes[side], 0)
}

// arriveBytes is the arrival of a segment of a connection at a host that is up.
func (w *World) arriveBytes(p *pipe, s *segment) {
	c, side := p.conn, 1-int(p.side)
	e := &c.ends[side]
	if s.kind == segReset {
		w.closedByPeer(c, side, machine.ErrReset)
		return
	}
	if e.state != endOpen || e.epoch != e.process.epoch {
		if s.kind == segBytes {
			w.buffers.put(s.data)
			w.sendReset(c, side)
		}
		return
	}
	if s.kind == segFin {
		e.fin = true
	} else if e.off == len(e.rx) && !e.paused && len(s.data) <= w.net.ReadMax {
		w.readDirect(c, side, s.data)
		return
	} else {
		e.rx = append(e.rx, s.data...)
		w.buffers.put(s.data)
	}
	if !e.paused && !e.reading {
		w.read(c, side)
	}
}

// readDirect hands in a segment that needs neither be joined nor, mostly, cut.
func (w *World) readDirect(c *conn, side int, data []byte) {
	e := &c.ends[side]
	n := w.cutRead(c, side, len(data))
	if n < len(data) {
		e.rx, e.off = append(e.rx[:0], data[n:]...), 0
	}
	gen := c.gen
	w.handBytes(c, side, data[:n])
	w.buffers.put(data)
	w.readOn(c, side, gen)
}

// read hands in one read of what has arrived, then the end if that has arrived too.
func (w *World) read(c *conn, side int) {
	e := &c.ends[side]
	if e.off == len(e.rx) {
		if e.fin {
			w.closedByPeer(c, side, nil)
		}
		return
	}
	n := min(len(e.rx)-e.off, w.net.ReadMax)
	n = w.cutRead(c, side, n)
	w.scratch = append(w.scratch[:0], e.rx[e.off:e.off+n]...)
	if e.off += n; e.off == len(e.rx) {
		e.rx, e.off = e.rx[:0], 0
	}
	gen := c.gen
	w.handBytes(c, side, w.scratch)
	wipe(w.scratch)
	w.readOn(c, side, gen)
}

// cutRead draws how many of the n bytes at hand one read returns.
func (w *World) cutRead(c *conn, side, n int) int {
	e := &c.ends[side]
	e.reads++
	p := &c.pipes[1-side]
	if n < 2 || !choice.Permille(w.drawPipe(p, e.reads, forCut), uint64(w.net.CutPermille)) {
		return n
	}
	return 1 + int(choice.Below(w.drawPipe(p, e.reads, forCutAt), uint64(n-1)))
}

// handBytes steps the machine with bytes that it has read.
func (w *World) handBytes(c *conn, side int, data []byte) {
	w.consumed(&c.pipes[1-side], int64(len(data)))
	e := &c.ends[side]
	in := &w.in
	*in = machine.Input{Kind: machine.ConnBytes, Conn: e.id, Bytes: data}
	w.step(e.process, in)
}

// readOn schedules the next read if there is more, unless the step just made changed that.
func (w *World) readOn(c *conn, side int, gen uint32) {
	e := &c.ends[side]
	if c.gen != gen || e.state != endOpen || e.paused || e.reading || e.off == len(e.rx) && !e.fin {
		return
	}
	e.reading = true
	wait := microsecond + int64(choice.Below(w.drawPipe(&c.pipes[1-side], e.reads, forCutDelay), uint64(50*microsecond)))
	w.push(w.now+wait, event{kind: evRead, node: e.process.index, epoch: c.gen, ref: c.ref(side)})
}

func (w *World) onRead(ev *event) {
	c, side := w.connOf(ev)
	if c == nil {
		return
	}
	e := &c.ends[side]
	e.reading = false
	if e.state == endOpen && !e.paused {
		w.read(c, side)
	}
}

// pauseConn stops or resumes reading.
func (w *World) pauseConn(p *process, id machine.ConnID, on bool, from Time) {
	c, side := w.endOf(p, id)
	if c == nil {
		return
	}
	e := &c.ends[side]
	e.paused = on
	if !on && !e.reading && (e.off < len(e.rx) || e.fin) {
		e.reading = true
		w.push(from, event{kind: evRead, node: p.index, epoch: c.gen, ref: c.ref(side)})
	}
}

// closeConn carries out a Close: the end goes at once, what was written to it still arrives unless the
// close is abrupt.
func (w *World) closeConn(p *process, cl machine.Close, from Time) {
	c, side := w.endOf(p, cl.Conn)
	if c == nil {
		return
	}
	w.shutEnd(&c.ends[side])
	if cl.Abrupt {
		w.dropQueue(&c.pipes[side])
		w.sendReset(c, side)
		w.releaseConn(c)
		return
	}
	if out := &c.pipes[side]; c.ends[1-side].state != endClosed {
		out.fin = true
		w.pump(out, from)
	}
	w.releaseConn(c)
}

// closedByPeer tells a machine that a connection is gone.
func (w *World) closedByPeer(c *conn, side int, err error) {
	e := &c.ends[side]
	p, id, token, was := e.process, e.id, e.token, e.state
	if was == endClosed || was == endNone || e.epoch != p.epoch {
		return
	}
	w.shutEnd(e)
	w.dropQueue(&c.pipes[side])
	w.releaseConn(c)
	in := &w.in
	*in = machine.Input{Kind: machine.ConnClosed, Conn: id, Err: err}
	if was == endOpening {
		in.Token = token
	}
	w.step(p, in)
}

// sendReset tells the other end that this one knows nothing of the connection.
func (w *World) sendReset(c *conn, side int) {
	if st := c.ends[1-side].state; st == endClosed || st == endNone {
		return
	}
	p := &c.pipes[side]
	p.sent++
	at := w.now + w.net.Latency.Sample(w.drawPipe(p, p.sent, forLatency)) + p.path.slow
	w.launch(p, segment{kind: segReset, loose: true}, at)
}

// breakConn resets a connection from the middle: each end learns in its own time, and what was on its
// way beyond that is lost.
func (w *World) breakConn(c *conn) {
	for side := range c.ends {
		w.sendReset(c, 1-side)
	}
}

// dropConns ends every connection of a process that is gone. After a crash its kernel says
// so; after a power failure nobody does.
func (w *World) dropConns(p *process, tell bool) {
	for _, c := range w.conns {
		for side := range c.ends {
			e := &c.ends[side]
			if e.process != p || e.epoch != p.epoch {
				continue
			}
			if e.state == endClosed {
				if c.pipes[side].fin && tell { // closed, with output still to go
					w.sendReset(c, side)
				}
				w.dropQueue(&c.pipes[side])
				continue
			}
			if e.state == endNone {
				continue
			}
			w.shutEnd(e)
			w.dropQueue(&c.pipes[side])
			if tell {
				w.sendReset(c, side)
			}
			w.releaseConn(c)
		}
	}
	clear(p.conns)
	for i := range p.conns {
		p.conns[i] = noConn
	}
}

// onConnDrained reports a backlog, as it is by now.
func (w *World) onConnDrained(ev *event) {
	c, side := w.connOf(ev)
	if c == nil || c.ends[side].state != endOpen {
		return
	}
	e := &c.ends[side]
	in := &w.in
	*in = machine.Input{Kind: machine.ConnDrained, Conn: e.id, N: c.pipes[side].backlog, Sent: c.pipes[side].gone}
	w.step(e.process, in)
}
