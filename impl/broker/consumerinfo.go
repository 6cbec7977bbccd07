package broker

import (
	"slices"
	"strings"

	track "github.com/brokerlab/brokerlab/impl/consumer"
	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/machine"
)

// consumerInfo is a consumer as the API describes it (nats-server ConsumerInfo).
type consumerInfo struct {
	Type           string           `json:"type,omitempty"`
	Stream         string           `json:"stream_name"`
	Name           string           `json:"name"`
	Created        string           `json:"created"`
	Config         *consumer.Config `json:"config"`
	Delivered      sequenceInfo     `json:"delivered"`
	AckFloor       sequenceInfo     `json:"ack_floor"`
	NumAckPending  int              `json:"num_ack_pending"`
	NumRedelivered int              `json:"num_redelivered"`
	NumWaiting     int              `json:"num_waiting"`
	NumPending     uint64           `json:"num_pending"`
	Cluster        clusterInfo      `json:"cluster"`
	PushBound      bool             `json:"push_bound,omitempty"`
	Stamp          string           `json:"ts"`
}

type sequenceInfo struct {
	Consumer uint64 `json:"consumer_seq"`
	Stream   uint64 `json:"stream_seq"`
	Last     string `json:"last_active,omitempty"`
}

func sequenceOf(p track.Position, last machine.Wall) sequenceInfo {
	i := sequenceInfo{Consumer: p.Consumer, Stream: p.Stream}
	if last != 0 {
		i.Last = stamp(int64(last))
	}
	return i
}

// describe is a consumer as its leader sees it.
func (c *consumers) describe(x *consumed, kind string) consumerInfo {
	b, v := c.s.g.b, x.lead.View()
	b.fx.Charge(machine.WorkAPI, 1, 0, 0)
	info := consumerInfo{
		Type: kind, Stream: c.s.name(), Name: x.name, Created: stamp(x.created), Config: x.cfg,
		Delivered: sequenceOf(v.Delivered, x.lead.delivered), AckFloor: sequenceOf(v.Floor, x.lead.acked),
		NumAckPending: v.Pending(), NumRedelivered: v.Redelivered(), NumWaiting: x.lead.NumWaiting(), NumPending: x.lead.NumPending(),
		Cluster: c.s.cluster(), PushBound: x.cfg.Push() && b.wanted(x.cfg.DeliverSubject, x.cfg.DeliverGroup),
		Stamp: stamp(int64(b.env.Wall)),
	}
	if x.cfg.MaxDeliver == 1 {
		info.NumRedelivered = 0 // as in nats-server: redeliveries are disabled
	}
	return info
}

// infoJSON answers with one consumer. A leader that does not lead its consumers yet has seen the wish come true in
// the log of another, which does not answer: neither does it.
func (c *consumers) infoJSON(x *consumed, kind string) []byte {
	if x.lead == nil {
		return errUnavailable.typed(kind)
	}
	return marshal(c.describe(x, kind))
}

// whenLeading answers a request about the consumers once this node is known to lead them.
func (c *consumers) whenLeading(m *message, run func(reply string)) {
	c.s.g.readWhenLeading(string(m.reply), func(reply string) {
		if c.leads == nil {
			c.s.g.b.refuse(reply, "leadership lost")
			return
		}
		run(reply)
	})
}

func (c *consumers) infoRequest(m *message) {
	if !emptyRequest(m.data) {
		c.s.g.b.reply(string(m.reply), errNotEmpty.typed(typeConsumerInfo))
		return
	}
	name := lastToken(m.subject)
	c.whenLeading(m, func(reply string) {
		if x := c.names[name]; x != nil {
			c.s.g.b.reply(reply, c.infoJSON(x, typeConsumerInfo))
			return
		}
		c.s.g.b.reply(reply, errConsumerNotFound.typed(typeConsumerInfo))
	})
}

// pageRequest asks for the consumers from the Offset-th on, by name.
type pageRequest struct {
	Offset int `json:"offset"`
}

// pageLimit is how many descriptions an answer holds (nats-server JSApiListLimit).
const pageLimit = 256

// page is the part of the public consumers that a request asks for, and how many there are.
func (c *consumers) page(req pageRequest, limit int) (part []*consumed, total, offset int) {
	all := slices.DeleteFunc(slices.Clone(c.list), func(x *consumed) bool { return x.cfg.Direct })
	slices.SortFunc(all, func(a, b *consumed) int { return strings.Compare(a.name, b.name) })
	offset = min(max(req.Offset, 0), len(all))
	return all[offset:min(offset+limit, len(all))], len(all), offset
}

// paged begins an answer that is a part of a list.
type paged struct {
	Type   string    `json:"type"`
	Error  *apiError `json:"error,omitempty"`
	Total  int       `json:"total"`
	Offset int       `json:"offset"`
	Limit  int       `json:"limit"`
}

// paged is the error as the answer to a request for a list, which has its fields all the same.
func (e *apiError) paged(kind string) []byte {
	return marshal(struct {
		paged
		Consumers []string `json:"consumers"`
	}{paged{Type: kind, Error: e}, []string{}})
}

func (c *consumers) namesRequest(m *message) {
	var req pageRequest
	if why := parseRequest(m.data, &req); why != nil {
		c.s.g.b.reply(string(m.reply), why.paged(typeConsumerNames))
		return
	}
	c.whenLeading(m, func(reply string) {
		part, total, offset := c.page(req, namesLimit)
		names := make([]string, len(part))
		for i, x := range part {
			names[i] = x.name
		}
		c.s.g.b.reply(reply, marshal(struct {
			paged
			Consumers []string `json:"consumers"`
		}{paged{typeConsumerNames, nil, total, offset, namesLimit}, names}))
	})
}

func (c *consumers) listRequest(m *message) {
	var req pageRequest
	if why := parseRequest(m.data, &req); why != nil {
		c.s.g.b.reply(string(m.reply), why.paged(typeConsumerList))
		return
	}
	c.whenLeading(m, func(reply string) {
		part, total, offset := c.page(req, pageLimit)
		infos := make([]consumerInfo, len(part))
		for i, x := range part {
			infos[i] = c.describe(x, "")
		}
		c.s.g.b.reply(reply, marshal(struct {
			paged
			Consumers []consumerInfo `json:"consumers"`
		}{paged{typeConsumerList, nil, total, offset, pageLimit}, infos}))
	})
}
