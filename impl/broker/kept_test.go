package broker

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/stream"
)

// A stream that removes what is acked keeps what ran out of deliveries, and every replica knows which that is: whoever acks the last
// delivery after all has it removed, whoever leads then.
func TestWhatRanOutOfDeliveriesStaysInAWorkQueueUntilItIsAckedAfterAll(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.run(60)
	require.Contains(t, l.ask(1, `STREAM.CREATE.ORDERS | {"name":"ORDERS","subjects":["orders.>"],"num_replicas":3,"retention":"workqueue"}`), `"created"`)
	l.run(10)
	client, _ := others(l, l.leader("ORDERS"))
	l.publish(client, 1, 3)
	l.consumer(client, "C", `{"durable_name":"C","ack_policy":"explicit","ack_wait":300000000,"max_deliver":1}`)
	got := l.fetch(client, "C", 3)
	require.Len(t, got, 3)
	require.True(t, l.ack(client, got[2], "+TERM"))
	l.run(10)
	require.Equal(t, "0", l.info(client, "C", "num_ack_pending"))
	require.Contains(t, l.ask(client, "STREAM.INFO.ORDERS | "), `"messages":2`, "what was termed is gone, what ran out is not")
	l.agree()
	l.depose()
	client, _ = others(l, l.leader("ORDERS"))
	require.True(t, l.ack(client, got[0], "+ACK"))
	l.run(5)
	require.Contains(t, l.ask(client, "STREAM.INFO.ORDERS | "), `"messages":1,`)
	l.agree()
}

// What a consumer has delivered under other filters than it has now is let go of when it leaves the stream, by replicas that read of
// the change in a checkpoint, too.
func TestWhatWasDeliveredUnderOtherFiltersIsLetGoOf(t *testing.T) {
	l, client := consuming(t, "reference", `{"durable_name":"C","ack_policy":"explicit","filter_subject":"orders.*"}`, 3)
	for _, id := range l.ids {
		l.small(id, 300, 1)
	}
	require.Len(t, l.fetch(client, "C", 2), 2)
	require.Contains(t, l.tell(client, "$JS.API.CONSUMER.CREATE.ORDERS.C",
		`{"stream_name":"ORDERS","config":{"durable_name":"C","name":"C","ack_policy":"explicit","filter_subject":"orders.a.b"}}`, 3), `"orders.a.b"`)
	l.publish(client, 4, 40)
	for _, id := range l.ids {
		l.power(id)
	}
	for _, id := range l.ids {
		l.boot(id)
	}
	l.run(60)
	client, _ = others(l, l.leader("ORDERS"))
	require.Equal(t, "2", l.info(client, "C", "num_ack_pending"))
	require.Contains(t, l.tell(client, "$JS.API.STREAM.MSG.DELETE.ORDERS", `{"seq":1}`, 3), `"success":true`)
	require.Equal(t, "1", l.info(client, "C", "num_ack_pending"))
	l.agree()
}

// A checkpoint says all that the log has come to.
func TestAStreamsStateComesBackWhole(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.createOrders()
	l.publish(1, 1, 3)
	require.Contains(t, l.ask(1, `STREAM.UPDATE.ORDERS | {"name":"ORDERS","subjects":["orders.>"],"num_replicas":3,"max_msgs":2}`), `"max_msgs":2`)
	l.ask(1, "orders.a Nats-Msg-Id:x | ")
	for _, id := range l.ids {
		l.nodes[id].env.Wall += 5 * sec
	}
	l.ask(1, "orders.a Nats-Expected-Last-Sequence:99 | ") // which moves the log's time on, and stores nothing
	l.run(5)
	for _, id := range l.ids {
		s := l.orders(id).state.(*streamState)
		fresh := newStreamState(s.g, s.a)
		require.NoError(t, fresh.decode(s.encode()))
		all := func(s *streamState) string {
			return fmt.Sprint(s.clock, s.stamp, s.lastID, s.version, s.cfg, s.limits, s.ids.Len(), s.consumers.next)
		}
		require.Equal(t, all(s), all(fresh))
		require.Greater(t, s.clock, s.stamp)
		require.Equal(t, "x", s.lastID)
		require.NotZero(t, s.version)
	}
}

