package hardware

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Marks: how a constant is known.
const (
	Measured  = "measured"
	Published = "published"
	Assumed   = "assumed"
)

var marks = []string{Measured, Published, Assumed}

// Constant is one number of a profile.
type Constant struct {
	Value  int64  `json:"value"`
	Unit   string `json:"unit"`
	Mark   string `json:"mark"`
	Source string `json:"source"`
	// Low and High bound what it may be: both 0 if nothing is said. An assumed one has them.
	Low  int64 `json:"low,omitempty"`
	High int64 `json:"high,omitempty"`
}

// Banded says whether the constant has a band to sweep.
func (c *Constant) Banded() bool { return c.Low != 0 || c.High != 0 }

// Row is a constant with its name, as tables show it.
type Row struct {
	Name string `json:"name"`
	Constant
}

// definition is a constant that a profile or a program has: its name, its unit, and the values that make sense.
type definition struct {
	name, unit string
	min, max   int64
}

const most = int64(1) << 50 // beyond it sums of products could overflow

// faults lists what is wrong with a constant of that definition.
func (d *definition) faults(c *Constant) (faults []error) {
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("%s: "+format, append([]any{d.name}, args...)...))
		}
	}
	bad(c.Unit != d.unit, "unit %q must be %q", c.Unit, d.unit)
	bad(!slices.Contains(marks, c.Mark), "mark %q is none of %s", c.Mark, strings.Join(marks, ", "))
	bad(strings.TrimSpace(c.Source) == "", "source is empty")
	bad(c.Value < d.min || c.Value > d.max, "value %d must be between %d and %d", c.Value, d.min, d.max)
	bad(c.Mark == Assumed && !c.Banded(), "an assumed value needs low and high")
	bad(c.Banded() && (c.Low > c.Value || c.Value > c.High || c.Low == c.High), "low %d, value %d and high %d must rise", c.Low, c.Value, c.High)
	bad(c.Banded() && (c.Low < d.min || c.High > d.max), "low %d and high %d must be between %d and %d", c.Low, c.High, d.min, d.max)
	return faults
}

// read decodes one constant; a number that is not whole, and a field that is none, are errors.
func (d *definition) read(text json.RawMessage) (c Constant, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, fmt.Errorf("%s: %w", d.name, err)
	}
	return c, nil
}
