package checker

import (
	"slices"
	"strconv"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/subject"
)

// serve lets a node take one thing from a connection.
func (w *coreWorld) serve(k *worldConn) {
	if k == nil || !k.open || len(k.out) == 0 {
		return
	}
	item := k.out[0]
	k.out = k.out[1:]
	switch item.kind {
	case "pub":
		if !w.route(k.node, item, true) && item.reply != "" {
			k.in = append(k.in, worldItem{kind: "none", num: item.num})
		}
	case "sub":
		w.subscribe(&worldSub{conn: k, num: item.num, filter: item.subject, queue: item.queue})
	case "unsub":
		for _, s := range slices.Clone(k.node.subs) {
			if s.conn == k && s.num == item.num {
				w.unsubscribe(s)
			}
		}
	case "ping":
		k.in = append(k.in, worldItem{kind: "pong", num: item.num})
	}
}

func (n *worldNode) count(key worldKey) (count int) {
	for _, s := range n.subs {
		if s.filter == key.filter && s.queue == key.queue {
			count++
		}
	}
	return count
}

func (w *coreWorld) subscribe(s *worldSub) {
	n := s.conn.node
	key := worldKey{s.filter, s.queue}
	n.subs = append(n.subs, s)
	w.says(n, 1, s.conn.client.name, s.num, 0, s.filter, s.queue)
	if n.count(key) == 1 {
		w.flood(n, worldItem{kind: "add", subject: s.filter, queue: s.queue})
	}
}

func (w *coreWorld) unsubscribe(s *worldSub) {
	n := s.conn.node
	n.subs = slices.DeleteFunc(n.subs, func(t *worldSub) bool { return t == s })
	w.says(n, 0, s.conn.client.name, s.num, 0, s.filter, s.queue)
	if n.count(worldKey{s.filter, s.queue}) == 0 {
		w.flood(n, worldItem{kind: "remove", subject: s.filter, queue: s.queue})
	}
}

func (w *coreWorld) flood(n *worldNode, item worldItem) {
	for _, rt := range w.routes {
		for side := range rt.ends {
			if rt.ends[side] == n {
				rt.send(side, item)
			}
		}
	}
}

func (rt *worldRoute) send(side int, item worldItem) {
	if rt.up[side] {
		item.gen = rt.upGen[side]
		rt.out[side] = append(rt.out[side], item)
	}
}

// route passes a message on: to clients here, and from the node where it began to other nodes.
func (w *coreWorld) route(n *worldNode, item worldItem, began bool) (reached bool) {
	type candidate struct {
		sub  *worldSub
		peer uint32
	}
	groups := map[string][]candidate{}
	var names []string
	hops := map[uint32][]string{}
	join := func(queue string, c candidate) {
		if groups[queue] == nil {
			names = append(names, queue)
		}
		groups[queue] = append(groups[queue], c)
	}
	for _, s := range slices.Clone(n.subs) {
		switch {
		case !subject.Match(s.filter, item.subject):
		case s.queue == "":
			w.give(s, item)
			reached = true
		case began || slices.Contains(item.queues, s.queue):
			join(s.queue, candidate{sub: s})
		}
	}
	for peer := uint32(1); began && peer <= uint32(len(w.nodes)); peer++ {
		for _, key := range n.remote[peer] {
			if !subject.Match(key.filter, item.subject) {
				continue
			}
			if key.queue == "" {
				hops[peer] = append(hops[peer], "")
			} else {
				join(key.queue, candidate{peer: peer})
			}
		}
	}
	for _, name := range names {
		c := groups[name][w.r.IntN(len(groups[name]))]
		if reached = true; c.sub != nil {
			w.give(c.sub, item)
		} else {
			hops[c.peer] = append(hops[c.peer], name)
		}
	}
	for _, rt := range w.routes {
		for side := range rt.ends {
			queues := hops[rt.ends[1-side].id]
			if rt.ends[side] == n && len(queues) > 0 {
				reached = true
				rt.send(side, worldItem{kind: "route", subject: item.subject, value: item.value, reply: item.reply, queues: queues})
			}
		}
	}
	return reached
}

// give writes a message to a client: to its inbox what answers a request.
func (w *coreWorld) give(s *worldSub, item worldItem) {
	out := worldItem{kind: "msg", num: s.num, subject: item.subject, value: item.value, reply: item.reply}
	if s.num == 0 {
		out.kind = "answer"
		out.num, _ = strconv.ParseUint(item.subject[strings.LastIndexByte(item.subject, '.')+1:], 10, 64)
	}
	s.conn.in = append(s.conn.in, out)
}

