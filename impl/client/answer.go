package client

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
)

// Error codes of the JetStream API (nats-server server/errors.json) that mean something here.
const (
	codeNoMessage   = 10037
	codeWrongLast   = 10071
	codeStoreFailed = 10077
)

// outcome says what an answer means for op; a is room to read it into.
func outcome(a *answer, op *load.Op, m *wire.Msg) load.Outcome {
	if len(m.Header) > 0 {
		if code, text := wire.HeaderStatus(m.Header); code != 0 {
			return statusOutcome(op, code, string(text))
		}
	}
	switch {
	case settles(op.Verb):
		if len(m.Payload) > 0 {
			return unknown("a confirmation that is not understood: " + snippet(m.Payload))
		}
		return load.Outcome{Status: load.OK}
	case op.Verb == history.Request:
		return load.Outcome{Status: load.OK, Value: firstWord(m.Payload)}
	case op.Direct && isRead(op) && len(m.Header) > 0:
		return directOutcome(m)
	}
	*a = answer{decoded: a.decoded[:0]}
	if !a.parse(m.Payload) {
		return unknown("an answer that is not understood: " + snippet(m.Payload))
	}
	if a.failed {
		return a.errorOutcome(op)
	}
	return a.outcome(op)
}

func snippet(text []byte) string { return strconv.Quote(string(text[:min(len(text), 64)])) }

func (a *answer) outcome(op *load.Op) load.Outcome {
	switch op.Verb {
	case history.Publish:
		switch {
		case a.seq == 0:
			return unknown("an acknowledgement without a sequence")
		case op.Stream != "" && string(a.stream) != op.Stream:
			return unknown("acknowledged by stream " + strconv.Quote(string(a.stream)))
		}
		return load.Outcome{Status: load.OK, Seq: a.seq, Dup: a.duplicate}
	case history.Read, history.Last, history.NextOf:
		return a.messageOutcome()
	case history.Purge:
		return load.Outcome{Status: load.OK, N: int64(a.purged)}
	case history.ConsumerInfo:
		return load.Outcome{Status: load.OK, Seq: a.floorSeq, CSeq: a.floorCSeq, N: int64(a.pending), First: a.unsettled}
	}
	return load.Outcome{Status: load.OK}
}

// statusOutcome: a server sends a status of its own only instead of passing the request on; what answers direct reads
// says so that it has no such message.
func statusOutcome(op *load.Op, code int, text string) load.Outcome {
	why := strings.TrimSpace(strconv.Itoa(code) + " " + text)
	switch {
	case code == 503:
		return failed(history.NoResponders)
	case code == 404 && op.Direct && isRead(op):
		return load.Outcome{Status: load.OK, NotFound: true}
	case isRead(op):
		return failed(why)
	}
	return unknown(why)
}

// isRead says that op changes nothing, so that without its answer it is as if it had never been.
func isRead(op *load.Op) bool {
	switch op.Verb {
	case history.Read, history.Last, history.NextOf, history.ConsumerInfo:
		return true
	}
	return false
}

func (a *answer) errorOutcome(op *load.Op) load.Outcome {
	out := unknown(string(a.description) + " (" + strconv.FormatUint(a.errCode, 10) + ")")
	out.Code = int(a.errCode)
	switch {
	case isRead(op) && a.errCode == codeNoMessage:
		return load.Outcome{Status: load.OK, NotFound: true}
	case a.errCode == codeWrongLast && a.actual() > 0:
		out.Status, out.WrongLast, out.Actual = load.Failed, true, a.actual()
	case isRead(op) || a.definite():
		out.Status = load.Failed
	}
	return out
}

