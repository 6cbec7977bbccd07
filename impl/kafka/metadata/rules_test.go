package metadata

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
)

// three is a cluster of three with a topic of six partitions.
func three(t *testing.T) *teller {
	tell := &teller{s: New(Settings{})}
	for _, line := range []string{"up n1", "up n2", "up n3", "topic 6 3 2"} {
		tell.do(line)
	}
	require.Len(t, tell.s.Partitions(), 6)
	return tell
}

func TestReplicasAreStripedOverTheBrokersThatAreUp(t *testing.T) {
	tell := three(t)
	var got [][]uint32
	for _, p := range tell.s.Partitions() {
		got = append(got, p.Replicas)
		require.Equal(t, p.Replicas[0], p.Leader, "the first is preferred")
		require.Equal(t, []uint32{1, 2, 3}, p.ISR)
	}
	require.Equal(t, [][]uint32{{1, 2, 3}, {2, 3, 1}, {3, 1, 2}, {1, 2, 3}, {2, 3, 1}, {3, 1, 2}}, got)
	tell.do("fence n2")
	r := tell.s.Apply(90, &Command{Create: &proto.CreateTopicRequest{Name: "U", Partitions: 2, Replicas: 2, MinISR: 9}})
	require.Equal(t, []uint32{7, 8}, r.Changed)
	require.Equal(t, uint32(7), tell.s.Topic("U").First)
	require.Equal(t, []uint32{1, 3}, tell.s.Partition(7).Replicas)
	require.Equal(t, []uint32{3, 1}, tell.s.Partition(8).Replicas)
	require.Equal(t, 2, tell.s.Topic("U").MinISR, "no more than there are replicas")
	for _, c := range []struct {
		m    proto.CreateTopicRequest
		code proto.Code
	}{
		{proto.CreateTopicRequest{Name: "V", Partitions: 0, Replicas: 1}, proto.InvalidRequest},
		{proto.CreateTopicRequest{Partitions: 1, Replicas: 1}, proto.InvalidRequest},
		{proto.CreateTopicRequest{Name: "V", Partitions: 10_001, Replicas: 1}, proto.InvalidRequest},
		{proto.CreateTopicRequest{Name: "V", Partitions: 1, Replicas: 3}, proto.InvalidReplication},
		{proto.CreateTopicRequest{Name: "V", Partitions: 1, Replicas: 0}, proto.InvalidReplication},
		{proto.CreateTopicRequest{Name: "U", Partitions: 1, Replicas: 1}, proto.TopicExists},
		{proto.CreateTopicRequest{Name: "V", Partitions: 1, Replicas: 1}, proto.OK},
	} {
		require.Equal(t, c.code, tell.s.Apply(91, &Command{Create: &c.m}).Code)
	}
	require.Equal(t, 1, tell.s.Topic("V").MinISR, "never less than one")
}

