package consumer

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	config "github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// ledger is a stream, a consumer of it and everything that was ever said, kept in the simplest way: what Leader and
// State do is compared with it.
type ledger struct {
	t     *rapid.T
	cfg   *config.Config
	mode  Mode
	now   machine.Mono
	state *State
	l     *Leader

	subjects map[uint64]string // of messages that are there
	last     uint64
	deaf     map[string]bool // replies that nobody listens to

	log       []command // on their way through the log
	counts    map[uint64]uint64
	delivered []Delivery
	settled   map[uint64]string
	first     uint64 // newest first delivery
	requests  map[string]*asked
	floor     Position
	idle      bool
	// changed: there was another leader; what it had counted may be lost.
	changed bool
	keep    bool // the stream keeps what ran out of deliveries
}

type asked struct {
	batch, bytes, got int
	over              bool
}

type command struct {
	take  *Take
	log   *Delivery
	spent *Settled
	ack   *Delivery
	why   string
	gone  uint64
}

// The ledger as Messages.

func (g *ledger) Next(from uint64, filters []string) (uint64, bool) {
	for seq := from; seq <= g.last; seq++ {
		if s, there := g.subjects[seq]; there && g.named(s, filters) {
			return seq, true
		}
	}
	return 0, false
}

func (g *ledger) Count(from uint64, filters []string) (n uint64) {
	for seq, s := range g.subjects { // map order: a count
		if seq >= from && g.named(s, filters) {
			n++
		}
	}
	return n
}

func (g *ledger) named(s string, filters []string) bool {
	return len(filters) == 0 || slices.ContainsFunc(filters, func(f string) bool { return subject.Match(f, s) })
}

func (g *ledger) Size(seq uint64) int             { return 10 + int(seq%7) }
func (g *ledger) Stamp(seq uint64) int64          { return int64(seq) }
func (g *ledger) Last() uint64                    { return g.last }
func (g *ledger) Wanted(reply, group string) bool { return !g.deaf[reply] }

func newLedger(t *rapid.T) *ledger {
	g := &ledger{
		t: t, now: 1, subjects: map[uint64]string{}, deaf: map[string]bool{}, counts: map[uint64]uint64{},
		settled: map[uint64]string{}, requests: map[string]*asked{}, keep: rapid.Bool().Draw(t, "keep"),
	}
	g.cfg = &config.Config{
		DeliverPolicy: config.DeliverAll, ReplayPolicy: config.ReplayInstant,
		AckPolicy:     rapid.SampledFrom([]string{config.AckExplicit, config.AckExplicit, config.AckAll, config.AckNone}).Draw(t, "policy"),
		MaxDeliver:    rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "max deliver"),
		MaxAckPending: rapid.SampledFrom([]int{0, 1, 4}).Draw(t, "max pending"),
		AckWait:       100,
		FilterSubject: rapid.SampledFrom([]string{"", "", "a", "*.x"}).Draw(t, "filter"),
	}
	if rapid.IntRange(0, 3).Draw(t, "push") == 0 {
		g.cfg.DeliverSubject = "push"
	}
	g.cfg.Defaults()
	g.mode = rapid.SampledFrom([]Mode{LogBefore, LogAfter, NoLog}).Draw(t, "mode")
	if rapid.IntRange(0, 4).Draw(t, "backoff") == 0 {
		g.cfg.BackOff = []int64{10, 50}
	}
	for range rapid.IntRange(0, 5).Draw(t, "before") {
		g.publish()
	}
	after := rapid.Uint64Range(0, g.last+3).Draw(t, "after") // a consumer may begin beyond the end
	g.state = NewState(g.cfg.AckPolicy, Begin{After: after})
	g.first, g.floor = after, g.state.Floor
	for seq := range after {
		g.settled[seq+1] = "before"
	}
	g.lead()
	return g
}

func (g *ledger) lead() {
	view := g.state
	if g.mode == LogAfter {
		view = g.state.Clone()
	}
	g.l = NewLeader(g.now, "S", "C", g.cfg, g.mode, view, g, Bugs{})
}

