package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// What holds of streams over several nodes.

// ask makes one call (as in calls) from the client at node id, and returns what the client is sent.
func (l *lab) ask(id machine.NodeID, call string) string {
	n := l.nodes[id]
	n.got = ""
	l.send(id, frame(call, "_INBOX.1.q"))
	for range 20 {
		if n.got != "" {
			break
		}
		l.run(1)
	}
	return n.got
}

// with is a cluster with a stream ORDERS of orders.>, three replicas and more settings.
func with(t *testing.T, sw Switches, settings string) *lab {
	l := newLab(t, 3, sw)
	l.run(60)
	require.Contains(t, l.ask(1, `STREAM.CREATE.ORDERS | {"name":"ORDERS","subjects":["orders.>"],"num_replicas":3`+settings+`}`), `"created"`)
	l.run(10)
	return l
}

// holds is what a replica holds: its state and its messages.
func (l *lab) holds(id machine.NodeID) string {
	g := l.orders(id)
	s := g.state.(*streamState)
	var b strings.Builder
	first, last, count, bytes := s.span()
	fmt.Fprintf(&b, "applied %d: %d to %d, %d messages, %d bytes, state %x\n", g.applied, first, last, count, bytes, s.encode())
	for seq, ok := g.store.NextAt(0); ok; seq, ok = g.store.NextAt(seq + 1) {
		at, _ := g.store.TimeOf(seq)
		subject, _ := g.store.SubjectOf(seq)
		fmt.Fprintln(&b, seq, at, subject)
	}
	return b.String()
}

// agree says that every replica holds the same.
func (l *lab) agree() {
	l.t.Helper()
	l.run(5) // followers hear of a commit with the next heartbeat
	for _, id := range l.ids[1:] {
		require.Equal(l.t, l.holds(l.ids[0]), l.holds(id), "node %d and node %d", l.ids[0], id)
	}
}

func TestAStepDownMovesTheLeaderToTheNodeAskedForOrToAnother(t *testing.T) {
	l := with(t, mustProfile(t, "reference"), "")
	old := l.leader("ORDERS")
	a, b := others(l, old)
	require.Contains(t, l.ask(1, `STREAM.LEADER.STEPDOWN.ORDERS | `), `"success":true`)
	l.run(3)
	now := l.leader("ORDERS")
	require.True(t, now == a || now == b, "leader %d, was %d", now, old)
	require.Contains(t, l.ask(1, fmt.Sprintf(`STREAM.LEADER.STEPDOWN.ORDERS | {"placement":{"preferred":"n%d"}}`, old)), `"success":true`)
	l.run(3)
	require.Equal(t, old, l.leader("ORDERS"))
	require.Contains(t, l.ask(1, fmt.Sprintf(`STREAM.LEADER.STEPDOWN.ORDERS | {"placement":{"preferred":"n%d"}}`, old)), "is already leader")
	require.Contains(t, l.ask(1, `STREAM.LEADER.STEPDOWN.ORDERS | {"placement":{"preferred":"n9"}}`), "not known")
	require.Contains(t, l.ask(1, `STREAM.LEADER.STEPDOWN.NONE | `), `"err_code":10059`)
	require.Contains(t, l.ask(1, `orders.x | after all that`), `"seq":1`)

	meta := l.leader("")
	require.Contains(t, l.ask(1, `META.LEADER.STEPDOWN | `), `"success":true`)
	l.run(3)
	require.NotEqual(t, meta, l.leader(""))
	require.Contains(t, l.ask(1, `STREAM.CREATE.ONE | {"name":"ONE"}`), `"created"`)
	require.Contains(t, l.ask(1, `STREAM.LEADER.STEPDOWN.ONE | `), `"success":true`, "of one replica there is nothing to move")
}

