package broker

import (
	"strconv"

	"github.com/brokerlab/brokerlab/impl/expect"
	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/model/stream"
)

// Kinds of commands, the first byte of each, in the entries of a stream's group. They are in logs: numbers are
// never given again. Those from 16 on are consumers'.
const (
	cmdPublish   byte = 1
	cmdAdvance   byte = 2 // nothing but the entry's stamp: what has grown too old goes
	cmdPurge     byte = 3
	cmdDelete    byte = 4
	cmdConfigure byte = 5
)

// apply carries out the commands of one entry in their order.
func (s *streamState) apply(index, _ uint64, data []byte) {
	r := reader{data}
	h := r.header()
	s.g.b.fx.Charge(machine.WorkApply, int64(h.count), 0, 0)
	replies := s.g.proposer.takeReplies(s.g.b, h)
	if replies != nil {
		s.g.leadSince(s.g.proposer.applied)
	}
	s.advance(index, int64(h.wall))
	for i := range h.count {
		reply := ""
		if replies != nil {
			reply = replies[i]
		}
		switch kind := r.take(1)[0]; kind {
		case cmdPublish:
			p := publish{entry: index, subject: string(r.bytes()), header: r.bytes(), data: r.bytes(), reply: reply}
			s.applyPublish(&p)
			if replies != nil {
				s.landed(&p)
			}
		case cmdAdvance:
			s.advancing = 0
		case cmdPurge:
			s.applyPurge(index, string(r.bytes()), r.uvarint(), r.uvarint(), reply)
		case cmdDelete:
			s.applyDelete(index, r.uvarint(), reply)
		case cmdConfigure:
			s.applyConfigure(index, r.uvarint(), r.bytes())
		default:
			if s.consumers.apply(index, kind, &r, reply, replies != nil) {
				continue
			}
			machine.Broken("entry %d of stream %s holds a command of unknown kind %d", index, s.name(), kind)
		}
	}
	s.g.touch()
}

// advance moves the log's time on, to a stamp of the proposer's clock, which may have jumped or run backwards: what
// has reached its age is gone from here on.
func (s *streamState) advance(entry uint64, stamp int64) {
	s.clock = max(s.clock, stamp)
	window, now := s.cfg.Duplicates, s.clock
	if s.g.b.bug(BugHalfWindow) {
		window /= 2
	}
	s.ids.Advance(now, window)
	if s.g.b.bug(BugLocalClock) {
		now = int64(s.g.b.env.Wall)
	}
	if s.limits.Age > 0 {
		s.limits.Expire(s.g.store, now, func(seq uint64, rule string) { s.remove(entry, seq, rule) })
	}
}

// publish is a publish as its entry has it; its slices are the entry's.
type publish struct {
	entry          uint64
	subject, reply string
	header, data   []byte
	wish           expect.Wish
}

func (p *publish) size() int { return len(p.subject) + len(p.header) + len(p.data) }

// applyPublish decides a publish, in nats-server's order: is it one that the stream takes, is it a duplicate, do its
// expectations hold, may it roll up, is there room for it.
func (s *streamState) applyPublish(p *publish) {
	if len(p.header) > 0 {
		p.wish = expect.Parse(p.header)
	}
	scope, _ := p.wish.Scope()
	if s.g.b.bug(BugRollupEarly) {
		s.rollUp(p, scope, 0)
	}
	why := s.untaken(p)
	if why == nil {
		if seq, dup := s.duplicate(&p.wish); dup {
			s.acknowledge(p, seq, true)
			return
		}
		why = s.unstorable(p, scope)
	}
	if why != nil {
		if s.g.b.bug(BugRememberRefused) && p.wish.ID != nil {
			s.ids.Add(string(p.wish.ID), s.Last(), s.clock)
		}
		s.g.b.reply(p.reply, why.json(s.name()))
		return
	}
	seq := s.Last() + 1
	s.lastID = string(p.wish.ID)
	if p.wish.ID != nil {
		s.ids.Add(s.lastID, seq, s.clock)
	}
	if s.cfg.Retention == stream.Interest && !s.consumers.interested(p.subject) {
		// Nobody wants it: it has a sequence and is gone (nats-server SkipMsgNoInterest).
		s.g.store.Skip(seq)
		s.observeRemoved(p.entry, seq, machine.RuleNoInterest)
		s.rollUp(p, scope, 0)
		s.acknowledge(p, seq, false)
		return
	}
	s.store(p, seq)
	s.rollUp(p, scope, 1)
	s.acknowledge(p, seq, false)
	s.consumers.stored(p.entry, seq, p.subject)
}

