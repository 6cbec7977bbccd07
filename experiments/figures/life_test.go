package figures

import (
	"bytes"
	"encoding/json"
	"image/png"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The story in the gallery is that of a real run; GALLERY=1 go test -run TestAMessageLostWithAllPower
// ./experiments writes it anew, and its picture.
func TestTheGallerysLifeIsDrawnFromItsStoryByteForByte(t *testing.T) {
	text, err := os.ReadFile("gallery/life.json")
	require.NoError(t, err)
	want, err := os.ReadFile("gallery/life.svg")
	require.NoError(t, err)
	var s Story
	require.NoError(t, json.Unmarshal(text, &s))
	f, err := Life(&s)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, f.SVG), "gallery/life.svg is not what gallery/life.json gives now")
	for _, words := range []string{"published by", "acknowledged as ORDERS:1", "power fails", "back without it", "nobody holds message"} {
		require.Contains(t, string(f.SVG), words)
	}
}

func TestStepsNearInTimeShareAColumnAndGapsAreWritten(t *testing.T) {
	at := func(ns int64) Step { return Step{At: ns} }
	cols := columnsOf(&Story{Steps: []Step{at(3_000_700_000), at(3_001_100_000), at(3_001_110_000), at(15_960_000_000)}})
	require.Len(t, cols, 3)
	require.Equal(t, "3.000 s", cols[0].label)
	require.Equal(t, "+0.40 ms", cols[1].label)
	require.Equal(t, [2]int64{3_001_100_000, 3_001_110_000}, [2]int64{cols[1].from, cols[1].to})
	require.Equal(t, "15.960 s", cols[2].label)
	require.Equal(t, "12.9 s", cols[2].gap)
}

func TestStretchesOfTimeHaveThreeDigits(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0.00 ms", 9_999_999: "9.99 ms", 15_450_000: "15.4 ms", 174_900_000: "174 ms", 1_294_000_000: "1.29 s", 99_960_000_000: "99.9 s",
	} {
		require.Equal(t, want, span(ns))
	}
}

func TestAStoryOfNothingIsStillAPicture(t *testing.T) {
	f, err := Life(&Story{Message: "c1-1", Lanes: []string{"clients", "n1"}})
	require.NoError(t, err)
	_, err = png.Decode(bytes.NewReader(f.PNG))
	require.NoError(t, err)
}

func TestLabelsOfALaneNeverOverlapAndColumnsKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Story{Message: "c1-1", Lanes: []string{"clients", "n1", "n2"}}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			s.Steps = append(s.Steps, Step{
				At:   rapid.Int64Range(0, 40).Draw(t, "at") * rapid.SampledFrom([]int64{5_000, 1_000_000, 1_000_000_000}).Draw(t, "unit"),
				Lane: rapid.IntRange(0, 2).Draw(t, "lane"), What: What(rapid.IntRange(0, int(Displaced)).Draw(t, "what")),
				Text: rapid.SampledFrom([]string{"stored", "acknowledged as ORDERS:812", "final read:\nnothing"}).Draw(t, "text"),
			})
		}
		l := layout(s)
		for i := 1; i < len(l.cols); i++ {
			require.Less(t, l.cols[i-1].x, l.cols[i].x)
		}
		for i, a := range l.labels {
			require.LessOrEqual(t, l.cols[a.col].x+a.width(), l.width)
			for _, b := range l.labels[i+1:] {
				if a.side() == b.side() {
					require.NotEqual(t, a.col, b.col)
					require.Less(t, l.cols[a.col].x+a.width(), l.cols[b.col].x)
				}
			}
		}
	})
}
