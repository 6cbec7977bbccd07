package checker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
)

// Line is one line of a message's life.
type Line struct {
	Time  int64  `json:"t"`
	Index uint64 `json:"i"`
	Node  uint32 `json:"n,omitempty"` // 0: a client or the run
	Text  string `json:"text"`
}

// Biography returns the life of the message with value: published, stored where,
// acknowledged, read, and lost where and why. It is empty if value occurs nowhere.
func Biography(h *history.History, value string) []Line { return lifeOf(h, value).lines }

// LifeSentence tells that life in one sentence.
func LifeSentence(h *history.History, value string) string { return lifeOf(h, value).sentence() }

// life gathers what happened to one message.
type life struct {
	value  string
	stream string
	seq    uint64
	hash   uint64
	ops    map[uint64]*history.Event // its publishes, and what settles its deliveries

	published, answered *history.Event
	firstRead           *history.Event
	deliveries          []*history.Event
	homes               []*home // in the order in which they stored it
	nodes               map[uint32]*nodeStory
	leaders             map[uint64]*history.Event // by group: the newest
	faults              []string                  // going on, by plan line
	lines               []Line
	cuts                []int32 // positions of the events that took it from its holders
}

// home is one node that stored the message.
type home struct {
	node uint32
	term uint64 // if it led the group then: its term
	lost *loss
}

// nodeStory is the newest end of a node's process, and what it stored in the message's stream.
type nodeStory struct {
	down *history.Event
	held table[uint64] // content by sequence
}

// loss says how a node came to hold the message no more.
type loss struct {
	event  *history.Event // the event that shows it, at pos
	pos    int32
	at     int64  // when the cause struck
	cause  string // "power failed on", ...
	ends   string // what took its place; empty: its store came back ending at end
	end    uint64
	faults []string // going on then
	rule   bool     // a declared rule removed it: it is not lost
}

// byRule names the rule that removed a message.
func byRule(why string) string {
	if why == "" {
		return " by a rule"
	}
	return " by a rule: " + why
}

func lifeOf(h *history.History, value string) *life {
	l := &life{value: value, ops: map[uint64]*history.Event{}, nodes: map[uint32]*nodeStory{}, leaders: map[uint64]*history.Event{}}
	if value == "" {
		return l
	}
	if len(h.Header.Streams) == 1 {
		l.stream = h.Header.Streams[0].Name
	}
	for i := range h.Events {
		e := &h.Events[i]
		switch e.Kind {
		case history.Fault:
			l.fault(e)
		case history.Obs:
			l.observed(e, int32(i))
		case history.Deliver:
			l.delivered(e)
		case history.Invoke:
			l.asked(e)
		default:
			l.told(e)
		}
	}
	l.sayLost()
	return l
}

// sayLost adds the losses that were not made good: after a restart a node may bring a message
// back from its log.
func (l *life) sayLost() {
	for _, x := range l.homes {
		if x.lost == nil {
			continue
		}
		l.cuts = append(l.cuts, x.lost.pos)
		during := ""
		if len(x.lost.faults) > 0 {
			during = " (faults on: " + strings.Join(x.lost.faults, "; ") + ")"
		}
		if x.lost.rule {
			l.say(x.lost.event, "removed from %s%s", nodeName(x.node), byRule(x.lost.ends))
			continue
		}
		l.say(x.lost.event, "lost: %s %s at %s%s%s", x.lost.cause, nodeName(x.node), seconds(x.lost.at), l.came(x.lost, 1), during)
	}
	slices.SortStableFunc(l.lines, func(a, b Line) int { return cmp.Compare(a.Index, b.Index) })
}

// ended says in what state a store came back, or what took the message's place.
func (l *life) ended(x *loss) string {
	switch {
	case x.ends != "":
		return x.ends
	case x.end == 0:
		return "empty"
	}
	return "ending at " + place(l.stream, x.end)
}

func (l *life) say(e *history.Event, format string, args ...any) {
	l.lines = append(l.lines, Line{Time: e.Time, Index: e.Index, Node: e.Node, Text: fmt.Sprintf(format, args...)})
}

