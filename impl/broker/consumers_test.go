package broker

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	track "github.com/brokerlab/brokerlab/impl/consumer"
	"github.com/brokerlab/brokerlab/model/machine"
)

// delivery is a message that a client of the lab got from a consumer.
type delivery struct {
	count, seq, cseq, pending int
	ack                       string // where acks go
	data                      string
}

var deliveryForm = regexp.MustCompile(`MSG \S+ 1 (\$JS\.ACK\.\w+\.\w+\.(\d+)\.(\d+)\.(\d+)\.-?\d+\.(\d+)) \d+\r\n([^\r]*)`)

// deliveries are those in what a client was sent.
func deliveries(got string) (all []delivery) {
	for _, m := range deliveryForm.FindAllStringSubmatch(got, -1) {
		n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v }
		all = append(all, delivery{count: n(2), seq: n(3), cseq: n(4), pending: n(5), ack: m[1], data: m[6]})
	}
	return all
}

// tell publishes to subject from node id's client, lets the cluster run, and returns what the client was sent.
func (l *lab) tell(id machine.NodeID, subject, body string, rounds int) string {
	n := l.nodes[id]
	n.got = ""
	l.send(id, fmt.Sprintf("PUB %s _INBOX.1.a %d\r\n%s\r\n", subject, len(body), body))
	l.run(rounds)
	return n.got
}

func (l *lab) consumer(id machine.NodeID, name, config string) {
	l.t.Helper()
	got := l.tell(id, "$JS.API.CONSUMER.CREATE.ORDERS."+name, `{"stream_name":"ORDERS","config":`+config+`}`, 3)
	require.Contains(l.t, got, `"name":"`+name+`"`, "%s", got)
}

// fetch asks for a batch and returns what came within a few rounds.
func (l *lab) fetch(id machine.NodeID, name string, batch int) []delivery {
	got := l.tell(id, "$JS.API.CONSUMER.MSG.NEXT.ORDERS."+name, fmt.Sprintf(`{"batch":%d,"expires":%d}`, batch, 250*ms), 5)
	return deliveries(got)
}

// ack sends an ack and says whether it was confirmed.
func (l *lab) ack(id machine.NodeID, d delivery, payload string) bool {
	return strings.Contains(l.tell(id, d.ack, payload, 2), "MSG _INBOX.1.a 1 0\r\n")
}

// info is a number of a consumer's description.
func (l *lab) info(id machine.NodeID, name, field string) string {
	got := l.tell(id, "$JS.API.CONSUMER.INFO.ORDERS."+name, "", 2)
	m := regexp.MustCompile(`"` + field + `":(\{[^}]*\}|\d+)`).FindStringSubmatch(got)
	require.NotNil(l.t, m, "no %s in %s", field, got)
	return regexp.MustCompile(`,"last_active":"[^"]*"`).ReplaceAllString(m[1], "")
}

// state is a consumer's replicated state on a node, encoded.
func (l *lab) state(id machine.NodeID) string {
	return string(l.orders(id).state.(*streamState).consumers.encode())
}

// consuming is a cluster with n messages in ORDERS and the consumer C, and a client of a node that does not lead.
func consuming(t *testing.T, profile, config string, n int) (l *lab, client machine.NodeID) {
	l = newLab(t, 3, mustProfile(t, profile))
	l.createOrders()
	client, _ = others(l, l.leader("ORDERS"))
	l.publish(client, 1, n)
	l.consumer(client, "C", config)
	return l, client
}

// depose takes the leader's power, and waits for another; the old one comes back.
func (l *lab) depose() {
	l.t.Helper()
	old := l.leader("ORDERS")
	l.power(old)
	for range 300 {
		if l.run(1); l.leader("ORDERS") != 0 {
			break
		}
	}
	require.NotZero(l.t, l.leader("ORDERS"), "no other leader")
	l.boot(old)
	l.run(20)
}

const explicit = `{"durable_name":"C","ack_policy":"explicit","ack_wait":1000000000}`

