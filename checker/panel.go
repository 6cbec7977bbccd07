package checker

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// Options are what judges need to be told.
type Options struct {
	// ProgressBound is the bound B of publish-progress and replica-returns in nanoseconds; 0 is
	// DefaultProgressBound.
	ProgressBound int64
	// CoreBound is the bound B of core-progress in nanoseconds; 0 is DefaultCoreBound. Connections and routes have to be
	// found broken and made again in it; no log has to be caught up with.
	CoreBound int64
	// RouteBound is in how many nanoseconds a node is to have found that another, which went down, cannot be reached: from then
	// on nothing is excused by its still passing on to it (queue-group-served); 0 is DefaultRouteBound.
	RouteBound int64
	// SearchBudget limits, in steps, how long linearizable-log searches when unknown
	// outcomes and refusals without a number leave a refutation open; 0 is
	// DefaultSearchBudget. A search that runs out makes the verdict unknown.
	SearchBudget int
	// Only, if not empty, lists the guarantees to judge.
	Only []spec.ID
}

// Defaults of Options.
const (
	DefaultProgressBound = 10_000_000_000
	DefaultCoreBound     = 5_000_000_000
	DefaultRouteBound    = 5_000_000_000
	DefaultSearchBudget  = 20_000_000
)

// class says which events a judge wants to see.
type class uint8

const (
	calls      class = 1 << iota // invocations
	returns                      // completions
	obs                          // observations and marks
	deliveries                   // messages that clients received
)

// judge is one fold. It sees the events of its classes in order, after the shared record has
// taken them, and gives its verdicts at the end, when h holds every event fed.
type judge interface {
	wants() class
	see(s *seen)
	finish(h *history.History) []Verdict
	// broken tells whether a violation is certain already: no later event can undo it.
	broken() bool
}

// Panel judges a history while it grows, or a finished one.
type Panel struct {
	h      *history.History
	rec    *record
	judges []judge
	byKind [4][]judge
}

// Event feeds the next event, which must be the next one of the history given to NewPanel:
// an online user appends to the history, then feeds what was appended.
func (p *Panel) Event(e *history.Event) {
	s := p.rec.take(e)
	which := 2
	switch e.Kind {
	case history.Invoke:
		which = 0
	case history.OK, history.Fail, history.Info:
		which = 1
		if s.op == none {
			return
		}
	case history.Deliver:
		which = 3
	case history.Fault:
		return
	}
	for _, j := range p.byKind[which] {
		j.see(&s)
	}
}

// Broken tells whether a violation of some judged guarantee is certain already, so that a run
// may be stopped. It is cheap, and may miss what only Finish finds.
func (p *Panel) Broken() bool {
	return slices.ContainsFunc(p.judges, judge.broken)
}

// Finish gives the verdicts over everything fed.
func (p *Panel) Finish() *Report {
	r := &Report{Header: p.h.Header, Events: int(p.rec.fed), Ops: len(p.rec.ops)}
	for _, j := range p.judges {
		r.Verdicts = append(r.Verdicts, j.finish(p.h)...)
	}
	order := map[spec.ID]int{}
	for i, g := range spec.Catalogue() {
		order[g.ID] = i
	}
	slices.SortStableFunc(r.Verdicts, func(a, b Verdict) int { return order[a.Guarantee] - order[b.Guarantee] })
	return r
}

// NewPanel returns a panel that will be fed h's events; h may still be without them. The
// panel reads them again at Finish, for certificates.
func NewPanel(h *history.History, o Options) *Panel {
	if o.ProgressBound == 0 {
		o.ProgressBound = DefaultProgressBound
	}
	if o.CoreBound == 0 {
		o.CoreBound = DefaultCoreBound
	}
	if o.RouteBound == 0 {
		o.RouteBound = DefaultRouteBound
	}
	if o.SearchBudget == 0 {
		o.SearchBudget = DefaultSearchBudget
	}
	rec := newRecord(&h.Header, len(h.Events)/4)
	p := &Panel{h: h, rec: rec}
	wanted := func(ids ...spec.ID) bool {
		return len(o.Only) == 0 || slices.ContainsFunc(ids, func(id spec.ID) bool { return slices.Contains(o.Only, id) })
	}
	p.seat(rec, o, wanted)
	return p
}

