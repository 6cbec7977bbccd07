package broker

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/impl/wire"
	"github.com/brokerlab/brokerlab/model/machine"
)

// A direct get is answered by any replica that is caught up, of what it has applied: never of what is not committed,
// but perhaps of the past (ADR-31). Answers are the messages themselves, and statuses where there is none.

// directGroup is the queue group of the replicas that answer (nats-server stream.go dgetGroup).
const directGroup = "_sys_"

// level says whether this replica has applied what it knows to be committed.
func (g *group) level() bool { return g.applied >= g.commit }

// offerDirect begins or ceases to answer direct gets. A replica that has begun falls behind a little now and
// then; only without a leader it ceases.
func (s *streamState) offerDirect() {
	b := s.g.b
	switch keep := s.cfg.AllowDirect && s.g.absent == "" && s.g.members.whole(s.g.self) && s.g.fetch == nil && s.g.leader != 0; {
	case len(s.direct) == 0 && keep && s.g.level():
		s.direct = []*subscription{
			{filter: apiDirectGet + s.name(), queue: directGroup, handle: s.directGet},
			{filter: apiDirectGet + s.name() + ".>", queue: directGroup, handle: s.directLast},
		}
		for _, sub := range s.direct {
			b.subscribe(sub)
		}
	case !keep:
		s.endDirect()
	}
}

func (s *streamState) endDirect() {
	for _, sub := range s.direct {
		s.g.b.unsubscribe(sub)
	}
	s.direct = nil
}

// directGet answers what the request's JSON asks for.
func (s *streamState) directGet(m *message) {
	var req getRequest
	switch err := json.Unmarshal(m.data, &req); {
	case s.g.b.readsTooMuch():
		s.tooMany(string(m.reply))
	case len(m.data) == 0:
		s.status(string(m.reply), 408, "Empty Request")
	case err != nil:
		s.status(string(m.reply), 408, "Malformed Request")
	case req.Seq == 0 && req.LastFor == "" && req.NextFor == "" && len(req.MultiLast) == 0 && req.StartTime == "":
		s.status(string(m.reply), 408, "Empty Request")
	case req.conflicting() || req.UpToSeq > 0 || req.UpToTime != "":
		// Of the past ("up to") this broker does not answer.
		s.status(string(m.reply), 408, "Bad Request")
	case len(req.MultiLast) > 0:
		s.directMulti(string(m.reply), &req)
	case req.Batch > 0:
		s.directBatch(string(m.reply), &req)
	default:
		s.directOne(string(m.reply), &req)
	}
}

// directLast answers with the newest message of the subject that ends the request's.
func (s *streamState) directLast(m *message) {
	req := getRequest{LastFor: strings.TrimPrefix(string(m.subject), apiDirectGet+s.name()+".")}
	var asked getRequest
	if len(m.data) > 0 && json.Unmarshal(m.data, &asked) != nil {
		s.status(string(m.reply), 408, "Malformed Request")
		return
	}
	if s.g.b.readsTooMuch() {
		s.tooMany(string(m.reply))
		return
	}
	req.NoHeaders, asked.NoHeaders = asked.NoHeaders, false
	if asked.asks() || req.conflicting() {
		s.status(string(m.reply), 408, "Bad Request")
		return
	}
	s.directOne(string(m.reply), &req)
}

// tooMany refuses a direct get while too many reads wait for the disk.
func (s *streamState) tooMany(reply string) { s.status(reply, 429, "Too Many Requests") }

// asks says whether anything is asked for but headers.
func (r *getRequest) asks() bool {
	return r.Seq > 0 || r.LastFor != "" || r.NextFor != "" || r.Batch != 0 || r.StartTime != "" || len(r.MultiLast) > 0 || r.UpToSeq > 0 || r.UpToTime != ""
}

func (s *streamState) directOne(reply string, req *getRequest) {
	s.g.b.fx.Charge(machine.WorkAPI, 1, 0, 0)
	seq, ok := s.locate(req)
	if !ok {
		s.status(reply, 404, "Message Not Found")
		return
	}
	s.load(seq, func(m *store.Message) {
		switch {
		case m != nil && req.NoHeaders:
			s.g.b.replyWith(reply, nil, m.Data)
		case m != nil:
			s.g.b.replyWith(reply, wire.AppendHeaderWith(nil, m.Header, s.directFields(m)...), m.Data)
		case !s.holds(seq):
			s.status(reply, 404, "Message Not Found")
		}
	})
}

