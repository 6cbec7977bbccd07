package quorum

import (
	"fmt"
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Log is one write-ahead log and the groups whose entries it holds.
type Log struct {
	log     *store.Log
	found   map[uint64]store.GroupLog
	waiting []waiting
}

// waiting is what raft may say once a batch of the log is durable.
type waiting struct {
	ticket    store.Ticket
	group     *Group
	responses []*pb.Message
	entries   []*pb.Entry
	vote      uint64
	voteTerm  uint64
}

// OpenLog reads what survived of a log. tokens names its disk operations. A log that lost what had been synced is an
// error: a voter that forgot must not vote.
func OpenLog(node machine.NodeID, dir string, image machine.Image, fx *machine.Effects, tokens func() machine.Token) (*Log, error) {
	log, rec, err := store.OpenLog(store.LogConfig{Node: uint32(node), Dir: dir, Sync: store.SyncGroup}, image, fx, tokens)
	if err != nil {
		return nil, err
	}
	if rec.Damage != nil {
		return nil, fmt.Errorf("log in %s lost what was synced: %s", dir, rec.Damage)
	}
	l := &Log{log: log, found: map[uint64]store.GroupLog{}}
	for _, g := range rec.Groups {
		l.found[g.Group] = g
	}
	return l, nil
}

// Flush begins the sync of what was appended, unless one is under way. It ends a step.
func (l *Log) Flush(fx *machine.Effects) { l.log.Flush(fx) }

// Done takes the end of a disk operation; mine is false if it is not this log's. A failure ends the process.
func (l *Log) Done(in *machine.Input) (mine bool) {
	mine, failed := l.log.Done(in.Token, in.N, in.Err)
	if failed != nil {
		machine.GiveUp("the log failed: %v", failed)
	}
	if !mine {
		return false
	}
	durable, n := l.log.Durable(), 0
	for n < len(l.waiting) && l.waiting[n].ticket <= durable {
		l.waiting[n].group.release(&l.waiting[n])
		n++
	}
	l.waiting = slices.Delete(l.waiting, 0, n)
	return true
}

// await releases w when its batch is durable. What forces nothing waits only for what is on its way already.
func (l *Log) await(w waiting, forced bool) {
	if !forced {
		w.ticket = 1 // what recovery found is not durable before its own write
		if n := len(l.waiting); n > 0 {
			w.ticket = l.waiting[n-1].ticket
		}
		if w.ticket <= l.log.Durable() {
			w.group.release(&w)
			return
		}
	}
	l.waiting = append(l.waiting, w)
}
