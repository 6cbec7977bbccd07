package checker

import (
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// Verdict is what a judge found about one guarantee.
type Verdict struct {
	Guarantee spec.ID      `json:"guarantee"`
	Value     spec.Verdict `json:"verdict"`
	// Sentence says why, for a person. For a violation it names the messages, the times
	// and the event indexes (#n) of the certificate.
	Sentence string `json:"sentence"`
	// Certificate holds the few events from which the violation follows, in index order.
	Certificate []history.Event `json:"certificate,omitempty"`
	Stats       Stats           `json:"stats"`
}

// Stats is what a judge counted on the way.
type Stats struct {
	// Checked is the number of things that could have broken the guarantee, Anomalies
	// how many did.
	Checked   int64 `json:"checked"`
	Anomalies int64 `json:"anomalies"`
	// Counts classify, in a fixed order; zero classes may be left out.
	Counts []Count `json:"counts,omitempty"`
	// Examples are the first few anomalies, one short line each.
	Examples []string `json:"examples,omitempty"`
}

// Count is one class of a classification.
type Count struct {
	Name string `json:"name"`
	N    int64  `json:"n"`
}

// Of returns the number counted under name.
func (s *Stats) Of(name string) int64 {
	for _, c := range s.Counts {
		if c.Name == name {
			return c.N
		}
	}
	return 0
}

const maxExamples = 5

func (s *Stats) example(line string) {
	if len(s.Examples) < maxExamples {
		s.Examples = append(s.Examples, line)
	}
}

func (s *Stats) count(name string, n int64) {
	if n == 0 {
		return
	}
	for i := range s.Counts {
		if s.Counts[i].Name == name {
			s.Counts[i].N += n
			return
		}
	}
	s.Counts = append(s.Counts, Count{name, n})
}

// Report is everything that was found about one history.
type Report struct {
	Header   history.Header `json:"header"`
	Events   int            `json:"events"`
	Ops      int            `json:"ops"`
	Verdicts []Verdict      `json:"verdicts"` // in the catalogue's order
}

// Of returns the verdict about id, or nil.
func (r *Report) Of(id spec.ID) *Verdict {
	for i := range r.Verdicts {
		if r.Verdicts[i].Guarantee == id {
			return &r.Verdicts[i]
		}
	}
	return nil
}

// Outcome is a report held against claims.
type Outcome struct {
	// Value is violated if a claimed guarantee is, else unknown if one is, else holds;
	// not exercised only if all claimed ones are.
	Value    spec.Verdict `json:"verdict"`
	Violated []spec.ID    `json:"violated,omitempty"`
	Unknown  []spec.ID    `json:"unknown,omitempty"`
	// Unclaimed lists anomalies that break no claim.
	Unclaimed []spec.ID `json:"unclaimed,omitempty"`
}

// Overall holds the report against what is claimed.
func (r *Report) Overall(c spec.Claims) Outcome {
	o := Outcome{Value: spec.NotExercised}
	for i := range r.Verdicts {
		v := &r.Verdicts[i]
		if _, claimed := c.Of(v.Guarantee); !claimed {
			if v.Value == spec.Violated {
				o.Unclaimed = append(o.Unclaimed, v.Guarantee)
			}
			continue
		}
		switch v.Value {
		case spec.Violated:
			o.Violated = append(o.Violated, v.Guarantee)
		case spec.Unknown:
			o.Unknown = append(o.Unknown, v.Guarantee)
		}
		o.Value = o.Value.Worse(v.Value)
	}
	return o
}

// String is the outcome in one line.
func (o Outcome) String() string {
	parts := []string{strings.ToUpper(o.Value.String())}
	for _, id := range o.Violated {
		parts = append(parts, string(id))
	}
	return strings.Join(parts, " ")
}

// certificate returns the events at positions (none is left out), in order, each once.
func certificate(h *history.History, positions ...int32) []history.Event {
	at := slices.Clone(positions)
	slices.Sort(at)
	var out []history.Event
	for _, p := range slices.Compact(at) {
		if p != none {
			out = append(out, h.Events[p])
		}
	}
	return out
}
