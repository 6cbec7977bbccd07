package broker

import (
	"strings"

	track "github.com/brokerlab/brokerlab/impl/consumer"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
	"github.com/brokerlab/brokerlab/model/subject"
)

// Subjects and response types of the JetStream API about consumers (nats-server server/jetstream_api.go).
const (
	apiConsumerCreate   = "$JS.API.CONSUMER.CREATE."
	apiConsumerDurable  = "$JS.API.CONSUMER.DURABLE.CREATE."
	apiConsumerInfo     = "$JS.API.CONSUMER.INFO."
	apiConsumerNames    = "$JS.API.CONSUMER.NAMES."
	apiConsumerList     = "$JS.API.CONSUMER.LIST."
	apiConsumerDelete   = "$JS.API.CONSUMER.DELETE."
	apiConsumerNext     = "$JS.API.CONSUMER.MSG.NEXT."
	apiConsumerStepDown = "$JS.API.CONSUMER.LEADER.STEPDOWN."

	typeConsumerCreate   = typePrefix + "consumer_create_response"
	typeConsumerInfo     = typePrefix + "consumer_info_response"
	typeConsumerNames    = typePrefix + "consumer_names_response"
	typeConsumerList     = typePrefix + "consumer_list_response"
	typeConsumerDelete   = typePrefix + "consumer_delete_response"
	typeConsumerStepDown = typePrefix + "consumer_leader_stepdown_response"
)

var (
	errConsumerNotFound = &apiError{404, 10014, "consumer not found"}
	errNotEmpty         = &apiError{400, 10038, "expected an empty request payload"}

	deletedJSON = []byte(`{"type":"` + typeConsumerDelete + `","success":true}`)
)

// acks are listened to from the moment of election: they need only the log.
func (c *consumers) acks() []*subscription {
	return []*subscription{{filter: track.AckPrefix + c.s.name() + ".>", handle: c.ackMessage}}
}

// serveRequests listens to what needs more than the log.
func (c *consumers) serveRequests() {
	name := c.s.name()
	for _, h := range []struct {
		filter string
		handle func(*message)
	}{
		{apiConsumerCreate + name, c.createRequest},
		{apiConsumerCreate + name + ".>", c.createRequest},
		{apiConsumerDurable + name + ".>", c.createRequest},
		{apiConsumerInfo + name + ".*", c.infoRequest},
		{apiConsumerNames + name, c.namesRequest},
		{apiConsumerList + name, c.listRequest},
		{apiConsumerDelete + name + ".*", c.deleteRequest},
		{apiConsumerNext + name + ".*", c.nextRequest},
		{apiConsumerStepDown + name + ".*", c.stepDownRequest},
		{track.FlowPrefix + name + ".>", c.flowMessage},
	} {
		sub := c.s.g.serve("consumers", h.filter, h.handle)
		c.leads.subs = append(c.leads.subs, sub)
		c.s.g.b.hearLeader(sub.filter, c.s.g.b.cfg.Node, sub.queue)
	}
}

// missingStream are the requests that the leader of meta answers if the stream whose name follows the prefix does not
// exist.
var missingStream = []struct {
	prefix string
	answer []byte
}{
	{apiConsumerCreate, errStreamNotFound.typed(typeConsumerCreate)},
	{apiConsumerDurable, errStreamNotFound.typed(typeConsumerCreate)},
	{apiConsumerInfo, errStreamNotFound.typed(typeConsumerInfo)},
	{apiConsumerNames, errStreamNotFound.paged(typeConsumerNames)},
	{apiConsumerList, errStreamNotFound.paged(typeConsumerList)},
	{apiConsumerDelete, errStreamNotFound.typed(typeConsumerDelete)},
	{apiConsumerStepDown, errStreamNotFound.typed(typeConsumerStepDown)},
}

// place takes the subject of a request to create apart.
func place(s string) (p consumer.Place) {
	rest, ok := strings.CutPrefix(s, apiConsumerCreate)
	if !ok {
		rest, p.Durable = strings.TrimPrefix(s, apiConsumerDurable), true
	}
	p.Stream, rest, _ = strings.Cut(rest, ".")
	p.Name, p.Filter, _ = strings.Cut(rest, ".")
	return p
}

