package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// pull asks consumer C for messages, for a minute.
func (l *lab) pull(id machine.NodeID, reply string) {
	const body = `{"batch":1,"expires":60000000000}`
	l.send(id, fmt.Sprintf("PUB $JS.API.CONSUMER.MSG.NEXT.ORDERS.C _INBOX.1.%s %d\r\n%s\r\n", reply, len(body), body))
}

// crash takes the power of the leader of ORDERS, and waits until it is gone.
func (l *lab) crash() machine.NodeID {
	old := l.leader("ORDERS")
	l.power(old)
	require.Zero(l.t, l.leader("ORDERS"))
	return old
}

func TestWhoAskedALeaderThatIsNoMoreIsToldWhenThereIsAnother(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 0)
	l.pull(client, "first")
	l.run(3)
	l.nodes[client].got = ""
	l.crash()
	l.eventually("there is another leader", func() bool { return l.leader("ORDERS") != 0 })
	l.eventually("the client is told", func() bool { return strings.Contains(l.nodes[client].got, "409 Leadership Change") })
	l.run(30)
	require.Equal(t, 1, strings.Count(l.nodes[client].got, "MSG "), "once: %s", l.nodes[client].got)
	l.pull(client, "second")
	l.publish(client, 1, 1)
	l.eventually("its next request is served", func() bool { return len(deliveries(l.nodes[client].got)) == 1 })
}

func TestARequestBetweenTwoLeadersWaitsForTheSecond(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 3)
	l.crash()
	l.nodes[client].got = ""
	l.pull(client, "a")
	l.pull(client, "b")
	require.Contains(t, l.tell(client, "$JS.API.CONSUMER.MSG.NEXT.ORDERS.C", "1", 1), "NATS/1.0 503", "one that would not wait")
	require.Contains(t, l.tell(client, "$JS.API.CONSUMER.MSG.NEXT.NONE.C", `{"expires":60000000000}`, 1), "NATS/1.0 503", "there is no such stream")
	l.eventually("both are served", func() bool { return len(deliveries(l.nodes[client].got)) == 2 })
	l.run(30)
	got := l.nodes[client].got
	require.Len(t, deliveries(got), 2, got)
	require.NotContains(t, got, "409", got)
}

func TestARequestToANewLeaderIsNotTakenForOneToTheLast(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 0)
	other := l.elect(others(l, l.crash()))
	l.nodes[client].got = ""
	for len(l.queue) > 0 { // its interest is heard, and no tick has passed
		f := l.queue[0]
		l.queue = l.queue[1:]
		l.deliver(f)
	}
	l.pull(client, "a")
	l.run(30)
	require.Equal(t, other, l.leader("ORDERS"))
	require.Empty(t, l.nodes[client].got)
}

func TestALinkThatBreaksIsNoChangeOfLeaders(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 0)
	l.pull(client, "a")
	l.run(3)
	leader := l.leader("ORDERS")
	for _, pair := range [][2]machine.NodeID{{client, leader}, {leader, client}} {
		l.step(l.nodes[pair[0]], &machine.Input{Kind: machine.PeerDown, Link: machine.RouteLink, Peer: machine.Addr{Node: pair[1]}})
	}
	l.run(1)
	l.nodes[client].got = ""
	l.link(l.nodes[client], l.nodes[leader])
	l.run(30)
	require.Equal(t, leader, l.leader("ORDERS"))
	require.Empty(t, l.nodes[client].got)
}

func TestOfRequestsTheNewestAreRemembered(t *testing.T) {
	l, client := consuming(t, "reference", explicit, 0)
	for i := range 2 * maxPulls {
		l.pull(client, fmt.Sprint(i))
	}
	l.run(3)
	asked := l.broker(client).pulls["ORDERS"].asked
	require.LessOrEqual(t, len(asked), maxPulls)
	require.Contains(t, asked, pullKey{1, fmt.Sprint("_INBOX.1.", 2*maxPulls-1)})
	require.NotContains(t, asked, pullKey{1, "_INBOX.1.0"})
	l.tell(client, "$JS.API.STREAM.DELETE.ORDERS", "", 10)
	require.NotContains(t, l.broker(client).pulls, "ORDERS")
}
