package consumer

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// AckPrefix begins the subjects that acks are published to, and FlowPrefix those of flow control. The v1 form is
// nats-server's default in 2.15.2 (server/feature_flags.go, js_ack_fc_v2).
const (
	AckPrefix  = "$JS.ACK."
	FlowPrefix = "$JS.FC."
)

// AppendAckSubject appends the reply subject of a delivery: $JS.ACK.stream.consumer.count.seq.cseq.stamp.pending.
func AppendAckSubject(dst []byte, stream, name string, d Delivery, stamp int64, pending uint64) []byte {
	dst = append(append(append(append(append(dst, AckPrefix...), stream...), '.'), name...), '.')
	dst = append(strconv.AppendUint(dst, d.Count, 10), '.')
	dst = append(strconv.AppendUint(dst, d.Seq, 10), '.')
	dst = append(strconv.AppendUint(dst, d.CSeq, 10), '.')
	dst = append(strconv.AppendInt(dst, stamp, 10), '.')
	return strconv.AppendUint(dst, pending, 10)
}

// ParseAckSubject takes the reply subject of a delivery apart (nats-server ackReplyInfo).
func ParseAckSubject(s string) (stream, name string, d Delivery, ok bool) {
	rest, ok := strings.CutPrefix(s, AckPrefix)
	tokens := strings.Split(rest, ".")
	if !ok || len(tokens) != 7 {
		return "", "", d, false
	}
	for i, n := range []*uint64{&d.Count, &d.Seq, &d.CSeq} {
		v, err := strconv.ParseUint(tokens[2+i], 10, 64)
		if err != nil || v == 0 {
			return "", "", d, false
		}
		*n = v
	}
	return tokens[0], tokens[1], d, true
}

// AckKind is what an ack's payload asks for.
type AckKind uint8

// Kinds of acks.
const (
	Unknown  AckKind = iota
	Ack              // +ACK, +OK or nothing
	Nak              // -NAK: deliver again, after Delay
	Progress         // +WPI: begin the ack wait anew
	Term             // +TERM: never deliver again, Reason says why
	Next             // +NXT: ack, and Rest asks for the next message
)

// Payload is an ack's payload, taken apart.
type Payload struct {
	Kind   AckKind
	Delay  int64 // nanoseconds
	Reason string
	Rest   []byte
}

// ParsePayload reads an ack's payload (nats-server processAck). A delay that is none counts as no delay.
func ParsePayload(p []byte) Payload {
	switch {
	case len(p) == 0, string(p) == "+ACK", string(p) == "+OK":
		return Payload{Kind: Ack}
	case bytes.HasPrefix(p, []byte("+NXT")):
		return Payload{Kind: Next, Rest: p[4:]}
	case bytes.HasPrefix(p, []byte("-NAK")):
		return Payload{Kind: Nak, Delay: parseDelay(bytes.TrimSpace(p[4:]))}
	case string(p) == "+WPI":
		return Payload{Kind: Progress}
	case bytes.HasPrefix(p, []byte("+TERM")):
		return Payload{Kind: Term, Reason: string(bytes.TrimSpace(p[5:]))}
	}
	return Payload{}
}

// maxDelay is a century: sums of it and a clock do not overflow.
const maxDelay = 100 * 365 * 86400 * sec

// parseDelay reads {"delay": nanoseconds}, or a duration in Go's notation.
func parseDelay(arg []byte) int64 {
	var d int64
	if len(arg) > 0 && arg[0] == '{' {
		var options struct {
			Delay int64 `json:"delay"`
		}
		if json.Unmarshal(arg, &options) == nil {
			d = options.Delay
		}
	} else {
		d = parseDuration(string(arg))
	}
	return min(max(d, 0), maxDelay)
}

var durationUnits = []struct {
	name string
	ns   int64
}{{"ns", 1}, {"us", 1000}, {"µs", 1000}, {"ms", ms}, {"s", sec}, {"m", 60 * sec}, {"h", 3600 * sec}}

// parseDuration reads whole numbers with units, like 1m30s; 0 for anything else. Package time and floats have no
// place in a broker, and clients that write fractions here send them as JSON.
func parseDuration(s string) (total int64) {
	for s != "" {
		digits := 0
		for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
			digits++
		}
		n, err := strconv.ParseInt(s[:digits], 10, 64)
		if err != nil {
			return 0
		}
		s = s[digits:]
		letters := 0
		for letters < len(s) && (s[letters] < '0' || s[letters] > '9') {
			letters++
		}
		unit := int64(0)
		for _, u := range durationUnits {
			if s[:letters] == u.name {
				unit = u.ns
			}
		}
		if unit == 0 || n > maxDelay/unit {
			return 0
		}
		if total += n * unit; total > maxDelay {
			return maxDelay
		}
		s = s[letters:]
	}
	return total
}

const (
	ms  = 1_000_000
	sec = 1000 * ms
)
