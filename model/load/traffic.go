package load

import (
	"strconv"

	"github.com/brokerlab/brokerlab/model/history"
)

// Traffic is one client's publishes, reads, removals and purges with open-loop arrivals: an operation is due when
// its time has come, whether or not the ones before it were answered, so that a stall is felt
// by every operation that falls into it.
//
// Invariant: no value is ever published twice by a client but to try again, under the id of the first time; and
// arrival number n is at the same time in every run of the seed, whatever was answered before.
type Traffic struct {
	name   string
	g      Group
	key    trafficKeys
	stream []streamNames
	pub    arrivals
	read   arrivals
	remove arrivals
	purge  arrivals
	again  timed[Op]      // publishes to be made once more
	tries  map[string]int // of values that are open and may be tried again

	open    int
	shed    int64
	resting bool
	known   map[string]uint64 // newest sequence this client has heard of, by stream
	newest  map[string]uint64 // … and by subject
}

// streamNames are a stream and the subjects in it that a client uses.
type streamNames struct {
	name     string
	subjects []string
}

// trafficKeys are the places of a client's draws.
type trafficKeys struct {
	publishStream, readStream, subject, conditional, keyConditional, id, repeat, rollup, again             Key
	last, nextOf, ofKey, direct, lag, beyond, howFar, anywhere, removeStream, removed, purgeStream, purged Key
}

func newTrafficKeys(k Key) trafficKeys {
	return trafficKeys{
		publishStream: k.Sub("publish stream"), readStream: k.Sub("read stream"), subject: k.Sub("subject"),
		conditional: k.Sub("conditional"), keyConditional: k.Sub("key conditional"), id: k.Sub("id"), repeat: k.Sub("repeat"),
		rollup: k.Sub("rollup"), again: k.Sub("again"),
		last: k.Sub("last"), nextOf: k.Sub("next of"), ofKey: k.Sub("of key"), direct: k.Sub("direct"), lag: k.Sub("lag"),
		beyond: k.Sub("beyond"), howFar: k.Sub("how far"), anywhere: k.Sub("anywhere"),
		removeStream: k.Sub("remove stream"), removed: k.Sub("removed"), purgeStream: k.Sub("purge stream"), purged: k.Sub("purged"),
	}
}

// newTraffic is the load of the client called name, a member of group g. Values are name-1,
// name-2 and so on.
func newTraffic(name string, g Group, key Key, streams []StreamSpec) *Traffic {
	t := &Traffic{
		name: name, g: g, key: newTrafficKeys(key),
		pub:    newArrivals(key.Sub("publish gap"), gap(g.PublishPerSecond, g.Count), g.From),
		read:   newArrivals(key.Sub("read gap"), gap(g.ReadPerSecond, g.Count), g.From),
		remove: newArrivals(key.Sub("remove gap"), gap(g.RemovePerSecond, g.Count), g.From),
		purge:  newArrivals(key.Sub("purge gap"), 60*gap(g.PurgePerMinute, g.Count), g.From),
		tries:  map[string]int{}, known: map[string]uint64{}, newest: map[string]uint64{},
	}
	for _, want := range g.Streams {
		for i := range streams {
			if streams[i].Name == want {
				t.stream = append(t.stream, streamNames{want, t.subjectsOf(&streams[i])})
			}
		}
	}
	return t
}

// subjectsOf are those that the client uses in a stream: one of its own, or keys, its own or those of all.
func (t *Traffic) subjectsOf(s *StreamSpec) []string {
	if t.g.Keys == 0 {
		return []string{s.subject(t.name)}
	}
	var out []string
	for k := 1; k <= t.g.Keys; k++ {
		token := "k" + strconv.Itoa(k)
		if !t.g.SharedKeys {
			token = t.name + "-" + token
		}
		out = append(out, s.subject(token))
	}
	return out
}

// Shed is the number of arrivals given up because MaxOpen operations were unanswered.
func (t *Traffic) Shed() int64 { return t.shed }

