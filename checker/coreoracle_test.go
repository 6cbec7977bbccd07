package checker

import (
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
	"github.com/brokerlab/brokerlab/model/subject"
)

// coreOracle reads the statements of model/spec/core.go word for word, by looking through the whole history for
// everything it wants to know: the judges' other implementation.
type coreOracle struct {
	ev   []history.Event
	call map[uint64]int // position of an operation's invocation
	ret  map[uint64]int // and of its completion
	msgs []int          // positions of the first call of each value
	subs []int          // positions of Subscribes
}

const nowhere = -1

func newCoreOracle(h *history.History) *coreOracle {
	o := &coreOracle{ev: h.Events, call: map[uint64]int{}, ret: map[uint64]int{}}
	for i := range o.ev {
		e := &o.ev[i]
		switch {
		case e.Kind == history.Invoke:
			o.call[e.Op] = i
			if o.sends(i) && o.calls(e.Value, i-1) == 0 {
				o.msgs = append(o.msgs, i)
			}
			if e.Verb == history.Subscribe {
				o.subs = append(o.subs, i)
			}
		case e.Kind == history.OK || e.Kind == history.Fail || e.Kind == history.Info:
			o.ret[e.Op] = i
		}
	}
	return o
}

// anomalies counts what breaks each guarantee.
func (o *coreOracle) anomalies() map[spec.ID]int {
	n := map[spec.ID]int{}
	for i := range o.ev {
		if o.core(i) {
			o.delivery(i, n)
		}
	}
	for _, s := range o.subs {
		for _, m := range o.msgs {
			if o.ev[s].Queue == "" && o.missed(s, m) {
				n[spec.CoreNoMiss]++
			}
			if o.ev[s].Queue == "" && o.gap(s, m) {
				n[spec.CoreNoGap]++
			}
		}
	}
	queues := map[string]bool{}
	for _, s := range o.subs {
		queues[o.ev[s].Queue] = true
	}
	delete(queues, "")
	for q := range queues {
		for _, m := range o.msgs {
			if o.unserved(q, m) {
				n[spec.QueueServed]++
			}
		}
	}
	o.requests(n)
	return n
}

func (o *coreOracle) sends(i int) bool {
	return o.ev[i].Kind == history.Invoke && o.ev[i].Value != "" && slices.Contains([]history.Verb{history.Send, history.Request, history.Answer, history.Publish}, o.ev[i].Verb)
}

func (o *coreOracle) core(i int) bool {
	return o.ev[i].Kind == history.Deliver && o.ev[i].Verb == history.Core
}

// calls counts the calls of a value up to a position.
func (o *coreOracle) calls(value string, to int) (n int) {
	for i := 0; i <= to; i++ {
		if o.sends(i) && o.ev[i].Value == value {
			n++
		}
	}
	return n
}

// msg is the first call of a value up to a position.
func (o *coreOracle) msg(value string, to int) int {
	for _, m := range o.msgs {
		if m <= to && o.ev[m].Value == value {
			return m
		}
	}
	return nowhere
}

// conn is the position of the Connected of the connection that a client has.
func (o *coreOracle) conn(client string, at int) int {
	for i := at; i >= 0; i-- {
		if e := &o.ev[i]; e.Kind == history.Obs && e.Client == client {
			switch e.Verb {
			case history.Connected:
				return i
			case history.Disconnected:
				return nowhere
			}
		}
	}
	return nowhere
}

// sentOver is the connection of a message, or nowhere: at is when it is asked.
func (o *coreOracle) sentOver(m, at int) int {
	if o.calls(o.ev[m].Value, at) > 1 {
		return nowhere
	}
	return o.conn(o.ev[m].Client, m)
}

func (o *coreOracle) end() int { return len(o.ev) - 1 }

// madeOn is the connection of a subscription, as known at a position: that on which it was asked for, or else the next, if
// it was still wanted then.
func (o *coreOracle) madeOn(s, at int) int {
	if k := o.conn(o.ev[s].Client, s); k != nowhere {
		return k
	}
	for i := s; i <= at && i < o.over(s); i++ {
		if e := &o.ev[i]; e.Kind == history.Obs && e.Verb == history.Connected && e.Client == o.ev[s].Client {
			return i
		}
	}
	return nowhere
}

func (o *coreOracle) node(k int) uint32 { return o.ev[k].Node }

func (o *coreOracle) ok(op uint64) int {
	if i, done := o.ret[op]; done && o.ev[i].Kind == history.OK {
		return i
	}
	return nowhere
}

func (o *coreOracle) failed(m int) bool {
	i, done := o.ret[o.ev[m].Op]
	return done && o.ev[i].Kind == history.Fail
}

