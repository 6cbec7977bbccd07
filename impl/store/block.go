package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/brokerlab/brokerlab/model/machine"
)

// A block is a file of records, little-endian, appended to and never rewritten:
//
//	 0 magic    u32
//	 4 sum      u32  CRC-32C of everything behind it, begun from (directory, block, offset)
//	 8 subject  u32  length
//	12 header   u32  length
//	16 data     u32  length
//	20 kind     u32
//	24 seq      u64
//	32 index    u64
//	40 time     i64
//
// followed by subject, header and data. Messages are the only kind: which of them are
// gone is for a checkpoint to say.
const (
	blockMagic  = 0x314b4c42 // "BLK1"
	blockHeader = 48
)

const kindMessage = 1

// dirIdentity tells streams apart by their directories (FNV-1a).
func dirIdentity(dir string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(dir) {
		h = (h ^ uint64(dir[i])) * 1099511628211
	}
	return h
}

func blockIdentity(dir, block uint64, off int64) uint32 {
	h := mix64(dir ^ mix64(block))
	return uint32(h>>32) ^ uint32(h) + uint32(off)*0x9e3779b1
}

func messageSize(m *Message) int {
	return blockHeader + len(m.Subject) + len(m.Header) + len(m.Data)
}

// putMessage encodes m at the end of b, which has the room.
func putMessage(b []byte, m *Message, sumFrom uint32) []byte {
	le := binary.LittleEndian
	n := len(b)
	b = b[:n+blockHeader]
	h := b[n:]
	le.PutUint32(h, blockMagic)
	le.PutUint32(h[8:], uint32(len(m.Subject)))
	le.PutUint32(h[12:], uint32(len(m.Header)))
	le.PutUint32(h[16:], uint32(len(m.Data)))
	le.PutUint32(h[20:], kindMessage)
	le.PutUint64(h[24:], m.Seq)
	le.PutUint64(h[32:], m.Index)
	le.PutUint64(h[40:], uint64(m.Time))
	b = append(b, m.Subject...)
	b = append(b, m.Header...)
	b = append(b, m.Data...)
	le.PutUint32(b[n+4:], crc32.Update(sumFrom, castagnoli, b[n+8:]))
	return b
}

// blockRecord is a decoded record; its slices are parts of the input.
type blockRecord struct {
	kind                  uint32
	seq, index            uint64
	time                  int64
	subject, header, data []byte
	size                  int
}

// parseBlock decodes the record at the front of b.
func parseBlock(b []byte, sumFrom uint32) (r blockRecord, ok bool) {
	le := binary.LittleEndian
	if len(b) < blockHeader || le.Uint32(b) != blockMagic {
		return r, false
	}
	ns, nh, nd := uint64(le.Uint32(b[8:])), uint64(le.Uint32(b[12:])), uint64(le.Uint32(b[16:]))
	if blockHeader+ns+nh+nd > uint64(len(b)) {
		return r, false
	}
	r.size = int(blockHeader + ns + nh + nd)
	if crc32.Update(sumFrom, castagnoli, b[8:r.size]) != le.Uint32(b[4:]) {
		return r, false
	}
	r.kind = le.Uint32(b[20:])
	r.seq, r.index, r.time = le.Uint64(b[24:]), le.Uint64(b[32:]), int64(le.Uint64(b[40:]))
	rest := b[blockHeader:r.size]
	r.subject, rest = rest[:ns], rest[ns:]
	r.header, r.data = rest[:nh], rest[nh:]
	return r, r.kind == kindMessage
}

// block is one file of messages, in the order of their sequences.
type block struct {
	number uint64
	name   string
	size   int64  // with what waits to be written
	base   uint64 // what the sequences of its messages are counted from
	// msgs are the messages and some that are gone; the first and the last are there.
	msgs  []stored
	live  int
	alive int64 // bytes of the records that are there
	dirty bool  // bytes not synced
	fresh bool  // its name may not be durable
	// rotten: a message of it could not be read when it was to be copied.
	rotten bool
	runs   []byte // where those records lie, as a checkpoint says it; nil if not known
}

