package figures

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/metrics"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/load"
)

const sec = int64(1_000_000_000)

// stormy is a made-up minute: steady traffic, faults of every family, a burst of loss.
func stormy() (*metrics.Run, []Dot) {
	h := &history.History{}
	add := func(e history.Event) {
		e.Index = uint64(len(h.Events) + 1)
		h.Events = append(h.Events, e)
	}
	k := load.Key(1)
	var dots []Dot
	faults := []struct {
		from, to   int64
		kind, line string
	}{
		{5, 8, "crash", "at 5s crash leader of ORDERS (n2) for 3s"},
		{13, 15, "power", "at 13s power n1 for 2s keep=none"},
		{20, 25, "partition", "at 20s partition leader of ORDERS (n3) | others (n1 n2) for 5s"},
		{29, 33, "cut", "at 29s cut n1 -> n2 for 4s"},
		{36, 40, "pause", "at 36s pause leader of ORDERS (n1) for 4s"},
		{42, 46, "slow-disk", "at 42s slow-disk n2 x20 for 4s"},
		{48, 50, "power", "at 48s power all for 2s keep=subset tear"},
		{47, 48, "drift", "at 47s drift n2 +500ppm for 1s"},
	}
	op := uint64(0)
	for t := int64(0); t < 60*sec; t += sec / 75 {
		op++
		lat := 400_000 + k.Exponential(op, 900_000)
		fate := Kept
		for _, f := range faults {
			if f.kind != "drift" && t >= f.from*sec && t < f.from*sec+sec {
				lat += f.from*sec + sec - t
				fate = [...]Fate{Kept, Unknown, Recovered, Failed}[k.Below(op, 4)]
			}
		}
		if t > 47*sec && t < 48*sec {
			fate = [...]Fate{LostMiddle, LostPostfix, LostPrefix, Undecided}[k.Below(op, 4)]
		}
		dots = append(dots, Dot{t, lat, fate})
		add(history.Event{Time: t, Kind: history.Invoke, Verb: history.Publish, Op: op})
		kind := history.OK
		switch fate {
		case Unknown, Recovered:
			kind = history.Info
		case Failed:
			kind = history.Fail
		}
		add(history.Event{Time: t + lat, Kind: kind, Verb: history.Publish, Op: op})
		if op%3 == 0 {
			add(history.Event{Time: t, Kind: history.Invoke, Verb: history.Read, Op: 1e6 + op})
			add(history.Event{Time: t + lat/2, Kind: history.OK, Verb: history.Read, Op: 1e6 + op})
		}
	}
	for i, f := range faults {
		add(history.Event{Time: f.from * sec, Kind: history.Fault, Verb: history.Verb(f.kind), Op: uint64(i + 1), Why: f.line, On: true})
		add(history.Event{Time: f.to * sec, Kind: history.Fault, Verb: history.Verb(f.kind), Op: uint64(i + 1), Why: f.line})
		if f.kind == "crash" || f.kind == "partition" || f.kind == "pause" {
			add(history.Event{Time: f.from*sec + sec, Kind: history.Obs, Verb: "leader", Node: 1})
		}
	}
	add(history.Event{Time: 52 * sec, Kind: history.Obs, Verb: history.Healed})
	return metrics.Measure(h), dots
}

func wellFormed(t *testing.T, f Figure) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(f.SVG))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
	}
	img, err := png.Decode(bytes.NewReader(f.PNG))
	require.NoError(t, err)
	require.Equal(t, int(figureWidth)*pngDPI/72, img.Bounds().Dx())
	if dir := os.Getenv("FIGURES"); dir != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, f.Name+".png"), f.PNG, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, f.Name+".svg"), f.SVG, 0o644))
	}
}

func TestFiguresOfAStormyMinuteAreWellFormedAndNameWhatTheyShow(t *testing.T) {
	r, dots := stormy()
	timeline, err := Timeline(r)
	require.NoError(t, err)
	wellFormed(t, timeline)
	for _, want := range []string{"partition", "slow-disk", "acknowledged", "99th percentile", "election", "time since the run began"} {
		require.Contains(t, string(timeline.SVG), want)
	}
	messages, err := Messages(r, dots)
	require.NoError(t, err)
	wellFormed(t, messages)
	require.Contains(t, string(messages.SVG), "lost: middle (")
	again, err := Messages(r, dots)
	require.NoError(t, err)
	require.Equal(t, messages.SVG, again.SVG)
}

func TestAnEmptyRunIsStillAPicture(t *testing.T) {
	r := metrics.Measure(&history.History{})
	f, err := Timeline(r)
	require.NoError(t, err)
	wellFormed(t, f)
	f, err = Messages(r, nil)
	require.NoError(t, err)
	wellFormed(t, f)
}

func TestAFaultIsLabelledByTheNodesItStruck(t *testing.T) {
	require.Equal(t, "n2 | n1 n3", struck("at 2s partition leader of ORDERS (n2) | others (n1 n3) for 1.5s"))
	require.Equal(t, "all keep=subset tear", struck("at 12.5s power all for 1s keep=subset tear"))
	require.Equal(t, "n3 once", struck("at 1s fail-sync follower 1 of ORDERS (n3) once"))
}
