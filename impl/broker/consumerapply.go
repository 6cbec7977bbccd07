package broker

import (
	"encoding/binary"
	"encoding/json"
	"slices"

	track "github.com/brokerlab/brokerlab/impl/consumer"
	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
	"github.com/brokerlab/brokerlab/model/subject"
)

// Kinds of commands about consumers, in the entries of their stream's group. They name consumers by id: one that was
// deleted meanwhile is nobody, and not another of its name.
const (
	cmdConsumer       byte = 16 // create or update: consumerWish as JSON
	cmdConsumerDelete byte = 17 // name, id (0: whichever has the name)
	cmdDeliver        byte = 18 // id, how many, and of each: sequence and whether it is another delivery of it
	cmdDelivered      byte = 19 // id, how many, and of each: sequence, consumer sequence, count
	cmdAck            byte = 20 // id, what, sequence, count, consumer sequence, reason
	cmdSpend          byte = 21 // id, how many, and of each: sequence, count
)

// consumerWish is what cmdConsumer asks for.
type consumerWish struct {
	Name   string
	Action string
	Config consumer.Config
}

// quiet marks the reply of a command that is answered only if it is carried out: an ack's sender takes any
// answer for a confirmation, a refusal too. It is no subject, so nothing else can be sent there.
const quiet = " "

// apply carries out one command; false if it is none about consumers. own: this node has proposed it.
func (c *consumers) apply(entry uint64, kind byte, r *reader, reply string, own bool) bool {
	switch kind {
	case cmdConsumer:
		var w consumerWish
		if err := json.Unmarshal(r.bytes(), &w); err != nil {
			machine.Broken("entry %d of stream %s: %v", entry, c.s.name(), err)
		}
		c.applyWish(entry, &w, reply)
	case cmdConsumerDelete:
		c.applyDelete(entry, string(r.bytes()), r.uvarint(), reply)
	case cmdDeliver:
		c.applyDeliver(entry, r, own)
	case cmdDelivered:
		c.applyDelivered(entry, r)
	case cmdAck:
		c.applyAck(entry, r, reply)
	case cmdSpend:
		c.applySpend(entry, r)
	default:
		return false
	}
	return true
}

// applyWish makes or changes a consumer, or says why not (nats-server addConsumerWithAssignmentAndMode).
func (c *consumers) applyWish(entry uint64, w *consumerWish, reply string) {
	x := c.names[w.Name]
	if x != nil && !x.logged() {
		c.forget(x, "Consumer Deleted") // only its leader has ever known it
		x = nil
	}
	why := c.forbids(x, w)
	switch {
	case why != nil:
	case x != nil:
		c.change(entry, x, &w.Config)
	default:
		x = &consumed{id: c.next, name: w.Name, created: c.s.clock, cfg: &w.Config}
		c.next++
		c.born(entry, x)
	}
	if reply == "" {
		return
	}
	if why != nil {
		c.s.g.b.reply(reply, consumerError(why).typed(typeConsumerCreate))
		return
	}
	c.s.g.b.reply(reply, c.infoJSON(x, typeConsumerCreate))
}

func consumerError(e *consumer.Error) *apiError { return &apiError{e.Code, e.ErrCode, e.Description} }

// forbids says why a wish cannot be granted; x is the consumer that has the name.
func (c *consumers) forbids(x *consumed, w *consumerWish) *consumer.Error {
	if why := w.Config.Validate(&c.s.cfg); why != nil {
		return why
	}
	switch {
	case x == nil && w.Action == consumer.ActionUpdate:
		return &consumer.Error{Code: 400, ErrCode: 10149, Description: "consumer does not exist"}
	case x != nil && w.Action == consumer.ActionCreate && !x.cfg.Equal(&w.Config):
		return &consumer.Error{Code: 400, ErrCode: 10148, Description: "consumer already exists"}
	case x != nil:
		if why := x.cfg.CanBecome(&w.Config); why != nil {
			return why
		}
	case c.logged() >= maxConsumers || c.s.cfg.MaxConsumers > 0 && c.limited() >= c.s.cfg.MaxConsumers:
		return &consumer.Error{Code: 400, ErrCode: 10026, Description: "maximum consumers limit reached"}
	}
	if c.s.cfg.Retention == stream.WorkQueue {
		return c.sharesQueue(x, &w.Config)
	}
	return nil
}

// logged is how many consumers are in the log; limited how many of them count for the stream's limit.
func (c *consumers) logged() (n int) {
	for n < len(c.list) && c.list[n].logged() {
		n++
	}
	return n
}

func (c *consumers) limited() (n int) {
	for _, x := range c.list[:c.logged()] {
		if !x.cfg.Direct {
			n++
		}
	}
	return n
}

