package experiments

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/checker"
	"github.com/brokerlab/brokerlab/experiments/figures"
	"github.com/brokerlab/brokerlab/experiments/metrics"
	"github.com/brokerlab/brokerlab/experiments/rundir"
	"github.com/brokerlab/brokerlab/faults"
	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/spec"
)

// lostMessage is the message in the evidence for acknowledged loss; empty if none was lost.
func (res *Result) lostMessage() string {
	v := res.Report.Of(spec.NoAckedLoss)
	if v == nil || v.Value != spec.Violated {
		return ""
	}
	for i := range v.Certificate {
		if e := &v.Certificate[i]; e.Kind == history.Invoke && e.Verb == history.Publish {
			return e.Value
		}
	}
	return ""
}

// writeLife draws the life of a lost message, if there is one.
func (res *Result) writeLife(d rundir.Dir, spans []metrics.Span) (*figures.Figure, error) {
	value := res.lostMessage()
	if value == "" {
		return nil, nil
	}
	f, err := figures.Life(storyOf(res.History, spans, value))
	if err != nil {
		return nil, err
	}
	return &f, writeFigure(d, f)
}

// writeFigure writes both forms of a figure.
func writeFigure(d rundir.Dir, f figures.Figure) error {
	if err := d.WriteBytes(f.Name+".svg", f.SVG); err != nil {
		return err
	}
	return d.WriteBytes(f.Name+".png", f.PNG)
}

// Names of observations.
var (
	obsLeader    = history.Verb(machine.Leader.String())
	obsStored    = history.Verb(machine.Stored.String())
	obsAcked     = history.Verb(machine.Acked.String())
	obsRecovered = history.Verb(machine.Recovered.String())
	obsRemoved   = history.Verb(machine.Removed.String())
)

// clientLane is the lane of all clients; that of a node has its number.
const clientLane = 0

// storyOf tells the life of a message as a figure shows it. What happened to the message
// is the checker's finding, as told by Biography; this adds what happened around it.
func storyOf(h *history.History, spans []metrics.Span, value string) *figures.Story {
	t := &teller{
		Story: &figures.Story{Message: value, Lanes: []string{"clients"}},
		value: value, told: map[uint64]bool{}, leaders: map[uint64]*history.Event{}, copies: map[uint32]int{},
		down: map[uint32]*history.Event{}, final: map[uint64]uint64{},
	}
	for n := range h.Header.Nodes {
		t.Lanes = append(t.Lanes, fmt.Sprintf("n%d", n+1))
	}
	for _, line := range checker.Biography(h, value) {
		t.told[line.Index] = true
	}
	for i := range h.Events {
		t.event(&h.Events[i])
	}
	t.conclude()
	t.struck(spans, h.Header.Nodes)
	return t.Story
}

// teller goes through a history and writes down what belongs to one message's life.
type teller struct {
	*figures.Story
	value string
	told  map[uint64]bool // indexes of the events of its biography

	stream    string
	seq, op   uint64
	group     uint64
	published *history.Event
	answered  *history.Event
	stored    *history.Event // first
	displaced *history.Event // first event that shows another message in its place
	finalRead *history.Event
	lastLoss  *history.Event

	copies  map[uint32]int // by node: the copy it holds, in Story.Copies
	leaders map[uint64]*history.Event
	down    map[uint32]*history.Event // by node: since when its process is not running
	final   map[uint64]uint64         // by operation: the sequence number a final read asked for
	downs   []figures.Span
}

func (t *teller) step(e *history.Event, what figures.What, format string, args ...any) {
	t.Steps = append(t.Steps, figures.Step{At: e.Time, Lane: int(e.Node), What: what, Text: fmt.Sprintf(format, args...)})
}

func (t *teller) event(e *history.Event) {
	switch e.Kind {
	case history.Obs:
		t.observed(e)
	case history.Invoke:
		if e.Final {
			t.final[e.Op] = e.Seq
		}
		if t.told[e.Index] {
			t.published, t.op = e, e.Op
			t.client(e, figures.Published, "published by %s", e.Client)
		}
	case history.OK, history.Fail, history.Info:
		t.completed(e)
	}
}

// client adds a step to the clients' lane, whichever node answered.
func (t *teller) client(e *history.Event, what figures.What, format string, args ...any) {
	t.Steps = append(t.Steps, figures.Step{At: e.Time, Lane: clientLane, What: what, Text: fmt.Sprintf(format, args...)})
}

