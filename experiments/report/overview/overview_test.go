package overview

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/studies"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/trial"
	"github.com/brokerlab/brokerlab/model/load"
	"github.com/brokerlab/brokerlab/model/spec"
)

// document is what a reader's program sees of a page.
type document struct {
	ids   map[string]int
	links []string // all values of href and src
	svgs  int
	text  string
}

// parse reads the page as a browser does not: every element must be closed.
func parse(t *testing.T, path string) *document {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	dec := xml.NewDecoder(strings.NewReader(strings.Replace(string(raw), "<!doctype html>", "", 1)))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	d := &document{ids: map[string]int{}}
	var text strings.Builder
	within := ""
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch x := token.(type) {
		case xml.StartElement:
			within = x.Name.Local
			require.NotContains(t, []string{"script", "link", "iframe", "img", "object"}, x.Name.Local, "the page must need nothing beside it")
			if x.Name.Local == "svg" {
				d.svgs++
			}
			for _, a := range x.Attr {
				switch a.Name.Local {
				case "id":
					d.ids[a.Value]++
				case "href", "src":
					d.links = append(d.links, a.Value)
				}
				for _, m := range regexp.MustCompile(`url\(([^)]*)\)`).FindAllStringSubmatch(a.Value, -1) {
					d.links = append(d.links, m[1])
				}
			}
		case xml.CharData:
			if within != "style" {
				text.Write(x)
				text.WriteByte(' ')
			}
		}
	}
	d.text = strings.Join(strings.Fields(html.UnescapeString(text.String())), " ")
	require.NotContains(t, string(raw), "@import")
	return d
}

// sound holds for every page: names are unique, and links lead to what is there.
func (d *document) sound(t *testing.T, root string) {
	t.Helper()
	for id, n := range d.ids {
		require.Equal(t, 1, n, "id %q", id)
	}
	for _, l := range d.links {
		if name, ok := strings.CutPrefix(l, "#"); ok {
			require.Contains(t, d.ids, name, "a link within the page")
			continue
		}
		require.NotRegexp(t, `^([a-z]+:|/)`, l, "links to files are relative")
		require.FileExists(t, filepath.Join(root, l))
	}
	for _, c := range studies.Claims {
		d.says(t, c.Said)
		require.Contains(t, d.ids, "claim-"+c.ID)
	}
}

// says holds if the page's text has each of these.
func (d *document) says(t *testing.T, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		require.True(t, strings.Contains(d.text, want), "the page does not say %q", want)
	}
}

// clipped is a figure whose names are those of every other.
const clipped = `<?xml version="1.0"?>
<svg width="720pt" height="100pt" viewBox="0 0 720 100" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">
<defs><clipPath id="clip0"><path d="M0,0L10,10Z"/></clipPath><g id="mark"/></defs>
<g clip-path="url(#clip0)"><use xlink:href="#mark"/><text>A &amp; B</text></g></svg>`

func madeUp(name string) *study.Doc {
	return &study.Doc{
		Schema: "brokerlab/study/1", Name: name, Question: "What does " + name + " ask <now>?", Vary: "nothing",
		Options: study.Options{Size: study.Small, Hardware: "server"}, Cells: 6, Seeds: 3, Command: "brokerlab run " + name + " --size small", Trace: "abc",
		Verdict: spec.Violated, Paragraphs: []string{"It was 12 of " + name + "."}, Files: []string{"points.csv"},
		Checks: []study.Check{
			{Name: "first-" + name, Expected: "More is more", Holds: true, Found: "2 above 1"},
			{Name: "second-" + name, Expected: "Less is less", Holds: false, Found: "1 above 2"},
		},
		Tables:  []study.TextTable{{Title: "Few numbers of " + name, Head: []string{"system", "p99"}, Rows: [][]string{{"reference", "7 ms"}}}},
		Figures: []study.FigureDoc{{Name: "rates", Title: "Rates of " + name, Caption: "Higher is better."}},
		Answers: map[string]string{"failover": "It heals in 3 s, says " + name + "."},
	}
}

func put(t *testing.T, root string, doc *study.Doc) rundir.Dir {
	t.Helper()
	d := rundir.Dir(filepath.Join(root, doc.Name))
	require.NoError(t, os.MkdirAll(string(d), 0o755))
	require.NoError(t, d.WriteJSON(study.DocFile, doc))
	require.NoError(t, d.WriteJSON(study.TimeFile, study.Time{Seconds: 12.34, Workers: 2}))
	require.NoError(t, d.WriteBytes("rates.svg", []byte(clipped)))
	require.NoError(t, d.WriteBytes("points.csv", []byte("a\n1\n")))
	return d
}