// sharesQueue says why a consumer cannot take from a work queue beside the others: each message has one taker.
func (c *consumers) sharesQueue(x *consumed, cfg *consumer.Config) *consumer.Error {
	switch {
	case cfg.AckPolicy != consumer.AckExplicit:
		return &consumer.Error{Code: 400, ErrCode: 10098, Description: "workqueue stream requires explicit ack"}
	case cfg.DeliverPolicy != consumer.DeliverAll:
		return &consumer.Error{Code: 400, ErrCode: 10101, Description: "consumer must be deliver all on workqueue stream"}
	}
	mine := cfg.Filters()
	for _, y := range c.list[:c.logged()] {
		if y == x {
			continue
		}
		if len(mine) == 0 {
			return &consumer.Error{Code: 400, ErrCode: 10099, Description: "multiple non-filtered consumers not allowed on workqueue stream"}
		}
		for _, theirs := range y.filters() {
			if slices.ContainsFunc(mine, func(f string) bool { return subject.Overlap(f, theirs) }) {
				return &consumer.Error{Code: 400, ErrCode: 10100, Description: "filtered consumer not unique on workqueue stream"}
			}
		}
	}
	return nil
}

// born begins a consumer.
func (c *consumers) born(entry uint64, x *consumed) {
	begin := c.begin(x.cfg)
	x.state = track.NewState(x.cfg.AckPolicy, begin)
	x.state.Plant(c.s.g.b.consumerBugs())
	c.add(x)
	c.observe(x, machine.Observation{Kind: machine.ConsumerCreated, Index: entry, Seq: begin.After})
	if c.leads != nil {
		c.take(x)
		c.adviseAction(x, "create")
	}
}

// begin is where a new consumer starts (nats-server selectStartingSeqNo).
func (c *consumers) begin(cfg *consumer.Config) track.Begin {
	store := c.s.g.store
	first, last, _, _ := c.s.span()
	after := last
	switch cfg.DeliverPolicy {
	case consumer.DeliverAll:
		after = first - 1
	case consumer.DeliverLast:
		if seq, ok := store.LastMatch(cfg.Filters()); ok {
			after = seq - 1
		}
	case consumer.DeliverBySeq:
		after = max(cfg.OptStartSeq, first) - 1
	case consumer.DeliverByTime:
		ns, _ := cfg.StartTime()
		if seq, ok := store.FirstAfter(ns); ok {
			after = seq - 1
		}
	case consumer.DeliverLastPerSubject:
		var starts []uint64
		for _, f := range cfg.Filters() {
			store.EachSubject(f, func(_ string, _, _, newest uint64) bool {
				starts = append(starts, newest)
				return true
			})
		}
		slices.Sort(starts)
		return track.Begin{After: last, Starts: slices.Compact(starts)}
	}
	return track.Begin{After: after}
}

// change gives a consumer another configuration.
func (c *consumers) change(entry uint64, x *consumed, cfg *consumer.Config) {
	if x.cfg.Equal(cfg) {
		return
	}
	refiltered := !slices.Equal(x.cfg.Filters(), cfg.Filters())
	x.refiltered = x.refiltered || refiltered
	for _, f := range x.filters() {
		c.index.Remove(f, "", x)
	}
	c.deaf(x)
	x.cfg = cfg
	for _, f := range x.filters() {
		c.index.Add(f, "", x)
	}
	if x.lead != nil {
		x.lead.Reconfigure(c.s.g.b.env.Mono, cfg)
		c.hear(x)
		c.touch(x)
	}
	if refiltered && x.logged() {
		c.s.releaseUnneeded(entry)
	}
}

// applyDelete ends a consumer.
func (c *consumers) applyDelete(entry uint64, name string, id uint64, reply string) {
	x := c.names[name]
	if x == nil || !x.logged() || id != 0 && x.id != id {
		c.s.g.b.reply(reply, errConsumerNotFound.typed(typeConsumerDelete))
		return
	}
	c.ended(entry, x)
	c.s.releaseUnneeded(entry)
	c.s.g.b.reply(reply, deletedJSON)
}

func (c *consumers) ended(entry uint64, x *consumed) {
	c.drop(x)
	if x.lead != nil {
		c.adviseAction(x, "delete")
		c.release(x, "Consumer Deleted")
	}
	c.observe(x, machine.Observation{Kind: machine.ConsumerDeleted, Index: entry})
}

// applyDeliver records deliveries that are sent only now (delivered=before).
func (c *consumers) applyDeliver(entry uint64, r *reader, own bool) {
	x := c.byID(r.uvarint())
	var out track.Out
	var early []uint64 // of a bug
	n := r.uvarint()
	c.s.g.b.fx.Charge(machine.WorkApply, int64(n), 0, 0)
	for ; n > 0; n-- {
		item := r.uvarint()
		if x == nil {
			continue
		}
		seq, d, ok := item>>1, track.Delivery{}, false
		if _, there := c.s.g.store.SubjectOf(seq); there {
			before := x.state.Floor
			d, ok = x.state.Deliver(seq, item&1 == 1)
			c.settled(entry, x, nil, before)
		}
		if ok {
			c.unacked(entry, x, d)
		}
		if ok && c.keeps() && c.s.g.b.bug(BugQueueRemovesEarly) {
			early = append(early, seq)
		}
		if own && x.lead != nil {
			x.lead.Handed(c.s.g.b.env.Mono, seq, d, ok, &out)
		}
	}
	if own && x != nil && x.lead != nil {
		c.touch(x)
		c.carry(x, &out)
	}
	for _, seq := range early {
		c.s.remove(entry, seq, machine.RuleAck)
	}
}

