package store

import "github.com/brokerlab/brokerlab/model/subject"

// FirstOf is the oldest message of a subject.
func (s *Stream) FirstOf(subject string) (seq uint64, ok bool) {
	if e := s.subjects.get(subject); e != nil {
		return e.first(), true
	}
	return 0, false
}

// LastOf is the newest message of a subject.
func (s *Stream) LastOf(subject string) (seq uint64, ok bool) {
	if e := s.subjects.get(subject); e != nil {
		return e.last(), true
	}
	return 0, false
}

// CountOf is how many messages a subject has.
func (s *Stream) CountOf(subject string) uint64 {
	if e := s.subjects.get(subject); e != nil {
		return e.count()
	}
	return 0
}

// literal says whether all filters are, and everything whether one of them names every
// subject or there are none.
func literal(filters []string) bool {
	for _, f := range filters {
		if !subject.IsLiteral(f) {
			return false
		}
	}
	return true
}

func everything(filters []string) bool {
	for _, f := range filters {
		if f == ">" {
			return true
		}
	}
	return len(filters) == 0
}

// looks is how many messages are looked at before the subjects are, and then how many
// of each in turn: so a search costs no more than a few times the smaller of the way to
// the message that it finds and of the number of subjects.
const looks = 64

// NextMatch is the first message at or above seq whose subject one of the filters names;
// no filters name all. A caller that was told of none need not ask below the last
// sequence again.
func (s *Stream) NextMatch(seq uint64, filters []string) (next uint64, ok bool) {
	switch {
	case everything(filters):
		return s.NextAt(seq)
	case literal(filters):
		for _, f := range filters {
			if e := s.subjects.get(f); e != nil {
				next, ok = nearer(e, seq, next, ok)
			}
		}
		return next, ok
	}
	w := walk{t: &s.subjects, filters: filters}
	for p, end := s.seek(seq), len(s.filled()); ; {
		for n := 0; n < looks; n, p = n+1, s.after(p) {
			if p.b == end {
				return 0, false
			}
			if matches(filters, s.subjectAt(p)) {
				return s.seqAt(p)
			}
		}
		s.subjects.sorted()
		for range looks {
			e, more := w.next()
			if !more {
				return next, ok
			}
			if e != nil {
				next, ok = nearer(e, seq, next, ok)
			}
		}
	}
}

// nearer is the nearer to seq of what was found and what e has.
func nearer(e *subjectMessages, seq, found uint64, ok bool) (uint64, bool) {
	if at, has := e.next(seq); has && (!ok || at < found) {
		return at, true
	}
	return found, ok
}

// LastMatch is the newest message whose subject one of the filters names; no filters
// name all.
func (s *Stream) LastMatch(filters []string) (last uint64, ok bool) {
	p, some := s.before(spot{b: len(s.filled())})
	switch {
	case !some:
		return 0, false
	case everything(filters):
		return s.seqAt(p)
	case literal(filters):
		for _, f := range filters {
			if seq, has := s.LastOf(f); has && seq > last {
				last, ok = seq, true
			}
		}
		return last, ok
	}
	w := walk{t: &s.subjects, filters: filters}
	for {
		for range looks {
			if matches(filters, s.subjectAt(p)) {
				return s.seqAt(p)
			}
			if p, some = s.before(p); !some {
				return 0, false
			}
		}
		s.subjects.sorted()
		for range looks {
			e, more := w.next()
			if !more {
				return last, ok
			}
			if e != nil && e.last() > last {
				last, ok = e.last(), true
			}
		}
	}
}

// CountMatch is how many messages at or above seq have a subject that one of the filters
// names; no filters name all. It looks at those messages or at the subjects, whichever
// are fewer.
func (s *Stream) CountMatch(seq uint64, filters []string) (n uint64) {
	all := s.countFrom(seq)
	if everything(filters) || all == 0 {
		return all
	}
	w := walk{t: &s.subjects, filters: filters}
	if !literal(filters) {
		if all > looks {
			s.subjects.sorted()
		}
		if all <= looks || all <= w.visits() {
			for p, end := s.seek(seq), len(s.filled()); p.b < end; p = s.after(p) {
				if matches(filters, s.subjectAt(p)) {
					n++
				}
			}
			return n
		}
	}
	for {
		e, more := w.next()
		if !more {
			return n
		}
		if e != nil {
			n += e.from(seq)
		}
	}
}

// EachSubject calls fn with every subject that filter names, in the order of their
// bytes, until it returns false. fn must not change the stream.
func (s *Stream) EachSubject(filter string, fn func(subject string, count, first, last uint64) bool) {
	s.subjects.sorted()
	for w := (walk{t: &s.subjects, filters: []string{filter}}); ; {
		e, more := w.next()
		if !more || e != nil && !fn(e.name, e.count(), e.first(), e.last()) {
			return
		}
	}
}
