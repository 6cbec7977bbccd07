package checker

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// cluster writes the history of a sound three-node cluster: leaders change, nodes crash and
// recover what they had, publishes are stored everywhere, some answers get lost, and at the end
// everything is drained.
func cluster(r *rand.Rand) *history.History {
	c := &clusterStory{r: r, h: &history.History{Header: history.Header{Streams: []history.Stream{{Name: "S", Replicas: 3}}}}}
	for n := range 3 {
		c.obs(history.Event{Verb: history.Up, Node: uint32(n + 1)})
	}
	c.elect()
	for range 60 + r.IntN(40) {
		switch k := r.IntN(10); {
		case k < 6:
			c.publish()
		case k < 8:
			c.read(uint64(r.IntN(len(c.log)+2))+1, false)
		case k == 8:
			c.restart()
		default:
			c.elect()
		}
	}
	c.obs(history.Event{Verb: history.Healed})
	for c.publish(); c.h.Events[len(c.h.Events)-1].Kind != history.OK; {
		c.publish()
	}
	for seq := range uint64(len(c.log) + 1) {
		c.read(seq+1, true)
	}
	c.now += 20_000_000_000
	c.obs(history.Event{Verb: history.Drained})
	return c.h
}

type clusterStory struct {
	r            *rand.Rand
	h            *history.History
	log          []string
	term, leader uint64
	index, ops   uint64
	now          int64
}

func (c *clusterStory) put(e history.Event) {
	c.now += 1_000_000
	e.Index, e.Time = uint64(len(c.h.Events)+1), c.now
	c.h.Events = append(c.h.Events, e)
}

func (c *clusterStory) obs(e history.Event) {
	e.Kind = history.Obs
	c.put(e)
}

func (c *clusterStory) elect() {
	c.term++
	c.leader = uint64(c.r.IntN(3)) + 1
	for _, n := range c.r.Perm(3)[:2] {
		c.obs(history.Event{Verb: "voted", Node: uint32(n + 1), Group: 1, Term: c.term, Peer: uint32(c.leader)})
	}
	c.obs(history.Event{Verb: "leader", Node: uint32(c.leader), Group: 1, Term: c.term})
	c.entry("")
}

// entry runs one Raft entry through all nodes; a message if value is not empty.
func (c *clusterStory) entry(value string) {
	c.index++
	hash := hashOf(fmt.Sprint(c.index, value))
	for n := range uint32(3) {
		c.obs(history.Event{Verb: "appended", Node: n + 1, Group: 1, Term: c.term, Idx: c.index, Hash: hash})
	}
	for n := range uint32(3) {
		c.obs(history.Event{Verb: "applied", Node: n + 1, Group: 1, Term: c.term, Idx: c.index, Hash: hash})
		if value != "" {
			c.obs(history.Event{Verb: "stored", Node: n + 1, Group: 1, Stream: "S", Seq: uint64(len(c.log)), Value: value, Hash: hashOf(value)})
		}
	}
}

func (c *clusterStory) publish() {
	c.ops++
	e := history.Event{Kind: history.Invoke, Verb: history.Publish, Op: c.ops, Client: fmt.Sprintf("c%d", c.r.IntN(3)+1), Stream: "S", Value: fmt.Sprintf("v%d", c.ops)}
	c.put(e)
	a := history.Event{Kind: history.OK, Verb: e.Verb, Op: e.Op, Client: e.Client}
	if c.r.IntN(8) == 0 {
		a.Kind, a.Err = history.Fail, "no responders"
		c.put(a)
		return
	}
	c.log = append(c.log, e.Value)
	c.entry(e.Value)
	if a.Seq = uint64(len(c.log)); c.r.IntN(8) == 0 {
		a.Kind, a.Seq = history.Info, 0
	}
	c.put(a)
}

func (c *clusterStory) read(seq uint64, final bool) {
	c.ops++
	e := history.Event{Kind: history.Invoke, Verb: history.Read, Op: c.ops, Client: "r", Stream: "S", Seq: seq, Final: final}
	c.put(e)
	a := history.Event{Kind: history.OK, Verb: e.Verb, Op: e.Op, Client: "r", Final: final, NotFound: seq > uint64(len(c.log))}
	if !a.NotFound {
		a.Value = c.log[seq-1]
	}
	c.put(a)
}

func (c *clusterStory) restart() {
	n := uint32(c.r.IntN(3)) + 1
	c.obs(history.Event{Verb: history.Down, Node: n, Why: history.DownCrash})
	c.obs(history.Event{Verb: "recovered", Node: n, Stream: "S", First: 1, Seq: uint64(len(c.log))})
	c.obs(history.Event{Verb: history.Up, Node: n})
}

