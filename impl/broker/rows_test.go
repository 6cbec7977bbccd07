package broker

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/brokerlab/brokerlab/model/machine"
)

var stepTable = flag.String("step-table", "", "file that BenchmarkStep writes its table to")

// stepRow is what one kind of input takes, a run of its benchmark: steps and their work, time and allocations.
type stepRow struct {
	name              string
	ns, bytes, allocs float64
	steps             float64
	count, size       [machine.WorkKinds]float64
}

func (row *stepRow) report(b *testing.B) {
	b.ReportMetric(row.ns, "ns/op")
	b.ReportMetric(row.bytes, "B/op")
	b.ReportMetric(row.allocs, "allocs/op")
	b.ReportMetric(row.steps, "steps/op")
	for k := range row.count {
		kind := machine.WorkKind(k).String()
		if row.count[k] > 0 {
			b.ReportMetric(row.count[k], "work-"+kind+"/op")
		}
		if row.size[k] > 0 {
			b.ReportMetric(row.size[k], "work-"+kind+"-B/op")
		}
	}
	row.name = strings.TrimPrefix(b.Name(), "BenchmarkStep/")
	for i := range stepRows {
		if have := &stepRows[i]; have.name == row.name {
			if row.ns < have.ns { // of several measurements the one that was disturbed least
				*have = *row
			}
			return
		}
	}
	stepRows = append(stepRows, *row)
}

var stepRows []stepRow

func writeStepTable(b *testing.B) {
	if *stepTable == "" {
		return
	}
	f, err := os.Create(*stepTable)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	printSteps(f, stepRows)
}

// printSteps prints the rows, the constants that explain them best, and how well: "fit" is the time by the constants.
func printSteps(to io.Writer, rows []stepRow) {
	times, allocs := fitSteps(rows, func(r *stepRow) float64 { return r.ns }), fitSteps(rows, func(r *stepRow) float64 { return r.bytes })
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "input\tsteps\tns\tfit ns\tB\tfit B\tallocs\twork: units, bytes")
	for i := range rows {
		r := &rows[i]
		fmt.Fprintf(w, "%s\t%.4g\t%.0f\t%.0f\t%.0f\t%.0f\t%.4g\t", r.name, r.steps, r.ns, times.of(r), r.bytes, allocs.of(r), r.allocs)
		for k := range r.count {
			if r.count[k]+r.size[k] > 0 {
				fmt.Fprintf(w, "%s %.4g", machine.WorkKind(k), r.count[k])
				if r.size[k] > 0 {
					fmt.Fprintf(w, ", %.0f", r.size[k])
				}
				fmt.Fprint(w, "; ")
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "\nwork\tns a unit\tps a byte\tB a unit\tB for 1024")
	line := func(name string, unit, byte int) {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.0f\n", name, times[unit], times[byte]*1000, allocs[unit], allocs[byte]*1024)
	}
	line("step", stepColumn, noColumn)
	for k := range machine.WorkKinds {
		line(k.String(), 2*int(k), 2*int(k)+1)
	}
	w.Flush()
}

const (
	stepColumn = 2 * int(machine.WorkKinds)
	noColumn   = stepColumn + 1
)

// constants are of a unit and a byte of each kind of work, of a step, and 0.
type constants [noColumn + 1]float64

func (row *stepRow) column(i int) float64 {
	switch {
	case i == stepColumn:
		return row.steps
	case i%2 == 0:
		return row.count[i/2]
	}
	return row.size[i/2]
}

func (c *constants) of(row *stepRow) (sum float64) {
	for i := range noColumn {
		sum += c[i] * row.column(i)
	}
	return sum
}

// fitSteps finds the constants, none negative, with the least squares of relative errors, by descending along one
// coordinate after the other: the problem is convex.
func fitSteps(rows []stepRow, of func(*stepRow) float64) (c constants) {
	for range 20_000 {
		for i := range noColumn {
			var slope, curve float64
			for k := range rows {
				row := &rows[k]
				x, y := row.column(i), of(row)+1
				slope += x * (y - c.of(row)) / (y * y)
				curve += x * x / (y * y)
			}
			if curve > 0 {
				c[i] = max(0, c[i]+slope/curve)
			}
		}
	}
	return c
}

func TestTheFitFindsTheConstantsThatMadeTheRows(t *testing.T) {
	var want constants
	want[2*machine.WorkParse], want[2*machine.WorkParse+1], want[stepColumn] = 30, 2, 100
	var rows []stepRow
	for i := range 6 {
		row := stepRow{steps: float64(1 + i%2)}
		row.count[machine.WorkParse], row.size[machine.WorkParse] = float64(i), float64(i*i*10)
		row.ns = want.of(&row) - 1
		rows = append(rows, row)
	}
	got := fitSteps(rows, func(r *stepRow) float64 { return r.ns })
	for i := range want {
		if d := got[i] - want[i]; d > 0.5 || d < -0.5 {
			t.Errorf("constant %d is %.2f, not %.2f", i, got[i], want[i])
		}
	}
}
