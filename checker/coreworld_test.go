package checker

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/brokerlab/brokerlab/model/history"
)

// coreWorld is a small model of core messaging: nodes that pass messages on to their clients and to one another by
// interest, connections and routes that carry things in order and break, nodes that crash. Whatever it does is
// right, and it writes the history of it. Every hop of everything is a step of its own, drawn.
type coreWorld struct {
	r       *rand.Rand
	h       *history.History
	now     int64
	ops     uint64
	values  int
	nodes   []*worldNode // index is the number less one
	clients []*worldClient
	routes  []*worldRoute
	asked   map[uint64]int // where an operation was called
	left    []*worldConn   // their clients have lost them, and no node has noticed
	// mute nodes say nothing of interest.
	mute bool
}

type worldNode struct {
	id     uint32
	up     bool
	subs   []*worldSub
	remote map[uint32][]worldKey
}

type worldKey struct{ filter, queue string }

// worldSub is a subscription at a node.
type worldSub struct {
	conn   *worldConn
	num    uint64 // operation of its Subscribe; 0 for an inbox
	filter string
	queue  string
}

type worldConn struct {
	client     *worldClient
	node       *worldNode
	open       bool // in the node's eyes
	out, in    []worldItem
	subs       []uint64 // in the client's eyes
	requests   []uint64
	unanswered map[uint64]history.Event // awaiting a PONG, or an answer
}

// worldItem is something on a connection or route.
type worldItem struct {
	kind    string // pub, sub, unsub, ping; msg, pong, answer, none; add, remove, route
	subject string
	value   string
	reply   string
	queue   string
	queues  []string
	num     uint64
	gen     int
}

type worldClient struct {
	name  string
	conn  *worldConn
	asked []history.Event // operations that wait for a connection
	todo  []worldItem     // requests to answer
}

// worldRoute is the session between two nodes.
type worldRoute struct {
	ends  [2]*worldNode
	gen   int
	up    [2]bool
	upGen [2]int
	out   [2][]worldItem
}

func newCoreWorld(r *rand.Rand) *coreWorld {
	w := &coreWorld{r: r, h: &history.History{}, asked: map[uint64]int{}, mute: r.IntN(10) == 0}
	for i := range 3 {
		w.nodes = append(w.nodes, &worldNode{id: uint32(i + 1), up: true, remote: map[uint32][]worldKey{}})
	}
	for i := range 3 {
		for k := range i {
			w.routes = append(w.routes, &worldRoute{ends: [2]*worldNode{w.nodes[k], w.nodes[i]}})
		}
	}
	for i := range 4 {
		w.clients = append(w.clients, &worldClient{name: fmt.Sprintf("c%d", i+1)})
	}
	return w
}

func (w *coreWorld) put(e history.Event) history.Event {
	w.now += 1_000_000
	e.Index, e.Time = uint64(len(w.h.Events)+1), w.now
	w.h.Events = append(w.h.Events, e)
	return e
}

// says writes that a node begins (n 1) or ceases to pass something on: to another, or by sid to a client of its own.
func (w *coreWorld) says(node *worldNode, n int64, client string, sid uint64, peer uint32, filter, queue string) {
	if !w.mute && node.up {
		w.put(history.Event{Kind: history.Obs, Verb: obsInterest, Node: node.id, Client: client, Seq: sid, Peer: peer, Subject: filter, Queue: queue, N: n})
	}
}

// coreHistory runs a world: disorder, then peace.
func coreHistory(r *rand.Rand, steps int) *history.History {
	w := newCoreWorld(r)
	for range steps {
		w.step()
	}
	w.heal()
	w.put(history.Event{Kind: history.Obs, Verb: history.Healed})
	for range 10 {
		w.now += 1_000_000_000
		for range 5 {
			w.act(w.clients[w.r.IntN(len(w.clients))])
		}
		w.drain()
	}
	return w.h
}

