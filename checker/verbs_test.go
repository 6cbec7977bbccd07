package checker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/machine"
)

func TestObservationsAreNamedAsMachinesNameThem(t *testing.T) {
	for verb, kind := range map[history.Verb]machine.ObsKind{
		obsStored: machine.Stored, obsApplied: machine.Applied, obsLeader: machine.Leader, obsVoted: machine.Voted,
		obsRecovered: machine.Recovered, obsRemoved: machine.Removed, obsTruncated: machine.Truncated, obsAppended: machine.Appended,
		obsAcked: machine.Acked, obsDamaged: machine.Damaged, obsStreamCreated: machine.StreamCreated, obsStreamDeleted: machine.StreamDeleted,
		obsInterest: machine.Interest, obsDropped: machine.Dropped, obsConsumerCreated: machine.ConsumerCreated, obsConsumerDeleted: machine.ConsumerDeleted,
		obsDelivered: machine.Delivered, obsSettled: machine.Settled, obsFloor: machine.Floor, obsRejoined: machine.Rejoined,
	} {
		require.Equal(t, kind.String(), string(verb))
	}
}
