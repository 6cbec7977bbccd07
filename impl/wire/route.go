package wire

import (
	"bytes"
	"encoding/binary"
)

// RouteMsg is a message on its way to the subscribers of another node: its plain subscribers and
// one member of each queue group named. It goes one hop, never on to a third node. The slices of a
// decoded one point into the frame.
type RouteMsg struct {
	Subject []byte
	// Shown is the subject that subscribers are told, if it is another: a consumer's messages are routed to
	// who asked for them and keep their own. Nil if it is not.
	Shown   []byte
	Reply   []byte // nil if there is none
	Queues  []string
	Header  []byte // nil if there is none
	Payload []byte
	// Tail is what a delivery ends with, as in Pub. AppendRoute makes it from the other fields if
	// it is nil.
	Tail []byte
}

// AppendRoute appends a Route frame.
func AppendRoute(dst []byte, m *RouteMsg) []byte {
	dst = appendBytes(append(dst, byte(KindRoute)), m.Subject)
	dst = appendBytes(dst, m.Shown)
	dst = binary.AppendUvarint(dst, uint64(len(m.Queues)))
	for _, q := range m.Queues {
		dst = appendBytes(dst, q)
	}
	header := uint64(0) // one more than its length, or 0 for none
	if m.Header != nil {
		header = uint64(len(m.Header)) + 1
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.Reply)))
	dst = binary.AppendUvarint(dst, header)
	if m.Tail != nil {
		return append(dst, m.Tail...)
	}
	return AppendTail(dst, m.Reply, m.Header, m.Payload)
}

// endsEarly says whether a subject would not be read back whole from a control line.
func endsEarly(subject []byte) bool { return hasBlank(subject) || bytes.IndexByte(subject, '\n') >= 0 }

// route reads a RouteMsg. The tail goes to clients as it is, so what it says of itself is checked:
// a wrong size there would put every later message out of step.
func (r *reader) route(m *RouteMsg) {
	queues := m.Queues[:0]
	*m = RouteMsg{Subject: r.bytes(), Shown: r.bytes()}
	if len(m.Shown) == 0 {
		m.Shown = nil
	}
	for n := r.count(1); n > 0; n-- {
		queues = append(queues, string(r.bytes()))
	}
	m.Queues = queues
	if len(m.Subject) == 0 || endsEarly(m.Subject) || endsEarly(m.Shown) {
		r.fail("a subject that would not end where it ends")
	}
	reply, header := r.count(1), r.count(1)
	tail := r.take(len(r.p))
	end := bytes.IndexByte(tail, '\n')
	if r.why != "" || end < 1 || reply > end || len(tail) < end+3 || !bytes.HasSuffix(tail, []byte(crlf)) {
		r.fail("message cut short")
		return
	}
	body := tail[end+1 : len(tail)-2 : len(tail)-2]
	m.Payload, m.Tail = body, tail
	line, ok := tail[reply:end+1], true
	if reply > 0 {
		m.Reply = tail[:reply:reply]
		line, ok = bytes.CutPrefix(line, []byte(" "))
	}
	if header > 0 {
		if header-1 > len(body) {
			r.fail("header longer than the message")
			return
		}
		m.Header, m.Payload = body[:header-1:header-1], body[header-1:]
	}
	var room [64]byte
	if sizes := appendSizes(room[:0], header-1, len(body)); !ok || !bytes.Equal(line, sizes) || hasBlank(m.Reply) {
		r.fail("sizes disagree with the message")
	}
}