// mutant breaks a sound history in one way; caught lists the guarantees of which each must be
// violated then.
type mutant struct {
	name   string
	breaks func(r *rand.Rand, h *history.History) bool
	caught []spec.ID
}

// one picks a random event that fits and changes it.
func one(fits func(e *history.Event) bool, change func(e *history.Event)) func(*rand.Rand, *history.History) bool {
	return func(r *rand.Rand, h *history.History) bool {
		var at []int
		for i := range h.Events {
			if fits(&h.Events[i]) {
				at = append(at, i)
			}
		}
		if len(at) == 0 {
			return false
		}
		change(&h.Events[at[r.IntN(len(at))]])
		return true
	}
}

func is(kind history.Kind, verb history.Verb) func(*history.Event) bool {
	return func(e *history.Event) bool { return e.Kind == kind && e.Verb == verb }
}

func indexOf(h *history.History, fits func(*history.Event) bool) int {
	for i := range h.Events {
		if fits(&h.Events[i]) {
			return i
		}
	}
	return -1
}

func found(e *history.Event) bool {
	return e.Kind == history.OK && e.Verb == history.Read && !e.NotFound && !e.Final
}

func erase(e *history.Event) {
	*e = history.Event{Index: e.Index, Time: e.Time, Kind: history.Obs, Verb: "note"}
}

var mutants = []mutant{
	{"a read of something never published", one(found, func(e *history.Event) { e.Value = "ghost" }), []spec.ID{spec.NoPhantom, spec.LinearizableLog, spec.OffsetConsistency}},
	{"a message of another content in a store", one(is(history.Obs, "stored"), func(e *history.Event) { e.Value, e.Hash = "", e.Hash+1 }), []spec.ID{spec.OffsetConsistency, spec.ReplicaAgreement}},
	{"a message never stored on one node", dropStored, []spec.ID{spec.ReplicaAgreement}},
	{"an acknowledgement with the next number", one(is(history.OK, history.Publish), func(e *history.Event) { e.Seq++ }), []spec.ID{spec.OffsetConsistency, spec.LinearizableLog, spec.LinearizableWrites}},
	{"an old message read as missing", func(r *rand.Rand, h *history.History) bool {
		acked := map[string]bool{}
		for _, f := range Fates(h) {
			acked[f.Value] = f.Fate == FateOK
		}
		return one(func(e *history.Event) bool { return found(e) && acked[e.Value] }, func(e *history.Event) { e.NotFound, e.Value = true, "" })(r, h)
	}, []spec.ID{spec.LinearizableLog}},
	{"a success told as a failure", one(is(history.OK, history.Publish), func(e *history.Event) { e.Kind, e.Seq = history.Fail, 0 }), []spec.ID{spec.NoAbortedRead}},
	{"a message gone at the end", dropFinal, []spec.ID{spec.NoAckedLoss}},
	{"a store that comes back shorter", func(_ *rand.Rand, h *history.History) bool {
		for i := len(h.Events) - 1; i >= 0; i-- {
			if e := &h.Events[i]; e.Verb == "recovered" && e.Seq > 1 {
				e.Seq--
				return true
			}
		}
		return false
	}, []spec.ID{spec.ReplicaAgreement}},
	{"a vote for somebody else", func(_ *rand.Rand, h *history.History) bool {
		i := indexOf(h, is(history.Obs, "leader"))
		l := h.Events[i]
		erase(&h.Events[i+1])
		h.Events[i+1].Verb, h.Events[i+1].Node, h.Events[i+1].Group, h.Events[i+1].Term, h.Events[i+1].Peer = "voted", l.Node, 1, l.Term, l.Node%3+1
		return true
	}, []spec.ID{spec.OneVotePerTerm}},
	{"a term led twice", func(_ *rand.Rand, h *history.History) bool {
		i := indexOf(h, is(history.Obs, "leader"))
		l := h.Events[i]
		erase(&h.Events[i+2])
		h.Events[i+2].Verb, h.Events[i+2].Node, h.Events[i+2].Group, h.Events[i+2].Term = "leader", l.Node%3+1, 1, l.Term
		return true
	}, []spec.ID{spec.OneLeaderPerTerm}},
	{"an entry of another content", one(is(history.Obs, "appended"), func(e *history.Event) { e.Hash++ }), []spec.ID{spec.LogMatching}},
	{"another entry applied", one(is(history.Obs, "applied"), func(e *history.Event) { e.Hash++ }), []spec.ID{spec.AppliedAgreement}},
	{"a leader that writes over what was committed", func(r *rand.Rand, h *history.History) bool {
		term := uint64(0)
		for _, e := range h.Events {
			if e.Verb == "leader" {
				term = max(term, e.Term)
			}
		}
		if term < 2 {
			return false
		}
		return one(func(e *history.Event) bool { return e.Verb == "appended" && e.Term == term }, func(e *history.Event) { e.Idx = 1 })(r, h)
	}, []spec.ID{spec.LeaderCompleteness}},
	{"a panic", one(is(history.Obs, "applied"), func(e *history.Event) {
		n := e.Node
		erase(e)
		e.Verb, e.Node, e.Why = history.Down, n, "panic: invariant broken"
	}), []spec.ID{spec.NoCrash}},
	{"no publish answered after healing", func(_ *rand.Rand, h *history.History) bool {
		healed := indexOf(h, is(history.Obs, history.Healed))
		for i := healed; i < len(h.Events); i++ {
			if e := &h.Events[i]; e.Verb == history.Publish && e.Kind != history.Invoke {
				e.Kind, e.Seq, e.Err = history.Info, 0, "timeout"
			}
		}
		return true
	}, []spec.ID{spec.PublishProgress}},
}

