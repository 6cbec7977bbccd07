package history

import (
	"bytes"
	"fmt"
	"testing"
)

// sample returns a history of n events of the kinds that runs are made of.
func sample(n int) *History {
	h := &History{Header: Header{Name: "sample", Seed: 7, Streams: []Stream{{Name: "ORDERS", Replicas: 3}}}}
	for i := range n {
		e := Event{Index: uint64(i + 1), Time: int64(i) * 1234567}
		op := uint64(i/5 + 1)
		switch i % 5 {
		case 0:
			e.Kind, e.Verb, e.Op, e.Client, e.Stream, e.Subject, e.Value = Invoke, Publish, op, fmt.Sprintf("c%d", i%7), "ORDERS", "orders.1", fmt.Sprintf("c%d-%d", i%7, i)
		case 1, 2:
			e.Kind, e.Verb, e.Node, e.Stream, e.Seq, e.Value, e.Hash, e.Idx, e.Group = Obs, "stored", uint32(i%3+1), "ORDERS", op, fmt.Sprintf("c%d-%d", i%7, i), uint64(i)*0x9e3779b97f4a7c15, op, 2
		case 3:
			e.Kind, e.Verb, e.Node, e.Group, e.Term, e.Idx, e.Hash = Obs, "applied", uint32(i%3+1), 2, 3, op, uint64(i)*0x9e3779b97f4a7c15
		case 4:
			e.Kind, e.Verb, e.Op, e.Client, e.Seq = OK, Publish, op, fmt.Sprintf("c%d", i%7), op
		}
		h.Events = append(h.Events, e)
	}
	return h
}

func BenchmarkReadAll(b *testing.B) {
	var buf bytes.Buffer
	if err := WriteAll(&buf, sample(200_000)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(buf.Len()))
	for b.Loop() {
		if _, err := ReadAll(bytes.NewReader(buf.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/200_000*1e9, "ns/event")
}

func BenchmarkWriteAll(b *testing.B) {
	h := sample(200_000)
	for b.Loop() {
		if err := WriteAll(&bytes.Buffer{}, h); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/200_000*1e9, "ns/event")
}
