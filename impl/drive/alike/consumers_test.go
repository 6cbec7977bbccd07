//go:build !race

package alike

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/brokerlab/brokerlab/impl/broker"
)

// worker is a client of one server that works on deliveries. It understands, beside calls:
//
//	next CONSUMER {request}    ask for messages, and hear them until a status or the batch ends it
//	ack N PAYLOAD              say so of the N-th delivery, and hear the confirmation
//	listen SUBJECT [GROUP]     hear, from here on, what is pushed there
//	pushed N                   what came: N messages, statuses apart
//	wait MS
type worker struct {
	nc     *nats.Conn
	acks   []string // reply subjects of the deliveries so far
	pushed *nats.Subscription
}

func (w *worker) do(step string) string {
	verb, rest, _ := strings.Cut(step, " ")
	switch verb {
	case "next":
		name, body, _ := strings.Cut(rest, " ")
		return w.next(name, body)
	case "ack":
		n, payload, _ := strings.Cut(rest, " ")
		i, _ := strconv.Atoi(n)
		if i > len(w.acks) {
			return "no such delivery"
		}
		m, err := w.nc.Request(w.acks[i-1], []byte(payload), patience)
		if err != nil {
			return err.Error()
		}
		return "confirmed " + string(m.Data)
	case "listen":
		to, group, _ := strings.Cut(rest, " ")
		w.pushed, _ = w.nc.QueueSubscribeSync(to, group)
		return fmt.Sprint(w.nc.Flush())
	case "pushed":
		n, _ := strconv.Atoi(rest)
		var b strings.Builder
		for n > 0 {
			m, err := w.pushed.NextMsg(patience)
			if err != nil {
				return b.String() + err.Error()
			}
			if m.Header.Get("Status") == "" {
				b.WriteString(w.delivery(m))
				n--
			}
		}
		return b.String()
	case "wait":
		ms, _ := strconv.Atoi(rest)
		time.Sleep(time.Duration(ms) * time.Millisecond) // until both servers' clocks have passed a deadline
		return ""
	}
	return ask(w.nc, call(step))
}

func (w *worker) next(name, body string) string {
	inbox := w.nc.NewInbox()
	sub, err := w.nc.SubscribeSync(inbox)
	if err != nil {
		return err.Error()
	}
	defer sub.Unsubscribe()
	w.nc.PublishRequest("$JS.API.CONSUMER.MSG.NEXT.S."+name, inbox, []byte(body))
	var b strings.Builder
	batch := 1
	if _, after, ok := strings.Cut(body, `"batch":`); ok {
		batch, _ = strconv.Atoi(after[:strings.IndexAny(after, ",}")])
	}
	for n := 0; n < batch; n++ {
		m, err := sub.NextMsg(patience)
		if err != nil {
			return b.String() + err.Error()
		}
		if m.Header.Get("Status") != "" {
			return b.String() + render(m)
		}
		b.WriteString(w.delivery(m))
	}
	if m, err := sub.NextMsg(50 * time.Millisecond); err == nil {
		b.WriteString("and " + render(m))
	}
	return b.String()
}

// delivery is a message with all its numbers but the time.
func (w *worker) delivery(m *nats.Msg) string {
	w.acks = append(w.acks, m.Reply)
	tokens := strings.Split(m.Reply, ".")
	if len(tokens) == 9 {
		tokens[7] = "time"
	}
	return fmt.Sprintf("%s %s %q %v\n", m.Subject, strings.Join(tokens, "."), m.Data, m.Header)
}

// work takes the same steps with both and compares step by step.
func (b both) work(t *testing.T, steps ...string) {
	t.Helper()
	ours, theirs := &worker{nc: b.ours}, &worker{nc: b.theirs}
	for i, s := range steps {
		got := make(chan string)
		go func() { got <- ours.do(s) }()
		want := theirs.do(s)
		if have := <-got; have != want {
			t.Errorf("%s\n  brokerlab:   %s\n  nats-server: %s\n  after:\n    %s", s, have, want, strings.Join(steps[max(0, i-6):i], "\n    "))
		}
	}
}

// numbered is n publishes.
func numbered(n int) (steps []string) {
	for i := 1; i <= n; i++ {
		steps = append(steps, fmt.Sprintf("s.%s | %d", []string{"a", "b", "c"}[i%3], i))
	}
	return steps
}

const makeS = `STREAM.CREATE.S | {"name":"S","subjects":["s.>"]}`

// create is a request to make the consumer named name.
func create(name, config string) string {
	return `CONSUMER.CREATE.S.` + name + ` | {"stream_name":"S","config":{"name":"` + name + `",` + config + `}}`
}