// Next returns the earliest operation due.
func (t *Traffic) Next(now int64) (Op, bool, int64) {
	for {
		op, ok := t.due(now)
		if !ok {
			return Op{}, false, t.wake()
		}
		if t.open >= t.g.MaxOpen {
			t.shed++
			continue
		}
		t.open++
		return op, true, 0
	}
}

// due takes the operation that is due first.
func (t *Traffic) due(now int64) (Op, bool) {
	if t.resting {
		return Op{}, false
	}
	if op, ok := t.again.due(now); ok {
		return op, true
	}
	var first *arrivals
	for _, a := range [...]*arrivals{&t.pub, &t.read, &t.remove, &t.purge} {
		if a.due(now, t.g.Until) && (first == nil || a.at < first.at) {
			first = a
		}
	}
	if first == nil {
		return Op{}, false
	}
	var op Op
	switch first {
	case &t.pub:
		op = t.publish(first.n)
	case &t.read:
		op = t.lookup(first.n)
	case &t.remove:
		op = t.removal(first.n)
	default:
		op = t.purging(first.n)
	}
	op.Timeout = t.g.Timeout
	first.step()
	return op, true
}

// wake is the next arrival's time, or 0 when none will come.
func (t *Traffic) wake() int64 {
	if t.resting {
		return 0
	}
	w := t.again.next()
	for _, a := range [...]*arrivals{&t.pub, &t.read, &t.remove, &t.purge} {
		w = sooner(w, a.next(t.g.Until))
	}
	return w
}

// publish is the client's n-th publish.
func (t *Traffic) publish(n uint64) Op {
	s := t.draw(t.key.publishStream, n)
	op := Op{
		Verb: history.Publish, Stream: s.name, Subject: s.subjects[t.key.subject.Below(n, uint64(len(s.subjects)))],
		Value: t.name + "-" + strconv.FormatUint(n, 10), Size: t.g.Bytes,
	}
	switch roll := percent(t.key.rollup, n); {
	case percent(t.key.conditional, n) < t.g.ConditionalPercent:
		op.Expect = t.known[s.name] + 1
	case percent(t.key.keyConditional, n) < t.g.KeyConditionalPercent:
		op.ExpectSubject = t.newest[op.Subject] + 1
	case roll < t.g.RollupPercent:
		op.Rollup = "sub"
	case roll < t.g.RollupPercent+t.g.RollupAllPercent:
		op.Rollup = "all"
	}
	if percent(t.key.id, n) < t.g.IDPercent {
		op.ID = op.Value
		t.tries[op.Value] = 0
	}
	return op
}

// lookup is the client's n-th read: the newest message, of the stream or of a key, or one of those a reader that lags a
// little would want, or the next from there; one in sixteen asks a little beyond the end.
func (t *Traffic) lookup(n uint64) Op {
	s := t.draw(t.key.readStream, n)
	op := Op{Verb: history.Read, Stream: s.name, Direct: percent(t.key.direct, n) < t.g.DirectPercent}
	if percent(t.key.ofKey, n) < t.g.KeyPercent {
		op.Verb, op.Subject = history.Last, s.subjects[t.key.subject.Below(n, uint64(len(s.subjects)))]
		return op
	}
	known := t.known[s.name]
	if known == 0 || percent(t.key.last, n) < t.g.LastPercent {
		op.Verb = history.Last
		return op
	}
	back := uint64(t.key.lag.Exponential(n, recent))
	switch {
	case t.key.beyond.Below(n, 16) == 0:
		op.Seq = known + 1 + t.key.howFar.Below(n, 3)
	case back >= known:
		op.Seq = 1 + t.key.anywhere.Below(n, known)
	default:
		op.Seq = known - back
	}
	if percent(t.key.nextOf, n) < t.g.NextPercent {
		op.Verb, op.Subject = history.NextOf, s.subjects[t.key.subject.Below(n, uint64(len(s.subjects)))]
	}
	return op
}

// recent is how far behind the newest message a read is on average.
const recent = 40

// removal is the client's n-th: of a message near the end, that there may be.
func (t *Traffic) removal(n uint64) Op {
	s := t.draw(t.key.removeStream, n)
	known, back := t.known[s.name], uint64(t.key.removed.Exponential(n, recent))
	return Op{Verb: history.Remove, Stream: s.name, Seq: max(known, back+1) - back}
}

