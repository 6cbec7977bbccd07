package failover

import (
	"time"

	"github.com/brokerlab/brokerlab/experiments/study/systems"
	"github.com/brokerlab/brokerlab/faults"
)

const ms = int64(time.Millisecond)

// sec is a second in nanoseconds.
const sec = 1000 * ms

// trouble is one kind of fault, struck once in a run.
type trouble struct {
	name, title string
	// It holds for so long, and is watched for so long from its beginning.
	holds, watch int64
	kind         faults.Kind
	on           []faults.Target
}

var (
	theLeader = faults.LeaderOf(systems.StreamName(0))
	aFollower = faults.FollowerOf(systems.StreamName(0), 1)
)

// troubles of the study. A crashed leader stays away: what its return does is another matter (with sync=interval the model's leader
// starts over when a peer is back with another boot, impl/broker/guard.go, and that would be counted here). Faults of 40 s outlast
// every timer but replica.lag.time.max.ms (30 s, looked at every 15 s), which a follower's disk is stalled long enough for.
var troubles = []trouble{
	{"crash", "leader crashes for good", 60 * sec, 16 * sec, faults.Crash, []faults.Target{theLeader}},
	{"pause-short", "leader pauses for 0.5 s", 500 * ms, 4 * sec, faults.Pause, []faults.Target{theLeader}},
	{"pause", "leader pauses for 5 s", 5 * sec, 10 * sec, faults.Pause, []faults.Target{theLeader}},
	{"pause-long", "leader pauses for 40 s", 40 * sec, 46 * sec, faults.Pause, []faults.Target{theLeader}},
	{"partition", "leader cut off from nodes, 40 s", 40 * sec, 46 * sec, faults.Partition, []faults.Target{theLeader, faults.TheOthers()}},
	{"isolation", "leader cut off from all, 40 s", 40 * sec, 46 * sec, faults.Partition, []faults.Target{theLeader, append(faults.TheOthers(), faults.EveryClient()...)}},
	{"disk-leader", "leader's disk stalls for 10 s", 10 * sec, 14 * sec, faults.StallDisk, []faults.Target{theLeader}},
	{"disk-follower", "a follower's disk stalls for 60 s", 60 * sec, 50 * sec, faults.StallDisk, []faults.Target{aFollower}},
	{"restart", "all nodes crash, for 1 s", sec, 26 * sec, faults.Crash, []faults.Target{faults.Everyone()}},
	{"power", "all nodes lose power, for 1 s", sec, 26 * sec, faults.Power, []faults.Target{faults.Everyone()}},
}

func holdsOf(fault string) int64 {
	for i := range troubles {
		if troubles[i].name == fault {
			return troubles[i].holds
		}
	}
	return 0
}
