package wire

import (
	"encoding/binary"

	"go.etcd.io/raft/v3/raftpb"
)

// Presence of a snapshot's fields, those of its metadata and configuration included.
const (
	snapData = 1 << iota
	snapMetadata
	snapIndex
	snapTerm
	snapConf
	snapAutoLeave
	isAutoLeave
	knownSnapshot = 1<<iota - 1
)

func appendSnapshot(dst []byte, s *raftpb.Snapshot) []byte {
	at := len(dst)
	dst = append(dst, 0)
	if s.Data != nil {
		dst[at] |= snapData
		dst = appendBytes(dst, s.Data)
	}
	md := s.Metadata
	if md == nil {
		return dst
	}
	dst[at] |= snapMetadata
	if md.Index != nil {
		dst[at] |= snapIndex
		dst = binary.AppendUvarint(dst, *md.Index)
	}
	if md.Term != nil {
		dst[at] |= snapTerm
		dst = binary.AppendUvarint(dst, *md.Term)
	}
	c := md.ConfState
	if c == nil {
		return dst
	}
	dst[at] |= snapConf
	if c.AutoLeave != nil {
		dst[at] |= snapAutoLeave
		if *c.AutoLeave {
			dst[at] |= isAutoLeave
		}
	}
	for _, ids := range [...][]uint64{c.Voters, c.Learners, c.VotersOutgoing, c.LearnersNext} {
		dst = binary.AppendUvarint(dst, uint64(len(ids)))
		for _, id := range ids {
			dst = binary.AppendUvarint(dst, id)
		}
	}
	return dst
}

// raftSnapshot holds a snapshot and what its pointers point to.
type raftSnapshot struct {
	s           raftpb.Snapshot
	metadata    raftpb.SnapshotMetadata
	conf        raftpb.ConfState
	index, term uint64
	autoLeave   bool
}

func (r *reader) snapshot() *raftpb.Snapshot {
	d := &raftSnapshot{}
	bits := r.u8()
	wrong := bits&^byte(knownSnapshot) != 0 ||
		bits&snapMetadata == 0 && bits&^byte(snapData) != 0 ||
		bits&snapConf == 0 && bits&(snapAutoLeave|isAutoLeave) != 0 ||
		bits&(snapAutoLeave|isAutoLeave) == isAutoLeave
	if wrong {
		r.fail("unknown fields of a snapshot")
	}
	if bits&snapData != 0 {
		d.s.Data = r.bytes()
	}
	if bits&snapMetadata != 0 {
		d.s.Metadata = &d.metadata
	}
	if bits&snapIndex != 0 {
		d.index = r.uvarint()
		d.metadata.Index = &d.index
	}
	if bits&snapTerm != 0 {
		d.term = r.uvarint()
		d.metadata.Term = &d.term
	}
	if bits&snapConf != 0 {
		d.metadata.ConfState = &d.conf
		if bits&snapAutoLeave != 0 {
			d.autoLeave = bits&isAutoLeave != 0
			d.conf.AutoLeave = &d.autoLeave
		}
		for _, ids := range [...]*[]uint64{&d.conf.Voters, &d.conf.Learners, &d.conf.VotersOutgoing, &d.conf.LearnersNext} {
			*ids = r.ids()
		}
	}
	return &d.s
}

func (r *reader) ids() []uint64 {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = r.uvarint()
	}
	return ids
}
