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
	codeNoMessage        = 10037
	codeWrongLast        = 10071
	codeWrongLastUnnamed = 10164
	codeStoreFailed      = 10077
)

// outcome says what an answer means for op.
func outcome(op *load.Op, m *wire.Msg) load.Outcome {
	if code, text := wire.HeaderStatus(m.Header); code != 0 {
		return statusOutcome(op, code, string(text))
	}
	var a answer
	if !a.parse(m.Payload) {
		return unknown("an answer that is not understood: " + strconv.Quote(string(m.Payload[:min(len(m.Payload), 64)])))
	}
	if a.failed {
		return a.errorOutcome(op)
	}
	switch op.Verb {
	case history.Publish:
		switch {
		case a.seq == 0:
			return unknown("an acknowledgement without a sequence")
		case op.Stream != "" && a.stream != op.Stream:
			return unknown("acknowledged by stream " + strconv.Quote(a.stream))
		}
		return load.Outcome{Status: load.OK, Seq: a.seq, Dup: a.duplicate}
	case history.Read, history.Last:
		return a.messageOutcome()
	}
	return load.Outcome{Status: load.OK}
}

// statusOutcome: a server sends a status of its own only instead of passing the request on.
func statusOutcome(op *load.Op, code int, text string) load.Outcome {
	if code == 503 {
		return failed("no responders")
	}
	why := strings.TrimSpace(strconv.Itoa(code) + " " + text)
	if isRead(op) {
		return failed(why)
	}
	return unknown(why)
}

func isRead(op *load.Op) bool { return op.Verb == history.Read || op.Verb == history.Last }

func unknown(why string) load.Outcome { return load.Outcome{Status: load.Unknown, Err: why} }

func (a *answer) errorOutcome(op *load.Op) load.Outcome {
	why := a.description + " (" + strconv.FormatUint(a.errCode, 10) + ")"
	switch {
	case isRead(op) && a.errCode == codeNoMessage:
		return load.Outcome{Status: load.OK, NotFound: true}
	case a.errCode == codeWrongLast || a.errCode == codeWrongLastUnnamed:
		return load.Outcome{Status: load.Failed, WrongLast: true, Actual: a.actual(), Err: why}
	case isRead(op) || a.definite():
		return failed(why)
	}
	return unknown(why)
}

// definite says whether an error means that a write had and will have no effect. Refusals of the
// request itself do (4xx, but for 429, and 409 where another request with the same message id is under
// way): every server would refuse it. So do those decided when the log was applied.
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
		return strings.HasPrefix(a.description, "maximum ")
	case 0: // not an error of the API
		return false
	}
	return a.code >= 400 && a.code < 500 && a.code != 409 && a.code != 429
}

// actual is the sequence that a refusal names, plus one; 0 if it names none.
func (a *answer) actual() uint64 {
	_, text, ok := strings.Cut(a.description, "wrong last sequence: ")
	n, err := strconv.ParseUint(text, 10, 63)
	if !ok || err != nil {
		return 0
	}
	return n + 1
}

func (a *answer) messageOutcome() load.Outcome {
	data, err := base64.StdEncoding.DecodeString(a.data)
	if err != nil || a.msgSeq == 0 {
		return failed("a message that is not understood")
	}
	value, _, _ := bytes.Cut(data, []byte{' '})
	return load.Outcome{Status: load.OK, Seq: a.msgSeq, Value: string(value), Subject: a.subject}
}

// answer is what answers of the API say, as far as it matters here.
type answer struct {
	failed      bool
	code        uint64
	errCode     uint64
	description string

	stream    string
	seq       uint64
	duplicate bool

	subject, data string
	msgSeq        uint64
}

func (a *answer) parse(text []byte) bool {
	return members(text, func(key string, v value) bool {
		switch key {
		case "error":
			a.failed = string(v) != "null"
			return !a.failed || members(v, a.errorMember)
		case "message":
			return members(v, a.messageMember)
		case "stream":
			return v.string(&a.stream)
		case "seq":
			return v.number(&a.seq)
		case "duplicate":
			a.duplicate = string(v) == "true"
		}
		return true
	})
}

func (a *answer) errorMember(key string, v value) bool {
	switch key {
	case "code":
		return v.number(&a.code)
	case "err_code":
		return v.number(&a.errCode)
	case "description":
		return v.string(&a.description)
	}
	return true
}

func (a *answer) messageMember(key string, v value) bool {
	switch key {
	case "subject":
		return v.string(&a.subject)
	case "seq":
		return v.number(&a.msgSeq)
	case "data":
		return v.string(&a.data)
	}
	return true
}
