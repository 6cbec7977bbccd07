package study

import (
	"fmt"
	"strings"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/spec"
)

// DocFile is what a study writes last; a directory that has one is complete. TimeFile holds how long it took, which is the only
// thing about it that no seed decides.
const (
	DocFile  = "study.json"
	TimeFile = "time.json"
	schema   = "brokerlab/study/1"
)

// Doc is the form of study.json.
type Doc struct {
	Schema   string `json:"schema"`
	Name     string `json:"name"`
	Question string `json:"question"`
	Vary     string `json:"vary"`
	Options
	Cells   int    `json:"cells"`
	Seeds   int    `json:"seeds_per_point"`
	Events  uint64 `json:"world_events"`
	Command string `json:"command"`
	// Trace is a hash over all tables.
	Trace      string            `json:"trace"`
	Verdict    spec.Verdict      `json:"verdict"`
	Checks     []Check           `json:"checks"`
	Paragraphs []string          `json:"paragraphs"`
	Files      []string          `json:"tables"`
	Tables     []TextTable       `json:"text_tables,omitempty"`
	Figures    []FigureDoc       `json:"figures"`
	Answers    map[string]string `json:"answers,omitempty"`
	Build      rundir.Build      `json:"build"`
}

// FigureDoc is a figure of the study's directory: Name.svg and Name.png.
type FigureDoc struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Caption string `json:"caption"`
}

// Time is the form of time.json.
type Time struct {
	Seconds float64 `json:"wall_seconds"`
	Workers int     `json:"workers"`
}

// Exit is the exit status of a study: whether all was as expected.
func (d *Doc) Exit() int {
	if d.Verdict == spec.Violated {
		return experiments.ExitNot
	}
	return experiments.ExitExpected
}

// LastLine says what the study found: how many of its checks failed, and which.
func (d *Doc) LastLine() string {
	var failed []string
	for _, c := range d.Checks {
		if !c.Holds {
			failed = append(failed, c.Name)
		}
	}
	words := []string{
		strings.ToUpper(d.Verdict.String()), d.Name, fmt.Sprintf("seeds=%d-%d", d.First(), d.First()+rundir.Seed(d.Seeds)-1), fmt.Sprintf("violated=%d/%d", len(failed), len(d.Checks)), "trace=" + d.Trace,
	}
	return strings.Join(append(words, failed...), " ")
}
