package plog

import (
	"fmt"
	"slices"
	"sort"

	"github.com/brokerlab/brokerlab/impl/kafka/proto"
	"github.com/brokerlab/brokerlab/model/machine"
)

// Config is one log's.
type Config struct {
	Dir string
	// SegmentBytes at which a segment is sealed (log.segment.bytes).
	SegmentBytes int64
	// FlushMessages is flush.messages: how many messages may be unsynced before an append waits for a sync; 0: any number.
	FlushMessages int64
	// CacheBytes of the newest batches stay in memory; older ones are read from disk.
	CacheBytes int64
}

// EpochStart says where a leader epoch begins in a log.
type EpochStart struct {
	Epoch int32
	Start int64
}

// Log is one replica's log. It is not safe for concurrent use.
type Log struct {
	cfg     Config
	tokens  func() machine.Token
	segs    []*segment
	batches []batch
	epochs  []EpochStart
	end     int64 // behind the last appended batch
	synced  int64 // everything below survives a power failure
	rooted  bool  // the names of the directories above were asked to be made durable
	unsaid  int64 // messages appended since the last sync was asked for
	held    int64 // where the batches begin that were appended together and whose common flush is still to come; -1: none
	pending []pending
	cached  int64
	oldest  int // first of batches whose bytes are in memory
	reads   []reading
}

type segment struct {
	base  int64
	name  string
	size  int64
	named bool // its name was asked to be made durable
}

// batch is where a batch lies; data is nil once it has left memory.
type batch struct {
	proto.Head
	seg  *segment
	off  int64
	data []byte
}

// pending is a sync under way: what lies below end is durable when it is done, and an append that waits ends there.
type pending struct {
	token machine.Token
	start int64
	end   int64
	holds bool // the append from start on waits for it
}

type reading struct {
	token machine.Token
	at    int64
}

// End is the log end offset: what was appended and has been flushed, if its append had to wait for that.
func (l *Log) End() int64 {
	for _, p := range l.pending {
		if p.holds {
			return p.start
		}
	}
	return l.end
}

// Appended is the offset behind everything appended, waiting or not.
func (l *Log) Appended() int64 { return l.end }

// Synced is the offset below which everything survives a power failure, so far as this log has asked for it: its recovery
// point.
func (l *Log) Synced() int64 { return l.synced }

// LastEpoch is the leader epoch of the newest batch; -1 if there is none.
func (l *Log) LastEpoch() int32 {
	if n := len(l.epochs); n > 0 {
		return l.epochs[n-1].Epoch
	}
	return -1
}

// Bytes is the size of the log on disk, Cached what of it is in memory.
func (l *Log) Bytes() (sum int64) {
	for _, s := range l.segs {
		sum += s.size
	}
	return sum
}

// Cached is the bytes of batches in memory.
func (l *Log) Cached() int64 { return l.cached }

// Append adds sound batches, their bases and epochs stamped, the first of which begins at the log's end. They are flushed together
// (UnifiedLog.append: one write and at most one flush for all that came with a request or an answer). The log keeps the bytes.
func (l *Log) Append(fx *machine.Effects, batches ...[]byte) {
	for i, data := range batches {
		l.append(fx, data, i < len(batches)-1)
	}
}

// append adds a batch; more of the same append follow it.
func (l *Log) append(fx *machine.Effects, data []byte, more bool) {
	h, ok := proto.ReadHead(data)
	if !ok || h.Base != l.end || h.Size != len(data) {
		machine.Broken("%s: a batch of %d to %d (sound: %t) appended at %d", l.cfg.Dir, h.Base, h.Next(), ok, l.end)
	}
	s := l.segmentFor(fx, int64(len(data)))
	op := machine.DiskOp{Kind: machine.Append, File: s.name, Data: data}
	l.index(h, s, s.size, data)
	s.size += int64(len(data))
	l.unsaid += int64(h.Count)
	if l.held < 0 {
		l.held = h.Base
	}
	start := l.held
	if !more {
		l.held = -1
	}
	if !more && l.cfg.FlushMessages > 0 && l.unsaid >= l.cfg.FlushMessages {
		op.AndSync, op.Token = true, l.tokens()
		l.pending = append(l.pending, pending{token: op.Token, start: start, end: l.end, holds: true})
		l.unsaid = 0
	}
	fx.Do(op)
	if op.AndSync {
		l.syncNames(fx, s, start, true)
	}
	fx.Charge(machine.WorkStore, 1, int64(len(data)), 1)
	l.trim()
}

