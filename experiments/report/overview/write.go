package overview

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/model/spec"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"grouped": grouped,
	"seconds": func(s float64) string { return strconv.FormatFloat(math.Round(s*10)/10, 'f', 1, 64) },
	"slug":    func(v spec.Verdict) string { return strings.ReplaceAll(v.String(), " ", "-") },
	"points":  func(d *study.Doc) int { return d.Cells / max(d.Seeds, 1) },
	"commit":  func(b rundir.Build) string { return b.Commit[:min(len(b.Commit), 12)] },
}).Parse(pageText))

// Write makes root/report.html. With again it first makes the figures and conclusions of studies from their tables.
func Write(root string, again bool) (path string, err error) {
	f, err := gather(root)
	if err != nil {
		return "", err
	}
	if again {
		if err := f.redraw(); err != nil {
			return "", err
		}
	}
	p, err := newPage(f)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return "", fmt.Errorf("report: %w", err)
	}
	d := rundir.Dir(root)
	return d.Path(rundir.ReportFile), d.WriteBytes(rundir.ReportFile, b.Bytes())
}

// grouped writes 1234567 as 1 234 567, with spaces that do not break.
func grouped(v int64) string {
	text := strconv.FormatInt(v, 10)
	var b strings.Builder
	for i, r := range text {
		if left := len(text) - i; i > 0 && left%3 == 0 && text[i-1] != '-' {
			b.WriteString("\u202f")
		}
		b.WriteRune(r)
	}
	return b.String()
}

// counted says how many were as claimed or expected.
type counted struct{ Studies, Checks, ChecksHold, Ranges, RangesExpected, Failed int }

// Counted sums up the page.
func (p *page) Counted() (c counted) {
	for _, s := range p.Sections {
		for _, x := range s.Studies {
			c.Studies++
			for _, check := range x.Checks {
				c.Checks++
				if check.Holds {
					c.ChecksHold++
				}
			}
		}
	}
	for _, e := range p.Judged {
		for _, r := range e.Ranges {
			c.Ranges++
			if r.AsExpected {
				c.RangesExpected++
			}
		}
	}
	for i := range p.Ran {
		if p.Ran[i].Error != "" {
			c.Failed++
		}
	}
	return c
}

// AllHold says whether everything was as claimed or expected.
func (c counted) AllHold() bool {
	return c.Checks == c.ChecksHold && c.Ranges == c.RangesExpected && c.Failed == 0
}

// Answered is how many claims have an answer.
func (p *page) Answered() (n int) {
	for _, c := range p.Claims {
		if len(c.Answers) > 0 {
			n++
		}
	}
	return n
}

// Failures lists what is not as it should be, with where to look.
func (p *page) Failures() (out []failure) {
	for _, s := range p.Sections {
		for _, x := range s.Studies {
			for _, c := range x.Checks {
				if !c.Holds {
					out = append(out, failure{x.Key, x.Name + ": " + c.Name, c.Expected + ". " + c.Found})
				}
			}
		}
	}
	for _, e := range p.Judged {
		for _, r := range e.Ranges {
			if !r.AsExpected {
				out = append(out, failure{"judged", r.Command, r.Found()})
			}
		}
	}
	for i := range p.Ran {
		if r := &p.Ran[i]; r.Error != "" {
			out = append(out, failure{"times", r.Title(), r.Error})
		}
	}
	return out
}

type failure struct{ Anchor, Name, Text string }

// Total is how long everything took.
func (p *page) Total() (seconds float64) {
	for i := range p.Ran {
		seconds += p.Ran[i].Seconds
	}
	return seconds
}