func TestConsumersAreMadeChangedAndRefusedAlike(t *testing.T) {
	configs := []string{
		`"ack_policy":"explicit"`, `"durable_name":"C","ack_policy":"all","ack_wait":5000000000,"max_deliver":3`,
		`"durable_name":"C","backoff":[1000000,2000000],"ack_policy":"explicit"`, `"backoff":[1,2,3],"max_deliver":2`, `"backoff":[-1]`, `"ack_wait":-5`,
		`"durable_name":"D"`, `"deliver_subject":"a.*"`, `"deliver_subject":"a b"`, `"deliver_subject":"s.x"`, `"deliver_subject":"d","max_waiting":5`,
		`"deliver_subject":"d","max_ack_pending":5`, `"deliver_subject":"d","idle_heartbeat":5`, `"rate_limit_bps":5`, `"idle_heartbeat":1000000000`,
		`"flow_control":true`, `"max_expires":5`, `"direct":true`, `"filter_subject":"s.a","filter_subjects":["s.b"]`, `"filter_subject":"s..b"`,
		`"filter_subjects":[""]`, `"filter_subjects":["s.>","s.b"]`, `"filter_subjects":["s.*.c","s.b.*"]`, `"opt_start_seq":5`,
		`"deliver_policy":"by_start_sequence"`, `"deliver_policy":"by_start_time"`, `"deliver_policy":"last_per_subject"`, `"deliver_policy":"never"`,
		`"deliver_policy":"new","opt_start_time":"2026-01-01T00:00:00Z"`, `"deliver_subject":"d","flow_control":true`, `"num_replicas":3`, `"num_replicas":-1`,
		`"max_waiting":-3,"max_deliver":-7,"max_batch":-1,"max_bytes":-1,"inactive_threshold":-1`, `"unheard_of":1`,
		`"deliver_subject":"d","deliver_group":"g","idle_heartbeat":1000000000,"flow_control":true,"rate_limit_bps":1000000,"headers_only":true,"description":"x"`,
		`"durable_name":"C","ack_policy":"explicit","inactive_threshold":9000000000,"max_ack_pending":7,"max_waiting":9,"max_batch":3,"max_expires":2000000000,"max_bytes":400`,
	}
	b := start(t)
	b.work(t, slices.Concat([]string{makeS}, numbered(5))...)
	for _, c := range configs {
		b.work(t, create("C", c), `CONSUMER.INFO.S.C | `, `CONSUMER.DELETE.S.C | `)
	}
	b.work(t,
		`CONSUMER.CREATE.S.C | {"stream_name":"T","config":{}}`, `CONSUMER.CREATE.S.C | {"stream_name":"S","config":{"durable_name":"D"}}`,
		`CONSUMER.CREATE.S.C.s.a | {"stream_name":"S","config":{"filter_subject":"s.b"}}`, `CONSUMER.CREATE.S.C.s.a | {"stream_name":"S","config":{"filter_subjects":["s.a"]}}`,
		`CONSUMER.CREATE.S | {"stream_name":"S","config":{"durable_name":"D"}}`, `CONSUMER.DURABLE.CREATE.S.D | {"stream_name":"S","config":{}}`,
		`CONSUMER.DURABLE.CREATE.S.D | {"stream_name":"S","config":{"durable_name":"E"}}`, `CONSUMER.CREATE.NONE.C | {"stream_name":"NONE","config":{}}`,
		`CONSUMER.CREATE.S.C | {`, `CONSUMER.INFO.S.NONE | `, `CONSUMER.INFO.NONE.NONE | `, `CONSUMER.DELETE.S.NONE | `, `CONSUMER.NAMES.NONE | `, `CONSUMER.LIST.NONE | `,
		`CONSUMER.DURABLE.CREATE.S.D | {"stream_name":"S","config":{"durable_name":"D","ack_policy":"explicit"}}`,
		`CONSUMER.CREATE.S.D | {"stream_name":"S","config":{"durable_name":"D","ack_policy":"explicit"},"action":"create"}`,
		`CONSUMER.CREATE.S.D | {"stream_name":"S","config":{"durable_name":"D","ack_policy":"explicit","max_deliver":4},"action":"create"}`,
		`CONSUMER.CREATE.S.E | {"stream_name":"S","config":{"durable_name":"E","ack_policy":"explicit"},"action":"update"}`,
		`CONSUMER.CREATE.S.E | {"stream_name":"S","config":{"durable_name":"E","ack_policy":"explicit"},"action":"nonsense"}`,
		`CONSUMER.CREATE.S.D | {"stream_name":"S","config":{"durable_name":"D","ack_policy":"explicit","max_deliver":4,"filter_subject":"s.b","description":"new"},"action":"update"}`,
		`CONSUMER.CREATE.S.D | {"stream_name":"S","config":{"durable_name":"D","ack_policy":"all"}}`,
		`CONSUMER.CREATE.S.D | {"stream_name":"S","config":{"durable_name":"D","ack_policy":"explicit","deliver_policy":"new"}}`,
		`CONSUMER.CREATE.S.D | {"stream_name":"S","config":{"durable_name":"D","ack_policy":"explicit","deliver_subject":"x"}}`,
		`CONSUMER.CREATE.S.D | {"stream_name":"S","config":{"durable_name":"D","ack_policy":"explicit","mem_storage":true}}`,
		`CONSUMER.CREATE.S.D | {"stream_name":"S","config":{"durable_name":"D","ack_policy":"explicit","max_waiting":3}}`,
		`CONSUMER.NAMES.S | `, `CONSUMER.LIST.S | `, `CONSUMER.NAMES.S | {"offset":1}`, `CONSUMER.LIST.S | {"offset":9}`, `CONSUMER.INFO.S.D | {"x":1}`, `CONSUMER.DELETE.S.D | {"x":1}`,
		`STREAM.INFO.S | `,
		`STREAM.CREATE.L | {"name":"L","subjects":["l"],"max_consumers":1}`, `CONSUMER.CREATE.L.A | {"stream_name":"L","config":{"durable_name":"A"}}`,
		`CONSUMER.CREATE.L.B | {"stream_name":"L","config":{"durable_name":"B"}}`, `CONSUMER.CREATE.L.A | {"stream_name":"L","config":{"durable_name":"A","description":"x"}}`,
		`STREAM.CREATE.Q | {"name":"Q","subjects":["q.>"],"retention":"workqueue"}`,
		`CONSUMER.CREATE.Q.A | {"stream_name":"Q","config":{"durable_name":"A"}}`, `CONSUMER.CREATE.Q.A | {"stream_name":"Q","config":{"durable_name":"A","ack_policy":"all"}}`,
		`CONSUMER.CREATE.Q.A | {"stream_name":"Q","config":{"durable_name":"A","ack_policy":"explicit","deliver_policy":"new"}}`,
		`CONSUMER.CREATE.Q.A | {"stream_name":"Q","config":{"durable_name":"A","ack_policy":"explicit","filter_subject":"q.a"}}`,
		`CONSUMER.CREATE.Q.B | {"stream_name":"Q","config":{"durable_name":"B","ack_policy":"explicit"}}`,
		`CONSUMER.CREATE.Q.B | {"stream_name":"Q","config":{"durable_name":"B","ack_policy":"explicit","filter_subject":"q.*"}}`,
		`CONSUMER.CREATE.Q.B | {"stream_name":"Q","config":{"durable_name":"B","ack_policy":"explicit","filter_subject":"q.b"}}`,
	)
}

