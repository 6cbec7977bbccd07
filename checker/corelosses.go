package checker

import (
	"cmp"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
)

// CoreCause is what became of a message of core messaging on its way to one subscriber, or of a request: delivered, or
// the cause of its loss.
type CoreCause string

// Causes. A connection that was lost because its node went down, because it was cut as too slow, or while a fault
// of the plan kept its ends apart, counts as that; so does a route. What is unexplained breaks core-no-unexplained-miss,
// queue-group-served or request-answered. Undecided is what may still be under way when the history ends, and
// what nobody recorded enough of.
const (
	CoreDelivered      CoreCause = "delivered"
	CoreNoInterest     CoreCause = "no interest"             // the publisher's node did not know of it yet, or it had ended
	CoreNotSent        CoreCause = "not sent"                // the publisher's own limits
	CorePublisherLost  CoreCause = "publisher's connection"  // of a request: the requester's
	CoreSubscriberLost CoreCause = "subscriber's connection" // of a request: the responder's
	CoreSlow           CoreCause = "slow consumer"
	CorePartition      CoreCause = "partition"
	CorePause          CoreCause = "pause"
	CoreRoute          CoreCause = "route broken"
	CoreCrash          CoreCause = "crash"
	CoreDropped        CoreCause = "dropped by a node"
	CoreSilent         CoreCause = "no answer"   // of a request: a responder was delivered it, and did not answer
	CoreLate           CoreCause = "late answer" // of a request: it was answered when it had been given up
	CoreUndecided      CoreCause = "undecided"
	CoreUnexplained    CoreCause = "unexplained"
)

// coreCauses are all causes, in the order of reports; where several members of a queue group may have been the one
// chosen, the first that holds for one of them counts.
var coreCauses = []CoreCause{
	CoreDelivered, CoreCrash, CoreSlow, CorePartition, CorePause, CoreRoute, CoreSubscriberLost, CorePublisherLost, CoreDropped, CoreNoInterest, CoreNotSent,
	CoreSilent, CoreLate, CoreUndecided, CoreUnexplained,
}

// CoreMessage is one message sent (a Send) and one subscriber whose filter names its subject at some time of the run: a
// client's subscriptions to one filter, over all its connections, or a queue group. Times are nanoseconds since
// the run began.
type CoreMessage struct {
	Op        uint64    `json:"op"`
	Client    string    `json:"c"`
	Value     string    `json:"v"`
	Subject   string    `json:"subject"`
	To        string    `json:"to"` // the subscribing client; none for a queue group
	Filter    string    `json:"filter,omitempty"`
	Queue     string    `json:"q,omitempty"`
	Time      int64     `json:"t"`
	Delivered int64     `json:"delivered"` // -1: never
	Cause     CoreCause `json:"cause"`
}

// CoreRequestFate is how a request ended.
type CoreRequestFate string

// Fates of requests. Refused is one that was certainly not sent; timed out is whatever has no answer.
const (
	RequestAnswered     CoreRequestFate = "answered"
	RequestNoResponders CoreRequestFate = "no responders"
	RequestRefused      CoreRequestFate = "refused"
	RequestTimedOut     CoreRequestFate = "timed out"
)

// CoreRequest is one request. Cause says why it timed out, or was refused.
type CoreRequest struct {
	Op      uint64          `json:"op"`
	Client  string          `json:"c"`
	Value   string          `json:"v"`
	Subject string          `json:"subject"`
	Time    int64           `json:"t"`
	Done    int64           `json:"done"` // -1: never
	Fate    CoreRequestFate `json:"fate"`
	Cause   CoreCause       `json:"cause,omitempty"`
}

// CoreBalance is how evenly the messages of a queue group went to its members (clients). The statistic of a chi-squared test
// against equal shares, with one degree of freedom fewer than members, is Chi/Messages.
type CoreBalance struct {
	Queue    string  `json:"q"`
	Messages int64   `json:"messages"`
	Members  []Count `json:"members"` // in the order in which they first subscribed
	Chi      int64   `json:"chi"`     // members times the sum of squares, less the square of the sum
}

