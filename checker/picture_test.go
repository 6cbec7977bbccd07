package checker

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

func TestAPictureOfASmallHistoryIsTheSameEveryTime(t *testing.T) {
	h := script(t, `
c1 pub a; c2 pub b; c3 pub d; fault on partition n1 | n2 n3; n1 leader 3
c2 ok 1; c1 ok 2; c3 info
c4 read 1; c5 read 2; c4 none; c5 ok a
n1 down power
c4 last; c5 last; c4 ok 2 a; c5 ok 1 b`)
	require.Equal(t, spec.Violated, Run(h, Options{}).Of(spec.LinearizableLog).Value)
	var first bytes.Buffer
	require.NoError(t, Picture(h, "S", &first))
	for _, text := range []string{"<html", "publish a: stored at 2", "read 1: not found", "begins: partition n1 | n2 n3", "down power"} {
		require.Contains(t, first.String(), text)
	}
	for range 10 {
		var again bytes.Buffer
		require.NoError(t, Picture(h, "S", &again))
		require.Equal(t, first.String(), again.String())
	}
}

func TestAPictureOfALargeHistoryShowsWhatIsAroundTheCertificate(t *testing.T) {
	drawn := 0
	for seed := range 12 {
		h := generate(rand.New(rand.NewPCG(uint64(seed), 21)), mix{ops: 4000, clients: 4, numbered: 100, subjects: 1})
		stale(h, 0.5)
		v := Run(h, Options{}).Of(spec.LinearizableLog)
		require.Equal(t, spec.Violated, v.Value, v.Sentence)
		var b bytes.Buffer
		require.NoError(t, Picture(h, "S", &b))
		require.Less(t, strings.Count(b.String(), `"ClientId"`), maxDrawn+50)
		require.Contains(t, b.String(), "not found")
		drawn++
	}
	require.Equal(t, 12, drawn)
}

// stale makes one read in the given part of the history miss a message acknowledged long before.
func stale(h *history.History, part float64) {
	for i := int(part * float64(len(h.Events))); i < len(h.Events); i++ {
		e := &h.Events[i]
		if e.Kind != history.OK || e.Verb != history.Read || e.NotFound {
			continue
		}
		for k := i - 1; k > 0; k-- {
			if h.Events[k].Kind == history.Invoke && h.Events[k].Op == e.Op && acknowledged(h, k, e.Value) {
				e.NotFound, e.Value = true, ""
				return
			}
		}
	}
}

// acknowledged tells whether the publish of value was answered before event k.
func acknowledged(h *history.History, k int, value string) bool {
	op := uint64(0)
	for _, e := range h.Events[:k] {
		if e.Kind == history.Invoke && e.Value == value {
			op = e.Op
		}
		if e.Kind == history.OK && e.Op == op {
			return true
		}
	}
	return false
}

func TestAPictureOfNothingIsAnError(t *testing.T) {
	h := script(t, "c1 pub a; c1 ok 1")
	require.ErrorIs(t, Picture(h, "T", &bytes.Buffer{}), ErrNoStream)
	big := generate(rand.New(rand.NewPCG(1, 2)), mix{ops: 1000, clients: 4, numbered: 100, subjects: 1})
	require.ErrorIs(t, Picture(big, "S", &bytes.Buffer{}), ErrTooLarge, "a large history that holds has no certificate to draw")
}
