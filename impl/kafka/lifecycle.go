package kafka

import (
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// lifecycle is this process as a broker of the cluster: registered, and kept so by heartbeats.
type lifecycle struct {
	asking bool         // an answer is awaited
	next   machine.Mono // when to ask again
}

// retry is how long to wait before a refused or lost request of the lifecycle is tried again.
const retry = 200 * ms

// live registers this process, or keeps its session alive.
func (b *Broker) live() {
	l := &b.life
	if l.asking || b.env.Mono < l.next {
		return
	}
	l.asking = true
	if b.epoch == 0 {
		m := &proto.RegisterRequest{Node: b.self(), Incarnation: b.incarnation}
		b.askController(proto.Register, m, func(code proto.Code, body []byte) {
			l.asking, l.next = false, b.env.Mono+retry
			var r proto.RegisterReply
			if code == proto.OK && proto.Decode(body, &r, "register") == nil {
				b.epoch, l.next = r.Epoch, 0
			}
		})
		return
	}
	m := &proto.HeartbeatRequest{Node: b.self(), Epoch: b.epoch, Index: b.index}
	b.askController(proto.Heartbeat, m, func(code proto.Code, _ []byte) {
		l.asking, l.next = false, b.env.Mono+machine.Mono(b.cfg.Heartbeat)
		switch code {
		case proto.OK:
			if br := b.meta.Broker(b.self()); br == nil || br.Fenced {
				l.next = b.env.Mono + retry // a fenced broker beats until it is let in
			}
		case proto.StaleBrokerEpoch, proto.BrokerIDNotRegistered:
			b.epoch, l.next = 0, b.env.Mono+retry
		default:
			l.next = b.env.Mono + retry
		}
	})
}
