package disk

import (
	"testing"

	"github.com/brokerlab/brokerlab/model/machine"
)

// BenchmarkAppendAndSync is the world's hot path: a log that appends 1 KiB and syncs, segments of 4 MiB.
func BenchmarkAppendAndSync(b *testing.B) {
	d := New(Config{}, 1, 1)
	data := make([]byte, 1024)
	names := [...]string{"wal/0", "wal/1", "wal/2", "wal/3"}
	now := int64(0)
	b.ReportAllocs()
	b.SetBytes(1024)
	for i := 0; b.Loop(); i++ {
		seg := names[i>>12&3]
		if i&4095 == 0 {
			id, due := d.Issue(now, machine.DiskOp{Kind: machine.Remove, File: seg})
			d.Complete(id)
			now = due
		}
		id, due := d.Issue(now, machine.DiskOp{Kind: machine.Append, File: seg, Data: data, AndSync: true, Token: 1})
		now = due
		if n, _, err := d.Complete(id); n != 1024 || err != nil {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkUnsyncedAppends is a message store between checkpoints: small appends, a sync every 1000.
func BenchmarkUnsyncedAppends(b *testing.B) {
	d := New(Config{}, 1, 1)
	data := make([]byte, 128)
	now := int64(0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		op := machine.DiskOp{Kind: machine.Append, File: "s/1.blk", Data: data}
		switch i % 1000 {
		case 0:
			op = machine.DiskOp{Kind: machine.Sync, File: "s/1.blk"}
		case 1:
			if i > 100_000 {
				op = machine.DiskOp{Kind: machine.Truncate, File: "s/1.blk"}
			}
		}
		id, due := d.Issue(now, op)
		now = due
		d.Complete(id)
	}
}
