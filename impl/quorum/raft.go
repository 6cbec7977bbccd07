package quorum

import (
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/model/machine"
)

// What every use of raft over impl/store needs, the reference broker's groups as well.

// ToRaft is entries of the log as raft has them; they share the log's bytes.
func ToRaft(ents []store.Entry) []*pb.Entry {
	block := make([]struct {
		e pb.Entry
		t pb.EntryType
	}, len(ents))
	out := make([]*pb.Entry, len(ents))
	for i := range ents {
		block[i].t = pb.EntryType(ents[i].Type)
		block[i].e.Index, block[i].e.Term, block[i].e.Type, block[i].e.Data = &ents[i].Index, &ents[i].Term, &block[i].t, ents[i].Data
		out[i] = &block[i].e
	}
	return out
}

// FromRaft is the inverse of ToRaft.
func FromRaft(ents []*pb.Entry) []store.Entry {
	out := make([]store.Entry, len(ents))
	for i, e := range ents {
		out[i] = store.Entry{Index: e.GetIndex(), Term: e.GetTerm(), Type: uint8(e.GetType()), Data: e.GetData()}
	}
	return out
}

// Logger silences raft's chatter and turns its panics into ours.
type Logger struct{}

func (Logger) Debug(...any)              {}
func (Logger) Debugf(string, ...any)     {}
func (Logger) Info(...any)               {}
func (Logger) Infof(string, ...any)      {}
func (Logger) Warning(...any)            {}
func (Logger) Warningf(string, ...any)   {}
func (Logger) Error(...any)              {}
func (Logger) Errorf(string, ...any)     {}
func (Logger) Fatal(v ...any)            { machine.Broken("raft: %v", v) }
func (Logger) Fatalf(f string, v ...any) { machine.Broken("raft: "+f, v...) }
func (Logger) Panic(v ...any)            { machine.Broken("raft: %v", v) }
func (Logger) Panicf(f string, v ...any) { machine.Broken("raft: "+f, v...) }