func TestCountsOfDeliveriesSurviveTheLeader(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 3)
	got := l.fetch(client, "C", 2)
	require.Len(t, got, 2)
	require.Equal(t, []int{1, 1, 1, 2}, []int{got[0].count, got[0].seq, got[0].cseq, got[0].pending})
	require.Equal(t, []int{1, 2, 2, 1}, []int{got[1].count, got[1].seq, got[1].cseq, got[1].pending})
	l.depose()
	l.run(11) // the ack wait begins anew with the leader
	got = l.fetch(client, "C", 3)
	require.Len(t, got, 3)
	require.Equal(t, []int{2, 1, 3}, []int{got[0].count, got[0].seq, got[0].cseq})
	require.Equal(t, []int{2, 2, 4}, []int{got[1].count, got[1].seq, got[1].cseq})
	require.Equal(t, []int{1, 3, 5, 0}, []int{got[2].count, got[2].seq, got[2].cseq, got[2].pending})
	l.agree()
}

// What is not logged before it is sent may be counted twice: nats-server's way.
func TestAfterItsLeaderACountMayRepeatWhenDeliveriesAreLoggedAfterwards(t *testing.T) {
	l, client := consuming(t, "nats", explicit, 1)
	leader := l.leader("ORDERS")
	a, b := others(l, leader)
	l.nodes[a].paused, l.nodes[b].paused = true, true // nothing is logged any more
	l.send(leader, fmt.Sprintf("PUB $JS.API.CONSUMER.MSG.NEXT.ORDERS.C _INBOX.1.x %d\r\n%s\r\n", 1, "1"))
	require.Equal(t, 1, deliveries(l.nodes[leader].got)[0].count)
	l.run(1)
	l.nodes[leader].paused = true
	l.resume(a)
	l.resume(b)
	for l.leader("ORDERS") == 0 {
		l.run(1)
	}
	l.run(30)
	got := l.fetch(client, "C", 1)
	require.Equal(t, []int{1, 1, 1}, []int{got[0].count, got[0].seq, got[0].cseq})
}

func TestUnderReferenceNothingIsSentThatIsNotLogged(t *testing.T) {
	l, _ := consuming(t, "reference", explicit, 1)
	leader := l.leader("ORDERS")
	a, b := others(l, leader)
	l.nodes[a].paused, l.nodes[b].paused = true, true
	l.nodes[leader].got = ""
	l.send(leader, "PUB $JS.API.CONSUMER.MSG.NEXT.ORDERS.C _INBOX.1.x 1\r\n1\r\n")
	require.Empty(t, l.nodes[leader].got)
	l.resume(a)
	l.resume(b)
	l.run(30)
	require.Len(t, deliveries(l.nodes[leader].got), 1)
}

// A leader that was paused may be none any more when it comes to hand out what it had counted.
func TestALeaderThatMayHaveBeenDeposedAsksBeforeItHandsAnythingOut(t *testing.T) {
	l, _ := consuming(t, "reference", explicit, 1)
	leader := l.leader("ORDERS")
	a, b := others(l, leader)
	n := l.nodes[leader]
	n.hold = func(op *machine.DiskOp) bool { return strings.HasPrefix(op.File, "wal/") }
	n.got = ""
	l.send(leader, "PUB $JS.API.CONSUMER.MSG.NEXT.ORDERS.C _INBOX.1.x 1\r\n1\r\n")
	l.run(1)
	l.nodes[a].paused, l.nodes[b].paused = true, true
	n.env.Mono += 2 * sec
	l.release(leader)
	require.Equal(t, 1, l.orders(leader).state.(*streamState).consumers.list[0].state.Pending(), "the delivery is counted")
	require.Empty(t, n.got, "and not sent")
	l.resume(a)
	l.resume(b)
	l.run(2)
	require.Len(t, deliveries(n.got), 1, "until it is confirmed that this node leads")
}

