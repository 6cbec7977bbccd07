package disk

import (
	"github.com/brokerlab/brokerlab/model/machine"
	"github.com/brokerlab/brokerlab/sim/choice"
)

// Crash ends the process: the cache survives (D1). An operation in flight happened, did not,
// or, being a write, happened in part; if it did not wholly, later ones on its file did not.
func (d *Disk) Crash(now int64) { d.land(now, drawn, true) }

// outcome of the operations in flight at a crash.
type outcome uint8

const (
	drawn outcome = iota
	always
	never
)

// land takes everything out of flight, performing what happened.
func (d *Disk) land(now int64, how outcome, syncs bool) {
	flying, first := d.flying[d.gone:], d.first
	d.flying, d.gone, d.first = nil, 0, d.issued+1
	stopped := make(map[*name]bool)
	for i := range flying {
		f := &flying[i]
		if !f.live {
			continue
		}
		num := first + uint64(i)
		if stopped[f.file] || f.to != nil && stopped[f.to] || !d.happened(num, now, f, how) {
			stopped[f.file] = true
			if f.to != nil {
				stopped[f.to] = true
			}
			continue
		}
		isSync := f.op.Kind == machine.Sync || f.op.Kind == machine.SyncDir
		if isSync && !syncs {
			continue
		}
		f.op.AndSync = f.op.AndSync && syncs && (how != drawn || d.draw(num, forHappened)&2 == 2)
		d.perform(num, now, &f.op, f.file, f.to)
	}
	for i := range flying {
		for _, n := range [...]*name{flying[i].file, flying[i].to} {
			if n != nil {
				n.lastFree, n.lastDue = 0, 0
			}
		}
		d.leave(&flying[i])
	}
}

// happened says whether an operation in flight at a crash took place; it cuts a write that did
// in part and makes it the last of its file.
func (d *Disk) happened(num uint64, now int64, f *flight, how outcome) bool {
	if how != drawn {
		return how == always
	}
	draw := d.draw(num, forHappened)
	write := f.op.Kind == machine.Append || f.op.Kind == machine.WriteAt
	if size := len(f.op.Data); write && size > 1 && choice.Permille(draw, 150) {
		f.op.Data = f.op.Data[:choice.Between(d.draw(num, forPartial), 1, int64(size)-1)]
		f.op.AndSync = false
		d.perform(num, now, &f.op, f.file, f.to)
		return false
	}
	return draw&1 == 1
}
