package overview

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/designs"
	"github.com/brokerlab/brokerlab/experiments/hardware"
)

// shownHardware is a profile of which a study says that it ran on it.
type shownHardware struct {
	Name, About string
	Groups      []costs
}

// costs are the constants of the machine, or those of one program.
type costs struct {
	Program string // "" is the machine
	Rows    []hardware.Row
}

// Marks counts the constants by how they are known.
func (c costs) Marks() string {
	var words []string
	for _, mark := range [...]string{hardware.Measured, hardware.Published, hardware.Assumed} {
		n := 0
		for i := range c.Rows {
			if c.Rows[i].Mark == mark {
				n++
			}
		}
		if n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, mark))
		}
	}
	return strings.Join(words, ", ")
}

// readHardware loads every profile that a study ran on, as this binary or the file has it now.
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
		shown := shownHardware{h.Name, h.About, nil}
		for _, row := range h.Constants() {
			program := programOf(row.Name)
			i := slices.IndexFunc(shown.Groups, func(c costs) bool { return c.Program == program })
			if i < 0 {
				i = len(shown.Groups)
				shown.Groups = append(shown.Groups, costs{Program: program})
			}
			shown.Groups[i].Rows = append(shown.Groups[i].Rows, row)
		}
		p.Hardware = append(p.Hardware, shown)
	}
}

// programOf is the design whose work a constant is charged for; "" if it is the machine's.
func programOf(constant string) string {
	first, _, _ := strings.Cut(constant, ".")
	for _, d := range designs.All() {
		if d.Name == first {
			return first
		}
	}
	return ""
}
