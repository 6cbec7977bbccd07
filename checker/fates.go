package checker

import "github.com/brokerlab/brokerlab/model/history"

// FateOf is what became of a publish.
type FateOf string

// Fates. An acknowledged message is ok, lost (of its writer's prefix, middle or postfix),
// removed by a rule or with its stream, or undecided when no final read says; a duplicate has the fate of the
// message that it was told of. A publish with an open outcome is unknown-stored if its message was ever seen in the
// stream, be it by a retry, else unknown-absent.
const (
	FateOK            FateOf = "ok"
	FateLostPrefix    FateOf = "lost-prefix"
	FateLostMiddle    FateOf = "lost-middle"
	FateLostPostfix   FateOf = "lost-postfix"
	FateRemoved       FateOf = "removed"
	FateUndecided     FateOf = "undecided"
	FateUnknownStored FateOf = "unknown-stored"
	FateUnknownAbsent FateOf = "unknown-absent"
	FateFailed        FateOf = "failed"
)

// Fate is one publish, for the dot plot.
type Fate struct {
	Op     uint64 `json:"op"`
	Client string `json:"c"`
	Stream string `json:"stream"`
	Value  string `json:"v"`
	Seq    uint64 `json:"seq,omitempty"` // acknowledged as; 0 if it was not
	Invoke int64  `json:"t"`             // nanoseconds since the run began
	// Completion is when the client was answered or gave up; -1 if it never did.
	Completion int64  `json:"done"`
	Fate       FateOf `json:"fate"`
}

var fateNames = map[outcome]FateOf{
	present: FateOK, lostPrefix: FateLostPrefix, lostMiddle: FateLostMiddle, lostPostfix: FateLostPostfix,
	excused: FateRemoved, undecided: FateUndecided,
}

// Fates returns what became of every publish, in call order.
func Fates(h *history.History) []Fate {
	rec := newRecord(&h.Header, len(h.Events)/4)
	j := &lossJudge{rec: rec, stores: newStores(rec)}
	seenAt := map[int32]bool{} // values seen in a stream
	for i := range h.Events {
		s := rec.take(&h.Events[i])
		if s.op == none && h.Events[i].Kind != history.Obs {
			continue
		}
		if sighting(rec, &s) && h.Events[i].Kind != history.Invoke {
			seenAt[s.value] = true
		}
		if h.Events[i].Kind != history.Invoke {
			j.stores.see(&s)
			j.see(&s)
		}
	}
	fates := j.fates()
	var out []Fate
	for id := range rec.ops {
		o := &rec.ops[id]
		if o.verb != publish {
			continue
		}
		f := Fate{Op: o.num, Client: rec.clients.names[o.client], Value: rec.nameOf(o.value), Seq: o.seq, Invoke: o.callT, Completion: -1}
		if o.stream != none {
			f.Stream = rec.streams.names[o.stream]
		}
		if o.ret != none {
			f.Completion = o.retT
		}
		switch {
		case o.status == failed:
			f.Fate = FateFailed
		case o.acked():
			f.Fate = fateNames[fates[int32(id)]]
		case seenAt[o.value]:
			f.Fate = FateUnknownStored
		default:
			f.Fate = FateUnknownAbsent
		}
		out = append(out, f)
	}
	return out
}
