//go:build !race

package alike

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/brokerlab/brokerlab/impl/broker"
	"github.com/brokerlab/brokerlab/impl/drive"
)

const patience = time.Minute // a busy machine is no failure

// both are a client of this broker and one of nats-server.
type both struct{ ours, theirs *nats.Conn }

func start(t testing.TB, switches ...func(*broker.Switches)) both {
	t.Helper()
	o := drive.Options{StoreDir: t.TempDir(), Port: -1, Unsafe: true}
	o.Switches, _ = broker.Profile("reference")
	for _, s := range switches {
		s(&o.Switches)
	}
	b, err := o.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(); err != nil {
			t.Error(err)
		}
	})
	n, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	t.Cleanup(n.Shutdown)
	if !n.ReadyForConnections(patience) {
		t.Fatal("nats-server is not ready for connections")
	}
	two := both{connect(t, b.Addr().String()), connect(t, n.Addr().String())}
	for {
		if _, err := two.ours.Request("$JS.API.INFO", nil, patience); err == nil {
			return two // the broker leads itself from here on
		}
	}
}

func connect(t testing.TB, addr string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("nats://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// call is one request: "SUBJECT [Header:value ...] | body". Subjects that begin with a capital are of the API.
type call string

func (c call) message() *nats.Msg {
	head, body, _ := strings.Cut(string(c), " | ")
	fields := strings.Fields(head)
	m := nats.NewMsg(fields[0])
	if f := fields[0][0]; f >= 'A' && f <= 'Z' {
		m.Subject = "$JS.API." + fields[0]
	}
	for _, h := range fields[1:] {
		k, v, _ := strings.Cut(h, ":")
		m.Header.Add(k, v)
	}
	m.Data = []byte(body)
	return m
}

// ask makes the call and renders all its answers: more than one follow a batch.
func ask(nc *nats.Conn, c call) string {
	m := c.message()
	m.Reply = nc.NewInbox()
	sub, err := nc.SubscribeSync(m.Reply)
	if err != nil {
		return "error: " + err.Error()
	}
	defer sub.Unsubscribe()
	if err := nc.PublishMsg(m); err != nil {
		return "error: " + err.Error()
	}
	batch := strings.Contains(string(m.Data), `"batch"`) && strings.Contains(m.Subject, "DIRECT") || strings.Contains(string(m.Data), `"multi_last"`)
	var out []string
	for {
		a, err := sub.NextMsg(patience)
		if err != nil {
			return strings.Join(append(out, "error: "+err.Error()), "\n")
		}
		out = append(out, render(a))
		if s := a.Header.Get("Status"); !batch || s != "" {
			return strings.Join(out, "\n")
		}
	}
}

// render is an answer without what two servers cannot agree on: times, sizes as the stores count them, who they are.
func render(m *nats.Msg) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m.Header)) {
		if k == "Nats-Time-Stamp" {
			if _, err := time.Parse(time.RFC3339Nano, m.Header.Get(k)); err == nil {
				fmt.Fprintf(&b, "%s: (a time)\n", k)
				continue
			}
		}
		fmt.Fprintf(&b, "%s: %q\n", k, m.Header[k])
	}
	var v map[string]any
	if json.Unmarshal(m.Data, &v) != nil {
		return b.String() + string(m.Data)
	}
	text, _ := json.Marshal(prune(v))
	return b.String() + string(text)
}

var (
	pruned  = []string{"created", "ts", "time", "first_ts", "last_ts", "cluster", "bytes", "did_create", "consumer_limits", "allow_msg_ttl", "metadata", "last_active"}
	unequal = []string{"invalid JSON", "invalid subject", "invalid retention"} // texts that begin alike and go on in each server's words
)

func prune(v map[string]any) map[string]any {
	for _, k := range pruned {
		delete(v, k)
	}
	for k, x := range v {
		switch x := x.(type) {
		case map[string]any:
			v[k] = prune(x)
		case []any:
			for i := range x {
				if y, ok := x[i].(map[string]any); ok {
					x[i] = prune(y)
				}
			}
		case string:
			if k == "description" && strings.HasPrefix(x, "sequence ") && strings.HasSuffix(x, " not found") || x == "no message found" {
				return map[string]any{"error": "not found"} // a sequence that is not there is one error or another, by how its file looks
			}
			for _, prefix := range unequal {
				if k == "description" && strings.HasPrefix(x, prefix) {
					v[k] = prefix
				}
			}
		}
	}
	return v
}

// same makes the calls to both and compares answer by answer.
func (b both) same(t *testing.T, calls ...call) {
	t.Helper()
	for i, c := range calls {
		ours, theirs := ask(b.ours, c), ask(b.theirs, c)
		if ours != theirs {
			var before bytes.Buffer
			for _, c := range calls[max(0, i-5):i] {
				fmt.Fprintf(&before, "    %s\n", c)
			}
			t.Errorf("%s\n  brokerlab:   %s\n  nats-server: %s\n  after:\n%s", c, ours, theirs, before.String())
		}
	}
}
