package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// Histories have millions of lines, so events are coded by hand in the form that encoding/json
// gives them. What is out of the ordinary (escapes, white space, other number forms, unknown
// fields, errors) is left to encoding/json, which stays the authority on both sides.

// AppendJSON appends e as encoding/json writes it, without HTML escapes or a line end.
func (e *Event) AppendJSON(b []byte) []byte {
	b = strconv.AppendUint(append(b, `{"i":`...), e.Index, 10)
	b = strconv.AppendInt(append(b, `,"t":`...), e.Time, 10)
	b = appendString(append(b, `,"k":`...), string(e.Kind))
	b = appendString(append(b, `,"f":`...), string(e.Verb))
	b = appendUint(b, `,"op":`, e.Op)
	b = appendText(b, `,"c":`, e.Client)
	b = appendUint(b, `,"n":`, uint64(e.Node))
	b = appendText(b, `,"stream":`, e.Stream)
	b = appendText(b, `,"subject":`, e.Subject)
	b = appendText(b, `,"v":`, e.Value)
	b = appendUint(b, `,"seq":`, e.Seq)
	b = appendUint(b, `,"first":`, e.First)
	b = appendTrue(b, `,"none":true`, e.NotFound)
	b = appendTrue(b, `,"dup":true`, e.Dup)
	b = appendUint(b, `,"expect":`, e.Expect)
	b = appendUint(b, `,"actual":`, e.Actual)
	b = appendTrue(b, `,"final":true`, e.Final)
	b = appendText(b, `,"err":`, e.Err)
	b = appendUint(b, `,"g":`, e.Group)
	b = appendUint(b, `,"rid":`, e.Member)
	b = appendUint(b, `,"term":`, e.Term)
	b = appendUint(b, `,"idx":`, e.Idx)
	b = appendUint(b, `,"h":`, e.Hash)
	b = appendInt(b, `,"num":`, e.N)
	b = appendUint(b, `,"peer":`, uint64(e.Peer))
	b = e.appendDelivery(b)
	b = appendTrue(b, `,"on":true`, e.On)
	return append(appendText(b, `,"why":`, e.Why), '}')
}

// appendDelivery appends what consumers and core messaging add.
func (e *Event) appendDelivery(b []byte) []byte {
	b = appendUint(b, `,"sub":`, e.Sub)
	b = appendText(b, `,"q":`, e.Queue)
	b = appendText(b, `,"con":`, e.Consumer)
	b = appendUint(b, `,"cseq":`, e.CSeq)
	b = appendText(b, `,"id":`, e.ID)
	b = appendUint(b, `,"expects":`, e.SubjectExpect)
	b = appendInt(b, `,"code":`, int64(e.Code))
	b = appendInt(b, `,"ts":`, e.Stamp)
	return appendTrue(b, `,"direct":true`, e.Direct)
}

func appendInt(b []byte, key string, n int64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(append(b, key...), n, 10)
}

func appendUint(b []byte, key string, n uint64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendUint(append(b, key...), n, 10)
}

func appendTrue(b []byte, text string, v bool) []byte {
	if !v {
		return b
	}
	return append(b, text...)
}

func appendText(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return appendString(append(b, key...), s)
}

