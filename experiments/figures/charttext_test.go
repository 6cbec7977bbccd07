package figures

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/vg"
)

// words is one text of a picture with the four corners of its letters, in points from the picture's upper left.
type words struct {
	text    string
	corners [4]vg.Point
}

// matrix maps (x, y) to (a*x + c*y + e, b*x + d*y + f), as SVG writes it.
type matrix struct{ a, b, c, d, e, f float64 }

func (m matrix) times(n matrix) matrix {
	return matrix{
		m.a*n.a + m.c*n.b, m.b*n.a + m.d*n.b, m.a*n.c + m.c*n.d, m.b*n.c + m.d*n.d,
		m.a*n.e + m.c*n.f + m.e, m.b*n.e + m.d*n.f + m.f,
	}
}

func (m matrix) at(x, y float64) vg.Point {
	return vg.Point{X: vg.Length(m.a*x + m.c*y + m.e), Y: vg.Length(m.b*x + m.d*y + m.f)}
}

var (
	transforms = regexp.MustCompile(`(\w+)\(([^)]*)\)`)
	fontSize   = regexp.MustCompile(`font-size:([\d.]+)px`)
)

func transformOf(t *testing.T, s string) matrix {
	m := matrix{a: 1, d: 1}
	for _, call := range transforms.FindAllStringSubmatch(s, -1) {
		var v [2]float64
		for i, arg := range strings.Split(call[2], ",") {
			n, err := strconv.ParseFloat(strings.TrimSpace(arg), 64)
			require.NoError(t, err)
			v[i] = n
		}
		switch call[1] {
		case "translate":
			m = m.times(matrix{a: 1, d: 1, e: v[0], f: v[1]})
		case "scale":
			m = m.times(matrix{a: v[0], d: v[1]})
		case "rotate":
			sin, cos := math.Sincos(v[0] * math.Pi / 180)
			m = m.times(matrix{a: cos, b: sin, c: -sin, d: cos})
		default:
			t.Fatalf("unknown transform %q", s)
		}
	}
	return m
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// textsOf reads every text of a picture, with the place of its letters by the metrics of its face.
func textsOf(t *testing.T, svg []byte) (out []words) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	stack := []matrix{{a: 1, d: 1}}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return out
		}
		require.NoError(t, err)
		switch e := token.(type) {
		case xml.StartElement:
			stack = append(stack, stack[len(stack)-1].times(transformOf(t, attribute(e, "transform"))))
			if e.Name.Local == "text" {
				inner, err := d.Token()
				require.NoError(t, err)
				out = append(out, placed(t, e, stack[len(stack)-1], string(inner.(xml.CharData))))
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		}
	}
}

func placed(t *testing.T, e xml.StartElement, m matrix, letters string) words {
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		require.NoError(t, err)
		return v
	}
	size := number(fontSize.FindStringSubmatch(attribute(e, "style"))[1])
	bold := strings.Contains(attribute(e, "style"), "font-weight:bold")
	width := float64(textStyle(vg.Length(size), bold, ink).Width(letters))
	x, y := number(attribute(e, "x")), number(attribute(e, "y"))
	up, down := y-0.72*size, y+0.2*size // capitals and descenders of Liberation Sans
	return words{letters, [4]vg.Point{m.at(x, up), m.at(x+width, up), m.at(x+width, down), m.at(x, down)}}
}

// overlap says whether two boxes, turned or not, have a point in common: no edge of either lies between them.
func overlap(a, b [4]vg.Point) bool {
	for _, q := range [...][4]vg.Point{a, b} {
		for i := range q {
			edge := q[(i+1)%4].Sub(q[i])
			span := func(p [4]vg.Point) (low, high vg.Length) {
				low, high = vg.Length(math.Inf(1)), vg.Length(math.Inf(-1))
				for _, c := range p {
					v := edge.Y*c.X - edge.X*c.Y
					low, high = min(low, v), max(high, v)
				}
				return low, high
			}
			al, ah := span(a)
			bl, bh := span(b)
			if ah <= bl || bh <= al {
				return false
			}
		}
	}
	return true
}

// clashes lists texts that overlap or leave the picture.
func clashes(all []words, height vg.Length) (out []string) {
	for i, w := range all {
		for _, c := range w.corners {
			if c.X < 0 || c.X > figureWidth || c.Y < 0 || c.Y > height {
				out = append(out, fmt.Sprintf("%q leaves the picture at %.1f, %.1f", w.text, c.X, c.Y))
				break
			}
		}
		for _, o := range all[:i] {
			if overlap(w.corners, o.corners) {
				out = append(out, fmt.Sprintf("%q overlaps %q", w.text, o.text))
			}
		}
	}
	return out
}

func count(all []words, text string) (n int) {
	for _, w := range all {
		if w.text == text {
			n++
		}
	}
	return n
}

func TestTheMeasureOfOverlapsSeesThem(t *testing.T) {
	at := func(x, y, turn float64) words {
		sin, cos := math.Sincos(turn)
		m := matrix{cos, sin, -sin, cos, x, y}
		return words{"word", [4]vg.Point{m.at(0, 0), m.at(30, 0), m.at(30, 10), m.at(0, 10)}}
	}
	require.Empty(t, clashes([]words{at(10, 10, 0), at(45, 10, 0), at(10, 21, 0)}, 100))
	require.Len(t, clashes([]words{at(10, 10, 0), at(39, 19, 0)}, 100), 1)
	require.Len(t, clashes([]words{at(10, 10, 0), at(20, 5, 1)}, 100), 1)
	// The boxes around these two overlap, the words do not.
	require.Empty(t, clashes([]words{at(10, 10, 0.7), at(10, 30, 0.7)}, 100))
	require.Len(t, clashes([]words{at(700, 10, 0)}, 100), 1)
}
