package pauses

import (
	"fmt"
	"strconv"

	"github.com/brokerlab/brokerlab/experiments/stats"
	"github.com/brokerlab/brokerlab/experiments/study"
)

// Links between nodes are broken after 3 to 3.6 s without a word, and dialled again within half a second (sim.NetworkConfig). What a
// broker that was stopped for longer says when it goes on is lost with the link, and it is heard again when it next speaks: a Raft
// leader at its next tick, Kafka's broker, which tries again five times a second, when the link is back.
const keepaliveMS, redialMS = 3300, 350

// chance is the closed formula: of a pause of g ms to cost the leader its place.
func (s *timed) chance(g, controller float64) float64 {
	redial, beat := 0.0, 0.0
	if g > keepaliveMS {
		redial, beat = redialMS, max(float64(s.tickMS), redialMS)
	}
	if !s.session {
		return chanceOfRaft(g+beat+1000/pauseRate, float64(s.tickMS), int(s.ticks), s.Profile != "nats")
	}
	// A broker was last heard up to a heartbeat before; the controller looks ten times a second.
	const late = 50
	fenced := min(max((g+redial-late-(kafkaSessionMS-kafkaBeatMS))/kafkaBeatMS, 0), 1)
	// A controller that wakes still thinks that it is one: its own broker's first heartbeat goes to itself, the next to the new one.
	anew := chanceOfRaft(g+kafkaBeatMS-late-kafkaSessionMS+kafkaTickMS/2, kafkaTickMS, kafkaTicks, true)
	return controller*anew + (1-controller)*fenced
}

// chanceOfRaft is the chance that within so long a silence (ms) one of two followers has been elected, or, without pre-vote, has
// left the leader's term. Times are counted in ticks: see the study's text.
func chanceOfRaft(silence, tick float64, ticks int, preVote bool) float64 {
	const parts = 8 // of a tick, for the phases
	hits, all := 0, 0
	for k1 := ticks; k1 < 2*ticks; k1++ {
		for k2 := ticks; k2 < 2*ticks; k2++ {
			for i := range parts * parts {
				u1, u2 := (float64(i%parts)+0.5)/parts, (float64(i/parts)+0.5)/parts
				first, second := float64(k1)-u1, float64(k2)-u2
				if preVote && first < float64(ticks)-u2 {
					first += float64(k1) // refused; once more after the same time
				}
				if preVote && second < float64(ticks)-u1 {
					second += float64(k2)
				}
				all++
				if min(first, second)*tick <= silence {
					hits++
				}
			}
		}
	}
	return float64(hits) / float64(all)
}

// reach is the pause at which the formula passes a share.
func (s *timed) reach(share, controller float64) string {
	for g := 10.0; g < 30_000; g += 10 {
		if s.chance(g, controller) > share {
			return fmt.Sprintf("%.2f s", g/1000)
		}
	}
	return "never"
}

// controllerShare is the share of runs in which the paused node led the cluster's own group, too.
func controllerShare(rows *study.Rows) float64 {
	n := 0.0
	for _, v := range rows.Ints("paused_controller") {
		n += float64(v)
	}
	return n / float64(max(rows.Len(), 1))
}

// electionShare is the share of the pauses of one length (ms) that cost the leader its place, with Wilson's interval, and the
// formula's chance.
type electionShare struct {
	stats.Estimate
	pause, chance float64
}

// agrees says that the interval holds the formula's value.
func (l *electionShare) agrees() bool { return l.chance >= l.Low-1e-9 && l.chance <= l.High+1e-9 }

// shares of a system's rows, by length.
func (s *timed) shares(rows *study.Rows) (out []electionShare) {
	controller := controllerShare(rows)
	for _, length := range rows.Values("pause_ms") {
		of := rows.Where("pause_ms", length)
		g, _ := strconv.ParseFloat(length, 64)
		out = append(out, electionShare{stats.Share(of.Sum("election"), int64(of.Len())), g, s.chance(g, controller)})
	}
	return out
}