// seat appoints the judges. Those of consumers, deduplication and core messaging join here.
func (p *Panel) seat(rec *record, o Options, wanted func(...spec.ID) bool) {
	add := func(j judge) {
		p.judges = append(p.judges, j)
		for i := range p.byKind {
			if j.wants()&(1<<i) != 0 {
				p.byKind[i] = append(p.byKind[i], j)
			}
		}
	}
	if wanted(spec.NoPhantom) {
		add(&phantomJudge{rec: rec})
	}
	if wanted(spec.NoAbortedRead) {
		add(&abortedJudge{rec: rec})
	}
	if wanted(spec.LinearizableLog, spec.LinearizableWrites) {
		add(&linearJudge{rec: rec, budget: o.SearchBudget, only: o.Only})
	}
	if wanted(spec.OffsetConsistency, spec.NoAckedLoss, spec.ReplicaAgreement, spec.NoFalseDuplicate, spec.ExpectedSequence, spec.DirectRead) {
		st := newStores(rec)
		add(st) // first: the judges below look at what it has just taken
		seatStores(rec, st, wanted, add)
		if wanted(spec.OffsetConsistency) {
			add(&offsetJudge{rec: rec, stores: st})
		}
		if wanted(spec.NoAckedLoss) {
			add(&lossJudge{rec: rec, stores: st})
		}
		if wanted(spec.ReplicaAgreement) {
			add(&agreementJudge{rec: rec, stores: st})
		}
	}
	if wanted(spec.OneLeaderPerTerm, spec.OneVotePerTerm) {
		add(newElectionJudge(wanted(spec.OneLeaderPerTerm), wanted(spec.OneVotePerTerm)))
	}
	if wanted(spec.LogMatching) {
		add(newMatchingJudge())
	}
	if wanted(spec.AppliedAgreement) {
		add(newAppliedJudge())
	}
	if wanted(spec.LeaderCompleteness) {
		add(newCompletenessJudge())
	}
	if wanted(spec.PublishProgress, spec.ReplicaReturns) {
		ls := newAbsences(rec, &p.h.Header)
		add(ls)
		if wanted(spec.PublishProgress) {
			add(&progressJudge{rec: rec, absences: ls, bound: o.ProgressBound})
		}
		if wanted(spec.ReplicaReturns) {
			add(&returnJudge{rec: rec, absences: ls, bound: o.ProgressBound})
		}
	}
	if wanted(spec.NoCrash) {
		add(&crashJudge{honest: p.h.Header.Settings["sync"] == "group" && p.h.Header.Settings["damage"] != "cut", harmed: map[uint32]bool{}})
	}
	seatStreams(rec, o, wanted, add)
	p.seatConsumers(rec, o, wanted, add)
	p.seatCore(rec, o, wanted, add)
}

// seatConsumers appoints the judges of consumers.
func (p *Panel) seatConsumers(rec *record, o Options, wanted func(...spec.ID) bool, add func(judge)) {
	per := wanted(judgedIDs[:]...)
	end := wanted(spec.AtLeastOnce, spec.NothingSkipped, spec.ConsumerProgress)
	leases := wanted(spec.ExclusiveDelivery, spec.RedeliveryInTime)
	if !per && !end && !leases {
		return
	}
	log := newConsumerLog(rec, &p.h.Header)
	add(log) // first: the judges below look at what it has just taken
	if per {
		add(&onlyOf{judge: newConsumerJudge(p.h, rec, log), only: o.Only})
	}
	if end {
		add(&onlyOf{judge: newDrainJudge(rec, log, o.ProgressBound), only: o.Only})
	}
	if leases {
		add(&redeliveryJudge{rec: rec, log: log, only: func(id spec.ID) bool { return wanted(id) }})
	}
}

// onlyOf leaves out what a judge says of guarantees that nobody asked about.
type onlyOf struct {
	judge
	only []spec.ID
}

func (j *onlyOf) finish(h *history.History) []Verdict {
	return slices.DeleteFunc(j.judge.finish(h), func(v Verdict) bool { return len(j.only) > 0 && !slices.Contains(j.only, v.Guarantee) })
}

// Run judges a whole history.
func Run(h *history.History, o Options) *Report {
	p := NewPanel(h, o)
	for i := range h.Events {
		p.Event(&h.Events[i])
	}
	return p.Finish()
}
