package checker

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
)

// script builds a history from lines that read as a story. Times are given in milliseconds by a
// first word "@12"; without it a line comes one millisecond after the one before. Streams are S
// unless a line says stream=NAME.
//
//	stream max_msgs=3 max_age=100                  S's configuration, in words of history.Stream's JSON; times in milliseconds
//	consumer W ack_wait=100 max_deliver=3          the same of a consumer of S
//	c1 pub a            c1 calls a publish of a    (if=3: if the last is 3; of=3: if the last of its subject is; id=x; rollup=sub)
//	c1 ok 5             its open operation is answered: stored as 5 (c1 dup 5: as a duplicate of 5)
//	c1 read 5           c1 ok a | c1 none          (final read: fread 5; of any replica: dread)
//	c1 last             c1 ok 5 a | c1 none        (dlast)
//	c1 next 5 [SUBJECT] c1 ok 6 b | c1 none        (fnext, dnext)
//	c1 del 5 | c1 purge [SUBJECT] [below=5] [keep=1] | c1 update | c1 delete          c1 ok
//	c1 info | c1 fail   c1 refused [5] [code=10164]   (refused, naming 5)
//	c1 fetch W 10       c1 got W 5 a [n=2] [cseq=7]   c1 fetched W [4]
//	c1 ack W 5 [n=2]    (nak, term, progress alike; delay=100 of a nak)   c1 ack! W 5: asks to have it confirmed   c1 ok
//	c1 state W (fstate) c1 ok floor=3 cfloor=3 pending=0 out=1
//	c1 make W | c1 unmake W                        c1 ok
//	n1 stored 5 a [ts=12] [size=9]   n1 recovered 1 4 | n1 removed 5 WHY [ts=12] | n1 down power | n1 up
//	n1 recovered 1 4 snapshot 7 2: from a snapshot of entry 7 of term 2
//	n1 leader 2 [stream=S]   n1 voted 2 n3 | n1 appended 7 2 h | n1 applied 7 2 h | n1 truncated 7
//	n1 damaged WHY      n1 rejoined life=1 | n1 harmed WHY    (life=1: observed as the member of its second life;
//	                    meta=1: in the cluster's own group)
//	n1 delivered W 5 [n=1] [cseq=1] | n1 settled W 5 ack [n=1] | n1 floor W 5 [cseq=5]
//	healed | drained | fault [KIND] on TEXT | fault [KIND] off TEXT
//
// Lines about core messaging are those of coreLine.
func script(t testing.TB, text string) *history.History {
	b := &builder{t: t, h: &history.History{Header: history.Header{Streams: []history.Stream{{Name: "S", Replicas: 3}}}}, open: map[string]history.Event{}, labels: map[string]history.Event{}}
	for _, line := range strings.Split(text, "\n") {
		for _, part := range strings.Split(line, ";") {
			if words := strings.Fields(part); len(words) > 0 && words[0] != "#" {
				b.line(words)
			}
		}
	}
	return b.h
}

type builder struct {
	t    testing.TB
	h    *history.History
	open map[string]history.Event // by client, and by client and consumer for fetches
	// labels of operations of core messaging
	labels map[string]history.Event
	ops    uint64
	now    int64
	set    map[string]string // the line's words of the form name=value
}

func (b *builder) line(w []string) {
	b.now += 1_000_000
	if w[0][0] == '@' {
		b.now = int64(b.num(w[0][1:])) * 1_000_000
		w = w[1:]
	}
	e := history.Event{Index: uint64(len(b.h.Events) + 1), Time: b.now}
	if w[0] == "fault" {
		e.Kind, e.Verb = history.Fault, "fault"
		if w[1] != "on" && w[1] != "off" {
			e.Verb = history.Verb(w[1])
			w = w[1:]
		}
		e.On, e.Why = w[1] == "on", strings.Join(w[2:], " ")
		b.h.Events = append(b.h.Events, e)
		return
	}
	if len(w) > 1 && b.coreLine(e, w) {
		return
	}
	var words []string
	b.set = map[string]string{}
	for _, word := range w {
		if name, value, ok := strings.Cut(word, "="); ok {
			b.set[name] = value
		} else {
			words = append(words, word)
		}
	}
	if _, ok := b.set["life"]; ok {
		e.Member = b.given("life", 0)<<32 | b.num(w[0][1:])
	}
	w, e.Stream = words, b.set["stream"]
	switch {
	case w[0] == "stream":
		b.configure(&b.h.Header.Streams[0])
		return
	case w[0] == "consumer":
		s := &b.h.Header.Streams[0]
		s.Consumers = append(s.Consumers, history.Consumer{Name: w[1]})
		b.configure(&s.Consumers[len(s.Consumers)-1])
		return
	case w[0] == "healed" || w[0] == "drained":
		e.Kind, e.Verb = history.Obs, history.Verb(w[0])
	case w[0][0] == 'n':
		b.node(&e, w)
		if _, ok := b.set["meta"]; ok {
			e.Group, e.Stream = 2, ""
		}
	default:
		b.client(&e, w)
	}
	b.h.Events = append(b.h.Events, e)
}

