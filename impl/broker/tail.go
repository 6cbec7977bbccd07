package broker

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/model/machine"
)

// tail is a group's raft.Storage: the part of its log that is not compacted, in memory. It is
// filled when entries are handed to the log, before they are durable: raft reads from its storage
// only what it was told is stable.
type tail struct {
	hard   *pb.HardState
	conf   *pb.ConfState
	ents   []*pb.Entry // ents[0] is a dummy with the index and term of the base
	first  uint64      // index of ents[0]: it is asked for at every step
	bytes  int64
	snapAt func() *pb.Snapshot
}

func newTail(base, term uint64, conf *pb.ConfState) *tail {
	return &tail{
		hard:  &pb.HardState{},
		conf:  conf,
		ents:  []*pb.Entry{{Index: &base, Term: &term}},
		first: base,
	}
}

func (t *tail) base() uint64 { return t.first }
func (t *tail) last() uint64 { return t.base() + uint64(len(t.ents)) - 1 }

// InitialState, Entries, Term, LastIndex, FirstIndex and Snapshot are raft.Storage.
func (t *tail) InitialState() (*pb.HardState, *pb.ConfState, error) { return t.hard, t.conf, nil }

// Entries returns [lo, hi), at least one entry and then as many as fit maxSize.
func (t *tail) Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	switch {
	case lo <= t.base():
		return nil, raft.ErrCompacted
	case hi > t.last()+1 || len(t.ents) == 1:
		return nil, raft.ErrUnavailable
	}
	ents := t.ents[lo-t.base() : hi-t.base()]
	size := uint64(0)
	for i, e := range ents {
		size += uint64(len(e.Data)) + entryOverhead
		if i > 0 && size > maxSize {
			ents = ents[:i]
			break
		}
	}
	return ents[:len(ents):len(ents)], nil
}

// Term returns the term of entry i, the base's included.
func (t *tail) Term(i uint64) (uint64, error) {
	switch {
	case i < t.base():
		return 0, raft.ErrCompacted
	case i > t.last():
		return 0, raft.ErrUnavailable
	}
	return t.ents[i-t.base()].GetTerm(), nil
}

// LastIndex is the index of the newest entry.
func (t *tail) LastIndex() (uint64, error) { return t.last(), nil }

// FirstIndex is the index of the oldest entry still here.
func (t *tail) FirstIndex() (uint64, error) { return t.base() + 1, nil }

// Snapshot is made on demand from the applied state.
func (t *tail) Snapshot() (*pb.Snapshot, error) {
	if s := t.snapAt(); s != nil {
		return s, nil
	}
	return nil, raft.ErrSnapshotTemporarilyUnavailable
}

// entryOverhead is what an entry costs beyond its data, roughly, in memory and on the wire.
const entryOverhead = 32

// append adds entries, dropping what they overwrite. The slice's old part may still be referred to
// by raft, so it is never overwritten in place.
func (t *tail) append(ents []*pb.Entry) {
	first := ents[0].GetIndex()
	if first <= t.base() || first > t.last()+1 {
		machine.Broken("entries from %d do not join a log of %d..%d", first, t.base()+1, t.last())
	}
	keep := first - t.base()
	for _, e := range t.ents[keep:] {
		t.bytes -= int64(len(e.Data)) + entryOverhead
	}
	if keep < uint64(len(t.ents)) {
		t.ents = t.ents[:keep:keep]
	}
	for _, e := range ents {
		t.bytes += int64(len(e.Data)) + entryOverhead
	}
	t.ents = append(t.ents, ents...)
}

// cut drops the entries above index last.
func (t *tail) cut(last uint64) {
	if last >= t.last() {
		return
	}
	keep := last - t.base() + 1
	for _, e := range t.ents[keep:] {
		t.bytes -= int64(len(e.Data)) + entryOverhead
	}
	t.ents = t.ents[:keep:keep]
}

// compact forgets entries up to index, the new base, whose term stays known.
func (t *tail) compact(index uint64) {
	if index <= t.base() || index > t.last() {
		return
	}
	n := index - t.base()
	for _, e := range t.ents[1 : n+1] {
		t.bytes -= int64(len(e.Data)) + entryOverhead
	}
	term := t.ents[n].GetTerm()
	ents := make([]*pb.Entry, 1, uint64(len(t.ents))-n+16)
	ents[0] = &pb.Entry{Index: &index, Term: &term}
	t.ents, t.first = append(ents, t.ents[n+1:]...), index
}

// restart makes the base (index, term) and drops every entry: a snapshot was installed.
func (t *tail) restart(index, term uint64) {
	t.ents, t.first, t.bytes = []*pb.Entry{{Index: &index, Term: &term}}, index, 0
}
