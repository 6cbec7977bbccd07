package pauses

import (
	"fmt"
	"math"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func tailSeldom(rows []tailCase) study.Check {
	check := study.Check{
		Name: "tail-follows-formula", Holds: true,
		Expected: fmt.Sprintf("where gamma*G/(1-rho) is at most %v the 99th and 99.9th percentile are within 20 %% of the formula and the waits of a queue (1 ms)", seldom),
	}
	n, worst := 0, 1.0
	held(rows, func(c *tailCase, _, got, want float64) {
		if c.busyWith() > seldom {
			return
		}
		n++
		off := math.Abs(got-want) - 1e6
		check.Holds = check.Holds && off < 0.2*want
		worst = max(worst, got/want, want/got)
	})
	check.Found = fmt.Sprintf("%d quantiles, off by a factor of %.2f at worst", n, worst)
	check.Holds = check.Holds && n > 0
	return check
}

// tailOften checks that the formula falls short where pauses meet: if it did not, seldom would say nothing.
func tailOften(rows []tailCase) study.Check {
	n, above, worst := 0, 0, 1.0
	held(rows, func(c *tailCase, _, got, want float64) {
		if c.busyWith() <= 0.2 {
			return
		}
		n++
		if got > 1.2*want {
			above++
		}
		worst = max(worst, got/want)
	})
	return study.Check{
		Name: "formula-fails-where-pauses-meet", Expected: "where gamma*G/(1-rho) is above 0.2 most of the tails are more than a fifth above the formula", Holds: n > 0 && 2*above > n,
		Found: fmt.Sprintf("%d of %d are; the worst is %.1f times what the formula says", above, n, worst),
	}
}

// queueCheck holds the host to Pollaczek and Khinchine: T = E[S] + lambda*E[S^2]/(2(1-rho)).
func queueCheck(r *study.Rows) study.Check {
	check := study.Check{Name: "queue-follows-pollaczek-khinchine", Holds: true, Expected: "without pauses the mean time at the server is E[S] + lambda*E[S^2]/(2(1-rho)), to within 5 %"}
	for i := range r.Len() {
		s, rho := float64(r.Int(i, "mean_service_ns")), float64(r.Int(i, "load_permille"))/1000
		lambda := rho / float64(serviceTime)
		rho = lambda * s
		want := s + lambda*float64(r.Int(i, "second_moment_ns2_per_1000"))*1000/(2*(1-rho))
		got := float64(r.Int(i, "mean_ns"))
		check.Holds = check.Holds && math.Abs(got-want) < 0.05*want
		if r.Text(i, "seed") == r.Text(0, "seed") {
			check.Found += fmt.Sprintf("%s, load %.1f: %s for %s; ", r.Text(i, "service"), rho, words.Nanos(got), words.Nanos(want))
		}
	}
	return check
}

func pathCheck(r *study.Rows) study.Check {
	check := study.Check{Name: "quorum-hides-a-stopped-follower", Holds: true, Expected: "the share of late publishes is within 30 % of k*gamma*(G/2)/(1-rho): k is 1 for Redpanda, 1 + 2/3 for the reference broker, 3 for Kafka"}
	for _, s := range paths() {
		got, want := pathShares(r, &s)
		check.Holds = check.Holds && math.Abs(got.Value-want) < 0.3*want
		check.Found += fmt.Sprintf("%s: %s, formula %s; ", s.Name, words.PPM(got.Value), words.PPM(want))
	}
	return check
}

func electionChecks(p *study.Rows) []study.Check {
	inside, points, never := 0, 0, true
	for _, s := range patience() {
		rows := p.Where("system", s.Name)
		shares := s.shares(rows)
		for i := range shares {
			inside += study.Bit(shares[i].agrees())
		}
		points += len(shares)
		never = never && shortest(rows) > 100
	}
	return []study.Check{
		{
			Name: "shares-follow-formula", Expected: "the shares agree with the closed formula: at least 85 % of the 95 % intervals hold its value", Holds: float64(inside) >= 0.85*float64(points),
			Found: fmt.Sprintf("%d of %d do", inside, points),
		},
		{
			Name: "collectors-start-no-election", Expected: "no pause of 100 ms or less, longer than any that Go or G1 at its goal makes, moves a leader", Holds: never,
			Found: "shortest pause that did: " + moved(p),
		},
	}
}
