package study

import (
	"fmt"

	"github.com/brokerlab/brokerlab/experiments/figures"
)

// Conclusion is what a study shows.
type Conclusion struct {
	// Paragraphs say what was found, in sentences with figures from the tables.
	Paragraphs []string
	Figures    []figures.Figure
	Tables     []TextTable
	Checks     []Check
	// Answers are what the study has to say to claims of the essay, by the claim's id (experiments/studies lists these).
	Answers map[string]string
}

// Say adds a paragraph.
func (c *Conclusion) Say(format string, args ...any) {
	c.Paragraphs = append(c.Paragraphs, fmt.Sprintf(format, args...))
}

// Expect adds a check; what was found is a format with its numbers.
func (c *Conclusion) Expect(name, expected string, holds bool, found string, args ...any) {
	c.Checks = append(c.Checks, Check{name, expected, holds, fmt.Sprintf(found, args...)})
}

// Draw adds figures.
func (c *Conclusion) Draw(t *Tables, draw ...func(*Tables) (figures.Figure, error)) error {
	for _, d := range draw {
		f, err := d(t)
		if err != nil {
			return err
		}
		c.Figures = append(c.Figures, f)
	}
	return nil
}

// TextTable is a small table for readers.
type TextTable struct {
	Title string     `json:"title"`
	Head  []string   `json:"head"`
	Rows  [][]string `json:"rows"`
}

// Check is an expectation.
type Check struct {
	Name     string `json:"name"`     // as-kebab-case
	Expected string `json:"expected"` // the sentence that is to hold
	Holds    bool   `json:"holds"`
	Found    string `json:"found"` // what was found, with its numbers
}
