package store

import (
	"errors"
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// Stream is the store of one Raft group: its messages in blocks and its checkpoint. A
// group without messages uses it for the checkpoint alone.
//
// Messages are written when they are applied and synced at checkpoints only: what a
// crash takes above the last checkpoint, the log brings back.
//
// Invariants:
//   - A block is appended to and never rewritten, so what a checkpoint covers stays as
//     it was synced.
//   - A durable checkpoint names only durable blocks with durable names.
//   - After a failed write or sync the stream does nothing more.
type Stream struct {
	cfg    StreamConfig
	ident  uint64
	tokens func() machine.Token

	blocks []*block
	number uint64 // of the newest block ever
	rooted bool   // so have the directories above
	filed  bool   // there may be a checkpoint file, if only in the directory as it is on disk

	first, last  uint64
	count, bytes uint64
	subjects     subjects

	chunk    []byte // being filled
	adjacent bool   // the next record lies right behind the last one of writes
	writes   []write
	cache    cache
	reads    []reading
	views    []*View

	rewriting *rewrite
	wasteful  bool // it may be, so a rewrite is looked for

	phase  phase
	waits  []machine.Token // of the phase
	strays []machine.Token // of a phase that Reset broke off
	// next is the checkpoint being written, with what it says of the messages.
	next       *Checkpoint
	nextTotals totals
	nextBlocks []byte
	nextFresh  bool // some of them have no durable names yet

	// Files of blocks in which nothing is left go when no durable checkpoint can name
	// them: retired ones are first made dying by the start of a checkpoint, and that
	// becoming durable makes them spent.
	retired, dying, spent []string
	dropped               []string // to be removed when the checkpoint is

	ckIndex, ckTerm uint64
	lost            bool // opened damaged: only Reset and Remove are allowed
	gone            bool
	err             error
}

// ErrStreamFailed wraps the first failed write or sync of a stream's store.
var ErrStreamFailed = errors.New("stream store failed")

const defaultBlockBytes = 4 << 20

// Append stores m, whose sequence lies above all before it, by any distance. Its bytes are copied, and Get
// finds it at once; Flush writes it.
func (s *Stream) Append(m Message) {
	s.checkAppend(&m)
	b, off, data := s.record(&m)
	s.index(b, off, &m, len(data))
	head := blockHeader + len(m.Subject)
	body := head + len(m.Header)
	m.Header, m.Data = part(data[head:body:body]), data[body:]
	s.cache.add(m, int64(len(data)), s.cfg.CacheBytes)
}

// Flush ends a step, and must end every step in which Done took a token: it writes what
// was appended, without a sync, and drives a checkpoint on.
func (s *Stream) Flush(fx *machine.Effects) {
	if s.err != nil {
		return
	}
	s.rewriteOn(fx)
	s.writeOut(fx)
	s.advance(fx)
}

// writeOut uses no tokens: a write that fails comes back with token 0, and the machine
// gives up then.
func (s *Stream) writeOut(fx *machine.Effects) {
	for i := range s.writes {
		w := &s.writes[i]
		fx.Do(machine.DiskOp{Kind: machine.Append, File: w.block.name, Data: w.data})
		fx.Charge(machine.WorkStore, int64(w.messages), int64(len(w.data)), 0)
	}
	clear(s.writes)
	s.writes = s.writes[:0]
	s.adjacent = false
}

// State is the sequence of the first message, the last one ever used, the number of
// messages, and the bytes of their subjects, headers and data. Without messages first is
// last+1; with some, last may lie behind them all.
func (s *Stream) State() (first, last uint64, count, bytes uint64) {
	return s.first, s.last, s.count, s.bytes
}

// Get finds message seq. found is false if there is none. If it is in memory, it is
// returned, and its slices must not be changed; else tok is that of a read, and Done
// returns the message.
func (s *Stream) Get(fx *machine.Effects, seq uint64) (m Message, tok machine.Token, found bool) {
	if c := s.cache.get(seq); c != nil {
		return *c, 0, true
	}
	p, ok := s.find(seq)
	if !ok || s.err != nil {
		return m, 0, false
	}
	b, at := s.at(p)
	return m, s.read(fx, reading{block: b, off: int64(at.off), size: int64(at.size), seq: seq}), true
}

func (s *Stream) read(fx *machine.Effects, p reading) machine.Token {
	s.writeOut(fx) // it may have left the cache before it was written
	p.token = s.tokens()
	s.reads = append(s.reads, p)
	fx.Do(machine.DiskOp{Kind: machine.Read, Token: p.token, File: p.block.name, Off: p.off, Len: p.size})
	return p.token
}

// Done takes the end of a disk operation. mine is false for a token that is not this
// stream's.
//
// If it was a read, read is the message, its bytes copied; nil with no error if the
// message was removed meanwhile; and failed is a *DamageError, which harms nothing else,
// if the bytes are not the message's. Any other failure ends the use of the store.
func (s *Stream) Done(token machine.Token, n int64, bytes []byte, err error) (mine bool, read *Message, failed error) {
	if i := slices.IndexFunc(s.reads, func(p reading) bool { return p.token == token }); i >= 0 {
		p := s.reads[i]
		s.reads = slices.Delete(s.reads, i, i+1)
		if p.rewrite != nil {
			return true, nil, s.rewriteRead(&p, bytes, err)
		}
		if !s.holds(&p) {
			return true, nil, nil
		}
		if err != nil {
			return true, nil, p.block.broken(p.off, fmt.Sprintf("message %d cannot be read", p.seq), err)
		}
		read, failed = s.decode(&p, bytes)
		return true, read, failed
	}
	if i := slices.Index(s.waits, token); i >= 0 {
		s.waits = slices.Delete(s.waits, i, i+1)
	} else if i := slices.Index(s.strays, token); i >= 0 {
		s.strays = slices.Delete(s.strays, i, i+1)
	} else {
		return false, nil, nil
	}
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("%w: %s: %d bytes good: %w", ErrStreamFailed, s.cfg.Dir, n, err)
	}
	if s.err == nil && len(s.waits) == 0 && s.phase == syncRename {
		s.ckIndex, s.ckTerm = s.next.Index, s.next.Term
		s.next, s.nextBlocks, s.phase = nil, nil, idle
		s.spent, s.dying, s.wasteful = append(s.spent, s.dying...), nil, true
	}
	return true, nil, s.err
}

