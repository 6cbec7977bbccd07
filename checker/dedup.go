package checker

import (
	"fmt"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
)

// copies are the places at which what was published under one id was seen in one stream.
type copies struct {
	first copied
	more  []copied
}

// copied is one of them. It was stored between from and to, and stamped stamp, if that is known.
type copied struct {
	seq      uint64
	stamp    int64
	from, to int64
	pos      int32 // the event that showed it
	value    int32
}

// storeTwiceJudge judges no-double-store.
type storeTwiceJudge struct {
	tally
	rec    *record
	ids    [][]copies // by stream and id
	pair   [2]copied
	stream int32
	sooner int64 // by how much less than the window
}

func (j *storeTwiceJudge) wants() class { return returns | obs }

func (j *storeTwiceJudge) broken() bool { return j.count > 0 }

func (j *storeTwiceJudge) see(s *seen) {
	if s.stream == none || s.value == none {
		return
	}
	c := copied{seq: s.e.Seq, stamp: s.e.Stamp, to: s.e.Time, pos: s.pos, value: s.value}
	switch {
	case s.op == none && s.e.Verb == obsStored:
	case s.op == none:
		return
	default:
		o := &j.rec.ops[s.op]
		if c.seq = o.seq; o.seq == 0 || o.status != done || o.notFound || o.verb == publish && o.dup || o.verb != publish && !o.reads() {
			return
		}
		if o.verb == publish {
			c.stamp, c.from = 0, o.callT
		}
	}
	pub := j.rec.values[s.value].pub
	if pub == none || j.rec.ops[pub].id == none {
		return
	}
	c.from = max(c.from, j.rec.ops[pub].callT)
	j.take(s.stream, j.rec.ops[pub].id, c)
}

// take holds c against the other copies, or learns from it what was not known of one.
func (j *storeTwiceJudge) take(stream, id int32, c copied) {
	for len(j.ids) <= int(stream) {
		j.ids = append(j.ids, nil)
	}
	for len(j.ids[stream]) <= int(id) {
		j.ids[stream] = append(j.ids[stream], copies{})
	}
	k := &j.ids[stream][id]
	switch {
	case k.first.seq == 0:
		k.first = c
		j.checked++
		return
	case k.first.seq == c.seq:
		k.first.learn(&c)
		for i := range k.more {
			j.compare(stream, &k.first, &k.more[i])
		}
		return
	}
	for i := range k.more {
		if k.more[i].seq == c.seq {
			k.more[i].learn(&c)
			c = k.more[i]
		}
	}
	if len(k.more) < maxVariants && (len(k.more) == 0 || k.more[len(k.more)-1].seq != c.seq) {
		k.more = append(k.more, c)
	}
	j.compare(stream, &k.first, &c)
	for i := range k.more {
		j.compare(stream, &k.more[i], &c)
	}
}

func (c *copied) learn(d *copied) {
	if c.stamp == 0 {
		c.stamp = d.stamp
	}
	c.from, c.to = max(c.from, d.from), min(c.to, d.to)
}

// compare finds whether two copies were stored within the window for certain.
func (j *storeTwiceJudge) compare(stream int32, a, b *copied) {
	if a.seq == b.seq {
		return
	}
	window, apart := j.rec.rulesOf(stream).window(), max(a.to, b.to)-min(a.from, b.from)
	switch {
	case a.stamp > 0 && b.stamp > 0:
		if apart = max(a.stamp-b.stamp, b.stamp-a.stamp); apart >= window {
			return
		}
	case j.rec.clocks.stepped || apart >= j.rec.clocks.least(window, min(a.from, b.from), max(a.to, b.to)):
		return
	}
	for _, x := range j.lines.Examples {
		if x == j.line(stream, a, b) {
			return
		}
	}
	if j.found(j.line(stream, a, b), a.pos, b.pos) {
		j.pair, j.stream, j.sooner = [2]copied{*a, *b}, stream, apart
	}
}

func (j *storeTwiceJudge) line(stream int32, a, b *copied) string {
	name := j.rec.streams.names[stream]
	return fmt.Sprintf("%s at %s and %s", j.rec.nameOf(a.value), place(name, min(a.seq, b.seq)), place(name, max(a.seq, b.seq)))
}

