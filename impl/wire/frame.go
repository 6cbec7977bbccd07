package wire

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
)

// Kind is the first byte of a peer frame.
type Kind uint8

const (
	KindHello          Kind = iota + 1 // Hello: who is at the other end
	KindRaft                           // one or more Raft messages
	KindInterestAdd                    // the sender wants Interest
	KindInterestRemove                 // the sender no longer wants Interest
	KindInterestReset                  // the sender wants nothing; what it wants follows
	KindRoute                          // RouteMsg: deliver to local subscribers
	KindCatchupRequest                 // Catchup: send what Snapshot of Group has from From on; up to Have only what is Gone
	KindCatchupChunk                   // Catchup: what Snapshot has from From to Upto
	KindCatchupDone                    // Catchup: nothing more of Snapshot will be sent, and Why
	KindStanding                       // Standing: which disk the sender has, and whether it has been part of a cluster
	KindRejoin                         // Rejoin: the sender lost its part of Group and asks to be let in, or is on its way back, or back
	KindAdmit                          // Rejoin: the receiver has been let in as ID
	kinds
)

var kindNames = [kinds]string{
	"?", "hello", "raft", "interest-add", "interest-remove", "interest-reset",
	"route", "catchup-request", "catchup-chunk", "catchup-done",
	"standing", "rejoin", "admit",
}

// String is the kind's name in traces and errors.
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return fmt.Sprintf("kind-%d", uint8(k))
}

// Version is the version of the peer frames; a Hello of another one is refused.
const Version = 2

type (
	// Hello opens a link: who speaks, in which of its boots, of which cluster, and where clients reach it.
	Hello struct {
		Node       uint32
		Boot       uint64
		Cluster    string
		ClientURLs []string
	}
	// Standing says which disk the sender has: Fresh if nothing was ever promised on it. Counted is the
	// receiver's disk with which the sender founded the cluster; 0 if none.
	Standing struct {
		Disk    uint64
		Fresh   bool
		Counted uint64
	}
	// Rejoin names a loss of the sender's (KindRejoin) or the receiver's (KindAdmit) by its Token. A KindRejoin with an ID
	// comes from who has been let in, and is on its way (Token not 0) or back (0).
	Rejoin struct {
		Group uint64
		Token uint64
		ID    uint64 // raft id of the new member
	}
	// Interest is a subject that somebody at the sender wants. Weight is how many members of
	// Queue the sender has; an add for what is wanted already changes it. For plain subscriptions Queue is "", and
	// the weight means nothing.
	Interest struct {
		Subject string
		Queue   string
		Weight  uint32
	}
	// RaftMessage is one message of a group.
	RaftMessage struct {
		Group   uint64
		Message *raftpb.Message
	}
	// Catchup is part of fetching the messages of a stream as a snapshot has them. A chunk is
	// complete from From to Upto: up to Have, what is in Gone is gone and the rest is there;
	// above, what is not in Messages is gone.
	Catchup struct {
		Group    uint64
		Snapshot uint64 // Raft index of the snapshot
		From     uint64 // sequence, as are Have and Upto
		Have     uint64
		Upto     uint64
		Gone     []Span // ascending, within From and Upto
		Messages []CatchupMessage
		Why      string
	}
	// CatchupMessage is one stored message. Header and Data point into the frame.
	CatchupMessage struct {
		Seq     uint64
		Index   uint64 // Raft index of the entry that stored it
		Time    int64  // wall clock, ns
		Subject string
		Header  []byte
		Data    []byte
	}
)

// Frame is a decoded frame; the field that Kind names is set. Decoding another frame into it uses
// its slices again.
type Frame struct {
	Kind     Kind
	Hello    Hello
	Raft     []RaftMessage
	Interest Interest
	Route    RouteMsg
	Catchup  Catchup
	Standing Standing
	Rejoin   Rejoin
}

// AppendHello appends a KindHello frame.
func AppendHello(dst []byte, h Hello) []byte {
	dst = append(dst, byte(KindHello), Version)
	dst = binary.AppendUvarint(dst, uint64(h.Node))
	dst = binary.AppendUvarint(dst, h.Boot)
	dst = appendBytes(dst, h.Cluster)
	dst = binary.AppendUvarint(dst, uint64(len(h.ClientURLs)))
	for _, u := range h.ClientURLs {
		dst = appendBytes(dst, u)
	}
	return dst
}

// AppendStanding appends a KindStanding frame.
func AppendStanding(dst []byte, s Standing) []byte {
	dst = append(dst, byte(KindStanding), 0)
	if s.Fresh {
		dst[len(dst)-1] = 1
	}
	return binary.AppendUvarint(binary.AppendUvarint(dst, s.Disk), s.Counted)
}

// AppendRejoin appends a KindRejoin or KindAdmit frame.
func AppendRejoin(dst []byte, kind Kind, r *Rejoin) []byte {
	dst = binary.AppendUvarint(append(dst, byte(kind)), r.Group)
	return binary.AppendUvarint(binary.AppendUvarint(dst, r.Token), r.ID)
}

