package proto

import "encoding/binary"

// reader decodes; the first fault is kept, and everything after it is zero.
type reader struct {
	p     []byte
	where string
	err   *Error
}

func (r *reader) fail(why string) {
	if r.err == nil {
		r.err = &Error{r.where, why}
	}
	r.p = nil
}

func (r *reader) end() error {
	if r.err == nil && len(r.p) > 0 {
		r.fail("bytes are left over")
	}
	if r.err != nil {
		return r.err
	}
	return nil
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.p)
	if n <= 0 {
		r.fail("cut short")
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.p)
	if n <= 0 {
		r.fail("cut short")
		return 0
	}
	r.p = r.p[n:]
	return v
}

func (r *reader) bool() bool { return r.uint() != 0 }

func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.p)) {
		r.fail("cut short")
		return nil
	}
	b := r.p[:n:n]
	r.p = r.p[n:]
	return b
}

func (r *reader) string() string { return string(r.bytes()) }

// count reads how many things follow, each of at least one byte.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.p)) {
		r.fail("more things are announced than there are bytes")
		return 0
	}
	return int(n)
}

func putUint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }
func putInt(dst []byte, v int64) []byte   { return binary.AppendVarint(dst, v) }
func putBytes(dst, b []byte) []byte       { return append(binary.AppendUvarint(dst, uint64(len(b))), b...) }

func putString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func putBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}
