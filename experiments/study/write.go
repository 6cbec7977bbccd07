package study

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/model/spec"
)

// clear makes the directory, without what an earlier run of a study left there.
func clear(d rundir.Dir) error {
	if err := os.MkdirAll(string(d), 0o777); err != nil {
		return err
	}
	for _, pattern := range [...]string{DocFile, TimeFile, "*.csv", "*.svg", "*.png"} {
		found, err := filepath.Glob(d.Path(pattern))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes tables, what they show, and the document.
func write(d rundir.Dir, t *Tables, doc *Doc) error {
	hash := sha256.New()
	for _, table := range t.Study.Tables {
		rows := t.Of(table.Name)
		file := table.Name + ".csv"
		if err := d.Write(file, func(w io.Writer) error { return rows.WriteCSV(io.MultiWriter(w, hash)) }); err != nil {
			return err
		}
		doc.Files = append(doc.Files, file)
	}
	doc.Schema, doc.Name, doc.Question, doc.Vary = schema, t.Study.Name, t.Study.Question, t.Study.Vary
	doc.Options, doc.Command, doc.Build = t.Options, t.Command, rundir.ThisBuild()
	doc.Trace = hex.EncodeToString(hash.Sum(nil)[:16])
	return conclude(d, t, doc)
}

// conclude draws figures and checks what was expected.
func conclude(d rundir.Dir, t *Tables, doc *Doc) error {
	found, err := t.Study.Conclude(t)
	if err != nil {
		return fmt.Errorf("study %s: %w", t.Study.Name, err)
	}
	doc.Figures = nil
	for _, f := range found.Figures {
		if err := writeFigure(d, f); err != nil {
			return err
		}
		doc.Figures = append(doc.Figures, FigureDoc{f.Name, f.Title, f.Caption})
	}
	doc.Checks, doc.Paragraphs, doc.Tables, doc.Answers = found.Checks, found.Paragraphs, found.Tables, found.Answers
	doc.Verdict = spec.Holds
	for _, c := range found.Checks {
		if !c.Holds {
			doc.Verdict = spec.Violated
		}
	}
	return d.WriteJSON(DocFile, doc)
}

func writeFigure(d rundir.Dir, f figures.Figure) error {
	if err := d.WriteBytes(f.Name+".svg", f.SVG); err != nil {
		return err
	}
	return d.WriteBytes(f.Name+".png", f.PNG)
}

// Redraw makes figures and conclusions of a study's directory again, from its tables.
func Redraw(find Finder, path string) (*Doc, error) {
	d := rundir.Dir(path)
	text, err := d.Read(DocFile)
	if err != nil {
		return nil, err
	}
	doc := &Doc{}
	if err := json.Unmarshal(text, doc); err != nil {
		return nil, fmt.Errorf("%s: %w", d.Path(DocFile), err)
	}
	s, ok := find(doc.Name)
	if !ok {
		return nil, fmt.Errorf("%s: no study is called %q", d.Path(DocFile), doc.Name)
	}
	t := &Tables{Study: s, Options: doc.Options, Command: doc.Command, data: map[string]*Rows{}}
	for _, table := range s.Tables {
		f, err := os.Open(d.Path(table.Name + ".csv"))
		if err != nil {
			return nil, err
		}
		rows, err := readRows(f)
		if err := f.Close(); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		t.data[table.Name] = rows
	}
	return doc, conclude(d, t, doc)
}
