package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
)

// explainer says what contradicts what in one stream's log.
type explainer struct {
	h      *history.History
	rec    *record
	log    *logFold
	stream string
}

// explain returns a sentence and the events of at most four operations.
func (x explainer) explain(c *clash) (string, []history.Event) {
	switch c.kind {
	case tooLate:
		return x.tooLate(c)
	case gap:
		return x.gap(c)
	case twoValues:
		return x.twoValues(c)
	case twoNumbers:
		a, b := x.opAt(c.lo), x.opAt(c.hi)
		return fmt.Sprintf("Message %s has two numbers: %s; and %s.", x.val(x.rec.ops[b].value), x.there(c.lo), x.there(c.hi)), x.events(a, b)
	case wrongCondition:
		return x.wrongCondition(c)
	case wrongRefusal:
		o := x.opAt(c.hi)
		return fmt.Sprintf("%s's publish of %s on the condition that %s was refused %s, and the refusal says the same.",
			x.client(o), x.val(x.rec.ops[o].value), x.lastOf(&x.rec.ops[o], c.j), when(x.ev(c.hi))), x.events(o)
	case storedTwice:
		return fmt.Sprintf("%s was published once, but two publishes were told that they had stored it: %s; and %s.", x.at(c.j), x.there(c.lo), x.there(c.hi)),
			x.events(x.opAt(c.lo), x.opAt(c.hi))
	case onlyDuplicates:
		return fmt.Sprintf("%s, but no publish can have stored it there: all were answered otherwise, or as duplicates.", capital(x.there(c.hi))), x.events(x.opAt(c.hi), c.pubJ)
	case wrongPrev:
		return x.wrongPrev(c)
	case skippedOne:
		return x.skippedOne(c)
	case undead:
		return x.undead(c)
	case neverPublished:
		return fmt.Sprintf("%s, but nobody ever published it.", capital(x.there(c.hi))), x.events(x.opAt(c.hi))
	case wrongSubject:
		asked, o := &x.rec.ops[x.opAt(c.hi)], &x.rec.ops[c.pubJ]
		if asked.verb == publish {
			return fmt.Sprintf("%s; but that is message %s, published to %s.", capital(x.there(c.hi)), x.val(o.value), x.subject(o)), x.events(x.opAt(c.hi), c.pubJ)
		}
		return fmt.Sprintf("%s asked for the last message of %s %s and was told (#%d) that it is %s; but that is message %s, published to %s.", x.client(x.opAt(c.hi)),
			x.rec.subjects.names[asked.subject], when(x.ev(c.lo)), x.ev(c.hi).Index, x.at(c.j), x.val(o.value), x.subject(o)), x.events(x.opAt(c.hi), c.pubJ)
	case wasRefused:
		return fmt.Sprintf("%s, but its publish was refused %s.", capital(x.there(c.hi)), when(x.ev(c.lo))), x.events(x.opAt(c.hi), c.pubJ)
	}
	o := x.opAt(c.hi)
	return fmt.Sprintf("%s's publish on the condition that %s is empty was refused %s, when nothing was in it yet.", x.client(o), x.stream, when(x.ev(c.hi))), x.events(o)
}

func (x explainer) tooLate(c *clash) (string, []history.Event) {
	late, there := x.opAt(c.lo), x.opAt(c.hi)
	text := capital(x.there(c.hi)) + "."
	o := &x.rec.ops[late]
	switch {
	case late == c.pubI && c.i == c.j:
		text += fmt.Sprintf(" But %s published it only later, %s.", x.client(late), when(x.ev(c.lo)))
	case late == c.pubI:
		text += fmt.Sprintf(" %s comes before it in the log and holds message %s, but %s published that only later, %s.",
			x.at(c.i), x.val(o.value), x.client(late), when(x.ev(c.lo)))
	case c.i == c.j:
		text += fmt.Sprintf(" After that, %s.", x.absent(late, c.i))
	default:
		text += fmt.Sprintf(" %s comes before it in the log, so it was there too; but after that, %s.", x.at(c.i), x.absent(late, c.i))
	}
	return text, x.events(late, there, c.pubI, c.pubJ)
}

