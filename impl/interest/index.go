package interest

import (
	"maps"
	"slices"

	"github.com/brokerlab/brokerlab/model/subject"
)

// InboxPrefix begins the subjects that are replied to once and never cached, and ackPrefix those of a consumer's
// acks, each of which is published to once or twice.
const (
	InboxPrefix = "_INBOX."
	ackPrefix   = "$JS.ACK."
)

// once says whether a subject is not worth keeping an answer for.
func once[S subject.Text](name S) bool {
	return len(name) > len(InboxPrefix) && (string(name[:len(InboxPrefix)]) == InboxPrefix ||
		len(name) > len(ackPrefix) && string(name[:len(ackPrefix)]) == ackPrefix)
}

// Index maps subjects to the subscriptions that want them. T identifies a subscription.
type Index[T comparable] struct {
	// Stale keeps answers that name what was removed. It is a fault, to be planted.
	Stale bool

	root  node[T]
	byKey map[key[T]]uint64
	next  uint64
	gen   uint64
	cache cache[T]
	work  Result[T]
	spare gather[T]
}

type key[T comparable] struct {
	subject, queue string
	sub            T
}

// Result is who wants a subject.
type Result[T comparable] struct {
	Plain  []T
	Queues []Queue[T]

	subs  []T // what Queues point into
	found gather[T]
}

// Queue is the members of one queue group that want a subject.
type Queue[T comparable] struct {
	Name string
	Subs []T
}

// Empty says that nobody wants the subject.
func (r *Result[T]) Empty() bool { return len(r.Plain) == 0 && len(r.Queues) == 0 }

// New returns an empty index.
func New[T comparable]() *Index[T] {
	return &Index[T]{byKey: map[key[T]]uint64{}, gen: 1, cache: newCache[T]()}
}

// Gen changes with every Add and Remove that did something; it is never 0.
func (x *Index[T]) Gen() uint64 { return x.gen }

// Len is the number of subscriptions.
func (x *Index[T]) Len() int { return len(x.byKey) }

// Add puts sub under filter, as a member of queue unless that is "". It returns false and
// changes nothing if the filter is not valid or the very same subscription is there.
func (x *Index[T]) Add(filter, queue string, sub T) bool {
	k := key[T]{filter, queue, sub}
	if _, dup := x.byKey[k]; dup || !subject.ValidFilter(filter) {
		return false
	}
	x.next++
	x.byKey[k] = x.next
	n := &x.root
	for more := true; more; {
		var token string
		token, filter, more = subject.Cut(filter)
		n = n.grow(token)
	}
	n.add(queue, member[T]{x.next, sub})
	x.changed(k.subject)
	return true
}

// Remove takes away what Add put there; false if it was not there.
func (x *Index[T]) Remove(filter, queue string, sub T) bool {
	k := key[T]{filter, queue, sub}
	order, ok := x.byKey[k]
	if !ok {
		return false
	}
	delete(x.byKey, k)
	x.root.remove(filter, queue, order)
	if !x.Stale {
		x.changed(filter)
	}
	return true
}

func (x *Index[T]) changed(filter string) {
	x.gen++
	if !once(filter) {
		x.cache.drop(filter)
	}
}

// Match returns who wants the literal subject name: nobody if it has an empty token, as in nats-server. The answer may be used, and kept,
// until Gen changes, except for inboxes and acks: their answer is built in
// scratch and is valid until scratch is used again. A nil scratch means one of the index's
// own, valid until the next Match. The caller never changes what it is given.
func (x *Index[T]) Match(name []byte, scratch *Result[T]) *Result[T] {
	if once(name) {
		if scratch == nil {
			scratch = &x.work
		}
		x.find(name, &scratch.found)
		scratch.found.build(scratch)
		return scratch
	}
	if r := x.cache.get(name); r != nil {
		return r
	}
	r := &Result[T]{}
	x.find(name, &x.spare)
	x.spare.build(r)
	x.cache.put(string(name), r)
	return r
}

func (x *Index[T]) find(name []byte, g *gather[T]) {
	token := 0 // where the present one begins
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != subject.Separator {
			continue
		}
		if i == token {
			return
		}
		token = i + 1
	}
	x.root.match(name, g)
}

// Each calls f for every subscription in the order they were added.
func (x *Index[T]) Each(f func(filter, queue string, sub T)) {
	older := func(a, b key[T]) int { return cmpOrder(x.byKey[a], x.byKey[b]) }
	for _, k := range slices.SortedFunc(maps.Keys(x.byKey), older) {
		f(k.subject, k.queue, k.sub)
	}
}
