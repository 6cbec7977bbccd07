package wire

import "strconv"

// Lines without arguments.
const (
	PingLine = "PING\r\n"
	PongLine = "PONG\r\n"
	OKLine   = "+OK\r\n"
)

// Text is what a subject, sid or queue may be held in.
type Text interface{ ~string | ~[]byte }

// AppendPub appends a PUB; reply may be empty.
func AppendPub[S, R Text](dst []byte, subject S, reply R, payload []byte) []byte {
	dst = append(append(append(dst, "PUB "...), subject...), ' ')
	return appendTail(dst, reply, payload)
}

// AppendHPub appends an HPUB; header is a whole block, as AppendHeader makes it.
func AppendHPub[S, R Text](dst []byte, subject S, reply R, header, payload []byte) []byte {
	dst = append(append(append(dst, "HPUB "...), subject...), ' ')
	return appendHeaderTail(dst, reply, header, payload)
}

// AppendSub appends a SUB; queue may be empty.
func AppendSub[S, Q, I Text](dst []byte, subject S, queue Q, sid I) []byte {
	dst = append(append(append(dst, "SUB "...), subject...), ' ')
	if len(queue) > 0 {
		dst = append(append(dst, queue...), ' ')
	}
	return append(append(dst, sid...), "\r\n"...)
}

// AppendUnsub appends an UNSUB, to take effect after max deliveries, or at once if max is 0.
func AppendUnsub[I Text](dst []byte, sid I, max int) []byte {
	dst = append(append(dst, "UNSUB "...), sid...)
	if max > 0 {
		dst = strconv.AppendInt(append(dst, ' '), int64(max), 10)
	}
	return append(dst, "\r\n"...)
}

// AppendMsg appends a MSG; reply may be empty.
func AppendMsg[S, I, R Text](dst []byte, subject S, sid I, reply R, payload []byte) []byte {
	return appendTail(AppendMsgPrefix(dst, subject, sid), reply, payload)
}

// AppendHMsg appends an HMSG; reply and payload may be empty.
func AppendHMsg[S, I, R Text](dst []byte, subject S, sid I, reply R, header, payload []byte) []byte {
	return appendHeaderTail(AppendHMsgPrefix(dst, subject, sid), reply, header, payload)
}

// AppendMsgPrefix appends "MSG subject sid ", which a Pub.Tail without headers makes whole.
func AppendMsgPrefix[S, I Text](dst []byte, subject S, sid I) []byte {
	dst = append(append(append(dst, "MSG "...), subject...), ' ')
	return append(append(dst, sid...), ' ')
}

// AppendHMsgPrefix appends "HMSG subject sid ", which a Pub.Tail with headers makes whole.
func AppendHMsgPrefix[S, I Text](dst []byte, subject S, sid I) []byte {
	dst = append(append(append(dst, "HMSG "...), subject...), ' ')
	return append(append(dst, sid...), ' ')
}

// AppendTail appends what follows "MSG subject sid ", or if header is not nil "HMSG subject
// sid ": for one message that is delivered many times. It is a Pub.Tail.
func AppendTail[R Text](dst []byte, reply R, header, payload []byte) []byte {
	if header != nil {
		return appendHeaderTail(dst, reply, header, payload)
	}
	return appendTail(dst, reply, payload)
}

func appendTail[R Text](dst []byte, reply R, payload []byte) []byte {
	if len(reply) > 0 {
		dst = append(append(dst, reply...), ' ')
	}
	dst = appendSizes(dst, -1, len(payload))
	return append(append(dst, payload...), "\r\n"...)
}

func appendHeaderTail[R Text](dst []byte, reply R, header, payload []byte) []byte {
	if len(reply) > 0 {
		dst = append(append(dst, reply...), ' ')
	}
	dst = appendSizes(dst, len(header), len(header)+len(payload))
	return append(append(append(dst, header...), payload...), "\r\n"...)
}

// appendSizes appends the sizes of a message with a header, or without if hlen is -1, and ends the
// line.
func appendSizes(dst []byte, hlen, size int) []byte {
	if hlen >= 0 {
		dst = append(strconv.AppendInt(dst, int64(hlen), 10), ' ')
	}
	return append(strconv.AppendInt(dst, int64(size), 10), "\r\n"...)
}

// AppendErr appends an -ERR line.
func AppendErr(dst []byte, text string) []byte {
	return append(append(append(dst, "-ERR '"...), text...), "'\r\n"...)
}
