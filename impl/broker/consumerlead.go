package broker

import (
	"container/heap"
	"slices"
	"sort"

	track "github.com/brokerlab/brokerlab/impl/consumer"
	"github.com/brokerlab/brokerlab/impl/interest"
	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// leads is what the leader of a stream keeps of its consumers. It begins when an entry of the leader's own term
// has been applied: then everything that leaders before it logged is known, and nothing of theirs follows.
type leads struct {
	told  uint64 // newest message that they were told of
	dirty []*consumed
	// preparing: the dirty ones are being looked at, and when each has to be looked at next is noted behind that.
	preparing bool
	wakes     wakeHeap
	armed     machine.Mono // when the timer fires; 0: not set
	subs      []*subscription
	// unsure are those whose deliveries wait until it is confirmed that this node still leads.
	unsure []*consumed
}

// lead is one consumer on the leader.
type lead struct {
	*track.Leader
	outbox outbox
	dirty  bool
	wake   machine.Mono // 0: never
	pos    int          // in wakes; -1: not there
	heard  string       // the deliver subject whose interest it follows
	// When it last sent something, and last heard an ack (0: never).
	delivered, acked machine.Wall
}

// caughtUp begins to lead the consumers.
func (c *consumers) caughtUp() {
	c.leads = &leads{told: c.s.Last()}
	for _, x := range c.list {
		c.take(x)
	}
	c.serveRequests()
}

// take makes this node the leader of one consumer.
func (c *consumers) take(x *consumed) {
	b := c.s.g.b
	mode, view := c.mode(x), x.state
	if mode == track.LogAfter {
		view = view.Clone()
	}
	x.lead = &lead{pos: -1}
	x.lead.Leader = track.NewLeader(b.env.Mono, c.s.name(), x.name, x.cfg, mode, view, window{c.s}, b.consumerBugs())
	c.hear(x)
	c.touch(x)
}

// mode is how a consumer's deliveries are logged. Where a stream removes what is settled, and a delivery that needs no ack
// settles its message, it has to be sent before it is logged.
func (c *consumers) mode(x *consumed) track.Mode {
	switch {
	case !x.logged():
		return track.NoLog
	case c.s.g.b.cfg.Switches.Delivered == "after", x.cfg.AckPolicy == consumer.AckNone && c.keeps():
		return track.LogAfter
	}
	return track.LogBefore
}

// follow ends to lead them. Those that are not logged end with it.
func (c *consumers) follow() {
	if c.leads == nil {
		return
	}
	why := "Leadership Change"
	if _, a := c.s.g.b.meta().find(c.s.name()); a == nil || a.Group != c.s.g.id {
		why = "Consumer Deleted" // with its stream
	}
	for _, x := range slices.Clone(c.list) {
		switch {
		case x.lead == nil: // what was said of another has ended it
		case x.logged():
			c.release(x, why)
		default:
			c.forget(x, why)
		}
	}
	for _, sub := range c.leads.subs {
		c.s.g.b.unsubscribe(sub)
	}
	c.s.g.b.fx.CancelTimer(c.timer())
	c.leads = nil
}

// release ends to lead one consumer, and tells those who wait. What was to be sent them before is not.
func (c *consumers) release(x *consumed, why string) {
	var out track.Out
	x.lead.Close(why, &out)
	last := append(x.lead.outbox.statuses(), out.Sends...)
	c.deaf(x)
	if x.lead.pos >= 0 {
		heap.Remove(&c.wakes, x.lead.pos)
	}
	x.lead.outbox.close()
	x.lead = nil
	for i := range last {
		c.mail(x, &letter{Send: last[i]})
	}
}

// forget ends a consumer that is not logged.
func (c *consumers) forget(x *consumed, why string) {
	c.drop(x)
	c.release(x, why)
	c.observe(x, machine.Observation{Kind: machine.ConsumerDeleted, Why: why})
}

// touch has a consumer looked at before the step ends: there may be something to deliver, or another time to wake at.
func (c *consumers) touch(x *consumed) {
	if !x.lead.dirty {
		x.lead.dirty = true
		c.leads.dirty = append(c.leads.dirty, x)
		c.s.g.queue()
	}
}

// prepare lets the consumers that were touched choose what to deliver.
func (c *consumers) prepare() {
	if c.leads == nil || len(c.leads.dirty) == 0 || c.s.g.proposer.bytes > c.s.g.b.cfg.MaxQueue/2 {
		return // what is full is looked at again when something has been applied
	}
	now := c.s.g.b.env.Mono
	c.leads.preparing = true
	for i := 0; i < len(c.leads.dirty); i++ {
		x := c.leads.dirty[i]
		if x.lead == nil {
			continue // it is gone
		}
		x.lead.dirty = false
		if !x.lead.outbox.full() {
			var out track.Out
			x.lead.Gather(now, &out)
			c.carry(x, &out)
		}
		if x.lead != nil && !x.lead.dirty {
			c.schedule(x)
		}
	}
	c.leads.preparing = false
	clear(c.leads.dirty)
	c.leads.dirty = c.leads.dirty[:0]
	c.arm()
}

// maxSpent is how many messages that ran out of deliveries one command holds.
const maxSpent = 1024

// carry does what a leader has decided. It is not decided again while this node leads: its commands find room in the queue.
func (c *consumers) carry(x *consumed, out *track.Out) {
	g := c.s.g
	propose := func(cmd []byte) { g.proposer.add(g, "", cmd) }
	if len(out.Takes) > 0 {
		propose(deliverCommand(x.id, out.Takes))
	}
	if c.post(x, out.Sends); x.lead == nil {
		return // what was sent has deleted it
	}
	if len(out.Logs) > 0 {
		propose(deliveredCommand(x.id, out.Logs))
	}
	switch {
	case len(out.Spent) == 0:
	case x.logged():
		for spent := range slices.Chunk(out.Spent, maxSpent) {
			propose(spendCommand(x.id, spent))
		}
	default:
		for _, d := range out.Spent {
			c.spend(0, x, d.Seq, d.Count)
		}
	}
	switch {
	case !out.Delete:
	case x.logged():
		propose(deleteCommand(x.name, x.id))
	default:
		c.adviseAction(x, "delete")
		c.forget(x, "Consumer Deleted")
	}
}

// timer is the one timer of all ack waits, requests and heartbeats of the stream's consumers.
func (c *consumers) timer() machine.TimerKey {
	return machine.TimerKey{Kind: timerConsumers, ID: c.s.g.id}
}

// fired handles the timer.
func (c *consumers) fired() {
	if c.leads == nil {
		return
	}
	c.armed = 0
	now := c.s.g.b.env.Mono
	for len(c.wakes) > 0 && c.wakes[0].lead.wake <= now {
		x := c.wakes[0]
		heap.Remove(&c.wakes, 0)
		c.s.g.b.fx.Charge(machine.WorkTimer, 1, 0, 0)
		var out track.Out
		c.touch(x)
		x.lead.Tick(now, &out)
		c.carry(x, &out)
	}
	c.arm()
}

// schedule notes when a consumer has to be looked at next.
func (c *consumers) schedule(x *consumed) {
	at := x.lead.Wake(c.s.g.b.env.Mono)
	if x.lead.wake = at; x.lead.pos >= 0 {
		if at == 0 {
			heap.Remove(&c.wakes, x.lead.pos)
		} else {
			heap.Fix(&c.wakes, x.lead.pos)
		}
	} else if at != 0 {
		heap.Push(&c.wakes, x)
	}
}

func (c *consumers) arm() {
	if len(c.wakes) == 0 {
		return // a timer that fires in vain does no harm
	}
	if at := c.wakes[0].lead.wake; c.armed == 0 || at < c.armed {
		c.armed = at
		c.s.g.b.fx.SetTimer(c.timer(), max(at, c.s.g.b.env.Mono))
	}
}

// wakeHeap is the consumers by when they have to be looked at, the older id and then the name first among equals.
type wakeHeap []*consumed

func (h wakeHeap) Len() int { return len(h) }

func (h wakeHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	switch {
	case a.lead.wake != b.lead.wake:
		return a.lead.wake < b.lead.wake
	case a.id != b.id:
		return a.id < b.id
	}
	return a.name < b.name
}

func (h wakeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].lead.pos, h[j].lead.pos = i, j
}

