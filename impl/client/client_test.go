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

	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
)

// TestStories runs the transcripts. Their commands:
//
//	boot [nodes=(1,2)] [ping=..] [timeout=..]  a fresh client
//	want verb [in=1s] [stream=] [subject=] [value=] … [delivery=n]
//	                   an operation; delivery=n is the n-th that came
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
				w.want(duration(t, d, "in"), w.wanted(t, d))
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
	first := uint64(0)
	d.MaybeScanArgs(t, "first", &first)
	cfg.First = machine.NodeID(first)
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

func (w *world) wanted(t *testing.T, d *datadriven.TestData) load.Op {
	op := load.Op{Verb: history.Verb(d.CmdArgs[0].Key), Timeout: int64(duration(t, d, "timeout"))}
	d.MaybeScanArgs(t, "stream", &op.Stream)
	d.MaybeScanArgs(t, "subject", &op.Subject)
	d.MaybeScanArgs(t, "value", &op.Value)
	d.MaybeScanArgs(t, "size", &op.Size)
	d.MaybeScanArgs(t, "seq", &op.Seq)
	d.MaybeScanArgs(t, "expect", &op.Expect)
	d.MaybeScanArgs(t, "replicas", &op.Replicas)
	d.MaybeScanArgs(t, "id", &op.ID)
	d.MaybeScanArgs(t, "expectsubject", &op.ExpectSubject)
	d.MaybeScanArgs(t, "rollup", &op.Rollup)
	d.MaybeScanArgs(t, "keep", &op.Keep)
	d.MaybeScanArgs(t, "tag", &op.Tag)
	d.MaybeScanArgs(t, "queue", &op.Queue)
	d.MaybeScanArgs(t, "consumer", &op.Consumer)
	d.MaybeScanArgs(t, "batch", &op.Batch)
	d.MaybeScanArgs(t, "maxbytes", &op.MaxBytes)
	op.Direct, op.NoWait, op.Confirm = d.HasArg("direct"), d.HasArg("nowait"), d.HasArg("confirm")
	op.Expires, op.Heartbeat, op.Delay = int64(duration(t, d, "expires")), int64(duration(t, d, "heartbeat")), int64(duration(t, d, "delay"))
	node := uint64(0)
	d.MaybeScanArgs(t, "node", &node)
	op.Node = uint32(node)
	if n := 0; d.MaybeScanArgs(t, "delivery", &n) {
		op.Delivery = w.got[n-1]
	}
	if op.Verb == history.CreateConsumer {
		op.ConsumerConfig = &consumer.Config{Durable: op.Consumer, AckPolicy: "explicit", DeliverPolicy: "all", ReplayPolicy: "instant"}
	}
	if max := int64(0); d.MaybeScanArgs(t, "maxmsgs", &max) {
		op.Config = &stream.Config{Subjects: []string{op.Subject}, MaxMsgs: max, Replicas: op.Replicas}
	}
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
			b.WriteString(statusMessage("_INBOX.c1."+n+" 1", text))
		case "header": // header INBOX KEY: VALUE; KEY: VALUE | TEXT
			fields, payload, _ := strings.Cut(text, " | ")
			header := "NATS/1.0\r\n" + strings.ReplaceAll(fields, "; ", "\r\n") + "\r\n\r\n"
			fmt.Fprintf(&b, "HMSG _INBOX.c1.%s 1 %d %d\r\n%s%s\r\n", n, len(header), len(header)+len(payload), header, payload)
		case "got": // got SID STATUS, of a fetch
			b.WriteString(statusMessage("_INBOX.c1.fetch."+n+" "+n, text))
		case "message": // message SID ACKSUBJECT TEXT
			ack, text, _ := strings.Cut(text, " ")
			fmt.Fprintf(&b, "MSG orders.new %s %s %d\r\n%s\r\n", n, ack, len(text), text)
		case "push": // push SID STATUS, of a push consumer
			b.WriteString(statusMessage("deliver.C "+n, text))
		default:
			b.WriteString(line + "\r\n")
		}
	}
	return b.String()
}

