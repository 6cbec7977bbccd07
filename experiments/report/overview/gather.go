package overview

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/studies"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// found is what a directory holds.
type found struct {
	root    string
	studies []foundStudy
	judged  []foundRange
	// ran is all.json; nil if there is none.
	ran []studies.Ran
}

// foundStudy is a study's directory: dir is relative to the root, with slashes, "." if it is the root.
type foundStudy struct {
	dir  string
	doc  *study.Doc
	time *study.Time // nil if it is missing
}

// foundRange is a range of seeds of one experiment.
type foundRange struct {
	dir string
	sum *experiments.Summary
}

// deepest bounds how far below the root is looked: OUT/PROFILE/NAME.
const deepest = 3

// Of says whether a directory is one that Write makes a page of: it has all.json, a study or a range of seeds, and is no run.
func Of(root string) bool {
	if _, err := os.Stat(filepath.Join(root, rundir.ManifestFile)); err == nil {
		return false
	}
	if _, err := os.Stat(filepath.Join(root, studies.AllFile)); err == nil {
		return true
	}
	dirs, ranges, err := walk(root)
	return err == nil && len(dirs)+len(ranges) > 0
}

// walk lists directories of studies and of ranges of seeds.
func walk(root string) (studyDirs, rangeDirs []string, err error) {
	has := func(dir, name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case has(path, study.DocFile):
			studyDirs = append(studyDirs, rel)
		case has(path, experiments.SummaryFile):
			rangeDirs = append(rangeDirs, rel)
		case !has(path, rundir.ManifestFile) && strings.Count(rel, "/")+1 < deepest:
			return nil
		}
		return fs.SkipDir
	})
	return studyDirs, rangeDirs, err
}

// gather reads everything; the error lists every file that cannot be read.
func gather(root string) (*found, error) {
	studyDirs, rangeDirs, err := walk(root)
	if err != nil {
		return nil, err
	}
	f := &found{root: root}
	var faults []error
	read := func(name string, into any) (there bool) {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			return false
		}
		if err == nil {
			err = rundir.Strict(text, into)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", filepath.Join(root, filepath.FromSlash(name)), err))
		}
		return err == nil
	}
	for _, dir := range studyDirs {
		s := foundStudy{dir: dir, doc: &study.Doc{}, time: &study.Time{}}
		if !read(dir+"/"+study.DocFile, s.doc) {
			continue
		}
		if !read(dir+"/"+study.TimeFile, s.time) {
			s.time = nil
		}
		f.studies = append(f.studies, s)
	}
	for _, dir := range rangeDirs {
		r := foundRange{dir, &experiments.Summary{}}
		if read(dir+"/"+experiments.SummaryFile, r.sum) {
			f.judged = append(f.judged, r)
		}
	}
	read(studies.AllFile, &f.ran)
	slices.SortStableFunc(f.judged, func(a, b foundRange) int {
		return cmp.Or(cmp.Compare(a.sum.Name, b.sum.Name), strings.Count(a.dir, "/")-strings.Count(b.dir, "/"), cmp.Compare(a.dir, b.dir))
	})
	return f, errors.Join(faults...)
}

// redraw makes figures and conclusions again, from the tables.
func (f *found) redraw() (err error) {
	for i := range f.studies {
		s := &f.studies[i]
		if s.doc, err = study.Redraw(studies.Find, filepath.Join(f.root, filepath.FromSlash(s.dir))); err != nil {
			return err
		}
	}
	return nil
}