// index notes a batch and moves the end behind it.
func (l *Log) index(h proto.Head, s *segment, off int64, data []byte) {
	if h.Epoch > l.LastEpoch() {
		l.epochs = append(l.epochs, EpochStart{h.Epoch, h.Base})
	}
	l.batches = append(l.batches, batch{Head: h, seg: s, off: off, data: data})
	l.end = h.Next()
	if data != nil {
		l.cached += int64(len(data))
	} else {
		l.oldest = len(l.batches)
	}
}

// trim lets the oldest batches in memory go.
func (l *Log) trim() {
	for l.cached > l.cfg.CacheBytes && l.oldest < len(l.batches)-1 {
		b := &l.batches[l.oldest]
		l.cached -= int64(len(b.data))
		b.data = nil
		l.oldest++
	}
}

// segmentFor is the segment that n more bytes go to. The one that is full is sealed, and synced without anybody waiting.
func (l *Log) segmentFor(fx *machine.Effects, n int64) *segment {
	if k := len(l.segs); k > 0 {
		s := l.segs[k-1]
		if s.size == 0 || s.size+n <= l.cfg.SegmentBytes {
			return s
		}
		l.sync(fx, s)
	}
	s := &segment{base: l.end, name: fmt.Sprintf("%s/%020d.log", l.cfg.Dir, l.end)}
	l.segs = append(l.segs, s)
	return s
}

// sync has a segment synced. Of an append that goes on in the next segment it holds what is in this one.
func (l *Log) sync(fx *machine.Effects, s *segment) {
	token, start, holds := l.tokens(), l.end, l.held >= 0 && l.cfg.FlushMessages > 0
	if holds {
		start = l.held
	}
	fx.Do(machine.DiskOp{Kind: machine.Sync, File: s.name, Token: token})
	l.pending = append(l.pending, pending{token: token, start: start, end: l.end, holds: holds})
	l.syncNames(fx, s, start, holds)
}

// syncNames makes a new segment's name durable with its first sync (UnifiedLog.flush syncs the directory of a new segment), and
// those of the directories above with the log's first.
func (l *Log) syncNames(fx *machine.Effects, s *segment, start int64, holds bool) {
	if s.named {
		return
	}
	s.named = true
	dirs := []string{l.cfg.Dir}
	if !l.rooted {
		l.rooted = true
		for i := len(l.cfg.Dir) - 1; i >= 0; i-- {
			if l.cfg.Dir[i] == '/' {
				dirs = append(dirs, l.cfg.Dir[:i])
			}
		}
		dirs = append(dirs, "")
	}
	for _, dir := range dirs {
		token := l.tokens()
		fx.Do(machine.DiskOp{Kind: machine.SyncDir, File: dir, Token: token})
		l.pending = append(l.pending, pending{token: token, start: start, end: start, holds: holds})
	}
}

// Flush syncs what is not synced, and nobody waits for it (flush.ms).
func (l *Log) Flush(fx *machine.Effects) {
	if n := len(l.segs); n > 0 && l.synced < l.end && l.unsaid > 0 {
		l.unsaid = 0
		l.sync(fx, l.segs[n-1])
	}
}

// Done takes the end of a disk operation. mine is false for a token that is not this log's. A read returns its bytes; err is
// of a write or a sync, after which the log is good for nothing.
func (l *Log) Done(in *machine.Input) (mine bool, read []byte, err error) {
	if i := slices.IndexFunc(l.reads, func(r reading) bool { return r.token == in.Token }); i >= 0 {
		l.reads = slices.Delete(l.reads, i, i+1)
		if in.Err != nil {
			return true, nil, in.Err
		}
		return true, in.Bytes, nil
	}
	i := slices.IndexFunc(l.pending, func(p pending) bool { return p.token == in.Token })
	if i < 0 {
		return false, nil, nil
	}
	if in.Err != nil {
		return true, nil, in.Err
	}
	// Syncs of one segment end in order; one of an older segment may end late, and says nothing of what a truncation took.
	l.synced = max(l.synced, min(l.pending[i].end, l.end))
	l.pending = slices.Delete(l.pending, i, i+1)
	return true, nil, nil
}

// find is the index of the batch that holds offset.
func (l *Log) find(offset int64) int {
	return sort.Search(len(l.batches), func(i int) bool { return l.batches[i].Next() > offset })
}

