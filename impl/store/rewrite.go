package store

import (
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// rewrite copies what is left in a few neighbouring blocks into a new one, so that a few
// messages among many removed ones do not keep whole blocks on the disk. The new block
// takes their place in the index at once; on the disk theirs go with the next checkpoint,
// like all blocks in which nothing is left.
//
// It is begun when as much is gone as is there, and two blocks more: then what is copied is
// less than what is freed. nats-server 2.15 does it block by block, in place, once more than half
// of one is gone (filestore.go, shouldCompactInline); here nothing that is synced changes.
type rewrite struct {
	from  []*block
	read  int  // how many of them were
	waits bool // for the disk
	into  *block
}

// rewriteReads bounds what one rewrite reads, in blocks of full size.
const rewriteReads = 4

// rewriteOn begins a rewrite after a checkpoint, or goes on with one.
func (s *Stream) rewriteOn(fx *machine.Effects) {
	if s.rewriting == nil && s.wasteful {
		s.rewriting = s.chooseRewrite()
		s.wasteful = s.rewriting != nil
	}
	for s.rewriting != nil && !s.rewriting.waits {
		rw := s.rewriting
		if rw.read == len(rw.from) {
			s.endRewrite()
			return // the next step may begin another
		}
		b := rw.from[rw.read]
		if b.live == 0 {
			rw.read++
			continue
		}
		from, last := int64(b.msgs[0].off), b.msgs[len(b.msgs)-1]
		s.read(fx, reading{block: b, off: from, size: int64(last.off+last.size) - from, rewrite: rw})
		rw.waits = true
	}
}

// chooseRewrite takes the block that is the cheapest to free, and its neighbours as far as
// that is worth while; nil if nothing is.
func (s *Stream) chooseRewrite() *rewrite {
	if len(s.blocks) < 2 {
		return nil
	}
	blocks := s.blocks[:len(s.blocks)-1] // the last is appended to
	alive, spare, best := int64(0), int64(0), -1
	for i, b := range blocks {
		if b.rotten {
			continue
		}
		alive, spare = alive+b.alive, spare+s.spare(b)
		if best < 0 || b.alive*s.spare(blocks[best]) < blocks[best].alive*s.spare(b) {
			best = i
		}
	}
	if best < 0 || spare <= alive+2*s.cfg.BlockBytes {
		return nil
	}
	lo, hi := best, best+1
	left, reads := blocks[best].alive, blocks[best].size
	worth := func(b *block, first, last uint64) bool {
		if b.rotten || s.spare(b) < b.alive || left+b.alive > s.cfg.BlockBytes || reads+b.size > rewriteReads*s.cfg.BlockBytes || last-first > maxSpan {
			return false
		}
		left, reads = left+b.alive, reads+b.size
		return true
	}
	for hi < len(blocks) && worth(blocks[hi], blocks[lo].seqOf(0), blocks[hi].lastSeq()) {
		hi++
	}
	for lo > 0 && worth(blocks[lo-1], blocks[lo-1].seqOf(0), blocks[hi-1].lastSeq()) {
		lo--
	}
	if hi-lo == 1 && blocks[lo].alive == blocks[lo].size {
		return nil
	}
	return &rewrite{from: slices.Clone(blocks[lo:hi]), into: s.newBlock()}
}

// rewriteRead takes what was read of a block, and writes what is there of it into the new
// one. A message that has rotted stays where it is, with all others.
func (s *Stream) rewriteRead(p *reading, data []byte, err error) error {
	rw, b := p.rewrite, p.block
	if rw != s.rewriting {
		return nil
	}
	rw.read, rw.waits = rw.read+1, false
	into, buf := rw.into, make([]byte, 0, b.alive)
	from, had := into.size, len(into.msgs)
	for i := range b.msgs {
		m := &b.msgs[i]
		at := int64(m.off) - p.off
		if m.size == 0 || at >= p.size { // or it was appended since
			continue
		}
		r, ok := blockRecord{}, err == nil && at+int64(m.size) <= int64(len(data))
		if ok {
			r, ok = parseBlock(data[at:at+int64(m.size)], blockIdentity(s.ident, b.number, int64(m.off)))
		}
		if !ok || r.seq != b.seqOf(i) {
			b.rotten = true
			s.dropRewrite()
			return b.broken(int64(m.off), fmt.Sprintf("message %d cannot be read", b.seqOf(i)), err)
		}
		if into.base == 0 {
			into.base = r.seq
		}
		into.msgs = append(into.msgs, stored{time: m.time, seq: uint32(r.seq - into.base), off: uint32(into.size), size: m.size, subject: m.subject})
		moved := Message{Seq: r.seq, Index: r.index, Time: r.time, Subject: s.subjects.all[m.subject].name, Header: r.header, Data: r.data}
		buf = putMessage(buf, &moved, blockIdentity(s.ident, into.number, into.size))
		into.size = from + int64(len(buf))
	}
	into.dirty = true
	s.writes = append(s.writes, write{block: into, data: buf, messages: len(into.msgs) - had})
	s.adjacent = false
	return nil
}

// endRewrite puts the new block in the place of the old ones, unless something was appended to
// them meanwhile: those behind may have gone.
func (s *Stream) endRewrite() {
	rw, into := s.rewriting, s.rewriting.into
	for _, b := range rw.from {
		into.live -= b.live
	}
	for i := range into.msgs {
		m := &into.msgs[i]
		if _, ok := s.find(into.seqOf(i)); !ok {
			m.size = 0 // removed meanwhile
			continue
		}
		into.live++
		into.alive += int64(m.size)
	}
	at := slices.IndexFunc(s.blocks, func(b *block) bool { return slices.Contains(rw.from, b) })
	if into.live != 0 || at < 0 {
		s.dropRewrite()
		return
	}
	s.rewriting = nil
	for at < len(s.blocks) && slices.Contains(rw.from, s.blocks[at]) {
		into.live += s.blocks[at].live
		s.retire(at)
	}
	into.trim()
	s.blocks = slices.Insert(s.blocks, at, into)
}

// dropRewrite gives a rewrite up.
func (s *Stream) dropRewrite() {
	if s.rewriting != nil && s.rewriting.into.size > 0 {
		s.retired = append(s.retired, s.rewriting.into.name)
	}
	s.rewriting, s.wasteful = nil, false
}

// fixed is what a block counts for beside its bytes: files are not free.
func (s *Stream) fixed() int64 { return max(s.cfg.BlockBytes/16, 1) }

// spare is what could be freed by copying b.
func (s *Stream) spare(b *block) int64 { return b.size - b.alive + s.fixed() }
