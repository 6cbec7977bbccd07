package study

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// assignment is a worker's first line; each further one is the number of a cell.
type assignment struct {
	Study   string  `json:"study"`
	Options Options `json:"options"`
}

// reply is a worker's answer to one cell.
type reply struct {
	Output
	Error string `json:"error,omitempty"`
}

// Worker runs cells whose numbers it reads from in, and answers each by a line on out. Which study's, the first line says.
func Worker(find Finder, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	if !lines.Scan() {
		return fmt.Errorf("worker: no study came in: %w", io.ErrUnexpectedEOF)
	}
	var a assignment
	if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	s, ok := find(a.Study)
	if !ok {
		return fmt.Errorf("worker: no study is called %q", a.Study)
	}
	c := s.cells(&a.Options)
	enc := json.NewEncoder(out)
	for lines.Scan() {
		var n int
		if _, err := fmt.Sscan(lines.Text(), &n); err != nil || n < 0 || n >= c.count() {
			return fmt.Errorf("worker: cell %q is none of %d", lines.Text(), c.count())
		}
		var r reply
		var err error
		if r.Output, err = c.run(n); err != nil {
			r.Error = err.Error()
		}
		if err := enc.Encode(&r); err != nil {
			return err
		}
	}
	return lines.Err()
}
