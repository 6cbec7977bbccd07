package study

import (
	"errors"
	"fmt"

	"github.com/brokerlab/brokerlab/experiments"
	"github.com/brokerlab/brokerlab/experiments/hardware"
	"github.com/brokerlab/brokerlab/experiments/rundir"
)

// Size is how large a grid and how many seeds a study takes.
type Size string

const (
	Small Size = "small" // minutes for all studies together: shows the shape
	Full  Size = "full"  // what claims are made of: at least 30 seeds where a share or a distribution is claimed
)

// Options choose the cells of a study. They travel to worker processes as JSON.
type Options struct {
	Size     Size   `json:"size"`
	Hardware string `json:"hardware"` // a profile of experiments/hardware, or a file
	// From and To are the seeds; both 0: the study's own.
	From rundir.Seed `json:"from,omitempty"`
	To   rundir.Seed `json:"to,omitempty"`
}

// Study is one question put to many runs.
type Study struct {
	Name     string
	Question string
	// Vary is what varies, in words.
	Vary string
	// Small and Full are how many seeds each cell of the grid is run with.
	Small, Full int
	Tables      []Table
	// Grid lists the points of a size, in order; each is run with every seed.
	Grid func(o *Options) []Point
	// Conclude says what the tables show.
	Conclude func(t *Tables) (*Conclusion, error)
}

// Point is one point of the grid: what is done there, for one seed. A worker process calls it; what it adds goes to the tables.
type Point func(seed rundir.Seed, out *Output) error

// Finder returns a study by name; ok is false if there is none. A worker process and who draws again know a study by its name alone.
type Finder func(name string) (s Study, ok bool)

// seeds are those that each point is run with.
func (s *Study) seeds(o *Options) (from, to rundir.Seed) {
	switch {
	case o.To != 0:
		to = o.To
	case o.Size == Full:
		to = rundir.Seed(s.Full)
	default:
		to = rundir.Seed(s.Small)
	}
	return o.First(), to
}

// First is the first seed: some cells add more for that one.
func (o *Options) First() rundir.Seed {
	if o.To != 0 {
		return o.From
	}
	return 1
}

// Check lists what is wrong with options.
func (o *Options) Check() error {
	var faults []error
	if o.Size != Small && o.Size != Full {
		faults = append(faults, fmt.Errorf("--size %s: want small or full", o.Size))
	}
	if _, err := hardware.Load(o.Hardware); err != nil {
		faults = append(faults, fmt.Errorf("--hardware: %w", err))
	}
	if o.To < o.From {
		faults = append(faults, fmt.Errorf("--seeds %d-%d: want FIRST-LAST", o.From, o.To))
	}
	if err := errors.Join(faults...); err != nil {
		return &experiments.UsageError{Why: err.Error()}
	}
	return nil
}