// createRequest makes a consumer, or changes one.
func (c *consumers) createRequest(m *message) {
	reply := string(m.reply)
	r, why := consumer.Parse(m.data)
	if why == nil {
		at := place(string(m.subject))
		if why = r.Agree(at); why == nil && at.Durable && at.Filter != "" {
			why = &consumer.Error{Code: 400, ErrCode: 10016, Description: "consumer expected to be durable but no durable name set in subject"}
		}
	}
	if why == nil && r.Config.Replicas > 1 && len(c.s.g.b.cfg.Nodes) == 1 {
		why = &consumer.Error{Code: 500, ErrCode: 10074, Description: "replicas > 1 not supported in non-clustered mode"}
	}
	if why == nil {
		r.Config.Defaults()
		why = r.Config.Validate(&c.s.cfg)
	}
	if why != nil {
		c.s.g.b.reply(reply, consumerError(why).typed(typeConsumerCreate))
		return
	}
	w := consumerWish{Name: r.Config.ID(), Action: r.Action, Config: r.Config}
	if w.Name == "" {
		w.Name = c.newName()
		w.Config.Name = w.Name
	}
	if c.inUse(&w) {
		c.s.g.b.reply(reply, (&apiError{400, 10013, "consumer name already in use"}).typed(typeConsumerCreate))
		return
	}
	if c.lives(&w) {
		c.s.g.readWhenLeading(reply, func(reply string) { c.makeUnlogged(&w, reply) })
		return
	}
	c.s.propose(appendBytes([]byte{cmdConsumer}, marshal(&w)), reply)
}

// newName draws the name of an ephemeral consumer that came without one.
func (c *consumers) newName() string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for {
		b := c.s.g.b
		b.picks++
		n := b.env.Choices.Draw(purposeConsumerName, b.picks)
		name := make([]byte, 8)
		for i := range name {
			name[i] = digits[n%62]
			n /= 62
		}
		if c.names[string(name)] == nil {
			return string(name)
		}
	}
}

// inUse says whether a wish would take a push consumer's deliver subject away from those who listen to it.
func (c *consumers) inUse(w *consumerWish) bool {
	x := c.names[w.Name]
	return x != nil && x.cfg.Push() && w.Config.Push() && x.cfg.DeliverSubject != w.Config.DeliverSubject &&
		c.s.g.b.wanted(x.cfg.DeliverSubject, x.cfg.DeliverGroup)
}

// lives says whether a consumer is to live in its leader's memory alone: an ephemeral one that has asked for that, by
// its storage or by needing no ack. On a stream that removes what is acked every consumer is logged.
func (c *consumers) lives(w *consumerWish) bool {
	if x := c.names[w.Name]; x != nil {
		return !x.logged()
	}
	cfg := &w.Config
	return c.s.cfg.Retention == stream.Limits && cfg.Durable == "" && (cfg.MemoryStorage || cfg.Direct || cfg.AckPolicy == consumer.AckNone)
}

// makeUnlogged makes a consumer that is not logged.
func (c *consumers) makeUnlogged(w *consumerWish, reply string) {
	if c.leads == nil {
		c.s.g.b.refuse(reply, "leadership lost")
		return
	}
	x := c.names[w.Name]
	if x != nil && x.logged() {
		x = nil
	}
	why := c.forbids(x, w)
	switch max := c.s.cfg.MaxConsumers; {
	case why != nil:
	case x != nil:
		c.change(0, x, &w.Config)
	case c.names[w.Name] != nil:
		why = &consumer.Error{Code: 400, ErrCode: 10013, Description: "consumer name already in use"}
	case len(c.list)-c.logged() >= maxConsumers || max > 0 && len(c.list) >= max && !w.Config.Direct:
		why = &consumer.Error{Code: 400, ErrCode: 10026, Description: "maximum consumers limit reached"}
	default:
		x = &consumed{name: w.Name, created: int64(c.s.g.b.env.Wall), cfg: &w.Config}
		c.born(0, x)
	}
	if why != nil {
		c.s.g.b.reply(reply, consumerError(why).typed(typeConsumerCreate))
		return
	}
	c.s.g.b.reply(reply, c.infoJSON(x, typeConsumerCreate))
}

func (c *consumers) deleteRequest(m *message) {
	reply := string(m.reply)
	if !emptyRequest(m.data) {
		c.s.g.b.reply(reply, errNotEmpty.typed(typeConsumerDelete))
		return
	}
	x := c.names[lastToken(m.subject)]
	if x == nil || x.logged() {
		c.s.propose(deleteCommand(lastToken(m.subject), 0), reply)
		return
	}
	c.adviseAction(x, "delete")
	c.forget(x, "Consumer Deleted")
	c.s.g.b.reply(reply, deletedJSON)
}