// configure sets the fields that the line names, by their names in JSON; lists have commas.
func (b *builder) configure(what any) {
	fields := map[string]any{}
	for name, text := range b.set {
		n, err := strconv.ParseInt(text, 10, 64)
		list := strings.Split(text, ",")
		switch {
		case name == "backoff":
			var waits []int64
			for _, x := range list {
				waits = append(waits, int64(b.num(x))*1_000_000)
			}
			fields[name] = waits
		case name == "subjects" || name == "filters":
			fields[name] = list
		case name == "max_age" || name == "duplicate_window" || name == "ack_wait":
			fields[name] = n * 1_000_000
		case err == nil:
			fields[name] = n
		case text == "true":
			fields[name] = true
		default:
			fields[name] = text
		}
	}
	text, err := json.Marshal(fields)
	require.NoError(b.t, err)
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	require.NoError(b.t, d.Decode(what))
}

func (b *builder) num(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	require.NoError(b.t, err)
	return n
}

// given returns the number that the line set for name, else otherwise.
func (b *builder) given(name string, otherwise uint64) uint64 {
	if text, ok := b.set[name]; ok {
		return b.num(text)
	}
	return otherwise
}

// verbsOfStories are the words for operations.
var verbsOfStories = map[string]history.Verb{
	"pub": history.Publish, "read": history.Read, "fread": history.Read, "dread": history.Read, "last": history.Last, "dlast": history.Last,
	"next": history.NextOf, "fnext": history.NextOf, "dnext": history.NextOf, "delete": history.Delete, "del": history.Remove,
	"purge": history.Purge, "update": history.Update, "fetch": history.Fetch, "ack": history.Ack, "nak": history.Nak, "term": history.Term,
	"progress": history.Progress, "state": history.ConsumerInfo, "fstate": history.ConsumerInfo, "make": history.CreateConsumer, "unmake": history.DeleteConsumer,
}

func (b *builder) client(e *history.Event, w []string) {
	e.Client = w[0]
	word, confirm := strings.CutSuffix(w[1], "!")
	if verb, ok := verbsOfStories[word]; ok {
		who := w[0]
		if verb == history.Fetch {
			who += "/" + w[2]
		}
		_, busy := b.open[who]
		require.False(b.t, busy, "client %s is busy: %v", w[0], w)
		e.Verb = verb
		b.ask(e, w)
		if settles := verb == history.Ack || verb == history.Nak || verb == history.Term || verb == history.Progress; confirm || !settles {
			b.open[who] = *e
		}
		return
	}
	switch w[1] {
	case "got":
		b.got(e, w)
		return
	case "fetched":
		w[0] += "/" + w[2]
	}
	asked, busy := b.open[w[0]]
	require.True(b.t, busy, "client %s asked nothing: %v", w[0], w)
	delete(b.open, w[0])
	b.answer(e, &asked, w)
}

func (b *builder) answer(e, asked *history.Event, w []string) {
	e.Op, e.Verb, e.Final, e.Direct, e.Kind = asked.Op, asked.Verb, asked.Final, asked.Direct, history.OK
	e.Code, e.Stamp = int(b.given("code", 0)), int64(b.given("ts", 0))*1_000_000
	switch w[1] {
	case "none":
		e.NotFound = true
	case "info":
		e.Kind = history.Info
	case "fail":
		e.Kind, e.Err = history.Fail, strings.Join(w[2:], " ")
	case "refused":
		e.Kind, e.Why = history.Fail, history.WrongLast
		if len(w) > 2 {
			e.Actual = b.num(w[2]) + 1
		}
	case "dup":
		e.Dup = true
		if len(w) > 2 {
			e.Seq = b.num(w[2])
		}
	case "fetched":
		if len(w) > 3 {
			e.N = int64(b.num(w[3]))
		}
	case "ok":
		switch asked.Verb {
		case history.Publish:
			e.Seq = b.num(w[2])
		case history.Read:
			e.Value = w[2]
		case history.Last, history.NextOf:
			e.Seq, e.Value = b.num(w[2]), w[3]
		case history.Purge:
			e.N = int64(b.given("n", 0))
		case history.ConsumerInfo:
			e.Seq, e.CSeq, e.N, e.First = b.given("floor", 0), b.given("cfloor", 0), int64(b.given("pending", 0)), b.given("out", 0)
		}
	default:
		b.t.Fatalf("what is %v?", w)
	}
}

