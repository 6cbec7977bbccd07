package overview

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/studies"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/model/spec"
)

// page is what the template shows.
type page struct {
	Sections []shownSection
	Claims   []shownClaim
	Judged   []shownExperiment
	Hardware []shownHardware
	Ran      []studies.Ran
	Gaps     []gap
	Build    rundir.Build
	Repeat   []string
	// Unread says which hardware could not be read again.
	Unread []string
}

type shownSection struct {
	ID, Title, Question string
	Studies             []shownStudy
}

// shownStudy is a study with its figures drawn into the page.
type shownStudy struct {
	*study.Doc
	Key     string // names it within the page
	Dir     string // as links have it, with a slash at its end
	Figures []shownFigure
	Time    *study.Time
}

type shownFigure struct {
	study.FigureDoc
	Key    string
	Number int
	SVG    template.HTML
}

type shownClaim struct {
	studies.Claim
	Answers []answer
}

// answer is what a study says, or how a judged experiment ended; Link is where to look.
type answer struct{ Name, Link, Text string }

// shownExperiment is an experiment with the ranges of seeds that it was judged over.
type shownExperiment struct {
	Name, Question string
	Ranges         []shownRange
}

// verdicts says in words how each range of seeds ended.
func (e *shownExperiment) verdicts() string {
	var parts []string
	for _, r := range e.Ranges {
		text := fmt.Sprintf("under profile %s on %d of %d seeds", r.Profile, r.Holds, r.Seeds)
		if r.Violated > 0 {
			text += " (broken: " + joinIDs(slices.Sorted(maps.Keys(r.Broken)), ", ") + ")"
		}
		parts = append(parts, text)
	}
	return e.Question + " All that was judged held " + strings.Join(parts, "; ") + "."
}

type shownRange struct {
	*experiments.Summary
	Command  string
	Sentence string // of the first violation
}

// newPage reads figures and puts everything in order.
func newPage(f *found) (*page, error) {
	p := &page{Gaps: gaps, Ran: f.ran, Build: rundir.ThisBuild()}
	placed := make([][]shownStudy, len(sections))
	order := slices.Clone(f.studies)
	slices.SortStableFunc(order, func(a, b foundStudy) int {
		i, m := sectionOf(a.doc.Name)
		k, n := sectionOf(b.doc.Name)
		return cmp.Or(i-k, m-n, cmp.Compare(a.doc.Name, b.doc.Name), cmp.Compare(a.dir, b.dir))
	})
	number := 0
	for _, s := range order {
		shown, err := f.show(&s, &number)
		if err != nil {
			return nil, err
		}
		at, _ := sectionOf(s.doc.Name)
		placed[at] = append(placed[at], shown)
	}
	for i, s := range sections {
		// A page about everything says what is missing; the last section has no question of its own.
		if len(placed[i]) > 0 || len(f.ran) > 0 && s.question != "" {
			p.Sections = append(p.Sections, shownSection{s.id, s.title, s.question, placed[i]})
		}
	}
	for _, r := range f.judged {
		if n := len(p.Judged); n == 0 || p.Judged[n-1].Name != r.sum.Name {
			p.Judged = append(p.Judged, shownExperiment{Name: r.sum.Name, Question: r.sum.Question})
		}
		last := &p.Judged[len(p.Judged)-1]
		last.Ranges = append(last.Ranges, showRange(r.sum))
	}
	p.Claims = p.claims()
	p.readHardware()
	p.Repeat = p.repeat(f.root)
	return p, nil
}