func (l *life) fault(e *history.Event) {
	if e.On {
		l.faults = append(l.faults, e.Why)
		return
	}
	if i := slices.Index(l.faults, e.Why); i >= 0 {
		l.faults = slices.Delete(slices.Clone(l.faults), i, i+1)
	}
}

// is tells whether an observation shows this message.
func (l *life) is(e *history.Event) bool {
	if e.Value != "" {
		return e.Value == l.value
	}
	return l.hash != 0 && e.Hash == l.hash
}

func (l *life) home(node uint32) *home {
	for _, x := range l.homes {
		if x.node == node {
			return x
		}
	}
	return nil
}

func (l *life) observed(e *history.Event, pos int32) {
	switch e.Verb {
	case obsLeader:
		l.leaders[e.Group] = e
	case history.Down:
		l.node(e.Node).down = e
	case obsStored:
		l.stored(e, pos)
	case obsAcked:
		if l.is(e) {
			l.say(e, "%s acknowledges it as %s", nodeName(e.Node), place(e.Stream, e.Seq))
		}
	case obsRecovered:
		l.recovered(e, pos)
	case obsRemoved:
		if x := l.home(e.Node); x != nil && x.lost == nil && e.Stream == l.stream && e.Seq == l.seq {
			x.lost = &loss{event: e, pos: pos, at: e.Time, ends: e.Why, rule: true}
			if e.Why == whySnapshot {
				x.lost.rule, x.lost.cause, x.lost.ends = false, "a snapshot was installed on", "without it"
			}
		}
	}
}

func (l *life) node(n uint32) *nodeStory {
	if l.nodes[n] == nil {
		l.nodes[n] = &nodeStory{}
	}
	return l.nodes[n]
}

// replay follows what a node brings back after a restart: messages that it had stored before.
func (l *life) replay(e *history.Event) {
	if l.stream != "" && e.Stream != l.stream {
		return
	}
	held := l.node(e.Node).held.at(e.Seq)
	content := e.Hash
	if content == 0 {
		content = textHash(e.Value)
	}
	if x := l.home(e.Node); x != nil && x.lost != nil && *held == content && x.lost.ends == "" {
		x.lost.end = max(x.lost.end, e.Seq)
	}
	*held = content
}