func (s *streamState) directFields(m *store.Message) []string {
	return []string{"Nats-Stream", s.name(), "Nats-Subject", m.Subject, "Nats-Sequence", strconv.FormatUint(m.Seq, 10), "Nats-Time-Stamp", stamp(m.Time)}
}

// batch is a direct get of several messages, on its way: pick finds the next one.
type directBatch struct {
	s       *streamState
	reply   string
	pick    func() (seq uint64, ok bool)
	pending uint64 // messages that the request matches and that are still to come
	last    uint64 // sent
	left    int    // messages, and room, that may still be sent
	room    int
	bare    bool
	upTo    uint64
}

// maxDirectMulti is how many messages a request for the last of several subjects may match (nats-server getDirectMulti).
const maxDirectMulti = 1024

// directRoom is how many bytes a batch sends at most: as much in one step as a connection surely takes.
func (s *streamState) directRoom(asked int) int {
	room := int(s.g.b.cfg.MaxPending / 4)
	if asked > 0 {
		room = min(room, asked)
	}
	return room
}

func (s *streamState) directBatch(reply string, req *getRequest) {
	var filters []string
	if req.NextFor != "" {
		filters = []string{req.NextFor}
	}
	first, ok := s.locate(&getRequest{Seq: req.Seq, StartTime: req.StartTime, start: req.start, NextFor: orAll(req.NextFor)})
	if !ok {
		s.status(reply, 404, "Message Not Found")
		return
	}
	b := &directBatch{s: s, reply: reply, left: req.Batch, room: s.directRoom(req.MaxBytes), bare: req.NoHeaders}
	b.pending = s.g.store.CountMatch(first, filters)
	next := first
	b.pick = func() (uint64, bool) {
		seq, ok := s.g.store.NextMatch(next, filters)
		next = seq + 1
		return seq, ok
	}
	b.run()
}

func orAll(filter string) string {
	if filter == "" {
		return ">"
	}
	return filter
}

// directMulti answers with the newest message of every subject that one of several filters names, in the order
// of their sequences.
func (s *streamState) directMulti(reply string, req *getRequest) {
	seqs, ok := s.lastOfEach(req.MultiLast, req.Seq)
	switch {
	case !ok:
		s.status(reply, 413, "Too Many Results")
		return
	case len(seqs) == 0:
		s.status(reply, 404, "No Results")
		return
	}
	b := &directBatch{s: s, reply: reply, left: len(seqs), room: s.directRoom(req.MaxBytes), pending: uint64(len(seqs)), upTo: s.Last()}
	if req.Batch > 0 {
		b.left = min(b.left, req.Batch)
	}
	b.pick = func() (seq uint64, ok bool) {
		if len(seqs) == 0 {
			return 0, false
		}
		seq, seqs = seqs[0], seqs[1:]
		return seq, true
	}
	b.run()
}

// run sends what may be sent, one message after the other, and then what is left to ask for.
func (b *directBatch) run() {
	for b.left > 0 && b.room > 0 {
		seq, ok := b.pick()
		if !ok {
			break
		}
		done, waits := false, true
		b.s.load(seq, func(m *store.Message) {
			if m != nil {
				b.send(m)
			}
			if done = true; waits {
				return // load has called at once
			}
			b.run()
		})
		if waits = false; !done {
			return // it goes on when the disk has answered
		}
	}
	fields := []string{"Nats-Num-Pending", strconv.FormatUint(b.pending, 10), "Nats-Last-Sequence", strconv.FormatUint(b.last, 10)}
	if b.upTo > 0 {
		fields = append(fields, "Nats-UpTo-Sequence", strconv.FormatUint(b.upTo, 10))
	}
	b.s.g.b.replyWith(b.reply, wire.AppendStatus(nil, 204, "EOB", fields...), nil)
}

func (b *directBatch) send(m *store.Message) {
	b.pending -= min(b.pending, 1)
	var header []byte
	if !b.bare {
		fields := append(b.s.directFields(m), "Nats-Num-Pending", strconv.FormatUint(b.pending, 10), "Nats-Last-Sequence", strconv.FormatUint(b.last, 10))
		header = wire.AppendHeaderWith(nil, m.Header, fields...)
	}
	b.last = m.Seq
	b.left--
	b.room -= len(m.Subject) + len(m.Header) + len(m.Data)
	b.s.g.b.replyWith(b.reply, header, m.Data)
}

// status answers with a header block that has nothing but a status.
func (s *streamState) status(reply string, code int, text string) {
	s.g.b.replyWith(reply, wire.AppendStatus(nil, code, text), nil)
}
