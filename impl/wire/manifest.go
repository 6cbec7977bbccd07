package wire

import "encoding/binary"

// Manifest is what a snapshot says: the state of its group, and the messages that the stream
// held, which are fetched by themselves. First to Bytes are as of the stream at the snapshot's index,
// and what the one who fetches must come to.
type Manifest struct {
	State []byte
	First uint64 // sequence
	Last  uint64 // highest sequence ever used
	Count uint64
	Bytes uint64
}

// AppendManifest appends a manifest, the data of a snapshot.
func AppendManifest(dst []byte, m *Manifest) []byte {
	dst = appendBytes(dst, m.State)
	for _, v := range [...]uint64{m.First, m.Last, m.Count, m.Bytes} {
		dst = binary.AppendUvarint(dst, v)
	}
	return dst
}

// DecodeManifest reads a manifest. Its State points into p. The error is a *FrameError.
func DecodeManifest(p []byte) (m Manifest, err error) {
	r := reader{p: p}
	m = Manifest{State: r.bytes(), First: r.uvarint(), Last: r.uvarint(), Count: r.uvarint(), Bytes: r.uvarint()}
	switch {
	case r.why != "":
	case len(r.p) > 0:
		r.fail("bytes left over")
	case m.First == 0 || m.First > m.Last && (m.Count > 0 || m.First-m.Last != 1) || m.First <= m.Last && m.Count > m.Last-m.First+1:
		r.fail("more messages than sequences")
	}
	if r.why != "" {
		return Manifest{}, &FrameError{KindRaft, "manifest: " + r.why}
	}
	return m, nil
}

// Span is a range of sequences, both ends included.
type Span struct{ From, To uint64 }

// appendSpans appends spans that ascend and do not meet, from a sequence on.
func appendSpans(dst []byte, from uint64, spans []Span) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(spans)))
	for _, s := range spans {
		dst = binary.AppendUvarint(dst, s.From-from)
		dst = binary.AppendUvarint(dst, s.To-s.From)
		from = s.To + 1
	}
	return dst
}

// spans reads spans from a sequence on, none of which may go beyond to.
func (r *reader) spans(dst []Span, from, to uint64) []Span {
	for n := r.count(2); n > 0 && r.why == ""; n-- {
		s := Span{From: from + r.uvarint()}
		s.To = s.From + r.uvarint()
		if s.From < from || s.To < s.From || s.To > to || s.To == ^uint64(0) {
			r.fail("a span out of place")
		}
		dst = append(dst, s)
		from = s.To + 1
	}
	return dst
}
