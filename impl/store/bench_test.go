package store

import (
	"fmt"
	"testing"

	"github.com/brokerlab/brokerlab/model/machine"
)

// BenchmarkLogBatch appends, flushes and completes one batch an iteration: entries of
// 1 KiB, a few a batch, and a commit index now and then, as a busy broker does.
func BenchmarkLogBatch(b *testing.B) {
	for _, per := range []int{1, 16} {
		b.Run(fmt.Sprint(per, "entries"), func(b *testing.B) {
			fx := &machine.Effects{}
			l, _, err := OpenLog(LogConfig{Node: 1}, newTestDisk(), fx, tokenSource())
			if err != nil {
				b.Fatal(err)
			}
			entries := make([]Entry, per)
			data := make([]byte, 1024)
			finish(l, fx)
			b.ReportAllocs()
			b.SetBytes(int64(per * 1024))
			index := uint64(0)
			for b.Loop() {
				for i := range entries {
					index++
					entries[i] = Entry{Index: index, Term: 1, Data: data}
				}
				l.Append(1, entries)
				l.SetHardState(1, HardState{Term: 1, Vote: 1, Commit: index - 1}, false)
				l.Flush(fx)
				finish(l, fx)
				if index%4096 == 0 {
					l.Checkpointed(1, index, 1)
					l.Free(fx)
				}
			}
		})
	}
}

// finish completes what the log has issued, as a disk that keeps nothing.
func finish(l *Log, fx *machine.Effects) {
	var tokens []machine.Token
	for len(fx.Disk) > 0 {
		tokens = tokens[:0]
		for _, op := range fx.Disk {
			if op.Token != 0 {
				tokens = append(tokens, op.Token)
			}
		}
		fx.Reset()
		for _, tok := range tokens {
			l.Done(tok, 0, nil)
		}
		l.Flush(fx)
	}
}

// BenchmarkRecovery opens a log of 64 MiB in 1 KiB entries.
func BenchmarkRecovery(b *testing.B) {
	d, fx := newTestDisk(), &machine.Effects{}
	l, _, err := OpenLog(LogConfig{Node: 1}, d, fx, tokenSource())
	if err != nil {
		b.Fatal(err)
	}
	settle := func() {
		l.Flush(fx)
		for d.take(fx); len(d.queue) > 0; d.take(fx) {
			if op, _, err := d.step(constant(0)); op.Token != 0 {
				l.Done(op.Token, 0, err)
			}
			l.Flush(fx)
		}
	}
	settle()
	entries := make([]Entry, 1024)
	data := make([]byte, 1024)
	for n := range 64 {
		for i := range entries {
			entries[i] = Entry{Index: uint64(n*1024 + i + 1), Term: 1, Data: data}
		}
		l.Append(1, entries)
		settle()
	}
	b.ReportAllocs()
	b.SetBytes(64 << 20)
	for b.Loop() {
		_, rec, err := OpenLog(LogConfig{Node: 1}, d, fx, tokenSource())
		if err != nil || len(rec.Groups[0].Entries) != 64*1024 {
			b.Fatal(err, len(rec.Groups[0].Entries))
		}
		fx.Reset()
	}
}

// BenchmarkStreamAppend stores and flushes batches of 16 messages of 1 KiB.
func BenchmarkStreamAppend(b *testing.B) {
	fx := &machine.Effects{}
	s, _, err := OpenStream(StreamConfig{Dir: "streams/1", CacheBytes: 1 << 20}, newTestDisk(), fx, tokenSource())
	if err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 1024)
	b.ReportAllocs()
	b.SetBytes(16 * 1024)
	seq := uint64(0)
	for b.Loop() {
		for range 16 {
			seq++
			s.Append(Message{Seq: seq, Index: seq, Subject: "orders.new", Data: data})
		}
		s.Flush(fx)
		fx.Reset()
	}
}

// BenchmarkStreamGet reads cached messages.
func BenchmarkStreamGet(b *testing.B) {
	fx := &machine.Effects{}
	s, _, _ := OpenStream(StreamConfig{Dir: "streams/1", CacheBytes: 1 << 20}, newTestDisk(), fx, tokenSource())
	for seq := range uint64(500) {
		s.Append(Message{Seq: seq + 1, Subject: "orders.new", Data: make([]byte, 1024)})
	}
	s.Flush(fx)
	fx.Reset()
	b.ReportAllocs()
	seq := uint64(0)
	for b.Loop() {
		seq = seq%500 + 1
		if _, tok, found := s.Get(fx, seq); !found || tok != 0 {
			b.Fatal(seq)
		}
	}
}
