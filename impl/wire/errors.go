package wire

import (
	"errors"
	"fmt"
)

// Error is a breach of the client protocol, after which a connection cannot go on. Text is what
// an -ERR line says of it, in nats-server's own words (server/errors.go, client.go): clients compare it, some
// without regard to case, and take what they do not know for the end.
type Error struct {
	Text   string
	Detail string
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return "protocol: " + e.Text
	}
	return "protocol: " + e.Text + ": " + e.Detail
}

// Is makes errors.Is compare by Text.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Text == e.Text
}

// Breaches that the parsers return.
var (
	ErrUnknownOp      = &Error{Text: "Unknown Protocol Operation"}
	ErrParser         = &Error{Text: "Parser Error"}
	ErrMaxControlLine = &Error{Text: "maximum control line exceeded"}
	ErrMaxPayload     = &Error{Text: "Maximum Payload Violation"}
)

// Breaches that only whoever handles the calls can find.
var (
	ErrClientProtocol = &Error{Text: "invalid client protocol"}
	ErrNoHeaders      = &Error{Text: "message headers not supported"}
	ErrNoResponders   = &Error{Text: "no responders requires headers support"}
	ErrSubject        = &Error{Text: "Invalid Subject"}         // of a SUB; the connection may go on
	ErrPublishSubject = &Error{Text: "Invalid Publish Subject"} // of a PUB, if pedantic; may go on
	ErrStale          = &Error{Text: "Stale Connection"}
	ErrSlowConsumer   = &Error{Text: "Slow Consumer"}
	ErrAuthorization  = &Error{Text: "Authorization Violation"}
	ErrAuthTimeout    = &Error{Text: "Authentication Timeout"}
	ErrMaxConnections = &Error{Text: "maximum connections exceeded"}
	ErrMaxSubs        = &Error{Text: "maximum subscriptions exceeded"} // of a SUB; the connection may go on
)

// ErrText is what an -ERR line says of err: its Text if it is an Error, else "Parser Error".
func ErrText(err error) string {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Text
	}
	return ErrParser.Text
}

const snippet = 32

func breach(of *Error, format string, args ...any) error {
	return &Error{Text: of.Text, Detail: fmt.Sprintf(format, args...)}
}

func quoted(p []byte) string { return fmt.Sprintf("%.*q", snippet, p[:min(len(p), snippet)]) }

// FrameError says why bytes are not a frame of a peer.
type FrameError struct {
	Kind Kind
	Why  string
}

func (e *FrameError) Error() string { return fmt.Sprintf("peer frame %s: %s", e.Kind, e.Why) }
