package wire

import (
	"bytes"
	"slices"
)

const (
	// DefaultControlLine and DefaultPayload are the limits of nats-server, in bytes.
	DefaultControlLine = 4096
	DefaultPayload     = 1 << 20

	verbRoom   = 16       // a control line may be this much longer than its arguments
	keepBuffer = 64 << 10 // a larger buffer is given back once its operation is done
)

// stream joins operations that arrive in pieces. What is whole in one piece is parsed where it
// lies; only an operation that was cut is copied together in buf.
type stream struct {
	buf  []byte
	need int // length of the operation in buf once its control line is known, else 0
	err  error
}

// operation handles the one operation at the start of in and returns its length n. If in ends
// before it does, n is 0 and need its whole length, if the control line is complete.
type operation[P, H any] func(parser P, in []byte, h H) (n, need int, err error)

func feed[P, H any](s *stream, in []byte, limit int, parser P, h H, op operation[P, H]) error {
	if s.err != nil {
		return s.err
	}
	for len(in) > 0 {
		part := in
		if len(s.buf) > 0 {
			var look bool
			if in, look = s.join(in); !look {
				s.err = s.checkLine(limit)
				return s.err
			}
			part = s.buf
		}
		n, need, err := op(parser, part, h)
		switch {
		case err != nil:
			s.err = err
			return err
		case len(s.buf) > 0 && n > 0: // exactly the joined operation
			s.release()
			continue
		case n > 0:
			in = in[n:]
			continue
		case len(s.buf) == 0:
			s.buf, in = append(s.buf, in...), nil
		}
		s.need = need
		if s.err = s.checkLine(limit); s.err != nil {
			return s.err
		}
	}
	return nil
}

// join appends to buf as much of in as can belong to the operation begun there, and says
// whether that is worth a look: the control line or the whole operation has become complete, or the
// verb is being spelled.
func (s *stream) join(in []byte) (rest []byte, look bool) {
	take := len(in)
	look = len(s.buf) < verbRoom
	if s.need > 0 {
		take = min(take, s.need-len(s.buf))
		look = len(s.buf)+take == s.need
	} else if i := bytes.IndexByte(in, '\n'); i >= 0 {
		take, look = i+1, true
	}
	if size := len(s.buf) + take; size > cap(s.buf) {
		// Room follows what has come, not what was announced.
		grown := max(size, 2*cap(s.buf))
		if s.need > 0 {
			grown = max(size, min(grown, s.need))
		}
		s.buf = slices.Grow(s.buf, grown-len(s.buf))
	}
	s.buf = append(s.buf, in[:take]...)
	return in[take:], look
}

// checkLine refuses a control line that has no end within the limit.
func (s *stream) checkLine(limit int) error {
	if s.need == 0 && len(s.buf) > limit+verbRoom {
		return breach(ErrMaxControlLine, "no end within %d bytes: %s", limit, quoted(s.buf))
	}
	return nil
}

func (s *stream) release() {
	s.buf, s.need = s.buf[:0], 0
	if cap(s.buf) > keepBuffer {
		s.buf = nil
	}
}

// line returns the end of the control line at the start of in, without and with its line end,
// or after 0 if there is none yet. A bare newline ends a line too, as in nats-server.
func line(in []byte, limit int) (end, after int) {
	i := bytes.IndexByte(in[:min(len(in), limit+verbRoom+2)], '\n')
	if i < 0 {
		return 0, 0
	}
	if i > 0 && in[i-1] == '\r' {
		return i - 1, i + 1
	}
	return i, i + 1
}

// isVerb says whether in begins with verb, in capitals, or with as much of it as in holds.
func isVerb(in []byte, verb string) bool {
	for i := 0; i < len(verb) && i < len(in); i++ {
		if in[i] != verb[i] && (verb[i] < 'A' || in[i] != verb[i]+'a'-'A') {
			return false
		}
	}
	return true
}
