package systems

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
)

func TestPowerFailsAtATimeOfTheSeedAlone(t *testing.T) {
	at := func(seed uint64, down int) int64 { return blackout(load.Key(seed), down).Faults[0].At }
	for seed := range uint64(50) {
		require.Equal(t, at(seed, 1), at(seed, 3))
		require.GreaterOrEqual(t, at(seed, 1), TapeFrom)
		require.Less(t, at(seed, 1), tapeTo)
	}
	require.NotEqual(t, at(1, 1), at(2, 1))
}

// Of three messages one is read back, one is gone, and one never left its client.
func TestWhatWasSentAndIsNotReadIsGone(t *testing.T) {
	h := &history.History{Events: []history.Event{
		{Kind: history.Invoke, Verb: history.Publish, Op: 1, Value: "a"},
		{Kind: history.Invoke, Verb: history.Publish, Op: 2, Value: "b"},
		{Kind: history.Invoke, Verb: history.Publish, Op: 3, Value: "c"},
		{Kind: history.Fail, Verb: history.Publish, Op: 3},
		{Kind: history.Invoke, Verb: history.Read, Op: 4, Final: true},
		{Kind: history.OK, Verb: history.Read, Op: 4, Value: "a"},
	}}
	sent, gone := sentAndGone(h)
	require.EqualValues(t, 2, sent)
	require.EqualValues(t, 1, gone)
}