// Read returns whole batches from the one that holds offset on, below limit and as many as fit max, but at least one. If
// they are not in memory, token is that of a read of the first of them; Done returns its bytes.
func (l *Log) Read(fx *machine.Effects, offset, limit int64, max int) (data []byte, token machine.Token) {
	i := l.find(offset)
	if i == len(l.batches) || l.batches[i].Base >= limit {
		return nil, 0
	}
	if b := &l.batches[i]; b.data == nil {
		token = l.tokens()
		l.reads = append(l.reads, reading{token: token, at: offset})
		fx.Do(machine.DiskOp{Kind: machine.Read, File: b.seg.name, Off: b.off, Len: int64(b.Size), Token: token})
		fx.Charge(machine.WorkConsume, 1, int64(b.Size), 0)
		return nil, token
	}
	first := i
	for ; i < len(l.batches) && l.batches[i].Next() <= limit; i++ {
		b := &l.batches[i]
		if b.data == nil || len(data) > 0 && len(data)+len(b.data) > max {
			break
		}
		data = append(data, b.data...)
	}
	fx.Charge(machine.WorkConsume, int64(i-first), int64(len(data)), 0)
	return data, 0
}

// Begin notes that a leader epoch begins at the log's end, before it has a record (LeaderEpochFileCache.assign).
func (l *Log) Begin(epoch int32) {
	if epoch > l.LastEpoch() {
		l.epochs = append(l.epochs, EpochStart{epoch, l.end})
	}
}

// EndOf is the largest epoch at or below epoch that this log knows, and the offset at which it ends: where the next begins, or
// the log's end. An epoch before all that are known ends where the first of them begins. ok is false if no epoch is known
// (LeaderEpochFileCache.endOffsetFor).
func (l *Log) EndOf(epoch int32) (known int32, end int64, ok bool) {
	i := sort.Search(len(l.epochs), func(i int) bool { return l.epochs[i].Epoch > epoch })
	switch {
	case len(l.epochs) == 0:
		return 0, 0, false
	case i == 0:
		return epoch, l.epochs[0].Start, true
	}
	if i == len(l.epochs) {
		return l.epochs[i-1].Epoch, l.End(), true
	}
	return l.epochs[i-1].Epoch, l.epochs[i].Start, true
}

// forgetEmpty drops epochs that began at the log's end and have no record.
func (l *Log) forgetEmpty() {
	for n := len(l.epochs); n > 0 && l.epochs[n-1].Start >= l.end; n-- {
		l.epochs = l.epochs[:n-1]
	}
}

// Truncate drops the batches that hold offset or lie above it, and returns where the log ends then. Where there are none, an epoch
// without a record goes all the same: a leader that was deposed before it appended anything began one that nobody else knows
// (UnifiedLog.truncateTo).
func (l *Log) Truncate(fx *machine.Effects, offset int64) int64 {
	i := l.find(offset)
	if i == len(l.batches) {
		l.forgetEmpty()
		return l.end
	}
	cut := l.batches[i]
	for _, b := range l.batches[i:] {
		l.cached -= int64(len(b.data))
	}
	l.batches = l.batches[:i]
	l.oldest = min(l.oldest, i)
	l.end = cut.Base
	l.synced = min(l.synced, l.end)
	l.forgetEmpty()
	for n := len(l.segs); l.segs[n-1] != cut.seg; n-- {
		fx.Do(machine.DiskOp{Kind: machine.Remove, File: l.segs[n-1].name})
		l.segs = l.segs[:n-1]
	}
	cut.seg.size = cut.off
	fx.Do(machine.DiskOp{Kind: machine.Truncate, File: cut.seg.name, Off: cut.off})
	for k := range l.pending {
		l.pending[k].start, l.pending[k].end = min(l.pending[k].start, l.end), min(l.pending[k].end, l.end)
	}
	return l.end
}

// Each calls f with the head of every batch, oldest first.
func (l *Log) Each(f func(h *proto.Head)) {
	for i := range l.batches {
		f(&l.batches[i].Head)
	}
}

// SetFlush sets flush.messages, which a topic may have of its own.
func (l *Log) SetFlush(messages int64) { l.cfg.FlushMessages = messages }

// Record is the record at an offset, if it is in memory; else nil.
func (l *Log) Record(offset int64) []byte {
	i := l.find(offset)
	if i == len(l.batches) || l.batches[i].data == nil || l.batches[i].Base > offset {
		return nil
	}
	b, _, err := proto.ParseBatch(l.batches[i].data)
	if err != nil {
		return nil
	}
	return b.Records[offset-b.Base]
}
