package figures

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"
)

// hockey is a made-up chart of latency against load with bands, whiskers, a fault and a knee.
func hockey() Chart {
	c := Chart{
		Title:  "latency by load",
		X:      Axis{Label: "offered load", Scale: Log, Unit: PerSecond},
		Y:      Axis{Label: "99th percentile", Scale: Log, Unit: Nanos},
		Shades: []Shade{{2000, 5000, "overload"}},
		Rules:  []Rule{{20_000, "knee"}},
	}
	for i, name := range []string{"reference", "nats", "kafka", "redpanda", "core"} {
		l := Line{Name: name + " synced", Style: StyleOf(name, "synced")}
		band := Line{Name: l.Name, Style: l.Style, Kind: BandOnly}
		for x := 1000.0; x < 90_000; x *= 2 {
			y := 1e6 * float64(i+1) * (1 + math.Pow(x/20_000, 4))
			l.Points = append(l.Points, XY{x, y, y * 0.9, y * 1.2})
			band.Points = append(band.Points, XY{x, 0, y * 0.8, y * 1.5})
		}
		c.Lines = append(c.Lines, band, l)
	}
	return c
}

func TestAGridSaysEveryNameTickAndCommandOnce(t *testing.T) {
	f, err := Grid("hockey", "Where the knee is", "caption", "brokerlab study knee -seeds 1-30", 1, []Chart{hockey()})
	require.NoError(t, err)
	wellFormed(t, f)
	require.Equal(t, "caption", f.Caption)
	all := textsOf(t, f.SVG)
	want := []string{
		"Where the knee is", "latency by load", "offered load", "99th percentile", "overload", "knee", "brokerlab study knee -seeds 1-30",
		"reference synced", "nats synced", "kafka synced", "redpanda synced", "core synced",
		"1 k/s", "10 k/s", "1 ms", "10 ms", "100 ms", "1 s",
	}
	for _, text := range want {
		require.Equal(t, 1, count(all, text), text)
	}
	require.Len(t, all, len(want), "nothing else is written: %v", all)
	again, err := Grid("hockey", "Where the knee is", "caption", "brokerlab study knee -seeds 1-30", 1, []Chart{hockey()})
	require.NoError(t, err)
	require.Equal(t, f, again)
}

func TestALegendIsSharedByAllChartsOfAGrid(t *testing.T) {
	second := hockey()
	second.Lines = append(second.Lines, Line{Name: "only here", Style: Style{Color: Red}, Points: []XY{{X: 1000, Y: 1e6}}})
	f, err := Grid("two", "Two", "", "brokerlab", 2, []Chart{hockey(), second})
	require.NoError(t, err)
	all := textsOf(t, f.SVG)
	require.Equal(t, 1, count(all, "kafka synced"))
	require.Equal(t, 1, count(all, "only here"))
	require.Equal(t, 2, count(all, "1 k/s"), "each has its own axes")
	var order []string
	for _, e := range entries([]Chart{hockey(), second}) {
		order = append(order, e.name)
	}
	require.Equal(t, []string{"reference synced", "nats synced", "kafka synced", "redpanda synced", "core synced", "only here"}, order)
}

func TestALongCommandIsBrokenSoThatAShellTakesIt(t *testing.T) {
	command := "brokerlab study knee" + strings.Repeat(" -with-a-setting=of-some-length", 20)
	f, err := Grid("long", "Long", "", command, 1, []Chart{hockey()})
	require.NoError(t, err)
	var lines []string
	for _, w := range textsOf(t, f.SVG) {
		if strings.Contains(w.text, "-with-a-setting") {
			lines = append(lines, w.text)
		}
	}
	require.Greater(t, len(lines), 2)
	require.Equal(t, command, strings.ReplaceAll(strings.Join(lines, "\n"), " \\\n", " "))
}

