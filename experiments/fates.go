package experiments

import (
	"fmt"
	"io"
	"strings"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/report"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// drawn are the fates as figures show them.
var drawn = map[checker.FateOf]figures.Fate{
	checker.FateOK: figures.Kept, checker.FateFailed: figures.Failed, checker.FateRemoved: figures.Removed,
	checker.FateLostPrefix: figures.LostPrefix, checker.FateLostMiddle: figures.LostMiddle, checker.FateLostPostfix: figures.LostPostfix,
	checker.FateUndecided: figures.Undecided, checker.FateUnknownStored: figures.Recovered, checker.FateUnknownAbsent: figures.Unknown,
}

// dots are the messages as the figure shows them; one that was never answered waited to the end.
func (res *Result) dots(end int64) []figures.Dot {
	var dots []figures.Dot
	for _, f := range checker.Fates(res.History) {
		done := f.Completion
		if done < 0 {
			done = end
		}
		dots = append(dots, figures.Dot{Sent: f.Invoke, Latency: done - f.Invoke, Fate: drawn[f.Fate]})
	}
	return dots
}

// Limits of what is told of single messages.
const (
	mostLives     = 4
	mostLifeLines = 40
)

// lives are those of the messages that the certificates of violated guarantees are about.
func (res *Result) lives() []report.Life {
	var out []report.Life
	seen := map[string]bool{}
	for _, v := range res.violated() {
		for j := range v.Certificate {
			value := v.Certificate[j].Value
			if value == "" || seen[value] || len(out) >= mostLives {
				continue
			}
			seen[value] = true
			out = append(out, life(res.History, value))
		}
	}
	return out
}

// violated are the verdicts of violation, the leading one first.
func (res *Result) violated() []*checker.Verdict {
	lead, _ := res.Manifest.Lead()
	var out []*checker.Verdict
	for i := range res.Report.Verdicts {
		v := &res.Report.Verdicts[i]
		switch {
		case v.Value != spec.Violated:
		case v.Guarantee == lead:
			out = append([]*checker.Verdict{v}, out...)
		default:
			out = append(out, v)
		}
	}
	return out
}

func life(h *history.History, value string) report.Life {
	l := report.Life{Title: "Message " + value}
	lines := checker.Biography(h, value)
	for n, line := range lines {
		if n == mostLifeLines {
			l.Lines = append(l.Lines, fmt.Sprintf("… and %d more", len(lines)-n))
			break
		}
		l.Lines = append(l.Lines, fmt.Sprintf("%d.%03d s  %s (#%d)", line.Time/1e9, line.Time/1e6%1000, line.Text, line.Index))
	}
	return l
}

// explain writes what was violated, by what evidence, and what happened to the messages.
func (res *Result) explain(w io.Writer) {
	m := &res.Manifest
	fmt.Fprintf(w, "%s\n%s\n", res.LastLine(), m.Question)
	for i := range res.Report.Verdicts {
		v := &res.Report.Verdicts[i]
		if v.Value != spec.Violated && v.Value != spec.Unknown {
			continue
		}
		g, _ := spec.Lookup(v.Guarantee)
		note := ""
		if c, claimed := res.Claims.Of(v.Guarantee); claimed {
			note = ", claimed by " + c.Source
		} else {
			note = ", not claimed"
		}
		fmt.Fprintf(w, "\n%s: %s%s\n%s\n", strings.ToUpper(v.Value.String()), g.Title, note, wrap(v.Sentence, 96, "  "))
		for j := range v.Certificate {
			fmt.Fprintf(w, "    %s\n", report.Line(&v.Certificate[j]))
		}
	}
	for _, l := range res.lives() {
		fmt.Fprintf(w, "\n%s\n", l.Title)
		for _, line := range l.Lines {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	if m.Verdict != spec.Violated && m.Verdict != spec.Unknown {
		fmt.Fprintln(w, "\nEvery claimed guarantee held:")
		PrintVerdicts(w, res.Report, res.Claims)
	}
}