// duplicate finds the message that was stored with the publish's id.
func (s *streamState) duplicate(w *expect.Wish) (seq uint64, dup bool) {
	if w.ID == nil || s.g.b.cfg.Switches.Dedup == "leader" {
		return 0, false
	}
	seq, dup = s.ids.Find(w.ID)
	if s.g.b.bug(BugDuplicateSeq) {
		seq = s.Last()
	}
	return seq, dup
}

// untaken says why the stream takes no such message.
func (s *streamState) untaken(p *publish) *apiError {
	switch {
	case s.cfg.Sealed:
		return errSealed
	case s.cfg.MaxMsgSize >= 0 && len(p.header)+len(p.data) > int(s.cfg.MaxMsgSize):
		return errTooLarge
	}
	return nil
}

// unstorable says why the stream as it is now does not take the publish.
func (s *streamState) unstorable(p *publish, scope expect.Scope) *apiError {
	failure := p.wish.CheckID(s) // which nats-server, too, decides only here
	if s.g.b.cfg.Switches.Expect != "leader" {
		failure = p.wish.Check(p.subject, s)
	}
	if failure.Rule != expect.Holds {
		return expectationError(failure)
	}
	if scope != expect.None && (!s.cfg.AllowRollup || s.cfg.DenyPurge) {
		return &apiError{500, 10111, "rollup not permitted"}
	}
	if err := s.limits.Refusal(s.g.store, p.subject, p.size(), scope != expect.None); err != nil {
		return &apiError{503, 10077, err.Error()}
	}
	return nil
}

func expectationError(f expect.Failure) *apiError {
	if f.Rule == expect.WrongLastID {
		return &apiError{400, 10070, "wrong last msg ID: " + f.ID}
	}
	return &apiError{400, 10071, "wrong last sequence: " + strconv.FormatUint(f.Seq, 10)}
}

// store keeps the message, and makes room for it.
func (s *streamState) store(p *publish, seq uint64) {
	m := store.Message{Seq: seq, Index: p.entry, Time: s.clock, Subject: p.subject, Header: p.header, Data: p.data}
	s.stamp = s.clock
	s.g.store.Append(m)
	s.g.observeStored(&m)
	if s.limits.Unlimited() {
		return
	}
	remove := func(seq uint64, rule string) {
		if s.g.b.bug(BugLimitNewest) && rule == machine.RuleMaxMsgsPer {
			seq, _ = s.g.store.LastOf(m.Subject)
		}
		s.remove(p.entry, seq, rule)
	}
	s.limits.Subject(s.g.store, m.Subject, remove)
	s.limits.Total(s.g.store, remove)
}

// rollUp removes what a message with a rollup header stands for: everything older, of its subject or of the
// stream, but keep of the newest, itself among them.
func (s *streamState) rollUp(p *publish, scope expect.Scope, keep uint64) {
	if scope == expect.None || !s.cfg.AllowRollup || s.cfg.DenyPurge {
		return
	}
	filter := ""
	if scope == expect.Subject {
		filter = p.subject
	}
	s.purge(p.entry, filter, 0, keep, machine.RuleRollup)
}

// acknowledge answers a publish, and is the only way to say that it is stored.
func (s *streamState) acknowledge(p *publish, seq uint64, duplicate bool) {
	if p.reply == "" {
		return
	}
	if s.g.b.cfg.Observe {
		s.g.observe(machine.Observation{Kind: machine.Acked, Seq: seq, Hash: machine.ContentHash([]byte(p.subject), p.data)})
	}
	ack := s.appendAck(s.g.b.scratch[:0], seq, duplicate)
	s.g.b.scratch = ack
	s.g.b.reply(p.reply, ack)
}

func (s *streamState) appendAck(dst []byte, seq uint64, duplicate bool) []byte {
	dst = append(dst, `{"stream":`...)
	dst = append(dst, s.quotedName()...)
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendUint(dst, seq, 10)
	if duplicate {
		dst = append(dst, `,"duplicate":true`...)
	}
	return append(dst, '}')
}

func (g *group) observeStored(m *store.Message) {
	if g.b.cfg.Observe {
		g.observe(machine.Observation{
			Kind: machine.Stored, Seq: m.Seq, Index: m.Index, Stamp: m.Time, Hash: machine.ContentHash([]byte(m.Subject), m.Data),
			N: int64(len(m.Subject) + len(m.Header) + len(m.Data)),
		})
	}
}
