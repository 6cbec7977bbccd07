package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// wipe replaces a node's disk by an empty one.
func (l *lab) wipe(id machine.NodeID) {
	l.power(id)
	l.nodes[id].disk = &story{files: map[string][]byte{}, synced: map[string]int{}}
}

// rot flips a bit of every file of a node whose name begins so, where a proof stands behind it.
func (l *lab) rot(id machine.NodeID, prefix string, at int) {
	for name, b := range l.nodes[id].disk.files {
		if len(name) > len(prefix) && name[:len(prefix)] == prefix {
			b[at] ^= 4
		}
	}
}

func (l *lab) broker(id machine.NodeID) *Broker { return l.nodes[id].m.(*Broker) }

// eventually runs the cluster until something is true.
func (l *lab) eventually(what string, is func() bool) {
	for range 600 {
		if is() {
			return
		}
		l.run(1)
	}
	require.FailNow(l.t, "never: "+what)
}

// whole says whether a node votes in every group, as the member of that life.
func (l *lab) whole(id machine.NodeID, life uint64) bool {
	b := l.broker(id)
	for _, g := range b.groups {
		if g.absent != "" || g.self != memberID(id)+memberID(life)<<lifeBits || !g.members.whole(g.self) {
			return false
		}
	}
	return len(b.groups) == 2
}

func (l *lab) storedAlike(n int) {
	for _, id := range l.ids {
		_, last, count, _ := l.orders(id).store.State()
		require.EqualValues(l.t, n, last, "node %d", id)
		require.EqualValues(l.t, n, count, "node %d", id)
	}
}

func TestANodeWhoseDiskWasReplacedIsLetInAsANewMemberOfEveryGroup(t *testing.T) {
	for _, keep := range []int64{1 << 20, 100} { // with the leaders' logs whole, and with snapshots
		l := newLabOf(t, 3, mustProfile(t, "reference"), func(c *Config) { c.TailBytes, c.KeepBytes = 2*keep, keep })
		l.createOrders()
		l.publish(1, 1, 40)
		for life := uint64(1); life <= 3; life++ {
			for _, id := range l.ids {
				l.wipe(id)
				l.run(3)
				l.boot(id)
				l.eventually("the wiped node is back", func() bool { return l.whole(id, life) })
				l.publish(id, 1, 5)
				l.run(40)
			}
		}
		l.storedAlike(40 + 9*5)
		for _, id := range l.ids {
			conf := l.orders(id).members.conf
			require.Equal(t, []uint64{3<<32 | 1, 3<<32 | 2, 3<<32 | 3}, conf.Voters)
			require.Empty(t, conf.Learners)
			require.Empty(t, conf.VotersOutgoing)
		}
	}
}

// steps delivers frames one by one, n of them, and lets time pass when there are none.
func (l *lab) steps(n int) {
	for ; n > 0; n-- {
		if len(l.queue) == 0 {
			l.run(1)
			continue
		}
		f := l.queue[0]
		l.queue = l.queue[1:]
		l.deliver(f)
	}
}

// loses says how a node can lose what it promised.
var loses = map[string]func(l *lab, id machine.NodeID){
	"its disk": func(l *lab, id machine.NodeID) { l.wipe(id) },
	"part of its log": func(l *lab, id machine.NodeID) {
		l.power(id)
		l.rot(id, "wal/", 700)
	},
	"the beginning of its log": func(l *lab, id machine.NodeID) {
		l.power(id)
		l.rot(id, "wal/", 10)
	},
	"a block": func(l *lab, id machine.NodeID) {
		l.power(id)
		l.rot(id, "streams/", 60)
	},
	"its log, but not its stores": func(l *lab, id machine.NodeID) {
		l.power(id)
		l.remove(id, "wal/")
	},
	"the store of meta": func(l *lab, id machine.NodeID) {
		l.power(id)
		l.remove(id, "meta/")
	},
}

func (l *lab) remove(id machine.NodeID, prefix string) {
	d := l.nodes[id].disk
	for name := range d.files {
		if len(name) > len(prefix) && name[:len(prefix)] == prefix {
			delete(d.files, name)
			delete(d.synced, name)
		}
	}
}

// alive says whether a node takes part in every group, as whatever member.
func (l *lab) alive(id machine.NodeID) bool {
	b := l.broker(id)
	for _, g := range b.groups {
		if g.absent != "" || !g.members.whole(g.self) {
			return false
		}
	}
	return len(b.groups) == 2
}

func (l *lab) allAlive() bool {
	for _, id := range l.ids {
		if !l.alive(id) {
			return false
		}
	}
	leader := l.leader("ORDERS")
	return leader != 0 && l.orders(leader).seenTerm == l.orders(leader).term
}

// checkpointed is a cluster whose stores hold most of what was published, and whose logs the rest.
func checkpointed(t *testing.T, profile string) *lab {
	l := newLabOf(t, 3, mustProfile(t, profile), func(c *Config) { c.TailBytes, c.KeepBytes = 400, 200 })
	l.createOrders()
	l.publish(1, 1, 40)
	l.run(20)
	return l
}

