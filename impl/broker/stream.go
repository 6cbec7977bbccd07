package broker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/subject"
)

// streamState is what a stream's committed entries act on. Sequence numbers, stamps and refusals are
// decided here, at apply, so they are a function of the log alone.
type streamState struct {
	g        *group
	a        *assignment
	lastTime int64 // stamp of the newest message; never decreases
	// firstTime is the stamp of the first message, once somebody asked; 0 before.
	firstTime int64
	subs      []*subscription
	quoted    []byte // name as JSON
}

func (s *streamState) name() string { return s.a.Config.Name }

func (s *streamState) quotedName() []byte {
	if s.quoted == nil {
		s.quoted = marshal(s.name())
	}
	return s.quoted
}

func (s *streamState) encode() []byte { return binary.AppendVarint(nil, s.lastTime) }

func (s *streamState) decode(text []byte) error {
	v, n := binary.Varint(text)
	if n <= 0 {
		return fmt.Errorf("state of stream %s: %d bytes are no stamp", s.name(), len(text))
	}
	s.lastTime, s.firstTime = v, 0
	return nil
}

// lead makes this node the place that the stream's subjects and requests lead to.
func (s *streamState) lead() {
	for _, filter := range s.a.Config.Subjects {
		s.subscribe(filter, s.publish)
	}
	s.subscribe(apiStreamInfo+s.name(), s.info)
	s.subscribe(apiMsgGet+s.name(), s.getMessage)
	s.subscribe(createdPrefix+s.name(), s.created)
	s.g.b.meta().askLeaders()
}

func (s *streamState) subscribe(filter string, handle func(*message)) {
	sub := &subscription{filter: filter, handle: handle}
	s.subs = append(s.subs, sub)
	s.g.b.subscribe(sub)
}

func (s *streamState) follow() {
	for _, sub := range s.subs {
		s.g.b.unsubscribe(sub)
	}
	s.subs = nil
}

// headers whose meaning this broker does not keep yet: a publish that asks for them is refused
// rather than stored without it.
var unservedHeaders = []string{
	"Nats-Msg-Id", "Nats-Expected-Last-Subject-Sequence", "Nats-Expected-Last-Msg-Id", "Nats-Rollup",
	"Nats-TTL", "Nats-Batch-Id", "Nats-Incr", "Nats-Schedule", "Nats-Marker-Reason",
}

const (
	headerExpectedStream  = "Nats-Expected-Stream"
	headerExpectedLastSeq = "Nats-Expected-Last-Sequence"
	maxHeaderBytes        = 65535
)

// publish takes a message that a client published into the batch of the group.
func (s *streamState) publish(m *message) {
	if why := s.refusal(m); why != nil {
		s.g.b.reply(string(m.reply), why.json(""))
		return
	}
	cmd := append(make([]byte, 0, len(m.subject)+len(m.header)+len(m.data)+16), cmdPublish)
	cmd = appendBytes(cmd, m.subject)
	cmd = appendBytes(cmd, m.header)
	cmd = appendBytes(cmd, m.data)
	if !s.g.proposer.enqueue(s.g, string(m.reply), cmd) {
		s.g.b.refuse(string(m.reply), "too many publishes wait")
	}
}

// refusal says why a message can never be stored, whatever the log holds.
func (s *streamState) refusal(m *message) *apiError {
	if !subject.Valid(m.subject) {
		return &apiError{400, 10003, "a message cannot be stored under " + strconv.Quote(string(m.subject)) + ", which is no literal subject"}
	}
	if len(m.header) == 0 {
		return nil
	}
	if len(m.header) > maxHeaderBytes {
		return &apiError{400, 10097, "header size exceeds maximum allowed of 64k"}
	}
	for _, h := range unservedHeaders {
		if wire.HeaderGet(m.header, h) != nil {
			return &apiError{400, 10052, "header " + h + " is not served by this broker yet"}
		}
	}
	if v := wire.HeaderGet(m.header, headerExpectedStream); v != nil && string(v) != s.name() {
		return &apiError{400, 10060, "expected stream does not match"}
	}
	return nil
}

// Kinds of commands, the first byte of each, in the entries of a stream's group. They are in logs: numbers are
// never given again.
const (
	cmdPublish byte = 1
)

// apply carries out the commands of one entry in their order.
func (s *streamState) apply(index, _ uint64, data []byte) {
	r := reader{data}
	h := r.header()
	replies := s.g.proposer.takeReplies(s.g.b, h)
	s.lastTime = max(s.lastTime, int64(h.wall))
	for i := range h.count {
		reply := ""
		if replies != nil {
			reply = replies[i]
		}
		switch kind := r.take(1)[0]; kind {
		case cmdPublish:
			subject, header, payload := r.bytes(), r.bytes(), r.bytes()
			s.applyPublish(index, subject, header, payload, reply)
		default:
			machine.Broken("entry %d of stream %s holds a command of unknown kind %d", index, s.name(), kind)
		}
	}
	s.g.touch()
}

func (s *streamState) applyPublish(index uint64, subject, header, payload []byte, reply string) {
	_, last, _, _ := s.g.store.State()
	if len(header) > 0 {
		if want, bad := expectedLast(header, last); bad {
			s.g.b.reply(reply, want.json(s.name()))
			return
		}
	}
	seq := last + 1
	name := string(subject)
	s.g.store.Append(store.Message{Seq: seq, Index: index, Time: s.lastTime, Subject: name, Header: header, Data: payload})
	s.g.observeStored(seq, index, s.lastTime, name, payload)
	if reply == "" {
		return
	}
	if s.g.b.cfg.Observe {
		s.g.observe(machine.Observation{Kind: machine.Acked, Seq: seq, Hash: machine.ContentHash(subject, payload)})
	}
	ack := s.g.b.scratch[:0]
	ack = append(ack, `{"stream":`...)
	ack = append(ack, s.quotedName()...)
	ack = append(ack, `,"seq":`...)
	ack = strconv.AppendUint(ack, seq, 10)
	ack = append(ack, '}')
	s.g.b.scratch = ack
	s.g.b.reply(reply, ack)
}

// expectedLast says whether a publish's expectation of the last sequence fails.
func expectedLast(header []byte, last uint64) (why *apiError, bad bool) {
	v := wire.HeaderGet(header, headerExpectedLastSeq)
	if v == nil {
		return nil, false
	}
	want, err := strconv.ParseUint(string(bytes.TrimSpace(v)), 10, 64)
	if err == nil && want == last {
		return nil, false
	}
	return &apiError{400, 10071, "wrong last sequence: " + strconv.FormatUint(last, 10)}, true
}

func (g *group) observeStored(seq, index uint64, stamp int64, subject string, payload []byte) {
	if g.b.cfg.Observe {
		g.observe(machine.Observation{Kind: machine.Stored, Seq: seq, Index: index, Stamp: stamp, Hash: machine.ContentHash([]byte(subject), payload)})
	}
}
