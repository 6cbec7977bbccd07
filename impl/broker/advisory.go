package broker

import (
	"fmt"

	track "github.com/brokerlab/brokerlab/impl/consumer"
)

// Advisories tell whoever listens what became of messages and consumers (nats-server server/jetstream_events.go). They
// are core messages of the leader's: at most once, and lost with a change of leaders.
const (
	advisoryPrefix = "$JS.EVENT.ADVISORY.CONSUMER."
	advisoryType   = "io.nats.jetstream.advisory.v1."
)

type advisory struct {
	Type     string `json:"type"`
	ID       string `json:"id"`
	Stamp    string `json:"timestamp"`
	Stream   string `json:"stream"`
	Consumer string `json:"consumer"`
	Action   string `json:"action,omitempty"`
	CSeq     uint64 `json:"consumer_seq,omitempty"`
	Seq      uint64 `json:"stream_seq,omitempty"`
	Count    uint64 `json:"deliveries,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// advise publishes an advisory, if anybody listens.
func (c *consumers) advise(x *consumed, topic, kind string, a advisory) {
	b := c.s.g.b
	to := advisoryPrefix + topic + "." + c.s.name() + "." + x.name
	if !b.wanted(to, "") {
		return
	}
	b.picks++
	a.Type, a.ID, a.Stamp = advisoryType+kind, fmt.Sprintf("%016x", b.env.Choices.Draw(purposeAdvisory, b.picks)), stamp(int64(b.env.Wall))
	a.Stream, a.Consumer = c.s.name(), x.name
	b.reply(to, marshal(a))
}

func (c *consumers) adviseAction(x *consumed, action string) {
	topic := "CREATED"
	if action == "delete" {
		topic = "DELETED"
	}
	c.advise(x, topic, "consumer_action", advisory{Action: action})
}

func (c *consumers) adviseSpent(x *consumed, seq, count uint64) {
	c.advise(x, "MAX_DELIVERIES", "max_deliver", advisory{Seq: seq, Count: count})
}

func (c *consumers) adviseTerm(x *consumed, d track.Delivery, reason string) {
	c.advise(x, "MSG_TERMINATED", "terminated", advisory{CSeq: d.CSeq, Seq: d.Seq, Count: d.Count, Reason: reason})
}

func (c *consumers) adviseNak(x *consumed, d track.Delivery) {
	c.advise(x, "MSG_NAKED", "nak", advisory{CSeq: d.CSeq, Seq: d.Seq, Count: d.Count})
}