// applyDelivered records deliveries that were sent before (delivered=after).
func (c *consumers) applyDelivered(entry uint64, r *reader) {
	x := c.byID(r.uvarint())
	n := r.uvarint()
	c.s.g.b.fx.Charge(machine.WorkApply, int64(n), 0, 0)
	for ; n > 0; n-- {
		d := track.Delivery{Seq: r.uvarint(), CSeq: r.uvarint(), Count: r.uvarint()}
		if x == nil {
			continue
		}
		_, there := c.s.g.store.SubjectOf(d.Seq)
		before := x.state.Floor
		c.settled(entry, x, x.state.Record(nil, d, there), before)
		c.unacked(entry, x, d)
	}
}

// unacked follows a delivery that needs no ack: it settles its message.
func (c *consumers) unacked(entry uint64, x *consumed, d track.Delivery) {
	if x.cfg.AckPolicy == consumer.AckNone {
		c.observe(x, machine.Observation{Kind: machine.Settled, Index: entry, Seq: d.Seq, N: int64(d.Count), Why: track.WhyAck})
		c.s.settled(entry, d.Seq)
	}
}

// applyAck settles what an ack or term names, and confirms it if that was asked for.
func (c *consumers) applyAck(entry uint64, r *reader, reply string) {
	x := c.byID(r.uvarint())
	what, d, reason := r.take(1)[0], track.Delivery{Seq: r.uvarint(), Count: r.uvarint(), CSeq: r.uvarint()}, string(r.bytes())
	if x != nil {
		c.ack(entry, x, ackWhys[what], d, reason, reply)
	}
}

// ackWhys is what the codes of cmdAck stand for.
var ackWhys = []string{track.WhyAck, track.WhyTerm}

func (c *consumers) ack(entry uint64, x *consumed, why string, d track.Delivery, reason, reply string) {
	before := x.state.Floor
	done, verdict := x.state.Ack(nil, d.Seq, d.Count, why, c.fences())
	c.settled(entry, x, done, before)
	if verdict == track.Stale {
		// No confirmation: who sent it has lost the message to a later delivery, and must not believe otherwise.
		c.s.g.drop("ack of an earlier delivery")
		return
	}
	if x.lead != nil {
		x.lead.acked = c.s.g.b.env.Wall
		if why == track.WhyTerm && verdict == track.Accepted {
			c.adviseTerm(x, d, reason)
		}
	}
	if len(reply) > len(quiet) {
		c.s.g.b.reply(reply[len(quiet):], nil)
	}
}

func (c *consumers) fences() bool { return c.s.g.b.cfg.Switches.AckFence != "none" }

// applySpend settles messages that ran out of deliveries.
func (c *consumers) applySpend(entry uint64, r *reader) {
	x := c.byID(r.uvarint())
	for n := r.uvarint(); n > 0; n-- {
		seq, count := r.uvarint(), r.uvarint()
		if x != nil {
			c.spend(entry, x, seq, count)
		}
	}
}

func (c *consumers) spend(entry uint64, x *consumed, seq, count uint64) {
	before := x.state.Floor
	done := x.state.Spend(nil, seq, count, c.keeps())
	c.settled(entry, x, done, before)
	if len(done) > 0 && x.lead != nil {
		c.adviseSpent(x, seq, count)
	}
}

// The commands as their proposers write them.

func deliverCommand(id uint64, takes []track.Take) []byte {
	cmd := binary.AppendUvarint([]byte{cmdDeliver}, id)
	cmd = binary.AppendUvarint(cmd, uint64(len(takes)))
	for _, t := range takes {
		item := t.Seq << 1
		if t.Again {
			item |= 1
		}
		cmd = binary.AppendUvarint(cmd, item)
	}
	return cmd
}

func deliveredCommand(id uint64, made []track.Delivery) []byte {
	cmd := binary.AppendUvarint([]byte{cmdDelivered}, id)
	cmd = binary.AppendUvarint(cmd, uint64(len(made)))
	for _, d := range made {
		cmd = binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(cmd, d.Seq), d.CSeq), d.Count)
	}
	return cmd
}

func spendCommand(id uint64, spent []track.Settled) []byte {
	cmd := binary.AppendUvarint([]byte{cmdSpend}, id)
	cmd = binary.AppendUvarint(cmd, uint64(len(spent)))
	for _, d := range spent {
		cmd = binary.AppendUvarint(binary.AppendUvarint(cmd, d.Seq), d.Count)
	}
	return cmd
}

func ackCommand(id uint64, what byte, d track.Delivery, reason string) []byte {
	cmd := append(binary.AppendUvarint([]byte{cmdAck}, id), what)
	cmd = binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(cmd, d.Seq), d.Count), d.CSeq)
	return appendBytes(cmd, []byte(reason))
}

func deleteCommand(name string, id uint64) []byte {
	return binary.AppendUvarint(appendBytes([]byte{cmdConsumerDelete}, []byte(name)), id)
}
