package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// calls writes down what a handler is told.
type calls struct {
	log  []string
	fail string // the call that returns errHandler
}

var errHandler = errors.New("handler says no")

func (c *calls) add(format string, args ...any) error {
	c.log = append(c.log, fmt.Sprintf(format, args...))
	if c.fail != "" && strings.HasPrefix(c.log[len(c.log)-1], c.fail) {
		return errHandler
	}
	return nil
}

func (c *calls) String() string { return strings.Join(c.log, "\n") }

func (c *calls) OnConnect(json []byte) error { return c.add("CONNECT %s", json) }
func (c *calls) OnPing() error               { return c.add("PING") }
func (c *calls) OnPong() error               { return c.add("PONG") }
func (c *calls) OnOK() error                 { return c.add("+OK") }
func (c *calls) OnErr(text []byte) error     { return c.add("-ERR %s", text) }
func (c *calls) OnInfo(json []byte) error    { return c.add("INFO %s", json) }
func (c *calls) OnSub(subject, queue, sid []byte) error {
	return c.add("SUB %q %q %q", subject, queue, sid)
}
func (c *calls) OnUnsub(sid []byte, max int) error { return c.add("UNSUB %q %d", sid, max) }
func (c *calls) OnPub(p *Pub) error {
	return c.add("PUB %q reply=%q header=%q payload=%q tail=%q", p.Subject, p.Reply, p.Header, p.Payload, p.Tail)
}

func (c *calls) OnMsg(m *Msg) error {
	return c.add("MSG %q sid=%q reply=%q header=%q payload=%q", m.Subject, m.SID, m.Reply, m.Header, m.Payload)
}

func parse(t *testing.T, in string) (string, error) {
	t.Helper()
	c, p := &calls{}, &Parser{}
	err := p.Feed([]byte(in), c)
	return c.String(), err
}

func TestEveryVerbOfAClientIsRead(t *testing.T) {
	for in, want := range map[string]string{
		"PING\r\n":                    "PING",
		"ping\r\n":                    "PING",
		"PoNg \r\n":                   "PONG",
		"CONNECT {\"a\":1}\r\n":       `CONNECT {"a":1}`,
		"SUB a.* 1\r\n":               `SUB "a.*" "" "1"`,
		"sub\ta.>  q \t 1\r\n":        `SUB "a.>" "q" "1"`,
		"UNSUB 1\r\n":                 `UNSUB "1" 0`,
		"UNSUB 1 7\n":                 `UNSUB "1" 7`,
		"PUB a 2\r\nhi\r\n":           `PUB "a" reply="" header="" payload="hi" tail="2\r\nhi\r\n"`,
		"pub a r 0\r\n\r\n":           `PUB "a" reply="r" header="" payload="" tail="r 0\r\n\r\n"`,
		"HPUB a 3 5\r\nhhhpp\r\n":     `PUB "a" reply="" header="hhh" payload="pp" tail="3 5\r\nhhhpp\r\n"`,
		"HPUB a r 3 5\r\nhhhpp\r\n":   `PUB "a" reply="r" header="hhh" payload="pp" tail="r 3 5\r\nhhhpp\r\n"`,
		"PUB  a\tr   002 \nhi\r\n":    `PUB "a" reply="r" header="" payload="hi" tail="r 2\r\nhi\r\n"`,
		"PUB a 2\nhi\r\n":             `PUB "a" reply="" header="" payload="hi" tail="2\r\nhi\r\n"`,
		"PUB a  2\r\nhi\r\n":          `PUB "a" reply="" header="" payload="hi" tail="2\r\nhi\r\n"`,
		"PUB a 7 2\r\nhi\r\n":         `PUB "a" reply="7" header="" payload="hi" tail="7 2\r\nhi\r\n"`,
		"PUB a 02\r\nhi\r\n":          `PUB "a" reply="" header="" payload="hi" tail="2\r\nhi\r\n"`,
		"HPUB a  r 03 5\r\nhhhpp\r\n": `PUB "a" reply="r" header="hhh" payload="pp" tail="r 3 5\r\nhhhpp\r\n"`,
		"PUB a 4\r\n\r\n\r\n\r\n":     `PUB "a" reply="" header="" payload="\r\n\r\n" tail="4\r\n\r\n\r\n\r\n"`,
	} {
		if got, err := parse(t, in); err != nil || got != want {
			t.Errorf("%q:\n got %s (%v)\nwant %s", in, got, err, want)
		}
	}
}

