package wire

import "encoding/binary"

// reader takes a frame apart. The first thing that is wrong stays in why; everything read after it
// is zero.
type reader struct {
	p   []byte
	why string
}

func (r *reader) fail(why string) {
	if r.why == "" {
		r.why = why
	}
	r.p = nil
}

func (r *reader) u8() byte {
	if len(r.p) == 0 {
		r.fail("cut short")
		return 0
	}
	b := r.p[0]
	r.p = r.p[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.p)
	if n <= 0 {
		r.fail("number cut short or too large")
		return 0
	}
	r.p = r.p[n:]
	return v
}

// count reads a number of things that take at least size bytes each, so that nothing is
// allocated for things that cannot be there.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.p)/size) {
		r.fail("count larger than the frame")
		return 0
	}
	return int(n)
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.p) {
		r.fail("cut short")
		return nil
	}
	b := r.p[:n:n]
	r.p = r.p[n:]
	return b
}

// bytes reads a length and as many bytes, which point into the input.
func (r *reader) bytes() []byte { return r.take(r.count(1)) }

// some is bytes, with nil for none.
func (r *reader) some() []byte {
	if b := r.bytes(); len(b) > 0 {
		return b
	}
	return nil
}

func appendBytes[S Text](dst []byte, b S) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}