func (w *coreWorld) step() {
	c := w.clients[w.r.IntN(len(w.clients))]
	switch k := w.r.IntN(100); {
	case k < 22:
		w.act(c)
	case k < 45:
		w.serve(c.conn)
	case k < 65:
		w.hear(c)
	case k < 85:
		rt := w.routes[w.r.IntN(len(w.routes))]
		w.cross(rt, w.r.IntN(2))
	case k < 92:
		w.mend(w.routes[w.r.IntN(len(w.routes))])
	case k < 94:
		rt := w.routes[w.r.IntN(len(w.routes))]
		w.notice(rt, w.r.IntN(2))
	case k < 95:
		w.find()
	case k < 96:
		if c.conn != nil && (!c.conn.open || w.r.IntN(3) == 0) {
			w.lose(c)
		}
	case k < 97:
		if c.conn != nil && c.conn.open {
			w.put(history.Event{Kind: history.Obs, Verb: obsDropped, Node: c.conn.node.id, Client: c.name, N: 1, Why: cutPrefix + "Slow Consumer"})
			w.shut(c.conn)
		}
	case k < 98:
		w.crash(w.nodes[w.r.IntN(len(w.nodes))])
	default:
		w.giveUp(c)
	}
}

var (
	worldSubjects = []string{"a", "a.x", "a.y", "b", "svc.1", "svc.2"}
	worldFilters  = []string{"a", "a.*", "a.x", "a.>", "b", ">", "svc.*", "svc.1"}
)

// act lets a client do something.
func (w *coreWorld) act(c *worldClient) {
	if c.conn == nil && w.r.IntN(3) > 0 {
		w.connect(c)
		return
	}
	pick := func(of []string) string { return of[w.r.IntN(len(of))] }
	switch k := w.r.IntN(20); {
	case len(c.todo) > 0 && k < 8 && c.conn != nil:
		t := c.todo[0]
		c.todo = c.todo[1:]
		w.ask(c, history.Event{Verb: history.Answer, Subject: t.reply, Value: t.value + "@" + c.name})
	case k < 10:
		w.ask(c, history.Event{Verb: history.Send, Subject: pick(worldSubjects[:4]), Value: w.value()})
	case k < 13:
		w.ask(c, history.Event{Verb: history.Request, Subject: pick(worldSubjects[4:]), Value: w.value()})
	case k < 16:
		if c.conn == nil || len(c.conn.subs) < 3 {
			queue := []string{"", "", "g", "h"}[w.r.IntN(4)]
			w.ask(c, history.Event{Verb: history.Subscribe, Subject: pick(worldFilters), Queue: queue})
		}
	case k < 17 && c.conn != nil && len(c.conn.subs) > 0:
		i := w.r.IntN(len(c.conn.subs))
		sub := c.conn.subs[i]
		c.conn.subs = slices.Delete(c.conn.subs, i, i+1)
		w.ask(c, history.Event{Verb: history.Unsubscribe, Sub: sub})
	default:
		w.ask(c, history.Event{Verb: history.Flush})
	}
}

func (w *coreWorld) value() string {
	w.values++
	return fmt.Sprintf("v%d", w.values)
}

// ask invokes an operation and writes it, or lets it wait for a connection.
func (w *coreWorld) ask(c *worldClient, e history.Event) {
	w.ops++
	e.Kind, e.Op, e.Client = history.Invoke, w.ops, c.name
	w.asked[w.ops] = len(w.h.Events)
	e = w.put(e)
	switch {
	case c.conn != nil:
		w.write(c, e)
	case e.Verb == history.Unsubscribe || e.Verb == history.Flush || w.r.IntN(2) == 0:
		w.done(e, history.Fail, "", "not sent")
	default:
		c.asked = append(c.asked, e)
	}
}

func (w *coreWorld) done(e history.Event, kind history.Kind, value, why string) {
	w.put(history.Event{Kind: kind, Verb: e.Verb, Op: e.Op, Client: e.Client, Value: value, Why: why})
}

func (w *coreWorld) write(c *worldClient, e history.Event) {
	k := c.conn
	k.unanswered[e.Op] = e
	item := worldItem{kind: "pub", subject: e.Subject, value: e.Value, num: e.Op, queue: e.Queue}
	switch e.Verb {
	case history.Subscribe:
		item.kind = "sub"
		k.subs = append(k.subs, e.Op)
	case history.Unsubscribe:
		item.kind, item.num = "unsub", e.Sub
	case history.Flush:
		item.kind = "ping"
	case history.Request:
		item.reply = fmt.Sprintf("_INBOX.%s.%d", c.name, e.Op)
		k.requests = append(k.requests, e.Op)
	}
	k.out = append(k.out, item)
	if e.Verb != history.Flush && e.Verb != history.Request {
		k.out = append(k.out, worldItem{kind: "ping", num: e.Op})
	}
}

