package interest

import (
	"slices"
	"strings"
)

// gather collects what the branches of a match hold, before it is put in order.
type gather[T comparable] struct {
	plain  []member[T]
	queued []queued[T]
	nodes  int
}

type queued[T comparable] struct {
	queue string
	member[T]
}

func (g *gather[T]) reset() { g.plain, g.queued, g.nodes = g.plain[:0], g.queued[:0], 0 }

func (g *gather[T]) take(n *node[T]) {
	if len(n.plain) == 0 && len(n.queues) == 0 {
		return
	}
	g.nodes++
	g.plain = append(g.plain, n.plain...)
	for i := range n.queues {
		for _, m := range n.queues[i].members {
			g.queued = append(g.queued, queued[T]{n.queues[i].name, m})
		}
	}
}

// build puts what was gathered into r, reusing the room r has.
func (g *gather[T]) build(r *Result[T]) {
	if g.nodes > 1 {
		slices.SortFunc(g.plain, func(a, b member[T]) int { return cmpOrder(a.order, b.order) })
		slices.SortFunc(g.queued, func(a, b queued[T]) int {
			if c := strings.Compare(a.queue, b.queue); c != 0 {
				return c
			}
			return cmpOrder(a.order, b.order)
		})
	}
	clear(r.Plain) // scratch must not keep subscriptions alive that are long gone
	clear(r.Queues)
	clear(r.subs)
	r.Plain, r.Queues = slices.Grow(r.Plain[:0], len(g.plain)), r.Queues[:0]
	for i := range g.plain {
		r.Plain = append(r.Plain, g.plain[i].sub)
	}
	// Queues share one slice: it must not move once they point into it.
	r.subs = slices.Grow(r.subs[:0], len(g.queued))
	for i, start := 0, 0; i < len(g.queued); i++ {
		r.subs = append(r.subs, g.queued[i].sub)
		if i+1 == len(g.queued) || g.queued[i+1].queue != g.queued[i].queue {
			r.Queues = append(r.Queues, Queue[T]{g.queued[i].queue, r.subs[start : i+1 : i+1]})
			start = i + 1
		}
	}
	clear(g.plain)
	clear(g.queued)
	g.reset()
}