func (g *ledger) publish() {
	g.last++
	s := rapid.SampledFrom([]string{"a", "a.x", "b.x", "c"}).Draw(g.t, "subject")
	g.subjects[g.last] = s
	if g.l != nil && g.named(s, g.cfg.Filters()) {
		g.l.Stored(g.last)
	}
}

// carry does what the leader decided.
func (g *ledger) carry(out *Out) {
	for i := range out.Sends {
		g.send(&out.Sends[i])
	}
	for i := range out.Takes {
		g.log = append(g.log, command{take: &out.Takes[i]})
	}
	for i := range out.Logs {
		g.log = append(g.log, command{log: &out.Logs[i]})
	}
	for i := range out.Spent {
		g.log = append(g.log, command{spent: &out.Spent[i]})
	}
	g.idle = g.idle || out.Delete
	if g.mode == NoLog && len(g.log) > 0 {
		g.apply(len(g.log))
	}
}

func (g *ledger) send(s *Send) {
	if s.To != "push" {
		r := g.requests[s.To]
		if r == nil || r.over {
			g.t.Fatalf("%q is sent %+v after its end", s.To, s)
		}
		if s.Status != nil {
			r.over = s.Status.Code != 100
			return
		}
		r.got++
		if r.got > r.batch {
			g.t.Fatalf("%q is sent more than %d messages", s.To, r.batch)
		}
		if r.bytes -= g.Size(s.Seq); r.bytes < 0 && r.bytes > -1_000_000 {
			g.t.Fatalf("%q is sent more bytes than it allows", s.To)
		}
	}
	if s.Status != nil {
		return
	}
	name, there := g.subjects[s.Seq]
	if !there || !g.named(name, g.cfg.Filters()) {
		g.t.Fatalf("message %d (%q) is sent", s.Seq, name)
	}
	if why := g.settled[s.Seq]; why != "" && !(g.changed && why == "no ack") {
		g.t.Fatalf("message %d is sent after %s", s.Seq, why)
	}
	repeats := g.changed && g.mode == LogAfter
	switch g.counts[s.Seq]++; {
	case repeats:
	case g.changed && s.Count > g.counts[s.Seq]: // counted, but not sent
		g.counts[s.Seq] = s.Count
	case g.counts[s.Seq] != s.Count:
		g.t.Fatalf("message %d is sent for the %d-th time and says %d", s.Seq, g.counts[s.Seq], s.Count)
	}
	if s.Count == 1 && s.Seq <= g.first && !repeats {
		g.t.Fatalf("first delivery of %d after that of %d", s.Seq, g.first)
	} else if s.Count == 1 {
		g.first = s.Seq
	}
	if max := g.cfg.MaxDeliver; max > 0 && s.Count > uint64(max) {
		g.t.Fatalf("message %d is sent %d times", s.Seq, s.Count)
	}
	if want := g.Count(g.first+1, g.cfg.Filters()); s.Count == 1 && g.mode != LogBefore && s.Pending != want {
		g.t.Fatalf("message %d says that %d are to come, not %d", s.Seq, s.Pending, want)
	}
	g.delivered = append(g.delivered, s.Delivery)
	g.l.Sent(g.now, s.Delivery)
	if g.cfg.AckPolicy == config.AckNone {
		g.settled[s.Seq] = "no ack"
	}
}

// apply lets n commands through the log.
func (g *ledger) apply(n int) {
	for ; n > 0 && len(g.log) > 0; n-- {
		c := g.log[0]
		g.log = g.log[1:]
		var out Out
		g.applyOne(c, &out)
		g.carry(&out)
	}
}

func (g *ledger) applyOne(c command, out *Out) {
	switch {
	case c.take != nil:
		_, there := g.subjects[c.take.Seq]
		d, ok := Delivery{}, false
		if there {
			d, ok = g.state.Deliver(c.take.Seq, c.take.Again)
		}
		g.l.Handed(g.now, c.take.Seq, d, ok, out)
	case c.log != nil:
		g.settle(g.state.Record(nil, *c.log, g.subjects[c.log.Seq] != ""))
	case c.spent != nil:
		g.settle(g.state.Spend(nil, c.spent.Seq, c.spent.Count, g.keep))
	case c.ack != nil:
		done, verdict := g.state.Ack(nil, c.ack.Seq, c.ack.Count, c.why, true)
		for _, d := range done {
			if d.Seq > c.ack.Seq || d.Seq < c.ack.Seq && g.cfg.AckPolicy != config.AckAll || verdict != Accepted {
				g.t.Fatalf("an ack of %d settles %d (verdict %d)", c.ack.Seq, d.Seq, verdict)
			}
		}
		g.settle(done)
	case c.gone != 0:
		name, there := g.subjects[c.gone]
		if !there {
			return
		}
		delete(g.subjects, c.gone)
		g.l.Removed(c.gone, g.named(name, g.cfg.Filters()))
		g.settle(g.state.Remove(nil, c.gone))
	}
}

