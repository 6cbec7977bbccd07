package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEveryVerbOfAServerIsRead(t *testing.T) {
	for in, want := range map[string]string{
		"INFO {\"a\":1}\r\n":            `INFO {"a":1}`,
		"MSG a 1 2\r\nhi\r\n":           `MSG "a" sid="1" reply="" header="" payload="hi"`,
		"MSG a 1 r 0\r\n\r\n":           `MSG "a" sid="1" reply="r" header="" payload=""`,
		"HMSG a 1 3 5\r\nhhhpp\r\n":     `MSG "a" sid="1" reply="" header="hhh" payload="pp"`,
		"hmsg  a 1\tr 3 3 \r\nhhh\r\n":  `MSG "a" sid="1" reply="r" header="hhh" payload=""`,
		"+OK\r\nPING\r\nPONG\n":         "+OK\nPING\nPONG",
		"-ERR 'Stale Connection'\r\n":   "-ERR Stale Connection",
		"-ERR  Unknown\r\n":             "-ERR Unknown",
		"INFO {}\r\nMSG a 1 1\r\nx\r\n": "INFO {}\n" + `MSG "a" sid="1" reply="" header="" payload="x"`,
	} {
		c := &calls{}
		if err := (&ClientParser{}).Feed([]byte(in), c); err != nil || c.String() != want {
			t.Errorf("%q:\n got %s (%v)\nwant %s", in, c, err, want)
		}
	}
}

func TestAServerThatBreaksTheProtocolIsNotFollowed(t *testing.T) {
	for in, want := range map[string]*Error{
		"PUB a 1\r\n":                        ErrUnknownOp,
		"KOK\r\n":                            ErrUnknownOp,
		"MSG a 1\r\n":                        ErrParser,
		"MSG a 1 r s 1\r\n":                  ErrParser,
		"HMSG a 1 2\r\n":                     ErrParser,
		"HMSG a 1 5 2\r\n":                   ErrParser,
		"MSG a 1 x\r\n":                      ErrParser,
		"MSG a 1 99999999999\r\n":            ErrMaxPayload,
		"MSG a 1 2\r\nhi!!":                  ErrUnknownOp,
		"INFO " + strings.Repeat("x", 70000): ErrMaxControlLine,
	} {
		if err := (&ClientParser{}).Feed([]byte(in), &calls{}); !errors.Is(err, want) {
			t.Errorf("%.40q: %v, not %v", in, err, want)
		}
	}
}

func TestAClientParserTellsTheSameHoweverTheBytesAreCut(t *testing.T) {
	piece := rapid.Custom(func(t *rapid.T) string {
		payload := []byte(rapid.StringMatching(`[a\r\n]{0,20}`).Draw(t, "payload"))
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			return PingLine + OKLine
		case 1:
			return string(AppendErr(nil, "Slow Consumer"))
		case 2:
			return string(AppendInfo(nil, &Info{ServerID: "x"}))
		case 3:
			return string(AppendHMsg(nil, "a", "1", "r", payload, payload))
		case 4:
			return rapid.SampledFrom([]string{"", "", "MS", "MSG a 1 4\r\nhi"}).Draw(t, "junk")
		}
		return string(AppendMsg(nil, "a", "1", "", payload))
	})
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), "")
		whole, pieces, p, q := &calls{}, &calls{}, &ClientParser{}, &ClientParser{}
		err := p.Feed([]byte(in), whole)
		err2 := cut(t, in, func(b []byte) error { return q.Feed(b, pieces) })
		if whole.String() != pieces.String() || (err == nil) != (err2 == nil) {
			t.Fatalf("%q\nwhole %s (%v)\ncut   %s (%v)", in, whole, err, pieces, err2)
		}
	})
}

func TestWhatOneSideEncodesTheOtherSideReads(t *testing.T) {
	c := &calls{}
	in := AppendConnect(nil, &Connect{Name: "x"})
	in = AppendSub(in, "a.*", "q", "1")
	in = AppendSub(in, []byte("b"), "", []byte("2"))
	in = AppendUnsub(in, "1", 5)
	in = AppendUnsub(in, "2", 0)
	if err := (&Parser{}).Feed(append(in, PongLine...), c); err != nil {
		t.Fatal(err)
	}
	want := `CONNECT {"verbose":false,"pedantic":false,"echo":false,"tls_required":false,"headers":false,` +
		`"no_responders":false,"protocol":0,"name":"x","lang":"","version":""}` +
		"\nSUB \"a.*\" \"q\" \"1\"\nSUB \"b\" \"\" \"2\"\nUNSUB \"1\" 5\nUNSUB \"2\" 0\nPONG"
	if c.String() != want {
		t.Errorf("got\n%s\nwant\n%s", c, want)
	}
}

func TestConnectAndInfoSurviveTheirJSON(t *testing.T) {
	c := DefaultConnect()
	if err := ParseConnect([]byte(`{"verbose":false,"headers":true,"new_thing":{"a":[1]},"name":"n"}`), &c); err != nil {
		t.Fatal(err)
	}
	if want := (Connect{Pedantic: true, Echo: true, Headers: true, Name: "n"}); c != want {
		t.Errorf("CONNECT read as %+v, not %+v", c, want)
	}
	if err := ParseConnect([]byte(`{"verbose":1`), &c); !errors.Is(err, ErrParser) {
		t.Errorf("broken CONNECT: %v", err)
	}
	info := Info{
		ServerID: "id", ServerName: "n1", Version: "2.15.2", Proto: 1, Headers: true, MaxPayload: 1 << 20,
		JetStream: true, ClientID: 7, ConnectURLs: []string{"a:1"}, APILevel: 5,
	}
	line := AppendInfo(nil, &info)
	var back Info
	if err := ParseInfo(line[len("INFO "):], &back); err != nil || fmt.Sprint(back) != fmt.Sprint(info) {
		t.Errorf("%s read as %+v (%v)", line, back, err)
	}
}

func FuzzClientParser(f *testing.F) {
	f.Add([]byte("INFO {}\r\nMSG a 1 2\r\nhi\r\n"), 3)
	f.Add([]byte("HMSG a 1 r 3 5\r\nhhhpp\r\n-ERR 'x'\r\n+OK\r\n"), 7)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		whole, pieces := &calls{}, &calls{}
		p, q := &ClientParser{MaxControlLine: 64, MaxPayload: 256}, &ClientParser{MaxControlLine: 64, MaxPayload: 256}
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
