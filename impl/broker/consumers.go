package broker

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	track "github.com/brokerlab/brokerlab/impl/consumer"
	"github.com/brokerlab/brokerlab/impl/interest"
	"github.com/brokerlab/brokerlab/model/consumer"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
)

// consumers are a stream's. Those that are logged live in the stream's entries, and are a function of them, like the
// messages; the others live in the leader's memory alone. Wherever the stream is led, so are they.
type consumers struct {
	s     *streamState
	next  uint64      // id of the next that is made
	list  []*consumed // logged ones by id, then the others
	names map[string]*consumed
	// index finds those that take in a subject; round is the newest search of it.
	index *interest.Index[*consumed]
	round uint64
	found []*consumed

	*leads // nil where the stream is not led
}

// consumed is one consumer.
type consumed struct {
	id      uint64 // of a logged one; 0 for the others
	name    string
	created int64
	cfg     *consumer.Config
	state   *track.State
	// refiltered: its filters were changed, so what is pending may be named by none of them.
	refiltered bool
	round      uint64 // the newest search that found it

	*lead // nil where the stream is not led
}

// maxConsumers is how many logged consumers a stream may have, and how many others.
const maxConsumers = 1 << 16

func newConsumers(s *streamState) *consumers {
	c := &consumers{s: s}
	c.reset()
	return c
}

// reset is the state before the first entry.
func (c *consumers) reset() {
	c.next, c.list = 1, nil
	c.names, c.index = map[string]*consumed{}, interest.New[*consumed]()
}

func (x *consumed) logged() bool { return x.id != 0 }

// filters are what a consumer is found by.
func (x *consumed) filters() []string {
	if f := x.cfg.Filters(); len(f) > 0 {
		return f
	}
	return []string{">"}
}

func (c *consumers) add(x *consumed) {
	at := len(c.list)
	for x.logged() && at > 0 && !c.list[at-1].logged() {
		at--
	}
	c.list = slices.Insert(c.list, at, x)
	c.names[x.name] = x
	for _, f := range x.filters() {
		c.index.Add(f, "", x)
	}
}

func (c *consumers) drop(x *consumed) {
	c.list = slices.DeleteFunc(c.list, func(y *consumed) bool { return y == x })
	delete(c.names, x.name)
	for _, f := range x.filters() {
		c.index.Remove(f, "", x)
	}
}

func (c *consumers) byID(id uint64) *consumed {
	i, found := slices.BinarySearchFunc(c.list, id, func(x *consumed, id uint64) int {
		switch {
		case x.id == id:
			return 0
		case x.id == 0 || x.id > id: // those that are not logged come last
			return 1
		}
		return -1
	})
	if !found {
		return nil
	}
	return c.list[i]
}

// taking is the consumers that take in subject, each once. The answer is good until the next search.
func (c *consumers) taking(subject string) []*consumed {
	c.found = c.found[:0]
	if len(c.list) == 0 {
		return nil
	}
	c.round++
	for _, x := range c.index.Match([]byte(subject), nil).Plain {
		if x.round != c.round {
			x.round = c.round
			c.found = append(c.found, x)
		}
	}
	return c.found
}

// What a stream asks and tells its consumers follows. All of it happens at apply, and is a function of the log, as they
// are; entry is the index of the entry.

// interested says whether any logged consumer takes messages of subject: an interest stream stores no others.
func (c *consumers) interested(subject string) bool {
	return slices.ContainsFunc(c.taking(subject), (*consumed).logged)
}

// needs says whether any logged consumer that takes subject is not done with message seq.
func (c *consumers) needs(seq uint64, subject string) bool {
	return slices.ContainsFunc(c.taking(subject), func(x *consumed) bool { return x.logged() && x.state.Needs(seq) })
}

// stored tells of a new message.
func (c *consumers) stored(_, seq uint64, subject string) {
	if c.leads == nil {
		return
	}
	c.told = seq
	if _, there := c.s.g.store.SubjectOf(seq); !there {
		return // a limit took it at once
	}
	for _, x := range c.taking(subject) {
		x.lead.Stored(seq)
		c.touch(x)
	}
}

// removed tells of one that has left by a rule.
func (c *consumers) removed(entry, seq uint64, subject string) {
	for _, x := range c.taking(subject) {
		if c.leads != nil && seq <= c.told {
			x.lead.Removed(seq, true)
		}
		c.letGo(entry, x, seq)
	}
	for _, x := range c.list {
		if x.refiltered && x.round != c.round {
			c.letGo(entry, x, seq)
		}
	}
}

