package designs

import (
	"fmt"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	kclient "github.com/brokerlab/brokerlab/impl/kafka/client"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
)

// Settings of consumers.
var (
	commit       = settingRow{"commit", []string{"manual", "auto"}, "offsets are committed when records are processed, or by polls every 5 s (enable.auto.commit)"}
	bugCommitted = settingRow{"bug-committed-plus-one", []string{"off", "on"}, "planted: a consumer begins one record behind the committed offset"}
)

func commitOf(c *rundir.Config) kclient.Commit {
	if c.Switches["commit"] == "auto" {
		return kclient.Auto
	}
	return kclient.Manual
}

// topicSettings are min.insync.replicas and flush.messages of every topic, the internal one too.
func topicSettings(c *rundir.Config) (minISR, flush int) {
	minISR, _ = strconv.Atoi(c.Switches["min-isr"])
	if c.Switches["flush"] == "each" {
		flush = 1
	}
	return minISR, flush
}

// commits describes a stream's consumers as groups that commit offsets.
func commits(s *history.Stream) {
	for i := range s.Consumers {
		s.Consumers[i] = history.Consumer{Name: s.Consumers[i].Name, Deliver: s.Consumers[i].Deliver, Ack: history.AckCommit}
	}
}

// plainConsumers lists what a run asks of consumers that offsets cannot give. A group of the Kafka protocol is named by its consumer;
// one client of it owns the stream's one partition.
func plainConsumers(c *rundir.Config) (faults []error) {
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	for i := range c.Cluster.Streams {
		for j := range c.Cluster.Streams[i].Consumers {
			k := c.Cluster.Streams[i].Consumers[j]
			at := fmt.Sprintf("cluster.streams[%d].consumers[%d]", i, j)
			bad(k.Ack != "" && k.Ack != "explicit", "%s.ack: profile %s commits what was acked one by one, and knows no %q", at, c.Profile, k.Ack)
			bad(k.Deliver != "" && k.Deliver != "all", "%s.deliver: profile %s begins at the beginning (auto.offset.reset=earliest)", at, c.Profile)
			bad(len(k.Filters) > 0, "%s.filters: profile %s has none: a consumer reads a partition whole", at, c.Profile)
			bad(k.AckWaitMS != 0 || k.MaxDeliver != 0 || len(k.BackOffMS) > 0 || k.MaxPending != 0,
				"%s: profile %s has no ack_wait_ms, max_deliver, backoff_ms or max_ack_pending: nothing is delivered again before the client starts anew", at, c.Profile)
			bad(k.Push || k.Group != "" || k.HeartbeatMS != 0 || k.FlowControl || k.MaxWaiting != 0, "%s: profile %s does not push: clients poll", at, c.Profile)
			bad(k.Ephemeral || k.InactiveMS != 0 || k.Memory || k.Replicas != 0, "%s: profile %s keeps all offsets in one topic of 3 replicas", at, c.Profile)
		}
	}
	owners := map[load.ConsumerName]int{}
	for i := range c.Load.Groups {
		g := &c.Load.Groups[i]
		at := fmt.Sprintf("load.clients[%d]", i)
		if f := g.Follow; f != nil {
			bad(f.Filter != "", "%s.follow.filter: profile %s has none: a consumer reads a partition whole", at, c.Profile)
		}
		w := g.Work
		if w == nil {
			continue
		}
		bad(w.NakPercent+w.TermPercent+w.ProgressPercent+w.NakDelayMS > 0,
			"%s.work: profile %s has no nak_percent, term_percent, progress_percent or nak_delay_ms: a client can only commit how far it has come", at, c.Profile)
		bad(w.ForgetPercent+w.LatePercent > 0,
			"%s.work: profile %s has no forget_percent or late_percent: what a client does not ack holds up its commits, and comes again only when it starts anew (moves)", at, c.Profile)
		bad(w.HeartbeatMS > 0, "%s.work.heartbeat_ms: fetches of profile %s have none", at, c.Profile)
		name := load.ConsumerName{Stream: w.Stream, Consumer: w.Consumer}
		owners[name] += g.Count
		bad(owners[name] > 1, "%s: %d clients work on consumer %s of stream %s; with profile %s one client of a group owns a stream (groups have no rebalancing yet)",
			at, owners[name], w.Consumer, w.Stream, c.Profile)
	}
	return faults
}
