package rundir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Names of the files in a run directory.
const (
	ManifestFile = "manifest.json"
	PlanFile     = "plan.txt"
	HistoryFile  = "history.jsonl"
	MetricsFile  = "metrics.csv"
	LossesFile   = "losses.csv"
	VerdictFile  = "verdict.json"
	ReportFile   = "report.html"
	PictureFile  = "linearizability.html"
	TraceFile    = "trace.txt.zst"
)

// Dir is a run directory.
type Dir string

// IncompleteError says that a directory is not a complete run: what is missing or cut short.
type IncompleteError struct {
	Dir string
	Why string
}

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%s is not a complete run directory: %s", e.Dir, e.Why)
}

// Open reads the manifest of a run directory. A directory that holds none, or one that was cut
// short, is an *IncompleteError.
func Open(path string) (Dir, *Manifest, error) {
	d := Dir(path)
	if info, err := os.Stat(path); err != nil {
		return "", nil, fmt.Errorf("run directory: %w", err)
	} else if !info.IsDir() {
		return "", nil, &IncompleteError{path, "it is a file; give the directory that holds " + ManifestFile}
	}
	text, err := d.Read(ManifestFile)
	if err != nil {
		return "", nil, err
	}
	m := &Manifest{}
	if err := Strict(text, m); err != nil {
		return "", nil, &IncompleteError{path, fmt.Sprintf("%s: %v", ManifestFile, err)}
	}
	if m.Schema != Schema {
		return "", nil, &IncompleteError{path, fmt.Sprintf("%s: schema %q is not %q", ManifestFile, m.Schema, Schema)}
	}
	return d, m, nil
}

// Path is the path of a file of the directory.
func (d Dir) Path(name string) string { return filepath.Join(string(d), name) }

// Read returns a file that a complete run has; its absence is an *IncompleteError.
func (d Dir) Read(name string) ([]byte, error) {
	text, err := os.ReadFile(d.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &IncompleteError{string(d), name + " is missing"}
	}
	return text, err
}

// Clear makes the directory, empty of the files that a run writes.
func (d Dir) Clear() error {
	if err := os.MkdirAll(string(d), 0o755); err != nil {
		return err
	}
	own := []string{ManifestFile, PlanFile, HistoryFile, MetricsFile, LossesFile, VerdictFile, ReportFile, PictureFile, TraceFile}
	for _, pattern := range [...]string{"*.svg", "*.png"} {
		found, err := filepath.Glob(d.Path(pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			own = append(own, filepath.Base(path))
		}
	}
	return d.remove(own)
}

// Slim removes all but the manifest, the plan and the verdict.
func (d Dir) Slim() error {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		switch e.Name() {
		case ManifestFile, PlanFile, VerdictFile:
		default:
			names = append(names, e.Name())
		}
	}
	return d.remove(names)
}

func (d Dir) remove(names []string) error {
	for _, name := range names {
		if err := os.Remove(d.Path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Write puts a file in place whole: it is never seen half written under its name.
func (d Dir) Write(name string, write func(io.Writer) error) error {
	path := d.Path(name)
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	err = write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", path, err), os.Remove(path+".part"))
	}
	return os.Rename(path+".part", path)
}

// WriteBytes is Write of bytes.
func (d Dir) WriteBytes(name string, text []byte) error {
	return d.Write(name, func(w io.Writer) error { _, err := w.Write(text); return err })
}

// WriteJSON is Write of a value, indented.
func (d Dir) WriteJSON(name string, v any) error {
	return d.Write(name, func(w io.Writer) error { return encode(w, v) })
}

// encode writes JSON as people read it: an arrow in a plan stays an arrow.
func encode(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// WriteManifest completes the directory.
func (d Dir) WriteManifest(m *Manifest) error {
	m.Schema = Schema
	return d.WriteJSON(ManifestFile, m)
}

// Strict decodes JSON and refuses unknown fields and anything after the value. Errors say the line and column.
func Strict(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err := dec.Decode(v)
	if err == nil {
		if _, err = dec.Token(); err == io.EOF {
			return nil
		}
		return fmt.Errorf("%s: there is more after the value", position(text, dec.InputOffset()))
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: the text ends too early", position(text, int64(len(text))))
	case errors.As(err, &syntax):
		return fmt.Errorf("%s: %s", position(text, syntax.Offset), err)
	case errors.As(err, &kind):
		return fmt.Errorf("%s: %s: want %s, got %s", position(text, kind.Offset), kind.Field, kind.Type, kind.Value)
	}
	var field string
	if n, _ := fmt.Sscanf(err.Error(), "json: unknown field %q", &field); n == 1 {
		at := bytes.Index(text, []byte(`"`+field+`"`))
		return fmt.Errorf("%s: unknown field %q", position(text, int64(max(at, 0))+1), field)
	}
	return fmt.Errorf("%s: %w", position(text, dec.InputOffset()), err)
}

// position is an offset as people look for it.
func position(text []byte, offset int64) string {
	before := text[:min(max(offset, 0), int64(len(text)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	return fmt.Sprintf("line %d, column %d", line, max(column, 1))
}