// letGo tells a consumer that a message has left the stream.
func (c *consumers) letGo(entry uint64, x *consumed, seq uint64) {
	before := x.state.Floor
	done := x.state.Remove(nil, seq)
	c.settled(entry, x, done, before)
	if c.leads != nil {
		c.touch(x)
	}
}

func (c *consumers) count() int { return len(c.list) }

// consumersForm is the first byte of their state in checkpoints and snapshots.
const consumersForm = 1

// encode is: form, next id, how many, and of each: id, name, created, refiltered, configuration (JSON), state.
func (c *consumers) encode() []byte {
	if c.next == 1 {
		return nil
	}
	dst := binary.AppendUvarint([]byte{consumersForm}, c.next)
	n := 0
	for n < len(c.list) && c.list[n].logged() {
		n++
	}
	dst = binary.AppendUvarint(dst, uint64(n))
	for _, x := range c.list[:n] {
		dst = appendBytes(binary.AppendUvarint(dst, x.id), []byte(x.name))
		dst = binary.AppendVarint(dst, x.created)
		refiltered := uint64(0)
		if x.refiltered {
			refiltered = 1
		}
		dst = binary.AppendUvarint(dst, refiltered)
		dst = appendBytes(dst, marshal(x.cfg))
		dst = appendBytes(dst, x.state.Append(nil))
	}
	return dst
}

func (c *consumers) decode(text []byte) error {
	c.reset()
	if len(text) == 0 {
		return nil
	}
	if text[0] != consumersForm {
		return fmt.Errorf("consumers: %d is not form %d", text[0], consumersForm)
	}
	d := cursor{p: text[1:]}
	c.next = d.uvarint()
	for n, last := d.uvarint(), uint64(0); n > 0 && d.err == nil; n-- {
		x := &consumed{id: d.uvarint(), name: string(d.bytes()), created: d.varint(), refiltered: d.uvarint() == 1}
		cfg, state := d.bytes(), d.bytes()
		if d.err != nil {
			break
		}
		if x.id <= last || x.id >= c.next || c.names[x.name] != nil {
			return fmt.Errorf("consumers: %q has id %d after %d, below %d", x.name, x.id, last, c.next)
		}
		last = x.id
		if err := c.decodeOne(x, cfg, state); err != nil {
			return fmt.Errorf("consumer %s: %w", x.name, err)
		}
		c.add(x)
	}
	if d.err == nil && len(d.p) > 0 {
		return fmt.Errorf("consumers: %d bytes too many", len(d.p))
	}
	return d.err
}

func (c *consumers) decodeOne(x *consumed, cfg, state []byte) (err error) {
	x.cfg = &consumer.Config{}
	if err = json.Unmarshal(cfg, x.cfg); err != nil {
		return err
	}
	var rest []byte
	if x.state, rest, err = track.DecodeState(x.cfg.AckPolicy, state); err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes too many", len(rest))
	}
	if err != nil {
		return err
	}
	x.state.Plant(c.s.g.b.consumerBugs())
	if c.s.g.b.bug(BugForgetAcks) {
		x.state.ForgetAcks()
	}
	return nil
}

// keeps says whether the stream keeps messages for those who could not deal with them.
func (c *consumers) keeps() bool { return c.s.cfg.Retention != stream.Limits }

// settled follows what a consumer is done with, and where its floor was before.
func (c *consumers) settled(entry uint64, x *consumed, done []track.Settled, before track.Position) {
	for _, d := range done {
		c.observe(x, machine.Observation{Kind: machine.Settled, Index: entry, Seq: d.Seq, N: int64(d.Count), Why: d.Why})
		if x.lead != nil {
			x.lead.Settled(d)
			c.touch(x)
		}
	}
	if f := x.state.Floor; f != before {
		c.observe(x, machine.Observation{Kind: machine.Floor, Index: entry, Seq: f.Stream, CSeq: f.Consumer})
	}
	for _, d := range done {
		if x.logged() && (d.Why == track.WhyAck || d.Why == track.WhyTerm) {
			c.s.settled(entry, d.Seq)
		}
	}
}

func (c *consumers) observe(x *consumed, o machine.Observation) {
	if c.s.g.b.cfg.Observe {
		o.Consumer = x.name
		c.s.g.observe(o)
	}
}