func TestAConfirmedAckSurvivesTheLeader(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 3)
	got := l.fetch(client, "C", 3)
	require.Len(t, got, 3)
	require.True(t, l.ack(client, got[1], "+ACK"))
	require.Equal(t, `{"consumer_seq":0,"stream_seq":0}`, l.info(client, "C", "ack_floor"))
	require.True(t, l.ack(client, got[0], ""))
	require.Equal(t, `{"consumer_seq":2,"stream_seq":2}`, l.info(client, "C", "ack_floor"))
	l.depose()
	l.run(11)
	again := l.fetch(client, "C", 5)
	require.Len(t, again, 1, "what was acked is not delivered again")
	require.Equal(t, []int{2, 3}, []int{again[0].count, again[0].seq})
	require.True(t, l.ack(client, got[0], ""), "an ack that is tried again is confirmed again")
	require.True(t, l.ack(client, again[0], "+TERM"))
	require.Equal(t, `{"consumer_seq":4,"stream_seq":3}`, l.info(client, "C", "ack_floor"))
	for _, id := range l.ids {
		l.power(id)
	}
	for _, id := range l.ids {
		l.boot(id)
	}
	l.run(60)
	require.Equal(t, `{"consumer_seq":4,"stream_seq":3}`, l.info(client, "C", "ack_floor"))
	require.Equal(t, "0", l.info(client, "C", "num_ack_pending"))
	l.agree()
}

func TestAnAckThatIsNotCommittedIsNotConfirmed(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 1)
	got := l.fetch(client, "C", 1)
	leader := l.leader("ORDERS")
	a, b := others(l, leader)
	l.nodes[a].paused, l.nodes[b].paused = true, true
	l.nodes[leader].got = ""
	l.send(leader, fmt.Sprintf("PUB %s _INBOX.1.a 0\r\n\r\n", got[0].ack))
	require.Empty(t, l.nodes[leader].got)
	l.resume(a)
	l.resume(b)
	l.run(30)
	require.Contains(t, l.nodes[leader].got, "MSG _INBOX.1.a 1 0\r\n")
}

// nats-server#4786: a worker that took too long acks what another one is working on.
func TestALateAckSettlesAnothersDeliveryUnderNATSOnly(t *testing.T) {
	for profile, settles := range map[string]bool{"nats": true, "reference": false} {
		t.Run(profile, func(t *testing.T) {
			l, client := consuming(t, profile, explicit, 1)
			first := l.fetch(client, "C", 1)
			l.run(11)
			second := l.fetch(client, "C", 1)
			require.Equal(t, 2, second[0].count)
			require.Equal(t, settles, l.ack(client, first[0], "+ACK"), "a confirmation of the first delivery's ack")
			require.True(t, l.ack(client, second[0], "+ACK"))
			require.Equal(t, settles, l.ack(client, first[0], "+ACK"), "and of a second try, when the other has settled it")
			require.Equal(t, "0", l.info(client, "C", "num_ack_pending"))
		})
	}
}

func TestAMessageIsDeliveredAsOftenAsItMayBeAndGivenUpWithAnAdvisory(t *testing.T) {
	l, client := consuming(t, "reference", `{"durable_name":"C","ack_policy":"explicit","ack_wait":500000000,"max_deliver":2}`, 2)
	l.send(client, "SUB $JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.> 9\r\n")
	l.run(2)
	require.Len(t, l.fetch(client, "C", 1), 1)
	l.depose()
	l.run(8)
	got := l.fetch(client, "C", 1)
	require.Equal(t, []int{2, 1}, []int{got[0].count, got[0].seq})
	l.nodes[client].got = ""
	l.run(10)
	require.Contains(t, l.nodes[client].got, `"type":"io.nats.jetstream.advisory.v1.max_deliver"`)
	require.Contains(t, l.nodes[client].got, `"stream_seq":1,"deliveries":2`)
	require.Equal(t, 1, strings.Count(l.nodes[client].got, "MAX_DELIVERIES"))
	got = l.fetch(client, "C", 5)
	require.Len(t, got, 1)
	require.Equal(t, 2, got[0].seq)
	require.Equal(t, `{"consumer_seq":2,"stream_seq":1}`, l.info(client, "C", "ack_floor"))
	l.agree()
}

