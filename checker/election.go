package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// groupTerm is a term of a Raft group.
type groupTerm struct{ group, term uint64 }

// ballot is one member's vote in a term. A node that lost its vote takes part as another member.
type ballot struct {
	node   uint32
	member uint64
	groupTerm
}

// choice is what was chosen, and the event that showed it.
type choice struct {
	node uint32
	pos  int32
}

// electionJudge judges raft-one-leader-per-term and raft-one-vote-per-term.
type electionJudge struct {
	leaders  map[groupTerm]choice
	votes    map[ballot]choice
	judge    [2]bool // leaders, votes
	checked  [2]int64
	counts   [2]int64
	cert     [2][2]int32
	voteLost [2]Stats
}

func newElectionJudge(leaders, votes bool) *electionJudge {
	return &electionJudge{leaders: map[groupTerm]choice{}, votes: map[ballot]choice{}, judge: [2]bool{leaders, votes}}
}

func (j *electionJudge) wants() class { return obs }

func (j *electionJudge) broken() bool {
	return j.judge[0] && j.counts[0] > 0 || j.judge[1] && j.counts[1] > 0
}

func (j *electionJudge) see(s *seen) {
	e := s.e
	gt := groupTerm{e.Group, e.Term}
	switch e.Verb {
	case obsLeader:
		j.checked[0]++
		if first, ok := j.leaders[gt]; !ok {
			j.leaders[gt] = choice{e.Node, s.pos}
		} else if first.node != e.Node {
			j.found(0, first.pos, s)
		}
		j.vote(s, gt, e.Node) // who leads has voted for itself
	case obsVoted:
		j.checked[1]++
		j.vote(s, gt, e.Peer)
	}
}

func (j *electionJudge) vote(s *seen, gt groupTerm, peer uint32) {
	b := ballot{s.e.Node, s.e.Member, gt}
	if first, ok := j.votes[b]; !ok {
		j.votes[b] = choice{peer, s.pos}
	} else if first.node != peer {
		j.found(1, first.pos, s)
	}
}

func (j *electionJudge) found(which int, first int32, s *seen) {
	if j.counts[which]++; j.counts[which] == 1 {
		j.cert[which] = [2]int32{first, s.pos}
	}
	j.voteLost[which].example(fmt.Sprintf("group %d term %d (#%d)", s.e.Group, s.e.Term, s.e.Index))
}

func (j *electionJudge) finish(h *history.History) []Verdict {
	var out []Verdict
	for i, id := range [2]spec.ID{spec.OneLeaderPerTerm, spec.OneVotePerTerm} {
		if !j.judge[i] {
			continue
		}
		v := Verdict{Guarantee: id, Value: spec.Holds, Stats: j.voteLost[i]}
		v.Stats.Checked, v.Stats.Anomalies = j.checked[i], j.counts[i]
		switch {
		case j.checked[i] == 0:
			v.Value, v.Sentence = spec.NotExercised, [2]string{"No node was seen to become leader.", "No node was seen to vote."}[i]
		case j.counts[i] == 0:
			v.Sentence = [2]string{
				fmt.Sprintf("%s, each alone in its term.", number(j.checked[i], "leader was elected", "leaders were elected")),
				fmt.Sprintf("%s, one a term and node.", number(j.checked[i], "vote was granted", "votes were granted")),
			}[i]
		default:
			a, b := &h.Events[j.cert[i][0]], &h.Events[j.cert[i][1]]
			v.Value, v.Certificate = spec.Violated, certificate(h, j.cert[i][:]...)
			if i == 0 {
				v.Sentence = fmt.Sprintf("In term %d of group %d two nodes became leader: %s %s, and %s %s.", a.Term, a.Group, nodeName(a.Node), when(a), nodeName(b.Node), when(b))
			} else {
				v.Sentence = fmt.Sprintf("In term %d of group %d node %s voted twice: %s, and %s.", a.Term, a.Group, nodeName(a.Node), votedFor(a), votedFor(b))
			}
		}
		out = append(out, v)
	}
	return out
}

func votedFor(e *history.Event) string {
	if e.Verb == obsLeader {
		return "for itself, whose leader it became " + when(e)
	}
	return fmt.Sprintf("for %s %s", nodeName(e.Peer), when(e))
}
