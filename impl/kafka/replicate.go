package kafka

import (
	"slices"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// session is another broker's fetches from partitions led here (KIP-227): what it has said of each, so that a request names only
// what is new.
type session struct {
	peer    *peer
	parts   []*sessionPart // in the order in which they joined
	byID    map[uint32]*sessionPart
	dirty   []*sessionPart // with something to say
	waiting bool
	id      uint32 // correlation of the request that waits
	until   machine.Mono
	max     int64
}

type sessionPart struct {
	id    uint32
	ask   proto.FetchPart
	told  int64 // high watermark it was told of
	dirty bool
}

func (s *session) init(p *peer) {
	*s = session{peer: p, byID: map[uint32]*sessionPart{}}
}

// touch marks a partition as one that may have something to say to this follower.
func (s *session) touch(id uint32) {
	if part := s.byID[id]; part != nil && !part.dirty {
		part.dirty = true
		s.dirty = append(s.dirty, part)
	}
}

// fetch takes a follower's request in; the answer comes when there is one, or its wait is over.
func (s *session) fetch(correlation uint32, m *proto.FetchRequest) {
	b := s.peer.b
	if m.Full {
		p := s.peer
		s.init(p)
	}
	for i := range m.Parts {
		ask := m.Parts[i]
		part := s.byID[ask.ID]
		if part == nil {
			part = &sessionPart{id: ask.ID, told: -1}
			s.byID[ask.ID] = part
			s.parts = append(s.parts, part)
		}
		part.ask = ask
		if ask.Forget {
			delete(s.byID, ask.ID)
			s.parts = slices.DeleteFunc(s.parts, func(p *sessionPart) bool { return p == part })
			s.dirty = slices.DeleteFunc(s.dirty, func(p *sessionPart) bool { return p == part })
			continue
		}
		s.touch(ask.ID)
	}
	b.fx.Charge(machine.WorkRoute, int64(len(s.parts)), 0, 0)
	for _, part := range s.parts {
		if p := b.partition(part.id); p != nil && p.leading {
			p.fetchedBy(s.peer.id, m.BrokerEpoch, &part.ask)
		}
	}
	s.waiting, s.id, s.until, s.max = true, correlation, b.env.Mono+machine.Mono(m.MaxWait), m.MaxBytes
}

// fetchedBy follows where a follower is: Replica.updateFetchStateOrThrow.
func (p *partition) fetchedBy(n machine.NodeID, broker uint64, ask *proto.FetchPart) {
	if ask.Epoch != p.epoch {
		return
	}
	i := slices.IndexFunc(p.followers, func(f *follower) bool { return f.node == n })
	if i < 0 || p.diverges(ask).Diverging || ask.Offset > p.log.End() {
		return
	}
	f, now := p.followers[i], p.b.env.Mono
	switch {
	case ask.Offset >= p.log.End():
		f.caughtUp = max(f.caughtUp, now)
	case f.fetched != 0 && ask.Offset >= f.seenEnd:
		f.caughtUp = max(f.caughtUp, f.fetched)
	}
	moved := f.end != ask.Offset
	f.end, f.broker, f.fetched, f.seenEnd = ask.Offset, broker, now, p.log.End()
	p.expand(f)
	if moved {
		p.wakeLater()
	}
}

// diverges compares the epoch of a follower's last record with this log (KIP-595).
func (p *partition) diverges(ask *proto.FetchPart) (r proto.FetchResult) {
	if ask.LastEpoch < 0 {
		return r
	}
	known, end, ok := p.log.EndOf(ask.LastEpoch)
	switch {
	case !ok:
		r.Diverging, r.DivergingEpoch, r.DivergingEnd = true, -1, -1
	case known < ask.LastEpoch || end < ask.Offset:
		r.Diverging, r.DivergingEpoch, r.DivergingEnd = true, known, end
	}
	return r
}

// answerFollower answers the fetch that waits, if there is something to say or its wait is over.
func (p *peer) answerFollower(expired bool) {
	s := &p.session
	if !s.waiting || len(s.dirty) == 0 && !expired {
		return
	}
	var reply proto.FetchReply
	room := s.max
	left := s.dirty[:0]
	for _, part := range s.dirty {
		r, say, more := s.result(part, room)
		if say {
			room -= int64(len(r.Batches))
			reply.Parts = append(reply.Parts, r)
		}
		if part.dirty = more; more {
			left = append(left, part)
		}
	}
	clear(s.dirty[len(left):])
	s.dirty = left
	if len(reply.Parts) > 0 || expired {
		for _, part := range s.parts { // nothing but a high watermark is no reason for an answer, but is in every one
			if q := p.b.partition(part.id); q != nil && q.leading && part.told != q.hw && part.ask.Epoch == q.epoch {
				part.told = q.hw
				reply.Parts = append(reply.Parts, proto.FetchResult{ID: part.id, HW: q.hw})
			}
		}
	}
	if len(reply.Parts) == 0 && !expired {
		return
	}
	s.waiting = false
	p.answer(s.id, &reply)
}

// result is what a partition has for the follower: an error, a divergence, or records; more says that not all of it fitted.
func (s *session) result(part *sessionPart, room int64) (r proto.FetchResult, say, more bool) {
	b := s.peer.b
	r.ID = part.id
	p := b.partition(part.id)
	switch {
	case p == nil || !p.leading:
		r.Code = proto.NotLeader
		return r, true, false
	case part.ask.Epoch < p.epoch:
		r.Code = proto.FencedLeaderEpoch
		return r, true, false
	case part.ask.Epoch > p.epoch:
		r.Code = proto.UnknownLeaderEpoch
		return r, true, false
	}
	if d := p.diverges(&part.ask); d.Diverging {
		d.ID, d.HW, part.told = part.id, p.hw, p.hw
		return d, true, false
	}
	r.HW = p.hw
	switch {
	case part.ask.Offset > p.log.End():
		r.Code, part.told = proto.OffsetOutOfRange, p.hw
		return r, true, false
	case part.ask.Offset == p.log.End():
		return r, false, false
	case room <= 0:
		return r, false, true
	}
	data, token := p.log.Read(b.fx, part.ask.Offset, p.log.End(), int(min(room, 1<<20)))
	if token != 0 {
		s.readFromDisk(part, p, token)
		return r, false, false
	}
	part.told = p.hw
	r.Batches = data
	return r, true, false
}

// readFromDisk answers with what a read brings, if the follower still waits for it then.
func (s *session) readFromDisk(part *sessionPart, p *partition, token machine.Token) {
	b := s.peer.b
	b.owners[token] = p
	offset, epoch := part.ask.Offset, part.ask.Epoch
	b.reads[token] = func(data []byte) {
		if s.byID[part.id] != part || part.ask.Offset != offset || part.ask.Epoch != epoch || !p.leading {
			return
		}
		if data == nil || !s.waiting {
			s.touch(part.id) // again with the next request
			return
		}
		s.waiting = false
		part.told = p.hw
		s.peer.answer(s.id, &proto.FetchReply{Parts: []proto.FetchResult{{ID: part.id, HW: p.hw, Batches: data}}})
	}
}

// tick ends the waits that are over.
func (p *peer) tick() {
	if p.session.waiting && p.b.env.Mono >= p.session.until {
		p.answerFollower(true)
	}
}

// fetcher fetches from the partitions that one other node leads (ReplicaFetcherThread): one request at a time.
type fetcher struct {
	peer     *peer
	parts    []*partition // by number
	news     []*partition // to name in the next request
	gone     []uint32     // to take out of the session
	full     bool         // the next request begins a session
	inFlight bool
	after    machine.Mono
}

func (f *fetcher) reset() {
	f.inFlight, f.full, f.gone = false, true, nil
	f.after = f.peer.b.env.Mono
}

func (f *fetcher) take(p *partition) {
	f.parts = append(f.parts, p)
	slices.SortFunc(f.parts, func(a, b *partition) int { return int(a.id) - int(b.id) })
	f.changed(p)
}

func (f *fetcher) drop(p *partition) {
	same := func(q *partition) bool { return q == p }
	f.parts, f.news = slices.DeleteFunc(f.parts, same), slices.DeleteFunc(f.news, same)
	f.gone = append(f.gone, p.id)
}

// changed has the next request say where p is.
func (f *fetcher) changed(p *partition) {
	if !slices.Contains(f.news, p) {
		f.news = append(f.news, p)
	}
}

// fetchMore sends the next request, unless one is out or a log here still flushes what the last one brought: the thread
// would be blocked in its append.
func (p *peer) fetchMore() {
	f := &p.fetcher
	b := p.b
	if !p.up || f.inFlight || len(f.parts) == 0 || b.env.Mono < f.after {
		return
	}
	for _, q := range f.parts {
		if q.log.End() != q.log.Appended() {
			return
		}
	}
	br := b.meta.Broker(b.self())
	if b.epoch == 0 || br == nil || br.Epoch != b.epoch {
		return // not registered yet: nobody would know whose fetch it is
	}
	m := &proto.FetchRequest{MaxWait: b.cfg.FetchWait, MinBytes: 1, MaxBytes: b.cfg.FetchBytes, BrokerEpoch: b.epoch, Full: f.full}
	named := f.news
	if f.full {
		named, f.gone = f.parts, nil
	}
	for _, q := range named {
		m.Parts = append(m.Parts, proto.FetchPart{ID: q.id, Epoch: q.epoch, Offset: q.log.End(), LastEpoch: q.log.LastEpoch()})
	}
	for _, id := range f.gone {
		if !slices.ContainsFunc(f.parts, func(q *partition) bool { return q.id == id }) {
			m.Parts = append(m.Parts, proto.FetchPart{ID: id, Forget: true})
		}
	}
	f.full, f.inFlight, f.news, f.gone = false, true, nil, nil
	p.ask(proto.ReplicaFetch, m, func(code proto.Code, body []byte) {
		f.inFlight = false
		var r proto.FetchReply
		if code != proto.OK || proto.Decode(body, &r, "replica-fetch") != nil {
			f.full, f.after = true, b.env.Mono+machine.Mono(b.cfg.FetchBackoff)
			return
		}
		b.fx.Charge(machine.WorkRoute, int64(len(r.Parts)), 0, 0)
		for i := range r.Parts {
			if q := b.partition(r.Parts[i].ID); q != nil && !q.leading && q.leader == p.id {
				q.fetched(f, &r.Parts[i])
			}
		}
	})
}

// fetched takes a leader's answer in.
func (p *partition) fetched(f *fetcher, r *proto.FetchResult) {
	switch {
	case r.Code != proto.OK:
		p.retryAt = p.b.env.Mono + machine.Mono(p.b.cfg.FetchBackoff)
		return
	case r.Diverging:
		p.truncateTo(r)
		f.changed(p)
		return
	}
	was := p.log.Appended()
	next, batches := was, [][]byte(nil)
	proto.EachBatch(r.Batches, func(h proto.Head, batch []byte) bool {
		if h.Base != next {
			return false
		}
		batches = append(batches, append(p.b.fx.Alloc(len(batch))[:0], batch...))
		p.producers.Note(&h)
		next = h.Next()
		return true
	})
	p.log.Append(p.b.fx, batches...)
	if p.log.Appended() != was || len(r.Batches) > 0 {
		f.changed(p)
	}
	p.setHW(min(r.HW, p.log.End()))
}

// truncateTo cuts this log to where the leader's last common epoch can end. Only a leader without any epoch as old leaves no
// better point than the high watermark.
func (p *partition) truncateTo(r *proto.FetchResult) {
	if r.DivergingEpoch < 0 {
		p.truncate(p.hw)
		return
	}
	known, end, ok := p.log.EndOf(r.DivergingEpoch)
	switch {
	case !ok:
		p.truncate(0) // nothing here has an epoch: there is nothing
	case known == r.DivergingEpoch:
		p.truncate(min(end, r.DivergingEnd))
	default:
		p.truncate(end) // and ask again with the epoch that is the last then
	}
}