// AppendRaftFrame appends a message to the Raft frame in dst, and begins the frame if dst is empty.
func AppendRaftFrame(dst []byte, group uint64, m *raftpb.Message) []byte {
	if len(dst) == 0 {
		dst = append(dst, byte(KindRaft))
	}
	at := len(dst)
	dst = AppendRaft(append(dst, 0, 0, 0, 0), group, m)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// AppendInterest appends a KindInterestAdd or KindInterestRemove frame.
func AppendInterest(dst []byte, kind Kind, i Interest) []byte {
	dst = appendBytes(append(dst, byte(kind)), i.Subject)
	return binary.AppendUvarint(appendBytes(dst, i.Queue), uint64(i.Weight))
}

// AppendInterestReset appends a KindInterestReset frame.
func AppendInterestReset(dst []byte) []byte { return append(dst, byte(KindInterestReset)) }

// AppendCatchup appends a KindCatchupRequest, KindCatchupChunk or KindCatchupDone frame.
func AppendCatchup(dst []byte, kind Kind, c *Catchup) []byte {
	dst = binary.AppendUvarint(append(dst, byte(kind)), c.Group)
	dst = binary.AppendUvarint(dst, c.Snapshot)
	dst = binary.AppendUvarint(dst, c.From)
	dst = binary.AppendUvarint(dst, c.Have)
	dst = binary.AppendUvarint(dst, c.Upto)
	dst = appendSpans(dst, c.From, c.Gone)
	dst = appendBytes(dst, c.Why)
	for i := range c.Messages {
		m := &c.Messages[i]
		dst = binary.AppendUvarint(dst, m.Seq)
		dst = binary.AppendUvarint(dst, m.Index)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(m.Time))
		dst = appendBytes(appendBytes(appendBytes(dst, m.Subject), m.Header), m.Data)
	}
	return dst
}

// DecodeFrame reads one whole frame into f. The error is a *FrameError.
func DecodeFrame(p []byte, f *Frame) error {
	r := reader{p: p}
	f.Kind = Kind(r.u8())
	switch f.Kind {
	case KindHello:
		r.hello(&f.Hello)
	case KindRaft:
		if err := r.raftFrame(f); err != nil {
			return err
		}
	case KindInterestAdd, KindInterestRemove:
		f.Interest = Interest{Subject: string(r.bytes()), Queue: string(r.bytes()), Weight: r.u32()}
	case KindInterestReset:
	case KindRoute:
		r.route(&f.Route)
	case KindCatchupRequest, KindCatchupChunk, KindCatchupDone:
		r.catchup(&f.Catchup)
	case KindStanding:
		r.standing(&f.Standing)
	case KindRejoin, KindAdmit:
		f.Rejoin = Rejoin{Group: r.uvarint(), Token: r.uvarint(), ID: r.uvarint()}
	default:
		r.fail("unknown kind")
	}
	if r.why == "" && len(r.p) > 0 {
		r.fail("bytes left over")
	}
	if r.why != "" {
		return &FrameError{f.Kind, r.why}
	}
	return nil
}

func (r *reader) u32() uint32 {
	v := r.uvarint()
	if v > 1<<32-1 {
		r.fail("number too large")
	}
	return uint32(v)
}

func (r *reader) hello(h *Hello) {
	if v := r.u8(); v != Version && r.why == "" {
		r.fail(fmt.Sprintf("version %d, not %d", v, Version))
	}
	*h = Hello{Node: r.u32(), Boot: r.uvarint(), Cluster: string(r.bytes())}
	for n := r.count(1); n > 0 && r.why == ""; n-- {
		h.ClientURLs = append(h.ClientURLs, string(r.bytes()))
	}
}

func (r *reader) standing(s *Standing) {
	fresh := r.u8()
	if fresh > 1 {
		r.fail("neither fresh nor not")
	}
	*s = Standing{Fresh: fresh == 1, Disk: r.uvarint(), Counted: r.uvarint()}
}

func (r *reader) raftFrame(f *Frame) error {
	clear(f.Raft)
	f.Raft = f.Raft[:0]
	for first := true; first || len(r.p) > 0; first = false {
		size := r.take(4)
		if size == nil {
			return nil // r says why
		}
		body := r.take(int(binary.LittleEndian.Uint32(size)))
		if r.why != "" {
			return nil
		}
		group, m, err := DecodeRaft(body)
		if err != nil {
			return err
		}
		f.Raft = append(f.Raft, RaftMessage{group, m})
	}
	return nil
}

func (r *reader) catchup(c *Catchup) {
	clear(c.Messages)
	*c = Catchup{Messages: c.Messages[:0], Gone: c.Gone[:0]}
	c.Group, c.Snapshot, c.From, c.Have, c.Upto = r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
	c.Gone = r.spans(c.Gone, c.From, c.Upto)
	c.Why = string(r.bytes())
	for len(r.p) > 0 {
		m := CatchupMessage{Seq: r.uvarint(), Index: r.uvarint()}
		if t := r.take(8); t != nil {
			m.Time = int64(binary.LittleEndian.Uint64(t))
		}
		m.Subject, m.Header, m.Data = string(r.bytes()), r.some(), r.some()
		if r.why == "" {
			c.Messages = append(c.Messages, m)
		}
	}
}