// definite says whether an error means that a write had and will have no effect. Refusals of the
// request itself do (4xx, but for 429, and 409 where another request with the same message id is under
// way): every server would refuse it. So do those decided when the log was applied. Of the latter kind 10164 (a
// publish to the same subject is under way) says nothing of the log, other than 10071, which names its last sequence.
//
// "Not the leader", "temporarily unavailable" and "no resources" do not, though the one who
// says so stored nothing: around a change of leaders two servers subscribe to a stream's subjects
// and both get the publish; the old one refuses it and the new one stores it. Nor does a failure to
// store, which other replicas may not share.
func (a *answer) definite() bool {
	switch a.errCode {
	case 10035, 10039, 10076, // no account, JetStream not enabled
		10036, 10052, 10053, 10074, 10096: // unsupported or invalid configuration
		return true
	case codeStoreFailed: // limits of a stream that discards new messages come with this code too
		return strings.HasPrefix(string(a.description), "maximum ")
	case 0: // not an error of the API
		return false
	}
	return a.code >= 400 && a.code < 500 && a.code != 409 && a.code != 429
}

// actual is the sequence that a refusal names, plus one; 0 if it names none.
func (a *answer) actual() uint64 {
	_, text, _ := bytes.Cut(a.description, []byte("wrong last sequence: "))
	n, ok := parseNumber(text)
	if !ok || n == 1<<64-1 {
		return 0
	}
	return n + 1
}

func (a *answer) messageOutcome() load.Outcome {
	data, err := base64.StdEncoding.AppendDecode(a.decoded, a.data)
	a.decoded = data
	if err != nil || a.msgSeq == 0 {
		return failed("a message that is not understood")
	}
	stamp, _ := parseStamp(a.time)
	return load.Outcome{Status: load.OK, Seq: a.msgSeq, Value: firstWord(data), Subject: string(a.subject), Stamp: stamp}
}

// directOutcome reads a message that came as itself, with headers that say which it is (ADR-31).
func directOutcome(m *wire.Msg) load.Outcome {
	seq, ok := parseNumber(wire.HeaderGet(m.Header, "Nats-Sequence"))
	if !ok || seq == 0 {
		return failed("a message that is not understood")
	}
	stamp, _ := parseStamp(wire.HeaderGet(m.Header, "Nats-Time-Stamp"))
	return load.Outcome{
		Status: load.OK, Seq: seq, Value: firstWord(m.Payload), Subject: string(wire.HeaderGet(m.Header, "Nats-Subject")), Stamp: stamp,
	}
}

// answer is what answers of the API say, as far as it matters here. Texts share the message's bytes.
type answer struct {
	failed      bool
	code        uint64
	errCode     uint64
	description []byte

	stream    []byte
	seq       uint64
	duplicate bool

	subject, data, time []byte
	msgSeq              uint64
	decoded             []byte

	purged uint64

	floorSeq, floorCSeq uint64
	pending, unsettled  uint64
}

func (a *answer) parse(text []byte) bool {
	return members(text, func(key []byte, v value) bool {
		switch string(key) {
		case "error":
			a.failed = string(v) != "null"
			return !a.failed || members(v, a.errorMember)
		case "message":
			return members(v, a.messageMember)
		case "stream":
			return v.text(&a.stream)
		case "seq":
			return v.number(&a.seq)
		case "duplicate":
			a.duplicate = string(v) == "true"
		case "purged":
			return v.number(&a.purged)
		case "ack_floor":
			return members(v, a.floorMember)
		case "num_pending":
			return v.number(&a.pending)
		case "num_ack_pending":
			return v.number(&a.unsettled)
		}
		return true
	})
}

func (a *answer) errorMember(key []byte, v value) bool {
	switch string(key) {
	case "code":
		return v.number(&a.code)
	case "err_code":
		return v.number(&a.errCode)
	case "description":
		return v.text(&a.description)
	}
	return true
}

func (a *answer) messageMember(key []byte, v value) bool {
	switch string(key) {
	case "subject":
		return v.text(&a.subject)
	case "seq":
		return v.number(&a.msgSeq)
	case "data":
		return v.text(&a.data)
	case "time":
		return v.text(&a.time)
	}
	return true
}

func (a *answer) floorMember(key []byte, v value) bool {
	switch string(key) {
	case "stream_seq":
		return v.number(&a.floorSeq)
	case "consumer_seq":
		return v.number(&a.floorCSeq)
	}
	return true
}