func TestFaultsOfChartsAreAllNamed(t *testing.T) {
	line := func(kind LineKind, points ...XY) Line { return Line{Name: "a", Kind: kind, Points: points} }
	bad := []Chart{
		{Title: "empty"},
		{Title: "unsorted", Lines: []Line{line(Joined, XY{X: 2}, XY{X: 1})}},
		{Title: "endless", X: Axis{Min: 3, Max: 1}, Lines: []Line{line(Marks, XY{X: math.NaN()})}},
		{Title: "twofold", Lines: []Line{{Name: "a", Style: Style{Color: Red}, Points: []XY{{X: 1}}}}},
		{Title: "backwards", Lines: []Line{line(BandOnly, XY{Low: 2, High: 1}), line(Blocks, XY{High: -1})}},
		{Title: "named", Y: Axis{Scale: Log, Names: []string{"n1"}}, Lines: []Line{line(LineKind(99), XY{})}},
	}
	_, err := Grid("bad", "", "", "", 7, bad)
	require.Error(t, err)
	for _, want := range []string{
		"columns must be 1 to 4, not 7", "no line has points", "points must be in order of x", "not of finite numbers",
		"not by 3 and 1", "two styles", "band's low 2 is above its high 1", "block's width is -1", "names, which need a linear scale", "unknown kind 99",
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = Grid("none", "", "", "", 1, nil)
	require.ErrorContains(t, err, "no charts")
	for _, kind := range []LineKind{Joined, Plain, Steps, BandOnly} {
		_, err = Grid("unsorted", "", "", "", 1, []Chart{{Lines: []Line{line(kind, XY{X: 2}, XY{X: 1})}}})
		require.ErrorContains(t, err, "1 comes after 2")
	}
	for _, kind := range []LineKind{Marks, Stems, Blocks} {
		_, err = Grid("unsorted", "", "", "", 1, []Chart{{Lines: []Line{line(kind, XY{X: 2}, XY{X: 1})}}})
		require.NoError(t, err)
	}
}

func TestTicksStandAtRoundNumbers(t *testing.T) {
	for _, c := range []struct {
		axis   Axis
		values []float64
		length vg.Length
		want   string
	}{
		{Axis{}, []float64{0, 97}, 200, "0 20 40 60 80 100"},
		{Axis{}, []float64{-5, 12}, 100, "−5 0 5 10"},
		{Axis{Min: 0, Max: 1}, []float64{0.5}, 100, "0 0.2 0.4 0.6 0.8 1"},
		{Axis{Scale: Log}, []float64{1, 1e6}, 200, "1 10 100 1 k 10 k 100 k 1 M"},
		{Axis{Scale: Log}, []float64{1, 1e6}, 60, "1 100 10 k 1 M"},
		{Axis{Scale: Log}, []float64{1, 1e6}, 30, "1 1 k 1 M"},
		{Axis{Scale: Log}, []float64{0, 10, 1e4}, 200, "10 100 1 k 10 k 0"},
		{Axis{Scale: Log, Unit: Nanos}, []float64{1e4, 1e9}, 200, "10 µs 100 µs 1 ms 10 ms 100 ms 1 s"},
		{Axis{Scale: Log, Unit: Nanos}, []float64{2e6, 9e6}, 200, "2 ms 3 ms 4 ms 5 ms 6 ms 7 ms 8 ms 9 ms"},
		{Axis{Scale: Log, Unit: PerMillion}, []float64{1, 1e6}, 200, "1 ppm 10 ppm 100 ppm 0.1 % 1 % 10 % 100 %"},
		{Axis{Scale: Log, Unit: Ratio}, []float64{0.5, 4}, 200, "×0.5 ×1 ×2"},
		{Axis{Scale: Log, Unit: PerSecond}, []float64{100, 1e6}, 200, "100/s 1 k/s 10 k/s 100 k/s 1 M/s"},
		{Axis{Scale: Log, Min: 1, Max: 100}, []float64{0, 1}, 40, "10 100 0"},
		{Axis{Unit: Bytes}, []float64{0, 4 << 20}, 100, "0 1 MiB 2 MiB 3 MiB 4 MiB"},
		{Axis{Scale: Log, Unit: Bytes}, []float64{1 << 10, 1 << 30}, 100, "1 KiB 32 KiB 1 MiB 32 MiB 1 GiB"},
		{Axis{Unit: Nanos}, []float64{0, 10e9}, 100, "0 2 s 4 s 6 s 8 s 10 s"},
		{Axis{Scale: Nines}, []float64{0.5, 0.9999}, 300, "50 % 90 % 99 % 99.9 % 99.99 %"},
		{Axis{Scale: Nines}, []float64{0, 0.999, 1}, 300, "0 % 50 % 90 % 99 % 99.9 % 100 %"},
		{Axis{Names: []string{"n1", "n2"}}, nil, 100, "n1 n2"},
		{Axis{}, nil, 100, ""},
	} {
		d := newDirection(c.axis, c.values, nil, 0.05)
		var got []string
		for _, tick := range d.ticks(ruler{length: c.length}) {
			require.True(t, within(tick.at), "%+v: %+v", c.axis, tick)
			if tick.label != "" {
				got = append(got, tick.label)
			}
		}
		require.Equal(t, c.want, strings.Join(got, " "), "%+v %v", c.axis, c.values)
	}
}

func TestValuesStandWhereTheirTicksAre(t *testing.T) {
	d := newDirection(Axis{Scale: Log}, []float64{-1, 0, 10, 1000}, nil, 0)
	ticks := d.ticks(ruler{length: 200})
	zero := slices.IndexFunc(ticks, func(g graduation) bool { return g.label == "0" })
	require.InDelta(t, ticks[zero].at, d.at(0), 1e-12)
	require.InDelta(t, ticks[zero].at, d.at(-1), 1e-12)
	require.Less(t, d.at(0), d.at(10)-0.1)
	require.InDelta(t, 1, d.at(1000), 1e-12)
	require.InDelta(t, d.at(100), (d.at(10)+d.at(1000))/2, 1e-12)

	d = newDirection(Axis{Scale: Nines}, []float64{0, 0.99, 1}, nil, 0)
	require.InDelta(t, d.at(0.9), (d.at(0)+d.at(0.99))/2, 1e-12)
	require.Greater(t, d.at(1), d.at(0.99)+0.1)

	c := Chart{Y: Axis{Names: []string{"first", "second"}}, Lines: []Line{{Kind: Marks, Points: []XY{{X: 5, Y: 0, Low: 1, High: 9}}}}}
	x, y := c.directions()
	require.InDelta(t, 0.75, y.at(0), 1e-12, "the first name is at the top")
	require.True(t, within(x.at(1)) && within(x.at(9)), "intervals are of x where y has names")
}

var coordinates = regexp.MustCompile(`[ML](-?[\d.e+-]+),(-?[\d.e+-]+)`)

func TestLinesAndBandsAreClippedToTheirPanel(t *testing.T) {
	for _, kind := range []LineKind{Plain, Steps, Stems, BandOnly, Blocks} {
		c := Chart{X: Axis{Min: 2, Max: 6}, Y: Axis{Min: 1, Max: 3}, Lines: []Line{{Kind: kind, Style: Style{Color: Pink}}}}
		for x := -3.0; x < 12; x++ {
			c.Lines[0].Points = append(c.Lines[0].Points, XY{X: x, Y: x, Low: x - 2, High: x + 2.5})
		}
		if kind == Blocks {
			c.Lines[0].Points = []XY{{X: -3, Y: 2, Low: -1, High: 20}, {X: 4, Y: 9, Low: 2, High: 0.5}, {X: 7, Y: 2, Low: 1.5, High: 1}}
		}
		s := newSheet("", "", 1, []Chart{c})
		svg, err := s.svg()
		require.NoError(t, err)
		area, n := s.area(0), 0
		for _, path := range strings.Split(string(svg), "<path")[1:] {
			if !strings.Contains(path, "#E082B4") && !strings.Contains(path, "fill-opacity:0.2") {
				continue
			}
			for _, at := range coordinates.FindAllStringSubmatch(path, -1) {
				n++
				x, err := strconv.ParseFloat(at[1], 64)
				require.NoError(t, err)
				y, err := strconv.ParseFloat(at[2], 64)
				require.NoError(t, err)
				inside := x > float64(area.Min.X)-0.01 && x < float64(area.Max.X)+0.9 && y > float64(area.Min.Y)-0.01 && y < float64(area.Max.Y)+0.01
				require.True(t, inside, "kind %d: %v, %v is outside %v", kind, x, y, area)
			}
		}
		require.Greater(t, n, 3, "kind %d", kind)
	}
}

func TestALineOfAMillionPointsKeepsItsPeaks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ys := rapid.SliceOfN(rapid.Float64Range(-100, 100), 1, 3000).Draw(t, "ys")
		var path []vg.Point
		low, high := vg.Length(200), vg.Length(-200)
		for i, y := range ys {
			path = append(path, vg.Point{X: vg.Length(i) / 50, Y: vg.Length(y)})
			low, high = min(low, vg.Length(y)), max(high, vg.Length(y))
		}
		got := thin(path)
		if len(got) > 4*(len(ys)/12+1) {
			t.Fatalf("%d of %d points are left", len(got), len(path))
		}
		if got[0] != path[0] || got[len(got)-1] != path[len(path)-1] {
			t.Fatal("an end is cut off")
		}
		byY := func(a, b vg.Point) int { return int(min(max((a.Y-b.Y)*1e9, -1), 1)) }
		if slices.MinFunc(got, byY).Y > low+1e-8 || slices.MaxFunc(got, byY).Y < high-1e-8 {
			t.Fatalf("a peak is gone: %v to %v", low, high)
		}
	})
}

