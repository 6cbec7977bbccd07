package spec

import (
	"fmt"
	"slices"
	"strings"
)

// Claim is one row of the claims table: System promises Guarantee, unless a setting says
// otherwise.
type Claim struct {
	System    string
	Guarantee ID
	// Unless lists settings under which the promise is not made. A setting that a
	// history does not name has its safe value.
	Unless []Setting
	// Source is where the promise is written.
	Source string
}

// Setting is a switch with the values meant.
type Setting struct {
	Name   string
	Values []string
}

// Names of systems whose claims are known.
const (
	// Reference is the reference broker with the safe end of every switch.
	Reference = "reference"
	// NATS is the profile that decides as nats-server does, held to what its
	// documents promise: an acknowledged message is persisted and replicated.
	NATS = "nats"
)

// forgetful are the settings under which a disk may come back with less than what was
// acknowledged on it, and the node goes on as if nothing had happened: acknowledgements that do
// not wait for a disk, and a damaged log cut by a node that still votes. They undo what Raft
// takes for granted.
var forgetful = []Setting{{Name: "sync", Values: []string{"interval", "none"}}, {Name: "damage", Values: []string{"cut"}}}

// guessing are the settings under which a leader decides by what it knows and not by the log, or takes what was
// meant for an earlier one, too: one publish is stored twice, or one that expects what is not so.
var guessing = append([]Setting{
	{Name: "expect", Values: []string{"leader"}}, {Name: "dedup", Values: []string{"leader"}}, {Name: "address", Values: []string{"node"}},
}, forgetful...)

// stale are the settings under which a deposed leader may answer a read, too.
var stale = append([]Setting{{Name: "read", Values: []string{"local"}}}, guessing...)

const (
	ourDesign = "DESIGN: durability by construction"
	natsDocs  = "nats.docs, nats-concepts/jetstream: an acknowledged message is persisted and replicated; writes are linearizable"
	raftPaper = "Ongaro and Ousterhout 2014, figure 3"
)

// claims is every claim of every system.
var claims = slices.Concat(logClaims, streamClaims, consumerClaims, coreClaims, kafkaClaims)

var logClaims = []Claim{
	{Reference, NoPhantom, nil, ourDesign},
	{Reference, NoAbortedRead, nil, ourDesign},
	{Reference, OffsetConsistency, guessing, ourDesign},
	{Reference, NoAckedLoss, forgetful, ourDesign},
	{Reference, LinearizableLog, stale, ourDesign},
	{Reference, LinearizableWrites, guessing, ourDesign},
	{Reference, ReplicaAgreement, forgetful, ourDesign},
	{Reference, OneLeaderPerTerm, nil, raftPaper},
	{Reference, OneVotePerTerm, nil, raftPaper},
	{Reference, LogMatching, forgetful, raftPaper},
	{Reference, AppliedAgreement, forgetful, raftPaper},
	{Reference, LeaderCompleteness, forgetful, raftPaper},
	{Reference, PublishProgress, nil, ourDesign},
	{Reference, NoCrash, nil, ourDesign},
	{Reference, ReplicaReturns, forgetful, ourDesign},

	// NATS documents no read-your-writes: linearizable-log is judged, not claimed.
	{NATS, NoPhantom, nil, natsDocs},
	{NATS, NoAbortedRead, nil, natsDocs},
	{NATS, OffsetConsistency, nil, natsDocs},
	{NATS, NoAckedLoss, nil, natsDocs},
	{NATS, LinearizableWrites, nil, natsDocs},
	{NATS, ReplicaAgreement, nil, natsDocs},
	{NATS, OneLeaderPerTerm, nil, raftPaper},
	{NATS, OneVotePerTerm, nil, raftPaper},
	{NATS, LogMatching, nil, raftPaper},
	{NATS, AppliedAgreement, nil, raftPaper},
	{NATS, LeaderCompleteness, nil, raftPaper},
	{NATS, PublishProgress, nil, natsDocs},
	{NATS, NoCrash, nil, natsDocs},
}

// Systems returns the names of the systems with claims, sorted.
func Systems() []string {
	var names []string
	for _, c := range claims {
		if !slices.Contains(names, c.System) {
			names = append(names, c.System)
		}
	}
	slices.Sort(names)
	return names
}

// Claims are the promises of one system under one set of settings.
type Claims struct {
	System string
	// Made holds the claims in force, Waived those that a setting took back; both in
	// the catalogue's order.
	Made   []Claim
	Waived []Claim
}

// ClaimsOf returns what system promises under settings (switch names to values; a missing
// name is the switch's safe end). An unknown system is an error that lists the known ones.
func ClaimsOf(system string, settings map[string]string) (Claims, error) {
	if !slices.Contains(Systems(), system) {
		return Claims{}, fmt.Errorf("no claims are known for system %q: known are %s", system, strings.Join(Systems(), ", "))
	}
	out := Claims{System: system}
	for _, g := range catalogue {
		for _, c := range claims {
			switch {
			case c.System != system || c.Guarantee != g.ID:
			case waived(c.Unless, settings):
				out.Waived = append(out.Waived, c)
			default:
				out.Made = append(out.Made, c)
			}
		}
	}
	return out, nil
}

// AllClaims claims every guarantee of the catalogue: for histories of a system without a
// row of its own.
func AllClaims() Claims {
	out := Claims{System: "every guarantee"}
	for _, g := range catalogue {
		out.Made = append(out.Made, Claim{System: out.System, Guarantee: g.ID, Source: "asked for"})
	}
	return out
}

// With adds guarantees that are put to the test although nobody promises them, each once.
func (c Claims) With(ids []ID, source string) Claims {
	for _, id := range ids {
		if _, made := c.Of(id); made {
			continue
		}
		c.Made = append(slices.Clip(c.Made), Claim{System: c.System, Guarantee: id, Source: source})
		c.Waived = slices.DeleteFunc(slices.Clone(c.Waived), func(w Claim) bool { return w.Guarantee == id })
	}
	return c
}

// Of returns the claim in force on id, if any.
func (c Claims) Of(id ID) (Claim, bool) {
	for _, m := range c.Made {
		if m.Guarantee == id {
			return m, true
		}
	}
	return Claim{}, false
}

func waived(unless []Setting, settings map[string]string) bool {
	for _, s := range unless {
		if v, set := settings[s.Name]; set && slices.Contains(s.Values, v) {
			return true
		}
	}
	return false
}
