package quorum

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/model/machine"
)

// memory is a group's raft.Storage: its whole log. It is filled when entries are handed to the log on
// disk, before they are durable: raft reads only what it was told is stable.
type memory struct {
	hard  *pb.HardState
	conf  *pb.ConfState
	ents  []*pb.Entry // ents[i] has index i+1
	bytes int64
}

func (m *memory) last() uint64 { return uint64(len(m.ents)) }

// InitialState, Entries, Term, LastIndex, FirstIndex and Snapshot are raft.Storage.
func (m *memory) InitialState() (*pb.HardState, *pb.ConfState, error) { return m.hard, m.conf, nil }

// Entries returns [lo, hi): at least one, then as many as fit maxSize.
func (m *memory) Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	if hi > m.last()+1 {
		return nil, raft.ErrUnavailable
	}
	ents, size := m.ents[lo-1:hi-1], uint64(0)
	for i, e := range ents {
		if size += uint64(len(e.Data)); i > 0 && size > maxSize {
			ents = ents[:i]
			break
		}
	}
	return ents[:len(ents):len(ents)], nil
}

// Term returns the term of entry i.
func (m *memory) Term(i uint64) (uint64, error) {
	switch {
	case i == 0:
		return 0, nil
	case i > m.last():
		return 0, raft.ErrUnavailable
	}
	return m.ents[i-1].GetTerm(), nil
}

// LastIndex is the index of the newest entry.
func (m *memory) LastIndex() (uint64, error) { return m.last(), nil }

// FirstIndex is 1: nothing is ever compacted.
func (m *memory) FirstIndex() (uint64, error) { return 1, nil }

// Snapshot is never needed, for every peer finds the whole log.
func (m *memory) Snapshot() (*pb.Snapshot, error) {
	return nil, raft.ErrSnapshotTemporarilyUnavailable
}

// append adds entries and drops what they overwrite, never in place: raft may still hold the old slice.
func (m *memory) append(ents []*pb.Entry) {
	first := ents[0].GetIndex()
	if first == 0 || first > m.last()+1 {
		machine.Broken("entries from %d do not join a log of %d", first, m.last())
	}
	for _, e := range m.ents[first-1:] {
		m.bytes -= int64(len(e.Data))
	}
	if first <= m.last() {
		m.ents = m.ents[: first-1 : first-1]
	}
	for _, e := range ents {
		m.bytes += int64(len(e.Data))
	}
	m.ents = append(m.ents, ents...)
}
