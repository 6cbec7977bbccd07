package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// pendingPosition stands for the place of a record that is not written yet.
const pendingPosition = ^position(0)

const openingSize = recordHeader + 4

// Flush ends a step, and must end every step in which Done took a token: it writes the
// pending batch if something in it is forced and no batch is on its way. What is added
// meanwhile forms the next one: group commit.
func (l *Log) Flush(fx *machine.Effects) {
	if l.err != nil {
		return
	}
	for _, op := range l.retries {
		fx.Do(op)
	}
	l.retries = l.retries[:0]
	l.dropObsolete(fx)
	l.syncNames(fx, &l.batch)
	l.syncNames(fx, &l.sync)
	if l.wantSync && !l.sync.busy() {
		l.SyncNow(fx)
	}
	if !l.forced || l.batch.busy() {
		return
	}
	cur := l.segs[len(l.segs)-1]
	size, count := l.batchSize()
	if cur.bytes+int64(size) > l.cfg.SegmentBytes && cur.bytes > cur.opening {
		l.newSegment(fx, cur.number+1, cur.end(), l.prev, l.pending)
	} else {
		e := l.begin(fx, cur, cur.bytes, size, count)
		l.putPending(&e, l.pending, cur)
		for _, g := range l.touched {
			if g.hardDirty {
				l.putHard(&e, g)
			}
		}
		l.issue(fx, cur, e, size, count)
	}
	l.settlePending(at(l.segs[len(l.segs)-1].number, l.segs[len(l.segs)-1].bytes))
}

// batchSize is the size of the pending batch and its number of records, in a segment
// that is already open.
func (l *Log) batchSize() (size, count int) {
	size, count = l.bytes, len(l.pending)
	for _, g := range l.touched {
		if g.hardDirty {
			size, count = size+hardSize(&g.hard), count+1
		}
	}
	return size, count
}

// newSegment begins segment number with records and, behind them, what every group has
// come to: its base, hard state and last index. So older segments hold nothing that is
// needed but entries. The log before it ends at pred, whatever else lies there.
//
// Invariant: number is above every segment ever seen, so no position is used twice, and
// what stale bytes say about "synced" stays true of the positions they name.
func (l *Log) newSegment(fx *machine.Effects, number uint64, pred position, predSum uint32, records []record) {
	size, count := openingSize, 1
	for i := range records {
		size, count = size+records[i].size(), count+1
	}
	if l.damage != nil {
		size, count = size+l.damage.size(), count+1
	}
	if l.owner != nil {
		size, count = size+l.owner.size(), count+1
	}
	for _, id := range l.order {
		g := l.groups[id]
		size, count = size+hardSize(&g.hard)+recordHeader, count+2
		if g.base > 0 {
			size, count = size+recordHeader, count+1
		}
	}
	s := &segment{number: number, name: segmentName(l.cfg.Dir, number), opening: int64(size), reach: map[uint64]uint64{}}
	l.segs = append(l.segs, s)
	l.prev = predSum
	e := l.begin(fx, s, 0, size, count)
	node := binary.LittleEndian.AppendUint32(l.scratch[:0], l.cfg.Node)
	e.put(&record{kind: kindSegment, group: pred.segment(), index: uint64(pred.offset()), term: uint64(predSum), data: node})
	if l.damage != nil {
		e.put(l.damage)
	}
	if l.owner != nil {
		e.put(l.owner)
	}
	l.putPending(&e, records, s)
	for _, id := range l.order {
		l.putState(&e, l.groups[id])
	}
	l.issue(fx, s, e, size, count)
}

func (l *Log) putState(e *encoder, g *group) {
	if g.base > 0 {
		e.put(&record{kind: kindBase, group: g.id, index: g.base, term: g.baseTerm})
	}
	l.putHard(e, g)
	e.put(&record{kind: kindLast, group: g.id, index: g.last})
}

func (l *Log) begin(fx *machine.Effects, s *segment, off int64, size, count int) encoder {
	b := fx.Alloc(size)
	return encoder{all: b, b: b, node: l.cfg.Node, pos: at(s.number, off), prev: l.prev, synced: l.synced, left: count}
}

// putPending encodes records and notes how far the segment reaches in each group.
func (l *Log) putPending(e *encoder, records []record, s *segment) {
	var group, reach uint64
	for i := range records {
		r := &records[i]
		e.put(r)
		if r.kind != kindEntry {
			continue
		}
		if r.group != group {
			s.note(group, reach)
			group, reach = r.group, 0
		}
		reach = max(reach, r.index)
	}
	s.note(group, reach)
}

func (s *segment) note(group, reach uint64) {
	if reach > s.reach[group] {
		s.reach[group] = reach
	}
}

// issue hands the encoded batch to the disk. In the modes that do not sync, it completes
// when it is written.
func (l *Log) issue(fx *machine.Effects, s *segment, e encoder, size, count int) {
	data := e.whole()
	sync := l.cfg.Sync == SyncGroup || l.mustSync
	f := &l.batch
	if sync {
		l.syncOlder(fx, f, s)
	}
	tok := l.tokens()
	f.tokens = append(f.tokens, tok)
	fx.Do(machine.DiskOp{Kind: machine.Append, Token: tok, File: s.name, Data: data, AndSync: sync})
	s.bytes += int64(size)
	l.prev = e.prev
	f.end, f.synced, f.named = s.end(), sync, 0
	if sync {
		l.mustName(f, s)
	}
	fx.Charge(machine.WorkEncode, int64(count), int64(size), 1)
}

