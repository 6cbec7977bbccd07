package store

import (
	"fmt"
	"testing"

	"github.com/brokerlab/brokerlab/model/machine"
)

// filledStream holds n messages over so many subjects, kv.0.x up, and nothing of them in its cache.
func filledStream(b *testing.B, n, subjects uint64) *Stream {
	fx := &machine.Effects{}
	s, _, err := OpenStream(StreamConfig{Dir: "streams/1"}, newTestDisk(), fx, tokenSource())
	if err != nil {
		b.Fatal(err)
	}
	names := make([]string, subjects)
	for i := range names {
		names[i] = fmt.Sprintf("kv.%d.%d", i%10, i)
	}
	for seq := uint64(1); seq <= n; seq++ {
		s.Append(Message{Seq: seq, Index: seq, Time: int64(seq), Subject: names[seq%subjects], Data: []byte("0123456789abcdef")})
		if seq%1024 == 0 {
			s.Flush(fx)
			fx.Reset()
		}
	}
	s.Flush(fx)
	return s
}

// BenchmarkIndex asks a million messages in a thousand, or a million, subjects.
func BenchmarkIndex(b *testing.B) {
	const n = 1_000_000
	for _, subjects := range []uint64{1, 1000, n} {
		s := filledStream(b, n, subjects)
		b.Logf("%d subjects: %d bytes a message", subjects, s.MemoryBytes()/n)
		for name, filters := range map[string][]string{
			"literal": {"kv.0.0"}, "all": {"kv.>"}, "tenth": {"kv.3.*"}, "none": {"kv.x.*"}, "none-of-many": {"*.x.>"},
		} {
			b.Run(fmt.Sprint("next/", name, "/", subjects), func(b *testing.B) {
				for seq := uint64(0); b.Loop(); seq = (seq + 7919) % n {
					s.NextMatch(seq, filters)
				}
			})
			b.Run(fmt.Sprint("count/", name, "/", subjects), func(b *testing.B) {
				for seq := uint64(0); b.Loop(); seq = (seq + 7919) % n {
					s.CountMatch(seq, filters)
				}
			})
		}
	}
}

// BenchmarkStreamDelete appends a message and deletes one: the oldest, one of many anywhere, or the
// earlier of the same subject.
func BenchmarkStreamDelete(b *testing.B) {
	const n = 100_000
	for name, subjects := range map[string]uint64{"oldest": 1, "anywhere": 1, "same-subject": n} {
		b.Run(name, func(b *testing.B) {
			s, fx := filledStream(b, n, subjects), &machine.Effects{}
			names := make([]string, subjects)
			for i := range names {
				names[i] = fmt.Sprintf("kv.%d.%d", i%10, i)
			}
			b.ReportAllocs()
			seq, next := uint64(n), uint64(0)
			for b.Loop() {
				seq++
				subject := names[seq%subjects]
				switch name {
				case "oldest":
					s.Compact(seq - n)
				case "anywhere":
					next = (next + 7919*7919) % n
					if at, ok := s.NextAt(seq - n + next); ok {
						s.Delete(at)
					}
				default:
					if old, ok := s.LastOf(subject); ok {
						s.Delete(old)
					}
				}
				s.Append(Message{Seq: seq, Index: seq, Subject: subject, Data: []byte("0123456789abcdef")})
				if seq%16 == 0 {
					s.Flush(fx)
					fx.Reset()
				}
			}
		})
	}
}
