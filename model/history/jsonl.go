package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Writer writes a history as JSON lines.
type Writer struct {
	w    *bufio.Writer
	line []byte
}

// NewWriter writes the header to w. Close flushes; w is the caller's to close.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	h.Schema = Schema
	b := bufio.NewWriterSize(w, 1<<16)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	return &Writer{w: b}, enc.Encode(h)
}

// Write appends one event.
func (w *Writer) Write(e *Event) error {
	w.line = append(e.AppendJSON(w.line[:0]), '\n')
	_, err := w.w.Write(w.line)
	return err
}

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
// line cut short, an index that does not grow, a completion without its invocation; or what the
// reader itself returned. With an error after the header comes what was read before it.
func ReadAll(r io.Reader) (*History, error) {
	lr := lineReader{br: bufio.NewReaderSize(r, 1<<20)}
	text, err := lr.next()
	if err == io.EOF {
		return nil, &SyntaxError{1, "empty file: a history begins with its header"}
	}
	if err != nil {
		return nil, err
	}
	h := &History{}
	if err := decodeHeader(text, &h.Header); err != nil {
		return nil, &SyntaxError{1, err.Error()}
	}
	var d decoder
	var ops openOps
	for {
		text, err := lr.next()
		if err == io.EOF {
			return h, nil
		}
		if err != nil {
			return h, err
		}
		if len(h.Events) == cap(h.Events) { // append alone would copy a long history often
			h.Events = slices.Grow(h.Events, len(h.Events)+1024)
		}
		h.Events = append(h.Events, Event{})
		e := &h.Events[len(h.Events)-1]
		err = d.decode(text, e)
		if n := len(h.Events) - 1; err == nil && n > 0 && e.Index <= h.Events[n-1].Index {
			err = fmt.Errorf("index %d follows index %d: indexes must grow", e.Index, h.Events[n-1].Index)
		}
		if err == nil {
			err = ops.check(e)
		}
		if err != nil {
			h.Events = h.Events[:len(h.Events)-1]
			return h, &SyntaxError{lr.line, err.Error()}
		}
	}
}

// lineReader returns lines with their ends. A line is valid until the next one.
type lineReader struct {
	br   *bufio.Reader
	line int
	long []byte
}

// next returns io.EOF after the last line, and a *SyntaxError if that line has no end.
func (l *lineReader) next() ([]byte, error) {
	l.line++
	l.long = l.long[:0]
	for {
		part, err := l.br.ReadSlice('\n')
		switch {
		case err == nil && len(l.long) == 0:
			return part, nil
		case err == nil:
			l.long = append(l.long, part...)
			return l.long, nil
		case errors.Is(err, bufio.ErrBufferFull):
			l.long = append(l.long, part...)
		case err != io.EOF:
			return nil, err
		case len(part)+len(l.long) > 0:
			return nil, &SyntaxError{l.line, "the line has no end: the file was cut short"}
		default:
			return nil, io.EOF
		}
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

// opState is what became of an operation number.
type opState uint8

const (
	unused opState = iota
	invoked
	completed
)

// openOps holds that each operation is invoked once and completed at most once after that.
type openOps struct {
	dense []opState // numbers mostly grow by one
	wild  map[uint64]opState
}

func (o *openOps) state(op uint64) opState {
	if op < uint64(len(o.dense)) && o.dense[op] != unused {
		return o.dense[op]
	}
	return o.wild[op]
}

func (o *openOps) set(op uint64, s opState) {
	if op >= uint64(2*len(o.dense)+1024) {
		if o.wild == nil {
			o.wild = map[uint64]opState{}
		}
		o.wild[op] = s
		return
	}
	for uint64(len(o.dense)) <= op {
		o.dense = append(o.dense, unused)
	}
	o.dense[op] = s
}

func (o *openOps) check(e *Event) error {
	switch e.Kind {
	case Invoke:
		if e.Op == 0 || o.state(e.Op) != unused {
			return fmt.Errorf("operation %d is invoked twice, or has no number", e.Op)
		}
		o.set(e.Op, invoked)
	case OK, Fail, Info:
		if o.state(e.Op) != invoked {
			return fmt.Errorf("operation %d completes without being open", e.Op)
		}
		o.set(e.Op, completed)
	}
	return nil
}