// A purge below a sequence that is yet to come moves the stream there, also where somebody has to be told of each message.
func TestAPurgeBeyondTheEndMovesTheStreamOn(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 3)
	require.Contains(t, l.ask(client, `STREAM.PURGE.ORDERS | {"seq":100}`), `"purged":3`)
	require.Contains(t, l.ask(client, "orders.a | x"), `"seq":100`)
	l.agree()
}

// When a consumer is deleted an interest stream lets go of what only that one needed, and a work queue of nothing: the next consumer is to
// take what is there.
func TestADeletedConsumerFreesAnInterestStreamOfWhatItNeededAndNoWorkQueue(t *testing.T) {
	for retention, left := range map[string]int{"interest": 0, "workqueue": 3, "limits": 3} {
		l := with(t, mustProfile(t, "reference"), `,"retention":"`+retention+`"`)
		client, _ := others(l, l.leader("ORDERS"))
		l.consumer(client, "C", explicit)
		l.publish(client, 1, 3)
		require.Contains(t, l.ask(client, "STREAM.INFO.ORDERS | "), `"messages":3,`, retention)
		require.Contains(t, l.ask(client, "CONSUMER.DELETE.ORDERS.C | "), `"success":true`)
		require.Contains(t, l.ask(client, "STREAM.INFO.ORDERS | "), fmt.Sprintf(`"messages":%d,`, left), retention)
		l.agree()
	}
}

func TestAnInterestStreamLetsGoOfWhatNobodyNeedsAfterAChange(t *testing.T) {
	l := with(t, mustProfile(t, "reference"), ``)
	client, _ := others(l, l.leader("ORDERS"))
	l.publish(client, 1, 2)
	l.consumer(client, "C", `{"durable_name":"C","ack_policy":"explicit","deliver_policy":"new","filter_subject":"orders.*"}`)
	l.publish(client, 3, 5)
	require.Contains(t, l.ask(client, `STREAM.UPDATE.ORDERS | {"name":"ORDERS","subjects":["orders.>"],"num_replicas":3,"retention":"interest"}`), `"messages":3,`)
	require.Contains(t, l.tell(client, "$JS.API.CONSUMER.CREATE.ORDERS.C",
		`{"stream_name":"ORDERS","config":{"durable_name":"C","name":"C","ack_policy":"explicit","deliver_policy":"new","filter_subject":"orders.a.b"}}`, 3), `"orders.a.b"`)
	require.Contains(t, l.ask(client, "STREAM.INFO.ORDERS | "), `"messages":0,`)
	l.agree()
}

// Whoever applies a stream's log from its beginning begins with the configuration that the stream was made with, though meta knows of all
// changes.
func TestAStreamsFirstConfigurationIsKeptThroughAllChanges(t *testing.T) {
	first := stream.Config{Name: "S", Subjects: []string{"s"}, Replicas: 1, MaxMsgs: 9}.Defaults()
	a, s := &assignment{Config: first}, &metaState{}
	s.streams = []*assignment{a}
	for id, limit := range []int64{5, 3, 3} {
		cfg := first
		cfg.MaxMsgs = limit
		require.Nil(t, s.changed(uint64(id+1), a, cfg))
		require.EqualValues(t, limit, a.Config.MaxMsgs)
		require.EqualValues(t, 9, a.origin().MaxMsgs)
	}
	require.EqualValues(t, 2, a.Version, "the last was none")
}

func TestADurableConsumerIsLoggedWhateverItsAcksAndGoesWhenNobodyUsesIt(t *testing.T) {
	l, client := consuming(t, "reference", `{"durable_name":"C","ack_policy":"none","inactive_threshold":5000000000}`, 3)
	require.Len(t, l.fetch(client, "C", 2), 2)
	require.NotEmpty(t, l.state(client))
	l.depose()
	client, _ = others(l, l.leader("ORDERS"))
	require.Equal(t, "1", l.info(client, "C", "num_pending"))
	leader := l.orders(l.leader("ORDERS")).state.(*streamState)
	leader.propose(deleteCommand("C", 99), "") // meant for one that had the name before
	l.run(5)
	require.Equal(t, "1", l.info(client, "C", "num_pending"))
	l.run(60)
	require.Contains(t, l.tell(client, "$JS.API.CONSUMER.INFO.ORDERS.C", "", 2), `"err_code":10014`)
	l.agree()
}
