package store

import (
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/subject"
)

// subjects is the index of a stream's messages by subject. A subject is here while it
// has messages, and its number is given again after that. What a message costs is 8
// bytes and a share of a chunk; what a subject costs is about 100 and its name.
type subjects struct {
	ids   map[string]uint32
	all   []subjectMessages // by number
	free  []uint32          // numbers that stand for no subject
	names int64             // bytes of names
	// lists are the subjects with more than one message, listed their messages.
	lists, listed int64
	// order is the numbers by name. It is nil until somebody asks with a wildcard: most
	// streams do not pay for it.
	order *ascending[uint32]
}

// subjectMessages are the sequences of one subject.
type subjectMessages struct {
	name string
	only uint64             // the sequence, while there is one
	more *ascending[uint64] // else all of them
}

func newSubjects() subjects { return subjects{ids: map[string]uint32{}} }

// add notes that the newest message is one of name, and returns the subject's number.
func (t *subjects) add(name string, seq uint64) uint32 {
	id, ok := t.ids[name]
	if !ok {
		return t.create(name, seq)
	}
	e := &t.all[id]
	if e.more == nil {
		e.more = &ascending[uint64]{chunks: [][]uint64{{e.only}}, n: 1}
		t.lists++
		t.listed++
	}
	e.more.push(seq)
	t.listed++
	return id
}

// memory is what the index takes, in bytes.
func (t *subjects) memory() int64 {
	n := t.names + int64(len(t.all))*subjectBytes + t.lists*subjectListBytes + t.listed*8
	if t.order != nil {
		n += int64(t.order.n) * 4
	}
	return n
}

func (t *subjects) create(name string, seq uint64) (id uint32) {
	if k := len(t.free) - 1; k >= 0 {
		id, t.free = t.free[k], t.free[:k]
	} else {
		id = uint32(len(t.all))
		t.all = append(t.all, subjectMessages{})
	}
	t.all[id] = subjectMessages{name: name, only: seq}
	t.ids[name] = id
	t.names += int64(len(name))
	if t.order != nil {
		t.order.insert(t.seek(name), id)
	}
	return id
}

// remove forgets message seq of subject id.
func (t *subjects) remove(id uint32, seq uint64) {
	e := &t.all[id]
	if e.more == nil {
		t.destroy(id)
		return
	}
	e.more.remove(e.place(seq))
	t.listed--
	if e.more.n == 1 {
		e.only, e.more = e.more.first(), nil
		t.lists--
		t.listed--
	}
}

func (t *subjects) destroy(id uint32) {
	name := t.all[id].name
	if t.order != nil {
		t.order.remove(t.seek(name))
	}
	t.all[id] = subjectMessages{}
	t.free = append(t.free, id)
	delete(t.ids, name)
	t.names -= int64(len(name))
}

// place is where the sequences at or above seq begin.
func (e *subjectMessages) place(seq uint64) place {
	if seq <= e.more.first() {
		return place{}
	}
	return e.more.search(func(v uint64) bool { return v < seq })
}

func (e *subjectMessages) count() uint64 {
	if e.more == nil {
		return 1
	}
	return uint64(e.more.n)
}

func (e *subjectMessages) first() uint64 {
	if e.more == nil {
		return e.only
	}
	return e.more.first()
}

func (e *subjectMessages) last() uint64 {
	if e.more == nil {
		return e.only
	}
	return e.more.last()
}

// next is the first sequence at or above seq.
func (e *subjectMessages) next(seq uint64) (uint64, bool) {
	if e.more == nil {
		return e.only, e.only >= seq
	}
	if p := e.place(seq); !e.more.ended(p) {
		return e.more.at(p), true
	}
	return 0, false
}

// from counts the sequences at or above seq.
func (e *subjectMessages) from(seq uint64) uint64 {
	switch {
	case e.more != nil:
		return uint64(e.more.from(e.place(seq)))
	case e.only >= seq:
		return 1
	}
	return 0
}

func (t *subjects) get(name string) *subjectMessages {
	if id, ok := t.ids[name]; ok {
		return &t.all[id]
	}
	return nil
}

// intern is the string of a subject that is already here, or a new one.
func (t *subjects) intern(name []byte) string {
	if id, ok := t.ids[string(name)]; ok {
		return t.all[id].name
	}
	return string(name)
}

// seek is where the names at or above name begin.
func (t *subjects) seek(name string) place {
	return t.order.search(func(id uint32) bool { return t.all[id].name < name })
}

// sorted makes the order, if nobody has asked for it before.
func (t *subjects) sorted() {
	if t.order != nil {
		return
	}
	type entry struct {
		name string // beside the number, for the sort is all about memory
		id   uint32
	}
	entries := make([]entry, 0, len(t.ids))
	for id := range t.all {
		if e := &t.all[id]; e.only > 0 || e.more != nil {
			entries = append(entries, entry{e.name, uint32(id)})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	t.order = &ascending[uint32]{}
	for _, e := range entries {
		t.order.push(e.id)
	}
}

// walk goes through the subjects that any of several filters names, each once: filter by
// filter, and for each in the order of names. It visits no more than what begins as the
// filter does up to its first wildcard. The order must have been made.
type walk struct {
	t       *subjects
	filters []string
	k       int // the filter that it is at
	prefix  string
	at      place
	begun   bool
}

// next is the next subject that is named, or nil if the one it visited is not; false
// after the last.
func (w *walk) next() (e *subjectMessages, more bool) {
	for ; w.k < len(w.filters); w.k, w.begun = w.k+1, false {
		filter := w.filters[w.k]
		if subject.IsLiteral(filter) {
			if !w.begun {
				w.begun = true
				return w.unless(w.t.get(filter)), true
			}
			continue
		}
		if !w.begun {
			w.prefix = literalPrefix(filter)
			w.at, w.begun = w.t.seek(w.prefix), true
		}
		if w.t.order.ended(w.at) {
			continue
		}
		e = &w.t.all[w.t.order.at(w.at)]
		if !strings.HasPrefix(e.name, w.prefix) {
			continue
		}
		w.at = w.t.order.next(w.at)
		if !subject.Match(filter, e.name) {
			return nil, true
		}
		return w.unless(e), true
	}
	return nil, false
}

// visits is how many subjects the walk visits.
func (w *walk) visits() (n uint64) {
	for _, f := range w.filters {
		if subject.IsLiteral(f) {
			n++
			continue
		}
		prefix := literalPrefix(f)
		end := w.t.order.search(func(id uint32) bool {
			name := w.t.all[id].name
			return name < prefix || strings.HasPrefix(name, prefix)
		})
		n += uint64(w.t.order.from(w.t.seek(prefix)) - w.t.order.from(end))
	}
	return n
}

// unless is e, unless an earlier filter has named it.
func (w *walk) unless(e *subjectMessages) *subjectMessages {
	if e != nil && w.k > 0 && matches(w.filters[:w.k], e.name) {
		return nil
	}
	return e
}

func matches(filters []string, name string) bool {
	for _, f := range filters {
		if subject.Match(f, name) {
			return true
		}
	}
	return false
}

// literalPrefix is what every subject that filter names begins with.
func literalPrefix(filter string) string {
	start := 0
	for i := 0; i <= len(filter); i++ {
		if i < len(filter) && filter[i] != subject.Separator {
			continue
		}
		if tok := filter[start:i]; tok == "*" || tok == ">" {
			return filter[:start]
		}
		start = i + 1
	}
	return filter
}
