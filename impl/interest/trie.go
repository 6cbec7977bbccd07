package interest

import (
	"bytes"
	"slices"
	"strings"

	"github.com/brokerlab/brokerlab/model/subject"
)

// node is one level of the trie: what follows the tokens on the way to it.
type node[T comparable] struct {
	literal map[string]*node[T]
	single  *node[T] // "*"
	rest    *node[T] // ">"
	plain   []member[T]
	queues  []group[T] // sorted by name
}

// member is a subscription with its place in the order of additions.
type member[T comparable] struct {
	order uint64
	sub   T
}

type group[T comparable] struct {
	name    string
	members []member[T]
}

func (n *node[T]) grow(token string) *node[T] {
	slot := n.slot(token)
	if slot != nil {
		if *slot == nil {
			*slot = &node[T]{}
		}
		return *slot
	}
	child := n.literal[token]
	if child == nil {
		if n.literal == nil {
			n.literal = map[string]*node[T]{}
		}
		child = &node[T]{}
		// The token is cut from a filter that may be far longer than it.
		n.literal[strings.Clone(token)] = child
	}
	return child
}

// slot is where a wildcard token leads, or nil for a literal one.
func (n *node[T]) slot(token string) **node[T] {
	if len(token) == 1 {
		switch token[0] {
		case subject.Single:
			return &n.single
		case subject.Rest:
			return &n.rest
		}
	}
	return nil
}

func (n *node[T]) add(queue string, m member[T]) {
	if queue == "" {
		n.plain = append(n.plain, m)
		return
	}
	i, ok := slices.BinarySearchFunc(n.queues, queue, byName[T])
	if !ok {
		n.queues = slices.Insert(n.queues, i, group[T]{name: queue})
	}
	n.queues[i].members = append(n.queues[i].members, m)
}

// remove takes the member away below n and cuts off branches that have become empty. It reports
// whether n itself is empty now. Depth is bounded by the length of a control line.
func (n *node[T]) remove(filter, queue string, order uint64) (empty bool) {
	token, rest, more := subject.Cut(filter)
	slot := n.slot(token)
	child := n.literal[token]
	if slot != nil {
		child = *slot
	}
	if more {
		empty = child.remove(rest, queue, order)
	} else {
		child.take(queue, order)
		empty = child.empty()
	}
	if empty && slot != nil {
		*slot = nil
	} else if empty {
		delete(n.literal, token)
	}
	return n.empty()
}

func (n *node[T]) take(queue string, order uint64) {
	if queue == "" {
		n.plain = without(n.plain, order)
		return
	}
	i, _ := slices.BinarySearchFunc(n.queues, queue, byName[T])
	g := &n.queues[i]
	if g.members = without(g.members, order); len(g.members) == 0 {
		n.queues = slices.Delete(n.queues, i, i+1)
	}
}

func (n *node[T]) empty() bool {
	return len(n.literal) == 0 && n.single == nil && n.rest == nil && len(n.plain) == 0 && len(n.queues) == 0
}

func (n *node[T]) match(name []byte, g *gather[T]) {
	for {
		if n.rest != nil {
			g.take(n.rest)
		}
		end := bytes.IndexByte(name, subject.Separator)
		last := end < 0
		token, rest := name, name
		if !last {
			token, rest = name[:end], name[end+1:]
		}
		if s := n.single; s != nil {
			if last {
				g.take(s)
			} else {
				s.match(rest, g)
			}
		}
		child := n.literal[string(token)]
		if child == nil {
			return
		}
		if last {
			g.take(child)
			return
		}
		n, name = child, rest
	}
}

// without removes the member added as number order. Members are sorted by it.
func without[T comparable](ms []member[T], order uint64) []member[T] {
	i, _ := slices.BinarySearchFunc(ms, order, byOrder[T])
	return slices.Delete(ms, i, i+1)
}

func byName[T comparable](g group[T], name string) int { return strings.Compare(g.name, name) }

func byOrder[T comparable](m member[T], order uint64) int { return cmpOrder(m.order, order) }

func cmpOrder(a, b uint64) int {
	if a < b {
		return -1
	} else if a > b {
		return 1
	}
	return 0
}