func (t *teller) completed(e *history.Event) {
	switch {
	case t.published == nil:
	case e.Op == t.op:
		t.answer(e)
	case e.Final && e.Kind == history.OK && e.Verb == history.Read:
		asked := max(e.Seq, t.final[e.Op])
		if t.finalRead != nil || asked != t.seq || t.seq == 0 || e.Stream != "" && e.Stream != t.stream {
			return
		}
		t.finalRead = e
		switch {
		case e.NotFound:
			t.client(e, figures.Missing, "final read: nothing at %s", t.place())
		case e.Value != t.value:
			t.client(e, figures.Missing, "final read of %s:\nmessage %s", t.place(), e.Value)
		default:
			t.client(e, figures.Found, "the final read finds it")
		}
	case t.told[e.Index]:
		t.client(e, figures.Found, "read by %s", e.Client)
	}
}

func (t *teller) answer(e *history.Event) {
	t.answered = e
	switch e.Kind {
	case history.OK:
		t.seq = e.Seq
		if e.Stream != "" {
			t.stream = e.Stream
		}
		t.client(e, figures.Acknowledged, "acknowledged as %s", t.place())
	case history.Fail:
		t.client(e, figures.Refused, "refused")
	default:
		t.client(e, figures.Refused, "no answer: unknown")
	}
}

func (t *teller) place() string { return fmt.Sprintf("%s:%d", t.stream, t.seq) }

// here says whether an observation is of the message's place in its stream.
func (t *teller) here(e *history.Event) bool {
	return t.seq != 0 && e.Stream == t.stream && e.Seq == t.seq
}

func (t *teller) observed(e *history.Event) {
	switch e.Verb {
	case history.Down:
		t.down[e.Node] = e
	case history.Up:
		t.up(e)
	case obsLeader:
		t.leaders[e.Group] = e
		if t.stored != nil && e.Group == t.group && t.displaced == nil && t.finalRead == nil {
			t.step(e, figures.Elected, "leader of term %d", e.Term)
		}
	case obsAcked:
		if t.told[e.Index] && t.published != nil {
			t.Arrows = append(t.Arrows, figures.Arrow{From: figures.Point{At: e.Time, Lane: int(e.Node)}, To: figures.Point{At: -1}})
		}
	case obsStored:
		t.store(e)
	case obsRecovered, obsRemoved:
		if t.told[e.Index] {
			t.lose(e)
		}
	}
}

// up ends a time without a process.
func (t *teller) up(e *history.Event) {
	if d := t.down[e.Node]; d != nil {
		t.downs = append(t.downs, downSpan(d, e.Time))
	}
	delete(t.down, e.Node)
}

func downSpan(d *history.Event, until int64) figures.Span {
	s := figures.Span{From: d.Time, To: until, Lane: int(d.Node), Kind: faults.Crash.String(), Text: "killed", Down: true}
	switch {
	case strings.HasPrefix(d.Why, history.DownPower):
		s.Text = "power fails"
	case strings.HasPrefix(d.Why, history.DownPanic):
		s.Text = "panics"
	case strings.HasPrefix(d.Why, history.DownWipe):
		s.Text = "disk replaced"
	case strings.HasPrefix(d.Why, history.DownBootFailed):
		s.Text = "cannot start"
	}
	return s
}

// store follows a node that stores the message, or another one in its place.
func (t *teller) store(e *history.Event) {
	_, held := t.copies[e.Node]
	switch {
	case e.Value == t.value && !held && t.told[e.Index]:
		t.stream, t.seq, t.group = e.Stream, e.Seq, e.Group
		led := ""
		if l := t.leaders[e.Group]; l != nil && l.Node == e.Node {
			led = fmt.Sprintf(", leader of term %d", l.Term)
		}
		t.step(e, figures.Stored, "stored%s", led)
		t.copies[e.Node] = len(t.Copies)
		t.Copies = append(t.Copies, figures.Span{From: e.Time, To: -1, Lane: int(e.Node)})
		if t.stored == nil {
			t.stored = e
		}
	case e.Value == t.value && held:
		t.step(e, figures.Found, "has it again")
	case e.Value == t.value || !t.here(e):
	case t.told[e.Index]:
		t.lose(e)
	case t.displaced == nil:
		t.displaced = e
		t.step(e, figures.Displaced, "stores %s as %s", e.Value, t.place())
	}
}

// lose ends a node's copy.
func (t *teller) lose(e *history.Event) {
	i, held := t.copies[e.Node]
	if !held {
		return
	}
	delete(t.copies, e.Node)
	t.Copies[i].To, t.lastLoss = e.Time, e
	switch e.Verb {
	case obsRecovered:
		t.step(e, figures.Missing, "back without it")
	case obsRemoved:
		t.step(e, figures.Missing, "removed: %s", e.Why)
	default:
		if t.displaced == nil {
			t.displaced = e
		}
		t.step(e, figures.Displaced, "stores %s as %s", e.Value, t.place())
	}
}

