package metadata

import "slices"

// change is one change of a partition in the making (metadata/.../PartitionChangeBuilder).
type change struct {
	s   *State
	p   *Partition
	isr []uint32 // wanted
	// keep leaves the leader alone; prefer wants this one; unclean is a broker that may have lost what it held.
	keep      bool
	prefer    uint32
	unclean   uint32
	recovered bool
}

// apply elects, sets, and counts; it reports whether anything changed.
func (c *change) apply() bool {
	p := c.p
	if !c.s.set.ELR && len(c.isr) == 0 {
		c.isr = p.ISR // without ELR the last member stays, up or not
	}
	elr, last := c.eligible()
	leader, unclean := p.Leader, false
	if !c.keep {
		leader, unclean = c.vote(elr, last)
	}
	recovering := p.Recovering && !c.recovered
	isr := c.isr
	switch {
	case unclean:
		isr, elr, last, recovering = []uint32{leader}, nil, nil, true
	case leader != NoLeader && !slices.Contains(isr, leader):
		// Elected from the ELR: it is the ISR now.
		isr = []uint32{leader}
		elr = without(elr, leader)
	}
	if c.s.set.ELR && len(isr) >= p.Topic.MinISR {
		elr, last = nil, nil
	}
	if leader == p.Leader && slices.Equal(isr, p.ISR) && slices.Equal(elr, p.ELR) && slices.Equal(last, p.LastKnown) && recovering == p.Recovering {
		return false
	}
	if leader != p.Leader || unclean { // since 3.6 a shrinking ISR alone does not move it
		p.Epoch++
	}
	p.Leader, p.ISR, p.ELR, p.LastKnown, p.Recovering = leader, isr, elr, last, recovering
	p.Version++
	return true
}

// eligible is the ELR, and the leader that was last known, that go with the wanted ISR: who leaves an ISR that is too small holds
// everything below the high watermark, which does not move any more (KIP-966).
func (c *change) eligible() (elr, last []uint32) {
	p := c.p
	if !c.s.set.ELR {
		return nil, nil
	}
	if len(c.isr) >= p.Topic.MinISR {
		return nil, nil
	}
	for _, id := range slices.Sorted(slices.Values(slices.Concat(p.ELR, p.ISR))) {
		if !slices.Contains(c.isr, id) && !slices.Contains(elr, id) && id != c.unclean {
			elr = append(elr, id)
		}
	}
	last = p.LastKnown
	if len(c.isr) == 0 && p.Leader != NoLeader { // maybeUpdateLastKnownLeader: as it becomes leaderless
		last = []uint32{p.Leader}
	}
	return elr, last
}

// vote is electAnyLeader: the leader as it is, or the first replica in the order of the assignment that is in the wanted ISR,
// or, if that is empty, in the ELR, and up; then the last known leader; then, if that is allowed, the first that is up.
func (c *change) vote(elr, last []uint32) (leader uint32, unclean bool) {
	p := c.p
	valid := func(id uint32) bool {
		return (slices.Contains(c.isr, id) || len(c.isr) == 0 && slices.Contains(elr, id)) && c.s.active(id)
	}
	switch {
	case c.prefer != 0 && valid(c.prefer):
		return c.prefer, false
	case p.Leader != NoLeader && valid(p.Leader):
		return p.Leader, false
	}
	for _, id := range p.Replicas {
		if valid(id) {
			return id, false
		}
	}
	if c.s.set.ELR && len(c.isr) == 0 && len(elr) == 0 && len(last) == 1 && c.s.active(last[0]) {
		return last[0], true
	}
	if c.s.set.Unclean {
		for _, id := range p.Replicas {
			if c.s.active(id) {
				return id, true
			}
		}
	}
	return NoLeader, false
}