func TestEveryBreachIsNamedAsClientsExpectIt(t *testing.T) {
	for in, want := range map[string]*Error{
		"HELLO\r\n":                             ErrUnknownOp,
		"x":                                     ErrUnknownOp,
		"\r\n":                                  ErrUnknownOp,
		"GET / HTTP/1.1\r\n":                    ErrUnknownOp,
		"PINGS\r\n":                             ErrUnknownOp,
		"-ERR 'x'\r\n":                          ErrUnknownOp,
		"MERR 'x'\r\n":                          ErrUnknownOp,
		"PUB\r\n":                               ErrUnknownOp,
		"PUB a\r\n":                             ErrParser,
		"PUB a b c 1\r\n":                       ErrParser,
		"PUB a r \r\n\r\n":                      ErrParser,
		"PUB a \r\n\r\n":                        ErrParser,
		"PUB a x\r\n":                           ErrParser,
		"PUB a -1\r\n":                          ErrParser,
		"PUB a +1\r\nx\r\n":                     ErrParser,
		"HPUB a 1\r\nx\r\n":                     ErrParser,
		"HPUB a 2 1\r\nx\r\n":                   ErrParser,
		"SUB a\r\n":                             ErrParser,
		"SUB a b c d\r\n":                       ErrParser,
		"SUB a b c d e f\r\n":                   ErrParser,
		"UNSUB\r\n":                             ErrUnknownOp,
		"UNSUB 1 x\r\n":                         ErrParser,
		"PUB a 2\r\nhi!\r\n":                    ErrUnknownOp,
		"PUB a 2\r\nhi\n\n":                     ErrUnknownOp,
		"PUB a 1048577\r\n":                     ErrMaxPayload,
		"PUB a 99999999999999999999\r\n":        ErrMaxPayload,
		"HPUB a 1 99999999999999999999\r\n":     ErrMaxPayload,
		"SUB " + strings.Repeat("a", 5000):      ErrMaxControlLine,
		"SUB " + strings.Repeat("a", 4096) + "": nil,
		"PUB " + strings.Repeat("a", 4095) + " 0\r\n\r\n":   ErrMaxControlLine,
		"CONNECT " + strings.Repeat("{", 4097) + "\r\n":     ErrMaxControlLine,
		"SUB " + strings.Repeat("a", 4094) + " 1\r\n":       nil,
		"SUB " + strings.Repeat("a", 4095) + " 1\r\nPING\r": ErrMaxControlLine,
	} {
		_, err := parse(t, in)
		single, p := error(nil), &Parser{}
		for i := 0; i < len(in) && single == nil; i++ {
			single = p.Feed([]byte{in[i]}, &calls{})
		}
		for _, err := range []error{err, single} {
			if want == nil && err == nil {
				continue
			}
			if want == nil || !errors.Is(err, want) || ErrText(err) != want.Text {
				t.Errorf("%.40q: %v, not %v", in, err, want)
			}
		}
	}
}

func TestALineIsRefusedAsSoonAsItsVerbIsWrong(t *testing.T) {
	p := &Parser{}
	if err := p.Feed([]byte("C"), &calls{}); err != nil {
		t.Fatal(err)
	}
	if err := p.Feed([]byte("0"), &calls{}); !errors.Is(err, ErrUnknownOp) {
		t.Errorf("after C0: %v", err)
	}
}

