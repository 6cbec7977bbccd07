package experiments

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/spec"
)

// consumerSwarm draws streams of every retention with consumers of every kind, on one replica and on three, and what clients do with them:
// the experiments each have a few kinds, and it is two together that nobody had thought of.
var consumerSwarm = Experiment{
	Name:     "consumer-swarm",
	Question: "Does any kind of consumer break a promise on any kind of stream?",
	Vary:     "seed",
	Shape:    swarmShape,
	Faults: func(key load.Key, c rundir.Cluster) faults.Plan {
		opt := faults.GenOptions{Nodes: c.Nodes, Start: 4 * int64(time.Second), End: 26 * int64(time.Second), Replicas: 1}
		for _, s := range c.Streams {
			opt.Streams = append(opt.Streams, s.Name)
		}
		return faults.Generate(uint64(key), opt)
	},
	Duration: 44 * time.Second,
	Quiet:    16 * time.Second,
}

func swarmShape(key load.Key) (rundir.Cluster, load.Spec) {
	d := drawer{key}
	c, l := rundir.Cluster{Nodes: 3}, load.Spec{}
	if d.of("limits", 0, 1, 1) == 1 {
		c.Limits = rundir.Limits{SegmentBytes: 64 << 10, TailBytes: 16 << 10, KeepBytes: 4 << 10, CacheBytes: 16 << 10}
	}
	for n := range d.of("streams", 1, 2, 2) {
		d := drawer{key.Sub(fmt.Sprint("stream ", n))}
		s := swarmStream(d, []string{"AA", "BB"}[n])
		c.Streams = append(c.Streams, s)
		l.Groups = append(l.Groups, swarmTraffic(d, &s, []string{"w", "v"}[n]))
		for i := range s.Consumers {
			l.Groups = append(l.Groups, swarmWorkers(drawer{d.key.Sub(s.Consumers[i].Name)}, &s, &s.Consumers[i]))
		}
		if d.of("follow", 0, 0, 1) == 1 && s.Retention != "workqueue" {
			l.Groups = append(l.Groups, load.Group{Name: "f" + s.Name, Count: 1, Follow: &load.Follow{Stream: s.Name}})
		}
	}
	return c, l
}

func swarmStream(d drawer, name string) load.StreamSpec {
	s := load.StreamSpec{
		Name: name, Replicas: int(d.of("replicas", 1, 3, 3)), AllowDirect: d.of("direct", 0, 1) == 1, AllowRollup: d.of("rollup", 0, 0, 1) == 1,
		Retention: []string{"limits", "limits", "interest", "workqueue"}[d.ms("retention", 0, 3)],
	}
	if s.Retention == "limits" {
		s.MaxMsgs, s.MaxMsgsPerSubject = d.of("max msgs", 0, 0, 20, 200), d.of("per subject", 0, 0, 0, 1, 3)
		s.MaxAgeMS, s.MaxBytes = d.of("age", 0, 0, 0, 2000, 6000), d.of("bytes", 0, 0, 0, 4000, 20_000)
		s.Discard = []string{"", "", "", "new"}[d.ms("discard", 0, 3)]
	}
	for i := range d.of("consumers", 1, 2, 3) {
		if i == 0 || s.Retention != "workqueue" {
			s.Consumers = append(s.Consumers, swarmConsumer(drawer{d.key.Sub(fmt.Sprint("consumer ", i))}, &s, string("abc"[i])))
		}
	}
	return s
}

func swarmConsumer(d drawer, s *load.StreamSpec, name string) load.ConsumerSpec {
	c := load.ConsumerSpec{Name: name, Ack: "explicit", Memory: d.of("memory", 0, 0, 0, 1) == 1}
	if s.Retention != "workqueue" {
		c.Ack = []string{"explicit", "explicit", "all", "none"}[d.ms("ack", 0, 3)]
		c.Filters = [][]string{nil, nil, {s.Name + ".w1"}, {s.Name + ".w1", s.Name + ".k2"}, {s.Name + ".*"}, {s.Name + ".k1", s.Name + ".w2"}, {s.Name + ".w1.>"}}[d.ms("filters", 0, 6)]
		c.Deliver = []string{"", "", "", "", "last", "new", "by_start_sequence", "last_per_subject"}[d.ms("deliver", 0, 7)]
	}
	switch {
	case c.Deliver == "by_start_sequence":
		c.StartSeq = uint64(d.of("start", 1, 3, 20, 100))
	case c.Deliver == "last_per_subject" && c.Filters == nil:
		c.Filters = []string{s.Name + ".>"}
	}
	if c.Ack != "none" {
		c.AckWaitMS, c.MaxPending, c.MaxDeliver = d.of("wait", 500, 1000, 2000), int(d.of("pending", 0, 5, 50)), int(d.of("deliveries", 0, 0, 1, 2, 6))
		if d.of("backoff", 0, 0, 1) == 1 && (c.MaxDeliver == 0 || c.MaxDeliver > 3) {
			c.BackOffMS = []int64{300, 600, 1200}
		}
	}
	if c.Push = d.of("push", 0, 0, 1) == 1; c.Push {
		c.Group = []string{"", "g"}[d.ms("group", 0, 1)]
		c.HeartbeatMS = d.of("heartbeat", 0, 500)
		c.FlowControl = c.HeartbeatMS > 0 && d.of("flow", 0, 1) == 1
	} else {
		c.MaxWaiting = int(d.of("waiting", 0, 0, 0, 1, 3))
	}
	return c
}

