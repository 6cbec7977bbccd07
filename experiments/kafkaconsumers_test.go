package experiments

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/kafka/offsets"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// TestAConsumerOfTheKafkaProtocolLosesNothingThroughABadMinute sees to it that the minute was bad: the coordinator changed, the consumer
// died, and what it had not committed came again.
func TestAConsumerOfTheKafkaProtocolLosesNothingThroughABadMinute(t *testing.T) {
	for _, profile := range []string{"kafka", "redpanda"} {
		res := runSeed(t, "kafka-consumers", 6, Options{Profile: profile})
		require.Equal(t, spec.Holds, res.Manifest.Verdict, "%s: %s; repeat: brokerlab run kafka-consumers --seed 6 --profile %s", profile, res.Sentence(), profile)
		for _, id := range []spec.ID{spec.ConsumerNoPhantom, spec.AtLeastOnce, spec.NothingSkipped, spec.AckIsFinal, spec.FirstOrder, spec.ConsumerProgress} {
			require.Equal(t, spec.Holds, res.Report.Of(id).Value, "%s: %s", profile, id)
		}
		coordinators, again, confirmed := map[uint32]bool{}, 0, 0
		seen := map[uint64]bool{}
		for i := range res.History.Events {
			e := &res.History.Events[i]
			switch {
			case e.Verb == "leader" && e.Stream == offsets.Topic:
				coordinators[e.Node] = true
			case e.Kind == history.Deliver && e.Consumer == "SHIP":
				require.Zero(t, e.N, "nothing is counted")
				if seen[e.Seq] {
					again++
				}
				seen[e.Seq] = true
			case e.Kind == history.OK && e.Verb == history.Ack:
				confirmed++
			}
		}
		require.Greater(t, len(coordinators), 1, profile)
		require.Positive(t, again, "%s: nothing was delivered again", profile)
		require.Greater(t, confirmed, 300, profile)
	}
}

func TestAnAutoCommitPassesOverWhatADeadConsumerHadInHand(t *testing.T) {
	res := runSeed(t, "kafka-auto-commit", 1, Options{})
	require.True(t, res.Manifest.Expected(), "%v", res.Manifest.Violated)
	require.Equal(t, spec.Violated, res.Report.Of(spec.NothingSkipped).Value)
	require.Contains(t, res.Report.Of(spec.NothingSkipped).Sentence, "did not ack it")
	require.Equal(t, spec.Holds, res.Report.Of(spec.AtLeastOnce).Value, "it was delivered: that is all that at-least-once asks")
	manual := runSeed(t, "kafka-auto-commit", 1, Options{Set: []string{"commit=manual"}})
	require.Equal(t, spec.Holds, manual.Manifest.Verdict, manual.Sentence())
	require.Equal(t, spec.Holds, manual.Report.Of(spec.NothingSkipped).Value)
}

func TestABaselineRefusesWhatOffsetsCannotGiveAndListsAll(t *testing.T) {
	e, err := Find("consumer-redelivery")
	require.NoError(t, err)
	_, err = e.Config(1, Options{Profile: "kafka"})
	var usage *UsageError
	require.ErrorAs(t, err, &usage)
	for _, why := range []string{
		"has no ack_wait_ms, max_deliver, backoff_ms or max_ack_pending",
		"cluster.streams[0].consumers[1].filters: profile kafka has none",
		"has no nak_percent, term_percent, progress_percent or nak_delay_ms",
		"has no forget_percent or late_percent",
		"3 clients work on consumer W of stream JOBS; with profile kafka one client of a group owns a stream",
	} {
		require.Contains(t, usage.Why, why)
	}
}