// over is where its client ended a subscription, or was told that it was none.
func (o *coreOracle) over(s int) int {
	for i := range o.ev {
		e := &o.ev[i]
		if e.Kind == history.Invoke && e.Verb == history.Unsubscribe && e.Sub == o.ev[s].Op || e.Kind == history.Fail && e.Op == o.ev[s].Op {
			return i
		}
	}
	return len(o.ev)
}

// answers tells whether event i is an answer over connection k, and to what call.
func (o *coreOracle) answers(i, k int) (call int, ok bool) {
	e := &o.ev[i]
	if !answered(e) {
		return 0, false
	}
	call = o.call[e.Op]
	client := o.ev[call].Client
	return call, o.ev[k].Client == client && o.conn(client, call) == k && o.conn(client, i) == k
}

// routed is R(m).
func (o *coreOracle) routed(m, k int) int {
	for i := m; i < len(o.ev); i++ {
		if call, ok := o.answers(i, k); ok && call >= m {
			return i
		}
	}
	return nowhere
}

// delivers tells whether event i is a delivery over connection k of something sent once, and when that was called.
func (o *coreOracle) delivers(i, k int) (call int, ok bool) {
	if !o.core(i) {
		return 0, false
	}
	s, known := o.call[o.ev[i].Sub]
	m := o.msg(o.ev[i].Value, i)
	if !known || o.ev[s].Verb != history.Subscribe || m == nowhere || o.calls(o.ev[i].Value, i) > 1 {
		return 0, false
	}
	return m, o.madeOn(s, i) == k && o.conn(o.ev[s].Client, i) == k
}

// heard is Heard(x, connection k).
func (o *coreOracle) heard(x, k int) int {
	for i := x + 1; i < len(o.ev); i++ {
		if call, ok := o.answers(i, k); ok && call > x {
			return i
		}
		if call, ok := o.delivers(i, k); ok && call > x {
			return i
		}
	}
	return nowhere
}

// crossed is the first delivery at one node of something called after x by way of another.
func (o *coreOracle) crossed(x int, from, to uint32) int {
	for i := x + 1; i < len(o.ev); i++ {
		if !o.core(i) {
			continue
		}
		k := nowhere
		if s, known := o.call[o.ev[i].Sub]; known {
			k = o.madeOn(s, i)
		}
		if k == nowhere || o.node(k) != to {
			continue
		}
		m, ok := o.delivers(i, k)
		if !ok || m <= x {
			continue
		}
		if over := o.sentOver(m, i); over != nowhere && o.node(over) == from {
			return i
		}
	}
	return nowhere
}

type oracleKey struct {
	node, peer    uint32
	client        string
	sid           uint64
	filter, queue string
}

// turn tells whether event i begins (1) or ends (-1) what a node says it passes on.
func (o *coreOracle) turn(i int, key oracleKey) int {
	e := &o.ev[i]
	switch {
	case e.Kind != history.Obs || e.Node != key.node:
	case e.Verb == history.Down:
		return -1
	case e.Verb != obsInterest || e.Peer != key.peer || e.Subject != key.filter || e.Queue != key.queue || e.Peer == 0 && (e.Client != key.client || e.Seq != key.sid):
	case e.N > 0:
		return 1
	default:
		return -1
	}
	return 0
}

// passes tells whether a node passed something on all the time, ever whether it did at some.
func (o *coreOracle) passes(key oracleKey, from, to int) (all, ever bool) {
	on := false
	for i := 0; i <= from; i++ {
		if t := o.turn(i, key); t != 0 {
			on = t > 0
		}
	}
	all, ever = on, on
	for i := from + 1; i <= to; i++ {
		t := o.turn(i, key)
		all, ever = all && t >= 0, ever || t > 0
	}
	return all, ever
}

func (o *coreOracle) spokeOf(key oracleKey) bool {
	for i := range o.ev {
		if o.turn(i, key) > 0 {
			return true
		}
	}
	return false
}

// arrived is when a message passed on had arrived at connection to; open says whether it was passed on.
func (o *coreOracle) arrived(m, to int, open func(from, to int) bool) int {
	k := o.sentOver(m, o.end())
	if k == nowhere || to == nowhere {
		return nowhere
	}
	x := o.routed(m, k)
	if x == nowhere {
		return nowhere
	}
	if o.node(k) != o.node(to) {
		c := o.crossed(x, o.node(k), o.node(to))
		if c == nowhere || !open(m, c) {
			return nowhere
		}
		x = c
	}
	return o.heard(x, to)
}

func (o *coreOracle) wouldCome(s, m int) bool {
	ok, to := o.ok(o.ev[s].Op), o.madeOn(s, o.end())
	k := o.sentOver(m, o.end())
	if ok == nowhere || ok > m || to == nowhere || k == nowhere || o.ev[s].Client == o.ev[m].Client || o.over(s) < m {
		return false
	}
	key := oracleKey{node: o.node(k), peer: o.node(to), filter: o.ev[s].Subject, queue: o.ev[s].Queue}
	at := o.arrived(m, to, func(from, to int) bool { all, _ := o.passes(key, from, to); return all })
	return at != nowhere && at < o.over(s)
}

