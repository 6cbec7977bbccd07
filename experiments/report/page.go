package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// Page is what a report shows.
type Page struct {
	Manifest *rundir.Manifest
	Verdicts []checker.Verdict
	Claims   spec.Claims
	Lives    []Life
	Figures  []figures.Figure
	// Lost is the life of a message that was lost; nil if none was.
	Lost *figures.Figure
	// Plan is the faults as executed, a line each.
	Plan []string
	// Picture says that linearizability.html lies beside the report.
	Picture bool
	// Command repeats the run.
	Command string
}

// Life is what happened to one message, in order.
type Life struct {
	Title string
	Lines []string
}

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"at":      at,
	"upper":   strings.ToUpper,
	"inline":  inline,
	"seconds": func(ns int64) string { return time.Duration(ns).String() },
	"join":    func(ids []spec.ID) string { return joinIDs(ids) },
	"event":   func(e history.Event) string { return Line(&e) },
	"pairs":   pairs,
	"slug":    func(v spec.Verdict) string { return strings.ReplaceAll(v.String(), " ", "-") },
	"mark":    mark,
}).Parse(pageText))

// Write renders the page.
func Write(w io.Writer, p Page) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, view{p}); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// view adds what the template asks for.
type view struct{ Page }

// Row is one guarantee in the table.
type Row struct {
	spec.Guarantee
	checker.Verdict
	Claimed bool
	Source  string
}

// Rows are the guarantees: what was violated first, what was not exercised last.
func (v view) Rows() []Row {
	var rows []Row
	for _, x := range v.Verdicts {
		g, _ := spec.Lookup(x.Guarantee)
		claim, claimed := v.Claims.Of(x.Guarantee)
		rows = append(rows, Row{Guarantee: g, Verdict: x, Claimed: claimed, Source: claim.Source})
	}
	lead, _ := v.Manifest.Lead()
	slices.SortStableFunc(rows, func(a, b Row) int { return rank(a, lead) - rank(b, lead) })
	return rows
}

func rank(r Row, lead spec.ID) int {
	switch {
	case r.Verdict.Guarantee == lead && r.Value == spec.Violated:
		return -1
	case r.Value == spec.Violated && r.Claimed:
		return 0
	case r.Value == spec.Violated:
		return 1
	case r.Value == spec.Unknown:
		return 2
	case r.Value == spec.Holds:
		return 3
	}
	return 4
}

// Headline is the run in one sentence.
func (v view) Headline() string {
	m := v.Manifest
	judged, held := 0, 0
	for _, r := range v.Rows() {
		if r.Claimed && r.Value != spec.NotExercised {
			judged++
			if r.Value == spec.Holds {
				held++
			}
		}
	}
	switch m.Verdict {
	case spec.Violated:
		lead, _ := m.Lead()
		for _, r := range v.Rows() {
			if r.Verdict.Guarantee == lead {
				return r.Sentence
			}
		}
	case spec.Unknown:
		return fmt.Sprintf("%d of %d claimed guarantees held; the history does not say enough to judge: %s.", held, judged, joinIDs(m.Unknown))
	case spec.Holds:
		return fmt.Sprintf("All %d claimed guarantees that the run could have broken held.", judged)
	}
	return "Nothing in this run could have broken a guarantee."
}

// Expectation says how the outcome compares with what was expected; empty when nothing is to be said.
func (v view) Expectation() string {
	m := v.Manifest
	switch {
	case len(m.Expect) == 0:
		return ""
	case m.Expected():
		return "This experiment exists to show this violation: it was expected."
	case m.Verdict == spec.Violated:
		return "This experiment expects a violation of " + joinIDs(m.Expect) + " and found another."
	}
	return "This experiment expects a violation of " + joinIDs(m.Expect) + ", which this seed did not show."
}

func joinIDs(ids []spec.ID) string {
	var names []string
	for _, id := range ids {
		names = append(names, string(id))
	}
	return strings.Join(names, ", ")
}

func mark(v spec.Verdict) string {
	switch v {
	case spec.Holds:
		return "✓"
	case spec.Violated:
		return "✗"
	case spec.Unknown:
		return "?"
	}
	return "–"
}

// at is a time of the run.
func at(ns int64) string { return fmt.Sprintf("%.3f s", float64(ns)/1e9) }

var svgHead = regexp.MustCompile(`(?s)^.*?<svg width="[^"]*" height="[^"]*"`)

// inline is a figure as a part of the page, as wide as its column.
func inline(f figures.Figure) template.HTML {
	label := template.HTMLEscapeString(f.Title)
	return template.HTML(svgHead.ReplaceAllString(string(f.SVG), `<svg role="img" aria-label="`+label+`" width="100%"`))
}

// Line is an event in one line, for certificates.
func Line(e *history.Event) string {
	parts := []string{fmt.Sprintf("#%d", e.Index), at(e.Time), string(e.Kind), string(e.Verb)}
	add := func(name string, v any, set bool) {
		if set {
			parts = append(parts, fmt.Sprintf("%s=%v", name, v))
		}
	}
	add("client", e.Client, e.Client != "")
	add("node", fmt.Sprintf("n%d", e.Node), e.Node > 0)
	add("peer", fmt.Sprintf("n%d", e.Peer), e.Peer > 0)
	add("stream", e.Stream, e.Stream != "")
	add("seq", e.Seq, e.Seq > 0)
	add("value", e.Value, e.Value != "")
	add("term", e.Term, e.Term > 0)
	add("index", e.Idx, e.Idx > 0)
	add("not-found", true, e.NotFound)
	add("why", e.Why, e.Why != "")
	add("error", e.Err, e.Err != "")
	return strings.Join(parts, " ")
}

// pairs are the entries of a map in order of their names.
func pairs(m map[string]string) []string {
	var out []string
	for k, v := range m {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}
