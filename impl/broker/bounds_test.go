package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// coldStream is a broker with a message of stream S that is on disk alone, and a consumer C; the disk does nothing by itself.
func coldStream(t *testing.T) (*story, *machine.ConnBuf) {
	s := single(t, func(c *Config) { c.MaxPending = 1 << 30 })
	s.quiet(5)
	c := s.open("in")
	require.Contains(t, s.request(c, "$JS.API.STREAM.CREATE.S", `{"name":"S","subjects":["orders.>"],"allow_direct":true}`), "stream_create_response")
	require.Contains(t, s.request(c, "$JS.API.CONSUMER.CREATE.S.C", `{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit"}}`), "consumer_create_response")
	s.request(c, "orders.eu", strings.Repeat("x", 100))
	s.cfg.CacheBytes = 1
	s.bootAgain(t)
	s.quiet(10)
	c = s.open("in")
	s.bytes(c, "CONNECT {\"verbose\":false,\"headers\":true}\r\n")
	return s, c
}

// flood sends a request more often than so many may wait.
func (s *story) flood(c *machine.ConnBuf, subject, body string, n int) string {
	s.out.Reset()
	one := fmt.Sprintf("PUB %s in %d\r\n%s\r\n", subject, len(body), body)
	for range n/1000 + 1 {
		s.bytes(c, strings.Repeat(one, 1000))
	}
	return s.out.String()
}

func TestReadsThatWaitForADiskHaveAnEnd(t *testing.T) {
	for subject, refusal := range map[string]string{
		"$JS.API.STREAM.MSG.GET.S": `"err_code":10008`,
		"$JS.API.DIRECT.GET.S":     "NATS/1.0 429 Too Many Requests",
	} {
		s, c := coldStream(t)
		require.True(t, strings.Contains(s.flood(c, subject, `{"seq":1}`, maxReads), refusal), subject)
		require.LessOrEqual(t, len(s.m.(*Broker).diskReads), maxReads)
	}
}

func TestWhatAConsumerHasToSayWhileADiskStandsStillHasAnEnd(t *testing.T) {
	s, c := coldStream(t)
	s.bytes(c, "PUB $JS.API.CONSUMER.MSG.NEXT.S.C in 1\r\n1\r\n")
	for s.disk[0].Kind != machine.Read { // the delivery is logged first
		s.finishOne()
	}
	x := s.stream().consumers.names["C"]
	require.Equal(t, 1, x.lead.outbox.reading)
	require.True(t, strings.Contains(s.flood(c, "$JS.API.CONSUMER.MSG.NEXT.S.C", `{"no_wait":true}`, 2*maxLetters), "409 Exceeded MaxWaiting"))
	require.LessOrEqual(t, len(x.lead.outbox.queue), maxLetters+1)
	s.quiet(1)
	require.Empty(t, x.lead.outbox.queue)
}

func TestWhatAConsumerDecidesFindsRoomInAFullQueue(t *testing.T) {
	s := single(t, func(c *Config) { c.MaxQueue = 4000 })
	s.quiet(5)
	c := s.open("in")
	s.request(c, "$JS.API.STREAM.CREATE.S", `{"name":"S","subjects":["orders.>"]}`)
	s.request(c, "$JS.API.CONSUMER.CREATE.S.C", `{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit","ack_wait":300000000,"max_deliver":1}}`)
	s.request(c, "$JS.API.CONSUMER.CREATE.S.E", `{"stream_name":"S","config":{"name":"E","ack_policy":"explicit","inactive_threshold":300000000}}`)
	s.request(c, "orders.eu", "x")
	require.Contains(t, s.request(c, "$JS.API.CONSUMER.MSG.NEXT.S.C", "1"), "$JS.ACK.S.C.1.1.1.")

	s.out.Reset()
	for range 1000 { // the disk stands still
		s.bytes(c, "PUB orders.eu in 0\r\n\r\nPUB $JS.ACK.S.C.9.9.9.9.9 0\r\n\r\n")
	}
	require.Contains(t, s.out.String(), `"err_code":10008`, "the queue is full")
	s.env.Mono += 400 * ms
	s.step(&machine.Input{Kind: machine.TimerFired, Timer: s.stream().consumers.timer()})
	s.quiet(10)
	require.Zero(t, s.stream().consumers.names["C"].state.Pending(), "its only delivery is over")
	require.Nil(t, s.stream().consumers.names["E"], "nobody uses it")
}
