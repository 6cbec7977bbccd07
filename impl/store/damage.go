package store

import "fmt"

// judge tells what is lost from what is merely torn. Above every proof, missing bytes
// were never counted as durable by anyone and may be cut. A proof is
//
//   - a valid record, anywhere behind the hole, which states that the log was synced up
//     to beyond it;
//   - a segment stating that a group's log reaches an index, if entries below are missing;
//   - a group's hard state with a commit index beyond the group's last entry.
//
// A sector behind the hole that cannot be read counts as one too: a torn write leaves
// old bytes, zeros or garbage, but never an unreadable sector, and it may have held any
// of the above. What rots inside the last synced batch has no proof behind it and cannot
// be told from a torn write.
func (rc *recovery) judge() *Damage {
	if rc.cfg.AcceptAfterHole {
		return nil
	}
	if rc.holed {
		if proof := rc.claimAbove(rc.hole); proof != nil {
			return rc.damage(rc.hole, 0, *proof)
		}
		if p, ok := rc.unreadable(); ok {
			return rc.damage(rc.hole, 0, "the sector of "+rc.place(p)+" cannot be read, which no torn write explains")
		}
	}
	var first *Damage
	for _, id := range rc.state.ids() {
		d := rc.judgeGroup(id, rc.state.groups[id])
		if d == nil {
			continue
		}
		if first != nil {
			first.Group = 0 // more than one
			return first
		}
		first = d
	}
	return first
}

func (rc *recovery) judgeGroup(id uint64, g *replayed) *Damage {
	if g.missing() {
		p := rc.state.end
		if rc.missing > 0 {
			p = at(rc.missing, 0)
		}
		return rc.damage(p, id, fmt.Sprintf("%s knows entries of group %d to %d, but %d to %d are neither in the log nor in a checkpoint",
			rc.place(g.lastAt), id, g.last(), g.base+1, g.first-1))
	}
	if g.hard.Commit > g.last() && g.hard.Commit > g.base {
		return rc.damage(rc.state.end, id, fmt.Sprintf("the hard state of group %d at %s has committed %d, but its log ends at %d",
			id, rc.place(g.hardAt), g.hard.Commit, g.last()))
	}
	return nil
}

func (rc *recovery) damage(p position, group uint64, proof string) *Damage {
	rc.damagedAt = p
	return &Damage{Segment: segmentName(rc.cfg.Dir, p.segment()), Offset: p.offset(), Group: group, Proof: proof}
}

// claimAbove finds a record that states the log to be synced beyond p.
func (rc *recovery) claimAbove(p position) (proof *string) {
	say := func(by, claim position) {
		s := fmt.Sprintf("the record of %s states that the log was synced up to %s", rc.place(by), rc.place(claim))
		proof = &s
	}
	if rc.state.claim > p {
		say(rc.state.claimAt, rc.state.claim)
		return proof
	}
	rc.behind(p, func(_ record, s stamp, by position) bool {
		if s.synced > p {
			say(by, s.synced)
		}
		return proof == nil
	})
	return proof
}

func (rc *recovery) unreadable() (position, bool) {
	for _, f := range rc.files {
		for _, s := range f.bad {
			if p := at(f.number, s.from); at(f.number, s.to) > rc.hole && f.number >= rc.hole.segment() {
				return p, true
			}
		}
	}
	return 0, false
}

// damageRecord keeps the damage in the log until somebody accepts it.
func damageRecord(d *Damage, p position) *record {
	return &record{kind: kindDamage, group: d.Group, index: p.segment(), term: uint64(p.offset()), data: []byte(d.Proof)}
}

func damageOf(cfg *LogConfig, r *record) *Damage {
	return &Damage{Segment: segmentName(cfg.Dir, r.index), Offset: int64(r.term), Group: r.group, Proof: string(r.data)}
}
