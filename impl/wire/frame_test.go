package wire

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

func drawFrame(t *rapid.T) (kind Kind, frame []byte, want Frame) {
	text, number := rapid.StringMatching(`[a-z.]{0,10}`), rapid.Uint64()
	kind = Kind(rapid.IntRange(1, int(kinds)-1).Draw(t, "kind"))
	switch want.Kind = kind; kind {
	case KindHello:
		want.Hello = Hello{
			rapid.Uint32().Draw(t, "node"), number.Draw(t, "boot"), text.Draw(t, "cluster"),
			rapid.SliceOfN(text, 0, 3).Draw(t, "urls"),
		}
		frame = AppendHello(nil, want.Hello)
	case KindRaft:
		for range rapid.IntRange(1, 3).Draw(t, "messages") {
			m := RaftMessage{number.Draw(t, "group"), drawMessage(t)}
			want.Raft = append(want.Raft, m)
			frame = AppendRaftFrame(frame, m.Group, m.Message)
		}
	case KindInterestAdd, KindInterestRemove:
		want.Interest = Interest{text.Draw(t, "subject"), text.Draw(t, "queue"), rapid.Uint32().Draw(t, "weight")}
		frame = AppendInterest(nil, kind, want.Interest)
	case KindInterestReset:
		frame = AppendInterestReset(nil)
	case KindRoute:
		want.Route = drawRoute(t)
		frame = AppendRoute(nil, &want.Route)
	case KindStanding:
		want.Standing = Standing{number.Draw(t, "disk"), rapid.Bool().Draw(t, "fresh"), number.Draw(t, "counted")}
		frame = AppendStanding(nil, want.Standing)
	case KindRejoin, KindAdmit:
		want.Rejoin = Rejoin{number.Draw(t, "group"), number.Draw(t, "token"), number.Draw(t, "id")}
		frame = AppendRejoin(nil, kind, &want.Rejoin)
	default:
		c := &want.Catchup
		c.Group, c.Snapshot, c.From, c.Why = number.Draw(t, "group"), number.Draw(t, "snapshot"), number.Draw(t, "from"), text.Draw(t, "why")
		c.Have, c.Upto = number.Draw(t, "have"), number.Draw(t, "upto")
		c.Gone = drawSpans(t, c.From, c.Upto)
		blob := rapid.SliceOfN(rapid.Byte(), 0, 10)
		for range rapid.IntRange(0, 3).Draw(t, "messages") {
			c.Messages = append(c.Messages, CatchupMessage{
				number.Draw(t, "seq"), number.Draw(t, "index"), rapid.Int64().Draw(t, "time"),
				text.Draw(t, "subject"), orNil(blob.Draw(t, "header")), orNil(blob.Draw(t, "data")),
			})
		}
		frame = AppendCatchup(nil, kind, c)
	}
	return kind, frame, want
}

// drawSpans are spans within from and to.
func drawSpans(t *rapid.T, from, to uint64) (spans []Span) {
	for n := rapid.IntRange(0, 3).Draw(t, "spans"); n > 0 && from < to; n-- {
		s := Span{From: rapid.Uint64Range(from, to-1).Draw(t, "span from")}
		s.To = rapid.Uint64Range(s.From, to-1).Draw(t, "span to")
		spans, from = append(spans, s), s.To+1
	}
	return spans
}

func sameHello(a, b *Hello) bool {
	return a.Node == b.Node && a.Boot == b.Boot && a.Cluster == b.Cluster && slices.Equal(a.ClientURLs, b.ClientURLs)
}

func drawRoute(t *rapid.T) RouteMsg {
	blob := rapid.SliceOfN(rapid.SampledFrom([]byte("a1 \r\n")), 0, 12)
	m := RouteMsg{
		Subject: []byte(rapid.StringMatching(`[a-z.]{1,10}`).Draw(t, "subject")),
		Shown:   orNil([]byte(rapid.StringMatching(`[a-z.]{0,10}`).Draw(t, "shown"))),
		Reply:   orNil([]byte(rapid.StringMatching(`[a-z.]{0,10}`).Draw(t, "reply"))),
		Queues:  rapid.SliceOfN(rapid.StringMatching(`[a-z]{0,3}`), 0, 3).Draw(t, "queues"),
		Payload: blob.Draw(t, "payload"),
	}
	if rapid.Bool().Draw(t, "headers") {
		m.Header = append([]byte{}, blob.Draw(t, "header")...)
	}
	if rapid.Bool().Draw(t, "tail known") {
		m.Tail = AppendTail(nil, m.Reply, m.Header, m.Payload)
	}
	return m
}

