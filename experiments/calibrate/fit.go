package calibrate

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Row is what one kind of input takes, from the input to the last step that follows from it: steps and their work, time and
// allocations.
type Row struct {
	Name                 string
	Nanos, Bytes, Allocs float64
	Steps                float64
	Count, Size          [machine.WorkKinds]float64
}

// Table is a design's rows and the constants that explain them best.
type Table struct {
	Design string
	Rows   []Row
	// Times and Allocs are a step's and a unit's and a byte's of each kind of work: nanoseconds, bytes allocated.
	Times, Allocs Constants
}

func newTable(design string, rows []Row) Table {
	return Table{
		Design: design, Rows: rows,
		Times:  fit(rows, func(r *Row) float64 { return r.Nanos }),
		Allocs: fit(rows, func(r *Row) float64 { return r.Bytes }),
	}
}

// Print prints the rows, "fit" being the time or the bytes by the constants, then the constants, and how well they fit.
func (t *Table) Print(to io.Writer) {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s: input\tsteps\tns\tfit ns\tB\tfit B\tallocs\twork: units, bytes\n", t.Design)
	for i := range t.Rows {
		r := &t.Rows[i]
		fmt.Fprintf(w, "%s\t%.4g\t%.0f\t%.0f\t%.0f\t%.0f\t%.4g\t", r.Name, r.Steps, r.Nanos, t.Times.of(r), r.Bytes, t.Allocs.of(r), r.Allocs)
		for k := range r.Count {
			if r.Count[k]+r.Size[k] > 0 {
				fmt.Fprintf(w, "%s %.4g", machine.WorkKind(k), r.Count[k])
				if r.Size[k] > 0 {
					fmt.Fprintf(w, ", %.0f", r.Size[k])
				}
				fmt.Fprint(w, "; ")
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	fmt.Fprintln(w)
	fmt.Fprintf(w, "%s: work\tns a unit\tps a byte\tB a unit\tB for 1024\n", t.Design)
	line := func(name string, unit, byte int) {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.0f\n", name, t.Times[unit], t.Times[byte]*1000, t.Allocs[unit], t.Allocs[byte]*1024)
	}
	line("step", stepColumn, noColumn)
	for k := range machine.WorkKinds {
		line(k.String(), unitColumn(k), byteColumn(k))
	}
	w.Flush()
	times, bytes := t.Errors()
	fmt.Fprintf(to, "half of the rows are within %d %% of their times and %d %% of their bytes\n\n", times, bytes)
}

// Errors are the medians, over the rows, of how far time and bytes by the constants are from those measured: percent.
func (t *Table) Errors() (times, bytes int64) {
	median := func(c *Constants, of func(*Row) float64) int64 {
		var errs []float64
		for i := range t.Rows {
			y := of(&t.Rows[i]) + 1
			errs = append(errs, max(c.of(&t.Rows[i])-y, y-c.of(&t.Rows[i]))/y)
		}
		slices.Sort(errs)
		return int64(errs[len(errs)/2]*100 + 0.5)
	}
	return median(&t.Times, func(r *Row) float64 { return r.Nanos }), median(&t.Allocs, func(r *Row) float64 { return r.Bytes })
}

const (
	stepColumn = 2 * int(machine.WorkKinds)
	noColumn   = stepColumn + 1
)

func unitColumn(k machine.WorkKind) int { return 2 * int(k) }
func byteColumn(k machine.WorkKind) int { return 2*int(k) + 1 }

// Constants are of a unit and a byte of each kind of work, of a step, and 0.
type Constants [noColumn + 1]float64

func (row *Row) column(i int) float64 {
	switch {
	case i == stepColumn:
		return row.Steps
	case i%2 == 0:
		return row.Count[i/2]
	}
	return row.Size[i/2]
}

func (c *Constants) of(row *Row) (sum float64) {
	for i := range noColumn {
		sum += c[i] * row.column(i)
	}
	return sum
}

// separable says whether the bytes of a kind of work vary against its units enough to tell what a byte costs: else all of the cost
// is the unit's.
func separable(rows []Row, k machine.WorkKind) bool {
	least, most := 0.0, 0.0
	for i := range rows {
		r := &rows[i]
		if r.Size[k] == 0 {
			continue
		}
		if r.Count[k] == 0 {
			return true
		}
		perUnit := r.Size[k] / r.Count[k]
		if least == 0 || perUnit < least {
			least = perUnit
		}
		most = max(most, perUnit)
	}
	return most >= 2*least
}

// fit finds the constants, none negative, with the least squares of relative errors, by descending along one coordinate after
// the other: the problem is convex.
func fit(rows []Row, of func(*Row) float64) (c Constants) {
	y, sum := make([]float64, len(rows)), make([]float64, len(rows))
	for k := range rows {
		y[k] = of(&rows[k]) + 1
	}
	var fixed [noColumn]bool
	for k := range machine.WorkKinds {
		fixed[byteColumn(k)] = !separable(rows, k)
	}
	for range 50_000 {
		for i := range noColumn {
			if fixed[i] {
				continue
			}
			var slope, curve float64
			for k := range rows {
				x := rows[k].column(i) / y[k]
				slope += x * (1 - sum[k]/y[k])
				curve += x * x
			}
			if curve == 0 {
				continue
			}
			next := max(0, c[i]+slope/curve)
			for k := range rows {
				sum[k] += (next - c[i]) * rows[k].column(i)
			}
			c[i] = next
		}
	}
	return c
}
