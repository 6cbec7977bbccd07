package study

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/brokerlab/brokerlab/experiments/rundir"
)

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
	outputs, err := r.here(c, func(int) bool { return true })
	if err != nil {
		return nil, err
	}
	return r.finish(c, outputs, began)
}

// Try runs some of the cells in this process and returns the tables that they make, in memory alone.
func (r *Runner) Try(chosen func(cell int) bool) (*Tables, error) {
	outputs, err := r.here(r.Study.cells(&r.Options), chosen)
	if err != nil {
		return nil, err
	}
	return r.gather(outputs)
}

func (r *Runner) here(c cells, chosen func(cell int) bool) ([]Output, error) {
	outputs := make([]Output, c.count())
	for n := range outputs {
		if !chosen(n) {
			continue
		}
		var err error
		if outputs[n], err = c.run(n); err != nil {
			return nil, fmt.Errorf("study %s, cell %d: %w", r.Study.Name, n, err)
		}
	}
	return outputs, nil
}

// gather makes tables of what cells added, and sees to it that each row has its table's columns.
func (r *Runner) gather(outputs []Output) (*Tables, error) {
	t := &Tables{Study: r.Study, Options: r.Options, Command: r.command(), data: map[string]*Rows{}}
	for _, table := range r.Study.Tables {
		rows := &Rows{Columns: table.Columns}
		for i := range outputs {
			rows.rows = append(rows.rows, outputs[i].Rows[table.Name]...)
		}
		for i, row := range rows.rows {
			if len(row) != len(table.Columns) {
				return nil, fmt.Errorf("table %s, row %d has %d columns, want %d: %v", table.Name, i, len(row), len(table.Columns), row)
			}
		}
		t.data[table.Name] = rows
	}
	return t, nil
}

// command is the command line that repeats the study.
func (r *Runner) command() string {
	words := []string{"brokerlab run", r.Study.Name, "--size", string(r.Options.Size), "--hardware", r.Options.Hardware}
	if r.Options.To != 0 {
		words = append(words, "--seeds", fmt.Sprintf("%d-%d", r.Options.From, r.Options.To))
	}
	return strings.Join(words, " ")
}

// finish writes the directory.
func (r *Runner) finish(c cells, outputs []Output, began time.Time) (*Doc, error) {
	t, err := r.gather(outputs)
	if err != nil {
		return nil, err
	}
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
