package checker

import (
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
//	c1 pub a            c1 calls a publish of a          (c1 pub a if=3: if the last is 3)
//	c1 ok 5             its open operation is answered: stored as 5
//	c1 read 5           c1 ok a | c1 none               (final read: fread 5)
//	c1 last             c1 ok 5 a | c1 none
//	c1 info | c1 fail   c1 refused [5]                  (refused, naming 5)
//	n1 stored 5 a       n1 recovered 1 4 | n1 removed 5 | n1 down power | n1 up
//	n1 recovered 1 4 snapshot 7 2: from a snapshot of entry 7 of term 2
//	n1 leader 2         n1 voted 2 n3 | n1 appended 7 2 h | n1 applied 7 2 h | n1 truncated 7
//	n1 damaged WHY      n1 rejoined life=1 | n1 harmed WHY    (life=1: observed as the member of its second life)
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
	open map[string]history.Event
	// labels of operations of core messaging
	labels map[string]history.Event
	ops    uint64
	now    int64
}

func (b *builder) line(w []string) {
	b.now += 1_000_000
	if w[0][0] == '@' {
		b.now = int64(b.num(w[0][1:])) * 1_000_000
		w = w[1:]
	}
	e := history.Event{Index: uint64(len(b.h.Events) + 1), Time: b.now}
	for i := 0; i < len(w); i++ {
		if name, ok := strings.CutPrefix(w[i], "stream="); ok {
			e.Stream = name
			w = append(w[:i:i], w[i+1:]...)
		} else if life, ok := strings.CutPrefix(w[i], "life="); ok {
			e.Member = b.num(life)<<32 | b.num(w[0][1:])
			w = append(w[:i:i], w[i+1:]...)
		}
	}
	switch {
	case len(w) > 1 && b.coreLine(e, w):
		return
	case w[0] == "healed" || w[0] == "drained":
		e.Kind, e.Verb = history.Obs, history.Verb(w[0])
	case w[0] == "fault":
		e.Kind, e.Verb = history.Fault, "fault"
		if w[1] != "on" && w[1] != "off" {
			e.Verb = history.Verb(w[1])
			w = w[1:]
		}
		e.On, e.Why = w[1] == "on", strings.Join(w[2:], " ")
	case w[0][0] == 'n':
		b.node(&e, w)
	default:
		b.client(&e, w)
	}
	b.h.Events = append(b.h.Events, e)
}

func (b *builder) num(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	require.NoError(b.t, err)
	return n
}

func (b *builder) client(e *history.Event, w []string) {
	e.Client = w[0]
	asked, busy := b.open[w[0]]
	switch w[1] {
	case "pub", "read", "fread", "last", "delete":
		require.False(b.t, busy, "client %s is busy: %v", w[0], w)
		b.ask(e, w)
		b.open[w[0]] = *e
		return
	}
	require.True(b.t, busy, "client %s asked nothing: %v", w[0], w)
	delete(b.open, w[0])
	e.Op, e.Verb, e.Final, e.Kind = asked.Op, asked.Verb, asked.Final, history.OK
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
	case "ok":
		switch asked.Verb {
		case history.Publish:
			e.Seq = b.num(w[2])
		case history.Read:
			e.Value = w[2]
		case history.Last:
			e.Seq, e.Value = b.num(w[2]), w[3]
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
	switch w[1] {
	case "pub":
		e.Verb, e.Value, e.Subject = history.Publish, w[2], "s"
		for _, x := range w[3:] {
			if n, ok := strings.CutPrefix(x, "if="); ok {
				e.Expect = b.num(n) + 1
			} else {
				e.Subject = x
			}
		}
	case "read", "fread":
		e.Verb, e.Seq, e.Final = history.Read, b.num(w[2]), w[1] == "fread"
	case "last":
		e.Verb = history.Last
		if len(w) > 2 {
			e.Subject = w[2]
		}
	case "delete":
		e.Verb = history.Delete
	}
}

func (b *builder) node(e *history.Event, w []string) {
	e.Kind, e.Verb, e.Group = history.Obs, history.Verb(w[1]), 1
	e.Node = uint32(b.num(w[0][1:]))
	if e.Stream == "" {
		e.Stream = "S"
	}
	switch w[1] {
	case "stored", "acked":
		e.Seq, e.Value = b.num(w[2]), w[3]
		e.Hash = hashOf(w[3])
	case "recovered":
		e.First, e.Seq = b.num(w[2]), b.num(w[3])
		if len(w) > 4 {
			e.Why, e.Idx, e.Term = w[4], b.num(w[5]), b.num(w[6])
		}
	case "removed":
		e.Seq, e.Why = b.num(w[2]), strings.Join(w[3:], " ")
	case "leader":
		e.Term, e.Stream = b.num(w[2]), ""
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
