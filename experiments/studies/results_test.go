package studies_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments/studies"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/model/spec"
)

// results are the tables of all studies at their small size, as "make results" keeps them; gallery are pictures drawn from them.
const (
	results = "testdata/small"
	gallery = "../figures/gallery"
)

var kept = study.Options{Size: study.Small, Hardware: "server"}

// pictures of the README, by the study that draws them.
var pictures = map[string]string{"durability-frontier": "frontier.svg", "throughput-latency": "hockeystick.svg"}

// Some cells of every study, run again, give the bytes that were kept. If a change of a broker or of the world is meant to give
// others, "make results" keeps them, to be reviewed like code.
func TestKeptResultsAreThoseOfToday(t *testing.T) {
	for _, s := range studies.All() {
		t.Run(s.Name, func(t *testing.T) {
			r := study.Runner{Study: s, Options: kept}
			cells := 0
			_, err := r.Try(func(int) bool { cells++; return false })
			require.NoError(t, err)
			compared := 0
			for _, n := range slices.Compact([]int{0, cells / 2, cells - 1}) {
				tables, err := r.Try(func(cell int) bool { return cell == n })
				require.NoError(t, err)
				compared += compare(t, s, tables, n)
			}
			require.NotZero(t, compared, "no row of these cells is kept")
		})
	}
}

// compare returns how many rows of the cell it found among those kept, one after the other.
func compare(t *testing.T, s study.Study, tables *study.Tables, cell int) (rows int) {
	for _, table := range s.Tables {
		file := filepath.Join(results, s.Name, table.Name+".csv")
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) {
			continue // too large to be kept
		}
		require.NoError(t, err)
		var b bytes.Buffer
		require.NoError(t, tables.Of(table.Name).WriteCSV(&b))
		_, body, _ := bytes.Cut(b.Bytes(), []byte("\n"))
		require.True(t, bytes.Contains(text, append([]byte("\n"), body...)), "cell %d of %s gives rows that %s does not hold; if they are meant, make results:\n%s", cell, s.Name, file, body)
		rows += tables.Of(table.Name).Len()
	}
	return rows
}

func TestTheReadmesPicturesAreDrawnFromTheKeptResults(t *testing.T) {
	for name, picture := range pictures {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(results, name))))
		doc, err := json.Marshal(study.Doc{Name: name, Options: kept, Verdict: spec.Holds, Command: "brokerlab run " + name + " --size small --hardware server"})
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, study.DocFile), doc, 0o600))
		found, err := study.Redraw(studies.Find, dir)
		require.NoError(t, err)
		for _, c := range found.Checks {
			require.True(t, c.Holds, "%s: %s. %s", c.Name, c.Expected, c.Found)
		}
		want, err := os.ReadFile(filepath.Join(gallery, picture))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(dir, picture))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "%s differs from what the kept results draw; make results", picture)
	}
}
