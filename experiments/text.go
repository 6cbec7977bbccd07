package experiments

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/spec"
)

// Exit statuses of commands.
const (
	ExitExpected = 0
	ExitNot      = 1
	ExitUnknown  = 2
	ExitDiverged = 3
	ExitUsage    = 64
)

// Exit is the status for a run of one seed.
func (res *Result) Exit() int {
	m := &res.Manifest
	switch {
	case open(m.Verdict):
		return ExitUnknown
	case m.Expected():
		return ExitExpected
	}
	return ExitNot
}

// Exit is the status for a range of seeds.
func (s *Summary) Exit() int {
	switch {
	case !s.AsExpected:
		return ExitNot
	case s.Unknown > 0 && len(s.Expect) == 0:
		return ExitUnknown
	}
	return ExitExpected
}

// word is a verdict as the last line has it. A run that exercised no guarantee says nothing.
func word(v spec.Verdict) string {
	if v == spec.NotExercised {
		v = spec.Unknown
	}
	return strings.ToUpper(v.String())
}

// open says that a verdict leaves the question open.
func open(v spec.Verdict) bool { return v == spec.Unknown || v == spec.NotExercised }

// LastLine says what the world did.
func (res *Result) LastLine() string {
	m := &res.Manifest
	parts := []string{word(m.Verdict), m.Name, "seed=" + m.Seed.String(), "trace=" + m.Trace}
	switch m.Verdict {
	case spec.Violated:
		parts = append(parts, names(m.Violated)...)
		if m.Expected() {
			parts = append(parts, "(expected)")
		}
	case spec.Unknown:
		parts = append(parts, names(m.Unknown)...)
	}
	return strings.Join(parts, " ")
}

// LastLine says what the world did over the range.
func (s *Summary) LastLine() string {
	parts := []string{word(s.Verdict), s.Name, fmt.Sprintf("seeds=%d-%d", s.From, s.To), fmt.Sprintf("violated=%d/%d", s.Violated, s.Seeds)}
	if s.First != nil {
		parts = append(parts, "first="+s.First.String())
	}
	for _, g := range spec.Catalogue() {
		if s.Broken[g.ID] > 0 {
			parts = append(parts, string(g.ID))
		}
	}
	if s.Violated > 0 && s.AsExpected {
		parts = append(parts, "(expected)")
	}
	return strings.Join(parts, " ")
}

func names(ids []spec.ID) []string {
	var out []string
	for _, id := range ids {
		out = append(out, string(id))
	}
	return out
}

// Print writes the table of guarantees, the lives of lost messages and how to repeat the run;
// the last line is the caller's to add.
func (res *Result) Print(w io.Writer, dir rundir.Dir) {
	m := &res.Manifest
	fmt.Fprintf(w, "%s  seed %s, profile %s%s, %d nodes\n", m.Name, m.Seed, m.Profile, changed(m.Set), m.Cluster.Nodes)
	if m.Question != "" {
		fmt.Fprintln(w, m.Question)
	}
	fmt.Fprintln(w)
	PrintVerdicts(w, res.Report, res.Claims)
	for _, l := range res.lives() {
		fmt.Fprintf(w, "\n%s\n", l.Title)
		for _, line := range l.Lines {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	res.printLosses(w)
	fmt.Fprintf(w, "\n%d operations, %d events of the world in %.1f s of virtual time\n", m.Totals.Operations, m.Totals.WorldEvents, float64(m.Totals.VirtualNanos)/1e9)
	fmt.Fprintf(w, "%s\n", m.Totals.Covered)
	if dir != "" {
		fmt.Fprintf(w, "report: %s\n", dir.Path(rundir.ReportFile))
	}
	if res.Exit() != ExitExpected {
		fmt.Fprintf(w, "repeat: %s\n", Command(&m.Config, dir))
	}
}

func changed(set map[string]string) string {
	var out []string
	for name, value := range set {
		out = append(out, name+"="+value)
	}
	slices.Sort(out)
	if out == nil {
		return ""
	}
	return " with " + strings.Join(out, ", ")
}

// PrintVerdicts writes one line a guarantee, and sentences for what is not as it should be.
func PrintVerdicts(w io.Writer, r *checker.Report, claims spec.Claims) {
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		g, _ := spec.Lookup(v.Guarantee)
		note := ""
		if _, claimed := claims.Of(v.Guarantee); !claimed {
			note = " (not claimed)"
		}
		fmt.Fprintf(w, "  %-13s %-31s %s%s\n", v.Value, v.Guarantee, g.Title, note)
		if v.Value == spec.Violated || v.Value == spec.Unknown {
			fmt.Fprintf(w, "%s\n", wrap(v.Sentence, 96, "      "))
		}
	}
}

// wrap breaks text into lines of at most width characters, each after indent.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		switch {
		case column == 0:
			b.WriteString(indent)
		case column+1+len(word) > width:
			b.WriteString("\n" + indent)
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// Print writes what came of a range; the last line is the caller's to add.
func (s *Summary) Print(w io.Writer, command string) {
	fmt.Fprintf(w, "%s  profile %s, seeds %d-%d: %d hold, %d violated, %d unknown\n", s.Name, s.Profile, s.From, s.To, s.Holds, s.Violated, s.Unknown)
	fmt.Fprintf(w, "%s\n", s.Totals.Covered)
	for _, g := range spec.Catalogue() {
		if n := s.Broken[g.ID]; n > 0 {
			fmt.Fprintf(w, "  %-31s violated in %d of %d\n", g.ID, n, s.Seeds)
		}
	}
	s.printLosses(w)
	shown := 0
	for i := range s.Results {
		r := &s.Results[i]
		if r.Sentence == "" || r.Verdict == spec.Unknown && s.Violated > 0 {
			continue
		}
		if shown++; shown > keepWhole {
			break
		}
		fmt.Fprintf(w, "\nseed %s, %s: %s\n%s\n", r.Seed, r.Verdict, strings.Join(append(names(r.Violated), names(r.Unknown)...), ", "), wrap(r.Sentence, 96, "  "))
	}
	if s.Exit() != ExitExpected {
		for i := range s.Results {
			if r := &s.Results[i]; !r.Expected || r.Verdict == spec.Unknown {
				fmt.Fprintf(w, "\nrepeat: %s --seed %s\n", command, r.Seed)
				break
			}
		}
	}
}