func sameFrame(a, b *Frame) bool {
	if len(a.Raft) != len(b.Raft) || len(a.Catchup.Messages) != len(b.Catchup.Messages) {
		return false
	}
	for i := range a.Raft {
		if a.Raft[i].Group != b.Raft[i].Group || !proto.Equal(a.Raft[i].Message, b.Raft[i].Message) {
			return false
		}
	}
	for i := range a.Catchup.Messages {
		if !reflect.DeepEqual(a.Catchup.Messages[i], b.Catchup.Messages[i]) {
			return false
		}
	}
	ac, bc := a.Catchup, b.Catchup
	return a.Kind == b.Kind && a.Standing == b.Standing && a.Rejoin == b.Rejoin && sameHello(&a.Hello, &b.Hello) && a.Interest == b.Interest && sameRoute(&a.Route, &b.Route) &&
		ac.Group == bc.Group && ac.Snapshot == bc.Snapshot && ac.From == bc.From && ac.Why == bc.Why &&
		ac.Have == bc.Have && ac.Upto == bc.Upto && slices.Equal(ac.Gone, bc.Gone)
}

func sameRoute(a, b *RouteMsg) bool {
	same := len(a.Queues) == len(b.Queues) && (a.Header == nil) == (b.Header == nil) && (a.Reply == nil) == (b.Reply == nil)
	for i := 0; same && i < len(a.Queues); i++ {
		same = a.Queues[i] == b.Queues[i]
	}
	return same && bytes.Equal(a.Subject, b.Subject) && bytes.Equal(a.Reply, b.Reply) && bytes.Equal(a.Header, b.Header) &&
		bytes.Equal(a.Payload, b.Payload)
}

func TestEveryFrameSurvivesItsCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, frame, want := drawFrame(t)
		var got Frame
		if err := DecodeFrame(frame, &got); err != nil {
			t.Fatalf("%v\nof %+v", err, want)
		}
		if !sameFrame(&want, &got) {
			t.Fatalf("%+v\nbecame\n%+v", want, got)
		}
		if want.Kind == KindRoute && !bytes.Equal(got.Route.Tail, AppendTail(nil, want.Route.Reply, want.Route.Header, want.Route.Payload)) {
			t.Fatalf("tail %q", got.Route.Tail)
		}
	})
}

func TestAFrameUsedAgainKeepsNothingOfTheLastOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var used Frame
		kind, frame, want := drawFrame(t)
		for range 3 {
			k, f, _ := drawFrame(t)
			if err := DecodeFrame(f, &used); err != nil {
				t.Fatalf("%s: %v", k, err)
			}
		}
		if err := DecodeFrame(frame, &used); err != nil {
			t.Fatal(err)
		}
		only := Frame{Kind: kind}
		switch kind {
		case KindHello:
			only.Hello = used.Hello
		case KindRaft:
			only.Raft = used.Raft
		case KindInterestAdd, KindInterestRemove:
			only.Interest = used.Interest
		case KindInterestReset:
		case KindRoute:
			only.Route = used.Route
		case KindStanding:
			only.Standing = used.Standing
		case KindRejoin, KindAdmit:
			only.Rejoin = used.Rejoin
		default:
			only.Catchup = used.Catchup
		}
		if !sameFrame(&want, &only) {
			t.Fatalf("%+v\nbecame\n%+v", want, only)
		}
	})
}

func TestEveryCutOfAFrameIsAnErrorOrAnotherFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind, frame, _ := drawFrame(t)
		if kind >= KindCatchupRequest && kind <= KindCatchupDone || kind == KindRaft {
			return // lists that run to the end of the frame: a cut between two of their parts is a shorter list
		}
		var got Frame
		err := DecodeFrame(frame[:rapid.IntRange(0, len(frame)-1).Draw(t, "cut")], &got)
		if fe := (*FrameError)(nil); !errors.As(err, &fe) {
			t.Fatalf("decodes as %+v (%v)", got, err)
		}
	})
}

