package checker

import (
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/history"
	"github.com/brokerlab/brokerlab/model/spec"
	"github.com/brokerlab/brokerlab/model/subject"
)

// Queue groups and requests, as coreOracle reads them.

func (o *coreOracle) unserved(q string, m int) bool {
	k := o.sentOver(m, o.end())
	if k == nowhere || o.failed(m) {
		return false
	}
	x := o.routed(m, k)
	if x == nowhere {
		return false
	}
	here := o.node(k)
	members, wanted := []uint32{}, false
	for _, s := range o.subs {
		if o.ev[s].Queue != q {
			continue
		}
		if o.got(s, m) != nowhere {
			return false
		}
		if !o.matches(s, m) {
			continue
		}
		if wanted = true; o.outOfReach(s, m, x, here) {
			continue
		}
		if !o.wouldCome(s, m) {
			return false
		}
		members = append(members, o.node(o.madeOn(s, o.end())))
	}
	for i := range o.ev {
		if e := &o.ev[i]; wanted && e.Verb == obsInterest && e.Node == here && e.Peer != 0 && e.Queue == q && subject.Match(e.Subject, o.ev[m].Subject) && o.subscribed(e.Subject, q) {
			if _, ever := o.passes(oracleKey{node: here, peer: e.Peer, filter: e.Subject, queue: q}, m, x); ever && !slices.Contains(members, e.Peer) {
				return false
			}
		}
	}
	return len(members) > 0
}

// subscribed tells whether some client ever asked for this.
func (o *coreOracle) subscribed(filter, q string) bool {
	return slices.ContainsFunc(o.subs, func(s int) bool { return o.ev[s].Subject == filter && o.ev[s].Queue == q })
}

// outOfReach tells whether member s was certainly no choice for m, which was routed at node here by x.
func (o *coreOracle) outOfReach(s, m, x int, here uint32) bool {
	to := o.madeOn(s, o.end())
	switch {
	case to == nowhere:
		return true
	case s < x:
		return o.left(s, m, x, here)
	case o.node(to) == here:
		return true
	}
	c := o.crossed(x, here, o.node(to))
	return c != nowhere && s > c || !o.reaches(o.ev[s].Queue, m, x, here, o.node(to))
}

// reaches tells whether a node could have passed m on to another for a group.
func (o *coreOracle) reaches(q string, m, x int, here, there uint32) bool {
	for _, t := range o.subs {
		if o.ev[t].Queue == q && o.matches(t, m) {
			if _, ever := o.passes(oracleKey{node: here, peer: there, filter: o.ev[t].Subject, queue: q}, m, x); ever {
				return true
			}
		}
	}
	return false
}

// left tells whether member s was certainly no choice for m, which was routed at node here by x.
func (o *coreOracle) left(s, m, x int, here uint32) bool {
	to := o.madeOn(s, o.end())
	there, q := o.node(to), o.ev[s].Queue
	if here != there && o.spokeOf(oracleKey{node: here, peer: there, filter: o.ev[s].Subject, queue: q}) {
		if !o.reaches(q, m, x, here, there) {
			return true
		}
	}
	for i := max(s, to) + 1; i < m; i++ {
		if o.ev[i].Kind == history.Obs && o.ev[i].Verb == history.Down && o.ev[i].Node == there {
			return true
		}
	}
	if own, begun := o.ownOf(s, there); begun {
		on, _ := o.passes(own, s, s)
		for i := s + 1; i < m; i++ {
			t := o.turn(i, own)
			if t < 0 && on {
				return true
			}
			on = on && t == 0 || t > 0
		}
	}
	end := o.over(s)
	if end >= m || o.ev[end].Why == history.ConnLost {
		return false
	}
	read := o.heard(end-1, to)
	return read != nowhere && read < m
}

// ownOf is what a node said of subscription s alone.
func (o *coreOracle) ownOf(s int, node uint32) (own oracleKey, found bool) {
	until := o.ok(o.ev[s].Op)
	if until == nowhere {
		until = o.end()
	}
	n := 0
	for i := range o.ev {
		key := oracleKey{node: node, client: o.ev[s].Client, sid: o.ev[i].Seq, filter: o.ev[s].Subject, queue: o.ev[s].Queue}
		if o.turn(i, key) <= 0 {
			continue
		}
		if _, before := o.passes(key, 0, i-1); !before && i > s && i <= until {
			own, n = key, n+1
		}
	}
	return own, n == 1 && own.sid != 0
}