func (x explainer) gap(c *clash) (string, []history.Event) {
	if c.hi == never { // nothing says when: whatever showed a number above will do
		x.log.slots.each(func(seq uint64, s *slot) bool {
			if seq >= c.i && s.shown > 0 {
				c.hi = s.shown - 1
			}
			return c.hi == never
		})
	}
	there := x.opAt(c.hi)
	return fmt.Sprintf("%s. So %s held a message by then, but no publish that was called before can have been it: all of them have other numbers or were refused.",
		capital(x.there(c.hi)), x.at(c.i)), x.events(there, c.pubJ)
}

func (x explainer) twoValues(c *clash) (string, []history.Event) {
	a, b := x.opAt(c.lo), x.opAt(c.hi)
	return fmt.Sprintf("%s names two messages: %s; and %s.", x.at(c.j), x.there(c.lo), x.there(c.hi)), x.events(a, b)
}

func (x explainer) wrongCondition(c *clash) (string, []history.Event) {
	pub := x.opAt(c.lo)
	o := &x.rec.ops[pub]
	return fmt.Sprintf("%s published %s on the condition that %s, but %s.",
		x.client(pub), x.val(o.value), x.lastIs(o.expect-1), x.there(c.hi)), x.events(pub, x.opAt(c.hi))
}

func (x explainer) wrongPrev(c *clash) (string, []history.Event) {
	o := &x.rec.ops[c.pubJ]
	text := fmt.Sprintf("%s published %s on the condition that %s, but it became %s", x.client(c.pubJ), x.val(o.value), x.lastOf(o, o.ofSubject-1), x.at(c.j))
	switch {
	case c.i == 0:
		text += ", and no other message of that subject is below"
	case c.pubI == none:
		text += fmt.Sprintf(", after %s", x.at(c.i))
	default:
		text += fmt.Sprintf(", after message %s of the same subject as %s", x.val(x.rec.ops[c.pubI].value), x.at(c.i))
	}
	if c.hi == none {
		return text + ".", x.events(c.pubJ, c.pubI)
	}
	return text + ": " + x.there(c.hi) + ".", x.events(c.pubJ, c.pubI, x.opAt(c.hi))
}

func (x explainer) skippedOne(c *clash) (string, []history.Event) {
	id := x.opAt(c.hi)
	o := &x.rec.ops[id]
	text := fmt.Sprintf("%s asked for the first message%s from %s on %s and was told (#%d) that it is %s", x.client(id), x.ofSubject(o), x.at(o.asked), when(x.ev(c.lo)), x.ev(c.hi).Index, x.at(c.j))
	if c.i == c.j {
		return text + ", which is before that.", x.events(id)
	}
	return fmt.Sprintf("%s; but %s holds message %s, and nothing removed it.", text, x.at(c.i), x.val(x.rec.ops[c.pubI].value)), x.events(id, c.pubI)
}

func (x explainer) undead(c *clash) (string, []history.Event) {
	gone, id := x.ev(c.lo), x.opAt(c.hi)
	by := fmt.Sprintf("%s had removed it %s", nodeName(gone.Node), when(gone))
	at := []int32{x.rec.ops[id].call, c.hi, c.lo}
	if gone.Kind != history.Obs {
		remover := &x.rec.ops[x.opAt(c.lo)]
		by = fmt.Sprintf("%s had been told that it was removed %s", x.rec.clients.names[remover.client], when(gone))
		at = append(at, remover.call)
	}
	return fmt.Sprintf("%s, asked for %s; but %s.", capital(x.there(c.hi)), when(x.ev(x.rec.ops[id].call)), by), certificate(x.h, at...)
}

// ofSubject names the subject asked for, if any.
func (x explainer) ofSubject(o *op) string {
	if o.subject == none {
		return ""
	}
	return " of " + x.subject(o)
}

// lastOf says that n is the last message that the condition of o is about.
func (x explainer) lastOf(o *op, n uint64) string {
	switch {
	case o.ofSubject == 0 || o.expect > 0:
		return x.lastIs(n)
	case n == 0:
		return "there is no message of " + x.subject(o)
	}
	return x.at(n) + " is the last message of " + x.subject(o)
}