func (j *storeTwiceJudge) finish(h *history.History) []Verdict {
	return j.verdict(h, spec.NoDoubleStore, "Nothing that was published under an id was seen in a stream.",
		fmt.Sprintf("What was published under %s was stored once, or again only when its window was over.", number(j.checked, "id", "ids")), func() string {
			a, b := &j.pair[0], &j.pair[1]
			id := j.rec.ids.names[j.rec.ops[j.rec.values[a.value].pub].id]
			return fmt.Sprintf("Message %s, published under id %s, was stored twice: %s; and %s: within %s, and the window of %s is %s.", j.rec.nameOf(a.value), id,
				j.shown(h, a), j.shown(h, b), seconds(j.sooner), j.rec.streams.names[j.stream], seconds(j.rec.rulesOf(j.stream).window()))
		})
}

// shown says what shows a copy.
func (j *storeTwiceJudge) shown(h *history.History, c *copied) string {
	e, at := &h.Events[c.pos], place(j.rec.streams.names[j.stream], c.seq)
	switch {
	case e.Kind == history.Obs:
		return fmt.Sprintf("%s stored it as %s %s", nodeName(e.Node), at, when(e))
	case e.Verb == history.Publish:
		return fmt.Sprintf("it was acknowledged to %s as %s %s", e.Client, at, when(e))
	}
	return fmt.Sprintf("%s read it at %s %s", e.Client, at, when(e))
}

// falseDuplicateJudge judges no-false-duplicate.
type falseDuplicateJudge struct {
	tally
	rec     *record
	stores  *stores
	dups    []int32 // publishes acknowledged as duplicates
	refused []int32 // publishes refused since another under their id is under way
	text    string
}

func (j *falseDuplicateJudge) wants() class { return returns }

func (j *falseDuplicateJudge) broken() bool { return false }

func (j *falseDuplicateJudge) see(s *seen) {
	o := &j.rec.ops[s.op]
	switch {
	case o.verb != publish || o.stream == none || o.value == none:
	case o.status == done && o.dup:
		j.dups = append(j.dups, s.op)
	case (o.status == failed || o.status == unknown) && s.e.Code == codeInProgress:
		// Another node may have taken this very publish: whoever recorded it may not have called it failed.
		j.refused = append(j.refused, s.op)
	}
}

func (j *falseDuplicateJudge) finish(h *history.History) []Verdict {
	for _, id := range j.dups {
		j.checked++
		j.original(h, id)
	}
	for _, id := range j.refused {
		j.checked++
		j.inProgress(h, id)
	}
	return j.verdict(h, spec.NoFalseDuplicate, "No publish was answered as a duplicate.",
		fmt.Sprintf("Each of %s had an original.", number(j.checked, "duplicate", "duplicates")), func() string { return j.text })
}

// original judges that the number that a duplicate was told holds its message.
func (j *falseDuplicateJudge) original(h *history.History, id int32) {
	o := &j.rec.ops[id]
	ss := j.stores.of(o.stream)
	name, stream := j.rec.nameOf(o.value), j.rec.streams.names[o.stream]
	first, other := ss.content(o.seq, 0), ss.otherThan(o.seq, o.value)
	told := fmt.Sprintf("%s published %s %s and was told (#%d) that it is a duplicate of %s", j.rec.clients.names[o.client], name,
		when(&h.Events[o.call]), h.Events[o.ret].Index, place(stream, o.seq))
	switch {
	case ss.deleted:
	case first.pos > 0 && first.value == none || o.seq > 0 && ss.holdsAny(h, o.seq, o.value):
	case other.pos > 0:
		if j.found(fmt.Sprintf("%s as %s", name, place(stream, o.seq)), o.call, o.ret, other.pos-1) {
			j.text = fmt.Sprintf("%s; but %s holds message %s (#%d).", told, place(stream, o.seq), j.rec.nameOf(other.value), h.Events[other.pos-1].Index)
		}
	case o.seq > 0 && ss.rules.watched && !ss.removed(o.seq): // an interest stream leaves out what nobody wants
		if j.found(fmt.Sprintf("%s as %s", name, place(stream, o.seq)), o.call, o.ret) {
			j.text = fmt.Sprintf("%s; but no node was ever seen to store anything there.", told)
		}
	case o.seq == 0 && j.neverStored(o):
		if j.found(name, o.call, o.ret, j.rec.marks.drained) {
			j.text = fmt.Sprintf("%s published %s %s and was told (#%d) that it is a duplicate; but it was never stored.", j.rec.clients.names[o.client], name,
				when(&h.Events[o.call]), h.Events[o.ret].Index)
		}
	}
}

