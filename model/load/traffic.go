package load

import (
	"strconv"

	"github.com/brokerlab/brokerlab/model/history"
)

// Traffic is one client's publishes and reads with open-loop arrivals: an operation is due when
// its time has come, whether or not the ones before it were answered, so that a stall is felt
// by every operation that falls into it.
//
// Invariant: no value is ever published twice by a client, and arrival number n is at the same
// time in every run of the seed, whatever was answered before.
type Traffic struct {
	name string
	g    Group
	key  Key
	pub  arrivals
	read arrivals

	open  int
	shed  int64
	known map[string]uint64 // newest sequence this client has heard of, by stream
}

// arrivals is one stream of due times.
type arrivals struct {
	key  Key
	mean int64
	n    uint64
	at   int64
}

func newArrivals(key Key, mean, from int64) arrivals {
	a := arrivals{key: key, mean: mean, at: from}
	if mean > 0 {
		a.step()
	}
	return a
}

// step moves on to the next arrival. Two arrivals are at least a microsecond apart, which bounds
// what one wake-up can bring.
func (a *arrivals) step() {
	a.at += max(a.key.Exponential(a.n, a.mean), 1000)
	a.n++
}

// due says whether an arrival has come by now and before until.
func (a *arrivals) due(now, until int64) bool { return a.mean > 0 && a.at <= now && a.at < until }

// NewTraffic is the load of the client called name, a member of group g. Values are name-1,
// name-2 and so on.
func NewTraffic(name string, g Group, key Key) *Traffic {
	return &Traffic{
		name: name, g: g, key: key,
		pub:   newArrivals(key.Sub("publish gap"), g.publishGap(), g.From),
		read:  newArrivals(key.Sub("read gap"), g.readGap(), g.From),
		known: map[string]uint64{},
	}
}

// Shed is the number of arrivals given up because MaxOpen operations were unanswered.
func (t *Traffic) Shed() int64 { return t.shed }

// Next returns the earliest operation due.
func (t *Traffic) Next(now int64) (Op, bool, int64) {
	for {
		p, r := t.pub.due(now, t.g.Until), t.read.due(now, t.g.Until)
		if !p && !r {
			return Op{}, false, t.wake()
		}
		var op Op
		if p && (!r || t.pub.at <= t.read.at) {
			op = t.publish(t.pub.n)
			t.pub.step()
		} else {
			op = t.lookup(t.read.n)
			t.read.step()
		}
		if t.open >= t.g.MaxOpen {
			t.shed++
			continue
		}
		t.open++
		return op, true, 0
	}
}

// wake is the next arrival's time, or 0 when none will come.
func (t *Traffic) wake() int64 {
	var w int64
	for _, a := range [...]*arrivals{&t.pub, &t.read} {
		if a.mean > 0 && a.at < t.g.Until && (w == 0 || a.at < w) {
			w = a.at
		}
	}
	return w
}

// publish is the client's n-th publish.
func (t *Traffic) publish(n uint64) Op {
	s := t.stream(t.key.Sub("publish stream"), n)
	op := Op{
		Verb: history.Publish, Stream: s, Subject: s + "." + t.name,
		Value: t.name + "-" + strconv.FormatUint(n, 10), Size: t.g.Bytes, Timeout: t.g.Timeout,
	}
	if t.key.Sub("conditional").Below(n, 100) < uint64(t.g.ConditionalPercent) {
		op.Expect = t.known[s] + 1
	}
	return op
}

// lookup is the client's n-th read: the newest message, or one of those a reader that lags a
// little would want; one in sixteen asks a little beyond the end.
func (t *Traffic) lookup(n uint64) Op {
	s := t.stream(t.key.Sub("read stream"), n)
	known := t.known[s]
	if known == 0 || t.key.Sub("last").Below(n, 100) < uint64(t.g.LastPercent) {
		return Op{Verb: history.Last, Stream: s, Timeout: t.g.Timeout}
	}
	op := Op{Verb: history.Read, Stream: s, Timeout: t.g.Timeout}
	back := uint64(t.key.Sub("lag").Exponential(n, recent))
	switch {
	case t.key.Sub("beyond").Below(n, 16) == 0:
		op.Seq = known + 1 + t.key.Sub("how far").Below(n, 3)
	case back >= known:
		op.Seq = 1 + t.key.Sub("anywhere").Below(n, known)
	default:
		op.Seq = known - back
	}
	return op
}

// recent is how far behind the newest message a read is on average.
const recent = 40

func (t *Traffic) stream(k Key, n uint64) string {
	return t.g.Streams[k.Below(n, uint64(len(t.g.Streams)))]
}

// Done learns how far a stream has come.
func (t *Traffic) Done(_ int64, op Op, out Outcome) {
	t.open--
	if out.Status != OK || out.NotFound {
		return
	}
	seq := out.Seq
	if op.Verb == history.Read {
		seq = op.Seq
	}
	t.known[op.Stream] = max(t.known[op.Stream], seq)
}
