package client

import (
	"slices"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/load"
)

// Commit says when a consumer commits its offsets.
type Commit uint8

const (
	// Manual (enable.auto.commit=false): an offset is committed once everything below it has been acked by the load, which is
	// what a program does that calls commit after it has processed its records. One commit is on its way at a time.
	Manual Commit = iota
	// Auto (enable.auto.commit=true, the default of Kafka's own client): every auto.commit.interval.ms a poll commits what the
	// polls before it returned, processed or not.
	Auto
)

// autoCommitEvery is auto.commit.interval.ms.
const autoCommitEvery = 5 * sec

// commits is a consumer's committed offset, and who waits for it. Of commits that are on their way one after the other the last
// one written counts, so none is sent before the last has been answered or its connection is gone.
type commits struct {
	want     int64 // to be committed
	done     int64 // committed, as far as this client knows
	sending  int64 // on its way; -1: none
	after    int64 // none is sent before
	due      int64 // of the next automatic one; 0: not set
	confirms []*operation
}

// begin follows a new position.
func (m *commits) begin(offset int64) { m.want, m.done = offset, offset }

// acked takes in that the load has processed a record.
func (k *consumer) acked(now int64, o *operation) {
	o.sent = true // a later commit may say so even when this has failed
	if o.Delivery == nil {
		k.c.finish(o, failed("an ack of nothing"))
		return
	}
	offset := int64(o.Delivery.Seq) - 1
	if i, ok := slices.BinarySearchFunc(k.handed, offset, func(h handed, offset int64) int { return int(min(max(h.offset-offset, -1), 1)) }); ok {
		k.handed[i].processed = true
	}
	if k.c.cfg.Commit == Manual {
		k.processed()
	}
	switch {
	case !o.Confirm:
		k.c.finish(o, load.Outcome{Status: load.Unknown, Err: "no confirmation was asked for"})
	case offset < k.commits.done:
		k.c.finish(o, load.Outcome{Status: load.OK})
	default:
		k.commits.confirms = append(k.commits.confirms, o)
	}
	k.sendCommit(now)
}

// processed moves what is to be committed up to the first record that is not processed.
func (k *consumer) processed() {
	n := 0
	for n < len(k.handed) && k.handed[n].processed {
		k.commits.want = k.handed[n].offset + 1
		n++
	}
	k.handed = slices.Delete(k.handed, 0, n)
}

// autoCommit commits, when it is time, what earlier polls returned.
func (k *consumer) autoCommit(now int64) {
	m := &k.commits
	if k.c.cfg.Commit != Auto || k.alone || k.position < 0 {
		return
	}
	if m.due == 0 {
		m.due = now + autoCommitEvery
	}
	if now >= m.due {
		m.due = now + autoCommitEvery
		k.returned()
		k.sendCommit(now)
	}
}

// returned has everything committed that polls have returned.
func (k *consumer) returned() {
	k.commits.want = max(k.commits.want, k.position)
	k.handed = nil
}

// sendCommit sends the commit that is due.
func (k *consumer) sendCommit(now int64) {
	c, m := k.c, &k.commits
	if k.alone || m.sending >= 0 || m.want <= m.done || now < m.after {
		return
	}
	p, to := c.known(k.stream), c.coordinator(now)
	if p == nil || to == nil {
		return
	}
	offset := m.want
	m.sending = offset
	to.ask(proto.OffsetCommit, &proto.OffsetCommitRequest{Group: k.group, ID: p.ID, Offset: offset}, func(body []byte, ok bool) {
		m.sending = -1
		var r proto.CodeReply
		switch {
		case !ok || proto.Decode(body, &r, "offset-commit") != nil:
			m.after = c.now() + c.cfg.Backoff
			c.coord.doubt(m.after)
		case r.Code != proto.OK:
			m.after = c.now() + c.cfg.Backoff
			c.coord.refused(c, r.Code)
		default:
			m.done = max(m.done, offset)
			k.confirm()
		}
	})
}

// confirm ends the acks that the committed offset covers.
func (k *consumer) confirm() {
	waiting := k.commits.confirms
	k.commits.confirms = nil
	for _, o := range waiting {
		switch {
		case k.c.ops[o.num] != o:
		case int64(o.Delivery.Seq) <= k.commits.done:
			k.c.finish(o, load.Outcome{Status: load.OK})
		default:
			k.commits.confirms = append(k.commits.confirms, o)
		}
	}
}

// coordinatorOf is who keeps the offsets of groups: one broker for all of them.
type coordinatorOf struct {
	node   uint32 // 0: not known
	asking bool
	after  int64
}

// doubt has it asked anew.
func (o *coordinatorOf) doubt(after int64) { o.node, o.after = 0, after }

// refused follows a refusal. Who is loading is the right one; anybody else is doubted, and so is who named it.
func (o *coordinatorOf) refused(c *Client, code proto.Code) {
	if code == proto.CoordinatorLoading {
		return
	}
	o.doubt(c.now() + c.cfg.Backoff)
	c.where.first = (c.where.first + 1) % len(c.conns)
}

// coordinator is the connection to the coordinator; nil while it is not known or connected.
func (c *Client) coordinator(now int64) *conn {
	o := &c.coord
	if o.node != 0 {
		if k := c.connTo(o.node); k != nil && k.open(now) {
			return k
		}
		return nil
	}
	if o.asking || now < o.after {
		return nil
	}
	k := c.any(now)
	if k == nil {
		return nil
	}
	o.asking = true
	k.ask(proto.FindCoordinator, &proto.FindCoordinatorRequest{}, func(body []byte, ok bool) {
		o.asking = false
		var r proto.FindCoordinatorReply
		if !ok || proto.Decode(body, &r, "find-coordinator") != nil || r.Code != proto.OK {
			o.after = c.now() + c.cfg.Backoff
			c.where.first = (c.where.first + 1) % len(c.conns)
			return
		}
		o.node = r.Node
	})
	return nil
}

// lag answers how far a group has come: what it has committed, and how much lies behind that.
func (c *Client) lag(now int64, o *operation) {
	p, to := c.partition(o.Stream), c.coordinator(now)
	if p == nil || to == nil {
		return
	}
	o.wait = false
	to.ask(proto.OffsetFetch, &proto.OffsetFetchRequest{Group: o.Consumer, ID: p.ID}, func(body []byte, ok bool) {
		var r proto.OffsetReply
		switch {
		case !ok || proto.Decode(body, &r, "offset-fetch") != nil:
			c.again(o, "connection lost")
		case r.Code != proto.OK:
			c.coord.refused(c, r.Code)
			c.again(o, r.Code.String())
		default:
			c.lagBehind(o, p, max(r.Offset, 0))
		}
	})
}

func (c *Client) lagBehind(o *operation, p *proto.Partition, committed int64) {
	to := c.connTo(p.Leader)
	if to == nil || !to.open(c.now()) {
		c.again(o, "the leader is not connected")
		return
	}
	to.ask(proto.ListOffset, &proto.ListOffsetRequest{ID: p.ID, Latest: true}, func(body []byte, ok bool) {
		var r proto.OffsetReply
		switch {
		case !ok || proto.Decode(body, &r, "list-offset") != nil:
			c.again(o, "connection lost")
		case r.Code != proto.OK:
			c.again(o, r.Code.String())
		default:
			c.finish(o, load.Outcome{Status: load.OK, Seq: uint64(committed), N: max(r.Offset-committed, 0)})
		}
	})
}