// inProgress judges a refusal for the reason that another publish under the same id is under way: if all that were called
// before had been given up by then, and nothing was ever stored, it stood for nothing.
func (j *falseDuplicateJudge) inProgress(h *history.History, id int32) {
	o := &j.rec.ops[id]
	later := j.storedLater(o)
	if later == none && !j.neverStored(o) {
		return
	}
	newest := none // of those called before, the last to be given up
	for k := o.prev; k != none; k = j.rec.ops[k].prev {
		p := &j.rec.ops[k]
		if p.ret == none || p.ret > o.call {
			return
		}
		if newest == none || p.ret > j.rec.ops[newest].ret {
			newest = k
		}
	}
	cert, after := []int32{o.call, o.ret, j.rec.marks.drained}, "the message was never stored"
	if later != none {
		p := &j.rec.ops[later]
		cert, after = []int32{o.call, o.ret, p.call, p.ret}, fmt.Sprintf("the message was stored only by a publish called %s", when(&h.Events[p.call]))
	}
	before := "nothing had been published under that id before"
	if newest != none {
		p := &j.rec.ops[newest]
		cert = append(cert, p.call, p.ret)
		before = fmt.Sprintf("the last publish under that id had ended %s", when(&h.Events[p.ret]))
	}
	if j.found(fmt.Sprintf("%s refused %s", j.rec.nameOf(o.value), when(&h.Events[o.ret])), cert...) {
		j.text = fmt.Sprintf("%s published %s %s and was refused (#%d) for the reason that its duplicate is under way; but %s, and %s.",
			j.rec.clients.names[o.client], j.rec.nameOf(o.value), when(&h.Events[o.call]), h.Events[o.ret].Index, before, after)
	}
}

// storedLater returns the publish that stored the message of o, if it was called after o had been answered and nobody saw the
// message in the stream before; else none.
func (j *falseDuplicateJudge) storedLater(o *op) int32 {
	ss := j.stores.of(o.stream)
	if ss.deleted || !ss.rules.watched || int(o.value) >= len(ss.seqOf) || ss.posOf[o.value] < o.ret {
		return none
	}
	for id := j.rec.values[o.value].again; id != none; id = j.rec.ops[id].prev {
		if p := &j.rec.ops[id]; p.stores() && p.call > o.ret && p.seq == ss.seqOf[o.value] {
			return id
		}
	}
	return none
}

// neverStored tells whether it is certain, after the final drain, that the message of o was never stored.
func (j *falseDuplicateJudge) neverStored(o *op) bool {
	ss := j.stores.of(o.stream)
	if j.rec.marks.drained == none || ss.deleted || !ss.rules.watched {
		return false
	}
	return int(o.value) >= len(ss.seqOf) || ss.seqOf[o.value] == 0
}

// holdsAny tells whether seq was ever seen to hold val, by more than an acknowledgement.
func (ss *streamStores) holdsAny(h *history.History, seq uint64, val int32) bool {
	for _, c := range append([]content{ss.first.value(seq)}, ss.others[seq]...) {
		if c.pos > 0 && c.value == val && h.Events[c.pos-1].Verb != obsAcked {
			return true
		}
	}
	return false
}

// otherThan returns what seq was seen to hold that is not val.
func (ss *streamStores) otherThan(seq uint64, val int32) content {
	for _, c := range append([]content{ss.first.value(seq)}, ss.others[seq]...) {
		if c.pos > 0 && c.value != val {
			return c
		}
	}
	return content{}
}
