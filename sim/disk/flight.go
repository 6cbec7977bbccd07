package disk

import (
	"github.com/brokerlab/brokerlab/model/machine"
)

// OpID is an operation's number, from 1, unique in the node's whole life.
type OpID uint64

// flight is an operation issued and not completed.
type flight struct {
	op       machine.DiskOp
	file, to *name
	free     int64 // when it would be done were the disk not stalled
	due      int64
	live     bool
	naming   bool // it may make or unmake a name
}

// Issue accepts an operation at time now and returns when it is due, in nanoseconds. Its
// Data belongs to the disk until it is completed. Bytes are not looked at before completion.
func (d *Disk) Issue(now int64, op machine.DiskOp) (id OpID, due int64) {
	d.issued++
	d.flying = append(d.flying, flight{op: op, live: true})
	f := &d.flying[len(d.flying)-1]
	start, after := now, d.stalled-1
	if op.Kind == machine.SyncDir {
		f.file = d.directory(op.File)
		start, after = d.dirBusy(f.file.path, start, after)
	} else {
		f.file = d.lookup(op.File)
	}
	start, after = max(start, f.file.lastFree), max(after, f.file.lastDue)
	if op.Kind == machine.Rename {
		f.to = d.lookup(op.To)
		start, after = max(start, f.to.lastFree), max(after, f.to.lastDue)
	}
	f.naming = op.Kind == machine.Rename || op.Kind == machine.Remove ||
		(op.Kind == machine.Append || op.Kind == machine.WriteAt) && (f.file.inode == nil || f.file.naming > 0)
	f.free = max(d.service(d.issued, f, start), start+1)
	f.due = max(f.free, after+1)
	for _, n := range [...]*name{f.file, f.to} {
		if n != nil {
			n.lastFree, n.lastDue = f.free, f.due
			n.enter(f.naming, 1)
		}
	}
	return OpID(d.issued), f.due
}

// directory returns the queue of a directory's syncs.
func (d *Disk) directory(path string) *name {
	if path == "." || path == "/" {
		path = ""
	}
	n := d.dirs[path]
	if n == nil {
		n = &name{path: path}
		d.dirs[path] = n
	}
	return n
}

// enter counts an operation in flight, or, with -1, out of it.
func (n *name) enter(naming bool, by int) {
	n.flying += by
	if naming {
		n.naming += by
	}
}

// dirBusy raises free and due to those of every operation in flight that may make or unmake
// names of a directory.
func (d *Disk) dirBusy(dir string, free, due int64) (int64, int64) {
	for i := range d.flying {
		f := &d.flying[i]
		if f.live && f.naming && (f.file.dir == dir || f.to != nil && f.to.dir == dir) {
			free, due = max(free, f.free), max(due, f.due)
		}
	}
	return free, due
}

// service returns when an operation that may start at start is done.
func (d *Disk) service(num uint64, f *flight, start int64) int64 {
	draw := d.draw(num, forService)
	switch f.op.Kind {
	case machine.Append, machine.WriteAt:
		f.file.dirty += int64(len(f.op.Data))
		done := start + d.slow*(d.cfg.WriteTime.Sample(draw)+kib(len(f.op.Data), d.cfg.WritePerKiB))
		if f.op.AndSync {
			done = d.serviceSync(num, f.file, done)
		}
		return done
	case machine.Sync, machine.SyncDir:
		return d.serviceSync(num, f.file, start)
	case machine.Read:
		return start + d.slow*(d.cfg.ReadTime.Sample(draw)+kib(int(f.op.Len), d.cfg.ReadPerKiB))
	case machine.Rename:
		f.to.dirty, f.file.dirty = f.file.dirty, 0
	}
	return start + d.slow*d.cfg.NameTime.Sample(draw)
}

func kib(n int, perKiB int64) int64 { return int64(n) * perKiB >> 10 }

// serviceSync books a sync on the device: on the slot that idles least before it, or else on
// the first to be free.
func (d *Disk) serviceSync(num uint64, n *name, start int64) int64 {
	best := 0
	for i, free := range d.slots {
		was := d.slots[best]
		if free <= start && (was > start || free > was) || free > start && free < was {
			best = i
		}
	}
	took := d.slow * (d.cfg.SyncTime.Sample(d.draw(num, forSync)) + kib(int(n.dirty), d.cfg.SyncPerKiB))
	n.dirty = 0
	d.slots[best] = max(start, d.slots[best]) + took
	return d.slots[best]
}

// Due returns when an operation in flight is due, which a stall may have moved; ok is false
// if it is completed or was ended by a crash.
func (d *Disk) Due(id OpID) (due int64, ok bool) {
	if f := d.find(id); f != nil {
		return f.due, true
	}
	return 0, false
}

func (d *Disk) find(id OpID) *flight {
	i := uint64(id) - d.first
	if i >= uint64(len(d.flying)-d.gone) {
		return nil
	}
	if f := &d.flying[d.gone+int(i)]; f.live {
		return f
	}
	return nil
}

// inTurn breaks if an operation on the same file was issued earlier and is still in flight.
func (d *Disk) inTurn(id OpID, f *flight) {
	if f.file.flying == 1 && (f.to == nil || f.to.flying == 1) || f.to == f.file {
		return
	}
	for i := d.gone; i < d.gone+int(uint64(id)-d.first); i++ {
		if e := &d.flying[i]; e.live && (e.file == f.file || e.to == f.file || f.to != nil && (e.to == f.to || e.file == f.to)) {
			machine.Broken("disk operation %d of node %d completes before operation %d on the same file", id, d.node, d.first+uint64(i-d.gone))
		}
	}
}

