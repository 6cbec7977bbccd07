package experiments

import (
	"fmt"
	"slices"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// soak is for long ranges of seeds: each draws a cluster, limits, a load and faults of its own. Small limits
// make checkpoints, freed logs, snapshots and reads from disk happen within the minute. Not
// every seed has every one of them: what is left out matters as much as what is in (swarm testing).
var soak = Experiment{
	Name:     "soak",
	Question: "Does any combination of faults break a promise? (run over many seeds)",
	Vary:     "seed",
	Shape:    soakShape,
	Faults:   soakFaults,
	Duration: 55 * time.Second,
	Quiet:    14 * time.Second,
	Expect:   map[string]Expectation{"nats": {Violated: fallsWithDurability, Also: fallsWithDurability}},
}

// The faults of soak strike in these seconds.
const (
	soakStart = 4
	soakEnd   = 40
)

func soakShape(key load.Key) (rundir.Cluster, load.Spec) {
	d := drawer{key}
	c := rundir.Cluster{Nodes: int(d.of("nodes", 3, 3, 3, 4, 5, 5)), ElectionTicks: int(d.of("election ticks", 0, 0, 4))}
	c.Streams = []load.StreamSpec{{Name: ordersName, Replicas: 3}}
	for n := range d.of("streams", 0, 0, 1, 2, 3) {
		what := fmt.Sprint("replicas ", n)
		replicas := min(int(d.of(what, 1, 1, 2, 3, 3, 5)), c.Nodes)
		c.Streams = append(c.Streams, load.StreamSpec{Name: [...]string{"AUDIT", "BILLS", "CARTS"}[n], Replicas: replicas})
	}
	c.Limits = soakLimits(d)
	c.Datagrams = d.of("datagrams", 0, 0, 0, 1) == 1
	bytes := int(d.size("bytes", 4, 11))
	l := load.Spec{Groups: []load.Group{{
		Name: "c", Count: int(d.ms("clients", 3, 12)), PublishPerSecond: int(d.of("publishes", 10, 40, 70, 120)), ReadPerSecond: int(d.of("reads", 10, 30, 60)),
		Bytes: bytes, ConditionalPercent: int(d.of("conditional", 0, 2, 30)), LastPercent: int(d.of("last", 0, 20, 60)),
	}}}
	if d.of("heavy", 0, 0, 1) == 1 {
		// One client that sends as much as all others, in large messages.
		l.Groups = append(l.Groups, load.Group{Name: "heavy", Count: 1, PublishPerSecond: 40, Bytes: 4000})
	}
	return c, l
}

// soakLimits draws each limit by itself: small, or the broker's own.
func soakLimits(d drawer) rundir.Limits {
	small := func(what string, low, high int64) int64 {
		if d.of(what+" small", 0, 1, 1, 1) == 0 {
			return 0
		}
		return d.size(what, low, high)
	}
	l := rundir.Limits{
		SegmentBytes: small("segment", 11, 18), MaxSegments: int(d.of("segments", 0, 1, 2, 3)),
		BlockBytes: small("block", 8, 17), CacheBytes: small("cache", 4, 16),
		TailBytes: small("tail", 10, 17), BatchBytes: int(small("batch", 6, 14)), QueueBytes: int(small("queue", 14, 20)),
	}
	if l.TailBytes > 0 {
		l.KeepBytes = max(l.TailBytes*d.ms("keep", 0, 100)/100, 1)
	}
	return l
}

// soakFaults are those of the generator, and what a generator draws too seldom.
func soakFaults(key load.Key, c rundir.Cluster) faults.Plan {
	var streams []string
	for _, s := range c.Streams {
		streams = append(streams, s.Name)
	}
	opt := faults.GenOptions{Nodes: c.Nodes, Start: soakStart * int64(time.Second), End: soakEnd * int64(time.Second), Streams: streams}
	if c.Datagrams {
		opt.Kinds = slices.DeleteFunc(faults.Kinds(), func(k faults.Kind) bool { return k == faults.Heal || k.Loses() })
	}
	p := faults.Generate(uint64(key), opt)
	p.Faults = append(p.Faults, soakAway(drawer{key.Sub("away")}, c)...)
	p.Faults = append(p.Faults, soakDark(drawer{key.Sub("dark")}, c)...)
	p.Faults = append(p.Faults, soakHarm(drawer{key.Sub("harm")}, c)...)
	return p
}

// soakAway has one node of every other seed away for so long that the others' logs no longer reach back to it.
func soakAway(d drawer, c rundir.Cluster) []faults.Fault {
	if d.of("away", 0, 1) == 0 {
		return nil
	}
	who := faults.Node(1 + machine.NodeID(d.ms("who", 0, int64(c.Nodes)-1)))
	f := faults.Fault{At: d.time("at", soakStart, 18), Kind: faults.Crash, Targets: one(who), For: d.time("for", 6, 12)}
	switch d.of("how", 0, 1, 2) {
	case 1:
		f.Kind, f.Keep, f.Tear = faults.Power, d.keep("keep"), true
	case 2:
		f.Kind, f.Targets = faults.Partition, []faults.Target{who, faults.TheOthers()}
	}
	out := []faults.Fault{f}
	// When it is back, with a disk that is slow, leaders may change while it catches up.
	back := f.At + f.For
	if d.of("slow back", 0, 1) == 1 {
		out = append(out, faults.Fault{At: back, Kind: faults.SlowDisk, Targets: one(who), For: d.time("slow for", 1, 4), Amount: d.of("slow", 20, 200, 1000)})
	}
	for n := range d.ms("changes", 0, 3) {
		what := fmt.Sprint("change ", n)
		stream := c.Streams[d.ms(what+" stream", 0, int64(len(c.Streams))-1)].Name
		lead := faults.Fault{At: back + d.ms(what+" at", 0, 3000)*ms, Kind: faults.Crash, Targets: one(faults.LeaderOf(stream)), For: d.ms(what+" for", 100, 2000) * ms}
		if d.of(what+" how", 0, 1) == 1 {
			lead.Kind = faults.Pause
		}
		out = append(out, lead)
	}
	// Nor is power sure to stay: between a snapshot and its checkpoint, and that and the log, lies the time of a sync.
	at := back
	for n := range d.of("again", 0, 0, 1, 2, 3) {
		what := fmt.Sprint("again ", n)
		at += d.ms(what+" at", 100, 2500) * ms
		out = append(out, faults.Fault{At: at, Kind: faults.Power, Targets: one(who), For: d.ms(what+" for", 10, 400) * ms, Keep: d.keep(what + " keep"), Tear: true})
	}
	return out
}

// soakDark takes the power of every other seed a few times while disks are slow or do not answer at all: what is said
// before it is durable is said in that time.
func soakDark(d drawer, c rundir.Cluster) []faults.Fault {
	if d.of("dark", 0, 1) == 0 {
		return nil
	}
	var out []faults.Fault
	for n := range d.ms("rounds", 1, 4) {
		d := drawer{d.key.Sub(fmt.Sprint("round ", n))}
		at := (6000 + n*8000 + d.ms("at", 0, 2000)) * ms
		off := d.ms("off", 300, 1500) * ms
		slow := faults.Fault{At: at, Kind: faults.SlowDisk, Targets: one(faults.Everyone()), For: off, Amount: d.of("slow", 20, 200, 1000)}
		if d.of("stall", 0, 0, 1) == 1 {
			slow.Kind, slow.Amount = faults.StallDisk, 0
		}
		node := faults.Node(1 + machine.NodeID(d.ms("who", 0, int64(c.Nodes)-1)))
		if d.of("fail", 0, 0, 1) == 1 {
			// What a failed sync left in the cache is read again by the next process, and lost with the power.
			out = append(out, faults.Fault{At: at - d.ms("fail at", 0, 2500)*ms, Kind: faults.FailSync, Targets: one(node)})
		}
		who := faults.Everyone()
		if d.of("one", 0, 0, 1) == 1 {
			who = node
		}
		dark := faults.Fault{At: at + off, Kind: faults.Power, Targets: one(who), For: d.ms("for", 100, 1500) * ms, Keep: d.keep("keep"), Tear: d.of("tear", 0, 1) == 1}
		out = append(out, slow, dark)
	}
	return out
}

// soakHarm takes from one node of some seeds what it had synced, once or twice, where every stream can spare one replica.
// Whatever else goes on, one node is a minority.
func soakHarm(d drawer, c rundir.Cluster) []faults.Fault {
	for _, s := range c.Streams {
		if s.Replicas < 3 {
			return nil
		}
	}
	if d.of("harm", 0, 0, 1) == 0 {
		return nil
	}
	who := faults.Node(1 + machine.NodeID(d.ms("who", 0, int64(c.Nodes)-1)))
	var out []faults.Fault
	for n := range d.of("times", 1, 1, 2) {
		d := drawer{d.key.Sub(fmt.Sprint("time ", n))}
		out = append(out, damage(d, who, d.time("at", soakStart, soakEnd-3))...)
	}
	return out
}

// of is one of the choices: one that is listed twice comes twice as often.
func (d drawer) of(what string, choices ...int64) int64 {
	return choices[d.key.Sub(what).Below(0, uint64(len(choices)))]
}

// size is from 2^low to below 2^(high+1), each power of two as likely as any other.
func (d drawer) size(what string, low, high int64) int64 {
	from := int64(1) << d.ms(what+" power", low, high)
	return d.ms(what, from, 2*from-1)
}