func (o *coreOracle) matches(s, m int) bool { return subject.Match(o.ev[s].Subject, o.ev[m].Subject) }

func (o *coreOracle) got(s, m int) int {
	for i := range o.ev {
		if o.core(i) && o.ev[i].Sub == o.ev[s].Op && o.msg(o.ev[i].Value, i) == m {
			return i
		}
	}
	return nowhere
}

func (o *coreOracle) missed(s, m int) bool {
	return o.matches(s, m) && !o.failed(m) && o.got(s, m) == nowhere && o.wouldCome(s, m)
}

// neighbours are the deliveries to s of what was sent over the connection of m, as far as they are first ones.
func (o *coreOracle) neighbours(s, k, to int) (list []int) {
	for i := 0; i <= to; i++ {
		if !o.core(i) || o.ev[i].Sub != o.ev[s].Op {
			continue
		}
		m := o.msg(o.ev[i].Value, i)
		if m == nowhere || o.sentOver(m, i) != k || k == nowhere {
			continue
		}
		if _, ok := o.delivers(i, o.madeOn(s, i)); ok {
			list = append(list, i)
		}
	}
	return list
}

func (o *coreOracle) gap(s, m int) bool {
	k := o.sentOver(m, o.end())
	if k == nowhere || !o.matches(s, m) || o.failed(m) || o.got(s, m) != nowhere {
		return false
	}
	for _, at := range o.neighbours(s, k, o.end()) {
		last := o.msg(o.ev[at].Value, at)
		first := nowhere
		for _, i := range o.neighbours(s, k, at-1) {
			first = max(first, o.msg(o.ev[i].Value, i))
		}
		if o.got(s, last) != at || first == nowhere || first < s || first > m || last < m {
			continue
		}
		here, there := o.node(k), o.node(o.madeOn(s, at))
		all, _ := o.passes(oracleKey{node: here, peer: there, filter: o.ev[s].Subject}, m, at)
		if here == there || all {
			return true
		}
	}
	return false
}

func (o *coreOracle) delivery(i int, n map[spec.ID]int) {
	e := &o.ev[i]
	s, known := o.call[e.Sub]
	if !known || o.ev[s].Verb != history.Subscribe {
		return
	}
	m := o.msg(e.Value, i)
	if m == nowhere {
		if !systems(e.Subject) {
			n[spec.CoreNoPhantom]++
		}
		return
	}
	o.phantom(i, s, m, n)
	before, group := 0, 0
	for p := range i {
		if !o.core(p) || o.ev[p].Value != e.Value || o.msg(e.Value, p) == nowhere {
			continue // one that came before it was sent is a phantom
		}
		if o.ev[p].Sub == e.Sub {
			before++
		}
		if t, ok := o.call[o.ev[p].Sub]; ok && o.ev[s].Queue != "" && o.ev[t].Queue == o.ev[s].Queue {
			group++
		}
	}
	if before >= o.calls(e.Value, i) {
		n[spec.CoreAtMostOnce]++
	}
	if group >= o.calls(e.Value, i) {
		n[spec.QueueOne]++
	}
	k := o.sentOver(m, i)
	if _, ok := o.delivers(i, o.madeOn(s, i)); !ok || before > 0 || k == nowhere {
		return
	}
	for _, p := range o.neighbours(s, k, i-1) {
		if o.msg(o.ev[p].Value, p) > m {
			n[spec.CoreOrder]++
			return
		}
	}
}

func (o *coreOracle) phantom(i, s, m int, n map[spec.ID]int) {
	e := &o.ev[i]
	k, to := o.sentOver(m, i), o.madeOn(s, i)
	ret, done := o.ret[o.ev[m].Op]
	unsent := done && o.ev[ret].Kind == history.Fail && o.ev[ret].Why != history.NoResponders && o.ev[m].Verb != history.Publish
	switch {
	case e.Subject != o.ev[m].Subject, !o.matches(s, m), unsent && ret < i:
		n[spec.CoreNoPhantom]++
	case unsent && o.firstDelivery(m) == i:
		n[spec.CoreNoPhantom]++
	case k != nowhere && to != nowhere && o.node(k) == o.node(to) && o.routed(m, k) != nowhere && o.routed(m, k) < s:
		n[spec.CoreNoPhantom]++
	}
}

func (o *coreOracle) firstDelivery(m int) int {
	for i := range o.ev {
		if o.core(i) && o.msg(o.ev[i].Value, i) == m {
			if s, known := o.call[o.ev[i].Sub]; known && o.ev[s].Verb == history.Subscribe {
				return i
			}
		}
	}
	return nowhere
}