// cross lets a node take one thing that the other end of a route sent.
func (w *coreWorld) cross(rt *worldRoute, side int) {
	if len(rt.out[side]) == 0 {
		return
	}
	item, to := rt.out[side][0], 1-side
	if item.gen > rt.upGen[to] {
		return // the session has begun, and the other end will hear of it
	}
	rt.out[side] = rt.out[side][1:]
	n, from := rt.ends[to], rt.ends[side].id
	if !rt.up[to] || item.gen != rt.upGen[to] {
		return // lost
	}
	key := worldKey{item.subject, item.queue}
	switch item.kind {
	case "route":
		w.route(n, item, false)
	case "add":
		if !slices.Contains(n.remote[from], key) {
			n.remote[from] = append(n.remote[from], key)
			w.says(n, 1, "", 0, from, key.filter, key.queue)
		}
	case "remove":
		if slices.Contains(n.remote[from], key) {
			n.remote[from] = slices.DeleteFunc(n.remote[from], func(k worldKey) bool { return k == key })
			w.says(n, 0, "", 0, from, key.filter, key.queue)
		}
	}
}

// notice lets one end of a route find it broken.
func (w *coreWorld) notice(rt *worldRoute, side int) {
	if !rt.up[side] {
		return
	}
	rt.up[side], rt.out[side] = false, nil
	w.forget(rt.ends[side], rt.ends[1-side].id)
}

func (w *coreWorld) forget(n *worldNode, peer uint32) {
	for _, key := range n.remote[peer] {
		w.says(n, 0, "", 0, peer, key.filter, key.queue)
	}
	n.remote[peer] = nil
}

// mend begins a new session if an end knows the old one to be broken, and lets one end hear of it.
func (w *coreWorld) mend(rt *worldRoute) {
	if !rt.ends[0].up || !rt.ends[1].up {
		return
	}
	if rt.upGen[0] == rt.gen && rt.upGen[1] == rt.gen {
		if rt.up[0] && rt.up[1] {
			return
		}
		rt.gen++
	}
	side := w.r.IntN(2)
	if rt.upGen[side] == rt.gen {
		return
	}
	w.notice(rt, side)
	rt.up[side], rt.upGen[side] = true, rt.gen
	var told []worldKey
	for _, s := range rt.ends[side].subs {
		if key := (worldKey{s.filter, s.queue}); !slices.Contains(told, key) {
			told = append(told, key)
			rt.send(side, worldItem{kind: "add", subject: key.filter, queue: key.queue})
		}
	}
}

func (w *coreWorld) crash(n *worldNode) {
	if !n.up {
		n.up = true
		w.put(history.Event{Kind: history.Obs, Verb: history.Up, Node: n.id})
		return
	}
	w.put(history.Event{Kind: history.Obs, Verb: history.Down, Node: n.id, Why: history.DownCrash})
	n.up = false
	for _, s := range n.subs {
		s.conn.open = false
	}
	n.subs, n.remote = nil, map[uint32][]worldKey{}
	for _, rt := range w.routes {
		for side := range rt.ends {
			if rt.ends[side] == n {
				rt.up[side], rt.out[side] = false, nil
			}
		}
	}
}

// heal brings everything up again.
func (w *coreWorld) heal() {
	for _, n := range w.nodes {
		if !n.up {
			w.crash(n)
		}
	}
	for _, c := range w.clients {
		if c.conn != nil && !c.conn.open {
			w.lose(c)
		}
	}
	for len(w.left) > 0 {
		w.find()
	}
	for _, c := range w.clients {
		for c.conn == nil {
			w.connect(c)
		}
	}
	for range 40 {
		for _, rt := range w.routes {
			w.mend(rt)
		}
	}
	w.drain()
}

// drain lets everything that is under way arrive, in an order drawn.
func (w *coreWorld) drain() {
	for busy := true; busy; {
		busy = false
		for _, i := range w.r.Perm(len(w.clients)) {
			c := w.clients[i]
			for c.conn != nil && len(c.conn.out) > 0 {
				w.serve(c.conn)
				busy = true
			}
			for c.conn != nil && len(c.conn.in) > 0 {
				w.hear(c)
				busy = true
			}
		}
		for _, rt := range w.routes {
			for side := range rt.ends {
				for len(rt.out[side]) > 0 {
					w.cross(rt, side)
					busy = true
				}
			}
		}
	}
}
