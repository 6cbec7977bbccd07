package client

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
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
		ok := members(text, func(key string, v value) bool {
			found[key] = v
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
			out := outcome(&load.Op{Verb: verb}, &wire.Msg{Header: header, Payload: text})
			if out.Status == 0 || out.Status == load.OK && verb == history.Publish && out.Seq == 0 {
				t.Errorf("%s answered %q %q: %+v", verb, header, text, out)
			}
		}
	})
}

func BenchmarkPubAck(b *testing.B) {
	op, m := &load.Op{Verb: history.Publish, Stream: "ORDERS"}, &wire.Msg{Payload: []byte(`{"stream":"ORDERS","seq":12345}`)}
	b.ReportAllocs()
	for b.Loop() {
		if outcome(op, m).Status != load.OK {
			b.Fatal("not ok")
		}
	}
}
