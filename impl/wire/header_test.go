package wire

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestAHeaderIsFoundByItsWholeNameOnly(t *testing.T) {
	hdr := AppendHeader(nil, "X-Nats-Msg-Id", "wrong", "Nats-Msg-Id-2", "wrong", "nats-msg-id", "wrong",
		"Nats-Msg-Id", "right", "Nats-Msg-Id", "second", "Empty", "")
	for key, want := range map[string]string{"Nats-Msg-Id": "right", "Msg-Id": "", "NATS/1.0": "", "": "", "Absent": ""} {
		if got := HeaderGet(hdr, key); string(got) != want || (want == "") != (got == nil) {
			t.Errorf("%s is %q, not %q", key, got, want)
		}
	}
	if got := HeaderGet(hdr, "Empty"); got == nil || len(got) != 0 {
		t.Errorf("an empty value is %v", got)
	}
	if got := HeaderGet([]byte("NATS/1.0\r\nA:  b c \t\r\n\r\n"), "A"); string(got) != "b c" {
		t.Errorf("blanks around a value stay: %q", got)
	}
}

func TestStatusLinesAreReadBack(t *testing.T) {
	hdr := AppendStatus(nil, 503, "")
	if string(hdr) != "NATS/1.0 503\r\n\r\n" {
		t.Errorf("status block %q", hdr)
	}
	hdr = AppendStatus(nil, 404, "No Messages", "Nats-Subject", "a")
	if string(hdr) != "NATS/1.0 404 No Messages\r\nNats-Subject: a\r\n\r\n" || !HeaderValid(hdr) {
		t.Errorf("status block %q", hdr)
	}
	if code, text := HeaderStatus(hdr); code != 404 || string(text) != "No Messages" {
		t.Errorf("status %d %q", code, text)
	}
	for _, none := range []string{"", "NATS/1.0\r\n\r\n", "NATS/1.0 \r\n\r\n", "NATS/1.0 x\r\n\r\n", "HTTP/1.0 200\r\n"} {
		if code, text := HeaderStatus([]byte(none)); code != 0 || text != nil {
			t.Errorf("%q has status %d %q", none, code, text)
		}
	}
}

func TestHeadersAreReadBackInOrderAndMayBeExtended(t *testing.T) {
	word := rapid.StringMatching(`[A-Za-z-]{1,8}`)
	rapid.Check(t, func(t *rapid.T) {
		pairs := rapid.SliceOfN(word, 0, 6).Draw(t, "pairs")
		pairs = pairs[:len(pairs)/2*2]
		n := rapid.IntRange(0, len(pairs)/2).Draw(t, "first") * 2
		var first []byte // a message without headers has no block
		if n > 0 {
			first = AppendHeader(nil, pairs[:n]...)
		}
		hdr := AppendHeaderWith(nil, first, pairs[n:]...)
		if !HeaderValid(hdr) {
			t.Fatalf("%q is not valid", hdr)
		}
		var got []string
		for k, v := range Headers(hdr) {
			got = append(got, string(k), string(v))
		}
		if fmt.Sprint(got) != fmt.Sprint(pairs) {
			t.Fatalf("%q read as %q, not %q", hdr, got, pairs)
		}
	})
}

func TestBadHeaderBlocksAreNotValid(t *testing.T) {
	for _, bad := range []string{
		"", "NATS/1.0", "NATS/1.0\r\n", "NATS/1.0\r\nA: b\r\n", "NATS/1.0\r\nA: b\r\n\r\nx", "NATS/1.01\r\n\r\n",
		"NATS/1.0\r\nnocolon\r\n\r\n", "NATS/1.0\r\n: v\r\n\r\n", "HTTP/1.1 200\r\n\r\n",
	} {
		if HeaderValid([]byte(bad)) {
			t.Errorf("%q is valid", bad)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add([]byte("NATS/1.0 503\r\nA: b\r\n\r\n"), "A")
	f.Fuzz(func(t *testing.T, hdr []byte, key string) {
		HeaderStatus(hdr)
		got := HeaderGet(hdr, key)
		if !HeaderValid(hdr) || key == "" || bytes.ContainsAny([]byte(key), ":\r\n") {
			return
		}
		var want []byte
		for k, v := range Headers(hdr) {
			if want == nil && string(k) == key {
				want = v
			}
		}
		if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%q of %q: %q by HeaderGet, %q by Headers", key, hdr, got, want)
		}
	})
}