func TestALimitOfPayloadHoldsForWholeMessagesToo(t *testing.T) {
	for in, ok := range map[string]bool{
		"PUB a 4\r\n1234\r\n": true, "PUB a 5\r\n12345\r\n": false, "HPUB a 3 4\r\n1234\r\n": true,
		"HPUB a 3 5\r\n12345\r\n": false, "pub a 5\r\n12345\r\n": false,
	} {
		if err := (&Parser{MaxPayload: 4}).Feed([]byte(in), &calls{}); (err == nil) != ok || err != nil && !errors.Is(err, ErrMaxPayload) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestAParserThatFailedStaysFailed(t *testing.T) {
	c, p := &calls{fail: "PING"}, &Parser{}
	if err := p.Feed([]byte("PONG\r\nPING\r\nPONG\r\n"), c); err != errHandler {
		t.Fatalf("Feed: %v", err)
	}
	if err := p.Feed([]byte("PONG\r\n"), c); err != errHandler {
		t.Fatalf("Feed after the error: %v", err)
	}
	if got := c.String(); got != "PONG\nPING" {
		t.Errorf("calls: %s", got)
	}
}

// clientBytes draws what a client might send, right and wrong.
func clientBytes(t *rapid.T) string {
	piece := rapid.Custom(func(t *rapid.T) string {
		payload := rapid.StringMatching(`[a\r\n]{0,20}`).Draw(t, "payload")
		eol := rapid.SampledFrom([]string{"\r\n", "\r\n", "\n"}).Draw(t, "eol")
		sep := rapid.SampledFrom([]string{" ", " ", "  ", "\t"}).Draw(t, "sep")
		size := len(payload)
		if rapid.IntRange(0, 20).Draw(t, "lie") == 0 {
			size++
		}
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0:
			return "PING" + eol
		case 1:
			return "SUB" + sep + "a.b" + sep + "1" + eol
		case 2:
			return "UNSUB" + sep + "1" + eol
		case 3:
			return "CONNECT {}" + eol
		case 4:
			return fmt.Sprintf("PUB%sa%sreply%s%d%s%s\r\n", sep, sep, sep, size, eol, payload)
		case 5:
			return fmt.Sprintf("HPUB%sa%s%d%s%d%s%s\r\n", sep, sep, size/2, sep, size, eol, payload)
		case 6:
			return rapid.SampledFrom([]string{"", "", "", "x", "PU", "PUB a 1", "\r\n"}).Draw(t, "junk")
		}
		return fmt.Sprintf("PUB%sa%s%d%s%s\r\n", sep, sep, size, eol, payload)
	})
	return strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), "")
}

// cut feeds in pieces.
func cut(t *rapid.T, in string, feed func([]byte) error) error {
	for len(in) > 0 {
		n := min(len(in), rapid.IntRange(1, 12).Draw(t, "cut"))
		piece := []byte(in[:n])
		if err := feed(piece); err != nil {
			return err
		}
		for i := range piece {
			piece[i] = '#' // the reader uses its buffer again
		}
		in = in[n:]
	}
	return nil
}

func TestAParserTellsTheSameHoweverTheBytesAreCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := clientBytes(t)
		whole, pieces, p, q := &calls{}, &calls{}, &Parser{}, &Parser{}
		err := p.Feed([]byte(in), whole)
		err2 := cut(t, in, func(b []byte) error { return q.Feed(b, pieces) })
		if whole.String() != pieces.String() || (err == nil) != (err2 == nil) || err != nil && ErrText(err) != ErrText(err2) {
			t.Fatalf("%q\nwhole %s (%v)\ncut   %s (%v)", in, whole, err, pieces, err2)
		}
		if err == nil && p.Buffered() != q.Buffered() {
			t.Fatalf("%q: %d bytes kept of the whole, %d of the pieces", in, p.Buffered(), q.Buffered())
		}
	})
}

func TestTheQuickPathReadsWhatTheGeneralPathReads(t *testing.T) {
	arg := rapid.SampledFrom([]string{"a", "r", "0", "2", "02", "4294967298", "99999999", "\x01", "", "a\tb", "-1", ";"})
	rapid.Check(t, func(t *rapid.T) {
		args := rapid.SliceOfN(arg, 0, 4).Draw(t, "args")
		in := " " + strings.Join(args, " ") + rapid.SampledFrom([]string{"\r\n", "\n", "\r\r\n", "\r"}).Draw(t, "eol") +
			rapid.SampledFrom([]string{"hi\r\n", "\r\n", "hi\n\r", "h"}).Draw(t, "payload")
		quick, general := &calls{}, &calls{}
		err, err2 := (&Parser{}).Feed([]byte("PUB"+in), quick), (&Parser{}).Feed([]byte("pub"+in), general) // capitals only are quick
		if quick.String() != general.String() || (err == nil) != (err2 == nil) || err != nil && ErrText(err) != ErrText(err2) {
			t.Fatalf("%q\nquick   %s (%v)\ngeneral %s (%v)", in, quick, err, general, err2)
		}
	})
}