func TestWhatLivesInTheLeadersMemoryEndsWithIt(t *testing.T) {
	l, client := consuming(t, "reference", `{"ack_policy":"none","inactive_threshold":60000000000}`, 3)
	require.Len(t, l.fetch(client, "C", 2), 2)
	require.Empty(t, l.state(client), "nothing of it is replicated")
	l.send(client, "PUB $JS.API.CONSUMER.MSG.NEXT.ORDERS.C _INBOX.1.w 25\r\n{\"batch\":5,\"expires\":9e9}\r\n")
	l.depose()
	require.Contains(t, l.tell(client, "$JS.API.CONSUMER.INFO.ORDERS.C", "", 2), `"err_code":10014`)
	require.Contains(t, l.tell(client, "$JS.API.CONSUMER.MSG.NEXT.ORDERS.C", "1", 2), "NATS/1.0 503")
}

func TestThoseWhoWaitHearThatTheLeaderChanges(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 0)
	l.nodes[client].got = ""
	l.send(client, "PUB $JS.API.CONSUMER.MSG.NEXT.ORDERS.C _INBOX.1.w 1\r\n5\r\n")
	l.run(3)
	require.Empty(t, l.nodes[client].got)
	require.Contains(t, l.tell(client, "$JS.API.CONSUMER.LEADER.STEPDOWN.ORDERS.C", "", 20), `"success":true`)
	require.Contains(t, l.nodes[client].got, "NATS/1.0 409 Leadership Change")
	l.publish(client, 1, 1)
	require.Len(t, l.fetch(client, "C", 1), 1)
}

func TestRemovedMessagesAreLetGoOf(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 10)
	require.Len(t, l.fetch(client, "C", 5), 5)
	require.Contains(t, l.tell(client, "$JS.API.STREAM.MSG.DELETE.ORDERS", `{"seq":7}`, 3), `"success":true`)
	require.Equal(t, "4", l.info(client, "C", "num_pending"))
	require.Contains(t, l.tell(client, "$JS.API.STREAM.PURGE.ORDERS", `{"seq":4}`, 3), `"purged":3`)
	require.Equal(t, `{"consumer_seq":3,"stream_seq":3}`, l.info(client, "C", "ack_floor"))
	require.Equal(t, "2", l.info(client, "C", "num_ack_pending"))
	require.Contains(t, l.tell(client, "$JS.API.STREAM.PURGE.ORDERS", ``, 3), `"purged":6`)
	require.Equal(t, `{"consumer_seq":5,"stream_seq":5}`, l.info(client, "C", "ack_floor"))
	require.Equal(t, "0", l.info(client, "C", "num_pending"))
	l.publish(client, 11, 12)
	got := l.fetch(client, "C", 5)
	require.Len(t, got, 2)
	require.Equal(t, []int{1, 11, 6, 1}, []int{got[0].count, got[0].seq, got[0].cseq, got[0].pending})
	l.agree()
}

func TestARestartedReplicaKnowsWhatTheOthersKnow(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 30)
	l.small(client, 300, 1) // checkpoints, and snapshots for who is behind
	_, other := others(l, client)
	l.small(other, 300, 1)
	l.small(l.leader("ORDERS"), 300, 1)
	for i := range 12 {
		for j, d := range l.fetch(client, "C", 3) {
			if (i+j)%3 > 0 {
				l.ack(client, d, []string{"+ACK", "+TERM", "+ACK"}[j])
			}
		}
		if i%4 == 3 {
			l.depose()
		}
	}
	l.agree()
	require.NotEmpty(t, l.state(client))
}

