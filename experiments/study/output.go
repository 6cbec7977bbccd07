package study

import (
	"fmt"
)

// Table is a CSV file: its name, and its columns with their units in the names.
type Table struct {
	Name    string
	Columns []string
}

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

// Bit is how tables hold what is or is not: 1 or 0.
func Bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
