package expect

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/impl/wire"
)

func wish(fields ...string) Wish { return Parse(wire.AppendHeader(nil, fields...)) }

// stream is one that holds: a 1, b 2 (with id "two").
type stream struct{ subjects map[string]uint64 }

func (s stream) Last() uint64                { return 2 }
func (s stream) LastOf(filter string) uint64 { return s.subjects[filter] }
func (s stream) LastID() string              { return "two" }

var held = stream{map[string]uint64{"a": 1, "b": 2, "*": 2}}

func TestExpectationsHoldOrSayWhatIsSoInstead(t *testing.T) {
	for _, c := range []struct {
		fields []string
		want   Failure
	}{
		{nil, Failure{}},
		{[]string{LastSeq, "2"}, Failure{}},
		{[]string{LastSeq, "1"}, Failure{Rule: WrongLast, Seq: 2}},
		{[]string{LastSeq, "0"}, Failure{Rule: WrongLast, Seq: 2}},
		{[]string{LastSeq, "two"}, Failure{Rule: WrongLast, Seq: 2}},
		{[]string{LastSeq, ""}, Failure{}},
		{[]string{LastSeq, "2", LastSeq, "7"}, Failure{}},
		{[]string{LastSubjectSeq, "1", LastSubjectSeq, "7"}, Failure{}},
		{[]string{LastSubjectSeq, "2", LastSubjectSeqS, "b", LastSubjectSeqS, "a"}, Failure{}},
		{[]string{LastMsgID, "", LastMsgID, "two", LastMsgID, "one"}, Failure{}},
		{[]string{LastSubjectSeq, "1"}, Failure{}},
		{[]string{LastSubjectSeq, "2"}, Failure{Rule: WrongLastSubject, Seq: 1}},
		{[]string{LastSubjectSeq, "2", LastSubjectSeqS, "b"}, Failure{}},
		{[]string{LastSubjectSeq, "2", LastSubjectSeqS, "*"}, Failure{}},
		{[]string{LastSubjectSeq, "0", LastSubjectSeqS, "c"}, Failure{}},
		{[]string{LastSubjectSeq, "1", LastSubjectSeqS, "c"}, Failure{Rule: WrongLastSubject}},
		{[]string{LastSubjectSeq, "none", LastSubjectSeqS, "c"}, Failure{Rule: WrongLastSubject}},
		{[]string{LastMsgID, "two"}, Failure{}},
		{[]string{LastMsgID, "one"}, Failure{Rule: WrongLastID, ID: "two"}},
		{[]string{LastMsgID, "one", LastSeq, "1", LastSubjectSeq, "5"}, Failure{Rule: WrongLast, Seq: 2}},
	} {
		w := wish(c.fields...)
		require.Equal(t, c.want, w.Check("a", held), "%q", c.fields)
	}
}

func TestARollupIsOfItsSubjectOrOfAllInAnyCapitals(t *testing.T) {
	for value, want := range map[string]Scope{"": None, "sub": Subject, "SUB": Subject, "All": All} {
		w := wish(Rollup, value)
		got, ok := w.Scope()
		require.True(t, ok)
		require.Equal(t, want, got, value)
	}
	w := wish(Rollup, "some")
	_, ok := w.Scope()
	require.False(t, ok)
}

func TestWhatIsNotServedIsNamedAndNothingElse(t *testing.T) {
	w := wish("Nats-TTL", "5s")
	require.Equal(t, "Nats-TTL", string(w.Foreign))
	w = wish("nats-msg-id", "x", "Nats-Something", "y", "X", "z", "Nats-TTL", "")
	require.Equal(t, Wish{}, w)
}

func FuzzParse(f *testing.F) {
	f.Add(wire.AppendHeader(nil, LastSeq, "18446744073709551616", Rollup, "sub", MsgID, "x"))
	f.Add([]byte("NATS/1.0\r\nNats-"))
	f.Fuzz(func(t *testing.T, header []byte) {
		w := Parse(header)
		if w.Last > math.MaxInt64 && w.Last != math.MaxUint64 {
			t.Fatalf("%q: expected last %d", header, w.Last)
		}
		w.Check("a", held)
	})
}
