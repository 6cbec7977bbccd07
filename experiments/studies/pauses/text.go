package pauses

import (
	"fmt"
	"strings"

	"github.com/brokerlab/brokerlab/experiments/study"
	"github.com/brokerlab/brokerlab/experiments/study/words"
)

func tailWords(rows []tailCase) string {
	var parts []string
	for _, bound := range []struct{ low, high float64 }{{0, 0.02}, {0.02, 0.05}, {0.05, 0.2}, {0.2, 0.5}, {0.5, 1}} {
		n, worst := 0, 1.0
		held(rows, func(c *tailCase, _, got, want float64) {
			if c.busyWith() > bound.low && c.busyWith() <= bound.high {
				n++
				worst = max(worst, got/want, want/got)
			}
		})
		if n > 0 {
			parts = append(parts, fmt.Sprintf("up to %g by a factor of %.2f", bound.high, worst))
		}
	}
	return "Measured on the host model with constant service times of 0.1 ms, the formula is off at worst, for gamma*G/(1-rho) " + strings.Join(parts, ", ") + ". It is good while that is small, and says too little where pauses meet."
}

func pathWords(r *study.Rows) string {
	var parts []string
	for _, s := range paths() {
		got, want := pathShares(r, &s)
		parts = append(parts, fmt.Sprintf("%s %s (formula %s)", s.Name, words.PPM(got.Value), words.PPM(want)))
	}
	return "Of publishes with every node stopped 20 ms a second, late by over 10 ms: " + strings.Join(parts, ", ") + "."
}
