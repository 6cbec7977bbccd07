package checker

import (
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/brokerlab/brokerlab/model/history"
)

// coreLine takes a line about core messaging, if w is one. Operations have labels: a message's is its value, that of a
// subscription or flush is given first, an answer's is made of the request and who answered.
//
//	c1 conn n1 [no echo] | c1 disc   c1 is connected to n1 | finds its connection gone
//	c1 sub x a.* [q=g]            c1 asks for a subscription, x from now on
//	c1 send m a.b                 c1 sends m to a.b
//	c1 ask r a.b                  c1 sends request r to a.b, with the inbox _INBOX.c1.r
//	c1 answer r                   c1 answers r, which makes r@c1
//	c1 flush f                    c1 pings
//	c1 ok LABEL [VALUE]           an operation went well (a request: with the answer VALUE)
//	c1 info LABEL | c1 fail LABEL | c1 nobody r
//	c1 subbed x a.* | c1 sent m a.b | c1 flushed f | c1 replied r    both in one: asked and answered at once
//	c1 unsub x | c1 lost x        x ends: c1 wants no more of it | its connection was found gone
//	c1 got x m [a.b]              x is delivered m (as sent to a.b)
//	n1 passes a.* n2 [q=g]        n1 begins to pass a.* on to n2 (or to c1, by its sid=3); n1 ceases a.* n2 [q=g]
//	n1 dropped WHY[: m] | n1 cut c1 WHY
func (b *builder) coreLine(e history.Event, w []string) bool {
	if w[0][0] == 'n' {
		return b.coreNode(e, w)
	}
	if _, busy := b.open[w[0]]; busy {
		return false
	}
	e.Client = w[0]
	switch w[1] {
	case "conn":
		e.Kind, e.Verb, e.Node, e.Why = history.Obs, history.Connected, uint32(b.num(w[2][1:])), strings.Join(w[3:], " ")
		b.put(e)
	case "disc":
		e.Kind, e.Verb = history.Obs, history.Disconnected
		b.put(e)
	case "sub", "send", "ask", "answer", "flush":
		b.coreAsk(e, w, w[1])
	case "subbed", "sent", "flushed", "replied":
		e = b.coreAsk(e, w, map[string]string{"subbed": "sub", "sent": "send", "flushed": "flush", "replied": "answer"}[w[1]])
		b.now += 1_000_000
		b.put(history.Event{Kind: history.OK, Time: b.now, Verb: e.Verb, Op: e.Op, Client: e.Client})
	case "unsub", "lost":
		e.Kind, e.Verb, e.Sub, e.Op = history.Invoke, history.Unsubscribe, b.labelled(w[2]).Op, b.nextOp()
		if w[1] == "lost" {
			e.Why = history.ConnLost
		}
		b.put(e)
		b.put(history.Event{Kind: history.Info, Time: b.now, Verb: e.Verb, Op: e.Op, Client: e.Client})
	case "got":
		if _, known := b.labels[w[2]]; !known {
			return false
		}
		e.Kind, e.Verb, e.Sub, e.Value = history.Deliver, history.Core, b.labelled(w[2]).Op, w[3]
		if len(w) > 4 {
			e.Subject = w[4]
		}
		b.put(e)
	case "ok", "info", "fail", "nobody":
		asked := b.labelled(w[2])
		e.Op, e.Verb, e.Kind = asked.Op, asked.Verb, history.Kind(w[1])
		switch {
		case w[1] == "nobody":
			e.Kind, e.Why = history.Fail, history.NoResponders
		case w[1] == "fail":
			e.Err = strings.Join(w[3:], " ")
		case len(w) > 3:
			e.Value = w[3]
		}
		b.put(e)
	default:
		return false
	}
	return true
}

func (b *builder) coreAsk(e history.Event, w []string, what string) history.Event {
	label := w[2]
	e.Kind, e.Op = history.Invoke, b.nextOp()
	switch what {
	case "sub":
		e.Verb, e.Subject = history.Subscribe, w[3]
		if len(w) > 4 {
			e.Queue = strings.TrimPrefix(w[4], "q=")
		}
	case "send":
		e.Verb, e.Value, e.Subject = history.Send, label, w[3]
	case "ask":
		e.Verb, e.Value, e.Subject = history.Request, label, w[3]
	case "answer":
		e.Verb, e.Subject = history.Answer, "_INBOX."+b.labels[label].Client+"."+label
		label += "@" + e.Client
		e.Value = label
	case "flush":
		e.Verb = history.Flush
	}
	if _, again := b.labels[label]; !again {
		b.labels[label] = e
	}
	b.put(e)
	return e
}

func (b *builder) coreNode(e history.Event, w []string) bool {
	e.Kind, e.Node = history.Obs, uint32(b.num(w[0][1:]))
	switch w[1] {
	case "passes", "ceases":
		e.Verb, e.Subject = obsInterest, w[2]
		if w[1] == "passes" {
			e.N = 1
		}
		if w[3][0] == 'n' {
			e.Peer = uint32(b.num(w[3][1:]))
		} else {
			e.Client = w[3]
		}
		for _, word := range w[4:] {
			if sid, ok := strings.CutPrefix(word, "sid="); ok {
				e.Seq = b.num(sid)
			} else {
				e.Queue = strings.TrimPrefix(word, "q=")
			}
		}
	case "dropped":
		e.Verb, e.N, e.Why = obsDropped, 1, strings.Join(w[2:], " ")
		e.Why, e.Value, _ = strings.Cut(e.Why, ": ")
	case "cut":
		e.Verb, e.N, e.Client, e.Why = obsDropped, 1, w[2], cutPrefix+strings.Join(w[3:], " ")
	default:
		return false
	}
	b.put(e)
	return true
}

func (b *builder) labelled(label string) history.Event {
	e, ok := b.labels[label]
	require.True(b.t, ok, "nothing is called %s", label)
	return e
}

func (b *builder) nextOp() uint64 {
	b.ops++
	return b.ops
}

// put appends e with the next index.
func (b *builder) put(e history.Event) {
	e.Index = uint64(len(b.h.Events) + 1)
	b.h.Events = append(b.h.Events, e)
}
