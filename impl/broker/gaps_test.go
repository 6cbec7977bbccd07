package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// held are the sequences and subjects of what a node's store of ORDERS holds, and its state.
func (l *lab) held(id machine.NodeID) string {
	var b strings.Builder
	s := l.orders(id).store
	for seq, ok := s.NextAt(0); ok; seq, ok = s.NextAt(seq + 1) {
		size, _ := s.SizeOf(seq)
		fmt.Fprintf(&b, "%d/%d ", seq, size)
	}
	first, last, count, bytes := s.State()
	fmt.Fprintf(&b, "= %d..%d %d of %d", first, last, count, bytes)
	return b.String()
}

// erase removes messages from the stores of some nodes, as an entry of the log would.
func (l *lab) erase(seqs []uint64, from ...machine.NodeID) {
	for _, id := range from {
		for _, seq := range seqs {
			require.True(l.t, l.orders(id).store.Delete(seq), "message %d on node %d", seq, id)
		}
	}
}

// behind is a cluster in which one follower is away while messages of 20 KB are published, and the others
// have forgotten what they would need to send it.
func behind(t *testing.T, upto int, tune func(*Config)) (l *lab, leader, other, late machine.NodeID) {
	l = newLabOf(t, 3, mustProfile(t, "reference"), tune)
	l.createOrders()
	leader = l.leader("ORDERS")
	other, late = others(l, leader)
	l.small(leader, 1000, 100)
	l.big(leader, 1, 5)
	l.run(10)
	l.nodes[late].paused = true
	l.big(leader, 6, upto)
	l.run(3)
	return l, leader, other, late
}

func (l *lab) big(id machine.NodeID, from, to int) {
	for i := from; i <= to; i++ {
		l.send(id, fmt.Sprintf("PUB orders.%d _INBOX.1.p 20000\r\n%020000d\r\n", i%7, i))
		l.run(1)
	}
}

// until delivers frames, and ticks when there are none, until something holds.
func (l *lab) until(what string, holds func() bool) {
	for ticks := 0; ticks < 400; {
		if holds() {
			return
		}
		if len(l.queue) > 0 {
			f := l.queue[0]
			l.queue = l.queue[1:]
			l.deliver(f)
			continue
		}
		l.run(1)
		ticks++
	}
	require.FailNow(l.t, "never", what)
}

func (l *lab) level(a, b machine.NodeID) func() bool {
	return func() bool { return l.orders(a).fetch == nil && l.held(a) == l.held(b) }
}

func TestALaggardLosesWhatWasRemovedMeanwhileAndFetchesJustWhatItLacks(t *testing.T) {
	l, leader, other, late := behind(t, 40, func(*Config) {})
	l.erase([]uint64{1, 3, 4, 8, 9, 10, 25, 40}, leader, other)
	fetched := 0
	l.nodes[late].paused = false
	l.watch = func(f labFrame) {
		if c := catchup(f); c != nil && c.Kind == wire.KindCatchupChunk {
			fetched += len(c.Catchup.Messages)
		}
	}
	l.until("level", l.level(late, leader))
	require.Equal(t, 40-5-5, fetched)
	require.Equal(t, map[uint64]string{1: "snapshot", 3: "snapshot", 4: "snapshot"}, l.nodes[late].removed)
	l.orders(late).startCheckpoint()
	l.run(5)
	l.power(late)
	l.boot(late)
	l.until("level again", l.level(late, leader))
	l.publish(leader, 41, 50)
	l.until("level after more", l.level(late, leader))
}

// What a leader removes after it took a snapshot is decided by entries that the follower has not seen. It
// must hold what the snapshot held, or it would decide about those entries as nobody else did.
func TestAFetchBringsWhatTheSnapshotHeldThoughTheLeaderHasRemovedItSince(t *testing.T) {
	l, leader, other, late := behind(t, 60, func(c *Config) { c.CacheBytes, c.BlockBytes = 1, 100_000 })
	want := l.held(leader)
	l.nodes[late].paused = false
	l.until("the fetch is under way", func() bool {
		f := l.orders(late).fetch
		return f != nil && f.next > 10
	})
	require.Less(t, l.orders(late).fetch.next, uint64(30))
	var gone []uint64
	for seq := uint64(2); seq <= 58; seq++ {
		gone = append(gone, seq)
	}
	l.erase(gone, leader, other)
	l.send(leader, "PUB orders.x _INBOX.1.p 4\r\nmore\r\n")
	before := l.orders(leader).checkpoint
	l.until("a checkpoint that but for the fetch would let the files of dead blocks go", func() bool {
		l.orders(leader).startCheckpoint()
		l.orders(leader).touch()
		return l.orders(leader).checkpoint > before
	})
	require.NotNil(t, l.orders(late).fetch)
	l.until("fetched", func() bool { return l.orders(late).fetch == nil })
	require.True(t, strings.HasPrefix(l.held(late), strings.Split(want, "=")[0]), l.held(late))
	l.until("let go", func() bool { return len(l.orders(leader).pins) == 0 })
	l.publish(leader, 61, 61)
	l.orders(leader).startCheckpoint()
	l.orders(leader).touch()
	l.run(10)
	files := 0
	for name := range l.nodes[leader].disk.files {
		if strings.HasSuffix(name, ".blk") {
			files++
		}
	}
	require.LessOrEqual(t, files, 3, "the files of removed messages are gone")
}

