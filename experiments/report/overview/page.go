package overview

import (
	"cmp"
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/experiments/studies"
	"github.com/brokerlab/brokerlab/model/spec"
)

// page is what the template shows.
type page struct {
	Sections []shownSection
	Claims   []shownClaim
	Judged   []shownRange
	Hardware []*hardware.Profile
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
	*studies.Doc
	Key     string // names it within the page
	Dir     string // as links have it, with a slash at its end
	Figures []shownFigure
	Time    *studies.Time
}

type shownFigure struct {
	studies.FigureDoc
	Key    string
	Number int
	SVG    template.HTML
}

type shownClaim struct {
	studies.Claim
	Answers []answer
}

type answer struct{ Study, Key, Text string }

// shownRange is a range of seeds of one experiment.
type shownRange struct {
	*experiments.Summary
	Dir, Command string
	Sentence     string
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
		p.Judged = append(p.Judged, showRange(r))
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

func showRange(r foundRange) shownRange {
	s := shownRange{Summary: r.sum, Dir: href(r.dir)}
	j := experiments.Job{Name: r.sum.Name, Options: experiments.Options{Set: r.sum.Set}}
	if e, err := experiments.Find(r.sum.Name); err != nil || cmp.Or(e.Profile, "reference") != r.sum.Profile {
		j.Options.Profile = r.sum.Profile
	}
	s.Command = fmt.Sprintf("%s --seeds %d-%d", j.Command(), r.sum.From, r.sum.To)
	for i := range r.sum.Results {
		if x := &r.sum.Results[i]; r.sum.First != nil && x.Seed == *r.sum.First {
			s.Sentence = x.Sentence
		}
	}
	return s
}

// Broke lists the guarantees that were violated, in the order of the catalogue.
func (r shownRange) Broke() (out []string) {
	for _, g := range spec.Catalogue() {
		if n := r.Broken[g.ID]; n > 0 {
			out = append(out, fmt.Sprintf("%s in %d", g.ID, n))
		}
	}
	return out
}

// claims puts the answers of all studies to each claim.
func (p *page) claims() (out []shownClaim) {
	for _, c := range studies.Claims {
		shown := shownClaim{Claim: c}
		for _, s := range p.Sections {
			for _, x := range s.Studies {
				if text := x.Answers[c.ID]; text != "" {
					shown.Answers = append(shown.Answers, answer{x.Name, x.Key, text})
				}
			}
		}
		out = append(out, shown)
	}
	return out
}

// readHardware loads every profile that a study ran on.
func (p *page) readHardware() {
	var names []string
	for _, s := range p.Sections {
		for _, x := range s.Studies {
			if !slices.Contains(names, x.Hardware) {
				names = append(names, x.Hardware)
			}
		}
	}
	for _, name := range names {
		h, err := hardware.Load(name)
		if err != nil {
			p.Unread = append(p.Unread, err.Error())
			continue
		}
		p.Hardware = append(p.Hardware, h)
	}
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
	for _, r := range p.Judged {
		lines = append(lines, r.Command)
	}
	return lines
}
