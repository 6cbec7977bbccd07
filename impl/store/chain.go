package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// recovery finds the log in the segments on the disk: the chain of segments, each of
// which names the place where the log before it ends, read forward to the first hole.
type recovery struct {
	cfg   *LogConfig
	files []*found // by number
	state replay
	chain []*found
	// hole is the first place that should hold a record and does not; none if the log
	// simply ends. missing is the segment that the chain begins behind, 0 if none.
	hole      position
	holed     bool
	missing   uint64
	damagedAt position
}

func (rc *recovery) run() {
	cand := rc.files
	for {
		cand = rc.findChain(cand)
		rc.state = replay{groups: map[uint64]*replayed{}}
		rc.readChain()
		// The chain begins behind a segment that is not there. It was freed if nobody
		// misses anything of it. Otherwise, if nothing says that it had been synced, its
		// very name was not yet durable, and what was written after it goes too.
		if rc.missing == 0 || !rc.gap() || rc.claimAbove(at(rc.missing, 0)) != nil {
			break
		}
		rc.setHole(at(rc.missing, 0))
		cand = below(cand, rc.missing)
	}
	if rc.holed && rc.cfg.AcceptAfterHole {
		rc.acceptBehind()
	}
}

func (rc *recovery) setHole(p position) { rc.hole, rc.holed = p, true }

func below(files []*found, number uint64) []*found {
	i := slices.IndexFunc(files, func(f *found) bool { return f.number >= number })
	if i < 0 {
		return files
	}
	return files[:i]
}

// findChain follows the segments from the newest back. A segment whose first batch is
// not whole is a hole, and the chain is sought below it. It returns the candidates left.
func (rc *recovery) findChain(cand []*found) []*found {
	rc.chain, rc.missing = nil, 0
	for i := len(cand) - 1; i >= 0; i-- {
		f := cand[i]
		if len(rc.chain) > 0 && rc.chain[0].pred.segment() != f.number {
			continue // replaced by a later segment, or left over
		}
		if !f.valid {
			rc.setHole(at(f.number, 0))
			rc.chain, cand = nil, cand[:i]
			continue
		}
		rc.chain = slices.Insert(rc.chain, 0, f)
	}
	if len(rc.chain) > 0 {
		rc.missing = rc.chain[0].pred.segment()
	}
	return cand
}

func (rc *recovery) readChain() {
	v := &rc.state
	for i, f := range rc.chain {
		if i > 0 && (v.end != f.pred || v.endSum != f.predSum) {
			rc.setHole(at(f.number, 0)) // the segment does not continue what is there
			rc.chain = rc.chain[:i]
			return
		}
		if i == 0 {
			v.end, v.endSum = f.pred, f.predSum
		}
		limit := int64(-1)
		if i+1 < len(rc.chain) {
			limit = rc.chain[i+1].pred.offset()
		}
		if !rc.readSegment(f, limit) {
			rc.chain = rc.chain[:i+1]
			return
		}
	}
}

// readSegment applies f's batches up to limit, or to the end of the file if limit is
// negative. false: there is a hole.
func (rc *recovery) readSegment(f *found, limit int64) bool {
	v := &rc.state
	w := walker{f: f, node: rc.cfg.Node, prev: f.predSum}
	for limit < 0 || w.off < limit {
		start, from := v.end, w.off
		sum := v.endSum
		if !w.next() {
			if limit < 0 && w.off == int64(len(f.b)) {
				return true
			}
			rc.setHole(at(f.number, w.broken))
			return false
		}
		b := batch{start: start, startSum: sum, end: at(f.number, w.off), records: w.records}
		v.apply(b, at(f.number, from), w.claim, w.prev)
	}
	return true
}

// acceptBehind is the planted bug: whatever is valid behind the hole is taken as if the
// log had no hole, entries being placed by counting.
func (rc *recovery) acceptBehind() {
	v := &rc.state
	v.count = true
	b := batch{start: v.end, startSum: v.endSum, end: v.end}
	rc.behind(rc.hole, func(r record, _ stamp, p position) bool {
		v.one(&r, p)
		b.records = append(b.records, r)
		return true
	})
	v.tail = append(v.tail, b)
}

var magicBytes = binary.LittleEndian.AppendUint32(nil, recordMagic)

// behind visits every record at or behind hole that is valid where it lies, whatever chain it
// belongs to, until visit says enough.
func (rc *recovery) behind(hole position, visit func(r record, s stamp, p position) bool) {
	for _, f := range rc.files {
		off := int64(0)
		if f.number < hole.segment() {
			continue
		}
		if f.number == hole.segment() {
			off = hole.offset()
		}
		for off < int64(len(f.b)) {
			i := bytes.Index(f.b[off:], magicBytes)
			if i < 0 {
				break
			}
			off += int64(i)
			r, s, ok := parse(f.b[off:], rc.cfg.Node, at(f.number, off))
			switch {
			case !ok || s.synced > at(f.number, off):
				off++
			case !visit(r, s, at(f.number, off)):
				return
			default:
				off += int64(r.size())
			}
		}
	}
}

// gap says whether entries are missing that no checkpoint covers.
func (rc *recovery) gap() bool {
	for _, g := range rc.state.groups { // map order: any one will do
		if g.missing() {
			return true
		}
	}
	return false
}

// torn is how many bytes lie behind the end of the log and were not accepted.
func (rc *recovery) torn() (n int64) {
	if !rc.holed {
		return 0
	}
	for _, f := range rc.files {
		switch {
		case f.number > rc.hole.segment(), f.number == rc.hole.segment() && !slices.Contains(rc.chain, f):
			n += int64(len(f.b))
		case f.number == rc.hole.segment():
			n += int64(len(f.b)) - rc.state.end.offset()
		}
	}
	return n
}

// keep divides the segments: those below pred stay, all others are replaced by the new one.
func (rc *recovery) keep(pred position) (kept []*segment, obsolete []string) {
	for _, f := range rc.files {
		end := at(f.number, 0)
		if slices.Contains(rc.chain, f) && end < pred {
			s := &segment{number: f.number, name: f.name, bytes: int64(len(f.b)), opening: f.opening, reach: map[uint64]uint64{}}
			rc.measure(f, s, pred)
			kept = append(kept, s)
			continue
		}
		obsolete = append(obsolete, f.name)
	}
	return kept, obsolete
}

// measure notes how far the log goes in a kept segment, and how far it reaches in each group.
func (rc *recovery) measure(f *found, s *segment, pred position) {
	limit := pred
	if i := slices.Index(rc.chain, f); i+1 < len(rc.chain) {
		limit = min(limit, rc.chain[i+1].pred)
	}
	w := walker{f: f, node: rc.cfg.Node, prev: f.predSum}
	for at(f.number, w.off) < limit && w.next() {
		for i := range w.records {
			if w.records[i].kind == kindEntry {
				s.note(w.records[i].group, w.records[i].index)
			}
		}
	}
	s.bytes = w.off
	if s.end() > limit {
		machine.Broken("log recovery: segment %d is kept to %d, beyond its end at %d", s.number, s.bytes, limit.offset())
	}
}

func (rc *recovery) place(p position) string {
	return fmt.Sprintf("%s at %d", segmentName(rc.cfg.Dir, p.segment()), p.offset())
}