func textHash(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

func (l *life) stored(e *history.Event, pos int32) {
	l.replay(e)
	if !l.is(e) {
		x := l.home(e.Node)
		if x != nil && x.lost == nil && l.seq != 0 && e.Seq == l.seq && e.Stream == l.stream {
			x.lost = &loss{event: e, pos: pos, at: e.Time, cause: "it was overwritten on", ends: "message " + contentName(e) + " took its number", faults: l.faults}
		}
		return
	}
	if l.hash == 0 {
		l.hash = e.Hash
	}
	l.stream, l.seq = e.Stream, e.Seq
	x := l.home(e.Node)
	if x == nil {
		x = &home{node: e.Node}
		l.homes = append(l.homes, x)
	} else {
		x.lost = nil // brought back by a replay
		l.node(e.Node).down = nil
		return
	}
	l.node(e.Node).down = nil // an earlier end of the process is not what will take the message
	led := ""
	if lead := l.leaders[e.Group]; lead != nil && lead.Node == e.Node {
		x.term = lead.Term
		led = fmt.Sprintf(", leader of term %d", lead.Term)
	}
	l.say(e, "stored by %s as %s%s", nodeName(e.Node), place(e.Stream, e.Seq), led)
}

func (l *life) recovered(e *history.Event, pos int32) {
	x := l.home(e.Node)
	if x == nil || x.lost != nil || e.Stream != l.stream || l.seq >= e.First && l.seq <= e.Seq {
		return
	}
	lost := &loss{event: e, pos: pos, at: e.Time, cause: "the log was cut on", faults: l.faults}
	if l.seq < e.First && e.Seq >= e.First {
		lost.ends = "beginning at " + place(l.stream, e.First)
	} else if e.Seq >= e.First {
		lost.end = e.Seq
	}
	if n := l.node(e.Node); n.down != nil {
		lost.at, lost.cause = n.down.Time, downCause(n.down.Why)
	}
	x.lost = lost
}

// downCause says what happened when a process ended for why, up to the node's name.
func downCause(why string) string {
	switch {
	case strings.HasPrefix(why, history.DownPower):
		return "power failed on"
	case strings.HasPrefix(why, history.DownPanic):
		return "a panic stopped"
	case strings.HasPrefix(why, history.DownWipe):
		return "the disk was replaced on"
	}
	return "the process was killed on"
}

// sentence tells the life; it ends with a full stop.
func (l *life) sentence() string {
	if len(l.lines) == 0 {
		return "Message " + l.value + " occurs nowhere."
	}
	var parts []string
	if l.published != nil {
		parts = append(parts, fmt.Sprintf("published by %s at %s", l.published.Client, seconds(l.published.Time)))
	}
	if len(l.homes) > 0 {
		parts = append(parts, "stored by "+l.homesNamed())
	}
	if a := l.answered; a != nil {
		switch a.Kind {
		case history.OK:
			parts = append(parts, fmt.Sprintf("acknowledged at %s (#%d) as %s", seconds(a.Time), a.Index, place(l.stream, a.Seq)))
		case history.Fail:
			parts = append(parts, "refused at "+seconds(a.Time))
		default:
			parts = append(parts, "given up by its client at "+seconds(a.Time))
		}
	}
	parts = append(parts, l.received()...)
	parts = append(parts, l.removed()...)
	if lost := l.lost(); lost != "" {
		parts = append(parts, lost)
	}
	return "Message " + l.value + " was " + listed(parts) + "."
}

func (l *life) homesNamed() string {
	var names []string
	for _, x := range l.homes {
		name := nodeName(x.node)
		if x.term > 0 {
			name += fmt.Sprintf(" (leader of term %d)", x.term)
		}
		names = append(names, name)
	}
	return listed(names)
}

// removed says which nodes removed it by a rule.
func (l *life) removed() []string {
	var first *loss
	var nodes []uint32
	for _, x := range l.homes {
		if x.lost != nil && x.lost.rule {
			nodes = append(nodes, x.node)
			if first == nil {
				first = x.lost
			}
		}
	}
	if first == nil {
		return nil
	}
	return []string{fmt.Sprintf("removed from %s from %s on%s", nodeNames(nodes), seconds(first.at), byRule(first.ends))}
}

// lost says how the message was lost, one clause for each cause and moment; empty if no node
// is known to have lost it.
func (l *life) lost() string {
	var clauses []string
	done := map[uint32]bool{}
	var kept []uint32
	for _, x := range l.homes {
		if x.lost == nil {
			kept = append(kept, x.node)
		}
		if x.lost == nil || x.lost.rule || done[x.node] {
			continue
		}
		var with []uint32
		var otherwise []string
		for _, y := range l.homes {
			if y.lost == nil || y.lost.at != x.lost.at || y.lost.cause != x.lost.cause {
				continue
			}
			with, done[y.node] = append(with, y.node), true
			if l.ended(y.lost) != l.ended(x.lost) {
				otherwise = append(otherwise, nodeName(y.node)+" "+l.ended(y.lost))
			}
		}
		text := fmt.Sprintf("at %s when %s %s%s", seconds(x.lost.at), x.lost.cause, nodeNames(with), l.came(x.lost, len(with)))
		if len(otherwise) > 0 {
			text += " (" + listed(otherwise) + ")"
		}
		clauses = append(clauses, text)
	}
	if len(clauses) == 0 {
		return ""
	}
	text := "lost " + strings.Join(clauses, "; and ")
	if len(kept) > 0 {
		text += "; " + nodeNames(kept) + " kept it"
	}
	return text
}

// came says in what state the stores of n nodes came back.
func (l *life) came(x *loss, n int) string {
	ended := l.ended(x)
	switch {
	case strings.HasPrefix(x.ends, "message "):
		return ": " + ended
	case n > 1:
		return ": their logs came back " + ended
	}
	return ": its log came back " + ended
}