// CoreReport is what became of all messages and requests of core messaging.
type CoreReport struct {
	Messages []CoreMessage `json:"messages"`
	Requests []CoreRequest `json:"requests"`
	// Causes counts messages by cause, Fates requests by fate and, of those that timed out, by cause ("timed out: crash").
	Causes  []Count       `json:"causes"`
	Fates   []Count       `json:"fates"`
	Balance []CoreBalance `json:"balance"`
}

// CoreLosses says what became of every message and request of core messaging, in call order, and why.
func CoreLosses(h *history.History) *CoreReport {
	rec := newRecord(&h.Header, len(h.Events)/4)
	l := &coreLosses{log: newCoreLog(rec), h: h, came: map[pair]int32{}, answers: map[int32][]int32{}, subscriberOf: map[subscriberKey]int32{}}
	for i := range h.Events {
		s := rec.take(&h.Events[i])
		l.see(&s)
	}
	out := &CoreReport{}
	for id := range l.log.msgs {
		switch m := &l.log.msgs[id]; {
		case m.verb == history.Send && m.subject != none:
			l.message(out, int32(id), m)
		case m.verb == history.Request && m.subject != none:
			out.Requests = append(out.Requests, l.request(int32(id), m))
		}
	}
	out.count()
	l.balance(out)
	return out
}

// coreFates are all fates of requests, in the order of reports.
var coreFates = [...]CoreRequestFate{RequestAnswered, RequestNoResponders, RequestRefused, RequestTimedOut}

// CoreOutcomes are the names by which CoreReport counts messages and requests, in its order.
func CoreOutcomes() (causes, fates []string) {
	for _, c := range coreCauses {
		causes = append(causes, string(c))
	}
	for _, f := range coreFates {
		if f != RequestTimedOut {
			fates = append(fates, string(f))
			continue
		}
		for _, c := range coreCauses {
			fates = append(fates, fateName(f, c))
		}
	}
	return causes, fates
}

// Outcome is the name under which the request is counted.
func (q *CoreRequest) Outcome() string {
	if q.Fate == RequestTimedOut {
		return fateName(q.Fate, q.Cause)
	}
	return string(q.Fate)
}

func (r *CoreReport) count() {
	var causes, fates Stats
	for _, c := range coreCauses {
		n := int64(0)
		for i := range r.Messages {
			if r.Messages[i].Cause == c {
				n++
			}
		}
		causes.count(string(c), n)
	}
	_, names := CoreOutcomes()
	for _, name := range names {
		n := int64(0)
		for i := range r.Requests {
			if r.Requests[i].Outcome() == name {
				n++
			}
		}
		fates.count(name, n)
	}
	r.Causes, r.Fates = causes.Counts, fates.Counts
}

func fateName(f CoreRequestFate, c CoreCause) string {
	if c == "" {
		return string(f)
	}
	return string(f) + ": " + string(c)
}

// coreLosses classifies. It looks back over a whole history.
type coreLosses struct {
	log          *coreLog
	h            *history.History
	subscribers  []subscriber
	subscriberOf map[subscriberKey]int32
	byFilter     [][]int32         // subscribers with a filter, by filter
	came         map[pair]int32    // position of the first delivery, by subscriber and message
	answers      map[int32][]int32 // by request, both as messages
	conns        [][]int32         // connections, by client
	faults       []faultSpan
}

// subscriberKey is a client with a filter, or a queue group (client and filter none).
type subscriberKey struct{ client, filter, queue int32 }

// subscriber is somebody whom messages are meant for, with all subscriptions that it ever had, in call order.
type subscriber struct {
	subscriberKey
	subs []int32
}