func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendEscaped(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

func appendEscaped(b []byte, s string) []byte {
	var w bytes.Buffer
	enc := json.NewEncoder(&w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(fmt.Sprintf("a string has no JSON form: %v", err)) // encoding/json has one for every string
	}
	return append(b, bytes.TrimSuffix(w.Bytes(), []byte("\n"))...)
}

// decoder reads events and shares the strings that come again and again.
type decoder struct {
	names [1 << 12]string
	in    []byte
	at    int
}

// decode reads one line into e.
func (d *decoder) decode(text []byte, e *Event) error {
	d.in, d.at = text, 0
	if !d.plain(e) {
		*e = Event{}
		if err := decodeSlowly(text, e); err != nil {
			return err
		}
	}
	switch e.Kind {
	case Invoke, OK, Fail, Info, Deliver, Obs, Fault:
		return nil
	}
	return fmt.Errorf("unknown kind %q", e.Kind)
}

func decodeSlowly(text []byte, e *Event) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(e); err != nil {
		return fmt.Errorf("not an event: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("not an event: something follows its closing brace")
	}
	return nil
}

// plain reads a line as AppendJSON writes it; false means that encoding/json has to look.
func (d *decoder) plain(e *Event) bool {
	if !d.eat('{') {
		return false
	}
	for {
		key, ok := d.text()
		if !ok || !d.eat(':') || !d.field(key, e) {
			return false
		}
		if d.eat(',') {
			continue
		}
		return d.eat('}') && d.eat('\n') && d.at == len(d.in)
	}
}

func (d *decoder) field(key []byte, e *Event) bool {
	switch string(key) {
	case "i":
		return d.uint(&e.Index)
	case "t":
		return d.int(&e.Time)
	case "k":
		return d.string((*string)(&e.Kind))
	case "f":
		return d.string((*string)(&e.Verb))
	case "op":
		return d.uint(&e.Op)
	case "c":
		return d.string(&e.Client)
	case "n":
		return d.uint32(&e.Node)
	case "stream":
		return d.string(&e.Stream)
	case "subject":
		return d.string(&e.Subject)
	case "v":
		return d.string(&e.Value)
	case "seq":
		return d.uint(&e.Seq)
	case "first":
		return d.uint(&e.First)
	case "none":
		return d.bool(&e.NotFound)
	case "dup":
		return d.bool(&e.Dup)
	case "expect":
		return d.uint(&e.Expect)
	case "actual":
		return d.uint(&e.Actual)
	}
	return d.rareField(key, e)
}

func (d *decoder) rareField(key []byte, e *Event) bool {
	switch string(key) {
	case "final":
		return d.bool(&e.Final)
	case "err":
		return d.string(&e.Err)
	case "g":
		return d.uint(&e.Group)
	case "rid":
		return d.uint(&e.Member)
	case "term":
		return d.uint(&e.Term)
	case "idx":
		return d.uint(&e.Idx)
	case "h":
		return d.uint(&e.Hash)
	case "num":
		return d.int(&e.N)
	case "peer":
		return d.uint32(&e.Peer)
	case "on":
		return d.bool(&e.On)
	case "why":
		return d.string(&e.Why)
	}
	return d.deliveryField(key, e)
}

func (d *decoder) deliveryField(key []byte, e *Event) bool {
	switch string(key) {
	case "sub":
		return d.uint(&e.Sub)
	case "q":
		return d.string(&e.Queue)
	case "con":
		return d.string(&e.Consumer)
	case "cseq":
		return d.uint(&e.CSeq)
	case "id":
		return d.string(&e.ID)
	case "expects":
		return d.uint(&e.SubjectExpect)
	case "code":
		var code int64
		ok := d.int(&code)
		e.Code = int(code)
		return ok
	case "ts":
		return d.int(&e.Stamp)
	case "direct":
		return d.bool(&e.Direct)
	}
	return false
}

func (d *decoder) eat(c byte) bool {
	if d.at < len(d.in) && d.in[d.at] == c {
		d.at++
		return true
	}
	return false
}

// text reads a string without escapes.
func (d *decoder) text() ([]byte, bool) {
	if !d.eat('"') {
		return nil, false
	}
	from, ascii := d.at, true
	for ; d.at < len(d.in); d.at++ {
		switch c := d.in[d.at]; {
		case c == '"':
			s := d.in[from:d.at]
			d.at++
			return s, ascii || utf8.Valid(s)
		case c == '\\' || c < ' ':
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

func (d *decoder) string(to *string) bool {
	s, ok := d.text()
	if !ok {
		return false
	}
	h := uint32(2166136261)
	for _, c := range s {
		h = (h ^ uint32(c)) * 16777619
	}
	name := &d.names[(h^h>>16)%uint32(len(d.names))]
	if *name != string(s) {
		*name = string(s)
	}
	*to = *name
	return true
}

// uint reads a number of digits without a leading zero.
func (d *decoder) uint(to *uint64) bool {
	from, n := d.at, uint64(0)
	for ; d.at < len(d.in); d.at++ {
		c := d.in[d.at] - '0'
		if c > 9 {
			break
		}
		if n > (math.MaxUint64-9)/10 {
			if n != math.MaxUint64/10 || c > 5 {
				return false
			}
		}
		n = 10*n + uint64(c)
	}
	*to = n
	return d.at > from && (d.in[from] != '0' || d.at == from+1)
}

func (d *decoder) uint32(to *uint32) bool {
	var n uint64
	ok := d.uint(&n)
	*to = uint32(n)
	return ok && n <= math.MaxUint32
}

func (d *decoder) int(to *int64) bool {
	negative := d.eat('-')
	var n uint64
	if !d.uint(&n) || n > math.MaxInt64 {
		return false
	}
	if *to = int64(n); negative {
		*to = -*to
	}
	return true
}

func (d *decoder) bool(to *bool) bool {
	for _, v := range [2]string{"true", "false"} {
		if len(d.in)-d.at >= len(v) && string(d.in[d.at:d.at+len(v)]) == v {
			d.at += len(v)
			*to = v == "true"
			return true
		}
	}
	return false
}
