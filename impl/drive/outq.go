package drive

import (
	"sync"
	"time"

	"github.com/brokerlab/brokerlab/model/machine"
)

// outq is the output of one socket: a queue that the holder of the machine fills, and
// one flusher at a time empties.
//
// Invariant: n grows only under Server.mu, so that whoever holds that and q.mu knows exactly
// how much waits.
type outq struct {
	sock *sock
	// report steps the machine with how much waits and how much has left; Server.mu is held.
	report func(t *turn, n, sent int64)
	// died, if set, wakes a reader that may be waiting for something else than the socket.
	died func()

	mu     sync.Mutex
	wait   []*chunk
	n      int64 // bytes not yet written, waiting or in hand
	sent   int64 // bytes written
	mark   int64 // of a backlog, as last reported (machine.BacklogNews)
	told   time.Time
	busy   bool // hand belongs to a flusher
	ending bool // hang up after the last byte
	dead   bool // nothing is written any more

	// The flusher's: what it took from wait, and how far it is.
	hand []*chunk
	off  int // bytes of hand[0] written
	iov  [][]byte
}

// take moves what the machine appended to its buffer into the queue: swapped for an empty
// buffer, or copied where it fits behind what waits already, lest a small message pin a large buffer.
func (q *outq) take(cb *machine.ConnBuf) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(cb.B)
	if q.dead {
		cb.B = cb.B[:0]
		return
	}
	q.n += int64(n)
	if last := q.room(n); last != nil {
		last.b = append(last.b, cb.B...)
		cb.B = cb.B[:0]
		return
	}
	c := getChunk(classFor(n))
	c.b, cb.B = cb.B, c.b[:0]
	q.wait = append(q.wait, c)
}

// room returns the last waiting chunk if it is the queue's own and has room for n bytes.
func (q *outq) room(n int) *chunk {
	if len(q.wait) == 0 {
		return nil
	}
	last := q.wait[len(q.wait)-1]
	if last.ref || cap(last.b)-len(last.b) < n {
		return nil
	}
	return last
}

// put queues p: small pieces are copied, large ones referred to, which the caller then
// must not change.
func (q *outq) put(p []byte) {
	if len(p) > 2048 {
		q.wait = append(q.wait, &chunk{b: p, ref: true})
		q.n += int64(len(p))
		return
	}
	last := q.room(len(p))
	if last == nil {
		last = getChunk(2)
		q.wait = append(q.wait, last)
	}
	last.b = append(last.b, p...)
	q.n += int64(len(p))
}

// kill drops what waits and closes the socket; its reader notices and reports it.
func (q *outq) kill() {
	q.mu.Lock()
	q.die()
	q.mu.Unlock()
}

func (q *outq) die() {
	if q.dead {
		return
	}
	q.dead = true
	q.wait, q.n = nil, 0
	q.sock.close()
	if q.died != nil {
		q.died()
	}
}

// end hangs up after what waits was written, or when linger is over.
func (q *outq) end(linger time.Duration) {
	q.mu.Lock()
	q.ending = true
	_ = q.sock.nc.SetWriteDeadline(time.Now().Add(linger))
	q.mu.Unlock()
}

// flush writes what waits without waiting itself. It returns true if something is left, and
// the caller must then see to drain.
func (q *outq) flush() (backlog bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy || q.dead {
		return false
	}
	q.busy = true
	for {
		if !q.load() {
			q.idle()
			return false
		}
		q.mu.Unlock()
		n, err := q.writeSome(false)
		q.mu.Lock()
		q.left(n)
		switch {
		case q.dead:
			q.idle()
			return false
		case err == errWouldBlock:
			q.tell()
			return true
		case err != nil:
			q.die()
			q.idle()
			return false
		}
	}
}

// left counts n bytes that were written.
func (q *outq) left(n int) {
	q.n -= int64(n)
	q.sent += int64(n)
}

// tell remembers what waits as what the machine is told now.
func (q *outq) tell() { q.mark, q.told = q.n, time.Now() }

// drain writes a backlog on its own goroutine, until none is left, reporting as it shrinks.
func (q *outq) drain(t *turn) {
	for {
		n, err := q.writeSome(true)
		q.mu.Lock()
		if err != nil {
			q.die()
		}
		if q.dead {
			q.idle()
			q.mu.Unlock()
			return
		}
		q.left(n)
		news, more := machine.BacklogNews(q.mark, q.n, int64(time.Since(q.told))), q.load()
		if news {
			q.tell()
		}
		q.mu.Unlock()
		if (news || !more) && q.shrunk(t) {
			return
		}
	}
}

// shrunk reports what still waits, and gives up the drain if that is nothing: under the
// machine's lock, so that nothing can be added in between and the last report is always 0.
func (q *outq) shrunk(t *turn) (done bool) {
	t.begin()
	q.mu.Lock()
	n, sent := q.n, q.sent
	if done = n == 0 || q.dead; done {
		q.idle()
	} else {
		q.load()
	}
	dead := q.dead
	q.mu.Unlock()
	if !dead {
		q.report(t, n, sent)
	}
	t.end()
	return done
}

// grown says whether a backlog that is being drained has grown so much that the machine has to hear of it,
// and takes it as reported. A reader that stops for good would otherwise be known for its first
// backlog alone, and its limit never reached.
func (q *outq) grown() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.dead || q.mark == 0 || !machine.BacklogNews(q.mark, q.n, 0) {
		return false
	}
	q.tell()
	return true
}

// load makes sure that the flusher has something in hand, if anything waits.
func (q *outq) load() bool {
	if len(q.hand) == 0 && len(q.wait) > 0 {
		q.hand, q.wait = q.wait, q.hand
	}
	return len(q.hand) > 0
}

// idle ends a flusher's turn.
func (q *outq) idle() {
	q.busy, q.mark = false, 0
	if q.dead {
		q.hand, q.iov = nil, nil
	} else if q.ending {
		q.ending = false
		q.sock.hangUp()
	}
}

// writeSome writes once from what is in hand.
func (q *outq) writeSome(wait bool) (int, error) {
	iov, size := q.iov[:0], 0
	for i, c := range q.hand {
		b := c.b
		if i == 0 {
			b = b[q.off:]
		}
		b = b[:min(len(b), maxWrite-size)] // a backlog is reported between writes
		iov = append(iov, b)
		if size += len(b); size >= maxWrite || len(iov) == maxIovs {
			break
		}
	}
	q.iov = iov
	n, err := q.sock.write(iov, wait)
	clear(q.iov)
	q.written(n)
	return n, err
}

// written takes n written bytes out of hand.
func (q *outq) written(n int) {
	gone := 0
	for gone < len(q.hand) && n >= len(q.hand[gone].b)-q.off {
		n -= len(q.hand[gone].b) - q.off
		putChunk(q.hand[gone])
		q.off = 0
		gone++
	}
	q.off += n
	if gone > 0 {
		left := copy(q.hand, q.hand[gone:])
		clear(q.hand[left:])
		q.hand = q.hand[:left]
	}
}
