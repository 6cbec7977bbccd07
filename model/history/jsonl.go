package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Writer writes a history as JSON lines.
type Writer struct {
	w   *bufio.Writer
	enc *json.Encoder
}

// NewWriter writes the header to w. Close flushes; w is the caller's to close.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	h.Schema = Schema
	b := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return &Writer{w: b, enc: enc}, enc.Encode(h)
}

// Write appends one event.
func (w *Writer) Write(e *Event) error { return w.enc.Encode(e) }

// Close flushes what is buffered.
func (w *Writer) Close() error { return w.w.Flush() }

// WriteAll writes a whole history.
func WriteAll(w io.Writer, h *History) error {
	hw, err := NewWriter(w, h.Header)
	if err != nil {
		return err
	}
	for i := range h.Events {
		if err := hw.Write(&h.Events[i]); err != nil {
			return err
		}
	}
	return hw.Close()
}

// SyntaxError says where a history file is not one, and why.
type SyntaxError struct {
	Line int
	Why  string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Why) }

// ReadAll reads a whole history. Errors are *SyntaxError: not JSON, an unknown field or kind, a
// line cut short, an index that does not grow, a completion without its invocation.
func ReadAll(r io.Reader) (*History, error) {
	h := &History{}
	br := bufio.NewReaderSize(r, 1<<20)
	open := map[uint64]bool{}
	for line := 1; ; line++ {
		text, err := br.ReadBytes('\n')
		if err == io.EOF && len(text) == 0 {
			if line == 1 {
				return nil, &SyntaxError{1, "empty file: a history begins with its header"}
			}
			return h, nil
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if err == io.EOF {
			return nil, &SyntaxError{line, "the line has no end: the file was cut short"}
		}
		if line == 1 {
			if err := decodeHeader(text, &h.Header); err != nil {
				return nil, &SyntaxError{line, err.Error()}
			}
			continue
		}
		var e Event
		if err := decodeEvent(text, &e); err != nil {
			return nil, &SyntaxError{line, err.Error()}
		}
		if n := len(h.Events); n > 0 && e.Index <= h.Events[n-1].Index {
			return nil, &SyntaxError{line, fmt.Sprintf("index %d follows index %d: indexes must grow", e.Index, h.Events[n-1].Index)}
		}
		if err := checkOp(open, &e); err != nil {
			return nil, &SyntaxError{line, err.Error()}
		}
		h.Events = append(h.Events, e)
	}
}

func decodeHeader(text []byte, h *Header) error {
	if err := json.Unmarshal(text, h); err != nil {
		return fmt.Errorf("the header is not JSON: %w", err)
	}
	if h.Schema != Schema {
		return fmt.Errorf("schema %q is not %q", h.Schema, Schema)
	}
	return nil
}

func decodeEvent(text []byte, e *Event) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(e); err != nil {
		return fmt.Errorf("not an event: %w", err)
	}
	switch e.Kind {
	case Invoke, OK, Fail, Info, Obs, Fault:
		return nil
	}
	return fmt.Errorf("unknown kind %q", e.Kind)
}

// checkOp holds that each operation is invoked once and completed at most once after that.
func checkOp(open map[uint64]bool, e *Event) error {
	switch e.Kind {
	case Invoke:
		if _, seen := open[e.Op]; seen || e.Op == 0 {
			return fmt.Errorf("operation %d is invoked twice, or has no number", e.Op)
		}
		open[e.Op] = true
	case OK, Fail, Info:
		if !open[e.Op] {
			return fmt.Errorf("operation %d completes without being open", e.Op)
		}
		open[e.Op] = false
	}
	return nil
}
