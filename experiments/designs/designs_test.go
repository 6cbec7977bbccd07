package designs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/impl/kafka"
	kclient "github.com/brokerlab/brokerlab/impl/kafka/client"
	"github.com/brokerlab/brokerlab/impl/redpanda"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/machine"
)

// with is a configuration of a profile with settings turned.
func with(t *testing.T, profile string, set ...string) *rundir.Config {
	t.Helper()
	d, _, err := Of(profile)
	require.NoError(t, err)
	switches, err := d.Profile(profile)
	require.NoError(t, err)
	for i := 0; i < len(set); i += 2 {
		require.NoError(t, d.Set(switches, set[i], set[i+1]))
	}
	c := &rundir.Config{Profile: profile, Switches: switches}
	c.Cluster.Nodes, c.Cluster.SyncIntervalMS, c.Cluster.TickMS, c.Cluster.ElectionTicks = 3, 700, 20, 16
	c.Cluster.Limits.SegmentBytes, c.Cluster.Limits.CacheBytes = 111, 222
	return c
}

var three = []machine.NodeID{1, 2, 3}

const ms = 1_000_000

func TestEachSettingOfKafkaReachesItsProducers(t *testing.T) {
	usual := kclient.Config{Name: "p", Nodes: three, Acks: -1, Idempotent: true, Linger: 5 * ms, BatchBytes: 16 << 10, MinISR: 2}
	for _, c := range []struct {
		name, value string
		change      func(k *kclient.Config)
	}{
		{"acks", "all", func(*kclient.Config) {}},
		{"acks", "1", func(k *kclient.Config) { k.Acks, k.Idempotent = 1, false }},
		{"acks", "0", func(k *kclient.Config) { k.Acks, k.Idempotent = kclient.None, false }},
		{"idempotence", "off", func(k *kclient.Config) { k.Idempotent = false }},
		{"linger", "0", func(k *kclient.Config) { k.Linger = -ms }}, // none
		{"linger", "1", func(k *kclient.Config) { k.Linger = ms }},
		{"linger", "100", func(k *kclient.Config) { k.Linger = 100 * ms }},
		{"batch", "1k", func(k *kclient.Config) { k.BatchBytes = 1 << 10 }},
		{"batch", "256k", func(k *kclient.Config) { k.BatchBytes = 256 << 10 }},
		{"min-isr", "1", func(k *kclient.Config) { k.MinISR = 1 }},
		{"flush", "each", func(k *kclient.Config) { k.Flush = 1 }},
		{"flush", "interval", func(*kclient.Config) {}},
		{"commit", "auto", func(k *kclient.Config) { k.Commit = kclient.Auto }},
		{"bug-committed-plus-one", "on", func(k *kclient.Config) { k.BugCommitted = true }},
		{"elr", "off", func(*kclient.Config) {}},
	} {
		want := usual
		c.change(&want)
		require.Equal(t, want, kafkaConfig(with(t, "kafka", c.name, c.value), Seat{Name: "p", Nodes: three}), "%s=%s", c.name, c.value)
	}
	usual.MinISR = 0 // a Raft group has none
	require.Equal(t, usual, kafkaConfig(with(t, "redpanda"), Seat{Name: "p", Nodes: three}))
}

func TestEachSettingOfKafkaReachesItsBrokers(t *testing.T) {
	usual := kafka.Config{Node: 2, Nodes: three, Observe: true, ELR: true, OffsetsMinISR: 2, SegmentBytes: 111, CacheBytes: 222}
	for _, c := range []struct {
		name, value string
		change      func(k *kafka.Config)
	}{
		{"flush", "none", func(*kafka.Config) {}},
		{"flush", "each", func(k *kafka.Config) { k.OffsetsFlush = 1 }},
		{"flush", "interval", func(k *kafka.Config) { k.FlushInterval = 700 * ms }},
		{"min-isr", "1", func(k *kafka.Config) { k.OffsetsMinISR = 1 }},
		{"elr", "off", func(k *kafka.Config) { k.ELR = false }},
		{"unclean", "on", func(k *kafka.Config) { k.Unclean = true }},
		{"bug-commit-early", "on", func(k *kafka.Config) { k.BugCommitEarly = true }},
		{"acks", "0", func(*kafka.Config) {}},
	} {
		want := usual
		c.change(&want)
		require.Equal(t, want, kafkaBroker(with(t, "kafka", c.name, c.value), 2, three), "%s=%s", c.name, c.value)
	}
	require.Equal(t, redpanda.Config{Node: 2, Nodes: three, Observe: true, Tick: 20 * ms, ElectionTicks: 16}, redpandaBroker(with(t, "redpanda"), 2, three))
}

func TestTheReferenceBrokerGetsTheClustersTimesAndLimits(t *testing.T) {
	c := with(t, "nats", "sync", "interval")
	l := &c.Cluster.Limits
	l.MaxSegments, l.BlockBytes, l.TailBytes, l.KeepBytes, l.BatchBytes, l.QueueBytes, l.PendingBytes, l.WriteDeadlineMS = 1, 2, 3, 4, 5, 6, 7, 8
	s, err := SwitchesOf(c.Switches)
	require.NoError(t, err)
	require.Equal(t, c.Switches, s.Map())
	b := BrokerConfig(&c.Cluster, 2, three, s)
	require.Equal(t, []int64{20 * ms, 700 * ms, 8 * ms}, []int64{b.TickEvery, b.SyncInterval, b.WriteDeadline})
	require.Equal(t, 16, b.ElectionTicks)
	require.EqualValues(t, []int64{111, 1, 2, 222, 3, 4, 5, 6, 7}, []int64{b.SegmentBytes, int64(b.MaxSegments), b.BlockBytes, b.CacheBytes, b.TailBytes, b.KeepBytes, int64(b.MaxBatch), int64(b.MaxQueue), int64(b.MaxPending)})
	require.Equal(t, machine.NodeID(2), b.Node)
}

func TestSettingsHaveTheirEndsAndKafkasDefaults(t *testing.T) {
	require.Equal(t, map[string]string{
		"acks": "all", "flush": "none", "min-isr": "2", "elr": "on", "unclean": "off", "idempotence": "on", "linger": "5", "batch": "16k", "commit": "manual",
		"bug-commit-early": "off", "bug-committed-plus-one": "off",
	}, with(t, "kafka").Switches)
	d, _, err := Of("kafka")
	require.NoError(t, err)
	require.ErrorContains(t, d.Set(map[string]string{}, "acks", "2"), `switch acks: "2" is not one of all, 1, 0`)
	require.ErrorContains(t, d.Set(map[string]string{}, "ack", "1"), `unknown switch "ack": want one of acks=all|1|0, flush=none|each|interval`)
	_, _, err = Of("rabbit")
	require.ErrorContains(t, err, "kafka, redpanda")
	first, name, err := Of("")
	require.NoError(t, err)
	require.Equal(t, []string{"nats", "reference"}, []string{first.Name, name})
}

func TestAFlushIntervalIsAtLeastATick(t *testing.T) {
	c := with(t, "kafka", "flush", "interval")
	require.Empty(t, plainLogs(c))
	c.Cluster.SyncIntervalMS = 99
	require.Len(t, plainLogs(c), 1)
	c.Cluster.SyncIntervalMS = 100
	require.Empty(t, plainLogs(c))
	c.Cluster.Streams = []load.StreamSpec{{Name: "S", MaxMsgs: 1}}
	c.Load.Groups = []load.Group{{ConditionalPercent: 1}, {Send: &load.Send{}}}
	require.Len(t, plainLogs(c), 3)
}
