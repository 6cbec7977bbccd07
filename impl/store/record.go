package store

import (
	"encoding/binary"
	"hash/crc32"
)

// A record of the log is a fixed header and its data, little-endian:
//
//	 0 magic   u32  where a scan for records behind a damaged place looks; holds the version
//	 4 sum     u32  CRC-32C of everything behind it, begun from the record's identity
//	 8 length  u32  of the data
//	12 prev    u32  sum of the record before it: the chain
//	16 synced  u64  position below which the whole log was synced when this was written
//	24 group   u64
//	32 index   u64
//	40 term    u64
//	48 kind    u8
//	49 flags   u8
//	50 type    u8   of an entry
//	51 -       u8
//
// The identity (node, segment, offset) is not written: a record that a disk puts into
// another place, or that another node wrote, fails its sum.
const (
	recordMagic  = 0x314c5742 // "BWL1"
	recordHeader = 52
)

type recordKind uint8

const (
	// kindSegment begins a segment: group and index say where the log before it ends
	// (segment, offset), term the sum of the last record there, data the node.
	kindSegment recordKind = iota + 1
	kindEntry
	// kindHard: term and commit (index); data is the vote, and the owner's id if it has
	// one of its own.
	kindHard
	// kindBase: entries to index are in a durable checkpoint.
	kindBase
	// kindRebase: the group's log is empty and begins after index.
	kindRebase
	// kindTruncate: entries after index are gone.
	kindTruncate
	// kindForget: the group is gone.
	kindForget
	// kindLast, in a segment's first batch: the group's log reaches index exactly.
	// Whoever replays from here without having these entries knows they are missing.
	kindLast
	// kindDamage: the log lost synced bytes at (segment index, offset term); data is the
	// proof. Without data: the damage was accepted.
	kindDamage
	// kindOwner: data is what the owner of the log keeps beside its groups.
	kindOwner
	kindEnd
)

// flagBatchEnd marks the last record of a batch. Recovery takes whole batches only.
const flagBatchEnd = 1

// record is one record, decoded or about to be encoded.
type record struct {
	kind               recordKind
	flags, typ         uint8
	group, index, term uint64
	data               []byte
}

func (r *record) size() int { return recordHeader + len(r.data) }

// position is a place in the log: the segment above, the offset in it below. Positions
// order as the log does, and none is used twice: see newSegment.
type position uint64

const maxSegmentNumber = 1<<32 - 1

// maxIndex keeps sums of indices from overflowing.
const maxIndex = 1 << 62

func at(segment uint64, offset int64) position { return position(segment<<32 | uint64(offset)) }

func (p position) segment() uint64 { return uint64(p >> 32) }
func (p position) offset() int64   { return int64(p & 0xffffffff) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// identity is what a record's sum begins from. Two offsets of one segment never share it.
func identity(node uint32, p position) uint32 {
	h := mix64(uint64(node)<<32 ^ p.segment())
	return uint32(h>>32) ^ uint32(h) + uint32(p)*0x9e3779b1
}

// mix64 is the finaliser of SplitMix64.
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// put encodes r at the front of b, which has room for it, and returns its sum.
func (r *record) put(b []byte, node uint32, p position, prev uint32, synced position) uint32 {
	le := binary.LittleEndian
	le.PutUint32(b, recordMagic)
	le.PutUint32(b[8:], uint32(len(r.data)))
	le.PutUint32(b[12:], prev)
	le.PutUint64(b[16:], uint64(synced))
	le.PutUint64(b[24:], r.group)
	le.PutUint64(b[32:], r.index)
	le.PutUint64(b[40:], r.term)
	b[48], b[49], b[50], b[51] = byte(r.kind), r.flags, r.typ, 0
	n := recordHeader + copy(b[recordHeader:], r.data)
	sum := crc32.Update(identity(node, p), castagnoli, b[8:n])
	le.PutUint32(b[4:], sum)
	return sum
}

// stamp is what a record on disk carries beside its content.
type stamp struct {
	sum, prev uint32
	synced    position
}

// parse decodes the record at the front of b. ok is false if there is no record of this
// node at this position; nothing is allocated, r.data is a part of b.
func parse(b []byte, node uint32, p position) (r record, s stamp, ok bool) {
	le := binary.LittleEndian
	if len(b) < recordHeader || le.Uint32(b) != recordMagic {
		return r, s, false
	}
	n := le.Uint32(b[8:])
	if uint64(n) > uint64(len(b)-recordHeader) {
		return r, s, false
	}
	end := recordHeader + int(n)
	s.sum = le.Uint32(b[4:])
	if crc32.Update(identity(node, p), castagnoli, b[8:end]) != s.sum {
		return r, s, false
	}
	s.prev, s.synced = le.Uint32(b[12:]), position(le.Uint64(b[16:]))
	r = record{
		kind: recordKind(b[48]), flags: b[49], typ: b[50],
		group: le.Uint64(b[24:]), index: le.Uint64(b[32:]), term: le.Uint64(b[40:]),
	}
	if n > 0 {
		r.data = b[recordHeader:end:end]
	}
	return r, s, r.wellFormed()
}

// wellFormed refuses what no version of this package writes.
func (r *record) wellFormed() bool {
	if r.index > maxIndex {
		return false
	}
	switch r.kind {
	case kindEntry:
		return r.index > 0
	case kindHard:
		return len(r.data) == 8 || len(r.data) == 16
	case kindSegment:
		return len(r.data) == 4 && r.group <= maxSegmentNumber && r.index <= maxSegmentNumber && r.term <= maxSegmentNumber
	case kindDamage, kindOwner:
		return true
	}
	return r.kind > 0 && r.kind < kindEnd && len(r.data) == 0
}

func (r *record) hard() HardState {
	hs := HardState{Term: r.term, Commit: r.index, Vote: binary.LittleEndian.Uint64(r.data)}
	if len(r.data) == 16 {
		hs.Self = binary.LittleEndian.Uint64(r.data[8:])
	}
	return hs
}

// hardSize is the size of the record of a hard state.
func hardSize(hs *HardState) int {
	if hs.Self == 0 {
		return recordHeader + 8
	}
	return recordHeader + 16
}
