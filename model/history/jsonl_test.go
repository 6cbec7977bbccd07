package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const head = `{"schema":"brokerlab.history/1","seed":7}` + "\n"

func TestAHistoryReadBackIsTheHistoryWritten(t *testing.T) {
	h := sample(5000)
	h.Header.Settings = map[string]string{"sync": "interval"}
	var b bytes.Buffer
	require.NoError(t, WriteAll(&b, h))
	back, err := ReadAll(bytes.NewReader(b.Bytes()))
	require.NoError(t, err)
	h.Header.Schema = Schema
	require.Equal(t, h, back)
}

// anyEvent draws every field, wild values included.
func anyEvent(t *rapid.T) Event {
	text := func(name string) string {
		return rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[a-z0-9.-]{1,12}`), rapid.String(), rapid.Just("\xff<\u2028\"\\\x01")).Draw(t, name)
	}
	num := func(name string) uint64 {
		return rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64Range(0, 1000), rapid.Uint64()).Draw(t, name)
	}
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	return Event{
		Index: num("i"), Time: rapid.Int64().Draw(t, "t"), Kind: rapid.SampledFrom([]Kind{Invoke, OK, Fail, Info, Deliver, Obs, Fault}).Draw(t, "k"),
		Verb: Verb(text("f")), Op: num("op"), Client: text("c"), Node: rapid.Uint32().Draw(t, "n"), Stream: text("stream"), Subject: text("subject"),
		Value: text("v"), Seq: num("seq"), First: num("first"), NotFound: flag("none"), Dup: flag("dup"), Expect: num("expect"), Actual: num("actual"),
		Final: flag("final"), Err: text("err"), Group: num("g"), Term: num("term"), Idx: num("idx"), Hash: num("h"), N: rapid.Int64().Draw(t, "num"),
		Peer: rapid.Uint32().Draw(t, "peer"), On: flag("on"), Why: text("why"),
		Sub: num("sub"), Queue: text("q"), Consumer: text("con"), CSeq: num("cseq"), ID: text("id"), SubjectExpect: num("expects"),
		Code: int(rapid.Int32().Draw(t, "code")), Stamp: rapid.Int64().Draw(t, "ts"), Direct: flag("direct"),
	}
}

func TestEventsAreCodedAsEncodingJSONWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent(t)
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		require.NoError(t, enc.Encode(e))
		got := append(e.AppendJSON(nil), '\n')
		require.Equal(t, want.String(), string(got))

		var d decoder
		var fast, slow Event
		require.NoError(t, d.decode(got, &fast))
		require.NoError(t, decodeSlowly(got, &slow))
		require.Equal(t, slow, fast)
	})
}

func TestBadFilesAreRefusedWithTheLineAndTheRule(t *testing.T) {
	inv := `{"i":1,"t":0,"k":"invoke","f":"publish","op":1,"c":"c1"}` + "\n"
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "line 1: empty file"},
		{"not JSON", "hello\n", "line 1: the header is not JSON"},
		{"another schema", `{"schema":"x/2","seed":1}` + "\n", `line 1: schema "x/2" is not "brokerlab.history/1"`},
		{"a header cut short", `{"schema"`, "line 1: the line has no end: the file was cut short"},
		{"a last line cut short", head + inv + `{"i":2,"t":1,"k":"ok"`, "line 3: the line has no end: the file was cut short"},
		{"an unknown field", head + `{"i":1,"t":0,"k":"fault","f":"x","wrong":1}` + "\n", `line 2: not an event: json: unknown field "wrong"`},
		{"an unknown kind", head + `{"i":1,"t":0,"k":"maybe","f":"x"}` + "\n", `line 2: unknown kind "maybe"`},
		{"an index that stands still", head + inv + `{"i":1,"t":1,"k":"ok","f":"publish","op":1}` + "\n", "line 3: index 1 follows index 1"},
		{"an operation invoked twice", head + inv + strings.Replace(inv, `"i":1`, `"i":2`, 1), "line 3: operation 1 is invoked twice"},
		{"an operation without a number", head + strings.Replace(inv, `"op":1,`, ``, 1), "line 2: operation 0 is invoked twice, or has no number"},
		{"an answer to nothing", head + `{"i":1,"t":1,"k":"ok","f":"publish","op":9}` + "\n", "line 2: operation 9 completes without being open"},
		{"a second answer", head + inv + `{"i":2,"t":1,"k":"ok","f":"publish","op":1}` + "\n" + `{"i":3,"t":1,"k":"info","f":"publish","op":1}` + "\n", "line 4: operation 1 completes"},
		{"two events on a line", head + strings.TrimSpace(inv) + " {}\n", "line 2: not an event: something follows"},
		{"a number too large", head + `{"i":99999999999999999999,"t":0,"k":"fault","f":"x"}` + "\n", "line 2: not an event: json: cannot unmarshal number"},
		{"a node too large", head + `{"i":1,"t":0,"k":"fault","f":"x","n":4294967296}` + "\n", "line 2: not an event: json: cannot unmarshal number"},
		{"an empty line", head + "\n", "line 2: not an event"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadAll(strings.NewReader(c.text))
			var syntax *SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.Contains(t, err.Error(), c.want)
		})
	}
}

func TestWhatWasReadBeforeADamagedLineIsKept(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteAll(&b, sample(100)))
	h, err := ReadAll(bytes.NewReader(b.Bytes()[:b.Len()-3]))
	require.ErrorContains(t, err, "line 101: the line has no end: the file was cut short")
	require.Len(t, h.Events, 99)
}

func TestAnErrorOfTheReaderIsPassedOn(t *testing.T) {
	broken := errors.New("broken pipe")
	_, err := ReadAll(io.MultiReader(strings.NewReader(head), errReader{broken}))
	require.ErrorIs(t, err, broken)
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestOtherFormsOfTheSameJSONAreRead(t *testing.T) {
	text := head + ` { "i" : 1, "t":-5, "k":"fault", "f":"x", "why":"a\u0041\"" }` + "\r\n" + `{"t":1,"k":"event","f":"note","i":2,"h":18446744073709551615,"why":"` + strings.Repeat("x", 3<<20) + "\"}\n"
	h, err := ReadAll(strings.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, Event{Index: 1, Time: -5, Kind: Fault, Verb: "x", Why: `aA"`}, h.Events[0])
	require.Equal(t, ^uint64(0), h.Events[1].Hash)
	require.Len(t, h.Events[1].Why, 3<<20)
}

// FuzzReadAll: what is read can be written and read again to the same history, and the quick
// decoder agrees with encoding/json on every line.
func FuzzReadAll(f *testing.F) {
	var b bytes.Buffer
	if err := WriteAll(&b, sample(12)); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(head + `{"i":1,"t":0,"k":"fault","f":"x","why":"\ud800é","on":true}` + "\n"))
	f.Add([]byte(head + `{"i":1,"i":2,"t":-0,"K":"fault","f":"x","num":-9223372036854775808}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for line := range bytes.Lines(text) {
			var fast, slow Event
			d := decoder{in: line}
			if d.plain(&fast) {
				require.NoError(t, decodeSlowly(line, &slow), "%q", line)
				require.Equal(t, slow, fast, "%q", line)
			}
		}
		h, err := ReadAll(bytes.NewReader(text))
		if err != nil {
			return
		}
		var out bytes.Buffer
		require.NoError(t, WriteAll(&out, h))
		again, err := ReadAll(bytes.NewReader(out.Bytes()))
		require.NoError(t, err)
		require.Equal(t, h, again)
	})
}