func (o *coreOracle) requests(n map[spec.ID]int) {
	given := map[string]bool{}
	for i := range o.ev {
		e := &o.ev[i]
		switch {
		case e.Kind == history.Invoke && e.Verb == history.Answer:
			o.answer(i, n)
		case e.Kind == history.OK && e.Verb == history.Request:
			asked := o.ev[o.call[e.Op]].Value
			answer := o.msg(e.Value, i)
			at := strings.LastIndexByte(e.Value, '@')
			if at < 0 || e.Value[:at] != asked || answer == nowhere || o.ev[answer].Verb != history.Answer || given[e.Value] {
				n[spec.ReplyCorrelates]++
			}
			given[e.Value] = true
		}
	}
	for _, m := range o.msgs {
		if i, done := o.ret[o.ev[m].Op]; done && o.ev[m].Verb == history.Request && o.calls(o.ev[m].Value, o.end()) == 1 {
			switch e := &o.ev[i]; {
			case e.Kind == history.Fail && e.Why == history.NoResponders:
				if o.firstDelivery(m) != nowhere || o.someoneThere(m, i) {
					n[spec.NoRespondersTrue]++
				}
			case e.Kind != history.OK && o.answerCame(m, i):
				n[spec.RequestAnswered]++
			}
		}
	}
}

func (o *coreOracle) answer(i int, n map[spec.ID]int) {
	request, _, _ := strings.Cut(o.ev[i].Value, "@")
	m := o.msg(request, i)
	if m == nowhere {
		return
	}
	heard, spoke := 0, 0
	for p := 0; p <= i; p++ {
		e := &o.ev[p]
		if s, known := o.call[e.Sub]; o.core(p) && known && o.ev[s].Verb == history.Subscribe && o.ev[s].Client == o.ev[i].Client && o.msg(e.Value, p) == m {
			heard++
		}
		if e.Kind == history.Invoke && e.Verb == history.Answer && e.Client == o.ev[i].Client && strings.HasPrefix(e.Value, request+"@") {
			spoke++
		}
	}
	if heard < spoke {
		n[spec.ReplyCorrelates]++
	}
}

func (o *coreOracle) someoneThere(m, told int) bool {
	k := o.sentOver(m, o.end())
	if k == nowhere || o.conn(o.ev[m].Client, told) != k {
		return false
	}
	for i := range o.ev {
		e := &o.ev[i]
		if e.Verb == obsInterest && e.Node == o.node(k) && e.N > 0 && subject.Match(e.Subject, o.ev[m].Subject) && (e.Peer != 0 || e.Client != o.ev[m].Client) {
			key := oracleKey{node: e.Node, peer: e.Peer, filter: e.Subject, queue: e.Queue}
			if e.Peer == 0 {
				key.client, key.sid = e.Client, e.Seq
			}
			if all, _ := o.passes(key, m, told); all {
				return true
			}
		}
	}
	for _, s := range o.subs {
		ok, to := o.ok(o.ev[s].Op), o.madeOn(s, o.end())
		if ok == nowhere || ok > m || to == nowhere || o.node(to) != o.node(k) || o.ev[s].Client == o.ev[m].Client || !o.matches(s, m) {
			continue
		}
		if alive := o.heard(told, to); alive != nowhere && alive < o.over(s) {
			return true
		}
	}
	return false
}

func (o *coreOracle) answerCame(m, gave int) bool {
	k := o.sentOver(m, o.end())
	for _, a := range o.msgs {
		if o.ev[a].Verb != history.Answer || !strings.HasPrefix(o.ev[a].Value, o.ev[m].Value+"@") || o.failed(a) || k == nowhere {
			continue
		}
		from := o.sentOver(a, o.end())
		at := o.arrived(a, k, func(start, end int) bool {
			for i := range o.ev {
				if e := &o.ev[i]; e.Verb == obsInterest && e.Node == o.node(from) && e.Peer == o.node(k) && e.Queue == "" && subject.Match(e.Subject, o.ev[a].Subject) {
					if all, _ := o.passes(oracleKey{node: e.Node, peer: e.Peer, filter: e.Subject}, start, end); all {
						return true
					}
				}
			}
			return false
		})
		if at != nowhere && at < gave {
			return true
		}
	}
	return false
}