// Of an ISR change everything has to be current: the broker, the leader's epoch, the partition's, and every member's process.
func TestAnISRChangeIsFencedByEveryEpoch(t *testing.T) {
	tell := three(t)
	tell.do("fence n3")
	tell.do("unfence n3")
	epoch := func(n uint32) uint64 { return tell.s.Broker(n).Epoch }
	good := func() *proto.AlterPartitionRequest {
		p := tell.s.Partition(1)
		return &proto.AlterPartitionRequest{
			Node: 1, BrokerEpoch: epoch(1), ID: 1, LeaderEpoch: p.Epoch, PartitionEpoch: p.Version,
			ISR: []uint32{1, 3}, Epochs: []uint64{epoch(1), epoch(3)}, Recovered: true,
		}
	}
	for why, c := range map[string]struct {
		change func(m *proto.AlterPartitionRequest)
		code   proto.Code
	}{
		"another process of the leader":    {func(m *proto.AlterPartitionRequest) { m.BrokerEpoch-- }, proto.StaleBrokerEpoch},
		"a broker that nobody knows":       {func(m *proto.AlterPartitionRequest) { m.Node = 9 }, proto.StaleBrokerEpoch},
		"no such partition":                {func(m *proto.AlterPartitionRequest) { m.ID = 99 }, proto.UnknownPartition},
		"a leader ahead of the log":        {func(m *proto.AlterPartitionRequest) { m.LeaderEpoch++ }, proto.NotController},
		"a leader of before":               {func(m *proto.AlterPartitionRequest) { m.LeaderEpoch-- }, proto.FencedLeaderEpoch},
		"not the leader":                   {func(m *proto.AlterPartitionRequest) { m.Node, m.BrokerEpoch = 3, epoch(3) }, proto.FencedLeaderEpoch},
		"a partition of before":            {func(m *proto.AlterPartitionRequest) { m.PartitionEpoch-- }, proto.InvalidUpdateVersion},
		"without the leader":               {func(m *proto.AlterPartitionRequest) { m.ISR = []uint32{2, 3} }, proto.InvalidRequest},
		"with one that holds no replica":   {func(m *proto.AlterPartitionRequest) { m.ISR[1] = 7 }, proto.InvalidRequest},
		"with another process of a member": {func(m *proto.AlterPartitionRequest) { m.Epochs[1]-- }, proto.IneligibleReplica},
	} {
		m := good()
		c.change(m)
		r := tell.s.Apply(100, &Command{Alter: m})
		require.Equal(t, c.code, r.Code, why)
		require.Empty(t, r.Changed, why)
	}
	m := good()
	r := tell.s.Apply(101, &Command{Alter: m})
	require.Equal(t, Result{Changed: []uint32{1}}, r)
	p := tell.s.Partition(1)
	require.Equal(t, []uint32{1, 3}, p.ISR)
	require.Equal(t, m.PartitionEpoch+1, p.Version, "every change counts")
	require.Equal(t, m.LeaderEpoch, p.Epoch, "the leader has not changed")
	require.Equal(t, proto.InvalidUpdateVersion, tell.s.Apply(102, &Command{Alter: m}).Code, "the same once more")
	require.Equal(t, Result{}, tell.s.Apply(103, &Command{Alter: good()}), "nothing to change")
	require.Equal(t, m.PartitionEpoch+1, p.Version)
}

func TestABrokersEpochIsTheEntryThatRegisteredItAndASessionOfBeforeDoesNothing(t *testing.T) {
	s := New(Settings{})
	register := func(index, incarnation uint64) Result {
		return s.Apply(index, &Command{Register: &proto.RegisterRequest{Node: 4, Incarnation: incarnation}})
	}
	require.Equal(t, Result{Epoch: 10}, register(10, 1))
	require.Equal(t, Result{Epoch: 10}, register(11, 1), "its answer was lost")
	require.True(t, s.Broker(4).Fenced, "until it has caught up")
	old := Session{4, 10}
	require.Equal(t, Result{}, s.Apply(12, &Command{Unfence: &old}))
	require.False(t, s.Broker(4).Fenced)
	require.Equal(t, Result{}, s.Apply(12, &Command{Unfence: &old}), "it is already")
	require.Equal(t, Result{Epoch: 13}, register(13, 2))
	require.True(t, s.Broker(4).Fenced)
	require.Equal(t, proto.StaleBrokerEpoch, s.Apply(14, &Command{Unfence: &old}).Code)
	require.True(t, s.Broker(4).Fenced)
	s.Apply(15, &Command{Unfence: &Session{4, 13}})
	require.Equal(t, proto.StaleBrokerEpoch, s.Apply(16, &Command{Fence: &old}).Code)
	require.False(t, s.Broker(4).Fenced)
	require.Equal(t, proto.OK, s.Apply(17, &Command{Fence: &Session{4, 13}}).Code)
	require.Equal(t, proto.StaleBrokerEpoch, s.Apply(18, &Command{Fence: &Session{4, 13}}).Code, "it is already")
	require.Equal(t, proto.StaleBrokerEpoch, s.Apply(19, &Command{Fence: &Session{5, 13}}).Code)
	register(20, 3)
	s.Apply(21, &Command{Register: &proto.RegisterRequest{Node: 2, Incarnation: 1}})
	require.Equal(t, []uint32{2, 4}, []uint32{s.Brokers()[0].ID, s.Brokers()[1].ID}, "in order")
}

func TestNoProducerIDIsGivenTwice(t *testing.T) {
	s := New(Settings{})
	for n := int64(1); n < 5; n++ {
		require.Equal(t, Result{PID: n}, s.Apply(1, &Command{NewProducer: true}))
	}
}