// dropStored takes away that a node stored a message, if it stored the next one before it could
// recover: what a recovery says of numbers above all that was seen has to be believed.
func dropStored(r *rand.Rand, h *history.History) bool {
	next := map[uint32]history.Verb{}
	var at []int
	for i := len(h.Events) - 1; i >= 0; i-- {
		e := &h.Events[i]
		if e.Verb == "stored" && next[e.Node] == "stored" {
			at = append(at, i)
		}
		if e.Verb == "stored" || e.Verb == "recovered" {
			next[e.Node] = e.Verb
		}
	}
	if len(at) == 0 {
		return false
	}
	erase(&h.Events[at[r.IntN(len(at))]])
	return true
}

// dropFinal turns the final answers from some acknowledged message on into not-found.
func dropFinal(r *rand.Rand, h *history.History) bool {
	var acked []string
	value := map[uint64]string{}
	for _, e := range h.Events {
		if e.Verb == history.Publish && e.Kind == history.Invoke {
			value[e.Op] = e.Value
		} else if e.Verb == history.Publish && e.Kind == history.OK {
			acked = append(acked, value[e.Op])
		}
	}
	if len(acked) == 0 {
		return false
	}
	victim := acked[r.IntN(len(acked))]
	return one(func(e *history.Event) bool { return e.Final && e.Kind == history.OK && e.Value == victim },
		func(e *history.Event) { e.Value, e.NotFound = "", true })(r, h)
}

func TestASoundClusterIsNeverAccused(t *testing.T) {
	for seed := range 300 {
		h := cluster(rand.New(rand.NewPCG(uint64(seed), 7)))
		for _, v := range Run(h, Options{}).Verdicts {
			require.NotEqual(t, spec.Violated, v.Value, "seed %d: %s: %s", seed, v.Guarantee, v.Sentence)
			require.NotEqual(t, spec.Unknown, v.Value, "seed %d: %s: %s", seed, v.Guarantee, v.Sentence)
		}
	}
}

func TestEveryMutantIsCaughtByTheJudgesThatShould(t *testing.T) {
	catchEvery(t, mutants, 11, cluster)
}

// catchEvery breaks sound histories with each mutant in turn: the judges that should catch it, do, and point at few events.
func catchEvery(t *testing.T, mutants []mutant, stream uint64, sound func(*rand.Rand) *history.History) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			tried := 0
			for seed := range 60 {
				r := rand.New(rand.NewPCG(uint64(seed), stream))
				h := sound(r)
				if !m.breaks(r, h) {
					continue
				}
				tried++
				report := Run(h, Options{})
				for _, id := range m.caught {
					v := report.Of(id)
					require.Equal(t, spec.Violated, v.Value, "seed %d: %s: %s", seed, id, v.Sentence)
					require.NotEmpty(t, v.Certificate)
					require.LessOrEqual(t, len(v.Certificate), 8)
				}
			}
			require.Greater(t, tried, 20)
		})
	}
}

// BenchmarkAllJudges feeds everything to everybody.
func BenchmarkAllJudges(b *testing.B) {
	c := &clusterStory{r: rand.New(rand.NewPCG(1, 1)), h: &history.History{Header: history.Header{Streams: []history.Stream{{Name: "S", Replicas: 3}}}}}
	c.elect()
	for len(c.h.Events) < 500_000 {
		if len(c.h.Events)%5000 < 12 {
			c.restart()
		}
		c.publish()
		c.read(uint64(c.r.IntN(len(c.log)+2))+1, false)
	}
	for seq := range uint64(len(c.log) + 1) {
		c.read(seq+1, true)
	}
	c.obs(history.Event{Verb: history.Drained})
	b.ResetTimer()
	for b.Loop() {
		for _, v := range Run(c.h, Options{}).Verdicts {
			require.NotEqual(b, spec.Violated, v.Value, v.Sentence)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(len(c.h.Events))*1e9, "ns/event")
}
