package broker

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/model/machine"
)

var ackForm = regexp.MustCompile(`\$JS\.ACK\.S\.\w+\.\d+\.\d+\.\d+\.\d+\.\d+`)

// drawnCall is one thing that a client may say to a broker with the stream S; acks are the reply subjects it has seen.
func drawnCall(t *rapid.T, acks []string) string {
	name := rapid.SampledFrom([]string{"A", "B", "C", "D"}).Draw(t, "name")
	pub := func(subject, reply, body string) string {
		return fmt.Sprintf("PUB %s %s %d\r\n%s\r\n", subject, reply, len(body), body)
	}
	switch rapid.IntRange(0, 11).Draw(t, "call") {
	case 0, 1:
		return pub(rapid.SampledFrom([]string{"orders.a", "orders.b", "orders.a.b"}).Draw(t, "subject"), "in", "x")
	case 2:
		config := fmt.Sprintf(`{%s%s%s%s%s%s"ack_wait":300000000}`,
			rapid.SampledFrom([]string{"", `"durable_name":"` + name + `",`}).Draw(t, "durable"),
			rapid.SampledFrom([]string{"", `"ack_policy":"explicit",`, `"ack_policy":"all",`, `"ack_policy":"explicit","max_deliver":2,`}).Draw(t, "acks"),
			rapid.SampledFrom([]string{
				"", "", `"deliver_subject":"push",`, `"deliver_subject":"$JS.API.CONSUMER.DELETE.S.` + name + `",`,
				`"deliver_subject":"$JS.API.CONSUMER.MSG.NEXT.S.A",`, `"deliver_subject":"push","flow_control":true,"idle_heartbeat":200000000,`,
			}).Draw(t, "deliver"),
			rapid.SampledFrom([]string{"", `"filter_subject":"orders.a",`, `"filter_subjects":["orders.*","orders.a.b"],`, `"filter_subject":"orders.>","deliver_policy":"last_per_subject",`}).Draw(t, "filter"),
			rapid.SampledFrom([]string{"", `"mem_storage":true,`}).Draw(t, "storage"),
			rapid.SampledFrom([]string{"", `"max_ack_pending":2,`, `"inactive_threshold":500000000,`, `"headers_only":true,`, `"replay_policy":"original",`}).Draw(t, "more"))
		return pub("$JS.API.CONSUMER.CREATE.S."+name, "in", `{"stream_name":"S","config":`+config+`}`)
	case 3, 4, 10, 11:
		reply := rapid.SampledFrom([]string{"in", "in", "gone", "$JS.API.CONSUMER.DELETE.S.A", "orders.a"}).Draw(t, "reply")
		body := rapid.SampledFrom([]string{"", "3", `{"batch":5,"no_wait":true}`, `{"batch":5,"expires":400000000,"idle_heartbeat":100000000}`, `{"batch":2,"max_bytes":60}`, "{"}).Draw(t, "body")
		return pub("$JS.API.CONSUMER.MSG.NEXT.S."+name, reply, body)
	case 5, 6:
		if len(acks) > 0 {
			body := rapid.SampledFrom([]string{"", "+ACK", "-NAK", `-NAK {"delay":200000000}`, "+WPI", "+TERM x", "+NXT 2", "junk"}).Draw(t, "ack")
			return pub(rapid.SampledFrom(acks[max(0, len(acks)-10):]).Draw(t, "of"), rapid.SampledFrom([]string{"in", "in", "orders.b"}).Draw(t, "to"), body)
		}
		return "PING\r\n"
	case 7:
		return pub("$JS.API.CONSUMER."+rapid.SampledFrom([]string{"DELETE", "INFO", "LEADER.STEPDOWN"}).Draw(t, "api")+".S."+name, "in", "")
	case 8:
		return pub("$JS.API.STREAM.PURGE.S", "in", rapid.SampledFrom([]string{"", `{"keep":2}`, `{"filter":"orders.a"}`}).Draw(t, "purge"))
	}
	return rapid.SampledFrom([]string{"SUB push 8\r\n", "UNSUB 8\r\n", "PUB $JS.FC.S.A.1 0\r\n\r\n", "PUB $JS.ACK.S.A.1.1.1.1.1 in 0\r\n\r\n"}).Draw(t, "other")
}

func TestNoCallsBringABrokerDownAndWhatTheyLeaveSurvivesARestart(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		retention := rapid.SampledFrom([]string{"limits", "interest", "workqueue"}).Draw(rt, "retention")
		s := single(t, func(c *Config) {
			c.TailBytes, c.KeepBytes, c.CacheBytes = 2000, 100, 200
			c.Switches.Delivered = rapid.SampledFrom([]string{"before", "after"}).Draw(rt, "delivered")
		})
		s.quiet(5)
		c := s.open("in")
		s.request(c, "$JS.API.STREAM.CREATE.S", `{"name":"S","subjects":["orders.>"],"max_msgs":20,"retention":"`+retention+`"}`)
		for _, name := range []string{"A", "B"} {
			s.request(c, "$JS.API.CONSUMER.CREATE.S."+name, `{"stream_name":"S","config":{"durable_name":"`+name+`","ack_policy":"explicit","ack_wait":300000000,"filter_subject":"orders.`+
				map[string]string{"A": "*", "B": "a.b"}[name]+`"}}`)
		}
		for i := range 6 {
			s.request(c, "orders."+[]string{"a", "b", "a.b"}[i%3], "x")
		}
		var acks []string
		state := func() *streamState {
			for _, g := range s.m.(*Broker).groups {
				if x, ok := g.state.(*streamState); ok {
					return x
				}
			}
			return nil
		}
		for range rapid.IntRange(10, 80).Draw(rt, "calls") {
			s.out.Reset()
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				s.bootAgain(t)
				s.quiet(10)
				c = s.open("in")
			case 1, 2, 3:
				s.env.Mono += machine.Mono(rapid.IntRange(1, 600).Draw(rt, "time") * ms)
				s.step(&machine.Input{Kind: machine.TimerFired, Timer: machine.TimerKey{Kind: timerConsumers, ID: state().g.id}})
				s.quiet(1)
			default:
				s.answers(c, drawnCall(rt, acks))
			}
			acks = append(acks, ackForm.FindAllString(s.out.String(), -1)...)
			x := state()
			text := x.encode()
			fresh := newStreamState(x.g, x.a)
			require.NoError(rt, fresh.decode(text))
			require.Equal(rt, text, fresh.encode())
		}
	})
}
