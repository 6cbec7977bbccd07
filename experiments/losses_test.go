package experiments

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/rundir"
)

func TestARunOfCoreMessagingIsWrittenWithItsLosses(t *testing.T) {
	for _, c := range []struct{ name, csv, page string }{
		{"queue-groups", "of,cause,count,share_per_million\nmessages,delivered,", "messages delivered;"},
		{"location-transparency", "of,cause,count,share_per_million\nrequests,answered,", "requests answered;"},
	} {
		res := lived(t, c.name, "reference")
		d := rundir.Dir(t.TempDir())
		require.NoError(t, res.Write(d))
		text, err := d.Read(rundir.LossesFile)
		require.NoError(t, err)
		require.Contains(t, string(text), c.csv)
		svg, err := d.Read("losses.svg")
		require.NoError(t, err)
		require.Contains(t, string(svg), c.page)
		page, err := d.Read(rundir.ReportFile)
		require.NoError(t, err)
		require.Contains(t, string(page), c.page)
		require.NoFileExists(t, d.Path("messages.svg"), "there are no publishes to show")

		var out strings.Builder
		res.Print(&out, "")
		all := res.losses()
		require.Len(t, all, 1)
		for _, o := range all[0].Outcomes {
			require.Regexp(t, o.Name+` +`, out.String())
			n := int64(0)
			for _, inSecond := range o.PerSecond {
				n += inSecond
			}
			require.Equal(t, o.Count, n, o.Name)
		}
	}
}

func TestARunWithoutCoreMessagingHasNoLosses(t *testing.T) {
	res := lived(t, "power-loss", "reference")
	d := rundir.Dir(t.TempDir())
	require.NoError(t, res.Write(d))
	require.NoFileExists(t, d.Path(rundir.LossesFile))
	require.FileExists(t, d.Path("messages.svg"))
}

// levelsOf are the losses of a range, one seed after the other.
func levelsOf(t *testing.T, name string, to rundir.Seed) []figures.LevelLosses {
	t.Helper()
	e, err := Find(name)
	require.NoError(t, err)
	var results []SeedResult
	for seed := rundir.Seed(1); seed <= to; seed++ {
		c, err := e.Config(seed, Options{})
		require.NoError(t, err)
		res, err := Execute(c, nil)
		require.NoError(t, err)
		results = append(results, seedResult(res))
	}
	return lossesByLevel(results, e.Levels)
}

func TestLossesByLevelAddUp(t *testing.T) {
	to := rundir.Seed(6)
	if os.Getenv("GALLERY") != "" {
		to = 100
	}
	all := levelsOf(t, "core-at-most-once", to)
	require.Len(t, all, 1)
	require.Len(t, all[0].Levels, 5)
	for i, l := range all[0].Levels {
		require.Equal(t, i, l.Level)
		sum := int64(0)
		for _, o := range all[0].Outcomes {
			at := o.At[i]
			sum += at.Count
			require.LessOrEqual(t, at.Least, at.PerMillion, o.Name)
			require.LessOrEqual(t, at.PerMillion, at.Most, o.Name)
		}
		require.Equal(t, l.All, sum, "every message has one outcome")
	}
	require.Equal(t, "delivered", all[0].Outcomes[0].Name)
	if to == 100 {
		const command = "brokerlab run core-at-most-once --seeds 1-100"
		f, err := figures.LossesByLevel(all, command)
		require.NoError(t, err)
		text, err := json.MarshalIndent(map[string]any{"Command": command, "Losses": all}, "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile("figures/gallery/losses.json", append(text, '\n'), 0o644))
		require.NoError(t, os.WriteFile("figures/gallery/losses.svg", f.SVG, 0o644))
	}
}

func TestTheTableByLevelHasARowForEachOutcomeOfEachLevelThatWasRun(t *testing.T) {
	results := []SeedResult{
		{Level: 0, Causes: []checker.Count{{Name: "delivered", N: 10}}},
		{Level: 2, Causes: []checker.Count{{Name: "delivered", N: 6}, {Name: "crash", N: 4}}, Fates: []checker.Count{{Name: "answered", N: 3}}},
		{Level: 2, Causes: []checker.Count{{Name: "delivered", N: 30}}},
	}
	var b bytes.Buffer
	require.NoError(t, writeLevels(&b, lossesByLevel(results, 5)))
	require.Equal(t, `fault_level,seeds,of,all_count,cause,count,share_per_million,least_seed_per_million,most_seed_per_million
0,1,messages,10,delivered,10,1000000,1000000,1000000
0,1,messages,10,crash,0,0,0,0
2,2,messages,40,delivered,36,900000,600000,1000000
2,2,messages,40,crash,4,100000,0,400000
2,1,requests,3,answered,3,1000000,1000000,1000000
`, b.String())
	require.Empty(t, lossesByLevel([]SeedResult{{Level: 1}}, 5))
}
