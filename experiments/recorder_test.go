package experiments

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

func TestWhatClientsDoIsRecordedAsJudgesExpectIt(t *testing.T) {
	r := newRecorder(history.Header{Streams: []history.Stream{{Name: "S"}}})
	r.now = func() int64 { return 5 }
	c := clientRecorder{r, "c1"}
	done := func(op load.Op, out load.Outcome) {
		id := c.Invoke(&op)
		c.Complete(id, &op, &out)
	}
	d := &load.Delivery{
		Fetch: 9, Subject: "s.a", Reply: "$JS.ACK.S.C.2.7.9.3.1", Value: "v1", Stream: "S", Consumer: "C", Seq: 7, CSeq: 9, Count: 2, Stamp: 3, Pending: 1,
	}
	ok, unknown := load.Outcome{Status: load.OK}, load.Outcome{Status: load.Unknown}

	done(load.Op{Verb: history.Publish, Stream: "S", Subject: "s.a", Value: "v1", Size: 4, ID: "v1", ExpectSubject: 3, Rollup: "sub"},
		load.Outcome{Status: load.Failed, WrongLast: true, Actual: 2, Code: 10071, Err: "e"})
	done(load.Op{Verb: history.Publish, Stream: "S", Subject: "s.a", Value: "v2"}, load.Outcome{Status: load.Failed, Code: 10164})
	done(load.Op{Verb: history.Last, Stream: "S", Direct: true}, load.Outcome{Status: load.OK, Seq: 7, Value: "v1", Subject: "s.a", Stamp: 3})
	done(load.Op{Verb: history.Purge, Stream: "S", Seq: 4, Keep: 2}, load.Outcome{Status: load.OK, N: 3})
	c.Mark(history.Connected, 2)
	c.Invoke(&load.Op{Verb: history.Subscribe, Subject: "a.>", Queue: "q", Tag: 1})
	c.Deliver(&load.Delivery{Tag: 1, Sub: 5, Subject: "a.b", Value: "v3"})
	c.Mark(history.Disconnected, 2)
	done(load.Op{Verb: history.Unsubscribe, Sub: 5, Lost: true}, unknown)
	done(load.Op{Verb: history.Unsubscribe, Sub: 5}, ok)
	done(load.Op{Verb: history.Request, Subject: "svc", Value: "r1"}, load.Outcome{Status: load.Failed, Err: history.NoResponders})
	done(load.Op{Verb: history.Answer, Value: "r1@c1", Delivery: &load.Delivery{Reply: "_INBOX.x"}}, ok)
	done(load.Op{Verb: history.Fetch, Stream: "S", Consumer: "C", Batch: 10}, load.Outcome{Status: load.OK, N: 1, Err: "404 No Messages"})
	c.Deliver(d)
	c.Invoke(&load.Op{Verb: history.Nak, Delivery: d, Delay: 50})
	done(load.Op{Verb: history.Ack, Delivery: d, Confirm: true}, ok)
	done(load.Op{Verb: history.ConsumerInfo, Stream: "S", Consumer: "C"}, load.Outcome{Status: load.OK, Seq: 6, CSeq: 5, N: 4, First: 3})
	done(load.Op{Verb: history.CreateConsumer, Stream: "S", Consumer: "D", ConsumerConfig: &consumer.Config{Durable: "D", AckPolicy: "all", DeliverPolicy: "all"}}, ok)

	var got strings.Builder
	for _, e := range r.whole().Events {
		got.Write(append(e.AppendJSON(nil), '\n'))
	}
	want, err := os.ReadFile("testdata/recorded.jsonl")
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
	require.Equal(t, "v1", r.values[machine.ContentHash([]byte("s.a"), []byte("v1  "))])
	require.Equal(t, "r1@c1", r.values[machine.ContentHash([]byte("_INBOX.x"), []byte("r1@c1"))])
	require.Equal(t, map[string]uint64{"S": 7}, r.told)
	require.Equal(t, []history.Consumer{{Name: "D", Deliver: "all", Ack: "all", AckWait: 30_000_000_000, MaxPending: 1000}}, r.whole().Header.Streams[0].Consumers)
}