func (l *coreLosses) see(s *seen) {
	l.log.see(s)
	switch {
	case s.e.Kind == history.Invoke && s.e.Verb == history.Subscribe:
		id := l.log.ofOp[s.op].sub
		sub := &l.log.subs[id]
		key := subscriberKey{sub.client, sub.filter, none}
		if sub.queue != none {
			key = subscriberKey{none, none, sub.queue}
		}
		l.join(key, id, sub.filter)
	case s.e.Kind == history.Invoke && s.e.Verb == history.Answer:
		l.log.tie(l.answers, s)
	case s.e.Kind == history.Deliver:
		if now := &l.log.now; now.sub != none && now.msg != none {
			sub := &l.log.subs[now.sub]
			key := subscriberKey{sub.client, sub.filter, none}
			if sub.queue != none {
				key = subscriberKey{none, none, sub.queue}
			}
			if p := (pair{l.subscriberOf[key], now.msg}); l.came[p] == 0 {
				l.came[p] = s.pos
			}
		}
	case s.e.Kind == history.Fault:
		l.fault(s)
	case s.e.Verb == history.Connected:
		client := l.log.rec.clients.of(s.e.Client)
		for len(l.conns) <= int(client) {
			l.conns = append(l.conns, nil)
		}
		l.conns[client] = append(l.conns[client], l.log.connOf(client))
	}
}

func (l *coreLosses) join(key subscriberKey, sub, filter int32) {
	id, ok := l.subscriberOf[key]
	if !ok {
		id = int32(len(l.subscribers))
		l.subscriberOf[key] = id
		l.subscribers = append(l.subscribers, subscriber{subscriberKey: key})
	}
	l.subscribers[id].subs = append(l.subscribers[id].subs, sub)
	for len(l.byFilter) <= int(filter) {
		l.byFilter = append(l.byFilter, nil)
	}
	if !slices.Contains(l.byFilter[filter], id) {
		l.byFilter[filter] = append(l.byFilter[filter], id)
	}
}

// wants returns the subscribers whose filters name m's subject, each once, in the order in which they came.
func (l *coreLosses) wants(m *coreMsg) []int32 {
	var ids []int32
	for _, f := range l.log.filters.matching(m.subject, l.log.rec.subjects.names[m.subject]) {
		if int(f) < len(l.byFilter) {
			ids = append(ids, l.byFilter[f]...)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (l *coreLosses) message(out *CoreReport, id int32, m *coreMsg) {
	rec := l.log.rec
	for _, to := range l.wants(m) {
		b := &l.subscribers[to]
		row := CoreMessage{
			Op: rec.ops[m.op].num, Client: rec.clients.names[m.client], Value: rec.nameOf(m.value), Subject: rec.subjects.names[m.subject],
			Time: rec.ops[m.op].callT, Delivered: -1, Cause: CoreDelivered,
		}
		if b.queue != none {
			row.Queue = l.log.queues.names[b.queue]
		} else {
			row.To, row.Filter = rec.clients.names[b.client], l.log.filters.names.names[b.filter]
		}
		if at := l.came[pair{to, id}]; at > 0 {
			row.Delivered = l.h.Events[at].Time
		} else {
			row.Cause = l.cause(m, b)
		}
		out.Messages = append(out.Messages, row)
	}
}

func (l *coreLosses) balance(out *CoreReport) {
	for id := range l.subscribers {
		b := &l.subscribers[id]
		if b.queue == none {
			continue
		}
		balance := CoreBalance{Queue: l.log.queues.names[b.queue]}
		at := map[int32]int{}
		for _, sub := range b.subs {
			client := l.log.subs[sub].client
			if _, ok := at[client]; !ok {
				at[client] = len(balance.Members)
				balance.Members = append(balance.Members, Count{Name: l.log.rec.clients.names[client]})
			}
			balance.Members[at[client]].N += l.log.subs[sub].taken
		}
		squares := int64(0)
		for _, m := range balance.Members {
			balance.Messages += m.N
			squares += m.N * m.N
		}
		balance.Chi = int64(len(balance.Members))*squares - balance.Messages*balance.Messages
		out.Balance = append(out.Balance, balance)
	}
	slices.SortFunc(out.Balance, func(a, b CoreBalance) int { return cmp.Compare(a.Queue, b.Queue) })
}
