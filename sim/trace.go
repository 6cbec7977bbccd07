package sim

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"github.com/brokerlab/brokerlab/model/machine"
)

// recKind is the kind of a record of the trace that is no input.
type recKind uint8

const (
	recUp recKind = iota + 32 // after the kinds of inputs
	recDown
	recFault
	recHealed
	recLost
	recObserved
	recHarmed
)

// trace takes every event: always as fixed binary tuples into a running hash, and as text
// for whoever wants to read. Both come from the same calls.
//
// Invariant: nothing enters the hash but what the run is a function of; no address, wall
// time of the real world, or text that a library renders as it pleases.
type trace struct {
	a, b uint64
	text *bufio.Writer
}

const (
	keyA = 0xa0761d6478bd642f
	keyB = 0xe7037ed1a0b428db
	keyC = 0x8ebc6af09c88c6e3
	keyD = 0x589965cc75374cc3
)

func (t *trace) init(text io.Writer) {
	t.a, t.b = keyA, keyB
	if text != nil {
		t.text = bufio.NewWriterSize(text, 64<<10)
	}
}

// add mixes four words into the hash.
func (t *trace) add(x, y, z, u uint64) {
	a := fold(t.a^x^keyA, y^keyB^t.b)
	b := fold(t.b^z^keyC, u^keyD^t.a)
	t.a, t.b = a^bits.RotateLeft64(t.b, 23), b^bits.RotateLeft64(t.a, 41)
}

// fold multiplies to 128 bits and folds the halves. A zero factor must not erase the
// other: the sum of both comes on top.
func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo + x ^ bits.RotateLeft64(y, 32)
}

// sum is the hash as text; it may be taken at any time.
func (t *trace) sum() string { return fmt.Sprintf("%016x%016x", t.a, t.b) }

// hashBytes hashes a payload, sixteen bytes at a time.
func hashBytes(p []byte) uint64 {
	h := uint64(len(p)) ^ keyC
	for len(p) >= 16 {
		h = fold(binary.LittleEndian.Uint64(p)^h, binary.LittleEndian.Uint64(p[8:])^keyD)
		p = p[16:]
	}
	if len(p) > 0 {
		var tail [16]byte
		copy(tail[:], p)
		h = fold(binary.LittleEndian.Uint64(tail[:])^h, binary.LittleEndian.Uint64(tail[8:])^keyB)
	}
	return h
}

// event records what is no input of a machine.
func (t *trace) event(now Time, seq uint64, node machine.NodeID, kind recKind, x, y uint64, payload []byte) {
	t.add(uint64(now), seq, uint64(node)<<8|uint64(kind), hashBytes(payload))
	t.add(x, y, 0, 0)
}

// input records an input as it is handed in.
func (t *trace) input(now Time, seq uint64, p *process, in *machine.Input) {
	var failed uint64
	if in.Err != nil {
		failed = hashBytes([]byte(in.Err.Error()))
	}
	t.add(uint64(now), seq, uint64(p.id)<<16|uint64(in.Link)<<8|uint64(in.Kind), hashBytes(in.Bytes))
	t.add(uint64(in.Conn)^bits.RotateLeft64(uint64(in.Token), 32), in.Timer.ID^uint64(in.Timer.Kind)<<40,
		uint64(in.N)^uint64(in.Peer.Node)<<32, failed)
	if t.text != nil {
		t.linef(now, p, in.Kind.String(), "%s", inputText(in))
	}
}

// observation records what a machine said of itself.
func (t *trace) observation(now Time, seq uint64, p *process, o *machine.Observation) {
	t.add(uint64(now), seq, uint64(p.id)<<16|uint64(o.Kind)<<8|uint64(recObserved), o.Hash)
	t.add(o.Group, o.Term, o.Index, o.Seq)
	t.add(o.First, uint64(o.N), uint64(o.Peer)<<32^uint64(o.Conn), hashString(o.Stream)^bits.RotateLeft64(hashString(o.Why), 32))
	t.add(o.CSeq, uint64(o.Stamp), hashString(o.Consumer)^bits.RotateLeft64(hashString(o.Client), 32),
		hashString(o.Subject)^bits.RotateLeft64(hashString(o.Queue), 32))
	if t.text != nil {
		t.linef(now, p, "* "+o.Kind.String(), "%s", observationText(o))
	}
}

func hashString(s string) uint64 {
	h := uint64(len(s)) ^ keyC
	for i := range len(s) {
		h = fold(h^uint64(s[i]), keyD)
	}
	return h
}

// linef writes one line: time in seconds, process, what, and the details.
func (t *trace) linef(now Time, p *process, what, format string, args ...any) {
	name := "world"
	if p != nil {
		name = p.name
	}
	fmt.Fprintf(t.text, "%6d.%09d %-8s %-14s ", now/second, now%second, name, what)
	fmt.Fprintf(t.text, format, args...)
	t.text.WriteByte('\n')
}

func (t *trace) flush() {
	if t.text != nil {
		t.text.Flush()
	}
}

// inputText is the detail of an input.
func inputText(in *machine.Input) string {
	why := ""
	if in.Err != nil {
		why = ": " + in.Err.Error()
	}
	switch in.Kind {
	case machine.TimerFired:
		return fmt.Sprintf("kind %d id %d", in.Timer.Kind, in.Timer.ID)
	case machine.ConnOpened:
		return fmt.Sprintf("conn %d with %s", in.Conn, in.Remote)
	case machine.ConnBytes:
		return fmt.Sprintf("conn %d %4d bytes %s", in.Conn, len(in.Bytes), excerpt(in.Bytes))
	case machine.ConnClosed:
		return fmt.Sprintf("conn %d token %d%s", in.Conn, in.Token, why)
	case machine.ConnDrained:
		return fmt.Sprintf("conn %d %d bytes wait", in.Conn, in.N)
	case machine.PeerUp, machine.PeerDown:
		return fmt.Sprintf("%s n%d", in.Link, in.Peer.Node)
	case machine.PeerFrame:
		return fmt.Sprintf("%s n%d %4d bytes %016x", in.Link, in.Peer.Node, len(in.Bytes), hashBytes(in.Bytes))
	case machine.PeerDrained:
		return fmt.Sprintf("%s n%d %d bytes wait", in.Link, in.Peer.Node, in.N)
	case machine.DiskDone:
		return fmt.Sprintf("token %d %d bytes%s", in.Token, in.N, why)
	}
	return ""
}

// excerpt is the beginning of what may be text.
func excerpt(b []byte) string { return fmt.Sprintf("%.60q", b[:min(len(b), 60)]) }

// observationText is the detail of an observation: its fields that are set.
func observationText(o *machine.Observation) string {
	out := make([]byte, 0, 96)
	for _, name := range [...]string{o.Stream, o.Consumer, o.Client, o.Subject, o.Queue} {
		if name != "" {
			out = append(append(out, name...), ' ')
		}
	}
	for _, f := range [...]struct {
		name  string
		value uint64
	}{
		{"group", o.Group},
		{"term", o.Term},
		{"index", o.Index},
		{"seq", o.Seq},
		{"cseq", o.CSeq},
		{"first", o.First},
		{"n", uint64(o.N)},
		{"peer", uint64(o.Peer)},
		{"conn", uint64(o.Conn)},
	} {
		if f.value != 0 {
			out = fmt.Appendf(out, "%s %d ", f.name, int64(f.value))
		}
	}
	if o.Hash != 0 {
		out = fmt.Appendf(out, "hash %016x ", o.Hash)
	}
	return string(append(out, o.Why...))
}