// settle tells the leader what the state settled.
func (g *ledger) settle(done []Settled) {
	for _, s := range done {
		if g.settled[s.Seq] != "" && g.cfg.AckPolicy != config.AckNone && g.settled[s.Seq] != WhyMaxDeliver {
			g.t.Fatalf("message %d is settled by %s after %s", s.Seq, s.Why, g.settled[s.Seq])
		}
		g.settled[s.Seq] = s.Why
		g.l.Settled(s)
	}
}

func (g *ledger) check() {
	s := g.state
	if f := s.Floor; f.Stream < g.floor.Stream || f.Consumer < g.floor.Consumer {
		g.t.Fatalf("the floor falls from %v to %v", g.floor, f)
	}
	g.floor = s.Floor
	if s.Floor.Stream > s.Delivered.Stream || s.Floor.Consumer > s.Delivered.Consumer {
		g.t.Fatalf("floor %v above %v", s.Floor, s.Delivered)
	}
	lowest := uint64(0)
	s.EachPending(func(seq, _ uint64) {
		if lowest == 0 {
			lowest = seq
		}
		if _, there := g.subjects[seq]; !there {
			g.t.Fatalf("message %d is pending and gone", seq)
		}
	})
	if lowest != 0 && s.Floor.Stream >= lowest {
		g.t.Fatalf("the floor %d is not below pending %d", s.Floor.Stream, lowest)
	}
	if n := g.cfg.MaxAckPending; n > 0 && s.Pending() > n {
		g.t.Fatalf("%d are pending, %d may be", s.Pending(), n)
	}
	if v := g.l.View(); len(g.log) == 0 || g.mode != LogBefore {
		from := v.Delivered.Stream + 1
		if want := g.Count(from, g.cfg.Filters()); g.l.NumPending() != want {
			g.t.Fatalf("%d are said to come, %d are", g.l.NumPending(), want)
		}
	}
	again, rest, err := DecodeState(s.policy, s.Append(nil))
	if err != nil || len(rest) > 0 || fmt.Sprint(again.Append(nil)) != fmt.Sprint(s.Append(nil)) {
		g.t.Fatalf("state does not survive its codec: %v", err)
	}
}

// change is another leader: some of what was on its way is applied, the rest is lost.
func (g *ledger) change() {
	var out Out
	g.l.Close("Leadership Change", &out)
	g.carry(&out)
	for _, c := range g.log[:rapid.IntRange(0, len(g.log)).Draw(g.t, "survives")] {
		switch _, there := g.subjects[c.gone]; {
		case c.take != nil && g.subjects[c.take.Seq] != "":
			g.state.Deliver(c.take.Seq, c.take.Again)
		case c.take == nil && (c.gone == 0 || there):
			g.applyOne(c, &out)
		}
	}
	g.log, g.changed = nil, true
	g.lead()
	if g.cfg.Push() {
		g.l.Listened(g.now)
	}
}