func TestAPageShowsEveryStudyInItsSectionAndNeedsNothingBesideIt(t *testing.T) {
	root := t.TempDir()
	put(t, root, madeUp("failover"))
	put(t, root, madeUp("never-heard-of"))
	first := rundir.Seed(2)
	ranges := rundir.Dir(filepath.Join(root, "nats", "power-loss"))
	require.NoError(t, os.MkdirAll(string(ranges), 0o755))
	require.NoError(t, ranges.WriteJSON(experiments.SummaryFile, &experiments.Summary{
		Name: "power-loss", Question: "Does it survive?", Profile: "nats", From: 1, To: 3, Verdict: spec.Violated, AsExpected: true, Seeds: 3, Violated: 2, First: &first,
		Broken:  map[spec.ID]int{spec.NoAckedLoss: 2},
		Results: []experiments.SeedResult{{Seed: 1, Verdict: spec.Holds}, {Seed: 2, Verdict: spec.Violated, Sentence: "Message c3-212 is gone."}, {Seed: 3, Verdict: spec.Violated, Sentence: "Another."}},
	}))
	require.NoError(t, rundir.Dir(root).WriteJSON(studies.AllFile, []studies.Ran{
		{Name: "failover", Kind: studies.KindStudy, Dir: "failover", LastLine: "VIOLATED failover", Exit: 1, Seconds: 12.3},
		{Name: "gone", Kind: studies.KindStudy, Dir: "gone", LastLine: "UNKNOWN gone", Exit: 1, Error: "the disk is full"},
	}))
	require.True(t, Of(root))
	path, err := Write(root, false)
	require.NoError(t, err)
	d := parse(t, path)
	d.sound(t, root)
	require.Equal(t, 2, d.svgs)
	d.says(t,
		"Not all as claimed or expected", "2 of 4 expectations of 2 studies held", "1 of 1 ranges of judged experiments ended as expected", "1 could not be run",
		"What does failover ask <now>?", "It was 12 of failover.", "✓ holds More is more", "✗ violated Less is less", "1 above 2",
		"Few numbers of failover", "7 ms", "Figure 1. Rates of failover.", "Figure 2. Rates of never-heard-of.", "brokerlab run failover --size small",
		"It heals in 3 s, says failover.", "It heals in 3 s, says never-heard-of.", "no study of this report answers it", "took 12.3 s with 2 processes",
		"Other studies", "No study of this report asks this.", "Violated in 2 of 3 seeds, first in 0x2: no-acked-loss in 2.", "“Message c3-212 is gone.”",
		"brokerlab run power-loss --profile nats --seeds 1-3", "disk.sync_ns", "assumed", "What work costs kafka:", "The machine and its collectors:", "the disk is full", "brokerlab run all --size small --hardware server",
	)
	require.False(t, strings.Contains(d.text, "Another."), "only the first violation is told")
	require.Less(t, strings.Index(d.text, "What does failover ask"), strings.Index(d.text, "What does never-heard-of ask"), "the fallback section comes last")
	for _, s := range sections {
		require.Contains(t, d.ids, s.id)
	}
	for _, id := range []string{"failover-rates-clip0", "never-heard-of-rates-clip0", "failover-rates-mark", "study-failover", "figure-failover-rates"} {
		require.Contains(t, d.ids, id)
	}
	require.Contains(t, d.links, "#never-heard-of-rates-clip0")
	require.Contains(t, d.links, "failover/points.csv")
}

