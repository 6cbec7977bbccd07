package broker

import (
	"errors"

	"github.com/brokerlab/brokerlab/impl/store"
	"github.com/brokerlab/brokerlab/model/machine"
)

// touch marks the store as having something to write at the end of the step.
func (g *group) touch() {
	if !g.touched {
		g.touched = true
		g.b.touched = append(g.b.touched, g)
	}
}

// maybeCheckpoint starts a checkpoint when the tail in memory has grown past its cap.
func (g *group) maybeCheckpoint() {
	if g.tail.bytes > g.b.cfg.TailBytes && g.applied > g.checkpoint && !g.writing {
		g.startCheckpoint()
	}
}

// startCheckpoint writes down the applied state; the log is freed and the tail compacted when it is
// durable. While one is under way, or a snapshot is being fetched, it does nothing.
func (g *group) startCheckpoint() {
	if g.fetch != nil || g.applied == 0 || g.applied == g.checkpoint {
		g.pinned = false
		return
	}
	if g.store.StartCheckpoint(g.b.fx, g.applied, g.appliedTerm, g.encode()) {
		g.pinned, g.writing = false, true
	}
}

// checkpointed follows a checkpoint that has become durable.
func (g *group) checkpointed() {
	index, term := g.store.Checkpointed()
	if index == g.checkpoint || g.absent != "" {
		return
	}
	g.checkpoint, g.writing = index, false
	g.note(NoteCheckpoint)
	if g.fetch != nil && g.fetch.index == index {
		g.fetchDurable() // log and tail follow when raft has taken the snapshot
		return
	}
	if have, err := g.tail.Term(index); err == nil && have == term { // or the log was cut below it meanwhile
		g.b.log.Checkpointed(g.id, index, term)
		g.compactTail(index)
	}
	g.b.freeLog()
}

// compactTail drops entries that the checkpoint covers, but keeps the newest KeepBytes for peers a
// little behind: an append is cheaper than a snapshot.
func (g *group) compactTail(index uint64) {
	bytes, at := g.tail.bytes, g.tail.base()
	for at < index && bytes > g.b.cfg.KeepBytes {
		at++
		if at > g.tail.last() {
			return
		}
		bytes -= int64(len(g.tail.ents[at-g.tail.base()].Data)) + entryOverhead
	}
	g.tail.compact(at)
}

// freeLog removes log segments that every group's checkpoint has passed, and makes the group that
// pins the oldest one write a checkpoint.
func (b *Broker) freeLog() {
	had := b.log.Segments()
	b.log.Free(b.fx)
	if n := had - b.log.Segments(); n > 0 {
		b.observe(machine.Observation{Kind: machine.Note, N: int64(n), Why: NoteFreed})
	}
	if id, ok := b.log.Laggard(b.cfg.MaxSegments); ok {
		switch g := b.groupByID(id); {
		case g == nil:
			b.forgetUnborn(id)
		case g.asking:
			g.giveWay()
		default:
			g.pinned = true
			g.startCheckpoint()
		}
	}
}

// storeDone handles the end of one of a store's disk operations.
func (b *Broker) storeDone(o *owner, in *machine.Input) {
	_, msg, failed := o.store.Done(in.Token, in.N, in.Bytes, in.Err)
	rot := (*store.DamageError)(nil)
	if errors.As(failed, &rot) {
		b.observe(machine.Observation{Kind: machine.Dropped, N: 1, Why: rot.Error()})
		msg, failed = nil, nil
	}
	if failed != nil {
		machine.GiveUp("the store in %s failed: %v", o.dir, failed)
	}
	if waiter, ok := b.diskReads[in.Token]; ok {
		delete(b.diskReads, in.Token)
		waiter(msg)
	}
	if g := o.group; g != nil && g.store == o.store {
		if rot != nil {
			g.rotten(rot.Error())
		}
		g.checkpointed()
		g.touch() // the store may have more to write
		g.queue()
	} else {
		o.store.Flush(b.fx)
	}
}

// forgetUnborn lets go of a group that the log holds and meta does not know, once meta has applied the entry
// that would have made it: it was deleted, and the process ended before the log heard of that.
func (b *Broker) forgetUnborn(id uint64) {
	if (id-metaGroup)/maxCommands <= b.meta().g.applied {
		delete(b.recovered, id)
		b.log.Forget(id)
	}
}