func TestBadFramesAreErrorsThatSayWhy(t *testing.T) {
	route := AppendRoute(nil, &RouteMsg{Subject: []byte("a"), Payload: []byte("hi")})
	wrongSize := bytes.Replace(route, []byte("2\r\n"), []byte("3\r\n"), 1)
	for name, test := range map[string]struct {
		frame []byte
		want  string
	}{
		"empty":         {nil, "peer frame ?: cut short"},
		"kind":          {[]byte{200}, "peer frame kind-200: unknown kind"},
		"version":       {[]byte{byte(KindHello), 99, 1, 1, 0}, "peer frame hello: version 99, not 2"},
		"freshness":     {[]byte{byte(KindStanding), 2, 1, 1}, "peer frame standing: neither fresh nor not"},
		"left over":     {append(AppendInterestReset(nil), 1), "peer frame interest-reset: bytes left over"},
		"no messages":   {[]byte{byte(KindRaft)}, "peer frame raft: cut short"},
		"size disagree": {wrongSize, "peer frame route: sizes disagree with the message"},
		"subject":       {AppendRoute(nil, &RouteMsg{Subject: []byte("a b")}), "peer frame route: a subject that would not end where it ends"},
		"span":          {AppendCatchup(nil, KindCatchupChunk, &Catchup{From: 3, Upto: 6, Gone: []Span{{4, 7}}}), "peer frame catchup-chunk: a span out of place"},
		"shown":         {AppendRoute(nil, &RouteMsg{Subject: []byte("a"), Shown: []byte("a\nb")}), "peer frame route: a subject that would not end where it ends"},
		"reply":         {AppendRoute(nil, &RouteMsg{Subject: []byte("a"), Reply: []byte("r 1")}), "peer frame route: sizes disagree with the message"},
	} {
		var f Frame
		if err := DecodeFrame(test.frame, &f); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, not %s", name, err, test.want)
		}
	}
}

func FuzzDecodeFrame(f *testing.F) {
	f.Add(AppendHello(nil, Hello{1, 2, "c", []string{"a:1"}}))
	f.Add(AppendRaftFrame(AppendRaftFrame(nil, 1, appendOf(2, 5)), 2, appendOf(0, 0)))
	f.Add(AppendStanding(nil, Standing{300, true, 7}))
	f.Add(AppendRejoin(nil, KindAdmit, &Rejoin{1, 2, 1<<32 | 3}))
	f.Add(AppendInterest(nil, KindInterestAdd, Interest{"a.>", "q", 3}))
	f.Add(AppendRoute(nil, &RouteMsg{Subject: []byte("a"), Reply: []byte("r"), Queues: []string{"q"}, Header: []byte("h"), Payload: []byte("p")}))
	f.Add(AppendCatchup(nil, KindCatchupChunk, &Catchup{Group: 1, From: 3, Upto: 9, Gone: []Span{{3, 4}, {8, 9}}, Messages: []CatchupMessage{{Seq: 1, Subject: "a", Data: []byte("x")}}}))
	f.Fuzz(func(t *testing.T, p []byte) {
		var got, back Frame
		if DecodeFrame(p, &got) != nil {
			return
		}
		var again []byte
		switch got.Kind {
		case KindHello:
			again = AppendHello(nil, got.Hello)
		case KindRaft:
			for _, m := range got.Raft {
				again = AppendRaftFrame(again, m.Group, m.Message)
			}
		case KindInterestAdd, KindInterestRemove:
			again = AppendInterest(nil, got.Kind, got.Interest)
		case KindInterestReset:
			again = AppendInterestReset(nil)
		case KindRoute:
			again = AppendRoute(nil, &got.Route)
		case KindStanding:
			again = AppendStanding(nil, got.Standing)
		case KindRejoin, KindAdmit:
			again = AppendRejoin(nil, got.Kind, &got.Rejoin)
		default:
			again = AppendCatchup(nil, got.Kind, &got.Catchup)
		}
		if err := DecodeFrame(again, &back); err != nil || !sameFrame(&got, &back) {
			t.Errorf("%+v\nbecame\n%+v (%v)", got, back, err)
		}
	})
}