// leave ends an operation's hold on its names: until then they are not forgotten.
func (d *Disk) leave(f *flight) {
	for _, n := range [...]*name{f.file, f.to} {
		if n == nil {
			continue
		}
		n.enter(f.naming, -1)
		if d.names[n.path] == n {
			d.forget(n)
		}
	}
}

// pop moves past what is completed at the front, keeping the room.
func (d *Disk) pop() {
	for d.gone < len(d.flying) && !d.flying[d.gone].live {
		d.gone++
		d.first++
	}
	if d.gone == len(d.flying) {
		d.flying, d.gone = d.flying[:0], 0
	} else if d.gone >= 64 && 2*d.gone >= len(d.flying) {
		rest := copy(d.flying, d.flying[d.gone:])
		clear(d.flying[rest:])
		d.flying, d.gone = d.flying[:rest], 0
	}
}

// Complete performs an operation that is due and takes it out of flight. With err set, n is the
// length of the prefix known to be good; for a read, data is what was read (n bytes, less than
// asked for at the end of the file), valid until the next call of any method.
func (d *Disk) Complete(id OpID) (n int64, data []byte, err error) {
	f := d.find(id)
	if f == nil {
		machine.Broken("disk operation %d of node %d is not in flight", id, d.node)
	}
	d.inTurn(id, f)
	done := *f
	*f = flight{}
	d.pop()
	n, data, err = d.perform(uint64(id), done.due, &done.op, done.file, done.to)
	d.leave(&done)
	return n, data, err
}

// Stall makes nothing complete before until: neither what is in flight nor what is issued
// later. Events already scheduled find the new time in Due.
func (d *Disk) Stall(until int64) {
	d.stalled = max(d.stalled, until)
	d.reschedule(func(f *flight) int64 { return max(f.due, until) })
}

// Heal ends a stall, slowness, fullness and armed failures: what is in flight goes on at the speed of
// a sound disk. It calls moved for every operation in
// flight that is now due earlier than it was.
func (d *Disk) Heal(now int64, moved func(id OpID, due int64)) {
	d.slow, d.stalled, d.full, d.failWrite, d.failSync = 1, 0, false, false, false
	was := make([]int64, len(d.flying))
	for i := range d.flying {
		was[i] = d.flying[i].due
	}
	if d.slowed {
		d.quicken(now)
	}
	d.reschedule(func(f *flight) int64 { return max(f.free, now) })
	for i := range d.flying {
		if f := &d.flying[i]; f.live && f.due < was[i] && moved != nil {
			moved(OpID(d.first+uint64(i-d.gone)), f.due)
		}
	}
}

// quicken books anew, from now on, what is still to be done: a queue that grew while the disk was slow would
// keep it slow long after.
func (d *Disk) quicken(now int64) {
	d.slowed = false
	for i := range d.slots {
		d.slots[i] = min(d.slots[i], now)
	}
	for i := range d.flying {
		if f := &d.flying[i]; f.live {
			f.file.lastFree = 0
			if f.to != nil {
				f.to.lastFree = 0
			}
		}
	}
	for i := range d.flying {
		f := &d.flying[i]
		if !f.live {
			continue
		}
		if f.free > now {
			f.free = min(f.free, d.again(i, now))
		}
		f.file.lastFree = max(f.file.lastFree, f.free)
		if f.to != nil {
			f.to.lastFree = max(f.to.lastFree, f.free)
		}
	}
}

// again is when operation i would be done, were it begun now and nothing before it under way but what is
// booked already.
func (d *Disk) again(i int, now int64) int64 {
	f := &d.flying[i]
	start, dirty := max(now, f.file.lastFree), f.file.dirty
	if f.to != nil {
		start = max(start, f.to.lastFree)
	}
	if f.op.Kind == machine.SyncDir {
		start, _ = d.before(i).dirBusy(f.file.path, start, 0)
	}
	var to int64
	if f.to != nil {
		to = f.to.dirty
	}
	free := max(d.service(d.first+uint64(i-d.gone), f, start), start+1)
	f.file.dirty = dirty // its bytes were counted when it was issued
	if f.to != nil {
		f.to.dirty = to
	}
	return free
}

// reschedule gives every operation in flight the time that at wants, or as soon after it as the
// order of its file allows.
func (d *Disk) reschedule(at func(*flight) int64) {
	for i := range d.flying {
		if f := &d.flying[i]; f.live {
			f.file.lastDue = 0
			if f.to != nil {
				f.to.lastDue = 0
			}
		}
	}
	for i := range d.flying {
		f := &d.flying[i]
		if !f.live {
			continue
		}
		f.due = max(at(f), f.file.lastDue+1)
		if f.to != nil {
			f.due = max(f.due, f.to.lastDue+1)
			f.to.lastDue = f.due
		}
		if f.op.Kind == machine.SyncDir {
			_, busy := d.before(i).dirBusy(f.file.path, 0, 0)
			f.due = max(f.due, busy+1)
		}
		f.file.lastDue = f.due
	}
}

// before is a view of the disk with only the first i operations in flight.
func (d *Disk) before(i int) *Disk { return &Disk{flying: d.flying[:i]} }
