package studies

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// stub is an entry that ends at once.
func stub(name string, o Outcome, err error) Entry {
	return Entry{Name: name, Kind: KindStudy, Dir: name, Run: func(_ context.Context, progress func(done, total int)) (Outcome, error) {
		if progress != nil {
			progress(1, 1)
		}
		return o, err
	}}
}

func TestAllGoesOnAfterOneThatFailsAndNamesIt(t *testing.T) {
	out := t.TempDir()
	stale := filepath.Join(out, "broken", study.DocFile)
	require.NoError(t, os.MkdirAll(filepath.Dir(stale), 0o755))
	require.NoError(t, os.WriteFile(stale, []byte("{}"), 0o600))
	var told []string
	a := &AllRunner{
		Out: out,
		Entries: []Entry{
			stub("fine", Outcome{"HOLDS fine", 0, "aa"}, nil), stub("broken", Outcome{}, errors.New("no disk")),
			stub("wrong", Outcome{"VIOLATED wrong", 1, "bb"}, nil), stub("open", Outcome{"UNKNOWN open", 2, "cc"}, nil),
		},
		Finished: func(r *Ran) { told = append(told, r.Title()+": "+r.Verdict()+", "+r.Expected()) },
		Progress: func(r *Ran, number int) func(done, total int) { return func(done, total int) {} },
	}
	res, err := a.Run(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{"fine: holds, as expected", "broken: unknown, could not run", "wrong: violated, NOT as expected", "open: unknown, NOT as expected"}, told)
	require.Equal(t, experiments.ExitNot, res.Exit())
	require.Regexp(t, `^VIOLATED all experiments=4 violated=3/4 trace=[0-9a-f]{16} broken wrong open$`, res.LastLine())
	require.NoFileExists(t, stale, "what an earlier run left must not pass for this one's")

	text, err := os.ReadFile(filepath.Join(out, AllFile))
	require.NoError(t, err)
	var ran []Ran
	require.NoError(t, json.Unmarshal(text, &ran))
	require.Equal(t, res.Ran, ran)
	require.Equal(t, "no disk", ran[1].Error)
	require.Equal(t, "HOLDS fine", ran[0].LastLine)

	a.Entries = a.Entries[:1]
	res, err = a.Run(context.Background())
	require.NoError(t, err)
	require.Zero(t, res.Exit())
	require.Regexp(t, `^HOLDS all experiments=1 violated=0/1 trace=[0-9a-f]{16}$`, res.LastLine())
}

func TestAllThatIsInterruptedStopsAndKeepsWhatEnded(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	first := stub("first", Outcome{"HOLDS first", 0, "aa"}, nil)
	a := &AllRunner{Out: t.TempDir(), Entries: []Entry{first, first}, Finished: func(*Ran) { stop() }}
	res, err := a.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, res.Ran, 1)
	require.FileExists(t, filepath.Join(a.Out, AllFile))
}

func TestAllHasEveryStudyAndEveryExperimentWithEachProfileItSpeaksOf(t *testing.T) {
	entries := Entries(study.Options{Size: study.Small, Hardware: "server"}, "out", Processes{})
	dirs := map[string]bool{}
	for _, e := range entries {
		require.False(t, dirs[filepath.ToSlash(e.Dir)], "two entries write to %s", e.Dir)
		dirs[filepath.ToSlash(e.Dir)] = true
	}
	for _, s := range All() {
		require.True(t, dirs[s.Name], s.Name)
	}
	for _, e := range experiments.All() {
		require.True(t, dirs[e.Name], e.Name)
		for profile := range e.Expect {
			require.True(t, profile == e.Profile || dirs[profile+"/"+e.Name], "%s with %s", e.Name, profile)
		}
	}
	for dir, seeds := range rare {
		require.True(t, dirs[dir], dir)
		require.Greater(t, seeds, lastSeed("", "", study.Small))
		require.LessOrEqual(t, seeds, lastSeed("", "", study.Full))
	}
}
