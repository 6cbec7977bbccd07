package study

import (
	"github.com/brokerlab/brokerlab/experiments/rundir"
)

// cells is a grid with its seeds: cell number n is point n/seeds with the seed n%seeds above the first.
type cells struct {
	points   []Point
	from, to rundir.Seed
}

func (s *Study) cells(o *Options) cells {
	from, to := s.seeds(o)
	return cells{s.Grid(o), from, to}
}

func (c *cells) seeds() int { return int(c.to-c.from) + 1 }

func (c *cells) count() int { return len(c.points) * c.seeds() }

func (c *cells) run(n int) (out Output, err error) {
	err = c.points[n/c.seeds()](c.from+rundir.Seed(n%c.seeds()), &out)
	return out, err
}
