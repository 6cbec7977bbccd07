package consumer

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// version begins an encoded State. It changes when an older reader would misread a newer one.
const version = 1

// Limits on what a decoder believes.
const maxListed = 1 << 26

// Append encodes the state at the end of dst.
func (s *State) Append(dst []byte) []byte {
	dst = append(dst, version)
	for _, n := range []uint64{s.Delivered.Stream, s.Delivered.Consumer, s.Floor.Stream, s.Floor.Consumer, s.resume, s.late.cut} {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.starts)))
	last := uint64(0)
	for _, seq := range s.starts {
		dst = binary.AppendUvarint(dst, seq-last)
		last = seq
	}
	dst = binary.AppendUvarint(dst, uint64(s.pending.len()))
	last = 0
	for _, p := range s.pending.list {
		if p.count > 0 {
			dst = binary.AppendUvarint(dst, p.seq-last)
			dst = binary.AppendUvarint(binary.AppendUvarint(dst, p.first), p.count)
			last = p.seq
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.spent)))
	last = 0
	for _, p := range s.spent {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, p.Seq-last), p.Count)
		last = p.Seq
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.late.list)))
	for _, p := range s.late.list {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, p.Seq), p.Count)
	}
	return dst
}

// DecodeState reads a state from the beginning of p and returns what follows it. The ack policy is the
// configuration's. What no State could have encoded is an error that names it.
func DecodeState(ackPolicy string, p []byte) (*State, []byte, error) {
	s := &State{policy: ackPolicy}
	if len(p) == 0 || p[0] != version {
		return nil, nil, errors.New("consumer state: unknown version")
	}
	d := decoder{p: p[1:]}
	for _, n := range []*uint64{&s.Delivered.Stream, &s.Delivered.Consumer, &s.Floor.Stream, &s.Floor.Consumer, &s.resume, &s.late.cut} {
		*n = d.uvarint()
	}
	last := uint64(0)
	for range d.count("starts", 1) {
		last = d.next("start", last)
		s.starts = append(s.starts, last)
	}
	d.refuse(last > s.resume, "start %d above %d", last, s.resume)
	last = 0
	for range d.count("pending", 3) {
		q := pending{seq: d.next("pending", last), first: d.uvarint(), count: d.uvarint()}
		d.refuse(q.seq > s.Delivered.Stream || q.count == 0 || q.first > s.Delivered.Consumer, "pending message %d (%d deliveries, first %d)", q.seq, q.count, q.first)
		s.pending.list = append(s.pending.list, q)
		last = q.seq
	}
	last = 0
	for range d.count("spent", 2) {
		q := Settled{Seq: d.next("spent", last), Count: d.uvarint(), Why: WhyMaxDeliver}
		s.spent = append(s.spent, q)
		last = q.Seq
	}
	n := d.count("late", 2)
	d.refuse(n > maxLate, "%d late settlements", n)
	for range n {
		s.late.list = append(s.late.list, Settled{Seq: d.uvarint(), Count: d.uvarint()})
	}
	d.refuse(s.Floor.Stream > s.Delivered.Stream || s.Floor.Consumer > s.Delivered.Consumer, "floor %v above %v", s.Floor, s.Delivered)
	if d.err != nil {
		return nil, nil, fmt.Errorf("consumer state: %w", d.err)
	}
	return s, d.p, nil
}

// decoder reads numbers; after an error it reads zeros.
type decoder struct {
	p   []byte
	err error
}

func (d *decoder) refuse(bad bool, format string, args ...any) {
	if bad && d.err == nil {
		d.err = fmt.Errorf(format, args...)
	}
}

func (d *decoder) uvarint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.p)
	if n <= 0 {
		d.refuse(true, "cut short with %d bytes left", len(d.p))
		return 0
	}
	d.p = d.p[n:]
	return v
}

// count reads the length of a list whose entries take size bytes or more.
func (d *decoder) count(what string, size int) int {
	n := d.uvarint()
	d.refuse(n > maxListed || n > uint64(len(d.p)/size), "%d %s in %d bytes", n, what, len(d.p))
	if d.err != nil {
		return 0
	}
	return int(n)
}

// next reads a number above last.
func (d *decoder) next(what string, last uint64) uint64 {
	n := d.uvarint()
	d.refuse(n == 0 || last+n < last, "%s %d after %d is out of order", what, n, last)
	return last + n
}
