package wire

import (
	"encoding/binary"
	"errors"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func maybe[T any](t *rapid.T, g *rapid.Generator[T], name string) *T {
	if rapid.Bool().Draw(t, "has "+name) {
		v := g.Draw(t, name)
		return &v
	}
	return nil
}

func maybeBytes(t *rapid.T, name string) []byte {
	if p := maybe(t, rapid.SliceOfN(rapid.Byte(), 0, 20), name); p != nil {
		return append([]byte{}, *p...) // empty and absent differ
	}
	return nil
}

func drawMessage(t *rapid.T) *raftpb.Message {
	number := rapid.Uint64()
	kind := rapid.Custom(func(t *rapid.T) raftpb.MessageType {
		return raftpb.MessageType(rapid.Int32Range(0, int32(len(raftpb.MessageType_name))-1).Draw(t, "type"))
	})
	m := &raftpb.Message{
		Type: maybe(t, kind, "type"), To: maybe(t, number, "to"), From: maybe(t, number, "from"), Term: maybe(t, number, "term"),
		LogTerm: maybe(t, number, "logterm"), Index: maybe(t, number, "index"), Commit: maybe(t, number, "commit"),
		Vote: maybe(t, number, "vote"), Reject: maybe(t, rapid.Bool(), "reject"), RejectHint: maybe(t, number, "hint"),
		Context: maybeBytes(t, "context"),
	}
	entryKind := rapid.Custom(func(t *rapid.T) raftpb.EntryType {
		return raftpb.EntryType(rapid.Int32Range(0, 2).Draw(t, "type"))
	})
	for range rapid.IntRange(0, 4).Draw(t, "entries") {
		m.Entries = append(m.Entries, &raftpb.Entry{
			Term: maybe(t, number, "term"), Index: maybe(t, number, "index"),
			Type: maybe(t, entryKind, "type"), Data: maybeBytes(t, "data"),
		})
	}
	if rapid.Bool().Draw(t, "snapshot") {
		m.Snapshot = drawSnapshot(t)
	}
	return m
}

func drawSnapshot(t *rapid.T) *raftpb.Snapshot {
	s, number := &raftpb.Snapshot{Data: maybeBytes(t, "data")}, rapid.Uint64()
	if rapid.Bool().Draw(t, "metadata") {
		s.Metadata = &raftpb.SnapshotMetadata{Index: maybe(t, number, "index"), Term: maybe(t, number, "term")}
		if rapid.Bool().Draw(t, "conf") {
			ids := rapid.SliceOfN(number, 0, 4)
			s.Metadata.ConfState = &raftpb.ConfState{
				Voters: ids.Draw(t, "voters"), Learners: ids.Draw(t, "learners"),
				VotersOutgoing: ids.Draw(t, "outgoing"), LearnersNext: ids.Draw(t, "next"), AutoLeave: maybe(t, rapid.Bool(), "auto"),
			}
		}
	}
	return s
}

func TestARaftMessageSurvivesItsCodecFieldByField(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, group := drawMessage(t), rapid.Uint64().Draw(t, "group")
		p := AppendRaft(nil, group, m)
		g, back, err := DecodeRaft(p)
		if err != nil {
			t.Fatalf("%v\nof %v", err, m)
		}
		for i := range p {
			p[i] = 0xff // the message must not point into the input
		}
		if g != group || !proto.Equal(m, back) {
			t.Fatalf("group %d became %d,\n%v became\n%v", group, g, m, back)
		}
	})
}

func TestResponsesStayAtHome(t *testing.T) {
	m := &raftpb.Message{To: new(uint64(2)), Responses: []*raftpb.Message{{To: new(uint64(3))}}}
	_, back, err := DecodeRaft(AppendRaft(nil, 1, m))
	if err != nil || back.Responses != nil || back.GetTo() != 2 {
		t.Errorf("%v (%v)", back, err)
	}
}

