package pauses

import (
	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/systems"
)

// seldom is how much of its time a server may be working off pauses, for the closed formula to hold.
const seldom = 0.05

// tailCase is one setting of the server by itself, with medians over the seeds.
type tailCase struct {
	pause, every, rho float64 // ns, ns, share
	p99, p999         float64
}

// busyWith is gamma*G/(1-rho): the share of the time in which what a pause has left behind is being worked off.
func (c *tailCase) busyWith() float64 { return c.pause / c.every / (1 - c.rho) }

// closed is the formula's quantile; 0 where pauses do not reach it.
func (c *tailCase) closed(p float64) float64 {
	return max(c.pause-(1-p)*(1-c.rho)*c.every, 0)
}

func tailCases(r *study.Rows) (out []tailCase) {
	for _, pause := range r.Values("pause_ns") {
		for _, every := range r.Where("pause_ns", pause).Values("every_ns") {
			for _, rho := range r.Where("pause_ns", pause, "every_ns", every).Values("load_permille") {
				of := r.Where("pause_ns", pause, "every_ns", every, "load_permille", rho)
				out = append(out, tailCase{
					float64(of.Int(0, "pause_ns")), everyDrawn(of), float64(of.Int(0, "load_permille")) / 1000,
					of.Median("p99_ns"), of.Median("p99.9_ns"),
				})
			}
		}
	}
	return out
}

// everyDrawn is the mean time between pauses as they were drawn, over all seeds: of rare ones there are few, and by chance more or
// fewer than asked for.
func everyDrawn(of *study.Rows) float64 {
	if n := of.Sum("pauses"); n > 0 {
		return float64(of.Sum("arrivals")) * float64(serviceTime) / (float64(of.Int(0, "load_permille")) / 1000) / float64(n)
	}
	return float64(of.Int(0, "every_ns"))
}

// held calls f with every quantile that pauses rule, which is where they are ten times the service and the formula is well above zero.
func held(rows []tailCase, f func(c *tailCase, p, got, want float64)) {
	for i := range rows {
		c := &rows[i]
		for _, q := range []struct{ p, got float64 }{{0.99, c.p99}, {0.999, c.p999}} {
			if want := c.closed(q.p); c.pause > 10*float64(serviceTime) && want > 0.2*c.pause {
				f(c, q.p, q.got, want)
			}
		}
	}
}

// pathNodes is k: the nodes that an acknowledgement waits for.
func pathNodes(design string) float64 {
	switch design {
	case systems.Reference.Design:
		return 1 + 2.0/3
	case systems.KafkaAll.Design:
		return 3
	}
	return 1
}

// pathShares is the share of late publishes of a system, and what the formula says.
func pathShares(r *study.Rows, s *systems.System) (got stats.Estimate, want float64) {
	of := r.Where("system", s.Name)
	var shares []int64
	busy := 0.0
	for i := range of.Len() {
		shares = append(shares, of.Int(i, "late")*1_000_000/max(of.Int(i, "ok"), 1))
		busy = max(busy, float64(of.Int(i, "busy_permille"))/1000)
	}
	return stats.Mean(shares), pathNodes(s.Design) * float64(brokerPause) / 2 / float64(brokerEvery) / (1 - busy) * 1e6
}