func TestAFetchOfASnapshotThatIsNotKeptBeginsAnew(t *testing.T) {
	l, leader, other, late := behind(t, 60, func(*Config) {})
	l.nodes[late].paused = false
	l.until("the fetch is under way", func() bool {
		f := l.orders(late).fetch
		return f != nil && f.next > 10
	})
	for len(l.orders(leader).pins) > 0 {
		l.orders(leader).unpin(0)
	}
	l.erase([]uint64{2, 3, 50}, leader, other)
	rounds := 0
	l.until("level", func() bool { rounds++; return l.level(late, leader)() })
	require.Less(t, rounds, 30, "it was told at once, and did not wait")
	require.Contains(t, l.nodes[late].dropped, "is not kept any more")
}

func TestAMessageThatTheLeaderCannotReadIsFetchedFromTheNextLeader(t *testing.T) {
	l, leader, other, late := behind(t, 60, func(c *Config) { c.CacheBytes = 1 })
	rotten := 0
	for name, b := range l.nodes[leader].disk.files {
		if at := strings.Index(string(b), fmt.Sprintf("%020000d", 33)); strings.HasSuffix(name, ".blk") && at >= 0 {
			b[at+100] ^= 1
			rotten++
		}
	}
	require.Equal(t, 1, rotten)
	l.nodes[late].paused = false
	l.until("level", l.level(late, other))
	require.Contains(t, l.nodes[leader].dropped, "there is no message 33")
	require.Contains(t, l.nodes[late].dropped, "the leader cannot read message 33")
	require.Equal(t, other, l.leader("ORDERS"))
}

// A fetch that comes to nothing must leave what was here: the entries that removed it are still to be applied.
func TestAFetchThatIsGivenUpRemovesNothing(t *testing.T) {
	l, leader, other, late := behind(t, 60, func(*Config) {})
	before := l.held(late)
	l.erase([]uint64{1, 2, 4}, leader, other)
	l.nodes[late].paused = false
	l.until("the fetch is under way", func() bool {
		f := l.orders(late).fetch
		return f != nil && f.next > 10 && len(f.gone) > 0
	})
	l.orders(late).abortFetch("a test")
	require.Equal(t, before, l.held(late))
	l.until("level", l.level(late, leader))
}

func TestAFollowerThatLacksWhatTheSnapshotGoesOnFromFetchesEverything(t *testing.T) {
	l, leader, _, late := behind(t, 40, func(*Config) {})
	l.erase([]uint64{3}, late)
	l.nodes[late].paused = false
	l.until("level", l.level(late, leader))
	require.Contains(t, l.nodes[late].dropped, "which are others than those that snapshot")
}

func TestAChunkThatMakesNoSenseBreaksNothing(t *testing.T) {
	l, leader, _, late := behind(t, 60, func(*Config) {})
	l.nodes[late].paused = false
	l.until("the fetch is under way", func() bool { return l.orders(late).fetch != nil })
	f := *l.orders(late).fetch
	for _, c := range []wire.Catchup{
		{From: f.next, Upto: f.manifest.Last + 9},
		{From: f.next, Upto: f.next - 1},
		{From: f.next + 1, Upto: f.next + 2},
		{From: f.next, Upto: f.next, Messages: []wire.CatchupMessage{{Seq: 1}, {Seq: f.manifest.Last + 1}}},
		{From: 0, Upto: ^uint64(0)},
	} {
		c.Group, c.Snapshot = l.orders(late).id, f.index
		for _, kind := range []wire.Kind{wire.KindCatchupChunk, wire.KindCatchupRequest} {
			for _, to := range []machine.NodeID{late, leader} {
				from, _ := others(l, to)
				for _, from := range []machine.NodeID{from, leader, late} {
					if from != to {
						l.step(l.nodes[to], &machine.Input{
							Kind: machine.PeerFrame, Link: machine.RouteLink, Peer: machine.Addr{Node: from}, Bytes: wire.AppendCatchup(nil, kind, &c),
						})
					}
				}
			}
		}
	}
	l.until("level", l.level(late, leader))
}

// catchup is the frame, if it is part of a fetch.
func catchup(f labFrame) *wire.Frame {
	var d wire.Frame
	if f.link != machine.RouteLink || wire.DecodeFrame(f.bytes, &d) != nil || d.Kind < wire.KindCatchupRequest {
		return nil
	}
	return &d
}