func TestEveryCutOfARaftMessageIsAnError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := AppendRaft(nil, 7, drawMessage(t))
		if n := rapid.IntRange(0, len(p)-1).Draw(t, "cut"); n < len(p) {
			_, m, err := DecodeRaft(p[:n])
			if fe := (*FrameError)(nil); m != nil || !errors.As(err, &fe) {
				t.Fatalf("%d of %d bytes decode as %v (%v)", n, len(p), m, err)
			}
		}
		if _, _, err := DecodeRaft(append(p, 0)); err == nil {
			t.Fatal("a byte too many goes unnoticed")
		}
	})
}

func TestACountThatCannotBeTrueIsRefusedBeforeAnythingIsAllocated(t *testing.T) {
	for name, tail := range map[string][]byte{
		"entries": binary.AppendUvarint([]byte{1, byte(hasEntries & 0xff), byte(hasEntries >> 8)}, 1<<20),
		"context": binary.AppendUvarint([]byte{1, byte(hasContext & 0xff), byte(hasContext >> 8)}, 1<<20),
		"voters":  binary.AppendUvarint([]byte{1, byte(hasSnapshot & 0xff), byte(hasSnapshot >> 8), snapMetadata | snapConf}, 1<<20),
	} {
		if _, m, err := DecodeRaft(tail); err == nil || err.Error() != "peer frame raft: count larger than the frame" {
			t.Errorf("%s: %v (%v)", name, m, err)
		}
	}
}

func appendOf(entries, size int) *raftpb.Message {
	m := &raftpb.Message{
		Type: raftpb.MsgApp.Enum(), To: new(uint64(1)), From: new(uint64(2)), Term: new(uint64(3)),
		LogTerm: new(uint64(3)), Index: new(uint64(100)), Commit: new(uint64(99)),
	}
	for i := range entries {
		m.Entries = append(m.Entries, &raftpb.Entry{
			Term: new(uint64(3)), Index: new(uint64(101 + i)), Type: raftpb.EntryNormal.Enum(),
			Data: make([]byte, size),
		})
	}
	return m
}

func TestDecodingAllocatesOncePerThingNotPerField(t *testing.T) {
	for entries, limit := range map[int]float64{0: 1, 1: 2, 64: 4} {
		p := AppendRaft(nil, 1, appendOf(entries, 128))
		n := testing.AllocsPerRun(100, func() {
			if _, _, err := DecodeRaft(p); err != nil {
				t.Fatal(err)
			}
		})
		if n > limit {
			t.Errorf("%d entries: %v allocations, limit %v", entries, n, limit)
		}
	}
}

func FuzzDecodeRaft(f *testing.F) {
	f.Add(AppendRaft(nil, 1, appendOf(0, 0)))
	f.Add(AppendRaft(nil, 1, appendOf(3, 10)))
	conf := &raftpb.ConfState{Voters: []uint64{1, 2, 3}, AutoLeave: new(true)}
	f.Add(AppendRaft(nil, 9, &raftpb.Message{
		Type: raftpb.MsgSnap.Enum(), Context: []byte("x"), Reject: new(true),
		Snapshot: &raftpb.Snapshot{Data: []byte("manifest"), Metadata: &raftpb.SnapshotMetadata{ConfState: conf, Index: new(uint64(5)), Term: new(uint64(2))}},
	}))
	f.Fuzz(func(t *testing.T, p []byte) {
		group, m, err := DecodeRaft(p)
		if err != nil {
			return
		}
		g, back, err := DecodeRaft(AppendRaft(nil, group, m))
		if err != nil || g != group || !proto.Equal(m, back) {
			t.Errorf("%v becomes %v (%v)", m, back, err)
		}
	})
}

func BenchmarkRaftCodec(b *testing.B) {
	m := appendOf(1, 128)
	var p []byte
	b.ReportAllocs()
	for b.Loop() {
		p = AppendRaft(p[:0], 1, m)
		if _, _, err := DecodeRaft(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRaftProtobuf(b *testing.B) {
	m := appendOf(1, 128)
	b.ReportAllocs()
	for b.Loop() {
		p, err := proto.Marshal(m)
		if err != nil {
			b.Fatal(err)
		}
		if err := proto.Unmarshal(p, &raftpb.Message{}); err != nil {
			b.Fatal(err)
		}
	}
}
