package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/model/machine"
)

// found is a segment as it lies on the disk.
type found struct {
	number uint64
	name   string
	b      []byte
	bad    []span
	// valid: the first batch is whole. Then the log before it ends at pred.
	valid   bool
	pred    position
	predSum uint32
	opening int64
}

// OpenLog recovers the log from img. It never fails because of what a crash left; it
// returns an error if the directory cannot be read or the log is another node's.
//
// Nothing is cut or appended to in place. What is kept of the log but not proven to be
// synced is written again, into a new segment that says where the log before it ends:
// bytes that a process saw after a failed sync may have been marked clean without being
// on the disk, and syncing them again would not help. The first batch of a segment
// counts whole or not at all, so a crash in here leaves the log as it was. Segments that
// the new one replaces are removed once it is durable.
func OpenLog(cfg LogConfig, img machine.Image, fx *machine.Effects, tokens func() machine.Token) (*Log, *Recovered, error) {
	if err := cfg.complete(); err != nil {
		return nil, nil, err
	}
	files, err := readSegments(&cfg, img)
	if err != nil {
		return nil, nil, err
	}
	rc := recovery{cfg: &cfg, files: files}
	rc.run()
	rec := &Recovered{Torn: rc.torn(), Damage: rc.judge()}
	l := &Log{cfg: cfg, tokens: tokens, groups: map[uint64]*group{}, next: 1}
	if rec.Damage != nil {
		l.damage = damageRecord(rec.Damage, rc.damagedAt)
	} else if rc.state.damage != nil {
		l.damage = rc.state.damage
		rec.Damage = damageOf(&cfg, l.damage)
	}
	if o := rc.state.owner; o != nil {
		rec.Owner = slices.Clone(o.data)
		l.owner = &record{kind: kindOwner, data: rec.Owner}
	}
	rec.Groups = rc.state.recoveredGroups()
	if err := l.resume(fx, &rc, rec.Groups); err != nil {
		return nil, nil, err
	}
	return l, rec, nil
}

// resume takes over what was recovered and begins a new segment.
func (l *Log) resume(fx *machine.Effects, rc *recovery, logs []GroupLog) error {
	for i := range logs {
		gl := &logs[i]
		g := l.group(gl.Group)
		g.hard, g.base, g.baseTerm = gl.Hard, gl.Base, gl.BaseTerm
		g.last = gl.Base + uint64(len(gl.Entries))
		g.baseDirty, g.cutDirty = true, true
		l.touch(g)
	}
	pred, sum := rc.state.end, rc.state.endSum
	var tail []record
	if len(rc.state.tail) > 0 {
		pred, sum = rc.state.tail[0].start, rc.state.tail[0].startSum
		for _, b := range rc.state.tail {
			tail = append(tail, b.carried()...)
		}
	}
	number := uint64(1)
	if n := len(rc.files); n > 0 {
		number = rc.files[n-1].number + 1
	}
	if number > maxSegmentNumber {
		return fmt.Errorf("log: no segment number above %d", maxSegmentNumber)
	}
	l.segs, l.obsolete = rc.keep(pred)
	l.synced, l.written = pred, pred
	l.newSegment(fx, number, pred, sum, tail)
	l.openedAt = l.segs[len(l.segs)-1].end()
	l.settlePending(l.openedAt)
	return nil
}

// carried are the records of a batch that are written again: all but those that speak
// of its segment, and what the owner keeps, which every segment begins with.
func (b *batch) carried() []record {
	return slices.DeleteFunc(slices.Clone(b.records), func(r record) bool {
		return r.kind == kindSegment || r.kind == kindLast || r.kind == kindDamage || r.kind == kindOwner
	})
}

// ErrWrongNode says that the log on this disk was written by another node.
type ErrWrongNode struct {
	Segment    string
	Node, Want uint32
}

func (e *ErrWrongNode) Error() string {
	return fmt.Sprintf("log: %s was written by node %d, this is node %d: are two nodes' disks swapped?", e.Segment, e.Node, e.Want)
}

func readSegments(cfg *LogConfig, img machine.Image) ([]*found, error) {
	names, err := list(img, cfg.Dir)
	if err != nil {
		return nil, err
	}
	var files []*found
	for _, name := range names {
		number, ok := segmentNumber(cfg.Dir, name)
		if !ok {
			continue
		}
		f := &found{number: number, name: segmentName(cfg.Dir, number)}
		if f.b, f.bad, err = readFile(img, f.name, -1); err != nil {
			return nil, err
		}
		if node, other := f.writtenBy(cfg.Node); other {
			return nil, &ErrWrongNode{Segment: f.name, Node: node, Want: cfg.Node}
		}
		f.open(cfg.Node)
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b *found) int { return int(int64(a.number) - int64(b.number)) })
	return files, nil
}

// segmentNumber parses a segment's name, with or without its directory before it.
func segmentNumber(dir, name string) (uint64, bool) {
	name = strings.TrimPrefix(name, dir+"/")
	hex, ok := strings.CutSuffix(name, ".log")
	if !ok || len(hex) != 16 || strings.ToLower(hex) != hex {
		return 0, false
	}
	n, err := strconv.ParseUint(hex, 16, 64)
	return n, err == nil && n > 0 && n <= maxSegmentNumber
}

// writtenBy recognises the first record of another node's segment.
func (f *found) writtenBy(node uint32) (uint32, bool) {
	if len(f.b) < openingSize {
		return 0, false
	}
	other := binary.LittleEndian.Uint32(f.b[recordHeader:])
	r, _, ok := parse(f.b, other, at(f.number, 0))
	return other, ok && r.kind == kindSegment && other != node
}

// open reads the first batch.
func (f *found) open(node uint32) {
	r, s, ok := parse(f.b, node, at(f.number, 0))
	if !ok || r.kind != kindSegment || r.group >= f.number {
		return
	}
	f.pred, f.predSum = at(r.group, int64(r.index)), uint32(r.term)
	w := walker{f: f, node: node, prev: f.predSum}
	if s.prev == f.predSum && w.next() {
		f.valid, f.opening = true, w.off
	}
}

// walker reads a segment batch by batch along the chain.
type walker struct {
	f       *found
	node    uint32
	off     int64  // end of the last whole batch
	prev    uint32 // sum of its last record
	broken  int64  // where the first invalid record lies, after next returned false
	claim   position
	records []record
}

// next reads one whole batch. After false, broken is where it ended: at the end of the
// file or at a record that is damaged or of another chain.
func (w *walker) next() bool {
	off, prev := w.off, w.prev
	w.records, w.claim = nil, 0
	for {
		pos := at(w.f.number, off)
		r, s, ok := parse(w.f.b[off:], w.node, pos)
		if !ok || s.prev != prev || s.synced > pos || (r.kind == kindSegment) != (off == 0) {
			w.broken = off
			return false
		}
		w.claim = max(w.claim, s.synced)
		w.records = append(w.records, r)
		off, prev = off+int64(r.size()), s.sum
		if r.flags&flagBatchEnd != 0 {
			w.off, w.prev = off, prev
			return true
		}
	}
}
