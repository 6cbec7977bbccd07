package consumer

import (
	"testing"

	"github.com/stretchr/testify/require"

	config "github.com/brokerlab/brokerlab/model/consumer"
)

func TestAConsumerOfTheLastOfEachSubjectHasComeToJustBeforeTheFirstOfThem(t *testing.T) {
	s := NewState(config.AckExplicit, Begin{After: 9, Starts: []uint64{3, 8}})
	require.Equal(t, Position{Stream: 2}, s.Delivered)
	require.Equal(t, Position{Stream: 2}, s.Floor, "nothing above has been settled")
	require.True(t, s.Expects(3) && s.Expects(8) && s.Expects(10))
	require.False(t, s.Expects(2) || s.Expects(4) || s.Expects(9))
}

func TestWhatRanOutOfDeliveriesIsNeededWhereItIsKeptUntilItIsAckedAfterAll(t *testing.T) {
	for _, keep := range []bool{true, false} {
		s := NewState(config.AckExplicit, Begin{})
		s.Deliver(1, false)
		s.Deliver(1, true)
		require.Empty(t, s.Spend(nil, 1, 1, keep), "it has been delivered twice")
		require.Equal(t, []Settled{{1, 2, WhyMaxDeliver}}, s.Spend(nil, 1, 2, keep))
		require.Equal(t, keep, s.Needs(1))
		done, verdict := s.Ack(nil, 1, 2, WhyAck, true)
		if keep {
			require.Equal(t, []Settled{{1, 2, WhyAck}}, done)
			require.Equal(t, Accepted, verdict)
		} else {
			require.Empty(t, done)
			require.Equal(t, Repeated, verdict)
		}
		require.False(t, s.Needs(1))
	}
}

func TestADeliveryThatIsLoggedWhenItsMessageHasLeftIsSettledAtOnce(t *testing.T) {
	s := NewState(config.AckExplicit, Begin{})
	require.Empty(t, s.Record(nil, Delivery{Seq: 1, CSeq: 1, Count: 1}, true))
	require.Equal(t, []Settled{{Seq: 2, Why: WhyRemoved}}, s.Record(nil, Delivery{Seq: 2, CSeq: 2, Count: 1}, false))
	require.Equal(t, 1, s.Pending())
}