// purging is the client's n-th: of a subject, of all but the newest of a subject, of what is older than the messages
// that reads still want, or of everything.
func (t *Traffic) purging(n uint64) Op {
	s := t.draw(t.key.purgeStream, n)
	op := Op{Verb: history.Purge, Stream: s.name}
	subject := s.subjects[t.key.subject.Below(n, uint64(len(s.subjects)))]
	switch t.key.purged.Below(n, 4) {
	case 0:
		op.Subject = subject
	case 1:
		op.Subject, op.Keep = subject, 1+t.key.howFar.Below(n, 3)
	case 2:
		op.Seq = max(t.known[s.name], recent+2) - recent
	}
	return op
}

func (t *Traffic) draw(k Key, n uint64) *streamNames {
	return &t.stream[k.Below(n, uint64(len(t.stream)))]
}

func percent(k Key, n uint64) int { return int(k.Below(n, 100)) }

// Done learns how far a stream and its subjects have come, and tries again what may be tried again.
func (t *Traffic) Done(now int64, op Op, out Outcome) {
	t.open--
	if op.ID != "" {
		t.retry(now, op, &out)
	}
	switch {
	case out.WrongLast && out.Actual > 0 && op.ExpectSubject > 0:
		t.newest[op.Subject] = out.Actual - 1 // it may be less than before: removed
	case out.WrongLast && out.Actual > 0:
		t.known[op.Stream] = max(t.known[op.Stream], out.Actual-1)
	case out.NotFound && op.Verb == history.Last && op.Subject != "":
		t.newest[op.Subject] = 0
	case out.Status != OK || out.NotFound:
	case op.Verb == history.Publish:
		t.known[op.Stream] = max(t.known[op.Stream], out.Seq)
		t.newest[op.Subject] = max(t.newest[op.Subject], out.Seq)
	case op.Verb == history.Read:
		t.known[op.Stream] = max(t.known[op.Stream], op.Seq)
	case op.Verb == history.Last || op.Verb == history.NextOf:
		t.known[op.Stream] = max(t.known[op.Stream], out.Seq)
		if op.Verb == history.Last && op.Subject != "" {
			t.newest[op.Subject] = max(t.newest[op.Subject], out.Seq)
		}
	}
}

// codeFull is the refusal of a stream, or a subject, that is full and discards what is new: room may be made.
const codeFull = 10077

// retry tries a publish again that nobody knows the outcome of, or for which there was no room, and now and then one
// that went well, as a client does that did not hear so.
func (t *Traffic) retry(now int64, op Op, out *Outcome) {
	tries, open := t.tries[op.Value]
	n := op.number() << 8
	repeat := out.Status == OK && open && tries <= t.g.Retries && percent(t.key.repeat, n) < t.g.RepeatPercent
	if now >= t.g.Until || t.resting || !repeat && (out.Status != Unknown && out.Code != codeFull || tries >= t.g.Retries) {
		delete(t.tries, op.Value)
		return
	}
	t.tries[op.Value] = tries + 1
	if repeat {
		t.tries[op.Value] = t.g.Retries + 1 // once is enough
	}
	wait := retryEvery/4 + int64(t.key.again.Below(n+uint64(tries), uint64(retryEvery)*2))
	t.again.add(now+wait, op)
}

// number is the number at the end of a value.
func (op *Op) number() uint64 {
	n, unit := uint64(0), uint64(1)
	for i := len(op.Value) - 1; i >= 0 && op.Value[i] >= '0' && op.Value[i] <= '9'; i-- {
		n += uint64(op.Value[i]-'0') * unit
		unit *= 10
	}
	return n
}

func (t *Traffic) rest() { t.resting = true }

func (t *Traffic) busy() bool { return t.open > 0 }

func (t *Traffic) restart(now int64) {
	t.open, t.resting = 0, false
	t.again.clear()
	clear(t.tries)
	for _, a := range [...]*arrivals{&t.pub, &t.read, &t.remove, &t.purge} {
		a.skip(now)
	}
}