// conclude finds the moment that decided, and ends what was still going on.
func (t *teller) conclude() {
	t.turn()
	end := int64(0)
	for _, s := range t.Steps {
		end = max(end, s.At)
	}
	for i := range t.Copies {
		if t.Copies[i].To < 0 {
			t.Copies[i].To = end
		}
	}
	t.Arrows = slices.DeleteFunc(t.Arrows, func(figures.Arrow) bool { return t.answered == nil || t.answered.Kind != history.OK })
	for i := range t.Arrows {
		t.Arrows[i].To = figures.Point{At: t.answered.Time, Lane: clientLane}
	}
	if t.published != nil && t.stored != nil {
		t.Arrows = append(t.Arrows, figures.Arrow{
			From: figures.Point{At: t.published.Time, Lane: clientLane}, To: figures.Point{At: t.stored.Time, Lane: int(t.stored.Node)},
		})
	}
}

func (t *teller) turn() {
	answer := "which nobody acknowledged"
	if a := t.answered; a != nil && a.Kind == history.OK {
		answer = fmt.Sprintf("acknowledged at %s", clock(a.Time))
	}
	var keep []string
	for n := range uint32(len(t.Lanes)) {
		if _, held := t.copies[n]; held {
			keep = append(keep, t.Lanes[n])
		}
	}
	still := ""
	if len(keep) > 0 {
		still = fmt.Sprintf(" A copy remains on %s, outside the stream.", strings.Join(keep, " and "))
	}
	found := t.finalRead != nil && t.finalRead.Value == t.value && !t.finalRead.NotFound
	switch {
	case t.published == nil:
	case found:
		t.Turn = figures.Turn{At: t.finalRead.Time, Good: true, Text: fmt.Sprintf("At the end message %s, %s, is still %s.", t.value, answer, t.place())}
	case t.lastLoss != nil && len(keep) == 0:
		t.Turn = figures.Turn{At: t.lastLoss.Time, Text: fmt.Sprintf("From %s on nobody holds message %s, %s.", clock(t.lastLoss.Time), t.value, answer)}
	case t.displaced != nil:
		t.Turn = figures.Turn{At: t.displaced.Time, Text: fmt.Sprintf("At %s n%d gives %s to message %s: message %s, %s, is lost to the stream.%s",
			clock(t.displaced.Time), t.displaced.Node, t.place(), t.displaced.Value, t.value, answer, still)}
	case t.finalRead != nil:
		t.Turn = figures.Turn{At: t.finalRead.Time, Text: fmt.Sprintf("At the end message %s, %s, is not in the stream.%s", t.value, answer, still)}
	}
}

// clock is a time of the run, rounded down.
func clock(ns int64) string { return fmt.Sprintf("%d.%03d s", ns/1e9, ns/1e6%1000) }

// struck adds what was wrong during the life: times without a process, and the faults that struck a
// node or the network, until the message's fate was decided.
func (t *teller) struck(spans []metrics.Span, nodes int) {
	if len(t.Steps) == 0 {
		return
	}
	from, to, last := t.Steps[0].At, t.Turn.At, int64(0)
	for _, s := range t.Steps {
		last = max(last, s.At)
	}
	if t.Turn.Text == "" {
		to = last
	}
	for n := range uint32(nodes + 1) {
		if d := t.down[n]; d != nil {
			t.downs = append(t.downs, downSpan(d, last))
		}
	}
	add := func(s figures.Span) {
		if s.From < to && s.To > from {
			if s.From < from {
				s.Text += " since " + clock(s.From)
			}
			s.From, s.To = max(s.From, from), min(s.To, last)
			t.Faults = append(t.Faults, s)
		}
	}
	for _, s := range t.downs {
		add(s)
	}
	network := len(t.Lanes)
	for _, s := range spans {
		kind, _ := faults.ParseKind(s.Kind)
		if kind == faults.Crash || kind == faults.Power {
			continue // shown by the processes that ended
		}
		if kind.OnLinks() {
			add(figures.Span{From: s.From, To: s.To, Lane: network, Kind: s.Kind, Text: s.Kind + " " + figures.Struck(s.What)})
			continue
		}
		for _, n := range nodesOf(s.What, nodes) {
			add(figures.Span{From: s.From, To: s.To, Lane: n, Kind: s.Kind, Text: inWords(kind)})
		}
	}
	if slices.ContainsFunc(t.Faults, func(s figures.Span) bool { return s.Lane == network }) {
		t.Lanes = append(t.Lanes, "network")
	}
}

// inWords says what is wrong with a node.
func inWords(k faults.Kind) string {
	if k == faults.Pause {
		return "paused"
	}
	return k.String()
}

// nodesOf are the nodes that a line of a plan strikes.
func nodesOf(line string, nodes int) []int {
	plan, err := faults.Parse(faults.Header + "\n" + line + "\n")
	if err != nil || len(plan.Faults) != 1 {
		return nil
	}
	var out []int
	for _, target := range plan.Faults[0].Targets {
		for _, n := range target.Expand(nodes) {
			if int(n) <= nodes {
				out = append(out, int(n))
			}
		}
	}
	return out
}