func (f *found) show(s *foundStudy, number *int) (shownStudy, error) {
	shown := shownStudy{Doc: s.doc, Key: key(s), Dir: href(s.dir), Time: s.time}
	for _, fig := range s.doc.Figures {
		name := path.Join(s.dir, fig.Name+".svg")
		file := filepath.Join(f.root, filepath.FromSlash(name))
		svg, err := os.ReadFile(file)
		if err != nil {
			return shown, fmt.Errorf("figure %s of study %s: %w", fig.Name, s.doc.Name, err)
		}
		*number++
		k := shown.Key + "-" + fig.Name
		inlined, err := inline(svg, fig.Title, k)
		if err != nil {
			return shown, fmt.Errorf("figure %s %w", file, err)
		}
		shown.Figures = append(shown.Figures, shownFigure{fig, "figure-" + k, *number, inlined})
	}
	return shown, nil
}

// key is the study's directory as one word, or its name where that is the root.
func key(s *foundStudy) string {
	if s.dir == "." {
		return s.doc.Name
	}
	return strings.ReplaceAll(s.dir, "/", "-")
}

// href is a directory for links.
func href(dir string) string {
	if dir == "." {
		return ""
	}
	return dir + "/"
}

func showRange(sum *experiments.Summary) shownRange {
	s := shownRange{Summary: sum}
	j := experiments.Job{Name: sum.Name, Options: experiments.Options{Set: sum.Set}}
	if e, err := experiments.Find(sum.Name); err != nil || cmp.Or(e.Profile, "reference") != sum.Profile {
		j.Options.Profile = sum.Profile
	}
	s.Command = fmt.Sprintf("%s --seeds %d-%d", j.Command(), sum.From, sum.To)
	for i := range sum.Results {
		if x := &sum.Results[i]; sum.First != nil && x.Seed == *sum.First {
			s.Sentence = x.Sentence
		}
	}
	return s
}

// Found says what came of the range in a sentence or two.
func (r shownRange) Found() string {
	var words []string
	if len(r.Expect) > 0 && !r.AsExpected {
		words = append(words, "A violation of "+joinIDs(r.Expect, " or ")+" is expected.")
	}
	var broken []string
	for _, g := range spec.Catalogue() {
		if n := r.Broken[g.ID]; n > 0 {
			broken = append(broken, fmt.Sprintf("%s in %d", g.ID, n))
		}
	}
	switch {
	case r.Violated > 0:
		words = append(words, fmt.Sprintf("Violated in %d of %d seeds, first in %s: %s.", r.Violated, r.Seeds, r.First, strings.Join(broken, ", ")))
	case r.Holds > 0:
		words = append(words, fmt.Sprintf("Every claimed guarantee held in %d of %d seeds.", r.Holds, r.Seeds))
	}
	if r.Unknown > 0 {
		words = append(words, fmt.Sprintf("In %d the history does not say enough to judge.", r.Unknown))
	}
	return strings.Join(words, " ")
}

func joinIDs(ids []spec.ID, by string) string {
	var names []string
	for _, id := range ids {
		names = append(names, string(id))
	}
	return strings.Join(names, by)
}

// claims puts the answers of all studies to each claim.
func (p *page) claims() (out []shownClaim) {
	for _, c := range studies.Claims {
		shown := shownClaim{Claim: c}
		for _, s := range p.Sections {
			for _, x := range s.Studies {
				if text := x.Answers[c.ID]; text != "" {
					shown.Answers = append(shown.Answers, answer{x.Name, "study-" + x.Key, text})
				}
			}
		}
		for _, e := range p.Judged {
			if slices.Contains(c.Judged, e.Name) {
				shown.Answers = append(shown.Answers, answer{e.Name, "judged", e.verdicts()})
			}
		}
		out = append(out, shown)
	}
	return out
}

// repeat lists command lines.
func (p *page) repeat(root string) (lines []string) {
	for _, s := range p.Sections {
		for _, x := range s.Studies {
			if len(p.Ran) > 0 {
				return []string{
					fmt.Sprintf("brokerlab run all --size %s --hardware %s --out %s", x.Size, x.Hardware, root),
					"brokerlab report " + root,
				}
			}
			lines = append(lines, x.Command)
		}
	}
	for _, e := range p.Judged {
		for _, r := range e.Ranges {
			lines = append(lines, r.Command)
		}
	}
	return lines
}
