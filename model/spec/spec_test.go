package spec

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryGuaranteeIsStatedAndClaimedByTheReference(t *testing.T) {
	seen := map[ID]bool{}
	safe, err := ClaimsOf(Reference, nil)
	require.NoError(t, err)
	for _, g := range Catalogue() {
		require.False(t, seen[g.ID], "%s is listed twice", g.ID)
		seen[g.ID] = true
		for _, text := range []string{g.Title, g.Statement, g.Needs, string(g.Area)} {
			require.NotEmpty(t, text, "%s", g.ID)
		}
		back, ok := Lookup(g.ID)
		require.True(t, ok)
		require.Equal(t, g, back)
		_, ok = safe.Of(g.ID)
		require.Equal(t, g.ID != MonotonicReads, ok, "the reference claims all but what only NATS documents: %s", g.ID)
	}
	_, ok := Lookup("no-such")
	require.False(t, ok)
}

func TestEveryClaimIsOfTheCatalogueAndHasASource(t *testing.T) {
	type row struct {
		system string
		id     ID
	}
	seen := map[row]bool{}
	for _, c := range claims {
		_, ok := Lookup(c.Guarantee)
		require.True(t, ok, "%s", c.Guarantee)
		require.NotEmpty(t, c.Source)
		require.False(t, seen[row{c.System, c.Guarantee}], "%s claims %s twice", c.System, c.Guarantee)
		seen[row{c.System, c.Guarantee}] = true
	}
	require.Equal(t, []string{Kafka, NATS, Redpanda, Reference}, Systems())
}

func TestAnUnsyncedReferenceTakesBackDurabilityAndNATSDoesNot(t *testing.T) {
	local, err := ClaimsOf(Reference, map[string]string{"read": "local", "sync": "group"})
	require.NoError(t, err)
	_, made := local.Of(LinearizableLog)
	require.False(t, made, "a deposed leader may answer")
	_, made = local.Of(LinearizableWrites)
	require.True(t, made)
	for _, sync := range []string{"interval", "none"} {
		c, err := ClaimsOf(Reference, map[string]string{"sync": sync, "other": "x"})
		require.NoError(t, err)
		_, made := c.Of(NoAckedLoss)
		require.False(t, made)
		require.True(t, slices.ContainsFunc(c.Waived, func(w Claim) bool { return w.Guarantee == NoAckedLoss }))
		_, made = c.Of(NoPhantom)
		require.True(t, made)

		n, err := ClaimsOf(NATS, map[string]string{"sync": sync})
		require.NoError(t, err)
		claim, made := n.Of(NoAckedLoss)
		require.True(t, made, "the documents of NATS make no exception")
		require.Contains(t, claim.Source, "nats.docs")
		_, made = n.Of(LinearizableLog)
		require.False(t, made, "NATS documents no read-your-writes")
	}
}

func TestAnUnknownSystemIsAnErrorThatListsTheKnown(t *testing.T) {
	_, err := ClaimsOf("rabbit", nil)
	require.EqualError(t, err, `no claims are known for system "rabbit": known are kafka, nats, redpanda, reference`)
	require.Len(t, AllClaims().Made, len(Catalogue()))
}

func TestVerdictsReadBackAndTheWorseDecides(t *testing.T) {
	for v := NotExercised; v <= Violated; v++ {
		text, err := v.MarshalText()
		require.NoError(t, err)
		var back Verdict
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, v, back)
		require.Equal(t, Violated, v.Worse(Violated))
		require.Equal(t, v, v.Worse(NotExercised))
	}
	require.Equal(t, Unknown, Holds.Worse(Unknown))
	var v Verdict
	require.Error(t, v.UnmarshalText([]byte("fine")))
	require.Equal(t, "?", Verdict(200).String())
}

func TestTheLogAnswersAsALogMust(t *testing.T) {
	pub := func(v string, expect uint64) LogInput {
		return LogInput{Verb: LogPublish, Value: v, Subject: "s." + v, Expect: expect}
	}
	stored := func(seq uint64) LogOutput { return LogOutput{Status: LogOK, Seq: seq} }
	none := LogOutput{Status: LogOK, NotFound: true}
	var s *LogState
	step := func(ok bool, in LogInput, out LogOutput) {
		t.Helper()
		got, next := LogStep(s, in, out)
		require.Equal(t, ok, got, Describe(in, out))
		if got {
			s = next
		}
	}
	step(true, LogInput{Verb: LogRead, Seq: 1}, none)
	step(true, LogInput{Verb: LogLast}, none)
	step(false, pub("a", 0), stored(2))
	step(true, pub("a", 1), stored(1))
	step(false, LogInput{Verb: LogRead, Seq: 1}, none)
	step(false, LogInput{Verb: LogRead, Seq: 1}, LogOutput{Status: LogOK, Value: "b"})
	step(true, LogInput{Verb: LogRead, Seq: 1}, LogOutput{Status: LogOK, Value: "a"})
	step(false, LogInput{Verb: LogRead, Seq: 2}, LogOutput{Status: LogOK, Value: "a"})
	step(false, pub("b", 1), stored(2))
	step(true, pub("b", 1), LogOutput{Status: LogRefused, Actual: 2})
	step(false, pub("b", 1), LogOutput{Status: LogRefused, Actual: 3})
	step(false, pub("b", 2), LogOutput{Status: LogRefused})
	step(true, pub("b", 9), LogOutput{Status: LogUnknown})
	require.Equal(t, uint64(1), s.Last(), "an unknown conditional publish that does not fit changes nothing")
	step(true, pub("b", 0), LogOutput{Status: LogUnknown})
	require.Equal(t, uint64(2), s.Last())
	step(true, LogInput{Verb: LogLast}, LogOutput{Status: LogOK, Seq: 2, Value: "b"})
	step(false, LogInput{Verb: LogLast}, none)
	step(true, LogInput{Verb: LogLast, Subject: "s.a"}, LogOutput{Status: LogOK, Seq: 1, Value: "a"})
	step(true, LogInput{Verb: LogLast, Subject: "s.z"}, none)
	step(true, LogInput{Verb: LogRead, Seq: 7}, LogOutput{Status: LogUnknown})
	require.Equal(t, "1=a 2=b", DescribeState(s))
	require.Equal(t, "empty", DescribeState(nil))
}

func TestEqualLogsHaveEqualHashesAndOthersDiffer(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var logs []*LogState
	for range 300 {
		var s *LogState
		for range r.IntN(6) {
			_, s = LogStep(s, LogInput{Verb: LogPublish, Value: string(rune('a' + r.IntN(3)))}, LogOutput{Status: LogUnknown})
		}
		logs = append(logs, s)
	}
	for _, a := range logs {
		for _, b := range logs {
			same := DescribeState(a) == DescribeState(b) && a.Last() == b.Last()
			if LogEqual(a, b) {
				require.Equal(t, LogHash(a), LogHash(b))
				require.True(t, same)
			} else if a.Last() <= 4 && b.Last() <= 4 {
				require.False(t, same)
			}
		}
	}
}
