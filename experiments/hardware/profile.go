package hardware

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Profile is a machine and what the programs cost on it. It is not changed once it is loaded.
type Profile struct {
	Name, About string
	rows        []Row
	collectors  map[string]string // the default of each program
}

// Constants lists every constant, the machine's first, then each program's under its name.
func (p *Profile) Constants() []Row { return slices.Clone(p.rows) }

// With returns a copy in which one constant has another value. The copy says so: the constant is assumed, by whoever asked,
// within a band that holds both values. An unknown name's error lists the known ones.
func (p *Profile) With(name string, value int64) (*Profile, error) {
	if p.find(name) == nil {
		var known []string
		for i := range p.rows {
			known = append(known, p.rows[i].Name)
		}
		return nil, fmt.Errorf("hardware %s: no constant is named %q; known are %s", p.Name, name, strings.Join(known, ", "))
	}
	d := definitionOf(name)
	if value < d.min || value > d.max {
		return nil, fmt.Errorf("hardware %s: %s: value %d must be between %d and %d", p.Name, name, value, d.min, d.max)
	}
	q := &Profile{Name: p.Name, About: p.About, rows: slices.Clone(p.rows), collectors: maps.Clone(p.collectors)}
	c := q.find(name)
	if c.Value == value {
		return q, nil
	}
	low, high := c.Value, c.Value
	if c.Banded() {
		low, high = c.Low, c.High
	}
	c.Source = fmt.Sprintf("set for this study; the profile has %d, %s: %s", c.Value, c.Mark, c.Source)
	c.Value, c.Mark, c.Low, c.High = value, Assumed, min(low, value), max(high, value)
	if faults := q.faults(); len(faults) > 0 {
		return nil, fmt.Errorf("hardware %s: %w", p.Name, errors.Join(faults...))
	}
	return q, nil
}

// definitionOf is the definition of a constant by its full name.
func definitionOf(name string) *definition {
	if program, rest, ok := strings.Cut(name, "."); ok && slices.Contains(programs, program) {
		return find(programConstants(), rest)
	}
	return find(machineConstants(), name)
}

// Value is a constant's; an unknown name is an error that says so.
func (p *Profile) Value(name string) (int64, error) {
	if row := p.find(name); row != nil {
		return row.Value, nil
	}
	return 0, fmt.Errorf("hardware %s has no constant %s", p.Name, name)
}

func (p *Profile) find(name string) *Row {
	for i := range p.rows {
		if p.rows[i].Name == name {
			return &p.rows[i]
		}
	}
	return nil
}

func (p *Profile) put(row Row) {
	if have := p.find(row.Name); have != nil {
		*have = row
		return
	}
	p.rows = append(p.rows, row)
}

// value of a constant that every sound profile has.
func (p *Profile) value(name string) int64 { return p.find(name).Value }

// faults lists what no single constant shows: distributions that fall, and configurations that the simulator refuses.
func (p *Profile) faults() (faults []error) {
	for _, shape := range []string{syncShape, cacheShape, latencyShape} {
		points := p.points(shape, 1_000_000)
		for i := 1; i < len(points); i++ {
			if points[i].Value < points[i-1].Value {
				faults = append(faults, fmt.Errorf("%s falls from %d to %d at %d ppm (the median is 1000000)", shape, points[i-1].Value, points[i].Value, points[i].PPM))
			}
		}
	}
	for _, kind := range []string{"go", "g1", "zgc"} {
		if low, high := p.value(kind+".stop_min_ns"), p.value(kind+".stop_max_ns"); low > high {
			faults = append(faults, fmt.Errorf("%s.stop_max_ns %d is below %s.stop_min_ns %d", kind, high, kind, low))
		}
	}
	return faults
}
