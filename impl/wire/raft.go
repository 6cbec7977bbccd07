package wire

import (
	"encoding/binary"
	"slices"

	"go.etcd.io/raft/v3/raftpb"
)

// A Raft message is: group, the presence of fields (two bytes), then the fields present in the
// order of the bits. Numbers are varints. A field that is absent stays absent: etcd raft tells a
// nil pointer from a zero in places.
const (
	hasType = 1 << iota
	hasTo
	hasFrom
	hasTerm
	hasLogTerm
	hasIndex
	hasCommit
	hasVote
	hasReject
	isReject
	hasRejectHint
	hasContext
	hasEntries
	hasSnapshot
	knownFields = 1<<iota - 1
)

// Presence of an entry's fields; entries are one byte of it each at least.
const (
	entryTerm = 1 << iota
	entryIndex
	entryType
	entryData
	knownEntry = 1<<iota - 1
)

// AppendRaft appends one Raft message of a group. Responses are left out: they belong to
// messages that never leave their node.
func AppendRaft(dst []byte, group uint64, m *raftpb.Message) []byte {
	dst = binary.AppendUvarint(dst, group)
	at := len(dst)
	dst = append(dst, 0, 0)
	bits := uint16(0)
	if m.Type != nil {
		bits |= hasType
		dst = binary.AppendUvarint(dst, uint64(uint32(*m.Type)))
	}
	for i, f := range [...]*uint64{m.To, m.From, m.Term, m.LogTerm, m.Index, m.Commit, m.Vote} {
		if f != nil {
			bits |= hasTo << i
			dst = binary.AppendUvarint(dst, *f)
		}
	}
	if m.Reject != nil {
		bits |= hasReject
		if *m.Reject {
			bits |= isReject
		}
	}
	if m.RejectHint != nil {
		bits |= hasRejectHint
		dst = binary.AppendUvarint(dst, *m.RejectHint)
	}
	if m.Context != nil {
		bits |= hasContext
		dst = appendBytes(dst, m.Context)
	}
	if len(m.Entries) > 0 {
		bits |= hasEntries
		dst = appendEntries(dst, m.Entries)
	}
	if m.Snapshot != nil {
		bits |= hasSnapshot
		dst = appendSnapshot(dst, m.Snapshot)
	}
	binary.LittleEndian.PutUint16(dst[at:], bits)
	return dst
}

func appendEntries(dst []byte, entries []*raftpb.Entry) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(entries)))
	for _, e := range entries {
		at := len(dst)
		dst = append(dst, 0)
		if e.Term != nil {
			dst[at] |= entryTerm
			dst = binary.AppendUvarint(dst, *e.Term)
		}
		if e.Index != nil {
			dst[at] |= entryIndex
			dst = binary.AppendUvarint(dst, *e.Index)
		}
		if e.Type != nil {
			dst[at] |= entryType
			dst = binary.AppendUvarint(dst, uint64(uint32(*e.Type)))
		}
		if e.Data != nil {
			dst[at] |= entryData
			dst = appendBytes(dst, e.Data)
		}
	}
	return dst
}

// raftMessage holds a message and what its pointers point to; one entry, the usual number, too.
type raftMessage struct {
	m       raftpb.Message
	typ     raftpb.MessageType
	numbers [7]uint64 // To to Vote, in the order of their bits
	hint    uint64
	reject  bool
}

type raftEntry struct {
	e           raftpb.Entry
	term, index uint64
	typ         raftpb.EntryType
}

type raftMessageOfOne struct {
	raftMessage
	entry   raftEntry
	entries [1]*raftpb.Entry
}

// DecodeRaft reads what AppendRaft wrote. The message shares nothing with p: context, entries and
// snapshot are copied, together, once.
func DecodeRaft(p []byte) (group uint64, m *raftpb.Message, err error) {
	r := reader{p: p}
	group = r.uvarint()
	bits := uint16(r.u8()) | uint16(r.u8())<<8
	if bits&^uint16(knownFields) != 0 || bits&(hasReject|isReject) == isReject {
		r.fail("unknown fields")
	}
	if r.why != "" {
		return 0, nil, &FrameError{KindRaft, r.why}
	}
	m = r.message(bits)
	if r.why == "" && len(r.p) > 0 {
		r.fail("bytes left over")
	}
	if r.why != "" {
		return 0, nil, &FrameError{KindRaft, r.why}
	}
	return group, m, nil
}

func (r *reader) message(bits uint16) *raftpb.Message {
	var one *raftMessageOfOne
	var d *raftMessage
	if bits&hasEntries != 0 {
		one = &raftMessageOfOne{}
		d = &one.raftMessage
	} else {
		d = &raftMessage{}
	}
	m := &d.m
	if bits&hasType != 0 {
		if d.typ = raftpb.MessageType(r.enum(len(raftpb.MessageType_name))); r.why == "" {
			m.Type = &d.typ
		}
	}
	for i, f := range [...]**uint64{&m.To, &m.From, &m.Term, &m.LogTerm, &m.Index, &m.Commit, &m.Vote} {
		if bits&(hasTo<<i) != 0 {
			d.numbers[i] = r.uvarint()
			*f = &d.numbers[i]
		}
	}
	if bits&hasReject != 0 {
		d.reject = bits&isReject != 0
		m.Reject = &d.reject
	}
	if bits&hasRejectHint != 0 {
		d.hint = r.uvarint()
		m.RejectHint = &d.hint
	}
	if bits&(hasContext|hasEntries|hasSnapshot) != 0 {
		r.p = slices.Clone(r.p)
	}
	if bits&hasContext != 0 {
		m.Context = r.bytes()
	}
	if bits&hasEntries != 0 {
		m.Entries = r.entries(one)
	}
	if bits&hasSnapshot != 0 {
		m.Snapshot = r.snapshot()
	}
	return m
}

// enum reads a number below n.
func (r *reader) enum(n int) int32 {
	v := r.uvarint()
	if v >= uint64(n) {
		r.fail("unknown type")
		return 0
	}
	return int32(v)
}

func (r *reader) entries(one *raftMessageOfOne) []*raftpb.Entry {
	n := r.count(1)
	if n == 1 {
		one.entries[0] = &one.entry.e
		r.entry(&one.entry)
		return one.entries[:]
	}
	if n == 0 {
		r.fail("no entries")
		return nil
	}
	room := make([]raftEntry, n)
	list := make([]*raftpb.Entry, n)
	for i := range room {
		list[i] = &room[i].e
		r.entry(&room[i])
	}
	return list
}

func (r *reader) entry(d *raftEntry) {
	bits := r.u8()
	if bits&^byte(knownEntry) != 0 {
		r.fail("unknown fields of an entry")
	}
	if bits&entryTerm != 0 {
		d.term = r.uvarint()
		d.e.Term = &d.term
	}
	if bits&entryIndex != 0 {
		d.index = r.uvarint()
		d.e.Index = &d.index
	}
	if bits&entryType != 0 {
		d.typ = raftpb.EntryType(r.enum(len(raftpb.EntryType_name)))
		d.e.Type = &d.typ
	}
	if bits&entryData != 0 {
		d.e.Data = r.bytes()
	}
}