func TestMessagesAreFetchedAndSettledAlike(t *testing.T) {
	b := start(t, func(s *broker.Switches) { s.AckFence = "none" }) // as nats-server: any ack settles
	b.work(t, slices.Concat([]string{makeS}, numbered(20), []string{
		create("C", `"durable_name":"C","ack_policy":"explicit","ack_wait":3000000000,"max_ack_pending":6,"max_waiting":2`),
		`next NONE 1`, `next C {"batch":3,"no_wait":true}`, `CONSUMER.INFO.S.C | `, `ack 2 +ACK`, `CONSUMER.INFO.S.C | `, `ack 1 `, `CONSUMER.INFO.S.C | `,
		`next C {"batch":10,"no_wait":true}`, `ack 3 +ACK`, `CONSUMER.INFO.S.C | `, `wait 3200`, `next C {"batch":2,"no_wait":true}`, `CONSUMER.INFO.S.C | `,
		`ack 4 -NAK`, `next C {"batch":1,"no_wait":true}`, `ack 5 +TERM enough`, `CONSUMER.INFO.S.C | `, `ack 7 +NXT`,
		`next C {"batch":2,"max_bytes":100,"no_wait":true}`, `next C {"batch":2,"max_bytes":5,"no_wait":true}`, `next C {"batch":1,"max_bytes":3000,"no_wait":true}`,
		`next C {"expires":100000000,"idle_heartbeat":90000000}`, `next C {"min_pending":3}`, `next C {"id":"x"}`, `next C {"priority":11}`,
		`CONSUMER.INFO.S.C | `,
		create("D", `"durable_name":"D","ack_policy":"explicit","max_batch":3,"max_expires":1000000000,"max_bytes":500`),
		`next D {"batch":4}`, `next D {"expires":2000000000}`, `next D {"max_bytes":501}`, `next D {"batch":3,"max_bytes":500,"expires":900000000}`,
		create("P", `"deliver_subject":"d"`), `next P 1`,
	})...)
}