// Push and Pop are heap.Interface.
func (h *wakeHeap) Push(v any) {
	x := v.(*consumed)
	x.lead.pos = len(*h)
	*h = append(*h, x)
}

// Pop removes the last.
func (h *wakeHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	x.lead.pos = -1
	return x
}

// window is the stream and who listens, as consumers see them.
type window struct{ s *streamState }

func (w window) Next(from uint64, filters []string) (uint64, bool) {
	return w.s.g.store.NextMatch(from, filters)
}

func (w window) Count(from uint64, filters []string) uint64 {
	return w.s.g.store.CountMatch(from, filters)
}

func (w window) Size(seq uint64) int {
	size, _ := w.s.g.store.SizeOf(seq)
	return size
}

func (w window) Stamp(seq uint64) int64 {
	at, _ := w.s.g.store.TimeOf(seq)
	return at
}

func (w window) Last() uint64 { return w.s.Last() }

func (w window) Wanted(to, group string) bool { return w.s.g.b.wanted(to, group) }

// wanted says whether anybody, here or at another node, listens to a subject: as a member of group, unless that is "".
func (b *Broker) wanted(to, group string) bool {
	res := b.index.Match([]byte(to), b.takeScratch())
	defer b.giveScratch()
	if group == "" {
		return !res.Empty()
	}
	return slices.ContainsFunc(res.Queues, func(q interest.Queue[*subscription]) bool { return q.Name == group })
}

// hear and deaf begin and end to follow the interest in a push consumer's deliver subject.
func (c *consumers) hear(x *consumed) {
	if x.lead.heard = x.cfg.DeliverSubject; x.cfg.Push() {
		b := c.s.g.b
		b.pushes[x.lead.heard] = append(b.pushes[x.lead.heard], pushed{c, x})
	}
}

func (c *consumers) deaf(x *consumed) {
	if x.lead == nil || x.lead.heard == "" {
		return
	}
	b := c.s.g.b
	left := slices.DeleteFunc(b.pushes[x.lead.heard], func(p pushed) bool { return p.x == x })
	if b.pushes[x.lead.heard] = left; len(left) == 0 {
		delete(b.pushes, x.lead.heard)
	}
	x.lead.heard = ""
}

// pushed is a push consumer that this node leads.
type pushed struct {
	c *consumers
	x *consumed
}

// interestChanged tells push consumers that somebody began or ceased to listen to what filter names.
func (b *Broker) interestChanged(filter string) {
	if len(b.pushes) == 0 {
		return
	}
	if subject.IsLiteral(filter) {
		b.tellPushed(filter)
		return
	}
	var hit []string
	for to := range b.pushes { // map order: sorted below
		if subject.Match(filter, to) {
			hit = append(hit, to)
		}
	}
	sort.Strings(hit)
	for _, to := range hit {
		b.tellPushed(to)
	}
}

func (b *Broker) tellPushed(to string) {
	for _, p := range b.pushes[to] {
		p.x.lead.Listened(b.env.Mono)
		p.c.touch(p.x)
	}
}
