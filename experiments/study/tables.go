package study

import (
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/stats"
)

// Tables are the tables of a study, by name.
type Tables struct {
	Study   Study
	Options Options
	// Command repeats the study.
	Command string
	data    map[string]*Rows
}

// Of is a table; one that the study does not declare is a fault of the program.
func (t *Tables) Of(name string) *Rows {
	r := t.data[name]
	if r == nil {
		panic("study " + t.Study.Name + " has no table " + name)
	}
	return r
}

// With are the tables with another in the place of one: for whoever makes up what a study is to conclude from.
func (t *Tables) With(name string, rows *Rows) *Tables {
	data := maps.Clone(t.data)
	if data == nil {
		data = map[string]*Rows{}
	}
	data[name] = rows
	return &Tables{Study: t.Study, Options: t.Options, Command: t.Command, data: data}
}

// Rows are rows with their columns.
type Rows struct {
	Columns []string
	rows    [][]string
}

// NewRows is a table of rows.
func NewRows(columns []string, rows ...[]string) *Rows { return &Rows{columns, rows} }

// Len is the number of rows.
func (r *Rows) Len() int { return len(r.rows) }

// Text is a cell of row i.
func (r *Rows) Text(i int, column string) string { return r.rows[i][r.column(column)] }

// Int is a cell that holds a whole number.
func (r *Rows) Int(i int, column string) int64 {
	v, err := strconv.ParseInt(r.Text(i, column), 10, 64)
	if err != nil {
		panic(fmt.Sprintf("column %s, row %d: %v", column, i, err))
	}
	return v
}

func (r *Rows) column(name string) int {
	i := slices.Index(r.Columns, name)
	if i < 0 {
		panic(fmt.Sprintf("no column %s among %v", name, r.Columns))
	}
	return i
}

// Where keeps the rows in which each column has its value: Where("design", "kafka", "rate", "1000").
func (r *Rows) Where(pairs ...string) *Rows {
	out := &Rows{Columns: r.Columns}
	for _, row := range r.rows {
		keep := true
		for i := 0; i < len(pairs); i += 2 {
			keep = keep && row[r.column(pairs[i])] == pairs[i+1]
		}
		if keep {
			out.rows = append(out.rows, row)
		}
	}
	return out
}

// Values are the different values of a column, in the order of their first row.
func (r *Rows) Values(column string) (out []string) {
	at := r.column(column)
	for _, row := range r.rows {
		if !slices.Contains(out, row[at]) {
			out = append(out, row[at])
		}
	}
	return out
}

// Ints are the values of a column of whole numbers, in the order of the rows.
func (r *Rows) Ints(column string) (out []int64) {
	for i := range r.rows {
		out = append(out, r.Int(i, column))
	}
	return out
}

// Sum adds up a column.
func (r *Rows) Sum(column string) (sum int64) {
	for i := range r.rows {
		sum += r.Int(i, column)
	}
	return sum
}

// Most is the largest value of a column whose values are not below 0; 0 without rows.
func (r *Rows) Most(column string) (most int64) {
	for i := range r.rows {
		most = max(most, r.Int(i, column))
	}
	return most
}

// Median is the median over the rows of a column; for its interval see stats.Median.
func (r *Rows) Median(column string) float64 { return stats.Median(r.Ints(column)).Value }

// Medians has a point for each value of the column x, in order of the rows: the median over seeds of the column y, with its
// interval.
func (r *Rows) Medians(x, y string) (out []figures.XY) {
	for _, v := range r.Values(x) {
		e := stats.Median(r.Where(x, v).Ints(y))
		at, _ := strconv.ParseFloat(v, 64)
		out = append(out, figures.XY{X: at, Y: e.Value, Low: e.Low, High: e.High})
	}
	return out
}

// WriteCSV writes the table with its header.
func (r *Rows) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(r.Columns); err != nil {
		return err
	}
	return c.WriteAll(r.rows) // flushes
}

// readRows reads what WriteCSV wrote.
func readRows(in io.Reader) (*Rows, error) {
	all, err := csv.NewReader(in).ReadAll()
	if err != nil || len(all) == 0 {
		return nil, fmt.Errorf("a table without a header: %w", err)
	}
	return &Rows{Columns: all[0], rows: all[1:]}, nil
}
