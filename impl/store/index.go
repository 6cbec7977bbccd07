package store

import (
	"slices"
	"sort"

	"github.com/brokerlab/brokerlab/model/machine"
)

// index notes a message that lies at off of b, the newest.
func (s *Stream) index(b *block, off int64, m *Message, size int) {
	if len(b.msgs) == 0 {
		b.base = m.Seq
	}
	id := s.subjects.add(m.Subject, m.Seq)
	b.msgs = append(b.msgs, stored{time: m.Time, seq: uint32(m.Seq - b.base), off: uint32(off), size: uint32(size), subject: id})
	b.live++
	b.alive += int64(size)
	b.runs = nil
	if s.count == 0 {
		s.first = m.Seq
	}
	s.last = m.Seq
	s.count++
	s.bytes += uint64(size - blockHeader)
}

// spot is where a message is noted: message i of block b. One of block len(filled) is
// behind all.
type spot struct{ b, i int }

// filled are the blocks with messages: all but the one being appended to, sometimes.
func (s *Stream) filled() []*block {
	n := len(s.blocks)
	if n > 0 && len(s.blocks[n-1].msgs) == 0 {
		n--
	}
	return s.blocks[:n]
}

func (b *block) seqOf(i int) uint64 { return b.base + uint64(b.msgs[i].seq) }
func (b *block) lastSeq() uint64    { return b.seqOf(len(b.msgs) - 1) }

// search finds the first message, gone or not, at or above seq.
func (b *block) search(seq uint64) int {
	first := b.seqOf(0)
	if seq <= first {
		return 0
	}
	if d := seq - first; d < uint64(len(b.msgs)) && b.seqOf(int(d)) == seq { // none are missing
		return int(d)
	}
	return sort.Search(len(b.msgs), func(i int) bool { return b.seqOf(i) >= seq })
}

// seek finds the first message at or above seq.
func (s *Stream) seek(seq uint64) spot {
	blocks := s.filled()
	p := spot{b: sort.Search(len(blocks), func(i int) bool { return blocks[i].lastSeq() >= seq })}
	if p.b < len(blocks) {
		b := blocks[p.b]
		for p.i = b.search(seq); b.msgs[p.i].size == 0; p.i++ { // the last is there
		}
	}
	return p
}

// find is the place of message seq.
func (s *Stream) find(seq uint64) (p spot, ok bool) {
	p = s.seek(seq)
	return p, p.b < len(s.filled()) && s.blocks[p.b].seqOf(p.i) == seq
}

func (s *Stream) at(p spot) (*block, *stored) { return s.blocks[p.b], &s.blocks[p.b].msgs[p.i] }

// after is the next message behind p.
func (s *Stream) after(p spot) spot {
	b := s.blocks[p.b]
	for p.i++; p.i < len(b.msgs); p.i++ {
		if b.msgs[p.i].size > 0 {
			return p
		}
	}
	return spot{b: p.b + 1}
}

// before is the next message in front of p; false if there is none.
func (s *Stream) before(p spot) (spot, bool) {
	for {
		for p.i--; p.i >= 0; p.i-- {
			if s.blocks[p.b].msgs[p.i].size > 0 {
				return p, true
			}
		}
		if p.b--; p.b < 0 {
			return p, false
		}
		p.i = len(s.blocks[p.b].msgs)
	}
}

// drop takes the message at p out of the index. What it says on disk stays until its
// block goes.
func (s *Stream) drop(p spot) {
	b, m := s.at(p)
	s.bury(b, m)
	s.subjects.remove(m.subject, b.seqOf(p.i))
	s.cache.remove(b.seqOf(p.i))
	s.count--
	s.bytes -= uint64(m.size - blockHeader)
	b.live--
	b.alive -= int64(m.size)
	b.runs = nil
	m.size = 0
	b.trim()
	if b.live == 0 && p.b < len(s.blocks)-1 {
		s.retire(p.b)
	}
}

// trim lets go of those that are gone from both ends, and of all once they are most.
func (b *block) trim() {
	for len(b.msgs) > 0 && b.msgs[0].size == 0 {
		b.msgs = b.msgs[1:]
	}
	for k := len(b.msgs); k > 0 && b.msgs[k-1].size == 0; k-- {
		b.msgs = b.msgs[:k-1]
	}
	if len(b.msgs) > 2*b.live+64 {
		left := make([]stored, 0, b.live)
		for _, m := range b.msgs {
			if m.size > 0 {
				left = append(left, m)
			}
		}
		b.msgs = left
	}
	if b.live == 0 {
		b.msgs = nil
	}
}

// retire takes block i, in which nothing is left, out of use. Its file stays for the
// durable checkpoint that may name it, until there is another.
func (s *Stream) retire(i int) {
	s.retired = append(s.retired, s.blocks[i].name)
	if i == 0 {
		s.blocks[0] = nil
		s.blocks = s.blocks[1:]
		return
	}
	s.blocks = slices.Delete(s.blocks, i, i+1)
}

