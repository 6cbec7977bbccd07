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

// message is what a history says of one publish.
type message struct {
	client, stream, value string
	sent, answered        int64
	status                history.Kind // "" if never answered
	found                 bool         // read by the final drain
}

// messages lists the publishes of a history in order.
func messages(h *history.History) []*message {
	var all []*message
	byOp, byValue := map[uint64]*message{}, map[string]*message{}
	for i := range h.Events {
		e := &h.Events[i]
		switch {
		case e.Kind == history.Invoke && e.Verb == history.Publish:
			m := &message{client: e.Client, stream: e.Stream, value: e.Value, sent: e.Time, answered: e.Time}
			all, byOp[e.Op], byValue[e.Value] = append(all, m), m, m
		case byOp[e.Op] != nil && (e.Kind == history.OK || e.Kind == history.Fail || e.Kind == history.Info):
			m := byOp[e.Op]
			m.status, m.answered = e.Kind, e.Time
		case e.Kind == history.OK && e.Final && byValue[e.Value] != nil:
			byValue[e.Value].found = true
		}
	}
	return all
}

// dots are the messages as the figure shows them. Without a final drain nothing is known to be lost.
func (res *Result) dots() []figures.Dot {
	all := messages(res.History)
	type writer struct{ client, stream string }
	first, last := map[writer]int{}, map[writer]int{}
	for i, m := range all {
		if w := (writer{m.client, m.stream}); m.found {
			if _, seen := first[w]; !seen {
				first[w] = i
			}
			last[w] = i
		}
	}
	drained := false
	for i := range res.History.Events {
		drained = drained || res.History.Events[i].Verb == history.Drained
	}
	dots := make([]figures.Dot, len(all))
	for i, m := range all {
		d := figures.Dot{Sent: m.sent, Latency: m.answered - m.sent}
		w := writer{m.client, m.stream}
		n, survives := last[w]
		switch {
		case m.status == history.Fail:
			d.Fate = figures.Failed
		case m.status == history.OK && (m.found || !drained):
			d.Fate = figures.Kept
		case m.status == history.OK && (!survives || i > n):
			d.Fate = figures.LostSuffix
		case m.status == history.OK && i < first[w]:
			d.Fate = figures.LostPrefix
		case m.status == history.OK:
			d.Fate = figures.LostMiddle
		case m.found:
			d.Fate = figures.Recovered
		default:
			d.Fate = figures.Unknown
		}
		dots[i] = d
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
