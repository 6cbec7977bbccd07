package failover

import (
	"github.com/brokerlab/brokerlab/experiments/trial"
)

// silence is what a fault did to acknowledgements.
type silence struct {
	// usual is the longest time between two acknowledgements before the fault, longest that after it, or across it; anyClient is
	// the longest that any one client had.
	usual, longest, anyClient int64
	// silent is the sum of all such times of at least quiet.
	silent int64
	// ended says that the longest was over before the load was.
	ended bool
}

// quiet is the least time without acknowledgements that counts as one: ten times what is usual at 200 publishes a second is
// 50 ms on average, and once in e^20 more than this.
const quiet = 100 * ms

// silences reads acknowledgements in the order of their coming.
func silences(done []trial.Completion, clients int, fault, until int64) silence {
	var s silence
	all := gap{fault: fault}
	each := make([]gap, clients)
	for i := range each {
		each[i].fault = fault
	}
	last := int64(0)
	for i := range done {
		c := &done[i]
		if !c.OK {
			continue
		}
		if last != 0 && c.At < fault {
			s.usual = max(s.usual, c.At-last)
		}
		last = c.At
		all.answer(min(c.At, until))
		each[c.Client].answer(min(c.At, until))
	}
	s.ended = last >= until || until-last < quiet
	all.answer(until)
	s.longest, s.silent = all.longest, all.silent
	for i := range each {
		each[i].answer(until)
		s.anyClient = max(s.anyClient, each[i].longest)
	}
	return s
}

// gap follows the times between answers that end after a fault. What nobody answers at all counts from the fault.
type gap struct {
	fault, last, longest, silent int64
}

func (g *gap) answer(at int64) {
	if at >= g.fault {
		d := at - g.last
		if g.last == 0 {
			d = at - g.fault
		}
		g.longest = max(g.longest, d)
		if d >= quiet {
			g.silent += d
		}
	}
	g.last = at
}
