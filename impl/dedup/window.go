package dedup

import (
	"encoding/binary"
	"errors"
)

// Window remembers ids. The zero value is an empty one.
type Window struct {
	entries []entry // in the order of the log, from head on
	head    int
	at      map[string]uint64 // id to its place, counted from the first entry ever
	dropped uint64            // entries before entries[0], ever
	text    int64             // bytes of the ids
}

type entry struct {
	id   string
	seq  uint64
	time int64
}

// Find returns the sequence of the message that was stored with id.
func (w *Window) Find(id []byte) (seq uint64, ok bool) {
	at, ok := w.at[string(id)]
	if !ok {
		return 0, false
	}
	return w.entries[at-w.dropped].seq, true
}

// Add remembers id, stamped time, which is no earlier than that of any before. An id that is there already is
// remembered anew.
func (w *Window) Add(id string, seq uint64, time int64) {
	if w.at == nil {
		w.at = map[string]uint64{}
	}
	w.at[id] = w.dropped + uint64(len(w.entries))
	w.entries = append(w.entries, entry{id, seq, time})
	w.text += int64(len(id))
}

// Advance forgets the ids whose age at now has reached window.
func (w *Window) Advance(now, window int64) {
	for w.head < len(w.entries) && now-w.entries[w.head].time >= window {
		w.forget()
	}
	// Half of it gone is room worth moving for: each entry is moved once.
	if w.head > len(w.entries)/2 {
		n := copy(w.entries, w.entries[w.head:])
		clear(w.entries[n:])
		w.entries = w.entries[:n]
		w.dropped += uint64(w.head)
		w.head = 0
	}
}

func (w *Window) forget() {
	e := &w.entries[w.head]
	if w.at[e.id] == w.dropped+uint64(w.head) { // else it was added again
		delete(w.at, e.id)
	}
	w.text -= int64(len(e.id))
	*e = entry{}
	w.head++
}

// Newest is the stamp of the id that will be forgotten last.
func (w *Window) Newest() (time int64, ok bool) {
	if w.head == len(w.entries) {
		return 0, false
	}
	return w.entries[len(w.entries)-1].time, true
}

// Len is how many ids are remembered.
func (w *Window) Len() int { return len(w.at) }

// perID is what an id takes beside its text: an entry, and a place in the map.
const perID = 32 + 24 + 16

// Bytes is about how much memory the window takes.
func (w *Window) Bytes() int64 { return w.text + perID*int64(len(w.entries)-w.head) }

// Append encodes the window at the end of dst.
func (w *Window) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(w.at)))
	var time int64
	var seq uint64
	for i := w.head; i < len(w.entries); i++ {
		e := &w.entries[i]
		if w.at[e.id] != w.dropped+uint64(i) {
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(len(e.id)))
		dst = append(dst, e.id...)
		dst = binary.AppendVarint(dst, int64(e.seq-seq))
		dst = binary.AppendVarint(dst, e.time-time)
		seq, time = e.seq, e.time
	}
	return dst
}

// ErrMalformed is what Decode returns for bytes that Append did not write.
var ErrMalformed = errors.New("duplicate window: malformed")

// Decode replaces the window by the one that p begins with, and returns what follows it.
func (w *Window) Decode(p []byte) (rest []byte, err error) {
	r := reader{p: p}
	n := r.uvarint()
	if n > uint64(len(p)) { // an id takes some bytes each
		return nil, ErrMalformed
	}
	*w = Window{}
	var time int64
	var seq uint64
	for range n {
		id := string(r.bytes())
		seq += uint64(r.varint())
		step := r.varint()
		if _, twice := w.at[id]; twice || r.bad || len(w.entries) > 0 && (step < 0 || time+step < time) {
			return nil, ErrMalformed
		}
		time += step
		w.Add(id, seq, time)
	}
	if r.bad {
		return nil, ErrMalformed
	}
	return r.p, nil
}

// reader reads what Append wrote; bad is set by what it did not.
type reader struct {
	p   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.p)
	r.skip(n)
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.p)
	r.skip(n)
	return v
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.p, r.bad = nil, true
		return
	}
	r.p = r.p[n:]
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.p)) {
		r.p, r.bad = nil, true
		return nil
	}
	b := r.p[:n]
	r.p = r.p[n:]
	return b
}