func (b *builder) ask(e *history.Event, w []string) {
	b.ops++
	e.Op, e.Kind = b.ops, history.Invoke
	if e.Stream == "" {
		e.Stream = "S"
	}
	e.Final, e.Direct = w[1][0] == 'f' && e.Verb != history.Fetch, w[1][0] == 'd' && e.Verb != history.Delete && e.Verb != history.Remove
	rest := w[2:]
	switch e.Verb {
	case history.Publish:
		e.Value, e.Subject, e.ID, e.Why = w[2], "s", b.set["id"], b.set["rollup"]
		if _, ok := b.set["if"]; ok {
			e.Expect = b.given("if", 0) + 1
		}
		if _, ok := b.set["of"]; ok {
			e.SubjectExpect = b.given("of", 0) + 1
		}
		rest = w[3:]
	case history.Read, history.NextOf, history.Remove:
		e.Seq = b.num(w[2])
		rest = w[3:]
	case history.Purge:
		e.Seq, e.N = b.given("below", 0), int64(b.given("keep", 0))
	case history.Fetch:
		e.Consumer, e.N, rest = w[2], int64(b.num(w[3])), nil
	case history.Ack, history.Nak, history.Term, history.Progress:
		e.Consumer, e.Seq, e.N, e.CSeq, e.First, rest = w[2], b.num(w[3]), int64(b.given("n", 1)), b.given("cseq", 0), b.given("delay", 0)*1_000_000, nil
	case history.ConsumerInfo, history.CreateConsumer, history.DeleteConsumer:
		e.Consumer, rest = w[2], nil
	}
	if len(rest) > 0 {
		e.Subject = rest[0]
	}
}

// got is a delivery, by the client's open fetch if it has one.
func (b *builder) got(e *history.Event, w []string) {
	e.Kind, e.Verb, e.Stream, e.Consumer, e.Seq, e.Value = history.Deliver, history.Consume, "S", w[2], b.num(w[3]), w[4]
	e.N, e.CSeq, e.Subject, e.Stamp = int64(b.given("n", 1)), b.given("cseq", 0), b.set["subject"], int64(b.given("ts", 0))*1_000_000
	if f, ok := b.open[w[0]+"/"+w[2]]; ok {
		e.Op = f.Op
	}
}

func (b *builder) node(e *history.Event, w []string) {
	e.Kind, e.Verb, e.Group = history.Obs, history.Verb(w[1]), 1
	e.Node = uint32(b.num(w[0][1:]))
	e.Stamp = int64(b.given("ts", 0)) * 1_000_000
	if e.Stream == "" {
		e.Stream = "S"
	}
	switch w[1] {
	case "stored", "acked":
		e.Seq, e.Value, e.N = b.num(w[2]), w[3], int64(b.given("size", 0))
		e.Hash = hashOf(w[3])
	case "recovered":
		e.First, e.Seq = b.num(w[2]), b.num(w[3])
		if len(w) > 4 {
			e.Why, e.Idx, e.Term = w[4], b.num(w[5]), b.num(w[6])
		}
	case "removed":
		e.Seq, e.Why = b.num(w[2]), strings.Join(w[3:], " ")
	case "delivered", "settled", "floor":
		e.Consumer, e.Seq, e.CSeq, e.Why = w[2], b.num(w[3]), b.given("cseq", 0), strings.Join(w[4:], " ")
		if w[1] != "floor" {
			e.N = int64(b.given("n", 1))
		}
	case "leader":
		e.Term, e.Stream = b.num(w[2]), b.set["stream"]
	case "voted":
		e.Term, e.Peer, e.Stream = b.num(w[2]), uint32(b.num(w[3][1:])), ""
	case "appended", "applied":
		e.Idx, e.Term, e.Hash, e.Stream = b.num(w[2]), b.num(w[3]), hashOf(w[4]), ""
	case "truncated":
		e.Idx, e.Stream = b.num(w[2]), ""
	default:
		e.Why, e.Stream, e.Group = strings.Join(w[2:], " "), "", 0
		if w[1] == "damaged" || w[1] == "rejoined" {
			e.Group, e.Stream = 1, "S"
		}
	}
}

func hashOf(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}