func TestATailMakesADeliveryThatAClientReadsAsItWasPublished(t *testing.T) {
	text := rapid.StringMatching(`[a-z\r\n]{0,40}`)
	rapid.Check(t, func(t *rapid.T) {
		reply := rapid.SampledFrom([]string{"", "inbox.1"}).Draw(t, "reply")
		header, payload := []byte(text.Draw(t, "header")), []byte(text.Draw(t, "payload"))
		pub, want := AppendPub(nil, "a.b", reply, payload), AppendMsg(nil, "a.b", "7", reply, payload)
		tail := AppendTail(nil, reply, nil, payload)
		if rapid.Bool().Draw(t, "headers") {
			pub, want = AppendHPub(nil, "a.b", reply, header, payload), AppendHMsg(nil, "a.b", "7", reply, header, payload)
			tail = AppendTail(nil, reply, append([]byte{}, header...), payload)
		}
		d := delivery{}
		if err := (&Parser{}).Feed(pub, &d); err != nil {
			t.Fatal(err)
		}
		if string(d.line) != string(want) || string(d.tail) != string(tail) {
			t.Fatalf("%q delivered as %q, not %q, tail %q", pub, d.line, want, tail)
		}
	})
}

type delivery struct {
	calls
	line, tail []byte
}

func (d *delivery) OnPub(p *Pub) error {
	prefix := AppendMsgPrefix[[]byte, string]
	if p.Headers() {
		prefix = AppendHMsgPrefix[[]byte, string]
	}
	d.line, d.tail = append(prefix(nil, p.Subject, "7"), p.Tail...), append(d.tail, p.Tail...)
	return nil
}

func TestParsingAPublishAllocatesNothing(t *testing.T) {
	in, p, h := []byte("PUB orders.new _INBOX.x.1 5\r\nhello\r\nHPUB a 3 5\r\nhhhpp\r\n"), &Parser{}, &count{}
	if n := testing.AllocsPerRun(100, func() { p.Feed(in, h) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	cutAt := len(in) - 3
	p.Feed(in, h)
	if n := testing.AllocsPerRun(100, func() { p.Feed(in[:cutAt], h); p.Feed(in[cutAt:], h) }); n != 0 {
		t.Errorf("cut: %v allocations", n)
	}
}

func TestBuffersFollowWhatHasComeNotWhatWasAnnounced(t *testing.T) {
	p, h := &Parser{MaxPayload: 64 << 20}, &count{}
	p.Feed([]byte("PUB a 60000000\r\n"), h)
	p.Feed(make([]byte, 1000), h)
	if n := cap(p.stream.buf); n > 4096 {
		t.Errorf("%d bytes are held for 1016 received", n)
	}
	q := &Parser{}
	in := AppendPub(nil, "a", "", make([]byte, 500_000))
	q.Feed(in[:100], h)
	q.Feed(in[100:], h)
	if n := cap(q.stream.buf); h.n != 1 || n != 0 {
		t.Errorf("%d messages; %d bytes are held when nothing is pending", h.n, n)
	}
}

type count struct {
	calls
	n int
}

func (c *count) OnPub(p *Pub) error { c.n++; return nil }

func FuzzParser(f *testing.F) {
	f.Add([]byte("CONNECT {}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\n"), 3)
	f.Add([]byte("HPUB a r 3 5\r\nhhhpp\r\nUNSUB 1 2\r\nPING\r\n"), 7)
	f.Add([]byte("PUB a  02\nhi\r\n"), 1)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		whole, pieces := &calls{}, &calls{}
		p, q := &Parser{MaxControlLine: 64, MaxPayload: 256}, &Parser{MaxControlLine: 64, MaxPayload: 256}
		err := p.Feed(in, whole)
		var err2 error
		for rest := in; len(rest) > 0 && err2 == nil; {
			n := min(len(rest), max(1, size&0xff))
			err2 = q.Feed(rest[:n], pieces)
			rest = rest[n:]
		}
		if whole.String() != pieces.String() || (err == nil) != (err2 == nil) {
			t.Errorf("%q in pieces of %d:\nwhole %s (%v)\ncut   %s (%v)", in, size, whole, err, pieces, err2)
		}
	})
}

func BenchmarkParsePub(b *testing.B) {
	for _, size := range []int{16, 128, 1024} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			var in []byte
			for range 100 {
				in = AppendPub(in, "orders.new", "", make([]byte, size))
			}
			p, h := &Parser{}, &count{}
			for b.Loop() {
				if err := p.Feed(in, h); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(h.n), "ns/msg")
		})
	}
}