// reckon finds the first sequence again.
func (s *Stream) reckon() {
	s.first = s.last + 1
	if s.count > 0 {
		s.first = s.blocks[0].seqOf(0)
	}
}

// Delete removes message seq. false: there is none.
func (s *Stream) Delete(seq uint64) bool {
	p, ok := s.find(seq)
	if !ok {
		return false
	}
	s.drop(p)
	s.reckon()
	return true
}

// Compact removes every message below first. With first above the last sequence nothing
// is left, and the next message has a sequence of first or more.
func (s *Stream) Compact(first uint64) {
	for s.count > 0 && s.first < first {
		s.drop(spot{})
		s.reckon()
	}
	if first > 0 {
		s.Skip(first - 1)
	}
}

// Skip says that the sequences up to last have been used: the next message has a higher
// one. It removes nothing.
func (s *Stream) Skip(last uint64) {
	s.last = max(s.last, last)
	s.reckon()
}

// cut drops the messages after seq from the index.
func (s *Stream) cut(seq uint64) {
	for blocks := s.filled(); s.count > 0 && blocks[len(blocks)-1].lastSeq() > seq; blocks = s.filled() {
		k := len(blocks) - 1
		s.drop(spot{k, len(blocks[k].msgs) - 1})
	}
	s.last = seq
	s.reckon()
}

// TimeOf is the stamp of message seq.
func (s *Stream) TimeOf(seq uint64) (stamp int64, ok bool) {
	p, ok := s.find(seq)
	if !ok {
		return 0, false
	}
	_, m := s.at(p)
	return m.time, true
}

// SizeOf is how many bytes the subject, header and data of message seq have.
func (s *Stream) SizeOf(seq uint64) (bytes int, ok bool) {
	p, ok := s.find(seq)
	if !ok {
		return 0, false
	}
	_, m := s.at(p)
	return int(m.size - blockHeader), true
}

// SubjectOf is the subject of message seq.
func (s *Stream) SubjectOf(seq uint64) (subject string, ok bool) {
	p, ok := s.find(seq)
	if !ok {
		return "", false
	}
	return s.subjectAt(p), true
}

func (s *Stream) subjectAt(p spot) string {
	_, m := s.at(p)
	return s.subjects.all[m.subject].name
}

// NextAt is the first message at or above seq.
func (s *Stream) NextAt(seq uint64) (next uint64, ok bool) { return s.seqAt(s.seek(seq)) }

func (s *Stream) seqAt(p spot) (seq uint64, ok bool) {
	if p.b == len(s.filled()) {
		return 0, false
	}
	return s.blocks[p.b].seqOf(p.i), true
}

// FirstAfter is the first message stamped at or after time. Stamps must not decrease
// with the sequences.
func (s *Stream) FirstAfter(time int64) (seq uint64, ok bool) {
	blocks := s.filled()
	k := sort.Search(len(blocks), func(i int) bool { b := blocks[i]; return b.msgs[len(b.msgs)-1].time >= time })
	if k == len(blocks) {
		return 0, false
	}
	b := blocks[k]
	i := sort.Search(len(b.msgs), func(i int) bool { return b.msgs[i].time >= time })
	return s.NextAt(b.seqOf(i))
}

// countFrom counts the messages at or above seq.
func (s *Stream) countFrom(seq uint64) (n uint64) {
	if seq <= s.first {
		return s.count
	}
	p := s.seek(seq)
	for k, b := range s.filled()[p.b:] {
		n += uint64(b.live)
		if k > 0 {
			continue
		}
		if len(b.msgs) == b.live {
			n -= uint64(p.i)
			continue
		}
		for _, m := range b.msgs[:p.i] {
			if m.size > 0 {
				n--
			}
		}
	}
	return n
}

// MemoryBytes is what the stream's index and cache take in memory, reckoned and not measured.
func (s *Stream) MemoryBytes() int64 {
	n := s.cache.bytes + int64(cap(s.cache.msgs))*cachedBytes + int64(cap(s.chunk)) + s.subjects.memory()
	for _, b := range s.blocks {
		n += int64(cap(b.msgs))*storedBytes + int64(cap(b.runs)) + blockBytes
	}
	for _, v := range s.views {
		n += int64(v.removed.n) * graveBytes
	}
	return n
}

// Sizes in memory of what there may be many of.
const (
	storedBytes = 24
	graveBytes  = 48
	blockBytes  = 160
	cachedBytes = 104
	// subjectBytes is an entry of a table and one of a map, and subjectListBytes what comes with the
	// second message.
	subjectBytes     = 32 + 40
	subjectListBytes = 56
)

// checkAppend refuses what would break the order of the index.
func (s *Stream) checkAppend(m *Message) {
	if m.Seq <= s.last || s.lost || s.gone {
		machine.Broken("stream %s: message %d appended behind %d (damaged %t, removed %t)", s.cfg.Dir, m.Seq, s.last, s.lost, s.gone)
	}
}