func (w *coreWorld) connect(c *worldClient) {
	n := w.nodes[w.r.IntN(len(w.nodes))]
	if !n.up {
		return
	}
	c.conn = &worldConn{client: c, node: n, open: true, unanswered: map[uint64]history.Event{}}
	w.subscribe(&worldSub{conn: c.conn, filter: "_INBOX." + c.name + ".*"})
	w.put(history.Event{Kind: history.Obs, Verb: history.Connected, Client: c.name, Node: n.id})
	for _, e := range c.asked {
		w.write(c, e)
	}
	c.asked = nil
}

// lose lets a client find its connection gone.
func (w *coreWorld) lose(c *worldClient) {
	k := c.conn
	w.put(history.Event{Kind: history.Obs, Verb: history.Disconnected, Client: c.name, Node: k.node.id})
	for _, sub := range k.subs {
		w.ops++
		e := history.Event{Kind: history.Invoke, Verb: history.Unsubscribe, Op: w.ops, Client: c.name, Sub: sub, Why: history.ConnLost}
		w.done(w.put(e), history.Info, "", "")
	}
	for _, op := range slices.Sorted(maps.Keys(k.unanswered)) {
		w.done(k.unanswered[op], history.Info, "", "")
	}
	c.conn, c.todo = nil, nil
	if w.left = append(w.left, k); w.r.IntN(2) == 0 {
		w.find()
	}
	for _, sub := range k.subs { // who had asked for something asks for it again
		if e := w.h.Events[w.asked[sub]]; w.r.IntN(2) == 0 {
			w.ask(c, history.Event{Verb: history.Subscribe, Subject: e.Subject, Queue: e.Queue})
		}
	}
}

// find lets a node find that a client is gone, which may long be connected anew. It may have read what was on its way.
func (w *coreWorld) find() {
	if len(w.left) > 0 {
		i := w.r.IntN(len(w.left))
		k := w.left[i]
		w.left = slices.Delete(w.left, i, i+1)
		w.shut(k)
	}
}

// shut ends a connection in the node's eyes.
func (w *coreWorld) shut(k *worldConn) {
	for k.open && len(k.out) > 0 && k.client.conn != k && w.r.IntN(2) == 0 {
		w.serve(k)
	}
	k.open = false
	for _, s := range slices.Clone(k.node.subs) {
		if s.conn == k {
			w.unsubscribe(s)
		}
	}
}

// giveUp lets a client give up a request.
func (w *coreWorld) giveUp(c *worldClient) {
	if c.conn == nil || len(c.conn.requests) == 0 {
		return
	}
	op := c.conn.requests[0]
	c.conn.requests = c.conn.requests[1:]
	if e, ok := c.conn.unanswered[op]; ok {
		delete(c.conn.unanswered, op)
		w.done(e, history.Info, "", "")
	}
}

// hear lets a client take one thing from its connection.
func (w *coreWorld) hear(c *worldClient) {
	if c.conn == nil || len(c.conn.in) == 0 {
		return
	}
	k := c.conn
	item := k.in[0]
	k.in = k.in[1:]
	e, open := k.unanswered[item.num]
	switch item.kind {
	case "msg":
		if !slices.Contains(k.subs, item.num) {
			return // unsubscribed
		}
		w.put(history.Event{Kind: history.Deliver, Verb: history.Core, Client: c.name, Sub: item.num, Subject: item.subject, Value: item.value})
		if item.reply != "" && w.r.IntN(6) > 0 {
			c.todo = append(c.todo, item)
		}
	case "pong", "answer", "none":
		if !open {
			return
		}
		delete(k.unanswered, item.num)
		kind, why := history.OK, ""
		if item.kind == "none" {
			kind, why = history.Fail, history.NoResponders
		}
		w.done(e, kind, item.value, why)
	}
}