// whole is the batch that the encoder has filled; an unfilled one is a bug of the sizes.
func (e *encoder) whole() []byte {
	if len(e.b) != 0 || e.left != 0 {
		machine.Broken("log: batch of %d bytes encoded with %d bytes and %d records left", len(e.all), len(e.b), e.left)
	}
	return e.all
}

// syncOlder syncs the segments before s that still hold unsynced bytes.
func (l *Log) syncOlder(fx *machine.Effects, f *flight, s *segment) {
	for _, old := range l.segs {
		if old != s && old.end() > l.synced {
			tok := l.tokens()
			f.tokens = append(f.tokens, tok)
			fx.Do(machine.DiskOp{Kind: machine.Sync, Token: tok, File: old.name})
		}
	}
}

// mustName has the directory synced after f, unless the names up to s are durable.
func (l *Log) mustName(f *flight, s *segment) {
	if s.number > l.named {
		f.name = s.number
	}
}

// syncNames is the second half of a flight that began a segment.
func (l *Log) syncNames(fx *machine.Effects, f *flight) {
	if f.name == 0 || len(f.tokens) > 0 {
		return
	}
	f.tokens = append(f.tokens, l.tokens())
	fx.Do(machine.DiskOp{Kind: machine.SyncDir, Token: f.tokens[0], File: l.cfg.Dir})
	if l.named == 0 { // the first time in this boot: the directory itself may be new
		for _, d := range parents(l.cfg.Dir) {
			tok := l.tokens()
			f.tokens = append(f.tokens, tok)
			fx.Do(machine.DiskOp{Kind: machine.SyncDir, Token: tok, File: d})
		}
	}
	f.named, f.name = f.name, 0
}

// settlePending notes where the batch just issued ends, and starts the next one.
func (l *Log) settlePending(end position) {
	for _, g := range l.touched {
		if g.baseDirty {
			g.addMark(mark{value: g.base, at: end})
		}
		if g.cutDirty {
			g.cutAt = end
		}
		g.touched, g.hardDirty, g.baseDirty, g.cutDirty = false, false, false, false
	}
	for i := range l.ghosts {
		l.ghosts[i].at = min(l.ghosts[i].at, end)
	}
	clear(l.pending)
	clear(l.touched)
	l.pending, l.touched = l.pending[:0], l.touched[:0]
	l.bytes, l.forced, l.mustSync = 0, false, false
	l.next++
}

// SyncNow syncs what was written so far, if anything was.
func (l *Log) SyncNow(fx *machine.Effects) {
	cur := l.segs[len(l.segs)-1]
	if l.err != nil || cur.end() <= l.synced {
		l.wantSync = false
		return
	}
	if l.sync.busy() {
		l.wantSync = true
		return
	}
	l.wantSync = false
	f := &l.sync
	l.syncOlder(fx, f, cur)
	tok := l.tokens()
	f.tokens = append(f.tokens, tok)
	fx.Do(machine.DiskOp{Kind: machine.Sync, Token: tok, File: cur.name})
	f.end, f.synced, f.named = cur.end(), true, 0
	l.mustName(f, cur)
}

// ForceSync makes the pending batch one that is synced in every mode.
func (l *Log) ForceSync() { l.mustSync = true }

// Done takes the end of a disk operation. mine is false for a token that is not the
// log's. Once failed is not nil the log does nothing more: the node must stop and
// recover, because nobody knows what a failed sync left on the disk.
func (l *Log) Done(token machine.Token, n int64, err error) (mine bool, failed error) {
	for _, f := range [...]*flight{&l.batch, &l.sync} {
		i := slices.Index(f.tokens, token)
		if i < 0 {
			continue
		}
		f.tokens = slices.Delete(f.tokens, i, i+1)
		if l.cfg.RetrySync && errors.Is(err, machine.ErrSyncFailed) {
			l.retrySync(f)
			return true, nil
		}
		if err != nil && l.err == nil {
			l.err = fmt.Errorf("%w: %d bytes good: %w", ErrLogFailed, n, err)
		}
		if l.err == nil && !f.busy() {
			l.landed(f)
		}
		return true, l.err
	}
	return false, nil
}

// retrySync is the planted bug RetrySync: what a failed sync left on the disk is asked to be synced
// again, and the answer is believed.
func (l *Log) retrySync(f *flight) {
	tok := l.tokens()
	f.tokens = append(f.tokens, tok)
	l.retries = append(l.retries, machine.DiskOp{Kind: machine.Sync, Token: tok, File: l.segs[len(l.segs)-1].name})
}

func (l *Log) landed(f *flight) {
	if f.synced {
		l.synced = max(l.synced, f.end)
		l.named = max(l.named, f.named)
	}
	if f == &l.batch {
		l.durable = l.next - 1
	}
	l.written = max(l.written, f.end)
}

func parents(dir string) (dirs []string) {
	for i := len(dir) - 1; i >= 0; i-- {
		if dir[i] == '/' {
			dirs = append(dirs, dir[:i])
		}
	}
	return append(dirs, "")
}

func segmentName(dir string, number uint64) string {
	return fmt.Sprintf("%s/%016x.log", dir, number)
}
