package client

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// TestStories runs the transcripts. Their commands:
//
//	boot [nodes=(1,2)] [ping=..] [timeout=..]  a fresh client
//	want verb [in=1s] [stream=] [subject=] [value=] [size=] [seq=] [expect=] [timeout=] [replicas=]
//	open [token=n]     the dial succeeded
//	refuse             the dial failed
//	hello              INFO, and the PONG that makes the connection ready
//	send [cut=n]       the server's lines, from the input; b64(...) is encoded, size: of MSG and HMSG counted
//	close [why=..]     the connection is gone
//	pass 3s            time
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var w *world
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var err error
			switch d.Cmd {
			case "boot":
				if w, err = newWorld(bootConfig(t, d)); err != nil {
					return err.Error() + "\n"
				}
			case "want":
				w.want(duration(t, d, "in"), wanted(t, d))
			case "open":
				token := uint64(w.token)
				d.MaybeScanArgs(t, "token", &token)
				w.open(machine.Token(token))
			case "refuse":
				w.refuse()
			case "hello":
				w.bytes("INFO {\"server_id\":\"x\",\"headers\":true}\r\n", 1000)
				w.bytes("PONG\r\n", 1000)
			case "send":
				size := 1 << 20
				d.MaybeScanArgs(t, "cut", &size)
				w.bytes(serverLines(d.Input), size)
			case "close":
				why := ""
				d.MaybeScanArgs(t, "why", &why)
				w.close(why)
			case "pass":
				span, err := time.ParseDuration(d.CmdArgs[0].Key)
				if err != nil {
					t.Fatal(err)
				}
				w.advance(span)
			default:
				t.Fatalf("unknown command %s", d.Cmd)
			}
			return w.took()
		})
	})
}

func bootConfig(t *testing.T, d *datadriven.TestData) Config {
	cfg := Config{Name: "c1", Nodes: []machine.NodeID{1}}
	d.MaybeScanArgs(t, "name", &cfg.Name)
	if a, ok := d.Arg("nodes"); ok {
		cfg.Nodes = nil
		for _, v := range a.Vals {
			n, err := strconv.Atoi(v)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Nodes = append(cfg.Nodes, machine.NodeID(n))
		}
	}
	cfg.PingInterval = int64(duration(t, d, "ping"))
	cfg.RequestTimeout = int64(duration(t, d, "timeout"))
	d.MaybeScanArgs(t, "outstanding", &cfg.MaxOutstanding)
	return cfg
}

func duration(t *testing.T, d *datadriven.TestData, key string) time.Duration {
	var text string
	if !d.MaybeScanArgs(t, key, &text) {
		return 0
	}
	span, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return span
}

func wanted(t *testing.T, d *datadriven.TestData) load.Op {
	op := load.Op{Verb: verbs[d.CmdArgs[0].Key], Timeout: int64(duration(t, d, "timeout"))}
	if op.Verb == "" {
		op.Verb = history.Verb(d.CmdArgs[0].Key)
	}
	d.MaybeScanArgs(t, "stream", &op.Stream)
	d.MaybeScanArgs(t, "subject", &op.Subject)
	d.MaybeScanArgs(t, "value", &op.Value)
	d.MaybeScanArgs(t, "size", &op.Size)
	d.MaybeScanArgs(t, "seq", &op.Seq)
	d.MaybeScanArgs(t, "expect", &op.Expect)
	d.MaybeScanArgs(t, "replicas", &op.Replicas)
	return op
}

var encoded = regexp.MustCompile(`b64\(([^)]*)\)`)

// serverLines makes protocol of the story's lines: "reply n text" is a MSG to inbox n, "status n
// text" an HMSG whose header has that status.
func serverLines(input string) string {
	input = encoded.ReplaceAllStringFunc(input, func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte(encoded.FindStringSubmatch(s)[1]))
	})
	var b strings.Builder
	for line := range strings.SplitSeq(input, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		n, text, _ := strings.Cut(rest, " ")
		switch word {
		case "reply":
			fmt.Fprintf(&b, "MSG _INBOX.c1.%s 1 %d\r\n%s\r\n", n, len(text), text)
		case "status":
			header := "NATS/1.0 " + text + "\r\n\r\n"
			fmt.Fprintf(&b, "HMSG _INBOX.c1.%s 1 %d %d\r\n%s\r\n", n, len(header), len(header), header)
		default:
			b.WriteString(line + "\r\n")
		}
	}
	return b.String()
}

func TestEveryOperationEndsOnceHoweverConnectionsBehave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, err := newWorld(Config{Name: "c1", Nodes: []machine.NodeID{1, 2, 3}})
		if err != nil {
			t.Fatal(err)
		}
		answers := rapid.SampledFrom([]string{
			`{"stream":"S","seq":5}`, `{"error":{"code":503,"err_code":10077,"description":"x"}}`,
			`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"}}`, `{`, ``,
		})
		answered := map[uint64]bool{} // operations that the broker answered while they were open and sent
		t.Repeat(map[string]func(*rapid.T){
			"want": func(t *rapid.T) {
				verb := rapid.SampledFrom([]history.Verb{history.Publish, history.Read, history.Last, history.Create}).Draw(t, "verb")
				w.want(0, load.Op{Verb: verb, Stream: "S", Subject: "s", Value: "v", Timeout: int64(rapid.IntRange(1, 9).Draw(t, "timeout")) * second})
			},
			"open":   func(t *rapid.T) { w.open(w.token - machine.Token(rapid.IntRange(0, 1).Draw(t, "old"))) },
			"refuse": func(*rapid.T) { w.refuse() },
			"close":  func(*rapid.T) { w.close("reset") },
			"hello": func(*rapid.T) {
				w.bytes("INFO {\"headers\":true}\r\nPONG\r\n", 7)
			},
			"answer": func(t *rapid.T) {
				num, text := rapid.Uint64Range(0, w.begun+1).Draw(t, "number"), answers.Draw(t, "answer")
				if c := w.m.(*Client); c.ops[num] != nil && c.ops[num].sent && c.session.greeted {
					answered[num] = true
				}
				w.bytes(fmt.Sprintf("MSG _INBOX.c1.%d 1 %d\r\n%s\r\n", num, len(text), text), 11)
			},
			"pass": func(t *rapid.T) { w.advance(time.Duration(rapid.IntRange(1, 6000).Draw(t, "ms")) * time.Millisecond) },
		})
		w.advance(20 * time.Second)
		if len(w.opened) > 0 || uint64(len(w.ended)) != w.begun {
			t.Fatalf("of %d operations %v never ended", w.begun, w.opened)
		}
		for id, out := range w.ended {
			if out.Status == load.Failed && w.sent[id] && !answered[id] {
				t.Fatalf("operation %d was sent, got no answer, and is failed: %s", id, out.Err)
			}
			if out.Status != load.Failed && !w.sent[id] {
				t.Fatalf("operation %d was never sent, and ended as %+v", id, out)
			}
		}
	})
}

func TestAConfigurationThatCannotWorkDoesNotBoot(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no name":  {Nodes: []machine.NodeID{1}},
		"two":      {Name: "a.b", Nodes: []machine.NodeID{1}},
		"no node":  {Name: "c1"},
		"negative": {Name: "c1", Nodes: []machine.NodeID{1}, PingInterval: -1},
	} {
		if _, err := newWorld(cfg); err == nil {
			t.Errorf("%s: boots", name)
		}
	}
	if _, err := Boot(Config{Name: "c1", Nodes: []machine.NodeID{1}})(&machine.Env{}, nil, &machine.Effects{}); err == nil {
		t.Error("without load and recorder: boots")
	}
}