// worked is what a client hears that works on the consumer C of ORDERS, step by step: fetch N, ack I PAYLOAD (of the I-th
// delivery), two (requests wait together), publish N,
// held (an ack that cannot be committed), wait TICKS, depose, restart or info.
func worked(t *testing.T, sw Switches, stream, config string, steps ...string) string {
	l := newLabOf(t, 3, sw, func(c *Config) { c.TailBytes, c.KeepBytes = 300, 1 })
	l.run(60)
	require.Contains(t, l.ask(1, `STREAM.CREATE.ORDERS | {"name":"ORDERS","subjects":["orders.>"],"num_replicas":3`+stream+`}`), `"created"`)
	l.run(10)
	client, _ := others(l, l.leader("ORDERS"))
	l.consumer(client, "C", config)
	l.publish(client, 1, 6)
	var heard strings.Builder
	var got []delivery
	for _, step := range steps {
		verb, rest, _ := strings.Cut(step, " ")
		n, payload, _ := strings.Cut(rest, " ")
		i, _ := strconv.Atoi(n)
		switch verb {
		case "fetch":
			batch := l.fetch(client, "C", i)
			got = append(got, batch...)
			for _, d := range batch {
				fmt.Fprintf(&heard, "%d of %d as %d\n", d.count, d.seq, d.cseq)
			}
		case "ack":
			fmt.Fprintln(&heard, "confirmed", l.ack(client, got[i-1], payload))
		case "two":
			l.nodes[client].got = ""
			for _, inbox := range []string{"x", "y"} {
				l.send(client, "PUB $JS.API.CONSUMER.MSG.NEXT.ORDERS.C _INBOX.1."+inbox+" 1\r\n1\r\n")
			}
			l.run(3)
			l.publish(client, 7, 7)
			l.run(3)
			fmt.Fprintln(&heard, len(deliveries(l.nodes[client].got)), "came to two")
		case "wait":
			l.run(i)
		case "publish":
			l.publish(client, 10, 10+i)
		case "depose":
			l.depose()
			l.run(10)
		case "restart":
			for _, id := range l.ids {
				l.power(id)
			}
			for _, id := range l.ids {
				l.boot(id)
			}
			l.run(60)
		case "info":
			fmt.Fprintln(&heard, l.info(client, "C", "ack_floor"), l.info(client, "C", "num_ack_pending"), l.info(client, "C", "num_pending"))
		case "held":
			a, b := others(l, l.leader("ORDERS"))
			leader := l.leader("ORDERS")
			l.nodes[a].paused, l.nodes[b].paused = true, true
			l.nodes[leader].got = ""
			l.send(leader, "PUB "+got[0].ack+" _INBOX.1.a 0\r\n\r\n")
			fmt.Fprintf(&heard, "%q\n", l.nodes[leader].got)
			l.resume(a)
			l.resume(b)
			l.run(30)
		}
	}
	return heard.String()
}

// Each planted bug of consumers changes what a client hears. (Whether the judges see it in a world of faults is
// another question.)
func TestEveryPlantedBugOfConsumersIsHeardOf(t *testing.T) {
	const waits = `{"durable_name":"C","ack_policy":"explicit","ack_wait":1000000000}`
	for bug, c := range map[string]struct {
		stream, config string
		steps          []string
	}{
		"floor-jumps":          {"", waits, []string{"fetch 3", "ack 2 +ACK", "info"}},
		"ack-neighbour":        {"", waits, []string{"fetch 3", "ack 1 +ACK", "info"}},
		"half-ack-wait":        {"", waits, []string{"fetch 1", "wait 3", "fetch 1"}},
		"max-deliver-one-more": {"", `{"durable_name":"C","ack_policy":"explicit","ack_wait":300000000,"max_deliver":1}`, []string{"fetch 1", "wait 4", "fetch 2"}},
		"max-pending-one-more": {"", `{"durable_name":"C","ack_policy":"explicit","max_ack_pending":2}`, []string{"fetch 5"}},
		"nak-forgotten":        {"", waits, []string{"fetch 1", "ack 1 -NAK", "fetch 1"}},
		"term-as-nak":          {"", waits, []string{"fetch 1", "ack 1 +TERM", "fetch 1"}},
		"ack-before-apply":     {"", `{"durable_name":"C","ack_policy":"explicit"}`, []string{"fetch 1", "held"}},
		"count-stays":          {"", waits, []string{"fetch 1", "wait 12", "fetch 1", "wait 12", "fetch 1"}},
		"forget-pending":       {"", waits, []string{"fetch 2", "depose", "wait 12", "fetch 5"}},
		"forget-acks":          {"", `{"durable_name":"C","ack_policy":"explicit"}`, []string{"fetch 3", "ack 2 +ACK", "ack 3 +ACK", "publish 20", "restart", "fetch 5"}},
		"fetch-twice":          {"", waits, []string{"fetch 6", "two"}},
		"queue-removes-early":  {`,"retention":"workqueue"`, waits, []string{"fetch 2", "wait 12", "fetch 6"}},
	} {
		sw := mustProfile(t, "reference")
		without := worked(t, sw, c.stream, c.config, c.steps...)
		require.Equal(t, without, worked(t, sw, c.stream, c.config, c.steps...), "%s without the bug, twice", bug)
		require.NoError(t, sw.Set("bug-"+bug, "on"))
		require.NotEqual(t, without, worked(t, sw, c.stream, c.config, c.steps...), "bug-%s", bug)
	}
}