func TestWhateverPartOfItsDiskANodeLosesItComesBackWhole(t *testing.T) {
	for what, lose := range loses {
		t.Run(what, func(t *testing.T) {
			l := checkpointed(t, "reference")
			for _, id := range l.ids {
				lose(l, id)
				l.boot(id)
				l.run(1)
				require.NotEmpty(t, l.nodes[id].damaged, "it did not notice")
				l.until("it is back", l.allAlive)
				l.run(3)
				l.publish(id, 1, 5)
				l.run(20)
			}
			l.storedAlike(55)
		})
	}
}

func TestARejoiningNodeMayLosePowerAtAnyMoment(t *testing.T) {
	for what, lose := range loses {
		t.Run(what, func(t *testing.T) {
			for at := 0; at < 120; at += 7 {
				for _, all := range []bool{false, true} {
					l := checkpointed(t, "reference")
					id := machine.NodeID(1 + at%3)
					lose(l, id)
					l.boot(id)
					l.steps(at)
					if all {
						for _, id := range l.ids {
							l.power(id)
						}
						l.queue = nil
						for _, id := range l.ids {
							l.boot(id)
						}
					} else {
						l.power(id)
						l.run(at % 5)
						l.boot(id)
					}
					l.until("it is back", l.allAlive)
					l.run(3)
					l.publish(id, 1, 5)
					l.run(20)
					l.storedAlike(45)
				}
			}
		})
	}
}

// A store that boot found completes its own work while its group is away. The log must not take its checkpoint for
// part of a group that this disk has served.
func TestALostNodeStaysLostHoweverItsDisksFilesComeToRest(t *testing.T) {
	l := checkpointed(t, "reference")
	l.power(2)
	l.rot(2, "wal/", 10)
	l.nodes[2].hold = func(op *machine.DiskOp) bool { return strings.HasPrefix(op.File, "wal") }
	l.boot(2)
	l.nodes[1].paused, l.nodes[3].paused = true, true
	l.run(2)
	for len(l.nodes[2].held) > 0 {
		l.release(2)
	}
	l.run(20)
	for range 2 {
		l.power(2)
		l.boot(2)
		l.run(2)
		require.NotEmpty(t, l.broker(2).groups[0].absent)
	}
	l.nodes[1].paused, l.nodes[3].paused = false, false
	l.eventually("it is back", l.allAlive)
	l.storedAlike(40)
}

// get asks for a message by sequence.
func (l *lab) get(id machine.NodeID, seq int) string {
	l.nodes[id].got = ""
	req := fmt.Sprintf(`{"seq":%d}`, seq)
	l.send(id, fmt.Sprintf("PUB $JS.API.STREAM.MSG.GET.ORDERS _INBOX.1.g %d\r\n%s\r\n", len(req), req))
	l.run(4)
	return l.nodes[id].got
}

func TestALeaderThatReadsARottenBlockMakesWayAndComesBackWithItWhole(t *testing.T) {
	for _, keep := range []int64{1 << 20, 200} { // with the others' logs whole, and with a snapshot
		l := newLabOf(t, 3, mustProfile(t, "reference"), func(c *Config) { c.TailBytes, c.KeepBytes, c.CacheBytes = 2*keep, keep, 1 })
		l.createOrders()
		l.publish(1, 1, 40)
		l.run(20)
		rotten := l.leader("ORDERS")
		l.rot(rotten, "streams/", 30)
		require.NotContains(t, l.get(1, 1), "message", "what is rotten is not served")
		require.NotEmpty(t, l.nodes[rotten].damaged)
		l.eventually("it is back", l.allAlive)
		require.Equal(t, memberID(rotten).next(), l.orders(rotten).self)
		l.run(5)
		require.Contains(t, l.get(1, 1), "message")
		l.storedAlike(40)
	}
}

// The place of a member that was lost may have been given to another by the time its disk has all again.
func TestALossIsRememberedByADiskThatHasAllAgain(t *testing.T) {
	l := newLabOf(t, 3, mustProfile(t, "reference"), func(c *Config) { c.CacheBytes = 1 })
	l.createOrders()
	l.publish(1, 1, 40)
	l.run(20)
	lost := l.leader("ORDERS")
	l.rot(lost, "streams/", 30)
	require.NotContains(t, l.get(lost, 1), "message")
	require.NotEmpty(t, l.nodes[lost].damaged)
	a, b := others(l, lost)
	l.nodes[a].paused, l.nodes[b].paused, l.queue = true, true, nil
	l.power(lost) // the block was not synced, and its log is whole
	l.boot(lost)
	l.run(3)
	require.Contains(t, l.nodes[lost].damaged, "has not been let in again")
	g := l.orders(lost)
	g.admitted(&wire.Rejoin{Group: g.id, Token: g.token + 2, ID: uint64(memberID(lost).next())})
	require.NotEmpty(t, g.absent, "that was said to another loss")
	l.resume(a)
	l.resume(b)
	l.eventually("it is back", l.allAlive)
	require.Equal(t, memberID(lost).next(), l.orders(lost).self)
	l.storedAlike(40)
}