func swarmTraffic(d drawer, s *load.StreamSpec, name string) load.Group {
	g := load.Group{
		Name: name, Count: 2, Streams: []string{s.Name}, PublishPerSecond: int(d.of("publishes", 8, 25, 40)), ReadPerSecond: 5, LastPercent: 20, NextPercent: 10,
		Keys: int(d.of("keys", 1, 1, 2, 4)), SharedKeys: d.of("shared", 0, 1) == 1, PurgePerMinute: int(d.of("purges", 0, 0, 8)), RemovePerSecond: int(d.of("removals", 0, 0, 2)),
	}
	if s.AllowDirect {
		g.DirectPercent = 20
	}
	if s.AllowRollup {
		g.RollupPercent = 3
	}
	if d.of("ids", 0, 1) == 1 {
		g.IDPercent, g.Retries = 50, 3
	}
	return g
}

func swarmWorkers(d drawer, s *load.StreamSpec, c *load.ConsumerSpec) load.Group {
	w := &load.Work{Stream: s.Name, Consumer: c.Name, WorkMS: int(d.of("work", 0, 5, 20))}
	if c.Ack != "none" {
		w.ConfirmPercent, w.NakPercent, w.TermPercent = int(d.of("confirm", 0, 30)), int(d.of("nak", 0, 6)), int(d.of("term", 0, 2))
		w.ProgressPercent, w.ForgetPercent, w.LatePercent = int(d.of("progress", 0, 2)), int(d.of("forget", 0, 3, 10)), int(d.of("late", 0, 4))
		w.NakDelayMS = int(d.of("delay", 0, 300))
	}
	if !c.Push {
		w.Batch, w.NoWaitPercent, w.MaxBytes = int(d.of("batch", 1, 5, 20)), int(d.of("no wait", 0, 20)), int(d.of("max bytes", 0, 0, 600))
		if d.of("beats", 0, 0, 1) == 1 {
			w.HeartbeatMS, w.ExpiresMS = 300, 1500
		}
	}
	g := load.Group{Name: "x" + s.Name + c.Name, Count: int(d.of("workers", 1, 2, 3)), Work: w}
	if c.Push && c.Group == "" {
		g.Count = 1
	}
	if d.of("moves", 0, 0, 1) == 1 {
		g.Moves = &load.Moves{EveryMS: 7000, DownMS: 400, CrashPercent: 50}
	}
	return g
}

func TestEveryKindOfConsumerKeepsItsPromisesOnEveryKindOfStream(t *testing.T) {
	held := map[spec.ID]bool{}
	// 0x80: a retry is told of the number that an interest stream gave to what nobody wanted (judge). 0x154: a delivery waits for
	// a quorum's word before it leaves, and its ack wait had begun before. 0x194: a reader comes when others have had what it would miss (judge).
	for _, seed := range []rundir.Seed{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0x80, 0x154, 0x194} {
		c, err := consumerSwarm.Config(seed, Options{})
		require.NoError(t, err)
		res, err := Execute(c, nil)
		require.NoError(t, err)
		require.True(t, res.Manifest.Expected(), "seed %s: %s", seed, res.Sentence())
		for i := range res.Report.Verdicts {
			if v := &res.Report.Verdicts[i]; v.Value == spec.Holds {
				held[v.Guarantee] = true
			}
		}
	}
	for _, g := range spec.Catalogue() {
		if g.Area == spec.Consumer {
			require.True(t, held[g.ID], "%s was never put to the test", g.ID)
		}
	}
}