func TestADirectGetIsAnsweredByAReplicaWithoutItsLeader(t *testing.T) {
	l := with(t, mustProfile(t, "reference"), `,"allow_direct":true`)
	require.Contains(t, l.ask(1, `orders.x | kept`), `"seq":1`)
	l.run(3)
	old := l.leader("ORDERS")
	at, _ := others(l, old)
	l.nodes[old].paused = true
	got := l.ask(at, `DIRECT.GET.ORDERS.orders.x | `)
	require.Contains(t, got, "Nats-Sequence: 1\r\n")
	require.Contains(t, got, "Nats-Subject: orders.x\r\n")
	require.Contains(t, l.ask(at, `DIRECT.GET.ORDERS | {"seq":2}`), "NATS/1.0 404 Message Not Found\r\n\r\n")
	require.NotContains(t, l.ask(at, `STREAM.MSG.GET.ORDERS | {"seq":1}`), `"message"`)
}

func TestStreamsOfAllLeadersAreListedAndMissingOnesNamed(t *testing.T) {
	l := newLab(t, 3, mustProfile(t, "reference"))
	l.run(60)
	names := []string{"A", "B", "C", "D"}
	for _, name := range names {
		require.Contains(t, l.ask(1, fmt.Sprintf(`STREAM.CREATE.%s | {"name":%q,"subjects":["s.%s"]}`, name, name, name)), `"created"`)
		require.Contains(t, l.ask(2, "s."+name+" | x"), `"seq":1`)
	}
	got := l.ask(1, `STREAM.LIST | `)
	for _, name := range names {
		require.Contains(t, got, fmt.Sprintf(`"config":{"name":%q`, name))
	}
	require.Contains(t, got, `"total":4,"offset":0,"limit":256`)
	require.Equal(t, 4, strings.Count(got, `"messages":1`))

	gone := l.leader("A")
	if gone == l.leader("") {
		require.Contains(t, l.ask(1, `META.LEADER.STEPDOWN | `), `"success":true`)
		l.run(3)
	}
	at, _ := others(l, gone)
	l.power(gone)
	n := l.nodes[at]
	n.got = ""
	l.send(at, frame(`STREAM.LIST | {"subject":"s.A"}`, "_INBOX.1.q"))
	l.run(listTicks + 2)
	require.Contains(t, n.got, `"total":1,"offset":0,"limit":256,"streams":[],"missing":["A"]`)
}

func TestAChangeOfLimitsTakesEffectAtOnePlaceOfTheLogOnEveryReplica(t *testing.T) {
	l := with(t, mustProfile(t, "reference"), "")
	leader := l.leader("ORDERS")
	_, late := others(l, leader)
	l.nodes[late].paused = true // it will hear of everything later, of the stream before of meta or after
	for range 5 {
		l.ask(leader, `orders.x | before`)
	}
	require.Contains(t, l.ask(leader, `STREAM.UPDATE.ORDERS | {"name":"ORDERS","subjects":["orders.*"],"num_replicas":3,"max_msgs":3}`), `"messages":3`)
	for range 5 {
		l.ask(leader, `orders.x | after`)
	}
	require.NotContains(t, l.ask(leader, `orders.x.y | no longer taken`), `"seq"`)
	l.resume(late)
	l.run(60)
	l.agree()
	for _, id := range l.ids { // from the log alone
		l.power(id)
	}
	for _, id := range l.ids {
		l.boot(id)
	}
	l.run(60)
	l.agree()
	first, last, _, _ := l.orders(1).store.State()
	require.EqualValues(t, 8, first)
	require.EqualValues(t, 10, last)
}

func TestAnUpdateIsCarriedOnByTheNextLeader(t *testing.T) {
	l := with(t, mustProfile(t, "reference"), "")
	old := l.leader("ORDERS")
	if old == l.leader("") {
		require.Contains(t, l.ask(old, `META.LEADER.STEPDOWN | `), `"success":true`)
		l.run(3)
	}
	at, _ := others(l, old)
	l.nodes[old].paused = true
	l.send(at, frame(`STREAM.UPDATE.ORDERS | {"name":"ORDERS","subjects":["orders.>"],"num_replicas":3,"max_msgs":1}`, "_INBOX.1.q"))
	l.run(100)
	l.resume(old)
	l.run(60)
	l.agree()
	require.EqualValues(t, 1, l.orders(old).state.(*streamState).cfg.MaxMsgs)
}

