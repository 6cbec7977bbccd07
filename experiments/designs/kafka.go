package designs

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/impl/kafka"
	kclient "github.com/brokerlab/brokerlab/impl/kafka/client"
	"github.com/brokerlab/brokerlab/impl/redpanda"
	"github.com/brokerlab/brokerlab/model/machine"
)

// settingRow is one switch of the Kafka-style designs: its ends, Kafka's own default first, and what it is.
type settingRow struct {
	name string
	ends []string
	help string
}

// kafkaSettings are the broker's, the topic's and the producer's settings that claims depend on.
var kafkaSettings = []settingRow{
	{"acks", []string{"all", "1", "0"}, "acks of producers"},
	{"flush", []string{"none", "each", "interval"}, "flush.messages of topics: never, or 1; or flush.ms, the cluster's sync_interval_ms"},
	{"min-isr", []string{"2", "1"}, "min.insync.replicas of topics"},
	{"elr", []string{"on", "off"}, "eligible leader replicas (KIP-966)"},
	{"unclean", []string{"off", "on"}, "unclean.leader.election.enable"},
	idempotence, linger, batchSize, commit,
	{"bug-commit-early", []string{"off", "on"}, "planted: a commit is answered when it is appended"},
	bugCommitted,
}

var (
	idempotence = settingRow{"idempotence", []string{"on", "off"}, "enable.idempotence of producers; off with acks=0 and 1"}
	linger      = settingRow{"linger", []string{"5", "0", "1", "20", "100"}, "linger.ms of producers"}
	batchSize   = settingRow{"batch", []string{"16k", "1k", "4k", "64k", "256k"}, "batch.size of producers, in bytes"}
)

var redpandaSettings = []settingRow{
	{"acks", []string{"all", "1", "0"}, "acks of producers"},
	idempotence, linger, batchSize, commit, bugCommitted,
}

// setRow turns a switch of a table.
func setRow(rows []settingRow) func(map[string]string, string, string) error {
	return func(m map[string]string, name, value string) error {
		var names []string
		for _, row := range rows {
			names = append(names, row.name+"="+strings.Join(row.ends, "|"))
			if row.name != name {
				continue
			}
			for _, end := range row.ends {
				if end == value {
					m[name] = value
					return nil
				}
			}
			return fmt.Errorf("switch %s: %q is not one of %s", name, value, strings.Join(row.ends, ", "))
		}
		return fmt.Errorf("unknown switch %q: want one of %s", name, strings.Join(names, ", "))
	}
}

func rowDefaults(rows []settingRow) func(string) (map[string]string, error) {
	return func(string) (map[string]string, error) {
		m := map[string]string{}
		for _, row := range rows {
			m[row.name] = row.ends[0]
		}
		return m, nil
	}
}

// kafkaBound: when all nodes were down, controllers elect (up to 4 s, or twice if votes split), and the first registration that is
// tried after the sessions of the processes before (9 s) comes 12.7 s after the first of all; the next heartbeat lets a node in.
const kafkaBound = int64(24 * time.Second)

// kafkaDesign is the Kafka-style broker with the defaults of Kafka 4.1.
func kafkaDesign() *Design {
	return &Design{
		Name: "kafka", Profiles: []string{"kafka"}, Bound: kafkaBound, Profile: rowDefaults(kafkaSettings), Set: setRow(kafkaSettings), Check: plainLogs, Describe: commits,
		Broker: func(c *rundir.Config, id machine.NodeID, nodes []machine.NodeID) (machine.Boot, error) {
			return kafka.Boot(kafkaBroker(c, id, nodes)), nil
		},
		Client: kafkaClient,
	}
}

