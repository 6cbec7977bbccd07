package store

import "github.com/brokerlab/brokerlab/model/machine"

// View is what a stream held at one moment, for a follower that fetches it while the
// stream goes on. What is removed meanwhile stays in view: its place is remembered, and
// its file kept.
//
// A view is lost when the stream is reset or truncated, or when more has been removed
// than a view may remember.
type View struct {
	s                         *Stream
	first, last, count, bytes uint64
	removed                   ascending[grave]
	lost                      bool
}

// grave is where a removed message lies.
type grave struct {
	seq   uint64
	block *block
	at    stored
}

// viewGraves is how many removals a view remembers: some 40 MB of them.
const viewGraves = 1 << 20

// View begins a view, which must be closed.
func (s *Stream) View() *View {
	v := &View{s: s, first: s.first, last: s.last, count: s.count, bytes: s.bytes}
	s.views = append(s.views, v)
	return v
}

// Close ends a view. What files it kept go with the next checkpoint.
func (v *View) Close() {
	v.lost, v.removed = true, ascending[grave]{}
	keep := v.s.views[:0]
	for _, other := range v.s.views {
		if !other.lost {
			keep = append(keep, other)
		}
	}
	clear(v.s.views[len(keep):])
	v.s.views = keep
}

// Lost says that the view cannot be read any more.
func (v *View) Lost() bool { return v.lost }

// State is the stream's State when the view began.
func (v *View) State() (first, last, count, bytes uint64) { return v.first, v.last, v.count, v.bytes }

// loseViews ends all views.
func (s *Stream) loseViews() {
	for len(s.views) > 0 {
		s.views[0].Close()
	}
}

// bury shows the views where a message lies that is about to go.
func (s *Stream) bury(b *block, m *stored) {
	seq := b.base + uint64(m.seq)
	for i := 0; i < len(s.views); i++ {
		v := s.views[i]
		if seq > v.last {
			continue
		}
		if v.removed.n == viewGraves {
			v.Close()
			i--
			continue
		}
		v.removed.insert(v.seek(seq), grave{seq, b, *m})
	}
}

func (v *View) seek(seq uint64) place {
	return v.removed.search(func(g grave) bool { return g.seq < seq })
}

// NextAt is the first message in view at or above seq.
func (v *View) NextAt(seq uint64) (next uint64, ok bool) {
	if v.lost {
		return 0, false
	}
	next, ok = v.s.NextAt(seq)
	if ok && next > v.last {
		ok = false
	}
	if p := v.seek(seq); !v.removed.ended(p) {
		if g := v.removed.at(p); !ok || g.seq < next {
			return g.seq, true
		}
	}
	return next, ok
}

// Get is Stream.Get for the messages in view. A message that Done returns nil for cannot
// be had any more.
func (v *View) Get(fx *machine.Effects, seq uint64) (m Message, tok machine.Token, found bool) {
	if v.lost || seq > v.last {
		return m, 0, false
	}
	if m, tok, found = v.s.Get(fx, seq); found {
		if tok != 0 {
			v.s.reads[len(v.s.reads)-1].view = v // it may be removed while it is read
		}
		return m, tok, true
	}
	p := v.seek(seq)
	if v.removed.ended(p) || v.removed.at(p).seq != seq || v.s.err != nil {
		return m, 0, false
	}
	g := v.removed.at(p)
	return m, v.s.read(fx, reading{block: g.block, off: int64(g.at.off), size: int64(g.at.size), seq: seq, view: v}), true
}
