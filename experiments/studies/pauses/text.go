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

func tailText(rows []tailCase) []string {
	return []string{
		"A server that is stopped for G at rate gamma (Poisson) and is busy a share rho of the time otherwise: messages that come in a pause wait for its end, those behind them for the backlog, so that P(delay > d) = gamma*(G-d)/(1-rho) and the quantile is d_p = G - (1-p)(1-rho)/gamma. That leaves out pauses that meet, and the queue that there is without pauses.",
		tailWords(rows),
		"Brokers, every node stopped for 20 ms once a second on average, at times of its own: the share of publishes that are late by more than half a pause is k*gamma*(G/2)/(1-rho), k being the nodes that an acknowledgement waits for. Redpanda's producer talks to the leader, and the second of two followers is enough: k = 1. A NATS client talks to any of three nodes, which passes the publish on to the leader: k = 1 + 2/3. Kafka's leader waits for every member of the ISR: k = 3.",
	}
}

func tailAnswers(brokers *study.Rows) map[string]string {
	return map[string]string{
		"go-gc-ceiling": "A pause moves a quantile only when it is hit often enough: 0.02 ms twenty times a second is invisible at 99 % (0.02 ms - 0.01*(1-rho)/20 s is below zero), a pause of 20 ms once a second at half load makes it 15 ms. " + pathWords(brokers),
		"why-not-kafka": pathWords(brokers),
	}
}

// moved names the shortest pause of each system that moved its leader.
func moved(p *study.Rows) string {
	var parts []string
	for _, s := range patience() {
		parts = append(parts, fmt.Sprintf("%s %d ms", s.Name, shortest(p.Where("system", s.Name))))
	}
	return strings.Join(parts, ", ")
}

func electionText(p *study.Rows) []string {
	return []string{
		"One pause of a stream's leader (it is stopped, its connections stay open), at a random phase of every timer; followers hear of it 50 times a second before. The formula: a follower's patience is counted in ticks that beat at times of their own, so that after the leader's last word it fires after (k - u) ticks, k even between the shortest timeout and twice as many less one, u even between 0 and 1; the first of two followers decides, and with pre-vote it is heard only by one that has itself missed the leader for a shortest timeout. Field notes have T even between Tmin and Tmax: this is that with both a tick shorter, in the mean half a tick. Links between nodes are broken after 3 s without a word; a leader that was stopped for longer is heard again at its next tick, or when the link is back, which lengthens the silence by up to a second.",
		"Kafka's controller fences a broker that it did not hear for a session of 9 s, whose heartbeats come every 2 s. If the paused broker leads the controllers' quorum too, that has to elect first, and the new controller begins every session anew; the woken one sends its first heartbeat to itself, and the next, two seconds later, to its successor.",
		fmt.Sprintf("Smallest pauses that moved a leader here: %s. Collectors of Go and ZGC do not come near; a full collection of G1 with 1 GiB on two threads (about 1 s in the model, 0.3 to 1 GB/s a thread) does for the reference broker's timers, and not for NATS's or Kafka's.", moved(p)),
	}
}

func electionAnswers(p *study.Rows) map[string]string {
	return map[string]string{
		"go-gc-ceiling": "No pause that Go's or ZGC's collector makes moves a leader, nor one of G1 at its goal: the shortest that did here were " + moved(p) + ", against 39 ms, the longest of Go's measured on a crowded machine. Stops of a virtual machine, swapping, or a sync that blocks the broker do; a full collection of G1 (about 1 s for 1 GiB in the model) is short of Kafka's session, and would be long enough for the other designs' shorter timers.",
		"failover":      "A leader that is stopped keeps its place until followers lose patience; the shortest pauses that cost it its place were " + moved(p) + ".",
	}
}