// anyChart is a chart of any scale, unit and range with labels of any length.
func anyChart(t *rapid.T, i int) Chart {
	text := rapid.StringMatching(`([a-zA-Z%]{1,12} ){0,7}[a-z]{1,10}`)
	axis := func(name string) Axis {
		a := Axis{Label: text.Draw(t, name+" label"), Scale: Scale(rapid.IntRange(0, 2).Draw(t, name+" scale")), Unit: Unit(rapid.IntRange(0, 5).Draw(t, name+" unit"))}
		if rapid.IntRange(0, 3).Draw(t, name+" named") == 0 {
			a.Scale, a.Names = Linear, rapid.SliceOfN(text, 1, 7).Draw(t, name+" names")
		}
		return a
	}
	c := Chart{Title: text.Draw(t, "title"), X: axis("x"), Y: axis("y")}
	values := func(a Axis) *rapid.Generator[float64] {
		if len(a.Names) > 0 {
			return rapid.Float64Range(0, float64(len(a.Names)-1))
		}
		if a.Scale == Nines {
			return rapid.Map(rapid.Float64Range(0, 7), func(n float64) float64 { return 1 - math.Pow(10, -n) })
		}
		from := rapid.Float64Range(-2, 9).Draw(t, "from")
		to := from + rapid.Float64Range(0.01, 9).Draw(t, "decades")
		return rapid.Map(rapid.Float64Range(from-0.2, to), func(e float64) float64 {
			if e < from {
				return 0
			}
			return math.Pow(10, e)
		})
	}
	xs, ys := values(c.X), values(c.Y)
	for k := range rapid.IntRange(1, 6).Draw(t, "lines") {
		l := Line{Name: fmt.Sprint(i, k, " ", text.Draw(t, "name")), Kind: Marks, Style: Style{Color: Color(k), Mark: Mark(k % 5)}}
		for range rapid.IntRange(1, 6).Draw(t, "points") {
			l.Points = append(l.Points, XY{X: xs.Draw(t, "x"), Y: ys.Draw(t, "y")})
		}
		c.Lines = append(c.Lines, l)
	}
	for range rapid.IntRange(0, 3).Draw(t, "rules") {
		c.Rules = append(c.Rules, Rule{xs.Draw(t, "rule"), text.Draw(t, "rule label")})
		c.Shades = append(c.Shades, Shade{xs.Draw(t, "from"), xs.Draw(t, "to"), text.Draw(t, "shade label")})
	}
	return c
}

