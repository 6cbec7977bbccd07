package drive

import (
	"path"

	"github.com/brokerlab/brokerlab/model/machine"
)

// A lane is the order of one name, a file's or (with a slash behind it) a directory's.
// An operation stands in the lane of every name it touches and runs when it is the first
// in all of them, so operations on one file run in the order of issue and those on
// different files side by side. Operations that make or unmake names also stand in their
// directory's lane, so that SyncDir finds them done.
//
// Everything here is under disk.mu but for what the runner of a lane owns.
type lane struct {
	name    string
	ops     []*pending // in order of issue; the first running ones are being executed
	running int
	claimed bool // somebody runs it, or is about to
	syncing bool // claimed with a sync in it
	known   bool // the file exists, as of the last operation issued
	file         // the runner's
}

// pending is an operation on its way.
type pending struct {
	op    machine.DiskOp
	lanes [4]*lane
	width int // lanes it stands in
	waits int // lanes in which it is not the first
	done
}

// done is how an operation ended.
type done struct {
	token machine.Token
	n     int64
	bytes []byte
	err   error
	fatal error // why the server cannot go on
}

// dirLane is the lane name of a directory.
func dirLane(dir string) string {
	if dir = path.Clean(dir); dir != "." {
		return dir + "/"
	}
	return "/"
}

func dirOf(file string) string { return dirLane(path.Dir(file)) }

func (d *disk) lane(name string) *lane {
	l := d.lanes[name]
	if l == nil {
		l = &lane{name: name}
		d.lanes[name] = l
	}
	return l
}

// enqueue puts an operation into its lanes.
func (d *disk) enqueue(op *machine.DiskOp) *pending {
	p := d.free.get()
	p.op = *op
	p.token = op.Token
	p.err = checkNames(op)
	switch op.Kind {
	case machine.SyncDir:
		d.join(p, dirLane(op.File))
	case machine.Rename:
		d.join(p, op.File).known = false
		d.join(p, op.To).known = true
		d.join(p, dirOf(op.File))
		d.join(p, dirOf(op.To))
	case machine.Remove:
		d.join(p, op.File).known = false
		d.join(p, dirOf(op.File))
	case machine.Append, machine.WriteAt:
		if l := d.join(p, op.File); !l.known {
			l.known = true
			d.join(p, dirOf(op.File))
		}
	default:
		d.join(p, op.File)
	}
	return p
}

// join adds p to a lane, once.
func (d *disk) join(p *pending, name string) *lane {
	l := d.lane(name)
	for _, other := range p.lanes[:p.width] {
		if other == l {
			return l
		}
	}
	if len(l.ops) > 0 {
		p.waits++
	}
	l.ops = append(l.ops, p)
	p.lanes[p.width] = l
	p.width++
	return l
}

// ready says that the first operation of the lane can run and nobody is at it. One that stands
// in several lanes is claimed by its first only: through any other it would run twice.
func (l *lane) ready() bool {
	return !l.claimed && len(l.ops) > 0 && l.ops[0].waits == 0 && l.ops[0].lanes[0] == l
}

const (
	batchOps   = 1024
	batchBytes = 4 << 20
)

// batch marks the operations to run next: one that stands in several lanes alone; else as
// many as follow, so that one sync serves them all. Reads do not wait for a sync behind them.
func (l *lane) batch() []*pending {
	n, size := 1, len(l.ops[0].op.Data)
	reads := l.ops[0].op.Kind == machine.Read
	for l.ops[0].width == 1 && n < len(l.ops) && n < batchOps && size < batchBytes {
		next := l.ops[n]
		if next.width > 1 || reads && next.op.Kind != machine.Read {
			break
		}
		size += len(next.op.Data)
		n++
	}
	l.running = n
	return l.ops[:n:n]
}

// retire removes what has run from all its lanes and returns those that became ready.
func (d *disk) retire(l *lane, ready []*lane) []*lane {
	l.claimed = false
	if l.syncing {
		l.syncing = false
		d.syncing--
	}
	touched := [4]*lane{l}
	width := 1
	if first := l.ops[0]; first.width > 1 {
		touched, width = first.lanes, first.width
	}
	n := l.running
	l.running = 0
	for i := range n {
		d.free.put(l.ops[i])
	}
	for _, at := range touched[:width] {
		left := copy(at.ops, at.ops[n:])
		clear(at.ops[left:])
		if at.ops = at.ops[:left]; left > 0 {
			at.ops[0].waits--
		}
	}
	for _, at := range touched[:width] {
		ready = d.offer(at, ready)
		if len(at.ops) == 0 && at.handle == nil && !at.poisoned {
			delete(d.lanes, at.name)
		}
	}
	return ready
}

// offer appends to ready the lane by which the lane's first operation can run, if it can.
func (d *disk) offer(l *lane, ready []*lane) []*lane {
	if len(l.ops) == 0 {
		return ready
	}
	if first := l.ops[0].lanes[0]; first.ready() && !contains(ready, first) {
		ready = append(ready, first)
	}
	return ready
}

func contains(lanes []*lane, l *lane) bool {
	for _, have := range lanes {
		if have == l {
			return true
		}
	}
	return false
}

// pendings is a free list.
type pendings struct{ list []*pending }

func (f *pendings) get() *pending {
	if n := len(f.list); n > 0 {
		p := f.list[n-1]
		f.list = f.list[:n-1]
		return p
	}
	return new(pending)
}

func (f *pendings) put(p *pending) {
	*p = pending{}
	if len(f.list) < batchOps {
		f.list = append(f.list, p)
	}
}
