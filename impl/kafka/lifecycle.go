package kafka

import (
	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// lifecycle is this process as a broker of the cluster: registered, and kept so by heartbeats.
type lifecycle struct {
	asking  bool         // an answer is awaited
	next    machine.Mono // when to ask again
	refused int          // registrations, one after the other
}

// retry is how long to wait before a request of the lifecycle is tried again that was lost, or came to one who is no controller.
const retry = 200 * ms

// refusedFirst is how long a refused registration waits; each more waits twice as long, up to a session (BrokerLifecycleManager:
// resendExponentialBackoff; its jitter of 2 % is left out). A process that comes back while the session of the one before lasts
// so tries 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 12.7 s after its first try, and not in between when the session ends.
const refusedFirst = 100 * ms

// backoff is the wait after so many refusals before this one.
func (b *Broker) backoff(refusals int) machine.Mono {
	wait := int64(refusedFirst)
	for ; refusals > 0 && wait < b.cfg.Session; refusals-- {
		wait *= 2
	}
	return machine.Mono(min(wait, b.cfg.Session))
}

// live registers this process, or keeps its session alive.
func (b *Broker) live() {
	l := &b.life
	if l.asking || b.env.Mono < l.next {
		return
	}
	l.asking = true
	if b.epoch == 0 {
		m, asked := &proto.RegisterRequest{Node: b.self(), Incarnation: b.incarnation}, b.env.Mono
		b.askController(proto.Register, m, func(code proto.Code, body []byte) {
			l.asking, l.next = false, b.env.Mono+retry
			var r proto.RegisterReply
			switch {
			case code == proto.NotController: // nobody has refused it
			case code != proto.OK || proto.Decode(body, &r, "register") != nil:
				l.next = asked + b.backoff(l.refused)
				l.refused++
			default:
				b.epoch, l.next, l.refused = r.Epoch, 0, 0
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