func TestNoLabelOverlapsAnotherOrLeavesThePicture(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var charts []Chart
		for i := range rapid.IntRange(1, 3).Draw(r, "charts") {
			charts = append(charts, anyChart(r, i))
		}
		columns := rapid.IntRange(1, 3).Draw(r, "columns")
		if err := checkCharts(columns, charts); err != nil {
			r.Fatal(err)
		}
		s := newSheet("A title", "brokerlab study any", min(columns, len(charts)), charts)
		svg, err := s.svg()
		if err != nil {
			r.Fatal(err)
		}
		for _, clash := range clashes(textsOf(t, svg), s.height) {
			r.Error(clash)
		}
	})
}

func TestEveryDesignAndPolicyHasItsStyle(t *testing.T) {
	seen := map[Style]string{}
	for _, design := range []string{"reference", "nats", "kafka", "redpanda", "core", "another"} {
		for _, policy := range []string{"synced", "replicated", "memory", "one-synced", "another"} {
			s := StyleOf(design, policy)
			require.Empty(t, seen[s], "%s %s", design, policy)
			seen[s] = design + " " + policy
		}
	}
	require.Equal(t, Style{Color: Orange, Mark: Ring}, StyleOf("nats", "replicated"))
	require.Equal(t, Style{Color: Brown, Mark: Diamond}, StyleOf("", ""))
}
