package studies

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/experiments/figures"
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

// Runner runs a study and writes its directory, Out/NAME.
type Runner struct {
	Study   Study
	Options Options
	Out     string
	Workers int
	// Command starts a worker process.
	Command []string
	// Progress is told after each cell; may be nil.
	Progress func(done, total int)
}

// Dir is the study's directory.
func (r *Runner) Dir() rundir.Dir { return rundir.Dir(filepath.Join(r.Out, r.Study.Name)) }

// Run runs every cell, writes tables and figures, and says what they show.
func (r *Runner) Run(ctx context.Context) (*Doc, error) {
	if err := r.Options.Check(); err != nil {
		return nil, err
	}
	began := time.Now()
	c := r.Study.cells(&r.Options)
	p := pool{command: r.Command, workers: r.Workers, progress: r.Progress}
	outputs, err := p.run(ctx, assignment{r.Study.Name, r.Options}, c.count())
	if err != nil {
		return nil, err
	}
	return r.finish(c, outputs, began)
}

// RunHere is Run in this process alone, one cell after the other: for grids of a few small cells.
func (r *Runner) RunHere() (*Doc, error) {
	if err := r.Options.Check(); err != nil {
		return nil, err
	}
	began := time.Now()
	c := r.Study.cells(&r.Options)
	outputs := make([]Output, c.count())
	for n := range outputs {
		var err error
		if outputs[n], err = c.run(n); err != nil {
			return nil, fmt.Errorf("study %s, cell %d: %w", r.Study.Name, n, err)
		}
	}
	return r.finish(c, outputs, began)
}

// finish writes the directory.
func (r *Runner) finish(c cells, outputs []Output, began time.Time) (*Doc, error) {
	t := r.gather(outputs)
	d := r.Dir()
	if err := clear(d); err != nil {
		return nil, err
	}
	doc := &Doc{Cells: c.count(), Seeds: c.seeds()}
	for i := range outputs {
		doc.Events += outputs[i].Events
	}
	if err := write(d, t, doc); err != nil {
		return nil, err
	}
	took := Time{Seconds: float64(time.Since(began).Milliseconds()) / 1000, Workers: r.Workers}
	return doc, d.WriteJSON(TimeFile, took)
}

// clear makes the directory, without what an earlier run of a study left there.
func clear(d rundir.Dir) error {
	if err := os.MkdirAll(string(d), 0o777); err != nil {
		return err
	}
	for _, pattern := range [...]string{DocFile, TimeFile, "*.csv", "*.svg", "*.png"} {
		found, err := filepath.Glob(d.Path(pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Runner) gather(outputs []Output) *Tables {
	t := &Tables{Study: r.Study, Options: r.Options, Command: r.command(), data: map[string]*Rows{}}
	for _, table := range r.Study.Tables {
		rows := &Rows{Columns: table.Columns}
		for i := range outputs {
			rows.rows = append(rows.rows, outputs[i].Rows[table.Name]...)
		}
		t.data[table.Name] = rows
	}
	return t
}

// command is the command line that repeats the study.
func (r *Runner) command() string {
	words := []string{"brokerlab run", r.Study.Name, "--size", string(r.Options.Size), "--hardware", r.Options.Hardware}
	if r.Options.To != 0 {
		words = append(words, "--seeds", fmt.Sprintf("%d-%d", r.Options.From, r.Options.To))
	}
	return strings.Join(words, " ")
}

// write writes tables, what they show, and the document.
func write(d rundir.Dir, t *Tables, doc *Doc) error {
	hash := sha256.New()
	for _, table := range t.Study.Tables {
		rows := t.Of(table.Name)
		for i, row := range rows.rows {
			if len(row) != len(table.Columns) {
				return fmt.Errorf("table %s, row %d has %d columns, want %d: %v", table.Name, i, len(row), len(table.Columns), row)
			}
		}
		file := table.Name + ".csv"
		if err := d.Write(file, func(w io.Writer) error { return rows.write(io.MultiWriter(w, hash)) }); err != nil {
			return err
		}
		doc.Files = append(doc.Files, file)
	}
	doc.Schema, doc.Name, doc.Question, doc.Vary = schema, t.Study.Name, t.Study.Question, t.Study.Vary
	doc.Options, doc.Command, doc.Build = t.Options, t.Command, rundir.ThisBuild()
	doc.Trace = hex.EncodeToString(hash.Sum(nil)[:16])
	return conclude(d, t, doc)
}

// conclude draws figures and checks what was expected.
func conclude(d rundir.Dir, t *Tables, doc *Doc) error {
	found, err := t.Study.Conclude(t)
	if err != nil {
		return fmt.Errorf("study %s: %w", t.Study.Name, err)
	}
	doc.Figures = nil
	for _, f := range found.Figures {
		if err := writeFigure(d, f); err != nil {
			return err
		}
		doc.Figures = append(doc.Figures, FigureDoc{f.Name, f.Title, f.Caption})
	}
	doc.Checks, doc.Paragraphs, doc.Tables, doc.Answers = found.Checks, found.Paragraphs, found.Tables, found.Answers
	doc.Verdict = spec.Holds
	for _, c := range found.Checks {
		if !c.Holds {
			doc.Verdict = spec.Violated
		}
	}
	return d.WriteJSON(DocFile, doc)
}

func writeFigure(d rundir.Dir, f figures.Figure) error {
	if err := d.WriteBytes(f.Name+".svg", f.SVG); err != nil {
		return err
	}
	return d.WriteBytes(f.Name+".png", f.PNG)
}

// Redraw makes figures and conclusions of a study's directory again, from its tables.
func Redraw(path string) (*Doc, error) {
	d := rundir.Dir(path)
	text, err := d.Read(DocFile)
	if err != nil {
		return nil, err
	}
	doc := &Doc{}
	if err := json.Unmarshal(text, doc); err != nil {
		return nil, fmt.Errorf("%s: %w", d.Path(DocFile), err)
	}
	s, ok := Find(doc.Name)
	if !ok {
		return nil, fmt.Errorf("%s: no study is called %q", d.Path(DocFile), doc.Name)
	}
	t := &Tables{Study: s, Options: doc.Options, Command: doc.Command, data: map[string]*Rows{}}
	for _, table := range s.Tables {
		f, err := os.Open(d.Path(table.Name + ".csv"))
		if err != nil {
			return nil, err
		}
		rows, err := readRows(f)
		if err := f.Close(); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		t.data[table.Name] = rows
	}
	return doc, conclude(d, t, doc)
}