func kafkaBroker(c *rundir.Config, id machine.NodeID, nodes []machine.NodeID) kafka.Config {
	interval := int64(0)
	if c.Switches["flush"] == "interval" {
		interval = c.Cluster.SyncIntervalMS * int64(time.Millisecond)
	}
	minISR, flush := topicSettings(c)
	return kafka.Config{
		Node: id, Nodes: nodes, Observe: true, FlushInterval: interval,
		OffsetsMinISR: minISR, OffsetsFlush: flush, BugCommitEarly: c.Switches["bug-commit-early"] == "on",
		ELR: c.Switches["elr"] == "on", Unclean: c.Switches["unclean"] == "on",
		SegmentBytes: c.Cluster.Limits.SegmentBytes, CacheBytes: c.Cluster.Limits.CacheBytes,
	}
}

// redpandaDesign is a Raft group a partition.
func redpandaDesign() *Design {
	return &Design{
		Name: "redpanda", Profiles: []string{"redpanda"}, Profile: rowDefaults(redpandaSettings), Set: setRow(redpandaSettings), Check: plainLogs, Describe: commits,
		Broker: func(c *rundir.Config, id machine.NodeID, nodes []machine.NodeID) (machine.Boot, error) {
			return redpanda.Boot(redpandaBroker(c, id, nodes)), nil
		},
		Client: kafkaClient,
	}
}

func redpandaBroker(c *rundir.Config, id machine.NodeID, nodes []machine.NodeID) redpanda.Config {
	return redpanda.Config{Node: id, Nodes: nodes, Observe: true, Tick: c.Cluster.TickMS * int64(time.Millisecond), ElectionTicks: c.Cluster.ElectionTicks}
}

func kafkaClient(c *rundir.Config, who Seat) machine.Boot { return kclient.Boot(kafkaConfig(c, who)) }

// kafkaConfig is a client's configuration.
func kafkaConfig(c *rundir.Config, who Seat) kclient.Config {
	acks := map[string]int8{"all": -1, "1": 1, "0": kclient.None}[c.Switches["acks"]]
	minISR, flush := topicSettings(c)
	linger, _ := strconv.ParseInt(c.Switches["linger"], 10, 64)
	if linger == 0 {
		linger = -1 // the client's own word for none
	}
	batch, _ := strconv.Atoi(strings.TrimSuffix(c.Switches["batch"], "k"))
	return kclient.Config{
		Name: who.Name, Nodes: who.Nodes, Load: who.Load, Record: who.Record,
		Acks: acks, Idempotent: acks == -1 && c.Switches["idempotence"] == "on", MinISR: minISR, Flush: flush,
		Linger: linger * int64(time.Millisecond), BatchBytes: batch << 10,
		Commit: commitOf(c), BugCommitted: c.Switches["bug-committed-plus-one"] == "on",
	}
}

// plainLogs lists what a run asks of a log that only streams have.
func plainLogs(c *rundir.Config) (faults []error) {
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	bad(c.Switches["flush"] == "interval" && c.Cluster.SyncIntervalMS < 100, "cluster.sync_interval_ms: flush=interval needs one of at least 100, got %d", c.Cluster.SyncIntervalMS)
	for i := range c.Cluster.Streams {
		s := &c.Cluster.Streams[i]
		at := fmt.Sprintf("cluster.streams[%d]", i)
		bad(s.Retention != "" || s.Discard != "" || s.MaxMsgs+s.MaxBytes+s.MaxAgeMS+s.MaxMsgsPerSubject+s.DuplicateWindowMS != 0,
			"%s: profile %s has no limits, retention or deduplication windows", at, c.Profile)
	}
	faults = append(faults, plainConsumers(c)...)
	for i := range c.Load.Groups {
		g := &c.Load.Groups[i]
		bad(g.Send != nil || g.Request != nil || g.Subscribe != nil || g.Serve != nil,
			"load.clients[%d]: profile %s publishes, reads, works and follows, and has no core messaging", i, c.Profile)
		bad(g.ConditionalPercent > 0, "load.clients[%d].conditional_percent: profile %s has no expectations", i, c.Profile)
	}
	return faults
}