// statusMessage is an HMSG whose header has a status; further fields follow it after semicolons.
func statusMessage(to, text string) string {
	header := "NATS/1.0 " + strings.ReplaceAll(text, "; ", "\r\n") + "\r\n\r\n"
	return fmt.Sprintf("HMSG %s %d %d\r\n%s\r\n", to, len(header), len(header), header)
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
		t.Repeat(map[string]func(*rapid.T){
			"want":   func(t *rapid.T) { w.want(0, anyOp(t, w)) },
			"open":   func(t *rapid.T) { w.open(w.token - machine.Token(rapid.IntRange(0, 1).Draw(t, "old"))) },
			"refuse": func(*rapid.T) { w.refuse() },
			"close":  func(*rapid.T) { w.close("reset") },
			"hello":  func(*rapid.T) { w.bytes("INFO {\"headers\":true}\r\nPONG\r\n", 7) },
			"answer": func(t *rapid.T) {
				c := w.m.(*Client)
				num, text := rapid.Uint64Range(0, c.next+1).Draw(t, "number"), answers.Draw(t, "answer")
				if o := c.ops[num]; o != nil && o.sent && c.session.greeted {
					w.answered[o.id] = true
				}
				w.bytes(fmt.Sprintf("MSG %s%d 1 %d\r\n%s\r\n", c.inbox, num, len(text), text), 11)
			},
			"deliver": func(t *rapid.T) {
				ack := rapid.SampledFrom([]string{"", "$JS.ACK.S.C.1.7.7.1.0 ", "_INBOX.q "}).Draw(t, "reply")
				w.bytes(fmt.Sprintf("MSG a %d %s2\r\nv9\r\n", w.anySID(t), ack), 13)
			},
			"status": func(t *rapid.T) {
				c, sid := w.m.(*Client), w.anySID(t)
				status := rapid.SampledFrom([]string{"100 Idle Heartbeat", "404 No Messages", "503", "400 Bad Request", "409 Consumer Deleted"}).Draw(t, "status")
				if s := c.slots[sid]; s != nil && s.num != 0 {
					w.answered[c.ops[s.num].id] = true
				}
				w.bytes(statusMessage(fmt.Sprintf("a %d", sid), status), 9)
			},
			"pong": func(t *rapid.T) { w.bytes("PONG\r\n", 3) },
			"pass": func(t *rapid.T) { w.advance(time.Duration(rapid.IntRange(1, 6000).Draw(t, "ms")) * time.Millisecond) },
			"":     func(t *rapid.T) { w.check(t) },
		})
		w.advance(40 * time.Second)
		for id, op := range w.opened {
			if !silent(&op) {
				t.Fatalf("operation %d, %s, never ended", id, op.Verb)
			}
		}
		if c := w.m.(*Client); len(c.ops) > 0 {
			t.Fatalf("the client holds %d operations that have ended", len(c.ops))
		}
		if w.done != w.taken {
			t.Fatalf("the load was told %d ends of %d wishes", w.done, w.taken)
		}
		for id, out := range w.ended {
			if out.Status == load.Failed && w.sent[id] && !w.answered[id] {
				t.Fatalf("operation %d was sent, got no answer, and is failed: %s", id, out.Err)
			}
		}
	})
}

// anyOp draws a wish, sensible or not.
func anyOp(t *rapid.T, w *world) load.Op {
	op := load.Op{
		Verb: rapid.SampledFrom([]history.Verb{
			history.Publish, history.Read, history.Create, history.Send, history.Flush, history.Request, history.Subscribe, history.Unsubscribe,
			history.Fetch, history.Ack, history.Answer, load.Leave, load.Die, load.Join, load.Stall, load.Resume,
		}).Draw(t, "verb"),
		Stream: "S", Consumer: "C", Subject: "s", Value: "v", Batch: 2, Tag: rapid.Uint64Range(1, 3).Draw(t, "tag"),
		Confirm: rapid.Bool().Draw(t, "confirm"), Timeout: int64(rapid.IntRange(1, 9).Draw(t, "timeout")) * second,
		Heartbeat: int64(rapid.IntRange(0, 2).Draw(t, "heartbeat")) * second,
	}
	if len(w.got) > 0 {
		op.Delivery = w.got[len(w.got)-1]
	}
	return op
}

// anySID is that of a subscription, as a rule of one there is.
func (w *world) anySID(t *rapid.T) uint64 {
	return rapid.Uint64Range(0, w.m.(*Client).lastSID+1).Draw(t, "sid")
}

// check holds the client's own books against each other.
func (w *world) check(t *rapid.T) {
	c := w.m.(*Client)
	for sid, sub := range c.bySID {
		if sub.sid != sid || c.find(sub.Tag) != sub || !c.session.ready {
			t.Fatalf("subscription %d: %+v, ready %v", sid, sub, c.session.ready)
		}
	}
	for sid, s := range c.slots {
		if o := c.ops[s.num]; s.sid != sid || s.num != 0 && (o == nil || o.slot != s) {
			t.Fatalf("inbox %d: %+v", sid, s)
		}
	}
	if n := len(c.session.barriers.waiting); n > len(c.ops)+len(w.ended) {
		t.Fatalf("%d operations wait for a PONG", n)
	}
	if c.off && (len(c.bySID) > 0 || c.session.conn != 0 || c.session.dialing) {
		t.Fatalf("a client that has left has %d subscriptions, connection %d", len(c.bySID), c.session.conn)
	}
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
