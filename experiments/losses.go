package experiments

import (
	"fmt"
	"io"
	"slices"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/metrics"
	"github.com/brokerlab/brokerlab/experiments/rundir"
)

// Outcomes that are no loss.
const (
	goodMessage = string(checker.CoreDelivered)
	goodRequest = string(checker.RequestAnswered)
)

// coreLosses is what became of the messages and requests of core messaging, found once.
func (res *Result) coreLosses() *checker.CoreReport {
	if res.core == nil {
		res.core = checker.CoreLosses(res.History)
	}
	return res.core
}

// Core is what became of the messages and requests of core messaging.
func (res *Result) Core() *checker.CoreReport { return res.coreLosses() }

// losses are the messages and the requests of a run, as figures show them; nothing if there were none.
func (res *Result) losses() []figures.Losses {
	r := res.coreLosses()
	var out []figures.Losses
	if len(r.Messages) > 0 {
		l := counted("messages", goodMessage, r.Causes)
		for i := range r.Messages {
			l.at(string(r.Messages[i].Cause), r.Messages[i].Time)
		}
		out = append(out, l.Losses)
	}
	if len(r.Requests) > 0 {
		l := counted("requests", goodRequest, r.Fates)
		for i := range r.Requests {
			l.at(r.Requests[i].Outcome(), r.Requests[i].Time)
		}
		out = append(out, l.Losses)
	}
	return out
}

// counting is Losses being counted by second.
type counting struct{ figures.Losses }

func counted(what, good string, counts []checker.Count) counting {
	l := counting{figures.Losses{What: what, Good: good}}
	for _, c := range counts {
		l.All += c.N
		l.Outcomes = append(l.Outcomes, figures.Outcome{Name: c.Name, Count: c.N})
	}
	return l
}

func (l *counting) at(name string, sent int64) {
	i := slices.IndexFunc(l.Outcomes, func(o figures.Outcome) bool { return o.Name == name })
	o, second := &l.Outcomes[i], int(sent/1e9)
	for len(o.PerSecond) <= second {
		o.PerSecond = append(o.PerSecond, 0)
	}
	o.PerSecond[second]++
}

// writeLosses writes the table and the figure of what core messaging lost, if there was any.
func (res *Result) writeLosses(d rundir.Dir, measured *metrics.Run) ([]figures.Figure, error) {
	all := res.losses()
	if all == nil {
		return nil, nil
	}
	err := d.Write(rundir.LossesFile, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, "of,cause,count,share_per_million")
		for _, l := range all {
			for _, o := range l.Outcomes {
				_, err = fmt.Fprintf(w, "%s,%s,%d,%d\n", l.What, o.Name, o.Count, perMillion(o.Count, l.All))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	f, err := figures.LossesByCause(measured, all)
	if err != nil {
		return nil, err
	}
	return []figures.Figure{f}, writeFigure(d, f)
}

// perMillion is rounded to the nearest.
func perMillion(n, all int64) int64 { return (n*1_000_000 + all/2) / max(all, 1) }

// printLosses writes what became of core messaging, by cause.
func (res *Result) printLosses(w io.Writer) {
	for _, l := range res.losses() {
		fmt.Fprintf(w, "\n%d %s%s, and what became of them (count, per million):\n", l.All, l.What, countedHow(l.What))
		for _, o := range l.Outcomes {
			fmt.Fprintf(w, "  %-34s %9d %9d\n", o.Name, o.Count, perMillion(o.Count, l.All))
		}
	}
}

// countedHow says what counts as one.
func countedHow(what string) string {
	if what == "messages" {
		return " (each once for each subscriber or queue group it is meant for)"
	}
	return ""
}