// Checkpointed is the newest durable checkpoint's entry; 0, 0 if there is none. After
// OpenStream it is the one found: its name is made durable with boot's effects, which
// are carried out before any input.
func (s *Stream) Checkpointed() (index, term uint64) { return s.ckIndex, s.ckTerm }

// Reset empties the store: a snapshot will be fetched. After a crash the old checkpoint
// with all its messages is found again, or nothing.
func (s *Stream) Reset(fx *machine.Effects) {
	if s.err != nil || s.gone {
		return
	}
	for _, b := range s.blocks {
		s.dropped = append(s.dropped, b.name)
	}
	s.dropRewrite()
	s.dropped = slices.Concat(s.dropped, s.spent, s.dying, s.retired)
	s.forget()
	s.strays = append(s.strays, s.waits...)
	s.waits, s.next, s.nextBlocks = nil, nil, nil
	s.lost = false
	fx.Do(machine.DiskOp{Kind: machine.Remove, File: s.tempName()})
	if !s.filed { // and there may not even be a directory to sync
		s.phase = idle
		s.remove(fx, &s.dropped)
		return
	}
	s.issue(fx, machine.DiskOp{Kind: machine.Remove, File: s.checkpointName()})
	s.phase = dropCheckpoint
}

// holds says whether what p reads is still a message.
func (s *Stream) holds(p *reading) bool {
	if p.view != nil {
		return !p.view.lost
	}
	_, ok := s.find(p.seq)
	return ok && !p.void
}

// voidReads is called when the sequences above one may be used again.
func (s *Stream) voidReads(above uint64) {
	for i := range s.reads {
		p := &s.reads[i]
		p.void = p.void || p.seq > above
	}
}

func (s *Stream) remove(fx *machine.Effects, names *[]string) {
	for _, name := range *names {
		fx.Do(machine.DiskOp{Kind: machine.Remove, File: name})
	}
	*names = nil
}

// forget empties what is in memory.
func (s *Stream) forget() {
	s.blocks, s.writes, s.chunk = nil, nil, nil
	s.retired, s.dying, s.spent = nil, nil, nil
	s.subjects = newSubjects()
	s.loseViews()
	s.voidReads(0)
	s.rewriting, s.wasteful = nil, false
	s.cache = cache{}
	s.first, s.last, s.count, s.bytes = 1, 0, 0, 0
	s.ckIndex, s.ckTerm = 0, 0
}

// Remove deletes the stream's files. Flush must still be called until Removed.
func (s *Stream) Remove(fx *machine.Effects) {
	s.Reset(fx)
	s.gone = true
}

// Removed says that a removal has been handed to the disk whole.
func (s *Stream) Removed() bool { return s.gone && s.phase == idle }

// TruncateAfter drops the messages after seq, and lets their sequences be used again. It
// is for unsafe switches. A crash before the next checkpoint brings back those that the
// last one covers.
func (s *Stream) TruncateAfter(fx *machine.Effects, seq uint64) {
	if seq >= s.last {
		return
	}
	s.writeOut(fx)
	s.loseViews()
	s.voidReads(seq)
	s.dropRewrite()
	s.cut(seq)
	s.cache.cut(seq)
}