func TestReplicasWithClocksOfTheirOwnExpireTheSameMessages(t *testing.T) {
	for _, bug := range []string{"off", "on"} {
		sw := mustProfile(t, "reference")
		require.NoError(t, sw.Set("bug-local-clock", bug))
		l := with(t, sw, `,"max_age":1000000000`)
		pass := func(rounds int) {
			for range rounds {
				for _, id := range l.ids {
					l.nodes[id].env.Wall += 100 * ms
				}
				l.run(1)
			}
		}
		leader := l.leader("ORDERS")
		for _, id := range l.ids {
			if id != leader {
				l.nodes[id].env.Wall += 800 * ms
			}
		}
		l.ask(1, `orders.x | 1`)
		pass(5)
		l.ask(1, `orders.x | 2`)
		l.run(2)
		_, follower := others(l, leader)
		count := func(id machine.NodeID) uint64 {
			_, _, n, _ := l.orders(id).store.State()
			return n
		}
		require.EqualValues(t, 2, count(leader))
		if bug == "on" {
			require.EqualValues(t, 1, count(follower), "a follower whose clock is ahead has dropped the first")
			continue
		}
		l.agree()
		pass(6)
		require.EqualValues(t, 1, count(leader))
		l.run(2)
		l.agree()
		pass(20)
		require.Zero(t, count(leader))
	}
}

func TestASnapshotBringsTheIDsOfMessagesThatAreGone(t *testing.T) {
	for _, bug := range []string{"off", "on"} {
		sw := mustProfile(t, "reference")
		require.NoError(t, sw.Set("bug-forget-ids", bug))
		l := with(t, sw, `,"max_msgs":5`)
		leader := l.leader("ORDERS")
		_, late := others(l, leader)
		for _, id := range l.ids {
			l.small(id, 1000, 100)
		}
		l.nodes[late].paused = true
		for i := range 30 {
			require.Contains(t, l.ask(leader, fmt.Sprintf(`orders.x Nats-Msg-Id:id%d | %d`, i, i)), fmt.Sprintf(`"seq":%d}`, i+1))
		}
		require.Greater(t, l.orders(leader).tail.base(), l.orders(late).applied, "the leader has forgotten what the laggard needs")
		l.resume(late)
		l.run(120)
		require.Contains(t, l.ask(leader, fmt.Sprintf(`STREAM.LEADER.STEPDOWN.ORDERS | {"placement":{"preferred":"n%d"}}`, late)), `"success":true`)
		l.run(3)
		require.Equal(t, late, l.leader("ORDERS"))
		got := l.ask(late, `orders.x Nats-Msg-Id:id0 | 0`)
		if bug == "on" {
			require.Contains(t, got, `"seq":31}`)
			continue
		}
		require.Contains(t, got, `"seq":1,"duplicate":true`)
		l.agree()
	}
}

// elect lets time pass at two nodes until one leads ORDERS, and stops at that moment.
func (l *lab) elect(nodes ...machine.NodeID) machine.NodeID {
	for range 100 {
		for _, id := range nodes {
			l.nodes[id].env.Mono += 100 * ms
			l.step(l.nodes[id], &machine.Input{Kind: machine.TimerFired, Timer: machine.TimerKey{Kind: timerTick}})
		}
		for len(l.queue) > 0 {
			f := l.queue[0]
			l.queue = l.queue[1:]
			if l.deliver(f); l.leader("ORDERS") != 0 {
				return l.leader("ORDERS")
			}
		}
	}
	l.t.Fatal("nobody leads")
	return 0
}

