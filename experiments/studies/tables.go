package studies

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/figures"
)

// Output gathers the rows that one cell adds to each table.
type Output struct {
	// Rows of each table, by its name.
	Rows map[string][][]string `json:"rows"`
	// Events of the worlds that the cell ran.
	Events uint64 `json:"events"`
}

// Add adds a row to a table: strings, integers or anything that prints as one word. Floats are refused: what a table holds is exact.
func (o *Output) Add(table string, values ...any) {
	if o.Rows == nil {
		o.Rows = map[string][][]string{}
	}
	row := make([]string, len(values))
	for i, v := range values {
		switch v.(type) {
		case float32, float64:
			panic(fmt.Sprintf("table %s, column %d: a float", table, i))
		}
		row[i] = fmt.Sprint(v)
	}
	o.Rows[table] = append(o.Rows[table], row)
}

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

// Rows are rows with their columns.
type Rows struct {
	Columns []string
	rows    [][]string
}

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

// write writes the table as CSV.
func (r *Rows) write(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(r.Columns); err != nil {
		return err
	}
	return c.WriteAll(r.rows) // flushes
}

// readRows reads what write wrote.
func readRows(in io.Reader) (*Rows, error) {
	all, err := csv.NewReader(in).ReadAll()
	if err != nil || len(all) == 0 {
		return nil, fmt.Errorf("a table without a header: %w", err)
	}
	return &Rows{Columns: all[0], rows: all[1:]}, nil
}

// ordered are points by X.
func ordered(points map[int64]figures.XY) []figures.XY {
	out := slices.Collect(maps.Values(points))
	slices.SortFunc(out, func(a, b figures.XY) int { return cmp.Compare(a.X, b.X) })
	return out
}
