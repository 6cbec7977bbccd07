package store

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/machine"
)

// addMark notes a base under way. Two marks are enough: the oldest, so that safe
// advances even if bases are recorded faster than anything is synced, and the newest.
func (g *group) addMark(m mark) {
	if len(g.marks) == 2 {
		g.marks = g.marks[:1]
	}
	g.marks = append(g.marks, m)
}

func (g *group) settle(synced position) {
	for len(g.marks) > 0 && g.marks[0].at <= synced {
		g.safe = g.marks[0].value
		g.marks = slices.Delete(g.marks, 0, 1)
	}
}

// needs says whether the group could need entries up to reach if nothing behind limit
// survived.
func (g *group) needs(reach uint64, limit position) bool {
	safe := g.safe
	for _, m := range g.marks {
		if m.at <= limit {
			safe = m.value
		}
	}
	if !g.cutDirty && g.cutAt <= limit {
		reach = min(reach, g.last)
	}
	return reach > safe
}

// needed says whether any group needs s if nothing behind limit survived.
func (l *Log) needed(s, next *segment, limit position) bool {
	if at(next.number, next.opening) > limit {
		return true
	}
	for _, id := range l.order {
		if reach, ok := s.reach[id]; ok && l.groups[id].needs(reach, limit) {
			return true
		}
	}
	for _, ghost := range l.ghosts {
		if _, ok := s.reach[ghost.value]; ok && ghost.at > limit {
			return true
		}
	}
	return false
}

// Free removes the oldest segments that no group needs any more, as far as synced
// records say so. If only a sync is missing for that and nothing else will sync, it syncs.
//
// The removals are not made durable: a segment that reappears after a power failure is
// either read again, which changes nothing, or lies before a missing one and is dropped.
func (l *Log) Free(fx *machine.Effects) {
	if l.err != nil {
		return
	}
	for _, id := range l.order {
		l.groups[id].settle(l.synced)
	}
	l.ghosts = slices.DeleteFunc(l.ghosts, func(m mark) bool { return m.at <= l.synced })
	l.dropObsolete(fx)
	for len(l.segs) > 1 && !l.needed(l.segs[0], l.segs[1], l.synced) {
		fx.Do(machine.DiskOp{Kind: machine.Remove, File: l.segs[0].name})
		l.segs = slices.Delete(l.segs, 0, 1)
	}
	if l.cfg.Sync != SyncNone {
		return
	}
	if len(l.obsolete) > 0 || len(l.segs) > 1 && !l.needed(l.segs[0], l.segs[1], l.written) {
		l.SyncNow(fx)
	}
}

// dropObsolete removes what recovery replaced, once the replacement is synced.
func (l *Log) dropObsolete(fx *machine.Effects) {
	if len(l.obsolete) == 0 || l.synced < l.openedAt {
		return
	}
	for _, name := range l.obsolete {
		fx.Do(machine.DiskOp{Kind: machine.Remove, File: name})
	}
	l.obsolete = nil
}

// Laggard names a group that should take a checkpoint: while more than maxSegments
// exist, one that keeps the oldest from being freed.
func (l *Log) Laggard(maxSegments int) (group uint64, ok bool) {
	if len(l.segs) <= max(maxSegments, 1) {
		return 0, false
	}
	for _, id := range l.order {
		g := l.groups[id]
		if reach, held := l.segs[0].reach[id]; held && min(reach, g.last) > g.base {
			return id, true
		}
	}
	return 0, false
}
