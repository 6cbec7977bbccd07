package consumer

import (
	"bytes"
	"slices"
	"testing"

	config "github.com/brokerlab/brokerlab/model/consumer"
)

// worked is a state in which something of everything has happened.
func worked() *State {
	s := NewState(config.AckExplicit, Begin{After: 9, Starts: []uint64{3, 5, 8}})
	for _, seq := range []uint64{3, 5, 8, 10, 11, 12, 14} {
		s.Deliver(seq, false)
	}
	for _, seq := range []uint64{5, 5, 10, 14} {
		s.Deliver(seq, true)
	}
	s.Spend(nil, 5, 3, true)
	s.Ack(nil, 10, 2, WhyAck, true)
	s.Remove(nil, 11)
	return s
}

func TestAStateSurvivesItsCodec(t *testing.T) {
	for _, s := range []*State{worked(), NewState(config.AckNone, Begin{}), NewState(config.AckAll, Begin{After: 5, Starts: []uint64{2, 4}})} {
		text := s.Append([]byte("before"))
		got, rest, err := DecodeState(s.policy, append(text[len("before"):], "after"...))
		if err != nil || string(rest) != "after" {
			t.Fatalf("%v, rest %q", err, rest)
		}
		if !bytes.Equal(got.Append(nil), s.Append(nil)) || got.Floor != s.Floor || got.Pending() != s.Pending() || got.Redelivered() != s.Redelivered() {
			t.Fatalf("%+v became %+v", s, got)
		}
		alive := slices.DeleteFunc(slices.Clone(s.pending.list), func(p pending) bool { return p.count == 0 })
		if !slices.Equal(got.pending.list, alive) || !slices.Equal(got.starts, s.starts) || got.resume != s.resume ||
			!slices.Equal(got.spent, s.spent) || !slices.Equal(got.late.list, s.late.list) || got.late.cut != s.late.cut {
			t.Fatalf("%+v became %+v", s, got)
		}
	}
}

func TestNoPrefixOfAStateIsAState(t *testing.T) {
	text := worked().Append(nil)
	for i := range text {
		if _, _, err := DecodeState(config.AckExplicit, text[:i]); err == nil {
			t.Fatalf("%d of %d bytes are a state", i, len(text))
		}
	}
}

// What decodes may be worked with: nothing that follows is a broken invariant.
func FuzzDecodeState(f *testing.F) {
	f.Add(worked().Append(nil), uint64(12))
	f.Add(NewState(config.AckAll, Begin{After: 7}).Append(nil), uint64(8))
	f.Fuzz(func(t *testing.T, text []byte, seq uint64) {
		for _, policy := range []string{config.AckExplicit, config.AckAll, config.AckNone} {
			s, rest, err := DecodeState(policy, text)
			if err != nil {
				return
			}
			again, _, err := DecodeState(policy, s.Append(nil))
			if err != nil || !bytes.Equal(again.Append(nil), s.Append(nil)) {
				t.Fatalf("decoded twice: %v", err)
			}
			if len(rest) > len(text) {
				t.Fatal("more is left than there was")
			}
			floor := s.Floor
			s.Deliver(seq, false)
			s.Deliver(seq, true)
			s.Ack(nil, seq, s.Count(seq), WhyAck, true)
			s.EachPending(func(at, count uint64) { seq = at })
			s.Spend(nil, seq, s.Count(seq), true)
			s.Remove(nil, seq)
			if s.Floor.Stream < floor.Stream {
				t.Fatalf("the floor falls from %v to %v", floor, s.Floor)
			}
		}
	})
}

func TestAckSubjectsAndPayloadsAreRead(t *testing.T) {
	subject := string(AppendAckSubject(nil, "S", "C", Delivery{Seq: 7, CSeq: 9, Count: 2}, 123, 4))
	if subject != "$JS.ACK.S.C.2.7.9.123.4" {
		t.Fatal(subject)
	}
	stream, name, d, ok := ParseAckSubject(subject)
	if !ok || stream != "S" || name != "C" || d != (Delivery{7, 9, 2}) {
		t.Fatal(stream, name, d, ok)
	}
	for _, bad := range []string{"", "$JS.ACK.S.C.2.7.9.123", "$JS.ACK.S.C.0.7.9.123.4", "$JS.ACK.S.C.x.7.9.123.4", "$JS.FC.S.C.2.7.9.123.4", "$JS.ACK.S.C.-1.7.9.1.4"} {
		if _, _, _, ok := ParseAckSubject(bad); ok {
			t.Fatalf("%q is an ack subject", bad)
		}
	}
	for text, want := range map[string]Payload{
		"": {Kind: Ack}, "+ACK": {Kind: Ack}, "+OK": {Kind: Ack}, "-NAK": {Kind: Nak}, `-NAK {"delay": 1500}`: {Kind: Nak, Delay: 1500},
		"-NAK 1m30s": {Kind: Nak, Delay: 90 * sec}, "-NAK 5x": {Kind: Nak}, `-NAK {"delay":-5}`: {Kind: Nak}, "+WPI": {Kind: Progress},
		"+TERM": {Kind: Term}, "+TERM  a reason ": {Kind: Term, Reason: "a reason"}, "else": {},
		`-NAK {"delay":9223372036854775807}`: {Kind: Nak, Delay: maxDelay}, "-NAK 99999999h": {Kind: Nak},
	} {
		got := ParsePayload([]byte(text))
		if got.Kind != want.Kind || got.Delay != want.Delay || got.Reason != want.Reason {
			t.Errorf("%q is %+v, not %+v", text, got, want)
		}
	}
	if p := ParsePayload([]byte("+NXT 5")); p.Kind != Next || string(p.Rest) != " 5" {
		t.Errorf("%+v", p)
	}
}

func FuzzAcksAndRequestsNeverPanic(f *testing.F) {
	f.Add("$JS.ACK.S.C.2.7.9.123.4", []byte("-NAK 5s"))
	f.Add("$JS.ACK.S.C.2.7.9.123.4", []byte(`{"batch":5,"expires":10,"idle_heartbeat":3}`))
	f.Fuzz(func(t *testing.T, subject string, body []byte) {
		if _, _, d, ok := ParseAckSubject(subject); ok && (d.Seq == 0 || d.CSeq == 0 || d.Count == 0) {
			t.Fatalf("%q has zeros", subject)
		}
		if p := ParsePayload(body); p.Delay < 0 || p.Delay > maxDelay {
			t.Fatalf("%q delays by %d", body, p.Delay)
		}
		if r, _ := ParseRequest(body); r.Batch < 1 && r.Batch != 0 || r.Expires < 0 || r.MaxBytes < 0 {
			t.Fatalf("%q asks for %+v", body, r)
		}
	})
}

func TestDurationsAreWrittenAsGoWritesThem(t *testing.T) {
	for ns, want := range map[int64]string{
		5: "5ns", 1500: "1.5µs", 250 * ms: "250ms", 1500 * ms: "1.5s", 60 * sec: "1m0s", 3661 * sec: "1h1m1s", 90*sec + 5*ms: "1m30.005s",
	} {
		if got := duration(ns); got != want {
			t.Errorf("%d is %s, not %s", ns, got, want)
		}
	}
}
