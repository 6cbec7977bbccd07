package client

import (
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
)

// where is how this client finds out who leads what.
type where struct {
	first  int // the broker that is asked
	asking bool
	stale  bool  // somebody was not where he was thought to be
	known  bool  // there has been an answer
	after  int64 // not before this time
	until  int64 // known so long (metadata.max.age.ms, 5 min)
}

const metadataAge = 300 * sec

func (w *where) doubt() { w.stale = true }

// next is when it is time to ask again; 0 if an answer or a connection has to come first.
func (w *where) next(now int64) int64 {
	switch {
	case w.asking || (w.stale || !w.known) && w.after <= now:
		return 0
	case w.stale || !w.known:
		return w.after
	}
	return w.until
}

// locate asks a broker for metadata if it is needed.
func (c *Client) locate(now int64) {
	for _, k := range c.conns {
		k.overdue(now)
	}
	w := &c.where
	if w.asking || now < w.after || w.known && !w.stale && now < w.until {
		return
	}
	k := c.any(now)
	if k == nil {
		return
	}
	w.asking = true
	k.ask(proto.Metadata, nil, func(body []byte, ok bool) {
		w.asking, w.after = false, c.now()+c.cfg.Backoff
		var m proto.MetadataReply
		if !ok || proto.Decode(body, &m, "metadata") != nil {
			w.first = (w.first + 1) % len(c.conns)
			return
		}
		w.known, w.stale, w.until = true, false, c.now()+metadataAge
		for _, t := range m.Topics {
			c.topics[t.Name] = t
		}
	})
}

// partition finds the partition of a stream: its number, and who leads it; nil while that is not known.
func (c *Client) partition(stream string) *proto.Partition {
	p := c.known(stream)
	if p == nil || p.Leader == 0 {
		c.where.doubt()
		return nil
	}
	return p
}

// known finds the partition of a stream, whether anybody leads it or not.
func (c *Client) known(stream string) *proto.Partition {
	name, place := stream, 0
	if i := strings.LastIndexByte(stream, '/'); i >= 0 {
		n, err := strconv.Atoi(stream[i+1:])
		if err != nil {
			return nil
		}
		name, place = stream[:i], n
	}
	t, ok := c.topics[name]
	if !ok || place < 0 || place >= len(t.Partitions) {
		c.where.doubt()
		return nil
	}
	return &t.Partitions[place]
}