// nats-server#4320, #8469: the one that leads next holds an expectation against what it has applied, and has yet to
// apply what the last one committed.
func TestTwoPublishesThatExpectTheSameAreStoredWhenLeadersDecide(t *testing.T) {
	for where, stored := range map[string]uint64{"leader": 2, "apply": 1} {
		sw := mustProfile(t, "reference")
		sw.Expect = where
		l := with(t, sw, "")
		old := l.leader("ORDERS")
		a, b := others(l, old)
		const call = `orders.x Nats-Expected-Last-Subject-Sequence:0 | mine`
		l.send(old, frame(call, "_INBOX.1.q"))
		for _, f := range l.queue { // the others hear of it, but not the leader of them
			l.deliver(f)
		}
		l.queue, l.nodes[old].paused = nil, true
		heir := l.elect(a, b)
		n := l.nodes[heir]
		n.got = ""
		l.send(heir, frame(call, "_INBOX.1.q"))
		l.run(5)
		_, _, count, _ := l.orders(heir).store.State()
		require.Equal(t, stored, count, "decided at %s", where)
		if where == "apply" {
			require.Contains(t, n.got, `"description":"wrong last sequence: 1"`)
		} else {
			require.Contains(t, n.got, `"seq":2}`)
		}
	}
}

// nats-server PR #6415: an id is remembered with a proposal, and stays when the proposal is lost.
func TestARetryOfWhatWasNeverStoredIsRefusedWhenLeadersRemember(t *testing.T) {
	for where, answer := range map[string]string{"leader": `"err_code":10158`, "apply": `{"stream":"ORDERS","seq":1}`} {
		sw := mustProfile(t, "reference")
		sw.Dedup = where
		l := with(t, sw, "")
		old := l.leader("ORDERS")
		const call = `orders.x Nats-Msg-Id:once | mine`
		l.send(old, frame(call, "_INBOX.1.q"))
		l.queue, l.nodes[old].paused = nil, true // nobody hears of it
		l.run(100)
		now := l.leader("ORDERS")
		require.NotZero(t, now)
		l.resume(old)
		l.run(20)
		require.Contains(t, l.ask(now, fmt.Sprintf(`STREAM.LEADER.STEPDOWN.ORDERS | {"placement":{"preferred":"n%d"}}`, old)), `"success":true`)
		l.run(3)
		require.Equal(t, old, l.leader("ORDERS"))
		_, last, _, _ := l.orders(old).store.State()
		require.Zero(t, last, "it was never stored")
		require.Contains(t, l.ask(old, call), answer, "decided at %s", where)
	}
}

// A publish goes to every node that believes that it leads. The copy that a partition holds up must not be stored when its
// receiver leads again.
func TestACopyOfAPublishThatWasLongUnderWayIsNotStoredASecondTime(t *testing.T) {
	for address, stored := range map[string]uint64{"term": 1, "node": 2} {
		sw := mustProfile(t, "reference")
		sw.Address = address
		l := with(t, sw, "")
		old := l.leader("ORDERS")
		a, b := others(l, old)
		l.nodes[old].paused = true
		now := l.elect(a, b)
		l.run(20)
		at := a + b - now
		l.queue = nil
		l.send(at, frame(`orders.x | once`, "_INBOX.1.q"))
		var late []labFrame
		for _, f := range l.queue {
			if f.to == old && f.link == machine.RouteLink {
				late = append(late, f)
			}
		}
		require.NotEmpty(t, late, "the old leader's interest is still known")
		l.run(5)
		require.Contains(t, l.nodes[at].got, `"seq":1}`)
		l.resume(old)
		l.run(20)
		require.Contains(t, l.ask(now, fmt.Sprintf(`STREAM.LEADER.STEPDOWN.ORDERS | {"placement":{"preferred":"n%d"}}`, old)), `"success":true`)
		l.run(3)
		require.Equal(t, old, l.leader("ORDERS"))
		for _, f := range late {
			l.deliver(f)
		}
		l.run(5)
		_, _, count, _ := l.orders(old).store.State()
		require.Equal(t, stored, count, "address=%s", address)
	}
}
