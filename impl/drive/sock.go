package drive

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

const (
	readMin  = 1        // class of the smallest read buffer, 4 KiB
	readMax  = 4        // class of the largest, 256 KiB
	maxWrite = 1 << 20  // bytes a writev
	maxIovs  = 64       // pieces a writev
	tlsPiece = 64 << 10 // bytes a write where progress cannot be seen otherwise
)

var errWouldBlock = errors.New("write would block")

// sock is a stream socket, read by one goroutine and written by one flusher at a time.
// Over a raw TCP socket a waiting reader holds no buffer, and a write can be tried without
// waiting; over TLS neither is possible.
type sock struct {
	nc  net.Conn
	raw syscall.RawConn

	// The reader's.
	class  int
	unused int // reads in a row that a buffer a quarter as long would have held
	rbuf   *chunk
	rerr   error
	rfn    func(fd uintptr) bool

	// The flusher's.
	wbufs [][]byte
	wn    int
	werr  error
	wait  bool
	wfn   func(fd uintptr) bool
}

func newSock(nc net.Conn) *sock {
	k := &sock{nc: nc, class: readMin}
	if sc, ok := nc.(syscall.Conn); ok && rawIO {
		if raw, err := sc.SyscallConn(); err == nil {
			k.raw = raw
		}
	}
	k.rfn, k.wfn = k.tryRead, k.tryWrite
	return k
}

func (k *sock) tryRead(fd uintptr) bool {
	buf := getChunk(k.class)
	n, err := rawRead(fd, buf.b[:cap(buf.b)])
	if wouldBlock(err) {
		putChunk(buf)
		return false
	}
	buf.b = buf.b[:n]
	if n == 0 && err == nil {
		err = io.EOF
	}
	k.rbuf, k.rerr = buf, err
	return true
}

// read waits for bytes. What it returns is valid until release.
func (k *sock) read() ([]byte, error) {
	if k.raw != nil {
		if err := k.raw.Read(k.rfn); err != nil {
			return nil, err
		}
	} else {
		k.rbuf = getChunk(k.class)
		var n int
		n, k.rerr = k.nc.Read(k.rbuf.b[:cap(k.rbuf.b)])
		k.rbuf.b = k.rbuf.b[:n]
	}
	return k.rbuf.b, k.rerr
}

// release gives the read buffer back and chooses the size of the next.
func (k *sock) release() {
	if k.rbuf == nil {
		return
	}
	n, room := len(k.rbuf.b), cap(k.rbuf.b)
	putChunk(k.rbuf)
	k.rbuf = nil
	switch {
	case n == room:
		k.class, k.unused = min(k.class+1, readMax), 0
	case n > room/4:
		k.unused = 0
	default:
		if k.unused++; k.unused == 16 {
			k.class, k.unused = max(k.class-1, readMin), 0
		}
	}
}

func (k *sock) tryWrite(fd uintptr) bool {
	k.wn, k.werr = rawWrite(fd, k.wbufs)
	if !wouldBlock(k.werr) {
		return true
	}
	k.werr = errWouldBlock
	return !k.wait
}

// write writes some of bufs, at least a byte unless it fails. Without wait it fails with
// errWouldBlock rather than wait.
func (k *sock) write(bufs [][]byte, wait bool) (int, error) {
	if k.raw == nil {
		if !wait {
			return 0, errWouldBlock
		}
		return k.nc.Write(bufs[0][:min(len(bufs[0]), tlsPiece)])
	}
	k.wbufs, k.wait, k.wn, k.werr = bufs, wait, 0, nil
	err := k.raw.Write(k.wfn)
	k.wbufs = nil
	if err != nil {
		return 0, err
	}
	return k.wn, k.werr
}

// hangUp ends the sending direction and gives the reader a moment to see the other end's
// answer: closing at once would reset the connection under bytes still on their way.
func (k *sock) hangUp() {
	_ = k.nc.SetReadDeadline(time.Now().Add(time.Second))
	cw, ok := k.nc.(interface{ CloseWrite() error })
	switch { // a failure means that the connection is gone already
	case !ok:
	case k.raw != nil:
		_ = cw.CloseWrite()
	default: // TLS says goodbye, which can wait for the other end
		go cw.CloseWrite()
	}
}

// close ends both directions at once, without TLS's goodbye.
func (k *sock) close() {
	nc := k.nc
	if t, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = t.NetConn()
	}
	_ = nc.Close() // what it says about unsent bytes is of no use here
}

// skip drops the first n bytes of bufs.
func skip(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}