// step does one thing that may happen.
func (g *ledger) step(i int) {
	var out Out
	switch rapid.IntRange(0, 12).Draw(g.t, "step") {
	case 0, 1:
		g.publish()
	case 2:
		if seq := rapid.Uint64Range(1, max(g.last, 1)).Draw(g.t, "gone"); g.subjects[seq] != "" {
			g.log = append(g.log, command{gone: seq})
		}
	case 3, 4:
		if !g.cfg.Push() {
			g.pull(i, &out)
		}
	case 5, 6:
		if n := len(g.delivered); n > 0 {
			g.answer(g.delivered[rapid.IntRange(max(0, n-8), n-1).Draw(g.t, "delivery")], &out)
		}
	case 7:
		g.now += machine.Mono(rapid.IntRange(1, 120).Draw(g.t, "time"))
	case 8:
		if !g.cfg.Push() {
			g.deaf[fmt.Sprint("r", rapid.IntRange(0, i).Draw(g.t, "deaf"))] = true
		} else {
			g.deaf["push"] = !g.deaf["push"]
			g.l.Listened(g.now)
		}
	case 9:
		g.apply(len(g.log))
	case 10:
		if g.mode != NoLog {
			g.change()
		}
	default:
		g.apply(1)
	}
	g.l.Tick(g.now, &out)
	g.l.Gather(g.now, &out)
	g.carry(&out)
	g.check()
}

func (g *ledger) pull(i int, out *Out) {
	reply := fmt.Sprint("r", i)
	batch := rapid.IntRange(1, 5).Draw(g.t, "batch")
	bytes := rapid.SampledFrom([]int{0, 0, 30, 100}).Draw(g.t, "bytes")
	body := fmt.Sprintf(`{"batch":%d,"max_bytes":%d,"expires":%d,"no_wait":%t}`, batch, bytes,
		rapid.SampledFrom([]int{0, 50}).Draw(g.t, "expires"), rapid.Bool().Draw(g.t, "no wait"))
	g.requests[reply] = &asked{batch: batch, bytes: bytes}
	if bytes == 0 {
		g.requests[reply].bytes = -1_000_000
	}
	g.l.Pull(g.now, reply, []byte(body), out)
}

func (g *ledger) answer(d Delivery, out *Out) {
	switch rapid.IntRange(0, 5).Draw(g.t, "answer") {
	case 0:
		g.l.Nak(g.now, d.Seq, d.Count, int64(rapid.SampledFrom([]int{0, 30}).Draw(g.t, "delay")), true, out)
	case 1:
		g.l.Progress(g.now, d.Seq, d.Count, true)
	case 2:
		g.log = append(g.log, command{ack: &d, why: WhyTerm})
	default:
		g.log = append(g.log, command{ack: &d, why: WhyAck})
	}
	if g.mode == NoLog {
		g.apply(len(g.log))
	}
}

// finish is a client that asks until there is nothing more, and acks everything.
func (g *ledger) finish() {
	clear(g.deaf)
	if g.cfg.Push() {
		g.l.Listened(g.now)
	}
	for i := range 400 {
		var out Out
		if !g.cfg.Push() {
			reply := fmt.Sprint("last", i)
			g.requests[reply] = &asked{batch: 10, bytes: -1_000_000}
			g.l.Pull(g.now, reply, []byte(`{"batch":10,"expires":20}`), &out)
		}
		g.l.Gather(g.now, &out)
		g.now += 60
		g.l.Tick(g.now, &out)
		n := len(g.delivered)
		g.carry(&out)
		g.apply(len(g.log))
		for ; n < len(g.delivered); n++ {
			d := g.delivered[n]
			g.log = append(g.log, command{ack: &d, why: WhyAck})
		}
		g.apply(len(g.log))
		g.check()
	}
	for seq, name := range g.subjects { // map order: every one is checked
		if g.cfg.AckPolicy == config.AckNone && g.mode == LogBefore && g.changed {
			continue // what was logged may not have been sent: at most once
		}
		if g.named(name, g.cfg.Filters()) && g.settled[seq] == "" {
			g.t.Fatalf("message %d (%s) was never settled; state %+v, leader %+v of %+v", seq, name, g.state, g.l, g.l.view)
		}
	}
	if g.state.Pending() != 0 || g.state.Floor.Stream != g.state.Delivered.Stream || g.state.Floor.Consumer != g.state.Delivered.Consumer {
		g.t.Fatalf("nothing is open, but %d pending, floor %v of %v", g.state.Pending(), g.state.Floor, g.state.Delivered)
	}
}

func TestAConsumerDoesWhatASimpleLedgerSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := newLedger(t)
		for i := range rapid.IntRange(1, 120).Draw(t, "steps") {
			g.step(i)
		}
		g.finish()
	})
}