func TestThoseWhoWaitHearThatTheConsumerOrItsStreamIsDeleted(t *testing.T) {
	for _, deletion := range []string{"$JS.API.CONSUMER.DELETE.S.C", "$JS.API.STREAM.DELETE.S"} {
		s, c := withStream(t, ordersConfig)
		s.bytes(c, "CONNECT {\"verbose\":false,\"headers\":true}\r\n")
		s.request(c, "$JS.API.CONSUMER.CREATE.S.C", `{"stream_name":"S","config":{"durable_name":"C","ack_policy":"explicit"}}`)
		require.NotContains(t, s.request(c, "$JS.API.CONSUMER.MSG.NEXT.S.C", "5"), "NATS/1.0")
		require.Contains(t, s.request(c, deletion, ""), "NATS/1.0 409 Consumer Deleted", deletion)
	}
}

// A deliver subject may be one of the API's, and the message it brings a request about the consumer itself.
func TestAConsumerMayDeleteItselfByWhatItDelivers(t *testing.T) {
	for _, config := range []string{
		`{"deliver_subject":"$JS.API.CONSUMER.DELETE.S.C","ack_policy":"none"}`,
		`{"deliver_subject":"$JS.API.CONSUMER.DELETE.S.C","ack_policy":"explicit","durable_name":"C"}`,
		`{"deliver_subject":"$JS.API.CONSUMER.DELETE.S.C","ack_policy":"explicit","max_deliver":1,"mem_storage":true}`,
	} {
		s, c := withStream(t, ordersConfig)
		for range 5 {
			s.answers(c, "PUB orders.x 0\r\n\r\n")
		}
		require.Contains(t, s.request(c, "$JS.API.CONSUMER.CREATE.S.C", `{"stream_name":"S","config":`+config+`}`), `"name":"C"`)
		s.quiet(3)
		require.Contains(t, s.request(c, "$JS.API.CONSUMER.INFO.S.C", ""), `"err_code":10014`)
	}
}

func FuzzConsumersDecode(f *testing.F) {
	empty := func() *consumers {
		s := &streamState{g: &group{b: &Broker{}}, a: &assignment{}}
		s.consumers = newConsumers(s)
		return s.consumers
	}
	seed := []byte{consumersForm, 3, 2}
	for id := byte(1); id <= 2; id++ {
		seed = append(seed, id, 1, 'A'+id, 4, 0)
		seed = appendBytes(seed, []byte(`{"ack_policy":"explicit","filter_subject":"a.>"}`))
		seed = appendBytes(seed, track.NewState("explicit", track.Begin{After: 5}).Append(nil))
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, text []byte) {
		c := empty()
		if c.decode(text) != nil || c.next == 1 {
			return
		}
		again := empty()
		if err := again.decode(c.encode()); err != nil || string(again.encode()) != string(c.encode()) {
			t.Fatalf("decoded twice: %v", err)
		}
	})
}
