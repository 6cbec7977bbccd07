package study

import (
	"fmt"
	"io"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/rundir"
)

// Print says what was found; the last line is the caller's to add.
func (d *Doc) Print(w io.Writer, dir rundir.Dir) {
	fmt.Fprintf(w, "%s  %s, hardware %s: %d points, %d seeds each, %d events\n%s\n\n", d.Name, d.Size, d.Hardware, d.Cells/max(d.Seeds, 1), d.Seeds, d.Events, d.Question)
	for _, p := range d.Paragraphs {
		fmt.Fprintf(w, "%s\n\n", wrap(p, 110))
	}
	for _, t := range d.Tables {
		printTable(w, &t)
	}
	for _, c := range d.Checks {
		verdict := "holds   "
		if !c.Holds {
			verdict = "VIOLATED"
		}
		fmt.Fprintf(w, "%s  %-28s %s. %s\n", verdict, c.Name, c.Expected, c.Found)
	}
	for _, f := range d.Figures {
		fmt.Fprintf(w, "figure: %s\n", dir.Path(f.Name+".svg"))
	}
	for _, f := range d.Files {
		fmt.Fprintf(w, "table:  %s\n", dir.Path(f))
	}
	fmt.Fprintln(w)
}

// wrap breaks a paragraph into lines.
func wrap(text string, width int) string {
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case at+1+len(word) > width:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}

func printTable(w io.Writer, t *TextTable) {
	widths := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	fmt.Fprintf(w, "%s\n", t.Title)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if i == 0 {
				fmt.Fprintf(w, "  %s%s", cell, pad)
			} else {
				fmt.Fprintf(w, "  %s%s", pad, cell)
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}
