package kafka

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// replica is what the law keeps of a follower, from what the story has it do alone.
type replica struct {
	end      int64
	fetched  bool
	caughtUp machine.Mono
	at       machine.Mono // of its last fetch
	leader   int64        // the leader's end then
	old      bool         // it has been registered anew since
}

// law is the high watermark's rule as Kafka has it (Partition.maybeIncrementLeaderHW), told anew.
func (s *scene) law(followers map[uint32]*replica) (hw int64, moves bool) {
	p := s.b.partition(1)
	if len(p.meta.ISR) < 2 {
		return 0, false
	}
	hw = p.log.End()
	for id, f := range followers { // map order: the least
		counts := slices.Contains(p.meta.ISR, id) || p.alter.busy && slices.Contains(p.alter.isr, id)
		level := f.fetched && f.end == p.log.End() || s.now-f.caughtUp <= 30*sec
		if counts || level && f.fetched && !f.old && !s.b.meta.Broker(id).Fenced {
			hw = min(hw, f.end)
		}
	}
	return hw, true
}

func (f *replica) fetch(now machine.Mono, at, end int64) {
	switch {
	case at >= end:
		f.caughtUp = now
	case f.fetched && at >= f.leader:
		f.caughtUp = max(f.caughtUp, f.at)
	}
	f.end, f.fetched, f.at, f.leader, f.old = at, true, now, end, false
}

// Whatever brokers, clients and the controller do: the high watermark is what the rule says whenever it moves, it never falls, and an
// acks=all is answered OK exactly when it is below.
func TestTheHighWatermarkIsTheRulesWhateverHappens(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := newScene(t, Config{})
		s.do("topic 1 3 2")
		p := s.b.partition(1)
		followers := map[uint32]*replica{2: {caughtUp: s.now}, 3: {caughtUp: s.now}}
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			was := p.hw
			id := rapid.Uint32Range(2, 3).Draw(r, "node")
			what := rapid.SampledFrom([]string{"produce", "produce", "fetch", "fetch", "fetch", "level", "level", "fence", "unfence", "register", "granted", "refused", "sleep"}).Draw(r, "what")
			looks := true // the leader has a reason to look at its high watermark
			switch what {
			case "produce":
				s.do("produce 1 x")
			case "fetch", "level":
				f := followers[id]
				at := max(f.end, rapid.Int64Range(0, p.log.End()).Draw(r, "at"))
				if what == "level" {
					at = p.log.End()
				}
				looks = !f.fetched || at != f.end
				f.fetch(s.now, at, p.log.End())
				s.do(fmt.Sprintf("n%d at=%d", id, at))
			case "fence":
				s.do(fmt.Sprintf("fence n%d", id))
			case "unfence":
				s.do(fmt.Sprintf("unfence n%d", id))
			case "register":
				s.do(fmt.Sprintf("register n%d", id))
				followers[id].old = true
			case "granted", "refused":
				if !slices.ContainsFunc(s.asked, func(q question) bool { return q.api == proto.AlterPartition }) {
					continue
				}
				if what == "granted" {
					s.do("granted")
					s.do("answer 95")
				} else {
					s.do("answer 107")
				}
			default:
				looks = false
				s.do(fmt.Sprintf("sleep %ds", rapid.IntRange(1, 20).Draw(r, "seconds")))
				if s.b.meta.Partition(1).Leader != 1 {
					return
				}
			}
			want, moves := s.law(followers)
			require.GreaterOrEqual(r, p.hw, was)
			if p.hw != was {
				require.True(r, moves, "under min ISR")
				require.Equal(r, want, p.hw, "after %s of n%d", what, id)
			}
			if looks && moves {
				require.Equal(r, max(was, want), p.hw, "after %s of n%d", what, id)
			}
		}
	})
}
