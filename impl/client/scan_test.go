package client

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// FuzzMembers holds the scanner against encoding/json: of every valid object it finds the same
// members.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":{"c":[1,"}"]},"d":"x\"y" , "e":null}`))
	f.Add([]byte(` { } `))
	f.Add([]byte(`{"a":1}x`))
	f.Add([]byte(`{"a":"\`))
	f.Fuzz(func(t *testing.T, text []byte) {
		found := map[string]value{}
		ok := members(text, func(key []byte, v value) bool {
			found[string(key)] = v
			return true
		})
		var want map[string]json.RawMessage
		if json.Unmarshal(text, &want) != nil || want == nil || bytes.IndexByte(text, '\\') >= 0 || !utf8Valid(text) {
			return // not an object, or with keys that are not spelled as they are meant
		}
		if !ok || len(found) != len(want) {
			t.Fatalf("%q: %v, members %q, not %q", text, ok, found, want)
		}
		for k, v := range want {
			if !bytes.Equal(found[k], v) {
				t.Errorf("%q: member %q is %q, not %q", text, k, found[k], v)
			}
		}
	})
}

func utf8Valid(text []byte) bool { return bytes.Equal(bytes.ToValidUTF8(text, nil), text) }

// FuzzAnswer: no answer makes the client panic, or say that a publish is stored without a sequence.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		`{"stream":"S","seq":1}`, `{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"}}`,
		`{"message":{"subject":"a","seq":2,"data":"djE="}}`,
	} {
		f.Add([]byte(text), []byte("NATS/1.0 503\r\n\r\n"))
		f.Add([]byte(text), []byte{})
	}
	f.Fuzz(func(t *testing.T, text, header []byte) {
		for _, verb := range []history.Verb{history.Publish, history.Read, history.Create} {
			out := outcome(&answer{}, &load.Op{Verb: verb}, &wire.Msg{Header: header, Payload: text})
			if out.Status == 0 || out.Status == load.OK && verb == history.Publish && out.Seq == 0 {
				t.Errorf("%s answered %q %q: %+v", verb, header, text, out)
			}
		}
	})
}

func BenchmarkPubAck(b *testing.B) {
	a, op, m := &answer{}, &load.Op{Verb: history.Publish, Stream: "ORDERS"}, &wire.Msg{Payload: []byte(`{"stream":"ORDERS","seq":12345}`)}
	b.ReportAllocs()
	for b.Loop() {
		if outcome(a, op, m).Status != load.OK {
			b.Fatal("not ok")
		}
	}
}

// FuzzAckSubject holds the parser of reply subjects against a plain one.
func FuzzAckSubject(f *testing.F) {
	f.Add("$JS.ACK.S.C.1.10.4.1767225600000000000.3")
	f.Add("$JS.ACK.hub.Acc.S.C.2.10.4.1767225600000000000.0.xyz")
	f.Add("$JS.ACK.hub.Acc.S.C.2.10.4.1767225600000000000.0")
	f.Add("$JS.ACK.S.C.1.10.4.17672256000000000000.99999999999999999999")
	f.Add("_INBOX.c1.7")
	f.Fuzz(func(t *testing.T, subject string) {
		var a ackSubject
		ok := a.parse([]byte(subject))
		tokens := strings.Split(subject, ".")
		from := 2
		switch {
		case len(tokens) >= 11:
			from = 4
		case len(tokens) != 9:
			from = 0
		}
		want := from > 0 && tokens[0] == "$JS" && tokens[1] == "ACK" && tokens[from] != "" && tokens[from+1] != ""
		var n [5]uint64
		for i := range n {
			if !want {
				break
			}
			var err error
			n[i], err = strconv.ParseUint(tokens[from+2+i], 10, 64)
			plain := strings.Trim(tokens[from+2+i], "0123456789") == "" && len(tokens[from+2+i]) <= 20
			want = err == nil && plain && (n[i] > 0 || i > 2) && (i != 3 || n[i] <= math.MaxInt64)
		}
		if ok != want {
			t.Fatalf("%q: parsed %v, not %v", subject, ok, want)
		}
		if ok && (string(a.stream) != tokens[from] || string(a.consumer) != tokens[from+1] ||
			[5]uint64{a.count, a.seq, a.cseq, uint64(a.stamp), a.pending} != n) {
			t.Fatalf("%q: %+v", subject, a)
		}
	})
}

// FuzzFetch: nothing that comes for a fetch makes the client panic, or end it twice, or as ok with more than
// was asked for.
func FuzzFetch(f *testing.F) {
	f.Add("404 No Messages", "", "")
	f.Add("100 Idle Heartbeat", "$JS.ACK.S.C.1.10.4.1767225600000000000.3", "v1 ")
	f.Add("", "$JS.ACK.S.C.1.10.4.1767225600000000000.3", "v1 ")
	f.Add("409", "", "x")
	f.Fuzz(func(t *testing.T, status, reply, text string) {
		if strings.ContainsAny(reply, " \t\r\n") || strings.ContainsAny(status, "\r\n") {
			return // not one message
		}
		w, err := newWorld(Config{Name: "c1", Nodes: []machine.NodeID{1}})
		if err != nil {
			t.Fatal(err)
		}
		w.open(w.token)
		w.bytes("INFO {\"headers\":true}\r\nPONG\r\n", 1000)
		w.want(0, load.Op{Verb: history.Fetch, Stream: "S", Consumer: "C", Batch: 2})
		var b []byte
		for range 3 {
			if status == "" {
				b = wire.AppendMsg(b, "a", "2", reply, []byte(text))
			} else {
				b = wire.AppendHMsg(b, "a", "2", reply, []byte("NATS/1.0 "+status+"\r\n\r\n"), []byte(text))
			}
		}
		w.bytes(string(b), 10)
		if out := w.ended[1]; out.N > 2 || len(w.got) > 2 {
			t.Fatalf("%d messages, %+v", len(w.got), out)
		}
	})
}

// FuzzStamp holds the reader of times against the standard library's.
func FuzzStamp(f *testing.F) {
	for _, text := range []string{"2026-02-28T23:59:59.000000001Z", "2000-02-29T00:00:00Z", "1970-01-01T00:00:00.1Z", "2100-12-31T01:02:03.5Z", "0001-01-01T00:00:00Z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		stamp, ok := parseStamp([]byte(text))
		want, err := time.Parse("2006-01-02T15:04:05.999999999Z", text)
		switch {
		case ok && err != nil:
			if !strings.Contains(err.Error(), "day out of range") {
				t.Fatalf("%q is read as %d: %v", text, stamp, err)
			}
		case ok && want.UnixNano() != stamp:
			t.Fatalf("%q is %d, not %d", text, stamp, want.UnixNano())
		case !ok && err == nil && want.Format("2006-01-02T15:04:05.999999999Z") == text && want.Year() >= 1970 && want.Year() <= 2200:
			t.Fatalf("%q is not read", text)
		}
	})
}
