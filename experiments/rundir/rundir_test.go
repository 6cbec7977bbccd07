package rundir

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/spec"
)

func example() *Manifest {
	return &Manifest{
		Config: Config{
			Name: "quickstart", Seed: 0xfedcba9876543210, Profile: "reference", Switches: map[string]string{"sync": "group"},
			Cluster: Cluster{Nodes: 3, Streams: []load.StreamSpec{{Name: "ORDERS", Replicas: 3}}},
			Load:    load.Spec{Groups: []load.Group{{Name: "c", Count: 8, PublishPerSecond: 80}}},
			Plan:    []string{"plan v1", "at 2s heal"}, Heal: 2e9,
		},
		Trace: "ab", Verdict: spec.Holds,
	}
}

func TestAManifestSurvivesBeingWrittenAndRead(t *testing.T) {
	d := Dir(t.TempDir())
	require.NoError(t, d.WriteManifest(example()))
	_, got, err := Open(string(d))
	require.NoError(t, err)
	require.Equal(t, example().Config, got.Config)
	require.Equal(t, spec.Holds, got.Verdict)
}

func TestAManifestCutShortAnywhereIsRefusedWithItsPlace(t *testing.T) {
	d := Dir(t.TempDir())
	require.NoError(t, d.WriteManifest(example()))
	whole, err := d.Read(ManifestFile)
	require.NoError(t, err)
	for n := range len(whole) - 2 {
		require.NoError(t, os.WriteFile(d.Path(ManifestFile), whole[:n], 0o600))
		_, _, err := Open(string(d))
		var incomplete *IncompleteError
		require.ErrorAs(t, err, &incomplete, "cut at %d", n)
		require.Contains(t, err.Error(), "line ")
	}
}

func TestADirectoryWithoutManifestIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, _, err := Open(dir)
	require.ErrorContains(t, err, "manifest.json is missing")
	_, _, err = Open(filepath.Join(dir, "nowhere"))
	require.ErrorIs(t, err, os.ErrNotExist)
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, _, err = Open(file)
	require.ErrorContains(t, err, "it is a file")
}

func TestAFileWhoseWritingFailsIsNotThere(t *testing.T) {
	d := Dir(t.TempDir())
	require.ErrorIs(t, d.Write("x", func(io.Writer) error { return io.ErrShortWrite }), io.ErrShortWrite)
	left, err := os.ReadDir(string(d))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestSlimLeavesWhatIdentifiesARun(t *testing.T) {
	d := Dir(t.TempDir())
	for _, name := range []string{PlanFile, HistoryFile, "messages.svg", VerdictFile, ManifestFile} {
		require.NoError(t, d.WriteBytes(name, []byte("x")))
	}
	require.NoError(t, d.Slim())
	left, err := filepath.Glob(d.Path("*"))
	require.NoError(t, err)
	require.Len(t, left, 3)
	require.NoError(t, d.Clear())
	left, err = filepath.Glob(d.Path("*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestStrictJSONNamesThePlaceOfEveryFault(t *testing.T) {
	for text, want := range map[string]string{
		"{\n  \"nodes\": 3,\n  \"nodez\": 4\n}": `line 3, column 3: unknown field "nodez"`,
		"{\"nodes\": \"three\"}":                "line 1, column 17: nodes: want int, got string",
		"{\"nodes\": 3} {}":                     "there is more after the value",
		"{\"nodes\": 3":                         "ends too early",
		"{\"nodes\": 3,}":                       "line 1, column 13",
	} {
		var c Cluster
		require.ErrorContains(t, Strict([]byte(text), &c), want)
	}
}

func TestSeedsAreReadInBothBases(t *testing.T) {
	for text, want := range map[string]Seed{"0x2a": 42, "42": 42, "0xffffffffffffffff": 1<<64 - 1} {
		got, err := ParseSeed(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "-1", "0x", "1_000", "18446744073709551616", "lucky"} {
		_, err := ParseSeed(text)
		require.ErrorContains(t, err, "seed", text)
	}
}

func TestAnExpectedViolationMustBeFoundAndNoOther(t *testing.T) {
	m := example()
	require.True(t, m.Expected())
	m.Verdict, m.Violated = spec.Violated, []spec.ID{spec.NoAckedLoss, spec.LinearizableWrites}
	require.False(t, m.Expected())
	m.Expect = []spec.ID{spec.NoAckedLoss}
	lead, _ := m.Lead()
	require.Equal(t, spec.NoAckedLoss, lead)
	require.False(t, m.Expected(), "an unexpected violation beside the expected one")
	m.Also = []spec.ID{spec.LinearizableWrites}
	require.True(t, m.Expected())
	m.Verdict, m.Violated = spec.Holds, nil
	require.False(t, m.Expected())
	require.True(t, strings.HasPrefix(m.Seed.String(), "0xfedc"))
}