func TestStartsFiltersAndPoliciesAreAlike(t *testing.T) {
	b := start(t)
	b.work(t, slices.Concat([]string{makeS}, numbered(12), []string{`STREAM.MSG.DELETE.S | {"seq":7}`, `STREAM.PURGE.S | {"seq":3}`})...)
	for i, c := range []string{
		`"deliver_policy":"all"`, `"deliver_policy":"last"`, `"deliver_policy":"new"`, `"deliver_policy":"by_start_sequence","opt_start_seq":6`,
		`"deliver_policy":"by_start_sequence","opt_start_seq":1`, `"deliver_policy":"by_start_sequence","opt_start_seq":50`,
		`"deliver_policy":"last","filter_subject":"s.a"`, `"deliver_policy":"last_per_subject","filter_subject":"s.*"`, `"deliver_policy":"last_per_subject","filter_subjects":["s.a","s.c"]`,
		`"filter_subject":"s.b"`, `"filter_subjects":["s.a","s.b"]`, `"filter_subject":"none"`, `"deliver_policy":"by_start_time","opt_start_time":"2020-01-01T00:00:00Z"`,
		`"deliver_policy":"by_start_time","opt_start_time":"2090-01-01T00:00:00Z"`, `"headers_only":true`,
	} {
		for j, ack := range []string{"explicit", "all", "none"} {
			name := fmt.Sprintf("C%d_%d", i, j)
			steps := []string{
				create(name, c+`,"ack_policy":"`+ack+`"`), `next ` + name + ` {"batch":4,"no_wait":true}`, `CONSUMER.INFO.S.` + name + ` | `,
				`next ` + name + ` {"batch":40,"no_wait":true}`, `CONSUMER.INFO.S.` + name + ` | `,
			}
			if ack != "none" {
				steps = append(steps, `ack 2 +ACK`, `CONSUMER.INFO.S.`+name+` | `, `ack 1 +ACK`, `CONSUMER.INFO.S.`+name+` | `)
			}
			b.work(t, append(steps, `CONSUMER.DELETE.S.`+name+` | `)...)
		}
	}
}

func TestPushConsumersAreAlike(t *testing.T) {
	b := start(t)
	b.work(t, slices.Concat([]string{makeS}, numbered(6), []string{
		create("P", `"durable_name":"P","deliver_subject":"d","ack_policy":"explicit","ack_wait":9000000000,"max_ack_pending":4`),
		`CONSUMER.INFO.S.P | `, `listen d`, `pushed 4`, `CONSUMER.INFO.S.P | `, `ack 1 +ACK`, `pushed 1`, `ack 2 -NAK`, `pushed 1`, `CONSUMER.INFO.S.P | `,
		create("P", `"durable_name":"P","deliver_subject":"e","ack_policy":"explicit","ack_wait":9000000000,"max_ack_pending":4`),
		create("Q", `"deliver_subject":"f","deliver_group":"g","idle_heartbeat":200000000,"flow_control":true`), `CONSUMER.INFO.S.Q | `,
		`listen f g`, `pushed 6`, `s.a | another`, `pushed 1`, `CONSUMER.INFO.S.Q | `,
	})...)
}

func TestRemovalsAreAlike(t *testing.T) {
	b := start(t)
	b.work(t, slices.Concat([]string{makeS}, numbered(10), []string{
		create("C", `"durable_name":"C","ack_policy":"explicit"`), `next C {"batch":6,"no_wait":true}`,
		`STREAM.MSG.DELETE.S | {"seq":9}`, `CONSUMER.INFO.S.C | `, `STREAM.PURGE.S | {"seq":4}`, `CONSUMER.INFO.S.C | `, `next C {"batch":2,"no_wait":true}`,
		`STREAM.PURGE.S | `, `s.a | again`, `next C {"batch":2,"no_wait":true}`,
		`STREAM.CREATE.I | {"name":"I","subjects":["i.>"],"retention":"interest"}`, `i.a | nobody`,
		`CONSUMER.CREATE.I.A | {"stream_name":"I","config":{"durable_name":"A","ack_policy":"explicit","filter_subject":"i.a"}}`,
		`CONSUMER.CREATE.I.B | {"stream_name":"I","config":{"durable_name":"B","ack_policy":"explicit"}}`,
		`i.a | both`, `i.b | one`, `i.a | both`, `STREAM.INFO.I | `, `CONSUMER.DELETE.I.B | `, `wait 100`, `STREAM.INFO.I | `,
	})...)
}
