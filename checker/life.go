package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
)

// asked takes an invocation.
func (l *life) asked(e *history.Event) {
	switch {
	case e.Verb == history.Publish && e.Value == l.value && l.published == nil:
		l.published = e
		if e.Stream != "" {
			l.stream = e.Stream
		}
		l.say(e, "published by %s", e.Client)
	case e.Verb == history.Publish && e.Value == l.value:
		l.say(e, "published again by %s%s", e.Client, because(e.ID))
	case settling[e.Verb] != "" && l.seq != 0 && e.Seq == l.seq && (e.Stream == l.stream || e.Stream == ""):
		l.say(e, "%s %s for %s", e.Client, settling[e.Verb], e.Consumer)
	default:
		return
	}
	l.ops[e.Op] = e
}

// settling says what a client does to a delivery.
var settling = map[history.Verb]string{history.Ack: "acks it", history.Nak: "asks for it again", history.Term: "wants it never again"}

// told takes a completion.
func (l *life) told(e *history.Event) {
	asked := l.ops[e.Op]
	switch {
	case asked != nil && asked.Verb == history.Publish:
		l.toldOfPublish(e, asked.Client)
	case asked != nil:
		if e.Kind == history.OK {
			l.say(e, "confirmed to %s", asked.Client)
		}
	case e.Kind == history.OK && e.Value == l.value && l.firstRead == nil:
		l.firstRead = e
		l.say(e, "read by %s", e.Client)
	}
}

func (l *life) toldOfPublish(e *history.Event, client string) {
	if l.answered == nil || l.answered.Kind != history.OK {
		l.answered = e
	}
	if e.Stream != "" {
		l.stream = e.Stream
	}
	switch {
	case e.Kind == history.OK && e.Dup:
		l.say(e, "answered to %s as a duplicate of %s", client, place(l.stream, e.Seq))
	case e.Kind == history.OK:
		l.seq = e.Seq
		l.say(e, "acknowledged to %s as %s", client, place(l.stream, e.Seq))
	case e.Kind == history.Fail:
		l.say(e, "refused to %s%s", client, because(e.Err))
	default:
		l.say(e, "%s gives up waiting: nobody knows%s", client, because(e.Err))
	}
}

func (l *life) delivered(e *history.Event) {
	if e.Verb == history.Consume && e.Value == l.value {
		l.deliveries = append(l.deliveries, e)
		l.say(e, "delivered to %s by %s, time %d", e.Client, e.Consumer, e.N)
	}
}

// received says to whom the message was delivered.
func (l *life) received() []string {
	switch n := int64(len(l.deliveries)); n {
	case 0:
		return nil
	case 1:
		return []string{fmt.Sprintf("delivered to %s at %s", l.deliveries[0].Client, seconds(l.deliveries[0].Time))}
	default:
		return []string{fmt.Sprintf("delivered %d times, first to %s at %s", n, l.deliveries[0].Client, seconds(l.deliveries[0].Time))}
	}
}
