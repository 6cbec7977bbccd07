package expect

import (
	"bytes"
	"math"
	"strconv"

	"github.com/brokerlab/brokerlab/impl/wire"
)

// Headers that ask something (nats-server server/stream.go, "Headers for published messages").
const (
	MsgID           = "Nats-Msg-Id"
	Stream          = "Nats-Expected-Stream"
	LastSeq         = "Nats-Expected-Last-Sequence"
	LastSubjectSeq  = "Nats-Expected-Last-Subject-Sequence"
	LastSubjectSeqS = "Nats-Expected-Last-Subject-Sequence-Subject"
	LastMsgID       = "Nats-Expected-Last-Msg-Id"
	Rollup          = "Nats-Rollup"
)

// foreign headers ask for what this broker does not do: a publish that has one is refused rather than
// stored without it.
var foreign = [...]string{
	"Nats-TTL", "Nats-Batch-Id", "Nats-Batch-Sequence", "Nats-Batch-Commit", "Nats-Incr", "Nats-Counter-Sources",
	"Nats-Schedule", "Nats-Schedule-Next", "Nats-Scheduler", "Nats-Marker-Reason", "Nats-Stream-Source",
}

// Wish is what the headers of a publish ask. Its slices are the header's own; nil is not asked for. Of a
// header that is there twice the first counts, and an empty one counts as none.
type Wish struct {
	ID     []byte
	Stream []byte
	// Last and LastSubject are sequences, if asked for; one that is no number is none that a stream has.
	Last        uint64
	HasLast     bool
	LastSubject uint64
	HasSubject  bool
	// Subject whose newest message LastSubject is about, wildcards allowed; nil: the publish's own.
	Subject []byte
	LastID  []byte
	Rollup  []byte
	// Foreign is the header that asks for what is not served.
	Foreign []byte
}

// Parse reads a header block.
func Parse(header []byte) (w Wish) {
	for key, value := range wire.Headers(header) {
		if len(value) == 0 || len(key) < len("Nats-TTL") || string(key[:len("Nats-")]) != "Nats-" {
			continue
		}
		switch string(key) {
		case MsgID:
			first(&w.ID, value)
		case Stream:
			first(&w.Stream, value)
		case LastSeq:
			if !w.HasLast {
				w.Last, w.HasLast = number(value), true
			}
		case LastSubjectSeq:
			if !w.HasSubject {
				w.LastSubject, w.HasSubject = number(value), true
			}
		case LastSubjectSeqS:
			first(&w.Subject, value)
		case LastMsgID:
			first(&w.LastID, value)
		case Rollup:
			first(&w.Rollup, value)
		default:
			for _, name := range foreign {
				if string(key) == name {
					first(&w.Foreign, key)
				}
			}
		}
	}
	return w
}

func first(field *[]byte, value []byte) {
	if *field == nil {
		*field = value
	}
}

// number is a sequence as a header has it.
func number(value []byte) uint64 {
	n, err := strconv.ParseUint(string(value), 10, 63)
	if err != nil {
		return math.MaxUint64
	}
	return n
}

// Scope of a rollup.
type Scope uint8

const (
	None    Scope = iota
	Subject       // of what has the publish's subject
	All           // of the stream
)

// Scope is what the publish rolls up; ok is false for a value that is neither.
func (w *Wish) Scope() (s Scope, ok bool) {
	switch {
	case w.Rollup == nil:
		return None, true
	case bytes.EqualFold(w.Rollup, []byte("sub")):
		return Subject, true
	case bytes.EqualFold(w.Rollup, []byte("all")):
		return All, true
	}
	return None, false
}

// Log is what expectations are held against.
type Log interface {
	// Last is the newest sequence of the stream, LastOf that of the messages that match filter, or 0.
	Last() uint64
	LastOf(filter string) uint64
	// LastID is the id that the newest message was published with, or "".
	LastID() string
}

// Failure says which expectation failed, and what is so instead.
type Failure struct {
	Rule Rule
	Seq  uint64 // of WrongLast and WrongLastSubject
	ID   string // of WrongLastID
}

// Rule is an expectation.
type Rule uint8

const (
	Holds Rule = iota
	WrongLast
	WrongLastSubject
	WrongLastID
)

// Check holds the expectations of a publish to subject against log. The order is that of nats-server in a cluster.
func (w *Wish) Check(subject string, log Log) Failure {
	if w.HasLast {
		if last := log.Last(); last != w.Last {
			return Failure{Rule: WrongLast, Seq: last}
		}
	}
	if w.HasSubject {
		if last := log.LastOf(w.About(subject)); last != w.LastSubject {
			return Failure{Rule: WrongLastSubject, Seq: last}
		}
	}
	return w.CheckID(log)
}

// CheckID holds only the expected last id against log.
func (w *Wish) CheckID(log Log) Failure {
	if w.LastID != nil {
		if id := log.LastID(); id != string(w.LastID) {
			return Failure{Rule: WrongLastID, ID: id}
		}
	}
	return Failure{}
}

// About is the subject that the expected sequence of a subject is about.
func (w *Wish) About(own string) string {
	if w.Subject != nil {
		return string(w.Subject)
	}
	return own
}
