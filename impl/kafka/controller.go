package kafka

import (
	"encoding/binary"

	"github.com/brokerlab/brokerlab/impl/kafka/metadata"
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// controller is what this node knows as the active one, and the commands that it has in hand.
type controller struct {
	active    bool
	lingering bool
	queue     []command
	number    uint64
	inFlight  []flight
	sessions  []sessionOf // by broker
	rebalance machine.Mono
}

// command is one wish and who waits for what comes of it.
type command struct {
	c    metadata.Command
	done func(r metadata.Result)
}

// flight is an entry on its way.
type flight struct {
	number uint64
	done   []func(metadata.Result)
}

// sessionOf is when a broker was last heard of.
type sessionOf struct {
	broker uint32
	heard  machine.Mono
	busy   bool // a fence or unfence is on its way
}

// maxCommands waiting or on their way; beyond it requests are answered NotController and come again.
const maxCommands = 10_000

// ctlLead makes this node the active controller: every session begins anew.
func (b *Broker) ctlLead(uint64) {
	b.ctl.active = true
	b.ctl.rebalance = b.env.Mono + machine.Mono(b.cfg.Rebalance)
	b.ctl.sessions = b.ctl.sessions[:0]
	for _, br := range b.meta.Brokers() {
		b.session(br.ID)
	}
}

// ctlFollow gives up what was not proposed, and forgets what was: who asked hears NotController, and asks the next.
func (b *Broker) ctlFollow() {
	c := &b.ctl
	queue, flights := c.queue, c.inFlight
	c.active, c.queue, c.inFlight = false, nil, nil
	refused := metadata.Result{Code: proto.NotController}
	for _, q := range queue {
		q.done(refused)
	}
	for _, f := range flights {
		for _, done := range f.done {
			done(refused)
		}
	}
}

// session is what is known of a broker's session, begun now if there was none.
func (b *Broker) session(id uint32) *sessionOf {
	for i := range b.ctl.sessions {
		if b.ctl.sessions[i].broker == id {
			return &b.ctl.sessions[i]
		}
	}
	b.ctl.sessions = append(b.ctl.sessions, sessionOf{broker: id, heard: b.env.Mono})
	return &b.ctl.sessions[len(b.ctl.sessions)-1]
}

// watchSessions fences brokers that were not heard of for a session, and looks at elections now and then.
func (b *Broker) watchSessions() {
	if !b.ctl.active {
		return
	}
	for _, br := range b.meta.Brokers() {
		s := b.session(br.ID)
		if br.Fenced || s.busy || int64(b.env.Mono-s.heard) < b.cfg.Session {
			continue
		}
		s.busy = true
		b.command(metadata.Command{Fence: &metadata.Session{Broker: br.ID, Epoch: br.Epoch}}, b.settled(br.ID))
	}
	if b.env.Mono >= b.ctl.rebalance {
		b.ctl.rebalance = b.env.Mono + machine.Mono(b.cfg.Rebalance)
		b.command(metadata.Command{Elect: true}, func(metadata.Result) {})
	}
}

func (b *Broker) settled(id uint32) func(metadata.Result) {
	return func(metadata.Result) { b.session(id).busy = false }
}

// command has the controller log a wish. Commands gather for the quorum's linger.
func (b *Broker) command(c metadata.Command, done func(metadata.Result)) {
	if !b.ctl.active || len(b.ctl.queue)+len(b.ctl.inFlight) >= maxCommands {
		done(metadata.Result{Code: proto.NotController})
		return
	}
	b.ctl.queue = append(b.ctl.queue, command{c, done})
	if !b.ctl.lingering {
		b.ctl.lingering = true
		b.fx.SetTimer(machine.TimerKey{Kind: timerLinger}, b.env.Mono+machine.Mono(b.cfg.Linger))
	}
}

// proposeCommands makes one entry of what has gathered.
func (b *Broker) proposeCommands() {
	c := &b.ctl
	if len(c.queue) == 0 || !c.active {
		return
	}
	c.number++
	entry := binary.AppendUvarint(nil, uint64(b.cfg.Node))
	entry = binary.LittleEndian.AppendUint64(entry, b.incarnation)
	entry = binary.AppendUvarint(entry, c.number)
	f := flight{number: c.number}
	for i := range c.queue {
		body := c.queue[i].c.Append(nil)
		entry = append(binary.AppendUvarint(entry, uint64(len(body))), body...)
		f.done = append(f.done, c.queue[i].done)
	}
	b.fx.Charge(machine.WorkEncode, int64(len(c.queue)), int64(len(entry)), 0)
	queue := c.queue
	c.queue = nil
	if !b.group.Propose(entry) {
		for _, q := range queue {
			q.done(metadata.Result{Code: proto.NotController})
		}
		return
	}
	c.inFlight = append(c.inFlight, f)
}

// applyMetadata carries out one committed entry: on every node, for every node learns so what there is and who leads.
func (b *Broker) applyMetadata(index, _ uint64, data []byte) {
	b.fx.Charge(machine.WorkApply, 0, int64(len(data)), 0)
	node, n := binary.Uvarint(data)
	boot := binary.LittleEndian.Uint64(data[n:])
	number, m := binary.Uvarint(data[n+8:])
	rest := data[n+8+m:]
	b.index = index
	done := b.takeFlight(node, boot, number)
	for i := 0; len(rest) > 0; i++ {
		size, n := binary.Uvarint(rest)
		c, err := metadata.ParseCommand(rest[n : uint64(n)+size])
		if err != nil {
			machine.Broken("entry %d of the controller: %v", index, err)
		}
		rest = rest[uint64(n)+size:]
		b.fx.Charge(machine.WorkApply, 1, 0, 0)
		// Commands of one entry are told apart by their places: a registration's epoch must be its own.
		r := b.meta.Apply(index<<16|uint64(i), &c)
		for _, id := range r.Changed {
			b.changed(id)
		}
		if c.Register != nil && c.Register.Node == b.self() && c.Register.Incarnation == b.incarnation && r.Code == proto.OK {
			b.act()
		}
		if c.Fence != nil || c.Unfence != nil || c.Register != nil {
			b.membersChanged()
		}
		if done != nil {
			done[i](r)
		}
	}
}

// takeFlight returns who waits for an entry of this process's; what it overtook will not come any more.
func (b *Broker) takeFlight(node, boot, number uint64) []func(metadata.Result) {
	if node != uint64(b.cfg.Node) || boot != b.incarnation {
		return nil
	}
	for len(b.ctl.inFlight) > 0 && b.ctl.inFlight[0].number <= number {
		f := b.ctl.inFlight[0]
		b.ctl.inFlight = b.ctl.inFlight[1:]
		if f.number == number {
			return f.done
		}
	}
	return nil
}

// control handles a request that is the controller's.
func (b *Broker) control(api proto.API, body []byte, answer func(proto.Message)) {
	b.fx.Charge(machine.WorkAPI, 1, 0, 0)
	result := func(r metadata.Result) { answer(&proto.CodeReply{Code: r.Code}) }
	switch api {
	case proto.CreateTopic:
		var m proto.CreateTopicRequest
		if proto.Decode(body, &m, "create-topic") == nil {
			b.command(metadata.Command{Create: &m}, result)
		}
	case proto.InitProducer:
		b.command(metadata.Command{NewProducer: true}, func(r metadata.Result) { answer(&proto.InitProducerReply{Code: r.Code, PID: r.PID}) })
	case proto.Register:
		var m proto.RegisterRequest
		if proto.Decode(body, &m, "register") == nil {
			b.register(&m, answer)
		}
	case proto.Heartbeat:
		var m proto.HeartbeatRequest
		if proto.Decode(body, &m, "heartbeat") == nil {
			answer(&proto.CodeReply{Code: b.heard(&m)})
		}
	case proto.AlterPartition:
		var m proto.AlterPartitionRequest
		if proto.Decode(body, &m, "alter-partition") == nil {
			b.command(metadata.Command{Alter: &m}, result)
		}
	}
}

// register takes a new process of a broker in, once the session of the one before has ended (ClusterControlManager:
// DUPLICATE_BROKER_REGISTRATION until then).
func (b *Broker) register(m *proto.RegisterRequest, answer func(proto.Message)) {
	if br := b.meta.Broker(m.Node); b.ctl.active && br != nil && !br.Fenced && br.Incarnation != m.Incarnation {
		answer(&proto.RegisterReply{Code: proto.DuplicateRegistration})
		return
	}
	b.command(metadata.Command{Register: m}, func(r metadata.Result) {
		if r.Code == proto.OK {
			b.session(m.Node).heard = b.env.Mono
		}
		answer(&proto.RegisterReply{Code: r.Code, Epoch: r.Epoch})
	})
}

// heard is a broker's heartbeat: its session goes on, and it is unfenced once it has applied its own registration.
func (b *Broker) heard(m *proto.HeartbeatRequest) proto.Code {
	br := b.meta.Broker(m.Node)
	switch {
	case !b.ctl.active:
		return proto.NotController
	case br == nil:
		return proto.BrokerIDNotRegistered
	case br.Epoch != m.Epoch:
		return proto.StaleBrokerEpoch
	}
	s := b.session(m.Node)
	s.heard = b.env.Mono
	if br.Fenced && !s.busy && m.Index >= br.Epoch>>16 {
		s.busy = true
		b.command(metadata.Command{Unfence: &metadata.Session{Broker: br.ID, Epoch: br.Epoch}}, b.settled(br.ID))
	}
	return proto.OK
}

// askController sends a request to the active controller, which may be this node.
func (b *Broker) askController(api proto.API, m proto.Message, done func(code proto.Code, body []byte)) {
	leader := b.group.Leader()
	switch p := b.peer(leader); {
	case leader == b.cfg.Node:
		var body []byte
		if m != nil {
			body = m.Append(nil)
		}
		b.control(api, body, func(r proto.Message) { answered(r.Append(nil), done) })
	case p == nil:
		done(proto.NotController, nil)
	default:
		p.ask(api, m, func(code proto.Code, body []byte) {
			if code != proto.OK {
				done(code, nil)
				return
			}
			answered(body, done)
		})
	}
}

// answered takes the code out of an answer, which every one of the controller's begins with.
func answered(body []byte, done func(proto.Code, []byte)) {
	code, n := binary.Varint(body)
	if n <= 0 {
		done(proto.NotController, nil)
		return
	}
	done(proto.Code(code), body)
}
