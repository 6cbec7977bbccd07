package broker

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/machine"
)

// drama is a cluster to which things happen, drawn from one seed.
type drama struct {
	*lab
	r    *rand.Rand
	down machine.NodeID
}

func (d *drama) oneOf(words ...string) string { return words[d.r.IntN(len(words))] }

// publish makes a publish with some of the headers.
func (d *drama) publish() string {
	call := "orders." + d.oneOf("a", "b", "c.d")
	if d.r.IntN(2) == 0 {
		call += fmt.Sprint(" Nats-Msg-Id:id", d.r.IntN(12))
	}
	switch d.r.IntN(8) {
	case 0:
		call += fmt.Sprintf(" Nats-Expected-Last-Sequence:%d", d.r.IntN(40))
	case 1:
		call += fmt.Sprintf(" Nats-Expected-Last-Subject-Sequence:%d", d.r.IntN(2)*d.r.IntN(40))
	case 2:
		call += fmt.Sprint(" Nats-Expected-Last-Msg-Id:id", d.r.IntN(12))
	case 3:
		call += " Nats-Rollup:" + d.oneOf("sub", "all")
	}
	return call + " | " + strings.Repeat("x", d.r.IntN(30))
}

func (d *drama) call() string {
	switch d.r.IntN(12) {
	case 0:
		return fmt.Sprintf(`STREAM.PURGE.ORDERS | {"filter":%q,"keep":%d}`, d.oneOf("", "orders.a", "orders.*"), d.r.IntN(3))
	case 1:
		return fmt.Sprintf(`STREAM.PURGE.ORDERS | {"seq":%d}`, d.r.IntN(30))
	case 2:
		return fmt.Sprintf(`STREAM.MSG.DELETE.ORDERS | {"seq":%d}`, d.r.IntN(30))
	case 3:
		return fmt.Sprintf(`STREAM.UPDATE.ORDERS | {"name":"ORDERS","subjects":["orders.>"],"num_replicas":3,"allow_rollup_hdrs":true,"max_msgs":%d,"max_msgs_per_subject":%d,"max_bytes":%d,"discard":%q,"max_age":%d,"duplicate_window":%d}`,
			d.r.IntN(10), d.r.IntN(5), d.r.IntN(2)*200, d.oneOf("old", "new"), d.r.IntN(2)*2*sec, 1*sec)
	case 4:
		return "STREAM.LEADER.STEPDOWN.ORDERS | "
	}
	return d.publish()
}

// happen lets something happen.
func (d *drama) happen() {
	switch d.r.IntN(20) {
	case 0:
		if d.down == 0 {
			d.down = machine.NodeID(1 + d.r.IntN(3))
			d.power(d.down)
		} else {
			d.boot(d.down)
			d.down = 0
		}
		d.run(40)
	case 1, 2:
		for _, id := range d.ids {
			d.nodes[id].env.Wall += machine.Wall(d.r.IntN(1500) * ms)
		}
		d.run(3)
	}
	at := machine.NodeID(1 + d.r.IntN(3))
	if at != d.down {
		d.ask(at, d.call())
	}
}

// play lets much happen, and then heals.
func play(t *testing.T, seed uint64, sw Switches) *drama {
	l := newLabOf(t, 3, sw, func(c *Config) { c.TailBytes, c.KeepBytes, c.CacheBytes, c.BlockBytes = 600, 300, 200, 500 })
	d := &drama{lab: l, r: rand.New(rand.NewPCG(seed, 1))}
	l.run(60)
	require.Contains(t, l.ask(1, `STREAM.CREATE.ORDERS | {"name":"ORDERS","subjects":["orders.>"],"num_replicas":3,"allow_rollup_hdrs":true}`), `"created"`)
	for range 120 {
		d.happen()
	}
	if d.down != 0 {
		l.boot(d.down)
	}
	l.run(200)
	return d
}

// Whatever happens, what a replica holds is a function of the log: of all of it, of a checkpoint and the rest of it, or of a
// snapshot and what was fetched.
func TestReplicasThatRestartAndFetchSnapshotsHoldTheSame(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l := play(t, seed, mustProfile(t, "reference"))
			for _, id := range l.ids {
				require.Empty(t, l.nodes[id].damaged)
			}
			l.agree()
			for _, id := range l.ids {
				l.power(id)
			}
			for _, id := range l.ids {
				l.boot(id)
			}
			l.run(100)
			l.agree()
		})
	}
}

func TestReplicasOfWhichOneForgetsOrLooksAtItsClockAreSeenToDiffer(t *testing.T) {
	for _, bug := range []string{"bug-forget-ids", "bug-local-clock"} {
		sw := mustProfile(t, "reference")
		require.NoError(t, sw.Set(bug, "on"))
		seen := false
		for seed := uint64(0); seed < 25 && !seen; seed++ {
			l := play(t, seed, sw)
			seen = l.holds(1) != l.holds(2) || l.holds(1) != l.holds(3)
		}
		require.True(t, seen, "%s was not seen in 25 seeds", bug)
	}
}
