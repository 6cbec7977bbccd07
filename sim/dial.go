package sim

import (
	"errors"
	"strconv"

	"github.com/brokerlab/brokerlab/model/machine"
)

// errDialTimeout is what a dialler is told that got no answer at all.
var errDialTimeout = errors.New("connection timed out")

// synRetry is how long TCP waits for the answer to a first attempt.
const synRetry = second

func remoteName(p *process, attempt uint64, side int) string {
	if side == 0 {
		return p.name
	}
	return p.name + ":" + strconv.FormatUint(attempt, 10)
}

// dial carries out a Dial.
func (w *World) dial(p *process, d machine.Dial, from Time) {
	to := w.processOf(d.To)
	if to == nil || !to.broker && !p.broker {
		// No such host, or none that a client could reach.
		w.refuse(w.newConn(p, p), d.Token, from)
		return
	}
	c := w.newConn(p, to)
	if !to.broker {
		w.refuse(c, d.Token, from) // clients accept nothing
		return
	}
	c.ends[0].token = d.Token
	c.deadline = from + w.net.DialTimeout
	w.push(from+w.handshake(c, forSyn), event{kind: evSyn, node: to.index, epoch: c.gen, ref: c.ref(1)})
	w.push(c.deadline, event{kind: evDialOver, node: p.index, epoch: c.gen, ref: c.ref(0)})
}

// handshake is the latency of a step of opening a connection.
func (w *World) handshake(c *conn, purpose uint64) Time {
	p := &c.pipes[0]
	p.sent++
	return w.net.Latency.Sample(w.drawPipe(p, p.sent, purpose)) + p.path.slow
}

func (w *World) refuse(c *conn, token machine.Token, from Time) {
	c.ends[0].token = token
	w.push(from+w.handshake(c, forAnswer), event{kind: evRefused, node: c.ends[0].process.index, epoch: c.gen, ref: c.ref(0)})
}

// onSyn is the arrival of a request to connect. What gets no answer is sent again.
func (w *World) onSyn(ev *event) {
	c, _ := w.connOf(ev)
	if c == nil || c.ends[0].state != endOpening {
		return
	}
	to := c.ends[1].process
	back := c.pipes[1].path
	switch {
	case c.pipes[0].path.blocked() || back.blocked():
		if next := w.now + synRetry; next < c.deadline {
			w.push(next, event{kind: evSyn, node: to.index, epoch: c.gen, ref: c.ref(1)})
		}
	case !to.running():
		w.refuse(c, c.ends[0].token, w.now)
	default:
		// The kernel accepts, even for a process that is paused, and the dialler can be told
		// before the acceptor knows.
		c.ends[1].state, c.ends[1].epoch = endOpening, to.epoch
		w.push(w.now, event{kind: evOpened, node: to.index, epoch: c.gen, ref: c.ref(1)})
		at := w.now + w.handshake(c, forAnswer)
		c.pipes[1].last = at
		w.push(at, event{kind: evOpened, node: c.ends[0].process.index, epoch: c.gen, ref: c.ref(0)})
	}
}

// onOpened tells one end that it is open.
func (w *World) onOpened(ev *event) {
	c, side := w.connOf(ev)
	if c == nil || c.ends[side].state != endOpening {
		return
	}
	w.openEnd(c, side)
}

func (w *World) onRefused(ev *event) {
	if c, side := w.connOf(ev); c != nil {
		w.failDial(c, side, machine.ErrRefused)
	}
}

func (w *World) onDialOver(ev *event) {
	if c, side := w.connOf(ev); c != nil {
		w.failDial(c, side, errDialTimeout)
	}
}

// failDial tells a dialler that nothing came of it. An acceptor that has heard of the
// connection is reset.
func (w *World) failDial(c *conn, side int, err error) {
	e := &c.ends[side]
	if e.state != endOpening || e.epoch != e.process.epoch {
		return
	}
	w.sendReset(c, side)
	w.closedByPeer(c, side, err)
}