func (c *consumers) stepDownRequest(m *message) {
	if c.names[lastToken(m.subject)] == nil {
		c.s.g.b.reply(string(m.reply), errConsumerNotFound.typed(typeConsumerStepDown))
		return
	}
	c.s.g.stepDown(m, typeConsumerStepDown)
}

// nextRequest takes in a pull request. A consumer that does not exist is like one that never did: no responders.
func (c *consumers) nextRequest(m *message) {
	x := c.names[lastToken(m.subject)]
	switch reply := string(m.reply); {
	case !subject.Valid(reply):
	case x == nil:
		c.s.g.b.replyWith(reply, wire.AppendStatus(nil, 503, ""), nil)
	default:
		c.pull(x, reply, m.data)
	}
}

func (c *consumers) pull(x *consumed, reply string, body []byte) {
	var out track.Out
	c.s.g.b.fx.Charge(machine.WorkAPI, 1, int64(len(body)), 0)
	if x.lead.outbox.full() { // what it says to a request would wait there, too
		c.mail(x, &letter{Send: track.Send{To: reply, Status: &track.Status{Code: 409, Text: "Exceeded MaxWaiting"}}})
		return
	}
	x.lead.Pull(c.s.g.b.env.Mono, reply, body, &out)
	c.touch(x)
	c.carry(x, &out)
}

func (c *consumers) flowMessage(m *message) {
	rest := strings.TrimPrefix(string(m.subject), track.FlowPrefix+c.s.name()+".")
	name, _, _ := strings.Cut(rest, ".")
	if x := c.names[name]; x != nil {
		x.lead.Flowed(string(m.subject))
		c.touch(x)
	}
}

// ackMessage takes in what a client says of a delivery.
func (c *consumers) ackMessage(m *message) {
	_, name, d, ok := track.ParseAckSubject(string(m.subject))
	x, reply := c.names[name], string(m.reply)
	if !ok || x == nil || x.cfg.AckPolicy == consumer.AckNone {
		return
	}
	p := track.ParsePayload(m.data)
	if p.Kind == track.Term && c.s.g.b.bug(BugTermAsNak) {
		p.Kind = track.Nak
	}
	c.s.g.b.fx.Charge(machine.WorkConsume, 1, 0, 0)
	now := c.s.g.b.env.Mono
	if x.lead != nil {
		x.lead.Used(now)
		c.touch(x)
	}
	switch p.Kind {
	case track.Ack:
		c.settle(x, 0, d, "", reply)
	case track.Term:
		c.settle(x, 1, d, p.Reason, reply)
	case track.Next:
		c.settle(x, 0, d, "", "")
		if x.lead != nil && subject.Valid(reply) {
			c.pull(x, reply, p.Rest)
		}
	case track.Nak, track.Progress:
		c.postpone(x, p, d)
		c.s.g.b.reply(reply, nil)
	}
}

// settle takes an ack (what 0) or term (1) into the log, or carries it out if the consumer is not there.
func (c *consumers) settle(x *consumed, what byte, d track.Delivery, reason, reply string) {
	if !x.logged() {
		c.ack(0, x, ackWhys[what], d, reason, quiet+reply)
		return
	}
	if c.s.g.b.bug(BugAckBeforeApply) {
		c.s.g.b.reply(reply, nil)
	}
	if !c.s.g.proposer.enqueue(c.s.g, quiet+reply, ackCommand(x.id, what, d, reason)) {
		c.s.g.drop("ack: too many commands wait")
	}
}

// postpone carries out a nak or progress, which are the leader's own: another leader begins all ack waits anew.
func (c *consumers) postpone(x *consumed, p track.Payload, d track.Delivery) {
	if x.lead == nil {
		return
	}
	now := c.s.g.b.env.Mono
	if p.Kind == track.Progress {
		x.lead.Progress(now, d.Seq, d.Count, c.fences())
		return
	}
	var out track.Out
	x.lead.Nak(now, d.Seq, d.Count, p.Delay, c.fences(), &out)
	c.adviseNak(x, d)
	c.carry(x, &out)
}

// pending is how many deliveries wait to be settled.
func (c *consumers) pending() (n int64) {
	for _, x := range c.list {
		n += int64(x.state.Pending())
	}
	return n
}
