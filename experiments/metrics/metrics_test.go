package metrics

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
)

func at(ms int64, kind history.Kind, verb history.Verb, op uint64) history.Event {
	return history.Event{Time: ms * 1_000_000, Kind: kind, Verb: verb, Op: op}
}

func TestRatesCountCompletionsAndLatenciesBelongToTheSecondOfTheCall(t *testing.T) {
	h := &history.History{Events: []history.Event{
		at(100, history.Invoke, history.Publish, 1),
		at(102, history.OK, history.Publish, 1),
		at(500, history.Invoke, history.Publish, 2),
		at(900, history.Invoke, history.Read, 3),
		at(1000, history.Fault, "crash", 1),
		at(1200, history.Fail, history.Read, 3),
		at(1300, history.Obs, "leader", 0),
		at(2500, history.OK, history.Publish, 2),
		at(2600, history.Invoke, history.Publish, 4),
		at(2700, history.Fault, "heal", 2),
		at(2700, history.Obs, history.Healed, 0),
	}}
	h.Events[4].On, h.Events[9].On = true, true
	drain := at(2800, history.Invoke, history.Read, 5)
	drain.Final = true
	h.Events = append(h.Events, drain, at(2900, history.OK, history.Read, 5))

	r := Measure(h)
	require.Len(t, r.Samples, 3)
	require.Equal(t, []int64{1, 0, 1}, []int64{r.Samples[0].Acked, r.Samples[1].Acked, r.Samples[2].Acked})
	require.Equal(t, int64(2_000_000), r.Samples[0].PublishMaxUS, "the stalled publish hurt when it was called")
	require.Equal(t, int64(2_000), r.Samples[0].PublishP50US)
	require.Equal(t, int64(1), r.Samples[1].ReadFailed)
	require.Zero(t, r.Samples[2].ReadOK, "the drain is no load")
	require.Equal(t, []Span{{From: 1e9, To: 2.7e9, Kind: "crash"}}, r.Spans, "a fault that nothing ends lasts; a heal is none")
	require.Equal(t, int64(2.7e9), r.Healed)
	require.Len(t, r.Elections, 1)

	var b strings.Builder
	require.NoError(t, r.WriteCSV(&b))
	lines := strings.Split(b.String(), "\n")
	require.True(t, strings.HasPrefix(lines[0], "time_s,publish_offered_per_s,"))
	require.Equal(t, "0,2,1,0,0,2000,2000000,2000000,0,0,0,,,,0,0", lines[1])
	require.Len(t, lines, 5)
}
