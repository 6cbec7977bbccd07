package figures

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/metrics"
	"github.com/brokerlab/brokerlab/model/history"
)

// everyCause is a made-up minute that loses messages and requests by every cause that has a style.
func everyCause() []Losses {
	messages := Losses{What: "messages", Good: "delivered", All: 90_000, Outcomes: []Outcome{{Name: "delivered", Count: 90_000}}}
	requests := Losses{What: "requests", Good: "answered", All: 5_000, Outcomes: []Outcome{{Name: "answered", Count: 5_000}}}
	for n, name := range []string{
		"crash", "slow consumer", "partition", "pause", "route broken", "subscriber's connection", "publisher's connection", "dropped by a node", "no interest",
		"not sent", "undecided", "unexplained",
	} {
		o := Outcome{Name: name, PerSecond: make([]int64, 60)}
		for s := n * 3; s < 60; s += 4 {
			o.PerSecond[s] = int64(40 - 3*n)
			o.Count += o.PerSecond[s]
		}
		messages.All += o.Count
		messages.Outcomes = append(messages.Outcomes, o)
		o.Name = "timed out: " + name
		requests.All += o.Count
		requests.Outcomes = append(requests.Outcomes, o)
	}
	return []Losses{messages, requests}
}

func TestLossesOfARunAreShownByCauseAndBySecond(t *testing.T) {
	r, _ := stormy()
	all := everyCause()
	f, err := LossesByCause(r, all)
	require.NoError(t, err)
	wellFormed(t, f)
	lost, n := all[0].lost()
	require.Len(t, lost, 12)
	for _, want := range []string{
		fmt.Sprintf("90000 of %d messages delivered; %s not, by cause", all[0].All, share(n, all[0].All)), "timed out: crash", "slow consumer",
		share(lost[0].Count, all[0].All), "Lost messages per second", "Lost requests per second", "time at which it was sent",
	} {
		require.Contains(t, string(f.SVG), want)
	}
	again, err := LossesByCause(r, all)
	require.NoError(t, err)
	require.Equal(t, f, again)
}

func TestNothingLostIsStillAPicture(t *testing.T) {
	f, err := LossesByCause(metrics.Measure(&history.History{}), []Losses{{What: "messages", Good: "delivered", All: 7, Outcomes: []Outcome{{Name: "delivered", Count: 7}}}})
	require.NoError(t, err)
	require.Contains(t, string(f.SVG), "All 7 messages delivered")
	f, err = LossesByLevel([]LevelLosses{{
		What: "messages", Good: "delivered", Levels: []Level{{Level: 3, Seeds: 1, All: 7}},
		Outcomes: []LevelOutcome{{Name: "delivered", At: []LevelShare{{Count: 7, PerMillion: 1_000_000, Least: 1_000_000, Most: 1_000_000}}}},
	}}, "brokerlab run calm --seeds 3-3")
	require.NoError(t, err)
	wellFormed(t, f)
}

func TestEveryCauseHasItsOwnMark(t *testing.T) {
	seen := map[string]string{}
	for cause, s := range lossStyles { // map order: each is compared with all before it
		key := fmt.Sprintf("%v %T", s.color, s.glyph)
		require.Empty(t, seen[key], "%s is drawn like %s", cause, seen[key])
		seen[key] = cause
	}
}

// drawnLevels is what a picture of losses by level in the gallery is drawn from.
type drawnLevels struct {
	Command string
	Losses  []LevelLosses
}

// The losses in the gallery are those of real runs; GALLERY=1 go test -run TestLossesByLevel ./experiments writes them anew,
// and their picture.
func TestTheGallerysLossesAreDrawnFromTheirNumbersByteForByte(t *testing.T) {
	text, err := os.ReadFile("gallery/losses.json")
	require.NoError(t, err)
	want, err := os.ReadFile("gallery/losses.svg")
	require.NoError(t, err)
	var d drawnLevels
	require.NoError(t, json.Unmarshal(text, &d))
	f, err := LossesByLevel(d.Losses, d.Command)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, f.SVG), "gallery/losses.svg is not what gallery/losses.json gives now")
	for _, words := range []string{"crash", "partition", "no interest", "Lost per million messages", "level of faults", "brokerlab run core-at-most-once --seeds 1-100"} {
		require.Contains(t, string(f.SVG), words)
	}
}