func TestAStudyThatReallyRanHasItsPage(t *testing.T) {
	tiny := study.Study{
		Name: "tiny", Question: "How long does one node take?", Small: 2, Full: 2,
		Tables: []study.Table{{Name: "points", Columns: []string{"seed", "ok", "p50_ns"}}},
		Grid: func(*study.Options) []study.Point {
			return []study.Point{func(seed rundir.Seed, out *study.Output) error {
				m, err := trial.Run(trial.Trial{
					Seed: seed, Profile: "reference", Hardware: "server",
					Cluster: rundir.Cluster{Nodes: 1, Streams: []load.StreamSpec{{Name: "ORDERS", Replicas: 1}}},
					Load:    load.Spec{Groups: []load.Group{{Name: "p", Count: 2, PublishPerSecond: 400, Bytes: 64}}},
					Warm:    100_000_000, Measure: 100_000_000,
				})
				if err == nil {
					out.Add("points", uint64(seed), m.OK, trial.Quantile(m.Latency, 500_000))
				}
				return err
			}}
		},
		Conclude: func(tables *study.Tables) (*study.Conclusion, error) {
			rows := tables.Of("points")
			line := figures.Line{Name: "reference", Style: figures.StyleOf("reference", "synced")}
			for i := range rows.Len() {
				line.Points = append(line.Points, figures.XY{X: float64(rows.Int(i, "seed")), Y: float64(rows.Int(i, "p50_ns"))})
			}
			f, err := figures.Grid("medians", "Medians", "By seed.", tables.Command, 1, []figures.Chart{{
				X: figures.Axis{Label: "seed"}, Y: figures.Axis{Label: "median", Unit: figures.Nanos}, Lines: []figures.Line{line},
			}})
			ok := rows.Int(0, "ok")
			return &study.Conclusion{
				Paragraphs: []string{fmt.Sprintf("%d publishes were acknowledged.", ok)}, Figures: []figures.Figure{f},
				Checks:  []study.Check{{Name: "acknowledged", Expected: "Publishes are acknowledged", Holds: ok > 20, Found: fmt.Sprint(ok)}},
				Answers: map[string]string{"elegance": fmt.Sprintf("One binary acknowledged %d publishes.", ok)},
			}, err
		},
	}
	out := t.TempDir()
	r := &study.Runner{Study: tiny, Options: study.Options{Size: study.Small, Hardware: "server"}, Out: out}
	doc, err := r.RunHere()
	require.NoError(t, err)
	require.Equal(t, spec.Holds, doc.Verdict)
	root := string(r.Dir())
	require.True(t, Of(root), "a study's own directory")
	path, err := Write(root, false)
	require.NoError(t, err)
	d := parse(t, path)
	d.sound(t, root)
	require.Equal(t, 1, d.svgs)
	d.says(t, doc.Paragraphs[0], doc.Answers["elegance"], "1 of 1 expectation of 1 study held")
	require.Contains(t, d.links, "points.csv")

	_, err = Write(root, true)
	require.ErrorContains(t, err, `no study is called "tiny"`, "only studies that exist can conclude again")
}

func TestWhatCannotBeReadIsSaidFileByFile(t *testing.T) {
	root := t.TempDir()
	a, b := put(t, root, madeUp("failover")), put(t, root, madeUp("scale"))
	require.NoError(t, a.WriteBytes(study.DocFile, []byte("{\n\"name\": \"fail")))
	require.NoError(t, b.WriteBytes(study.DocFile, []byte(`{"naem": "scale"}`)))
	_, err := Write(root, false)
	require.ErrorContains(t, err, filepath.Join("failover", "study.json")+": line 2")
	require.ErrorContains(t, err, filepath.Join("scale", "study.json")+`: line 1, column 2: unknown field "naem"`)
	require.NoFileExists(t, filepath.Join(root, rundir.ReportFile))
}

func TestAFigureThatIsCutOrNeedsSomethingElseIsRefused(t *testing.T) {
	for svg, want := range map[string]string{
		clipped[:len(clipped)-10]:              "not a whole SVG",
		"":                                     "not a whole SVG",
		"<html></html>":                        `its root is "html"`,
		`<svg><script>alert(1)</script></svg>`: "element script",
		`<svg><image href="http://example.org/x.png"/></svg>`:      "must not need anything outside",
		`<svg><rect onclick="x()"/></svg>`:                         "must not need anything outside",
		`<svg><rect style="fill:url('http://x/y')"/></svg>`:        "must not need anything outside",
		`<svg><style>@import "x.css";</style></svg>`:               "loads something",
		`<svg><style>p { background: url( x.png ) }</style></svg>`: "loads something",
	} {
		root := t.TempDir()
		require.NoError(t, put(t, root, madeUp("failover")).WriteBytes("rates.svg", []byte(svg)))
		_, err := Write(root, false)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, filepath.Join("failover", "rates.svg"))
	}
}

func TestOnlyADirectoryWithStudiesOrRangesIsOnePage(t *testing.T) {
	root := t.TempDir()
	require.False(t, Of(root))
	require.False(t, Of(filepath.Join(root, "nowhere")))
	put(t, root, madeUp("failover"))
	require.True(t, Of(root))
	require.NoError(t, os.WriteFile(filepath.Join(root, rundir.ManifestFile), []byte("{}"), 0o600))
	require.False(t, Of(root), "a run has its own report")
}

func TestWhatTheModelLeavesOutIsToldWhereArchitectureTellsMore(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "ARCHITECTURE.md"))
	require.NoError(t, err)
	for _, g := range gaps {
		require.Contains(t, string(text), "\n## "+g.Where+"\n")
	}
}

func TestNumbersAreGrouped(t *testing.T) {
	for v, want := range map[int64]string{0: "0", 999: "999", 1000: "1 000", 1234567: "1 234 567", -1000: "-1 000", -100: "-100"} {
		require.Equal(t, want, strings.ReplaceAll(grouped(v), "\u202f", " "))
	}
}