// there says how it is known, by the return at position hi, that a number was in the log.
func (x explainer) there(hi int32) string {
	id := x.opAt(hi)
	o, e := &x.rec.ops[id], x.ev(hi)
	switch {
	case o.verb == publish && o.status == done && o.dup:
		return fmt.Sprintf("message %s was acknowledged to %s as a duplicate of %s %s", x.val(o.value), x.client(id), x.at(o.seq), when(e))
	case o.verb == publish && o.status == done:
		return fmt.Sprintf("message %s was acknowledged to %s as %s %s", x.val(o.value), x.client(id), x.at(o.seq), when(e))
	case o.verb == publish:
		return fmt.Sprintf("a conditional publish of %s was refused %s for the reason that %s", x.client(id), when(e), x.lastOf(o, o.actual-1))
	case o.verb == last:
		return fmt.Sprintf("%s was told %s that the last message was %s, holding %s", x.client(id), when(e), x.at(o.seq), x.val(o.value))
	}
	return fmt.Sprintf("%s read message %s at %s %s", x.client(id), x.val(o.value), x.at(o.seq), when(e))
}

// absent says how it is known, by the call of operation id, that number n was not there yet.
func (x explainer) absent(id int32, n uint64) string {
	o := &x.rec.ops[id]
	call, ret := x.ev(o.call), x.ev(o.ret)
	switch {
	case o.verb == read:
		return fmt.Sprintf("%s asked for %s %s and was told (#%d) that there is no such message", x.client(id), x.at(n), when(call), ret.Index)
	case o.verb == last && o.notFound:
		return fmt.Sprintf("%s asked for the last message %s and was told (#%d) that there is none", x.client(id), when(call), ret.Index)
	case o.verb == last:
		return fmt.Sprintf("%s asked for the last message %s and was told (#%d) that it is %s", x.client(id), when(call), ret.Index, x.at(o.seq))
	case o.verb == nextOf:
		return fmt.Sprintf("%s asked for the first message%s from %s on %s and was told (#%d) that there is none", x.client(id), x.ofSubject(o), x.at(o.asked), when(call), ret.Index)
	case o.actual > 0:
		return fmt.Sprintf("%s called a conditional publish %s that was refused (#%d) for the reason that %s", x.client(id), when(call), ret.Index, x.lastOf(o, o.actual-1))
	}
	return fmt.Sprintf("%s called a publish %s on the condition that %s, and was refused (#%d) although nothing had followed it by then", x.client(id), when(call), x.lastIs(o.expect-1), ret.Index)
}

func (x explainer) ev(pos int32) *history.Event { return &x.h.Events[pos] }

func (x explainer) opAt(pos int32) int32 { return x.rec.numbered(x.ev(pos).Op) }

func (x explainer) subject(o *op) string {
	if o.subject == none {
		return "no subject"
	}
	return x.rec.subjects.names[o.subject]
}

// lastIs says that n is the last message, in words that do for an empty stream too.
func (x explainer) lastIs(n uint64) string {
	if n == 0 {
		return x.stream + " is empty"
	}
	return x.at(n) + " is the last message"
}

func (x explainer) at(n uint64) string { return place(x.stream, n) }

func (x explainer) val(id int32) string { return x.rec.nameOf(id) }

func (x explainer) client(id int32) string { return x.rec.clients.names[x.rec.ops[id].client] }

func (x explainer) events(ops ...int32) []history.Event {
	var at []int32
	for _, id := range ops {
		if id != none {
			at = append(at, x.rec.ops[id].call, x.rec.ops[id].ret)
		}
	}
	return certificate(x.h, at...)
}

// capital begins a sentence with text, unless text begins with a name.
func capital(text string) string {
	for _, word := range [...]string{"message ", "a "} {
		if len(text) > len(word) && text[:len(word)] == word {
			return string(text[0]-'a'+'A') + text[1:]
		}
	}
	return text
}
