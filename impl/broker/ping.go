package broker

import (
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// pingTimer sees to it that a client which is gone without a word does not stay for ever: one that has said nothing
// for PingInterval is asked, and is stale when MaxPingsOut such PINGs are unanswered and the next is due
// (nats-server client.go, processPingTimer).
func (c *conn) pingTimer() {
	b := c.b
	if b.env.Mono-c.heard >= machine.Mono(b.cfg.PingInterval) {
		if c.pings >= b.cfg.MaxPingsOut {
			c.fail(wire.ErrStale.Text)
			return
		}
		c.pings++
		c.write(wire.PingLine)
	}
	c.armPing()
}

func (c *conn) armPing() {
	c.b.fx.SetTimer(c.timer(timerPing), c.b.env.Mono+machine.Mono(c.b.cfg.PingInterval))
}