// stored says where a message lies: 24 bytes of memory a message.
type stored struct {
	time    int64
	seq     uint32 // above the block's base
	off     uint32
	size    uint32 // 0: it is gone
	subject uint32 // number of its subject
}

// write is bytes of a block that wait for the end of the step.
type write struct {
	block    *block
	data     []byte
	messages int
}

const chunkBytes = 64 << 10

// room returns a chunk with n free bytes. What was handed to the driver is never written
// to again, but the rest of the chunk is used.
func (s *Stream) room(n int) []byte {
	if cap(s.chunk)-len(s.chunk) < n {
		s.chunk, s.adjacent = make([]byte, 0, max(chunkBytes, n)), false
	}
	return s.chunk
}

// record encodes m into the block that is appended to, and returns where it lies and the
// encoded bytes.
func (s *Stream) record(m *Message) (b *block, off int64, data []byte) {
	n := messageSize(m)
	b = s.blockFor(m.Seq, int64(n))
	chunk := s.room(n)
	from := len(chunk)
	s.chunk = putMessage(chunk, m, blockIdentity(s.ident, b.number, b.size))
	data = s.chunk[from:len(s.chunk):len(s.chunk)]
	off = b.size
	b.size += int64(n)
	b.dirty = true
	if k := len(s.writes) - 1; k >= 0 && s.writes[k].block == b && s.adjacent {
		w := &s.writes[k]
		w.messages++
		w.data = s.chunk[from-len(w.data) : len(s.chunk) : len(s.chunk)]
	} else {
		s.writes = append(s.writes, write{block: b, data: data, messages: 1})
	}
	s.adjacent = true
	return b, off, data
}

// blockFor is the block that a record of n bytes goes to.
func (s *Stream) blockFor(seq uint64, n int64) *block {
	if len(s.blocks) > 0 {
		b := s.blocks[len(s.blocks)-1]
		near := len(b.msgs) == 0 || seq-b.base <= maxSpan
		if near && (b.size == 0 || b.size+n <= s.cfg.BlockBytes) {
			return b
		}
		if len(b.msgs) == 0 {
			s.retire(len(s.blocks) - 1)
		}
	}
	b := s.newBlock()
	s.blocks = append(s.blocks, b)
	return b
}

// maxSpan is how far apart the sequences of a block may lie.
const maxSpan = 1<<32 - 1

func (s *Stream) newBlock() *block {
	s.number++
	return &block{number: s.number, name: blockName(s.cfg.Dir, s.number), fresh: true}
}

func blockName(dir string, number uint64) string { return fmt.Sprintf("%s/%d.blk", dir, number) }

func checkBlockBytes(n int64) error {
	if n < 0 || n > 1<<30 {
		return fmt.Errorf("stream store: block size %d is not within 1 and %d", n, 1<<30)
	}
	return nil
}

// broken is the damage of block b at off.
func (b *block) broken(off int64, reason string, err error) *DamageError {
	return &DamageError{File: b.name, Offset: off, Reason: reason, Err: err}
}

// decode checks that a read returned message seq.
func (s *Stream) decode(p *reading, data []byte) (*Message, error) {
	r, ok := parseBlock(data, blockIdentity(s.ident, p.block.number, p.off))
	if !ok || r.seq != p.seq {
		return nil, p.block.broken(p.off, fmt.Sprintf("there is no message %d", p.seq), nil)
	}
	body := make([]byte, 0, len(r.header)+len(r.data))
	body = append(append(body, r.header...), r.data...)
	n := len(r.header)
	return &Message{
		Seq: r.seq, Index: r.index, Time: r.time, Subject: string(r.subject),
		Header: part(body[:n:n]), Data: body[n:],
	}, nil
}

func part(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// reading is a read on its way.
type reading struct {
	token   machine.Token
	block   *block // where it reads, though the message may lie elsewhere by now
	off     int64
	size    int64
	seq     uint64
	view    *View    // it is read for
	rewrite *rewrite // it is read for
	void    bool     // seq may be that of another message by now
}