func TestTheOnlyCopyIsNeitherThrownAwayNorGivenUpForOneRottenMessage(t *testing.T) {
	s := single(t, func(c *Config) { c.TailBytes, c.KeepBytes, c.CacheBytes = 100, 1, 1 })
	s.quiet(20)
	c := s.open("in")
	s.create(c, "S")
	for range 5 {
		s.bytes(c, "PUB S 20\r\nhihihihihihihihihihi\r\n")
		s.quiet(0)
	}
	s.quiet(5)
	for name, b := range s.files {
		if strings.HasSuffix(name, ".blk") {
			b[30] ^= 1
		}
	}
	get := func(seq int) string {
		s.out.Reset()
		req := fmt.Sprintf(`{"seq":%d}`, seq)
		s.bytes(c, fmt.Sprintf("PUB $JS.API.STREAM.MSG.GET.S in %d\r\n%s\r\n", len(req), req))
		s.quiet(3)
		return s.out.String()
	}
	require.NotContains(t, get(1), `"message":`)
	require.Contains(t, get(2), `"message":`)
}

func TestAMajorityThatLostWhatItHadStandsStillAndNothingThatIsLeftIsTouched(t *testing.T) {
	for what, lose := range loses {
		t.Run(what, func(t *testing.T) {
			l := checkpointed(t, "reference")
			lose(l, 1)
			lose(l, 2)
			left := map[string]int{}
			for name, b := range l.nodes[1].disk.files {
				left[name] = len(b)
			}
			l.boot(1)
			l.boot(2)
			before := l.acked(3)
			l.run(300)
			l.publish(3, 1, 10)
			l.run(50)
			require.Equal(t, before, l.acked(3), "acknowledged by a minority that remembers")
			require.Zero(t, l.leader("ORDERS"))
			for _, id := range []machine.NodeID{1, 2} {
				require.NotEmpty(t, l.broker(id).groups[0].absent+l.broker(id).groups[len(l.broker(id).groups)-1].absent)
			}
			for name, size := range left {
				if strings.HasPrefix(name, "streams/") && strings.HasSuffix(name, ".blk") {
					require.Len(t, l.nodes[1].disk.files[name], size, name)
				}
			}
		})
	}
}

func (l *lab) streamInfo(from machine.NodeID, stream string) string {
	l.nodes[from].got = ""
	l.send(from, "PUB $JS.API.STREAM.INFO."+stream+" _INBOX.1.i 0\r\n\r\n")
	l.run(6)
	return l.nodes[from].got
}

func TestAStreamWhoseReplicasAreLostSaysSo(t *testing.T) {
	l := newLabOf(t, 3, mustProfile(t, "reference"), func(c *Config) { c.TailBytes, c.KeepBytes = 100, 1 })
	l.createOrders()
	cfg := `{"name":"ONE","subjects":["one"],"num_replicas":1}`
	l.send(1, fmt.Sprintf("PUB $JS.API.STREAM.CREATE.ONE _INBOX.1.c %d\r\n%s\r\n", len(cfg), cfg))
	l.run(60)
	only := l.leader("ONE")
	require.NotZero(t, only)
	other, _ := others(l, only)
	require.NotContains(t, l.streamInfo(other, "ORDERS"), "offline")
	l.wipe(only)
	l.boot(only)
	l.eventually("its loss in ORDERS is known", func() bool { return strings.Contains(l.streamInfo(other, "ORDERS"), `"offline":true`) })
	l.eventually("it is back in ORDERS", func() bool {
		info := l.streamInfo(other, "ORDERS")
		return strings.Count(info, `"current":true`) == 2 && !strings.Contains(info, "offline")
	})
	require.Contains(t, l.streamInfo(other, "ONE"), `"err_code":10194,"description":"stream is offline: of its 1 replicas those on `+nodeName(only)+` are lost"`)
}

func TestANodeThatHadLeftAGroupMayGoOnWithTheLogCut(t *testing.T) {
	l := checkpointed(t, "reference")
	l.power(2)
	l.rot(2, "wal/", 700)
	l.nodes[1].paused, l.nodes[3].paused = true, true
	l.boot(2)
	l.run(3)
	require.NotEmpty(t, l.nodes[2].damaged)
	l.nodes[1].paused, l.nodes[3].paused = false, false
	for _, id := range l.ids {
		l.power(id)
	}
	l.sw.Damage, l.queue = "cut", nil
	for _, id := range l.ids {
		l.boot(id)
	}
	l.run(100)
	require.True(t, l.allAlive())
	require.Equal(t, memberID(2), l.orders(2).self)
	l.storedAlike(40)
}
